//! Stored forms of flows, stages, bindings and policies.
//!
//! The variants of [`SettingsForm`] are numbered in their order, so new ones are added at the end; a form that was
//! written once is never edited, as everywhere in this room.

use serde::{Deserialize, Serialize};

use super::{Raw, Stored};
use crate::domain::FactorKind;
use crate::domain::flow::{
    AuthenticatorValidation, Binding, BoundPolicy, DeniedAction, Deny, Designation, EmailAuthenticatorSetup,
    EmailStage, ExpressionPolicy, FieldKind, Flow, Identification, InvalidResponse, MailServer, MailTemplate,
    NotConfigured, PasswordStage, Prompt, PromptField, Requirement, Stage, StageSecret, StageSettings,
    StaticAuthenticatorSetup, TotpAuthenticatorSetup, UserCreation, UserField, UserLogin, UserWrite,
};
use crate::types::{ObjectName, SealedConfig, Slug, Span};

super::coded! {
    Designation { 1 => Authentication, 2 => Enrollment, 3 => Recovery, 4 => Invalidation, 5 => StageConfiguration }
    Requirement { 1 => None, 2 => RequireAuthenticated, 3 => RequireUnauthenticated }
    DeniedAction { 1 => MessageContinue, 2 => Message, 3 => Continue }
    InvalidResponse { 1 => Retry, 2 => Restart }
    UserField { 1 => Username, 2 => Email }
    MailTemplate { 1 => PasswordReset, 2 => AccountConfirmation }
    UserCreation { 1 => NeverCreate, 2 => CreateWhenRequired, 3 => AlwaysCreate }
    NotConfigured { 1 => Skip, 2 => Deny, 3 => Configure }
    FieldKind { 1 => Text, 2 => Email, 3 => Username, 4 => Password, 5 => Checkbox, 6 => Static, 7 => Hidden }
}

macro_rules! texts {
    ($($type:ident),*) => {$(
        impl Stored for $type {
            type Form = String;
            fn store(&self) -> String {
                self.as_str().to_owned()
            }
            fn load(form: String) -> Option<Self> {
                Self::parse(&form)
            }
        }
    )*};
}
texts!(ObjectName, Slug);

impl Stored for SealedConfig {
    type Form = Raw;
    fn store(&self) -> Raw {
        Raw(self.0.to_vec())
    }
    fn load(form: Raw) -> Option<Self> {
        Some(Self(form.0.into_boxed_slice()))
    }
}

macro_rules! forms {
    ($($type:ident as $form:ident { $($field:ident: $kind:ty),* $(,)? })*) => {$(
        /// The stored form of what it is named after, field by field.
        #[derive(Serialize, Deserialize)]
        pub(in super::super) struct $form { $($field: <$kind as Stored>::Form),* }

        impl Stored for $type {
            type Form = $form;
            fn store(&self) -> $form {
                let Self { $($field),* } = self;
                $form { $($field: $field.store()),* }
            }
            fn load(form: $form) -> Option<Self> {
                Some(Self { $($field: <$kind as Stored>::load(form.$field)?),* })
            }
        }
    )*};
}
forms! {
    Flow as FlowForm {
        slug: Slug, name: ObjectName, title: ObjectName, designation: Designation, authentication: Requirement,
        denied_action: DeniedAction,
    }
    Binding as BindingForm {
        order: u16, stage: ObjectName, policies: Vec<BoundPolicy>, invalid_response_action: InvalidResponse,
    }
    BoundPolicy as BoundPolicyForm { policy: ObjectName, negate: bool, enabled: bool }
    Identification as IdentificationForm {
        user_fields: Vec<UserField>, case_insensitive: bool, pretend_user_exists: bool,
        password_stage: Option<ObjectName>, enrollment_flow: Option<Slug>, recovery_flow: Option<Slug>,
    }
    PasswordStage as PasswordStageForm { failed_attempts_before_cancel: u16, configure_flow: Option<Slug> }
    EmailStage as EmailStageForm {
        server: MailServer, subject: String, template: MailTemplate, token_expiry_minutes: u16,
        activate_user_on_success: bool, resend_max: u16, resend_window_minutes: u16,
    }
    MailServer as MailServerForm {
        use_global_settings: bool, host: String, port: u16, username: String, password: Option<StageSecret>,
        use_tls: bool, use_ssl: bool, timeout: u16, from_address: String,
    }
    StageSecret as StageSecretForm { owner: [u8; 16], sealed: SealedConfig }
    Prompt as PromptForm { fields: Vec<PromptField>, validation_policies: Vec<ObjectName> }
    PromptField as PromptFieldForm {
        field_key: String, label: String, kind: FieldKind, required: bool, placeholder: String,
        initial_value: String, order: u16, sub_text: String,
    }
    UserWrite as UserWriteForm { user_creation_mode: UserCreation, create_users_as_inactive: bool }
    UserLogin as UserLoginForm {
        session_duration: Span, remember_me_offset: Span, terminate_other_sessions: bool,
    }
    EmailAuthenticatorSetup as EmailAuthenticatorSetupForm {
        authenticator_type_name: String, server: MailServer, subject: String, token_expiry_minutes: u16,
        configure_flow: Option<Slug>,
    }
    TotpAuthenticatorSetup as TotpAuthenticatorSetupForm { digits: u8, configure_flow: Option<Slug> }
    StaticAuthenticatorSetup as StaticAuthenticatorSetupForm { token_count: u8 }
    AuthenticatorValidation as AuthenticatorValidationForm {
        device_classes: Vec<FactorKind>, not_configured_action: NotConfigured,
        configuration_stages: Vec<ObjectName>, last_auth_threshold: Span,
    }
    Deny as DenyForm { message: String }
}

/// The stored form of a stage's settings: the number of the kind, then its fields.
#[derive(Serialize, Deserialize)]
pub(in super::super) enum SettingsForm {
    Identification(IdentificationForm),
    Password(PasswordStageForm),
    Email(EmailStageForm),
    Prompt(PromptForm),
    UserWrite(UserWriteForm),
    UserLogin(UserLoginForm),
    UserLogout,
    EmailAuthenticatorSetup(EmailAuthenticatorSetupForm),
    TotpAuthenticatorSetup(TotpAuthenticatorSetupForm),
    StaticAuthenticatorSetup(StaticAuthenticatorSetupForm),
    AuthenticatorValidation(AuthenticatorValidationForm),
    Deny(DenyForm),
}

macro_rules! settings {
    ($($kind:ident),*) => {
        impl Stored for StageSettings {
            type Form = SettingsForm;
            fn store(&self) -> SettingsForm {
                match self {
                    $(Self::$kind(settings) => SettingsForm::$kind(settings.store()),)*
                    Self::UserLogout => SettingsForm::UserLogout,
                }
            }
            fn load(form: SettingsForm) -> Option<Self> {
                Some(match form {
                    $(SettingsForm::$kind(form) => Self::$kind(Stored::load(form)?),)*
                    SettingsForm::UserLogout => Self::UserLogout,
                })
            }
        }
    };
}
settings!(
    Identification,
    Password,
    Email,
    Prompt,
    UserWrite,
    UserLogin,
    EmailAuthenticatorSetup,
    TotpAuthenticatorSetup,
    StaticAuthenticatorSetup,
    AuthenticatorValidation,
    Deny
);

impl Stored for Stage {
    type Form = (String, SettingsForm);
    fn store(&self) -> Self::Form {
        (self.name().store(), self.settings().store())
    }
    fn load((name, settings): Self::Form) -> Option<Self> {
        Self::new(ObjectName::load(name)?, StageSettings::load(settings)?).ok()
    }
}

impl Stored for ExpressionPolicy {
    type Form = (String, String);
    fn store(&self) -> Self::Form {
        (self.name().store(), self.expression().to_owned())
    }
    fn load((name, expression): Self::Form) -> Option<Self> {
        Self::new(ObjectName::load(name)?, expression).ok()
    }
}
