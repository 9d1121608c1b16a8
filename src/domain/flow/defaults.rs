//! The objects that ship, under the names that set-up guides call them by.

use std::collections::BTreeMap;

use super::configuration::{BoundFlow, Flows, Placed};
use super::objects::{Binding, DeniedAction, Designation, Flow, Requirement};
use super::stage::{
    EmailAuthenticatorSetup, EmailStage, FieldKind, Identification, MailTemplate, PasswordStage, Prompt,
    PromptField, Stage, StageKind, StageSettings, TotpAuthenticatorSetup, UserCreation, UserWrite,
};
use crate::types::{ObjectName, Position, Slug};

/// Flows that ship: slug, title, what for, who may begin, and bindings.
type Shipped = (
    &'static str,
    &'static str,
    Designation,
    Requirement,
    &'static [(u16, &'static str)],
);

const FLOWS: [Shipped; 8] = [
    (
        Flows::SIGN_IN,
        "Sign in",
        Designation::Authentication,
        Requirement::None,
        &[
            (10, "default-authentication-identification"),
            (20, "default-authentication-password"),
            (30, "default-authentication-mfa-validation"),
            (100, "default-authentication-login"),
        ],
    ),
    (
        Flows::RECOVERY,
        "Reset your password",
        Designation::Recovery,
        Requirement::None,
        &[
            (10, "default-recovery-identification"),
            (20, "default-recovery-email"),
            (25, "default-authentication-mfa-validation"),
            (30, "default-password-change-prompt"),
            (40, "default-password-change-write"),
        ],
    ),
    (
        "default-password-change",
        "Change your password",
        Designation::StageConfiguration,
        Requirement::RequireAuthenticated,
        &[
            (10, "default-authentication-password"),
            (20, "default-password-change-prompt"),
            (30, "default-password-change-write"),
        ],
    ),
    (
        "default-enrollment-flow",
        "Create an account",
        Designation::Enrollment,
        Requirement::RequireUnauthenticated,
        &[
            (10, "default-enrollment-prompt"),
            (20, "default-enrollment-write"),
            (30, "default-enrollment-email-verification"),
        ],
    ),
    (
        "default-authenticator-email-setup",
        "Codes by e-mail",
        Designation::StageConfiguration,
        Requirement::RequireAuthenticated,
        &[(10, "default-authenticator-email-setup")],
    ),
    (
        "default-authenticator-totp-setup",
        "Authenticator app",
        Designation::StageConfiguration,
        Requirement::RequireAuthenticated,
        &[(10, "default-authenticator-totp-setup")],
    ),
    (
        "default-authenticator-static-setup",
        "Recovery codes",
        Designation::StageConfiguration,
        Requirement::RequireAuthenticated,
        &[(10, "default-authenticator-static-setup")],
    ),
    (
        "default-invalidation-flow",
        "Sign out",
        Designation::Invalidation,
        Requirement::None,
        &[(10, "default-invalidation-logout")],
    ),
];

/// The password policy that prompts are bound to.
const POLICY: &str = "classic";

impl Default for Flows {
    fn default() -> Self {
        let stages = stages().into_iter().map(|(text, settings)| {
            let stage = Stage::new(name(text), settings).expect("the stages that ship hold");
            let changed = Position(0);
            (
                name(text),
                Placed {
                    value: stage,
                    changed,
                },
            )
        });
        Self {
            by_slug: FLOWS
                .iter()
                .map(|shipped| (slug(shipped.0), flow(shipped)))
                .collect(),
            stages: stages.collect(),
            policies: BTreeMap::new(),
            changed: Position(0),
        }
    }
}

fn flow((text, title, designation, authentication, bindings): &Shipped) -> BoundFlow {
    let bindings = bindings
        .iter()
        .map(|(order, stage)| (*order, Binding::plain(*order, name(stage))));
    BoundFlow {
        flow: Flow {
            slug: slug(text),
            name: name(text),
            title: name(title),
            designation: *designation,
            authentication: *authentication,
            denied_action: DeniedAction::MessageContinue,
        },
        bindings: bindings.collect(),
        changed: Position(0),
    }
}

fn stages() -> Vec<(&'static str, StageSettings)> {
    vec![
        (
            "default-authentication-identification",
            StageSettings::Identification(Identification {
                enrollment_flow: Some(slug("default-enrollment-flow")),
                recovery_flow: Some(slug(Flows::RECOVERY)),
                ..Identification::default()
            }),
        ),
        (
            "default-authentication-password",
            StageSettings::Password(PasswordStage {
                configure_flow: Some(slug("default-password-change")),
                ..PasswordStage::default()
            }),
        ),
        (
            "default-authentication-mfa-validation",
            StageSettings::of(StageKind::AuthenticatorValidation),
        ),
        (
            "default-authentication-login",
            StageSettings::of(StageKind::UserLogin),
        ),
        (
            "default-password-change-prompt",
            prompt(&[
                ("password", FieldKind::Password),
                ("password_repeat", FieldKind::Password),
            ]),
        ),
        (
            "default-password-change-write",
            StageSettings::of(StageKind::UserWrite),
        ),
        (
            "default-recovery-identification",
            StageSettings::of(StageKind::Identification),
        ),
        ("default-recovery-email", StageSettings::of(StageKind::Email)),
        (
            "default-authenticator-email-setup",
            StageSettings::EmailAuthenticatorSetup(EmailAuthenticatorSetup {
                configure_flow: Some(slug("default-authenticator-email-setup")),
                ..EmailAuthenticatorSetup::default()
            }),
        ),
        (
            "default-authenticator-totp-setup",
            StageSettings::TotpAuthenticatorSetup(TotpAuthenticatorSetup {
                configure_flow: Some(slug("default-authenticator-totp-setup")),
                ..TotpAuthenticatorSetup::default()
            }),
        ),
        (
            "default-authenticator-static-setup",
            StageSettings::of(StageKind::StaticAuthenticatorSetup),
        ),
        ("default-invalidation-logout", StageSettings::UserLogout),
        (
            "default-enrollment-prompt",
            prompt(&[
                ("name", FieldKind::Text),
                ("email", FieldKind::Email),
                ("password", FieldKind::Password),
                ("password_repeat", FieldKind::Password),
            ]),
        ),
        (
            "default-enrollment-write",
            StageSettings::UserWrite(UserWrite {
                user_creation_mode: UserCreation::AlwaysCreate,
                create_users_as_inactive: true,
            }),
        ),
        (
            "default-enrollment-email-verification",
            StageSettings::Email(EmailStage {
                template: MailTemplate::AccountConfirmation,
                activate_user_on_success: true,
                ..EmailStage::default()
            }),
        ),
    ]
}

fn prompt(fields: &[(&str, FieldKind)]) -> StageSettings {
    let fields = (1_u16..).zip(fields);
    StageSettings::Prompt(Prompt {
        fields: fields
            .map(|(at, (key, kind))| PromptField::new(key, *kind, at * 10))
            .collect(),
        validation_policies: vec![name(POLICY)],
    })
}

fn name(text: &str) -> ObjectName {
    ObjectName::parse(text).expect("a constant that is a name")
}

fn slug(text: &str) -> Slug {
    Slug::parse(text).expect("a constant that is a slug")
}
