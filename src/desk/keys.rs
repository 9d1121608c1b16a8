//! The keys of the keyring: shown by name, rotated and replaced. Nobody ever sees one.
//!
//! A new key is on the disk before it makes anything, and before the ledger tells of it. What the old one made stays good
//! for as long as it lives, and the old one is kept for so long.

use super::{Command, Desk, Fault};
use crate::crypto::{Key, KeyFault, KeyId, KeyState, Keyring, Purpose};
use crate::domain::{Actor, EpochReason, KeyPurpose, OBJECTION_LIFE};
use crate::engine::{Lane, RewrapFault};
use crate::types::{Span, Timestamp};

/// Keys of what is handed out and expires: forgotten, they end all of it.
const TOKEN_KEYS: [KeyPurpose; 4] = [
    KeyPurpose::Jwt,
    KeyPurpose::Refresh,
    KeyPurpose::MailToken,
    KeyPurpose::Code,
];
/// What else a thief of keys must not go on with; what the old ones made is stored and stays readable.
const STORED_KEYS: [KeyPurpose; 3] = [KeyPurpose::Pepper, KeyPurpose::ConfigSecret, KeyPurpose::ApiKey];

/// A key, by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyView {
    /// What it is for.
    pub purpose: KeyPurpose,
    /// Its number.
    pub id: u32,
    /// When it was drawn.
    pub created: Timestamp,
    /// When it gave way to the next one; none while it makes new things.
    pub retired: Option<Timestamp>,
}

/// What came of a rotation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rotated {
    /// What the keys are for.
    pub purpose: KeyPurpose,
    /// The number of the key that gave way.
    pub old: u32,
    /// The number of the one that makes new things.
    pub new: u32,
    /// How many data keys were wrapped anew, where that was needed.
    pub rewrapped: usize,
}

/// What came of replacing the master key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MasterReplaced {
    /// How many data keys were wrapped anew.
    pub rewrapped: usize,
    /// Whether the settings still give the old one, and must be changed before the next restart but one.
    pub wants_new_setting: bool,
}

/// Why keys were not rotated.
#[derive(Debug, thiserror::Error)]
pub enum KeysFault {
    /// The key files refuse.
    #[error(transparent)]
    Keys(#[from] KeyFault),
    /// Data keys or the directory could not follow.
    #[error(transparent)]
    Rewrap(#[from] RewrapFault),
    /// The keys are new, and the ledger does not say so.
    #[error("the keys are in place, but the ledger could not tell of it ({0:?}): run the command again")]
    Unrecorded(Fault),
}

impl Desk {
    /// All keys of the keyring, by purpose and age.
    pub fn keys(&self) -> Vec<KeyView> {
        let ring = self.engine().keyring().current();
        let all = KeyPurpose::ALL.into_iter();
        all.flat_map(|purpose| ring.all(purpose).map(|key| view(&ring, key)).collect::<Vec<_>>())
            .collect()
    }

    /// Draws a new key for a purpose; nothing that is alive ends, and old keys that nothing alive needs are forgotten.
    /// Blocks. The ledger is told of it here, but of one that signs checkpoints by whoever signs: both keys sign that.
    pub fn rotate_key(&self, purpose: KeyPurpose, by: Actor) -> Result<Rotated, KeysFault> {
        let (keyring, entropy, now) = (self.engine().keyring(), self.engine().entropy(), self.now());
        let mut rewrapped = 0;
        let (old, new) = match purpose {
            Purpose::Lookup => self.engine().rotate_lookup_key()?,
            Purpose::UserWrap => {
                let keys = keyring.change(now, entropy, |ring| {
                    let old = ring.active(purpose).0;
                    Ok((old, ring.rotate(purpose, now, entropy)?))
                })?;
                rewrapped = self.engine().rewrap_data_keys()?;
                keys
            }
            Purpose::Jwt
            | Purpose::Refresh
            | Purpose::MailToken
            | Purpose::Code
            | Purpose::Pepper
            | Purpose::ConfigSecret
            | Purpose::ApiKey
            | Purpose::Signing => keyring.change(now, entropy, |ring| {
                self.forget_unneeded(ring, purpose);
                let old = ring.active(purpose).0;
                Ok((old, ring.rotate(purpose, now, entropy)?))
            })?,
        };
        if purpose != Purpose::Signing {
            self.record_rotation(purpose, (old, new), by)?;
        }
        Ok(Rotated {
            purpose,
            old: old.0,
            new: new.0,
            rewrapped,
        })
    }

    /// Draws new keys for everything that is handed out and expires, and keeps the old ones for as long as something lives
    /// that they made. Blocks.
    pub(super) fn rotate_token_keys(&self, by: Actor) -> Result<(), KeysFault> {
        TOKEN_KEYS
            .into_iter()
            .try_for_each(|purpose| self.rotate_key(purpose, by).map(drop))
    }

    /// Replaces the master key, and with it the key that wraps data keys; every data key is wrapped anew, and what of the
    /// old ones is left on the disk opens nothing any more. Nothing that is alive ends. Killed in between, the next start
    /// goes on. Blocks.
    pub fn replace_master_key(&self, by: Actor) -> Result<MasterReplaced, KeysFault> {
        let keyring = self.engine().keyring();
        let (old, new) = keyring.replace_master(self.now(), self.engine().entropy())?;
        let rewrapped = self.engine().rewrap_data_keys()?;
        let wrap = (old.0, new.0);
        self.record(Command::RecordMasterKeyReplaced { wrap, by })?;
        Ok(MasterReplaced {
            rewrapped,
            wants_new_setting: keyring.wants_new_setting(),
        })
    }

    /// Draws new keys for everything that is handed out and expires, and forgets the old ones, which ends all of it: what
    /// follows from an epoch. Blocks.
    pub fn renew_token_keys(&self, by: Actor) -> Result<(), KeysFault> {
        let (keyring, entropy, now) = (self.engine().keyring(), self.engine().entropy(), self.now());
        let renewed = keyring.change(now, entropy, |ring| {
            TOKEN_KEYS
                .into_iter()
                .map(|purpose| {
                    let old = ring.active(purpose).0;
                    let new = ring.rotate(purpose, now, entropy)?;
                    ring.forget_retired(purpose)?;
                    Ok((purpose, (old, new)))
                })
                .collect::<Result<Vec<_>, KeyFault>>()
        })?;
        // What was forgotten must not lie beside the keyring, either.
        keyring.drop_all_copies()?;
        for (purpose, keys) in renewed {
            self.record_rotation(purpose, keys, by)?;
        }
        Ok(())
    }

    /// The same where an epoch ends what was issued, whether or not this succeeds, so that a failure is only told to the
    /// log. Blocks.
    pub fn renew_token_keys_for_epoch(&self, by: Actor) {
        if let Err(fault) = self.renew_token_keys(by) {
            tracing::error!(%fault, "the keys of tokens could not be renewed: run `keyledger keys rotate` for each");
        }
    }

    /// Ends everything that was issued, because keys may have been stolen or the clock had run wrong. The keys are new
    /// before the epoch begins, so that a run that was killed is simply run again. Blocks.
    pub fn begin_epoch(&self, reason: EpochReason, by: Actor) -> Result<(), KeysFault> {
        self.renew_token_keys(by)?;
        if reason == EpochReason::KeyTheft {
            for purpose in STORED_KEYS {
                self.rotate_key(purpose, by)?;
            }
            self.rotate_key(KeyPurpose::Lookup, by)?;
            self.engine().keyring().drop_all_copies()?;
        }
        let begun = self.engine().begin_epoch(reason, vec![]);
        begun.map_err(|trouble| KeysFault::Unrecorded(trouble.into()))
    }

    /// Forgets retired keys of a purpose that nothing alive was made with.
    fn forget_unneeded(&self, ring: &mut Keyring, purpose: KeyPurpose) {
        let now = self.now();
        let lifetimes = &self.limits().lifetimes;
        let mailed = lifetimes
            .recovery
            .max(lifetimes.verification)
            .max(lifetimes.withdraw_delay)
            // A recovery is objected to under the key of its proof.
            .max(Span(lifetimes.recovery.0 + OBJECTION_LIFE.0));
        let lives: Option<Span> = match purpose {
            Purpose::Jwt => Some(lifetimes.access),
            Purpose::Refresh => Some(lifetimes.session_absolute),
            Purpose::MailToken | Purpose::Code => Some(mailed),
            Purpose::Pepper
            | Purpose::Lookup
            | Purpose::UserWrap
            | Purpose::ConfigSecret
            | Purpose::ApiKey
            | Purpose::Signing => None,
        };
        let hashes: Vec<u32> = self.engine().read(|state| {
            let living = state.api_keys.values().filter(|key| key.revoked.is_none());
            living.map(|key| key.hash_key).collect()
        });
        // Invitations live longer than any other proof, and most houses have none.
        let invited: Vec<(u32, u32)> = self.engine().read(|state| {
            let waiting = state.invitations.values();
            let tokens = waiting.filter_map(|invitation| state.tokens.get(&invitation.token));
            tokens.map(|token| (token.link_key, token.code_key)).collect()
        });
        let before = ring.clone();
        ring.forget_unneeded(purpose, |key| match (purpose, lives) {
            (Purpose::ApiKey, _) => hashes.contains(&key.id.0),
            (Purpose::MailToken, _) if invited.iter().any(|(link, _)| *link == key.id.0) => true,
            (Purpose::Code, _) if invited.iter().any(|(_, code)| *code == key.id.0) => true,
            // Nobody knows whose password or which secret still needs it.
            (_, None) => true,
            (_, Some(lives)) => before.retired_at(key).is_none_or(|at| now < at + lives),
        });
    }

    fn record_rotation(
        &self,
        purpose: KeyPurpose,
        (old, new): (KeyId, KeyId),
        by: Actor,
    ) -> Result<(), KeysFault> {
        self.record(Command::RecordKeyRotation {
            purpose,
            old: old.0,
            new: new.0,
            by,
        })
    }

    /// Tells the ledger of keys that took the places of others, where a process ended before it could; `master_replaced`
    /// if the start completed that. For a start.
    pub fn record_forgotten_rotations(&self, master_replaced: bool) -> Result<(), KeysFault> {
        let ring = self.engine().keyring().current();
        let known = self.engine().read(|state| state.small.rotated.clone());
        let by = Actor::System;
        for purpose in KeyPurpose::ALL {
            let told = known.iter().find(|(of, _)| *of == purpose);
            let old = told.map_or(Keyring::first(purpose), |(_, new)| KeyId(*new));
            let active = ring.active(purpose).0;
            // The key that signs checkpoints is looked after by whoever signs.
            if active <= old || purpose == Purpose::Signing {
                continue;
            }
            if purpose == Purpose::UserWrap && master_replaced {
                let wrap = (old.0, active.0);
                self.record(Command::RecordMasterKeyReplaced { wrap, by })?;
            } else {
                self.record_rotation(purpose, (old, active), by)?;
            }
        }
        Ok(())
    }

    fn record(&self, command: Command) -> Result<(), KeysFault> {
        let recorded = self.engine().execute_blocking(Lane::Proof, command, vec![]);
        recorded
            .map(|_| ())
            .map_err(|trouble| KeysFault::Unrecorded(trouble.into()))
    }
}

fn view(ring: &Keyring, key: &Key) -> KeyView {
    KeyView {
        purpose: key.purpose,
        id: key.id.0,
        created: key.created,
        retired: match key.state {
            KeyState::Active => None,
            KeyState::Retired => ring.retired_at(key),
        },
    }
}
