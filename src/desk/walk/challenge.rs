//! What a flow asks for, and what comes back: the same for pages and for programs.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use super::shown_factor::ToKeep;
use crate::desk::{Caller, Fault, Tokens};
use crate::domain::FactorKind;
use crate::domain::flow::{Designation, FieldKind, PromptField, UserField};
use crate::domain::password_policy::Rule;
use crate::types::Span;

/// What a flow is called, on every page of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FlowHead {
    /// Its name in addresses.
    pub slug: String,
    /// Its title, which is its name unless it was given one.
    pub title: String,
    /// What it is for, if it was given no title: what pages are headed with then.
    pub untitled: Option<Designation>,
}

/// One step of a flow.
pub struct FlowStep {
    /// What the client carries to the next.
    pub execution: SecretString,
    /// The flow.
    pub flow: FlowHead,
    /// What is asked, or what came of it.
    pub scene: Scene,
    /// Whether the flow began anew, because it was changed in between.
    pub restarted: bool,
}

/// What a step comes to.
pub enum Scene {
    /// Something is asked.
    Ask(Box<Challenge>),
    /// The flow is at its end.
    Done(Box<Done>),
}

/// How a flow ended.
pub struct Done {
    /// The session that began.
    pub session: Option<BegunSession>,
    /// Where to go from here.
    pub leads_to: LeadsTo,
}

/// A session that a flow began.
pub struct BegunSession {
    /// Whose it is.
    pub caller: Caller,
    /// What programs carry of it.
    pub tokens: Tokens,
    /// Whether a browser is to keep it when it is closed.
    pub stays: bool,
    /// What a browser is to keep of the second factor it was proven with.
    pub shown_factor: Option<ToKeep>,
}

/// Where to go when a flow is at its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LeadsTo {
    /// Where somebody signs in, because the password is a new one and every session has ended.
    SignInAnew,
    /// Where somebody signs in, because the account is theirs now.
    SignInFirst,
    /// Where somebody signs in.
    SignIn,
    /// Where somebody signs in, because they have just left.
    SignedOut,
    /// The page somebody came from, or that of their account.
    Account(Option<String>),
}

/// What is asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct Challenge {
    /// Which fields, and what goes with them.
    pub component: Component,
    /// What was wrong with the last answer.
    pub errors: Vec<Wrong>,
}

/// The kinds of challenges.
#[derive(Clone, PartialEq, Debug)]
pub enum Component {
    /// `identifier`: who is it?
    Identification {
        /// What it may be.
        user_fields: Vec<UserField>,
        /// Whether `password` is asked beside it.
        password: bool,
        /// Whether `remember` is offered.
        remember: bool,
        /// The flow of "Forgot password?".
        recovery_flow: Option<String>,
        /// The flow of "Sign up".
        enrollment_flow: Option<String>,
    },
    /// `password`.
    Password {
        /// Whom it is asked of, as they named themself, or their address.
        who: String,
        /// Whether `remember` is offered.
        remember: bool,
        /// The flow of "Forgot password?".
        recovery_flow: Option<String>,
    },
    /// `token` (of the link) or `code`; `resend` asks for another mail.
    EmailSent {
        /// Whom it was said to be for, as they named themself.
        who: String,
        /// How long link and code are good for.
        lifetime: Span,
        /// Whether the way goes on to a new password; otherwise an address is being confirmed.
        recovers: bool,
    },
    /// Fields of the operator's choice.
    Prompt {
        /// They, in their order.
        fields: Vec<PromptField>,
        /// What was in them before, by their keys.
        values: Vec<(String, String)>,
        /// Rules of a new password.
        rules: Vec<Rule>,
        /// What the operator has said of passwords that break them; empty is the pages' own sentence.
        error_message: String,
        /// Whose account it is, if that was proven: the address they sign in with.
        account: Option<String>,
    },
    /// `code` of a second factor; `send` = `email` mails one.
    AuthenticatorValidate {
        /// The factors that will do.
        device_classes: Vec<FactorKind>,
        /// Whether a code is on its way.
        is_mailed: bool,
    },
    /// `email` (optional) to which codes are to go.
    EmailSetupAddress {
        /// What the factor is called.
        name: String,
        /// The address that is taken if none is given, masked.
        suggested: Option<String>,
        /// Whether the password is asked once more, and a code of another factor.
        reproof: Reproofs,
    },
    /// `code` that was mailed; `resend` makes a new one.
    EmailSetupCode {
        /// What the factor is called.
        name: String,
        /// Where the code went, masked.
        address: String,
        /// How long it is good for.
        lifetime: Span,
    },
    /// The password once more, and a code of another factor, before an app is set up or codes are made.
    Reauthenticate {
        /// What is needed.
        reproof: Reproofs,
    },
    /// `code` of the app that was just set up.
    TotpSetup {
        /// The seed, in base 32.
        secret: ShownSecret,
        /// The same as a URI, for a QR code.
        uri: ShownSecret,
        /// Under which name the app shows it.
        issuer: String,
    },
    /// Recovery codes to write down; any answer goes on.
    StaticSetup {
        /// They.
        codes: Vec<ShownSecret>,
    },
    /// A set-up to choose: `stage`.
    Choose {
        /// Names of stages.
        stages: Vec<String>,
    },
    /// A button that goes on; any answer does.
    Continue,
    /// A button that signs out; any answer does.
    UserLogout,
    /// No way on.
    Deny {
        /// Why; empty is the pages' own sentence.
        message: String,
        /// Which rule says so.
        reason: Denial,
    },
}

/// What somebody who is signed in shows once more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reproofs {
    /// `password`.
    pub password: bool,
    /// `mfaCode`.
    pub factor: bool,
}

/// Why there is no way on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Denial {
    /// A stage says so.
    Stage,
    /// There were too many wrong answers.
    TooManyTries,
    /// A second factor is asked for, and there is none.
    NoFactor,
    /// The flow cannot be walked as it is configured.
    Misconfigured,
}

impl Component {
    /// The word for it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Identification { .. } => "identification",
            Self::Password { .. } => "password",
            Self::EmailSent { .. } => "email_sent",
            Self::Prompt { .. } => "prompt",
            Self::AuthenticatorValidate { .. } => "authenticator_validate",
            Self::EmailSetupAddress { .. } | Self::EmailSetupCode { .. } => "authenticator_email_setup",
            Self::Reauthenticate { .. } => "reauthenticate",
            Self::TotpSetup { .. } => "authenticator_totp_setup",
            Self::StaticSetup { .. } => "authenticator_static_setup",
            Self::Choose { .. } => "authenticator_choice",
            Self::Continue => "continue",
            Self::UserLogout => "user_logout",
            Self::Deny { .. } => "deny",
        }
    }
}

/// Something wrong with one field of an answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Wrong {
    /// Its name.
    pub field: String,
    /// What.
    pub what: Mistake,
}

/// What is wrong with a field.
#[derive(Clone, PartialEq, Debug)]
pub enum Mistake {
    /// The desk says no.
    Refused(Fault),
    /// It is empty.
    Missing,
    /// It is not what it should be.
    Invalid,
    /// It is too long.
    TooLong,
    /// It is not the same as the other password.
    Differs,
    /// It was asked for too often.
    TooOften,
}

impl Wrong {
    pub(super) fn new(field: &str, what: Mistake) -> Self {
        Self {
            field: field.to_owned(),
            what,
        }
    }
}

/// A secret that is shown to the one person it belongs to; it does not print.
#[derive(Clone)]
pub struct ShownSecret(pub SecretString);

impl PartialEq for ShownSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl fmt::Debug for ShownSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShownSecret(..)")
    }
}

/// What somebody answered: fields and their texts. An empty text is no answer.
#[derive(Default)]
pub struct Answer {
    fields: Vec<(String, SecretString)>,
}

impl Answer {
    /// Fields that an answer may have.
    pub const FIELDS_MAX: usize = 40;

    /// Adds a field.
    pub fn put(&mut self, name: &str, value: SecretString) {
        if self.fields.len() < Self::FIELDS_MAX {
            self.fields.push((name.to_owned(), value));
        }
    }

    /// The secret of a field.
    pub(super) fn secret(&self, name: &str) -> Option<&SecretString> {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value)
            .filter(|value| !value.expose_secret().is_empty())
    }

    /// Whether a field was sent, be it empty.
    pub(super) fn was_sent(&self, name: &str) -> bool {
        self.fields.iter().any(|(known, _)| known == name)
    }

    /// The text of a field, without spaces around it.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let text = self.secret(name)?.expose_secret().trim();
        (!text.is_empty()).then_some(text)
    }

    /// Whether a box was ticked, or a button was pressed.
    pub(super) fn has(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| text != "false" && text != "0")
    }
}

/// What a prompt's field takes from an answer.
pub(super) fn takes_text(kind: FieldKind) -> bool {
    match kind {
        FieldKind::Text | FieldKind::Email | FieldKind::Username | FieldKind::Checkbox => true,
        FieldKind::Password | FieldKind::Static | FieldKind::Hidden => false,
    }
}
