//! What keys are for: the stored form, and what follows from forgetting one.

pub use crate::domain::KeyPurpose as Purpose;

/// The stored form; never changes.
pub(super) fn code(purpose: Purpose) -> u8 {
    match purpose {
        Purpose::Jwt => 1,
        Purpose::Refresh => 2,
        Purpose::MailToken => 3,
        Purpose::Code => 4,
        Purpose::Pepper => 5,
        Purpose::Lookup => 6,
        Purpose::UserWrap => 7,
        Purpose::ConfigSecret => 8,
        Purpose::ApiKey => 9,
        Purpose::Signing => 10,
    }
}

pub(super) fn from_code(stored: u8) -> Option<Purpose> {
    Purpose::ALL.into_iter().find(|purpose| code(*purpose) == stored)
}

/// Whether its keys only make things that expire, so that forgetting an old key loses nothing stored.
pub(super) fn is_short_lived(purpose: Purpose) -> bool {
    match purpose {
        Purpose::Jwt | Purpose::Refresh | Purpose::MailToken | Purpose::Code => true,
        Purpose::Pepper
        | Purpose::Lookup
        | Purpose::UserWrap
        | Purpose::ConfigSecret
        | Purpose::ApiKey
        | Purpose::Signing => false,
    }
}
