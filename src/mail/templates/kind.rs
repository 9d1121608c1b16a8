//! Which mails there are, and which values each of them has.

use std::fmt;

use super::data::MailField::{
    self, Address, Brand, Change, ChangedAddress, Client, Code, ExpiresAt, ExpiresIn, Ip, Link, NotMeLink,
    Note, PublicUrl, When,
};

pub use crate::domain::MailKind;

impl MailKind {
    /// Reads a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The values without which it cannot be rendered.
    pub fn needs(self) -> &'static [MailField] {
        match self {
            Self::PasswordReset | Self::EmailVerification => &[Brand, Link, Code, ExpiresIn],
            Self::PasswordChanged
            | Self::AdminRecovery
            | Self::SessionsRevoked
            | Self::SecondFactorFailed
            | Self::NewSignIn
            | Self::ObjectionRaised
            | Self::BackupFailed => &[Brand, When],
            Self::Checkpoint => &[Brand, When, Note],
            Self::EmailOtp => &[Brand, Code, ExpiresIn],
            Self::Invitation => &[Brand, Link, ExpiresIn],
            Self::FactorChanged => &[Brand, When, Change],
            Self::AddressChanged => &[Brand, When, Change, ChangedAddress],
            Self::AccountExists => &[Brand, PublicUrl],
            Self::AccountClosing => &[Brand, Link, ExpiresAt],
            Self::Test => &[Brand, PublicUrl, When],
        }
    }

    /// The values that it shows if they are there.
    pub fn may_have(self) -> &'static [MailField] {
        match self {
            Self::PasswordReset | Self::EmailVerification => &[Address, When, Client, Ip, NotMeLink],
            Self::PasswordChanged | Self::FactorChanged | Self::AddressChanged | Self::NewSignIn => {
                &[Address, Client, Ip, NotMeLink, ExpiresIn]
            }
            Self::AccountExists | Self::AccountClosing | Self::EmailOtp => &[Address, When, Client, Ip],
            Self::Invitation => &[Address, When],
            Self::AdminRecovery => &[Address, ExpiresAt, NotMeLink],
            Self::SessionsRevoked | Self::SecondFactorFailed | Self::ObjectionRaised => {
                &[Address, Client, Ip]
            }
            Self::Test | Self::BackupFailed | Self::Checkpoint => &[],
        }
    }
}

impl fmt::Display for MailKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
