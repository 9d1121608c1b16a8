//! What keys are for.

/// What a key is for; a key of one purpose is never used for another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Purpose {
    /// Access tokens (HS256).
    Jwt,
    /// Refresh tokens.
    Refresh,
    /// Secrets in mailed links.
    MailToken,
    /// Codes that are typed from a mail.
    Code,
    /// The secret input of password verifiers.
    Pepper,
    /// The index from an address to its id.
    Lookup,
    /// Wraps data keys.
    UserWrap,
    /// Secrets in the configuration that the ledger carries.
    ConfigSecret,
    /// Hashes of API keys.
    ApiKey,
    /// The seed of the checkpoint signer.
    Signing,
}

impl Purpose {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 10] = [
        Self::Jwt,
        Self::Refresh,
        Self::MailToken,
        Self::Code,
        Self::Pepper,
        Self::Lookup,
        Self::UserWrap,
        Self::ConfigSecret,
        Self::ApiKey,
        Self::Signing,
    ];

    /// Its name on the command line and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Refresh => "refresh",
            Self::MailToken => "mail-token",
            Self::Code => "code",
            Self::Pepper => "pepper",
            Self::Lookup => "look-up",
            Self::UserWrap => "user-wrap",
            Self::ConfigSecret => "config-secret",
            Self::ApiKey => "api-key",
            Self::Signing => "signing",
        }
    }

    /// The inverse of [`Purpose::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }

    /// The stored form; never changes.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Jwt => 1,
            Self::Refresh => 2,
            Self::MailToken => 3,
            Self::Code => 4,
            Self::Pepper => 5,
            Self::Lookup => 6,
            Self::UserWrap => 7,
            Self::ConfigSecret => 8,
            Self::ApiKey => 9,
            Self::Signing => 10,
        }
    }

    pub(super) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.code() == code)
    }

    /// Whether its keys only make things that expire, so that forgetting an old key loses nothing stored.
    pub(super) fn is_short_lived(self) -> bool {
        match self {
            Self::Jwt | Self::Refresh | Self::MailToken | Self::Code => true,
            Self::Pepper
            | Self::Lookup
            | Self::UserWrap
            | Self::ConfigSecret
            | Self::ApiKey
            | Self::Signing => false,
        }
    }
}
