//! The conversation with a mail server (RFC 5321), step by step.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::Address;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Rcpt, Rset, Starttls};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter, ServerInfo};
use lettre::transport::smtp::response::Response;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::connect::{Dialer, Witness};
use super::fault::{Cause, SendError, Step};
use super::message::Parcel;
use super::settings::{Login, MailSettings, Security};
use super::transport::Accepted;
use super::wire::{Reply, Wire, data_form};

/// A connection that is ready for mails: greeted, protected, signed in, as the settings demand.
pub(super) struct Session {
    wire: Wire,
    offers: ServerInfo,
    /// Mails begun on this connection.
    pub(super) mails: u16,
}

/// What a mail needs from the server beyond plain ASCII.
#[derive(Clone, Copy)]
pub(super) enum Needs {
    /// Nothing: lettre encodes everything.
    Ascii,
    /// `SMTPUTF8` and `8BITMIME`, for an address with other letters before the `@` (RFC 6531).
    Utf8,
}

impl Session {
    /// Connects and goes through greeting, EHLO, TLS and AUTH. Fails closed: no step falls back to a weaker one.
    pub(super) async fn open(dialer: &Dialer, seen: &mut Witness<'_>) -> Result<Self, SendError> {
        let settings = &dialer.settings;
        let mut wire = dialer.connect(seen).await?;
        if settings.security == Security::Tls {
            wire = wire.secured(&dialer.tls, dialer.name.clone()).await?;
            seen(Step::Tls, "the certificate is good".into());
        }
        let greeting = wire.hear(Step::Greeting).await?.wanted(Step::Greeting, 2)?;
        seen(Step::Greeting, told(&greeting));
        let mut offers = hello(&mut wire, settings, seen).await?;
        if settings.security == Security::StartTls {
            if !offers.supports_feature(Extension::StartTls) {
                return Err(SendError::new(
                    Step::Tls,
                    Cause::Missing,
                    "the server does not offer STARTTLS",
                ));
            }
            wire.ask(Step::Tls, Starttls.to_string().as_bytes())
                .await?
                .wanted(Step::Tls, 2)?;
            wire = wire.secured(&dialer.tls, dialer.name.clone()).await?;
            seen(Step::Tls, "STARTTLS; the certificate is good".into());
            // What was offered in clear text may have been forged: ask again (RFC 3207 §4.2).
            offers = hello(&mut wire, settings, &mut |_, _| {}).await?;
        }
        if let Some(login) = &settings.login {
            let words = authenticate(&mut wire, &offers, settings, login).await?;
            seen(Step::Auth, words);
        }
        Ok(Self {
            wire,
            offers,
            mails: 0,
        })
    }

    /// Hands one mail over. After an error whose connection is still in order, [`Session::reset`] makes it usable again.
    pub(super) async fn deliver(
        &mut self,
        parcel: &Parcel,
        seen: &mut Witness<'_>,
    ) -> Result<Accepted, SendError> {
        let needs = if parcel.mime.is_ascii() {
            Needs::Ascii
        } else {
            Needs::Utf8
        };
        self.propose(&parcel.from, &parcel.to, needs, seen).await?;
        self.wire
            .ask(Step::Data, Data.to_string().as_bytes())
            .await?
            .wanted(Step::Data, 3)?;
        let reply = self
            .wire
            .ask(Step::Data, &data_form(&parcel.mime))
            .await?
            .wanted(Step::Data, 2)?;
        seen(Step::Data, told(&reply));
        Ok(Accepted { status: reply.code })
    }

    /// `MAIL FROM` and `RCPT TO`: whether the server would take a mail.
    pub(super) async fn propose(
        &mut self,
        from: &Address,
        to: &Address,
        needs: Needs,
        seen: &mut Witness<'_>,
    ) -> Result<(), SendError> {
        self.mails = self.mails.saturating_add(1);
        let parameters = match needs {
            Needs::Ascii => Vec::new(),
            Needs::Utf8 => {
                if !self.offers.supports_feature(Extension::SmtpUtfEight) {
                    let words = "the server does not offer SMTPUTF8, which this address needs";
                    return Err(SendError::new(Step::MailFrom, Cause::Missing, words));
                }
                vec![
                    MailParameter::SmtpUtfEight,
                    MailParameter::Body(MailBodyParameter::EightBitMime),
                ]
            }
        };
        let mail = Mail::new(Some(from.clone()), parameters).to_string();
        let reply = self
            .wire
            .ask(Step::MailFrom, mail.as_bytes())
            .await?
            .wanted(Step::MailFrom, 2)?;
        seen(Step::MailFrom, told(&reply));
        let rcpt = Rcpt::new(to.clone(), Vec::new()).to_string();
        let reply = self
            .wire
            .ask(Step::RcptTo, rcpt.as_bytes())
            .await?
            .wanted(Step::RcptTo, 2)?;
        seen(Step::RcptTo, told(&reply));
        Ok(())
    }

    /// Forgets a mail that was refused half way.
    pub(super) async fn reset(&mut self) -> Result<(), SendError> {
        self.wire
            .ask(Step::MailFrom, Rset.to_string().as_bytes())
            .await?
            .wanted(Step::MailFrom, 2)?;
        Ok(())
    }

    /// Says goodbye and closes.
    pub(super) async fn quit(self) {
        self.wire.hang_up().await;
    }
}

async fn hello(
    wire: &mut Wire,
    settings: &MailSettings,
    seen: &mut Witness<'_>,
) -> Result<ServerInfo, SendError> {
    let line = Ehlo::new(settings.hello.clone()).to_string();
    let reply = wire
        .ask(Step::Hello, line.as_bytes())
        .await?
        .wanted(Step::Hello, 2)?;
    seen(Step::Hello, told(&reply));
    // Keywords have no case (RFC 5321 §2.4), but lettre reads upper case only; it wants a first word, too.
    let mut lines: Vec<String> = reply.response.message().map(str::to_ascii_uppercase).collect();
    if let Some(first) = lines.first_mut().filter(|line| line.trim().is_empty()) {
        first.push_str("UNNAMED");
    }
    ServerInfo::from_response(&Response::new(reply.response.code(), lines))
        .map_err(|_| SendError::new(Step::Hello, Cause::Protocol, "the answer to EHLO cannot be read"))
}

/// `AUTH PLAIN` (RFC 4616), else `AUTH LOGIN`; in clear text only where the settings let it travel.
async fn authenticate(
    wire: &mut Wire,
    offers: &ServerInfo,
    settings: &MailSettings,
    login: &Login,
) -> Result<String, SendError> {
    debug_assert!(
        wire.is_secured() || settings.security == Security::Plain,
        "no fall-back to clear text"
    );
    if !wire.is_secured() && settings.security != Security::Plain {
        return Err(SendError::new(
            Step::Auth,
            Cause::Missing,
            "the connection is not protected",
        ));
    }
    let password = login.password.expose_secret();
    let plain = Zeroizing::new(format!("\0{}\0{password}", login.username));
    let plain = Zeroizing::new(STANDARD.encode(plain.as_bytes()));
    let name = STANDARD.encode(&login.username);
    let secret = Zeroizing::new(STANDARD.encode(password));
    let secrets: [&str; 3] = [&plain, &secret, password];
    if offers.supports_auth_mechanism(Mechanism::Plain) {
        let line = Zeroizing::new(format!("AUTH PLAIN {}\r\n", *plain));
        let reply = wire.ask(Step::Auth, line.as_bytes()).await?;
        return Ok(told(&unechoed(reply, &secrets)?.wanted(Step::Auth, 2)?));
    }
    if offers.supports_auth_mechanism(Mechanism::Login) {
        wire.ask(Step::Auth, b"AUTH LOGIN\r\n")
            .await?
            .wanted(Step::Auth, 3)?;
        let line = format!("{name}\r\n");
        unechoed(wire.ask(Step::Auth, line.as_bytes()).await?, &secrets)?.wanted(Step::Auth, 3)?;
        let line = Zeroizing::new(format!("{}\r\n", *secret));
        let reply = wire.ask(Step::Auth, line.as_bytes()).await?;
        return Ok(told(&unechoed(reply, &secrets)?.wanted(Step::Auth, 2)?));
    }
    Err(SendError::new(
        Step::Auth,
        Cause::Missing,
        "the server offers neither AUTH PLAIN nor AUTH LOGIN",
    ))
}

/// Some servers repeat a line that they do not understand: a password must not come back as words.
fn unechoed(reply: Reply, secrets: &[&str]) -> Result<Reply, SendError> {
    let words = reply.words();
    if secrets.iter().any(|secret| words.contains(secret)) {
        let words = "the server's answer repeats the credentials; it is not shown";
        return Err(SendError::refused(Step::Auth, reply.code, words));
    }
    Ok(reply)
}

fn told(reply: &Reply) -> String {
    super::fault::clean(&format!("{} {}", reply.code, reply.words()))
}
