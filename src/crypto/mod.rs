//! Keys and what is made with them: the keyring, data keys and seals, mailed secrets, tokens and passwords.
//!
//! Two handles are shared by the whole process: [`SharedKeyring`], of which one request takes one consistent view with
//! [`SharedKeyring::current`] and passes it to the functions here, and [`Vault`], which holds the wrapped data keys.
//! Every MAC, seal, verifier and token names the key that made it, so that rotation ends nothing alive. Nothing here
//! reads the clock or the operating system's entropy: both are parameters.

pub mod api_keys;
pub mod browser;
pub mod codes;
pub mod cosignature;
pub mod execution;
pub mod foreign;
pub mod jwt;
pub mod key_backup;
pub mod key_files;
pub mod keyring;
pub mod mac;
pub mod master;
pub mod note;
pub mod password;
pub mod phc;
pub mod pool;
pub mod recovery_codes;
pub mod seal;
pub mod tokens;
pub mod totp;
pub mod vault;
pub mod webhooks;

mod aead;
mod files;

pub use api_keys::{api_key_hash, fresh_api_key, parse_api_key};
pub use browser::{BrowserUse, browser_secret, open_browser_secret};
pub use codes::{
    CODE_LEN, TypedCode, code_matches, factor_code, factor_code_matches, normalise_code, normalise_digits,
    typed_code,
};
pub use cosignature::WitnessKey;
pub use execution::{Carried, open_carried, seal_carried};
pub use foreign::{ForeignFault, ForeignHash};
pub use jwt::{Claims, JwtFault};
pub use key_backup::{KeyBackupFault, KeyMaterial, KeyPlaces, MasterFile};
pub use key_files::{KeyFiles, MasterSource};
pub use keyring::{Key, KeyFault, KeyId, KeyState, Keyring, Purpose, SecretKey, SharedKeyring};
pub use mac::{MacKey, mac, tag};
pub use master::MasterKey;
pub use note::{KeyName, Note, NoteFault, Signer, VerifierKey, is_signed};
pub use password::{PasswordParams, TooWeakOrCostly, normalise_password};
pub use pool::{Busy, PasswordPool, PoolSettings, Rehash, Verdict};
pub use recovery_codes::{
    TypedRecoveryCode, find_recovery_code, normalise_recovery_code, recovery_codes, recovery_hashes,
};
pub use seal::{DataKey, Field, open, open_config, seal, seal_config};
pub use tokens::{
    ParsedMailSecret, ParsedRefreshToken, SecretLabel, mail_secret, parse_mail_secret, parse_refresh_token,
    refresh_token,
};
pub use vault::{Vault, WrappedKey};
pub use webhooks::{fresh_webhook_secret, webhook_signature};
