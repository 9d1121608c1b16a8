//! What stages and flows look like, for whoever sets them up. A stage's page is made of its settings and of samples, without
//! a flow, a person or an execution; a dry run says which stages somebody would walk. Nothing happens by either, and the
//! secrets of samples open nothing.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::challenge::{Challenge, Component, Denial, Reproofs, ShownSecret};
use crate::desk::{Circumstances, Desk, Visitor};
use crate::domain::flow::{MailTemplate, StageKind, StageSettings, Step};
use crate::types::{ObjectName, Slug, Span};

/// The person of the samples.
const SOMEBODY: &str = "name@example.org";
/// A seed that no app has.
const SEED: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
/// A recovery code that nobody has.
const CODE: &str = "XXXX-XXXX-XXXX-XXXX";

/// Which stages somebody would walk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DryRun {
    /// Whether there is somebody of that name or address; otherwise it is told for a stranger.
    pub is_known: bool,
    /// The kinds of their second factors.
    pub factors: Vec<&'static str>,
    /// The steps, in their order.
    pub steps: Vec<DryStep>,
}

/// A step of a dry run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DryStep {
    /// Its place.
    pub order: u16,
    /// The stage.
    pub stage: ObjectName,
    /// Of which kind that is.
    pub kind: StageKind,
    /// Whether they would walk it.
    pub verdict: DryVerdict,
}

/// Whether a step would be walked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DryVerdict {
    /// It would.
    Walked,
    /// It would be left out.
    LeftOut,
    /// This policy comes to no answer, which ends the flow there.
    Undecided(ObjectName),
}

impl Desk {
    /// Which stages of a flow somebody would walk once they have said who they are, before any prompt was filled in. A mail
    /// is not sent and nothing is written. None: there is no such flow.
    pub fn dry_run(&self, slug: &Slug, person: &str, visitor: &Visitor) -> Option<DryRun> {
        let flows = self.flows();
        let plan = flows.plan(slug.as_str())?;
        let user = self
            .find_user(person.trim())
            .and_then(|user| self.known_user(user));
        let circumstances = Circumstances {
            user,
            prompt_data: BTreeMap::new(),
            ip: visitor.ip,
            now: self.now(),
        };
        let step = |step: Step<'_>| DryStep {
            order: step.binding.order,
            stage: step.binding.stage.clone(),
            kind: step.stage.kind(),
            verdict: match self.decide_binding(step.binding, &circumstances) {
                Ok(true) => DryVerdict::Walked,
                Ok(false) => DryVerdict::LeftOut,
                Err((policy, _)) => DryVerdict::Undecided(policy),
            },
        };
        let steps = plan.into_iter().map(step).collect();
        let user = circumstances.user;
        Some(DryRun {
            is_known: user.is_some(),
            factors: user.map(|user| user.factors).unwrap_or_default(),
            steps,
        })
    }

    /// What a stage asks, with samples; none for a stage that asks nothing, or is not there.
    pub fn preview_stage(&self, name: &ObjectName) -> Option<Challenge> {
        let flows = self.flows();
        let component = match flows.stage(name.as_str())?.settings() {
            StageSettings::Identification(settings) => Component::Identification {
                user_fields: settings.user_fields.clone(),
                password: settings.password_stage.is_some(),
                remember: false,
                recovery_flow: settings.recovery_flow.as_ref().map(ToString::to_string),
                enrollment_flow: settings.enrollment_flow.as_ref().map(ToString::to_string),
            },
            StageSettings::Password(_) => Component::Password {
                who: SOMEBODY.to_owned(),
                remember: false,
                recovery_flow: None,
            },
            StageSettings::Email(settings) => Component::EmailSent {
                who: SOMEBODY.to_owned(),
                lifetime: Span::minutes(i64::from(settings.token_expiry_minutes)),
                recovers: settings.template == MailTemplate::PasswordReset,
            },
            StageSettings::Prompt(settings) => self.prompt(settings, None, |_| None),
            StageSettings::AuthenticatorValidation(settings) => Component::AuthenticatorValidate {
                device_classes: settings.device_classes.clone(),
                is_mailed: false,
            },
            StageSettings::EmailAuthenticatorSetup(settings) => Component::EmailSetupAddress {
                name: settings.authenticator_type_name.clone(),
                suggested: Some(SOMEBODY.to_owned()),
                reproof: Reproofs {
                    password: false,
                    factor: false,
                },
            },
            StageSettings::TotpAuthenticatorSetup(_) => {
                let issuer = self.settings().brand.clone();
                Component::TotpSetup {
                    secret: ShownSecret(SecretString::from(SEED)),
                    uri: ShownSecret(SecretString::from(format!(
                        "otpauth://totp/{SOMEBODY}?secret={SEED}"
                    ))),
                    issuer,
                }
            }
            StageSettings::StaticAuthenticatorSetup(settings) => {
                let code = || ShownSecret(SecretString::from(CODE));
                let codes = (0..settings.token_count).map(|_| code());
                Component::StaticSetup {
                    codes: codes.collect(),
                }
            }
            StageSettings::Deny(settings) => Component::Deny {
                message: settings.message.clone(),
                reason: Denial::Stage,
            },
            StageSettings::UserLogout => Component::UserLogout,
            StageSettings::UserWrite(_) | StageSettings::UserLogin(_) => return None,
        };
        Some(Challenge {
            component,
            errors: vec![],
        })
    }
}
