//! What keys are for, by name: the ledger tells of their rotation, and holds none of them.

/// What a key of the keyring is for; a key of one purpose is never used for another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum KeyPurpose {
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

impl KeyPurpose {
    /// All of them, in the order of their stored codes.
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

    /// The inverse of [`KeyPurpose::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }
}
