//! Which mails there are, and which values each of them has.

use std::fmt;

use super::data::MailField::{
    self, Address, Brand, Client, Code, ExpiresAt, ExpiresIn, Ip, Link, NotMeLink, PublicUrl, When,
};

/// A mail that this house sends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum MailKind {
    /// The link and the code with which a password is reset.
    PasswordReset,
    /// A password was changed; tells when, from where, and what to do, without a link that signs in.
    PasswordChanged,
    /// The link and the code that prove an address.
    EmailVerification,
    /// Someone tried to sign up with an address that has an account.
    AccountExists,
    /// An account closes; the link takes it back until a date.
    AccountClosing,
    /// An administrator started a recovery; holds no secret.
    AdminRecovery,
    /// A refresh token was replayed and all sessions were ended (RFC 9700 §4.14.2).
    SessionsRevoked,
    /// An administrator tries the mail settings.
    Test,
}

impl MailKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::PasswordReset,
        Self::PasswordChanged,
        Self::EmailVerification,
        Self::AccountExists,
        Self::AccountClosing,
        Self::AdminRecovery,
        Self::SessionsRevoked,
        Self::Test,
    ];

    /// Its name: of its folder, and in the header `X-Keyledger-Mail`.
    pub fn name(self) -> &'static str {
        match self {
            Self::PasswordReset => "password_reset",
            Self::PasswordChanged => "password_changed",
            Self::EmailVerification => "email_verification",
            Self::AccountExists => "account_exists",
            Self::AccountClosing => "account_closing",
            Self::AdminRecovery => "admin_recovery",
            Self::SessionsRevoked => "sessions_revoked",
            Self::Test => "test",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The values without which it cannot be rendered.
    pub fn needs(self) -> &'static [MailField] {
        match self {
            Self::PasswordReset | Self::EmailVerification => &[Brand, Link, Code, ExpiresIn],
            Self::PasswordChanged | Self::AdminRecovery | Self::SessionsRevoked => &[Brand, When],
            Self::AccountExists => &[Brand, PublicUrl],
            Self::AccountClosing => &[Brand, Link, ExpiresAt],
            Self::Test => &[Brand, PublicUrl, When],
        }
    }

    /// The values that it shows if they are there.
    pub fn may_have(self) -> &'static [MailField] {
        match self {
            Self::PasswordReset | Self::EmailVerification => &[Address, When, Client, Ip, NotMeLink],
            Self::PasswordChanged => &[Address, Client, Ip, NotMeLink, ExpiresIn],
            Self::AccountExists | Self::AccountClosing => &[Address, When, Client, Ip],
            Self::AdminRecovery => &[Address, ExpiresAt, NotMeLink],
            Self::SessionsRevoked => &[Address, Client, Ip],
            Self::Test => &[],
        }
    }
}

impl fmt::Display for MailKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
