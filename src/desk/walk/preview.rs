//! What a stage's page looks like, for whoever sets it up: made of its settings and of samples, without a flow, a person or
//! an execution. Nothing happens by it, and its secrets open nothing.

use secrecy::SecretString;

use super::challenge::{Challenge, Component, Denial, Reproofs, ShownSecret};
use crate::desk::Desk;
use crate::domain::flow::{MailTemplate, StageSettings};
use crate::types::{ObjectName, Span};

/// The person of the samples.
const SOMEBODY: &str = "name@example.org";
/// A seed that no app has.
const SEED: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
/// A recovery code that nobody has.
const CODE: &str = "XXXX-XXXX-XXXX-XXXX";

impl Desk {
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
