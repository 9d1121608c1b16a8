//! Which stage of which flow had a mail sent: kept with the request and with the mail, sealed.

use secrecy::SecretString;

use super::Desk;
use super::facts::{Place, Plan};
use crate::crypto;
use crate::domain::flow::{EmailAuthenticatorSetup, EmailStage, MailServer, StageSecret, StageSettings};
use crate::types::{Span, TokenId};

/// What stands before flow and stage where a request keeps where its link is to lead. No URL begins so, and neither can be
/// taken for the other.
const MARK: &str = "flow:";

/// A stage of a flow that had a mail sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in super::super) struct AskedBy {
    pub(super) flow: String,
    pub(super) stage: String,
}

impl AskedBy {
    pub(super) fn of(plan: &Plan, place: &Place) -> Self {
        Self {
            flow: plan.flow.slug.to_string(),
            stage: place.stage.name().to_string(),
        }
    }

    /// As it is kept.
    pub(in super::super) fn text(&self) -> String {
        format!("{MARK}{} {}", self.flow, self.stage)
    }

    /// Reads what was kept; `None` if it is something else.
    pub(in super::super) fn read(text: &str) -> Option<Self> {
        let (flow, stage) = text.strip_prefix(MARK)?.split_once(' ')?;
        let is_there = !flow.is_empty() && !stage.is_empty();
        is_there.then(|| Self {
            flow: flow.to_owned(),
            stage: stage.to_owned(),
        })
    }
}

/// What a stage says about the mails that it has sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StageMail {
    /// The subject, unless it is the template's.
    pub subject: Option<String>,
    /// The server, unless it is the one of the settings.
    pub server: Option<MailServer>,
    /// How long link and code are good for.
    pub(in super::super) lifetime: Span,
}

impl StageMail {
    fn new(subject: &str, server: &MailServer, minutes: u16) -> Self {
        Self {
            subject: (!subject.is_empty()).then(|| subject.to_owned()),
            server: (!server.use_global_settings).then(|| server.clone()),
            lifetime: Span::minutes(i64::from(minutes)),
        }
    }

    pub(super) fn of(settings: &StageSettings) -> Option<Self> {
        match settings {
            StageSettings::Email(EmailStage {
                subject,
                server,
                token_expiry_minutes,
                ..
            }) => Some(Self::new(subject, server, *token_expiry_minutes)),
            StageSettings::EmailAuthenticatorSetup(setup) => {
                // The subject that ships is the template's too, which says it in the reader's language.
                let own = Some(setup.subject.as_str());
                let own = own.filter(|subject| *subject != EmailAuthenticatorSetup::SUBJECT_DEFAULT);
                Some(Self::new(
                    own.unwrap_or_default(),
                    &setup.server,
                    setup.token_expiry_minutes,
                ))
            }
            StageSettings::Identification(_)
            | StageSettings::Password(_)
            | StageSettings::Prompt(_)
            | StageSettings::UserWrite(_)
            | StageSettings::UserLogin(_)
            | StageSettings::UserLogout
            | StageSettings::TotpAuthenticatorSetup(_)
            | StageSettings::StaticAuthenticatorSetup(_)
            | StageSettings::AuthenticatorValidation(_)
            | StageSettings::Deny(_) => None,
        }
    }
}

impl Desk {
    /// Which stage had the mail of a proof sent, if one did.
    pub(super) fn asked_by(&self, token: TokenId) -> Option<AskedBy> {
        AskedBy::read(&self.callback_of(token)?)
    }

    /// A secret of a stage, opened; `None` if the key it was sealed under is gone.
    pub fn stage_secret(&self, secret: &StageSecret) -> Option<SecretString> {
        let ring = self.engine().keyring().current();
        crypto::open_config(&ring, secret.owner, &secret.sealed)
    }

    /// What a stage says about a mail that it had sent; nothing if it is gone.
    pub(in super::super) fn stage_mail(&self, asked: &AskedBy) -> Option<StageMail> {
        self.engine().read(|state| {
            let stage = state.flows().stage(&asked.stage)?;
            StageMail::of(stage.settings())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_mail_leads_is_told_from_every_url() {
        let asked = AskedBy {
            flow: "password-recovery-flow".to_owned(),
            stage: "email recovery stage".to_owned(),
        };
        assert_eq!(AskedBy::read(&asked.text()), Some(asked));
        for url in ["https://app.example.org/done", "flow:", "flow:x", "flow: x", ""] {
            assert_eq!(AskedBy::read(url), None, "{url:?}");
        }
    }
}
