//! Over which mail server a stage sends.

use crate::types::SealedConfig;

/// The global mail settings, or a server of the stage's own. Its fields are kept while the global ones are used.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct MailServer {
    /// Whether the program's own mail settings are used instead of the fields below.
    pub use_global_settings: bool,
    /// The server's name, 1–253 characters.
    pub host: String,
    /// Its port, 1–65535.
    pub port: u16,
    /// The user name it asks for, up to 320 characters; empty signs in to nothing.
    pub username: String,
    /// The password it asks for.
    pub password: Option<StageSecret>,
    /// STARTTLS, without which nothing is sent.
    pub use_tls: bool,
    /// TLS from the first byte; not together with `use_tls`.
    pub use_ssl: bool,
    /// Seconds that connecting and each answer may take, 1–300.
    pub timeout: u16,
    /// Whom mails come from: `local@domain` or `Name <local@domain>`.
    pub from_address: String,
}

impl Default for MailServer {
    fn default() -> Self {
        Self {
            use_global_settings: true,
            host: "localhost".to_owned(),
            port: 25,
            username: String::new(),
            password: None,
            use_tls: false,
            use_ssl: false,
            timeout: 10,
            from_address: "system@keyledger.local".to_owned(),
        }
    }
}

/// A secret of a stage, sealed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct StageSecret {
    /// What the seal is bound to: random, made with the secret.
    pub owner: [u8; 16],
    /// The secret, under a key of the configuration.
    pub sealed: SealedConfig,
}

impl StageSecret {
    /// Bytes that a password may have before it is sealed.
    pub const CLEAR_BYTES_MAX: usize = 500;
}
