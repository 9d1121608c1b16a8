//! Making a ledger: its keys, its first events, and the two API keys that are shown once.

use std::io;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::error::AppError;
use super::settings::span;
use crate::audit::name_key;
use crate::config::Config;
use crate::crypto::key_files::{KEYRING_FILE, MASTER_FILE};
use crate::crypto::{
    KeyFault, KeyFiles, KeyPlaces, Keyring, MasterKey, MasterSource, Purpose, SharedKeyring, Signer,
};
use crate::desk::new_api_key;
use crate::domain::password_policy::PasswordPolicy;
use crate::domain::{ApiKeyKind, Command, State};
use crate::engine::{Engine, Lane};
use crate::ledger::erasures::ERASURES_FILE;
use crate::system::Entropy;
use crate::types::{ApiKeyId, Timestamp};

/// The API keys of a new ledger, shown once.
pub struct FoundingKeys {
    /// The publishable key's id.
    pub publishable_id: ApiKeyId,
    /// The publishable key's text: `pk_…`.
    pub publishable: SecretString,
    /// The secret key's id.
    pub secret_id: ApiKeyId,
    /// The secret key's text: `sk_…`.
    pub secret: SecretString,
    /// Where the master key was written; none if the settings give it.
    pub master_file: Option<PathBuf>,
}

/// Writes the first events: epoch 1, the policies that ship, a publishable and a secret key.
pub(super) fn write_first_events(engine: &Engine) -> Result<FoundingKeys, AppError> {
    let ring = engine.keyring().current();
    let make = |kind, label: &str| new_api_key(&ring, engine.entropy(), kind, label.to_owned(), None);
    let (publishable, publishable_text) = make(ApiKeyKind::Publishable, "first publishable key");
    let (secret, secret_text) = make(ApiKeyKind::Secret, "first secret key");
    let (signing, seed) = ring.active(Purpose::Signing);
    let command = Command::Found {
        policies: vec![PasswordPolicy::classic(), PasswordPolicy::nist()],
        keys: vec![publishable, secret],
        checkpoint: Some(name_key(engine.reader().ledger_id(), signing, &Signer::new(seed))),
    };
    engine
        .execute_blocking(Lane::Proof, command, vec![])
        .map_err(AppError::Founding)?;
    Ok(FoundingKeys {
        publishable_id: publishable_text.id,
        publishable: publishable_text.text,
        secret_id: secret_text.id,
        secret: secret_text.text,
        master_file: None,
    })
}

/// Whether the ledger has its first events.
pub(super) fn is_founded(state: &State) -> bool {
    state.epoch().number > 0
}

/// Where the keys lie.
pub fn key_places(config: &Config) -> KeyPlaces {
    KeyPlaces {
        master: config.keys_dir.join(MASTER_FILE),
        ring: config.keys_dir.join(KEYRING_FILE),
        erasures: config.keys_dir.join(ERASURES_FILE),
    }
}

/// The master key of the settings, or the one in its file.
pub fn load_master(config: &Config) -> Result<MasterKey, KeyFault> {
    match &config.master_key {
        Some(text) => MasterKey::from_text(text.expose_secret()),
        None => MasterKey::load(&config.keys_dir.join(MASTER_FILE)),
    }
}

/// Who keeps the master key, by the settings.
pub(super) fn master_source(config: &Config) -> Result<MasterSource, KeyFault> {
    let given = |text: &SecretString| MasterKey::from_text(text.expose_secret());
    Ok(match &config.master_key {
        None => MasterSource::File,
        Some(text) => MasterSource::Settings {
            master: given(text)?,
            next: config.master_key_next.as_ref().map(given).transpose()?,
        },
    })
}

/// The keyring of the settings, opened.
pub(super) fn open_keyring(config: &Config) -> Result<SharedKeyring, KeyFault> {
    let kept = span(config.keys_backups_kept);
    let (ring, files) = KeyFiles::open(&config.keys_dir, master_source(config)?, kept)?;
    if files.wants_new_setting() {
        tracing::warn!(
            "the master key was replaced: give the one of master_key_next as master_key, and drop the old one"
        );
    }
    Ok(SharedKeyring::kept(ring, files))
}

/// The keys of a new ledger; those that an interrupted founding left are taken up again, never replaced.
pub(super) fn make_keys(
    config: &Config,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<(SharedKeyring, Option<PathBuf>), AppError> {
    let path = config.keys_dir.join(MASTER_FILE);
    let ring_path = config.keys_dir.join(KEYRING_FILE);
    let missing = config.master_key.is_none() && !exists(&path)?;
    let master = if missing && !exists(&ring_path)? {
        MasterKey::create(&path, entropy)?
    } else {
        load_master(config)?
    };
    if !exists(&ring_path)? {
        Keyring::create(&ring_path, &master, now, entropy)?;
    }
    Ok((open_keyring(config)?, config.master_key.is_none().then_some(path)))
}

/// Whether something is there, or the system's refusal to say.
pub(super) fn exists(path: &Path) -> Result<bool, KeyFault> {
    path.try_exists()
        .map_err(|error: io::Error| KeyFault::Unreadable(path.into(), error))
}
