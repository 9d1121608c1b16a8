//! From a mail of the outbox to words on the way: links are built here, and nowhere else.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::desk::{Desk, Letter, LetterFault};
use crate::domain::{Mail, MailKind, Purpose};
use crate::mail::templates::{MailData, TemplateFault, Templates};
use crate::mail::{MailSettings, Mailbox, OutgoingMail, SettingsFault, Transport};
use crate::types::{Colour, Locale, percent_encode};

use super::routes::{Route, RouteFault, Routes};

/// What mails say about this installation.
#[derive(Clone, Debug)]
pub struct Stationery {
    /// The product's name.
    pub brand: String,
    /// Where this server is reached; no slash at the end.
    pub public_url: String,
    /// Where recovery links point.
    pub recovery_url: String,
    /// The operator's colour, if there is one.
    pub colour: Option<Colour>,
    /// Names a client by its user agent, in the mail's language: `Chrome on macOS`.
    pub client_name: fn(Locale, &str) -> String,
}

/// Everything that mails are made and sent with.
pub struct MailTools {
    templates: Templates,
    pub(super) transport: Transport,
    pub(super) routes: Routes,
    from: Mailbox,
    id_domain: String,
    stationery: Stationery,
    /// From handing a mail to the transport until it counts as failed.
    pub(super) send_time_max: Duration,
    /// Mails under way at once.
    pub(super) parallel_max: usize,
}

/// Why the tools do not work.
#[derive(Debug, thiserror::Error)]
pub enum ToolsFault {
    /// The mail settings.
    #[error(transparent)]
    Settings(#[from] SettingsFault),
    /// The templates.
    #[error(transparent)]
    Templates(#[from] TemplateFault),
}

/// Why a mail was not written.
#[derive(Debug)]
pub(super) enum WriteFault {
    /// It can never be.
    Letter(LetterFault),
    /// Its template does not work.
    Template(TemplateFault),
    /// There is no way to the mail server of its stage.
    Route(RouteFault),
}

/// A mail, ready to leave.
pub(super) struct Written {
    pub(super) mail: OutgoingMail,
    /// The way to the server of the stage that has it sent; none for that of the settings.
    pub(super) route: Option<Arc<Route>>,
}

impl MailTools {
    /// Time limits of the transport that one mail may take: more than a conversation that crawls at every step has.
    pub(super) const STEPS_MAX: u32 = 6;

    /// Opens the transport and checks the templates; no network yet.
    pub fn open(
        settings: &MailSettings,
        templates_dir: Option<&Path>,
        stationery: Stationery,
    ) -> Result<Self, ToolsFault> {
        let from = settings.from().clone();
        let templates = Templates::load(templates_dir)?;
        Ok(Self {
            templates: match stationery.colour {
                Some(colour) => templates.in_colour(colour),
                None => templates,
            },
            transport: Transport::open(settings)?,
            routes: Routes::new(settings),
            id_domain: id_domain(from.address()),
            from,
            stationery,
            send_time_max: settings.timeout() * Self::STEPS_MAX,
            parallel_max: settings.connections_max(),
        })
    }

    /// Writes a mail of the outbox.
    pub(super) fn write(&self, desk: &Desk, mail: &Mail) -> Result<Written, WriteFault> {
        let letter = desk.letter(mail).map_err(WriteFault::Letter)?;
        let data = self.data(mail, &letter);
        let words = self
            .templates
            .render(mail.kind, mail.locale, &data)
            .map_err(WriteFault::Template)?;
        let server = letter.stage.as_ref().and_then(|stage| stage.server.as_ref());
        let route = server.map(|server| self.routes.to(server, desk)).transpose();
        let route = route.map_err(WriteFault::Route)?;
        let from = route.as_ref().map_or(&self.from, |route| &route.from);
        let mail = OutgoingMail {
            message_id: format!("{}@{}", mail.id, self.id_domain),
            to: letter.to.as_typed().to_owned(),
            from: from.clone(),
            subject: words.subject,
            text: words.text,
            html: words.html,
            template: mail.kind.name(),
            date: mail.queued,
        };
        Ok(Written { mail, route })
    }

    fn data(&self, mail: &Mail, letter: &Letter) -> MailData {
        let Stationery {
            brand,
            public_url,
            client_name,
            ..
        } = &self.stationery;
        let origin = letter.origin.as_ref();
        MailData {
            brand: Some(brand.clone()),
            public_url: Some(public_url.clone()),
            link: self.link(letter),
            code: letter.code.as_ref().map(|code| code.expose_secret().to_owned()),
            expires_in: letter.lives,
            expires_at: letter.closes.filter(|_| mail.kind == MailKind::AccountClosing),
            when: Some(mail.queued),
            ip: origin.map(|origin| origin.ip),
            client: origin
                .filter(|origin| !origin.user_agent.is_empty())
                .map(|origin| client_name(mail.locale, &origin.user_agent)),
            address: Some(letter.to.masked()),
            not_me_link: letter
                .not_me
                .as_ref()
                .map(|secret| fragment(&format!("{public_url}/not-me"), "n", secret)),
            change: letter.change,
            changed_address: letter.changed_address.clone(),
            note: letter.note.clone(),
            subject: letter.stage.as_ref().and_then(|stage| stage.subject.clone()),
        }
    }

    /// Secrets travel behind `#`, which browsers send to nobody.
    fn link(&self, letter: &Letter) -> Option<String> {
        let secret = letter.link.as_ref()?;
        let Stationery {
            public_url,
            recovery_url,
            ..
        } = &self.stationery;
        Some(match letter.purpose? {
            // A mail that a flow has sent leads into that flow, whatever page of their own clients of the API have.
            Purpose::Recovery if letter.of_flow => fragment(&format!("{public_url}/recover"), "t", secret),
            Purpose::Recovery => fragment(recovery_url, "t", secret),
            Purpose::VerifyEmail => {
                let mut link = fragment(&format!("{public_url}/verify"), "t", secret);
                link.push_str("&e=");
                percent_encode(letter.to.as_typed(), &mut link);
                link
            }
            Purpose::AddAddress => fragment(&format!("{public_url}/address"), "t", secret),
            Purpose::Reopen => fragment(&format!("{public_url}/reopen"), "t", secret),
            Purpose::Invitation => fragment(&format!("{public_url}/invitation"), "t", secret),
            Purpose::SignInCode | Purpose::EnrolMailbox => return None,
        })
    }
}

fn fragment(page: &str, name: &str, secret: &SecretString) -> String {
    format!("{page}#{name}={}", secret.expose_secret())
}

/// The right side of Message-IDs: the sender's domain in ASCII.
fn id_domain(address: &str) -> String {
    let domain = address.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    match idna::domain_to_ascii(domain) {
        Ok(ascii) if !ascii.is_empty() => ascii,
        Ok(_) | Err(_) => "localhost".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids_carry_the_senders_domain_in_ascii() {
        assert_eq!(id_domain("a@bücher.example"), "xn--bcher-kva.example");
        assert_eq!(id_domain("keyledger@localhost"), "localhost");
        assert_eq!(id_domain("nonsense"), "localhost");
    }
}
