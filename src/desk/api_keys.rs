//! Keys that clients and backends call with.

use std::sync::PoisonError;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::{Command, Desk, Fault, Visitor};
use crate::crypto::{self, KeyId, Purpose};
use crate::domain::{Actor, ApiKeyKind, NewApiKey, SuppressedClass};
use crate::engine::{Engine, Lane};
use crate::system::{Entropy, random_id};
use crate::types::{ApiKeyId, Timestamp, WebOrigins};

/// Whose call it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ApiCaller {
    /// Which key.
    pub key: ApiKeyId,
    /// Publishable or secret.
    pub kind: ApiKeyKind,
}

/// A new key's text, shown once.
pub struct NewKeyText {
    /// Its id.
    pub id: ApiKeyId,
    /// Its text.
    pub text: SecretString,
}

/// Bytes of a key's label that are kept: an event must fit in its record.
const LABEL_MAX: usize = 100;

/// Makes a key: what is kept, and what is shown once.
pub(crate) fn new_api_key(
    ring: &crypto::Keyring,
    entropy: &dyn Entropy,
    kind: ApiKeyKind,
    mut label: String,
    expires: Option<Timestamp>,
) -> (NewApiKey, NewKeyText) {
    label.retain(|c| !c.is_control());
    label.truncate(label.floor_char_boundary(LABEL_MAX));
    let text = crypto::fresh_api_key(kind, entropy);
    let (hash_key, _) = ring.active(Purpose::ApiKey);
    let hash = crypto::api_key_hash(ring, hash_key, text.expose_secret())
        .expect("the active key of a ring is in that ring");
    let id = ApiKeyId(random_id(entropy));
    (
        NewApiKey {
            key: id,
            kind,
            hash,
            hash_key: hash_key.0,
            label,
            expires,
        },
        NewKeyText { id, text },
    )
}

impl Desk {
    /// Whose key a text is, if it is good now.
    pub fn api_caller(&self, text: &str) -> Option<ApiCaller> {
        crypto::parse_api_key(text)?;
        let now = self.now();
        let ring = self.engine().keyring().current();
        let mut hashed: Vec<(u32, [u8; 32])> = Vec::with_capacity(1);
        let (caller, used) = self.engine().read(|state| {
            for (id, key) in &state.api_keys {
                let known = hashed
                    .iter()
                    .find(|(of, _)| *of == key.hash_key)
                    .map(|(_, hash)| *hash);
                let hash = if let Some(hash) = known {
                    hash
                } else {
                    // Only revoked keys outlive the key of their hash.
                    let Some(hash) = crypto::api_key_hash(&ring, KeyId(key.hash_key), text) else {
                        continue;
                    };
                    hashed.push((key.hash_key, hash));
                    hash
                };
                if bool::from(hash.ct_eq(&key.hash)) {
                    let good = key.revoked.is_none()
                        && key.expires.is_none_or(|expires| now < expires)
                        && !key.awaits_confirmation(state.epoch());
                    return good.then_some((
                        ApiCaller {
                            key: *id,
                            kind: key.kind,
                        },
                        key.used,
                    ));
                }
            }
            None
        })?;
        if used.is_none_or(|at| at.day() != now.day()) {
            self.touch(caller.key, now.day());
        }
        Some(caller)
    }

    /// Whether a key would let in a call at this moment.
    pub fn is_api_key_good(&self, key: ApiKeyId) -> bool {
        let now = self.now();
        self.engine().read(|state| {
            state.api_keys.get(&key).is_some_and(|key| {
                key.revoked.is_none()
                    && key.expires.is_none_or(|expires| now < expires)
                    && !key.awaits_confirmation(state.epoch())
            })
        })
    }

    /// Counts a call with a key that opened nothing.
    pub fn refused_api_key(&self, visitor: &Visitor) {
        self.count_refused(SuppressedClass::ApiKeys, visitor);
    }

    /// Remembers the day of use, once a day and key, beside the request.
    fn touch(&self, key: ApiKeyId, day: u32) {
        {
            let mut touched = self.inner.touched.lock().unwrap_or_else(PoisonError::into_inner);
            touched.retain(|(_, of)| *of == day);
            if touched.contains(&(key, day)) {
                return;
            }
            touched.push((key, day));
        }
        let engine: Engine = self.engine().clone();
        tokio::spawn(async move {
            // If it cannot be written, the next day's first call writes it.
            let _ = engine
                .execute(Lane::Proof, Command::TouchApiKey { key }, vec![])
                .await;
        });
    }

    /// Makes an API key.
    pub async fn create_api_key(
        &self,
        kind: ApiKeyKind,
        label: String,
        expires: Option<Timestamp>,
        by: Actor,
    ) -> Result<NewKeyText, Fault> {
        let ring = self.engine().keyring().current();
        let (key, text) = new_api_key(&ring, self.engine().entropy(), kind, label, expires);
        self.carry_out(Lane::Proof, Command::CreateApiKey { key, by }, vec![])
            .await?;
        Ok(text)
    }

    /// Lets a secret API key that waits since an epoch began in distrust be used again; changes nothing about others.
    pub async fn confirm_api_key(&self, key: ApiKeyId, by: Actor) -> Result<(), Fault> {
        self.carry_out(Lane::Proof, Command::ConfirmApiKey { key, by }, vec![])
            .await
            .map(|_| ())
    }

    /// Names the pages whose scripts may call with a publishable key; these take the place of those before.
    pub async fn name_api_key_origins(
        &self,
        key: ApiKeyId,
        origins: WebOrigins,
        by: Actor,
    ) -> Result<(), Fault> {
        let command = Command::NameApiKeyOrigins { key, origins, by };
        self.carry_out(Lane::Proof, command, vec![]).await.map(|_| ())
    }

    /// Whether scripts of a page, named as its browser names it, may call with this key.
    pub fn is_key_for_origin(&self, key: ApiKeyId, origin: &str) -> bool {
        self.engine().read(|state| {
            let key = state.api_keys.get(&key);
            key.is_some_and(|key| key.origins.contains(origin))
        })
    }

    /// Whether scripts of a page may call with any key that is good now: what browsers ask before they send one.
    pub fn is_known_origin(&self, origin: &str) -> bool {
        let now = self.now();
        self.engine().read(|state| {
            let mut good = state
                .api_keys
                .values()
                .filter(|key| key.revoked.is_none() && key.expires.is_none_or(|expires| now < expires));
            good.any(|key| key.origins.contains(origin))
        })
    }

    /// Ends an API key.
    pub async fn revoke_api_key(&self, key: ApiKeyId, by: Actor) -> Result<(), Fault> {
        self.carry_out(Lane::Proof, Command::RevokeApiKey { key, by }, vec![])
            .await
            .map(|_| ())
    }
}
