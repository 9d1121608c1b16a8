//! The settings of stages and policies, field by field.

use secrecy::SecretString;

use super::form::Shape;
use super::reading::{MASK, Reading, Table, Value};
use super::tree::Tree;
use crate::domain::flow::{
    AuthenticatorValidation, Deny, EmailAuthenticatorSetup, EmailStage, Identification, MailServer,
    PasswordStage, Prompt, StageSecret, StageSettings, StaticAuthenticatorSetup, TotpAuthenticatorSetup,
    UserLogin, UserWrite,
};
use crate::domain::password_policy::PasswordPolicySettings;
use crate::mail::Mailbox;

/// A field of settings: its name, what it takes, and what is in it.
pub(super) struct Described {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) value: Tree,
}

fn describe<T: Value>(name: &'static str, value: &T) -> Described {
    Described {
        name,
        shape: T::shape(name),
        value: value.show(),
    }
}

/// Settings with named fields.
pub(super) trait Settings {
    /// All fields, in their order: the one list that API, blueprints and forms are made of.
    fn described(&self) -> Vec<Described>;
    /// Names and values of all fields.
    fn fields(&self) -> Vec<(&'static str, Tree)> {
        let described = self.described().into_iter();
        described.map(|field| (field.name, field.value)).collect()
    }
    /// Has the fields that a table has take the place of these.
    fn patch_all(&mut self, table: &mut Table, reading: &mut Reading<'_>);
}

macro_rules! settings {
    ($($type:ident { $($field:ident),* $(,)? } $(+ $inner:ident)?;)*) => {$(
        impl Settings for $type {
            fn described(&self) -> Vec<Described> {
                let fields = vec![$(describe(stringify!($field), &self.$field)),*];
                $(let fields = fields.into_iter().chain(self.$inner.described()).collect();)?
                fields
            }
            fn patch_all(&mut self, table: &mut Table, reading: &mut Reading<'_>) {
                $(table.patch(stringify!($field), &mut self.$field, reading);)*
                $(self.$inner.patch_all(table, reading);)?
            }
        }
    )*};
}
settings! {
    Identification {
        user_fields, case_insensitive, pretend_user_exists, password_stage, enrollment_flow, recovery_flow,
    };
    PasswordStage { failed_attempts_before_cancel, configure_flow };
    EmailStage {
        template, subject, token_expiry_minutes, activate_user_on_success, resend_max, resend_window_minutes,
    } + server;
    Prompt { fields, validation_policies };
    UserWrite { user_creation_mode, create_users_as_inactive };
    UserLogin { session_duration, remember_me_offset, terminate_other_sessions };
    EmailAuthenticatorSetup { authenticator_type_name, subject, token_expiry_minutes, configure_flow } + server;
    TotpAuthenticatorSetup { digits, configure_flow };
    StaticAuthenticatorSetup { token_count };
    AuthenticatorValidation { device_classes, not_configured_action, configuration_stages, last_auth_threshold };
    Deny { message };
    PasswordPolicySettings {
        length_min, length_max, amount_uppercase, amount_lowercase, amount_digits, amount_symbols, symbol_charset,
        error_message, check_static_rules, check_breached, check_have_i_been_pwned, hibp_url, hibp_allowed_count,
        check_zxcvbn, zxcvbn_score_threshold, check_context, history,
    };
}

/// The block of a mail server; its password is shown as a mask, and the mask written back keeps it.
impl Settings for MailServer {
    fn described(&self) -> Vec<Described> {
        let password = if self.password.is_some() { MASK } else { "" };
        vec![
            describe("use_global_settings", &self.use_global_settings),
            describe("host", &self.host),
            describe("port", &self.port),
            describe("username", &self.username),
            Described {
                name: "password",
                shape: Shape::Secret,
                value: Tree::text(password),
            },
            describe("use_tls", &self.use_tls),
            describe("use_ssl", &self.use_ssl),
            describe("timeout", &self.timeout),
            describe("from_address", &self.from_address),
        ]
    }

    fn patch_all(&mut self, table: &mut Table, reading: &mut Reading<'_>) {
        let before = self.clone();
        table.patch("use_global_settings", &mut self.use_global_settings, reading);
        table.patch("host", &mut self.host, reading);
        table.patch("port", &mut self.port, reading);
        table.patch("username", &mut self.username, reading);
        let path = table.path("password");
        let written: Option<String> = table.optional("password", reading);
        let is_written_anew = written.as_ref().is_some_and(|written| written != MASK);
        if let Some(written) = written {
            patch_secret(&mut self.password, written, &path, reading);
        }
        table.patch("use_tls", &mut self.use_tls, reading);
        table.patch("use_ssl", &mut self.use_ssl, reading);
        table.patch("timeout", &mut self.timeout, reading);
        table.patch("from_address", &mut self.from_address, reading);
        if before.password.is_some() && !is_written_anew && !is_same_server(&before, self) {
            // Whoever may only write the password must not read it at a server of their own.
            let remedy = "write the password again: it is kept for the server it was written for";
            reading.fault(&path, "required", remedy);
        }
        if let Err(fault) = Mailbox::parse(&self.from_address) {
            reading.fault(&table.path("from_address"), "form", fault.to_string());
        }
    }
}

/// Whether a password goes to the same server, under the same name and as well protected.
fn is_same_server(one: &MailServer, other: &MailServer) -> bool {
    let goes_to = |server: &MailServer| (server.port, server.use_tls, server.use_ssl);
    one.host == other.host && one.username == other.username && goes_to(one) == goes_to(other)
}

fn patch_secret(kept: &mut Option<StageSecret>, written: String, path: &str, reading: &mut Reading<'_>) {
    if written == MASK {
        if kept.is_none() {
            let remedy = "the mask stands for a secret that is kept, and none is: write the secret";
            reading.fault(path, "required", remedy);
        }
    } else if written.len() > StageSecret::CLEAR_BYTES_MAX {
        reading.fault(path, "too-long", "use at most 500 bytes");
    } else if written.is_empty() {
        *kept = None;
    } else if !kept
        .as_ref()
        .is_some_and(|kept| reading.secrets.is(kept, &written))
    {
        *kept = Some(reading.secrets.seal(&SecretString::from(written)));
    }
}

impl Settings for StageSettings {
    fn described(&self) -> Vec<Described> {
        match self {
            Self::Identification(settings) => settings.described(),
            Self::Password(settings) => settings.described(),
            Self::Email(settings) => settings.described(),
            Self::Prompt(settings) => settings.described(),
            Self::UserWrite(settings) => settings.described(),
            Self::UserLogin(settings) => settings.described(),
            Self::UserLogout => vec![],
            Self::EmailAuthenticatorSetup(settings) => settings.described(),
            Self::TotpAuthenticatorSetup(settings) => settings.described(),
            Self::StaticAuthenticatorSetup(settings) => settings.described(),
            Self::AuthenticatorValidation(settings) => settings.described(),
            Self::Deny(settings) => settings.described(),
        }
    }

    fn patch_all(&mut self, table: &mut Table, reading: &mut Reading<'_>) {
        match self {
            Self::Identification(settings) => settings.patch_all(table, reading),
            Self::Password(settings) => settings.patch_all(table, reading),
            Self::Email(settings) => settings.patch_all(table, reading),
            Self::Prompt(settings) => settings.patch_all(table, reading),
            Self::UserWrite(settings) => settings.patch_all(table, reading),
            Self::UserLogin(settings) => settings.patch_all(table, reading),
            Self::UserLogout => {}
            Self::EmailAuthenticatorSetup(settings) => settings.patch_all(table, reading),
            Self::TotpAuthenticatorSetup(settings) => settings.patch_all(table, reading),
            Self::StaticAuthenticatorSetup(settings) => settings.patch_all(table, reading),
            Self::AuthenticatorValidation(settings) => settings.patch_all(table, reading),
            Self::Deny(settings) => settings.patch_all(table, reading),
        }
    }
}
