//! Stages: the single steps of flows, each kind with settings of its own.

mod check;
mod mail;
mod prompt;

use crate::types::{ObjectName, Slug, Span};

use super::super::factor::FactorKind;
use super::super::factor::RECOVERY_CODES;
use super::fault::FieldFault;
use super::words::worded;

pub use mail::{MailServer, StageSecret};
pub use prompt::{FieldKind, PromptField};

worded! {
    /// The kinds of stages.
    StageKind {
        /// Who is it?
        Identification = "identification",
        /// The password.
        Password = "password",
        /// A mail with a link and a code.
        Email = "email",
        /// Fields to fill in.
        Prompt = "prompt",
        /// What was filled in is written down.
        UserWrite = "user_write",
        /// A session begins.
        UserLogin = "user_login",
        /// A session ends.
        UserLogout = "user_logout",
        /// Codes by mail become a second factor.
        EmailAuthenticatorSetup = "email_authenticator_setup",
        /// An authenticator app becomes a second factor.
        TotpAuthenticatorSetup = "totp_authenticator_setup",
        /// Recovery codes are made.
        StaticAuthenticatorSetup = "static_authenticator_setup",
        /// A second factor is asked.
        AuthenticatorValidation = "authenticator_validation",
        /// Nobody goes on.
        Deny = "deny",
    }
}

impl StageKind {
    /// Those that set a second factor up.
    pub const SET_UPS: [Self; 3] = [
        Self::EmailAuthenticatorSetup,
        Self::TotpAuthenticatorSetup,
        Self::StaticAuthenticatorSetup,
    ];
}

worded! {
    /// What a person may name themself by.
    UserField {
        /// Their user name.
        Username = "username",
        /// An address of theirs.
        Email = "email",
    }
}

worded! {
    /// Which mail an e-mail stage sends.
    MailTemplate {
        /// The way back in.
        PasswordReset = "password_reset",
        /// Proof of an address.
        AccountConfirmation = "account_confirmation",
    }
}

worded! {
    /// Whether a write stage may make an account.
    UserCreation {
        /// Never: there must be a user by then.
        NeverCreate = "never_create",
        /// If there is no user by then.
        CreateWhenRequired = "create_when_required",
        /// Always: there must be no user by then.
        AlwaysCreate = "always_create",
    }
}

worded! {
    /// What happens to somebody who has none of the factors that are asked.
    NotConfigured {
        /// They go on without.
        Skip = "skip",
        /// They do not go on.
        Deny = "deny",
        /// They set one up.
        Configure = "configure",
    }
}

/// A stage; its settings hold together once it exists.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Stage {
    name: ObjectName,
    settings: StageSettings,
}

impl Stage {
    /// A stage of these settings, or everything that is wrong with them, under paths that begin with `settings`.
    pub fn new(name: ObjectName, settings: StageSettings) -> Result<Self, Vec<FieldFault>> {
        check::faults(&settings).or(Self { name, settings })
    }

    /// Its unique name.
    pub fn name(&self) -> &ObjectName {
        &self.name
    }

    /// Its settings.
    pub fn settings(&self) -> &StageSettings {
        &self.settings
    }

    /// Its kind.
    pub fn kind(&self) -> StageKind {
        self.settings.kind()
    }

    /// The same under another name.
    #[must_use]
    pub(super) fn renamed(self, name: ObjectName) -> Self {
        Self { name, ..self }
    }

    /// Its settings, to change references in; the rest stays checked.
    pub(super) fn settings_mut(&mut self) -> &mut StageSettings {
        &mut self.settings
    }
}

/// The settings of a stage, by its kind.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "each is described by its type")]
pub enum StageSettings {
    Identification(Identification),
    Password(PasswordStage),
    Email(EmailStage),
    Prompt(Prompt),
    UserWrite(UserWrite),
    UserLogin(UserLogin),
    UserLogout,
    EmailAuthenticatorSetup(EmailAuthenticatorSetup),
    TotpAuthenticatorSetup(TotpAuthenticatorSetup),
    StaticAuthenticatorSetup(StaticAuthenticatorSetup),
    AuthenticatorValidation(AuthenticatorValidation),
    Deny(Deny),
}

impl StageSettings {
    /// The defaults of a kind.
    pub fn of(kind: StageKind) -> Self {
        match kind {
            StageKind::Identification => Self::Identification(Identification::default()),
            StageKind::Password => Self::Password(PasswordStage::default()),
            StageKind::Email => Self::Email(EmailStage::default()),
            StageKind::Prompt => Self::Prompt(Prompt::default()),
            StageKind::UserWrite => Self::UserWrite(UserWrite::default()),
            StageKind::UserLogin => Self::UserLogin(UserLogin::default()),
            StageKind::UserLogout => Self::UserLogout,
            StageKind::EmailAuthenticatorSetup => {
                Self::EmailAuthenticatorSetup(EmailAuthenticatorSetup::default())
            }
            StageKind::TotpAuthenticatorSetup => {
                Self::TotpAuthenticatorSetup(TotpAuthenticatorSetup::default())
            }
            StageKind::StaticAuthenticatorSetup => {
                Self::StaticAuthenticatorSetup(StaticAuthenticatorSetup::default())
            }
            StageKind::AuthenticatorValidation => {
                Self::AuthenticatorValidation(AuthenticatorValidation::default())
            }
            StageKind::Deny => Self::Deny(Deny::default()),
        }
    }

    /// Which kind they are of.
    pub fn kind(&self) -> StageKind {
        match self {
            Self::Identification(_) => StageKind::Identification,
            Self::Password(_) => StageKind::Password,
            Self::Email(_) => StageKind::Email,
            Self::Prompt(_) => StageKind::Prompt,
            Self::UserWrite(_) => StageKind::UserWrite,
            Self::UserLogin(_) => StageKind::UserLogin,
            Self::UserLogout => StageKind::UserLogout,
            Self::EmailAuthenticatorSetup(_) => StageKind::EmailAuthenticatorSetup,
            Self::TotpAuthenticatorSetup(_) => StageKind::TotpAuthenticatorSetup,
            Self::StaticAuthenticatorSetup(_) => StageKind::StaticAuthenticatorSetup,
            Self::AuthenticatorValidation(_) => StageKind::AuthenticatorValidation,
            Self::Deny(_) => StageKind::Deny,
        }
    }

    /// The mail server block, of the kinds that have one.
    pub fn mail_server(&self) -> Option<&MailServer> {
        match self {
            Self::Email(settings) => Some(&settings.server),
            Self::EmailAuthenticatorSetup(settings) => Some(&settings.server),
            Self::Identification(_)
            | Self::Password(_)
            | Self::Prompt(_)
            | Self::UserWrite(_)
            | Self::UserLogin(_)
            | Self::UserLogout
            | Self::TotpAuthenticatorSetup(_)
            | Self::StaticAuthenticatorSetup(_)
            | Self::AuthenticatorValidation(_)
            | Self::Deny(_) => None,
        }
    }
}

/// Asks who it is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Identification {
    /// What may be typed, each once; at least one.
    pub user_fields: Vec<UserField>,
    /// Whether capital letters make no difference.
    pub case_insensitive: bool,
    /// Whether somebody who is nobody goes on as if they were somebody.
    pub pretend_user_exists: bool,
    /// A password stage whose field stands on the same page.
    pub password_stage: Option<ObjectName>,
    /// Where "Sign up" leads.
    pub enrollment_flow: Option<Slug>,
    /// Where "Forgot password?" leads.
    pub recovery_flow: Option<Slug>,
}

impl Default for Identification {
    fn default() -> Self {
        Self {
            user_fields: vec![UserField::Username, UserField::Email],
            case_insensitive: true,
            pretend_user_exists: true,
            password_stage: None,
            enrollment_flow: None,
            recovery_flow: None,
        }
    }
}

/// Asks the password.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PasswordStage {
    /// Wrong passwords until the flow ends, 1–100. The limits of sign-ins hold besides.
    pub failed_attempts_before_cancel: u16,
    /// The flow in which the password is changed.
    pub configure_flow: Option<Slug>,
}

impl Default for PasswordStage {
    fn default() -> Self {
        Self {
            failed_attempts_before_cancel: 5,
            configure_flow: None,
        }
    }
}

/// Sends a mail with a link and a code, and waits until either comes back.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct EmailStage {
    /// Over which mail server.
    pub server: MailServer,
    /// The mail's subject, up to 200 characters; empty is the template's own, in the reader's language.
    pub subject: String,
    /// Which mail.
    pub template: MailTemplate,
    /// Minutes that link and code are good for, 1–1440.
    pub token_expiry_minutes: u16,
    /// Whether an inactive user becomes active by it.
    pub activate_user_on_success: bool,
    /// Mails that one execution may ask for in a window, 1–100. The limits of mails per address hold besides.
    pub resend_max: u16,
    /// The length of that window in minutes, 1–1440.
    pub resend_window_minutes: u16,
}

impl Default for EmailStage {
    fn default() -> Self {
        Self {
            server: MailServer::default(),
            subject: String::new(),
            template: MailTemplate::PasswordReset,
            token_expiry_minutes: 30,
            activate_user_on_success: false,
            resend_max: 5,
            resend_window_minutes: 5,
        }
    }
}

/// Asks for fields; all password fields among them must be equal.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct Prompt {
    /// The fields, at most 20, with keys and orders that differ.
    pub fields: Vec<PromptField>,
    /// Password policies that a new password must meet, all of them, at most 8. Without any it is the policy of the
    /// setting `rest.password_policy`.
    pub validation_policies: Vec<ObjectName>,
}

impl Prompt {
    /// Fields that one prompt may have.
    pub const FIELDS_MAX: usize = 20;
    /// Policies that one prompt may have.
    pub const POLICIES_MAX: usize = 8;

    /// The fields in the order that they are shown.
    pub fn ordered(&self) -> Vec<&PromptField> {
        let mut fields: Vec<&PromptField> = self.fields.iter().collect();
        fields.sort_by_key(|field| field.order);
        fields
    }

    /// Whether it asks for a password.
    pub fn asks_password(&self) -> bool {
        self.fields.iter().any(|field| field.kind == FieldKind::Password)
    }
}

/// Writes what was filled in: a new password, a new user.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct UserWrite {
    /// Whether it may make an account.
    pub user_creation_mode: UserCreation,
    /// Whether an account it makes waits for its activation.
    pub create_users_as_inactive: bool,
}

impl Default for UserWrite {
    fn default() -> Self {
        Self {
            user_creation_mode: UserCreation::NeverCreate,
            create_users_as_inactive: true,
        }
    }
}

/// Begins a session.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct UserLogin {
    /// How long it lasts at most, up to 30 days in whole seconds; zero is as long as the settings `tokens.…` say.
    pub session_duration: Span,
    /// How much longer it lasts for somebody who asked to stay signed in, up to 30 days; zero does not ask.
    pub remember_me_offset: Span,
    /// Whether the user's other sessions end. A password change ends them in any case.
    pub terminate_other_sessions: bool,
}

/// Makes codes by mail a second factor.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct EmailAuthenticatorSetup {
    /// What the factor is called on pages, up to 100 characters; empty is the pages' own word.
    pub authenticator_type_name: String,
    /// Over which mail server.
    pub server: MailServer,
    /// The mail's subject, 1–200 characters.
    pub subject: String,
    /// Minutes that a code is good for, 1–1440.
    pub token_expiry_minutes: u16,
    /// The flow that this stage is bound to, where somebody begins to set it up.
    pub configure_flow: Option<Slug>,
}

impl EmailAuthenticatorSetup {
    /// The subject unless it is set.
    pub const SUBJECT_DEFAULT: &'static str = "Keyledger sign-in code";
}

impl Default for EmailAuthenticatorSetup {
    fn default() -> Self {
        Self {
            authenticator_type_name: String::new(),
            server: MailServer::default(),
            subject: Self::SUBJECT_DEFAULT.to_owned(),
            token_expiry_minutes: 30,
            configure_flow: None,
        }
    }
}

/// Makes an authenticator app a second factor.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TotpAuthenticatorSetup {
    /// Digits of a code: 6, which every app speaks.
    pub digits: u8,
    /// The flow that this stage is bound to, where somebody begins to set it up.
    pub configure_flow: Option<Slug>,
}

impl Default for TotpAuthenticatorSetup {
    fn default() -> Self {
        Self {
            digits: 6,
            configure_flow: None,
        }
    }
}

/// Makes recovery codes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct StaticAuthenticatorSetup {
    /// Codes of a set: [`RECOVERY_CODES`].
    pub token_count: u8,
}

impl Default for StaticAuthenticatorSetup {
    fn default() -> Self {
        Self {
            token_count: RECOVERY_CODES,
        }
    }
}

/// Asks for a second factor.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AuthenticatorValidation {
    /// Which kinds are asked, each once; at least one.
    pub device_classes: Vec<FactorKind>,
    /// What happens to somebody who has none of them.
    pub not_configured_action: NotConfigured,
    /// The set-up stages that they choose from, at most 6.
    pub configuration_stages: Vec<ObjectName>,
    /// A factor that was proved so short a time ago is not asked again, up to 30 days; zero always asks.
    pub last_auth_threshold: Span,
}

impl AuthenticatorValidation {
    /// Set-up stages that one stage may offer.
    pub const STAGES_MAX: usize = 6;
}

impl Default for AuthenticatorValidation {
    fn default() -> Self {
        Self {
            device_classes: vec![FactorKind::Email, FactorKind::Totp, FactorKind::RecoveryCodes],
            not_configured_action: NotConfigured::Skip,
            configuration_stages: vec![],
            last_auth_threshold: Span(0),
        }
    }
}

/// Lets nobody go on.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct Deny {
    /// What they are told, up to 500 characters; empty is the pages' own sentence.
    pub message: String,
}
