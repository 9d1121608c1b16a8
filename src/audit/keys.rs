//! The chain of keys that sign checkpoints: each is named in the ledger, and vouched for by the one before.
//!
//! The first key signs its own naming, so that whoever named it had it; each later one is signed by the old and the
//! new key. An epoch whose old key was lost names another, which no earlier key vouches for: auditors are told.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::crypto::{KeyId, Signer, is_signed};
use crate::domain::{CheckpointRotation, Event, NamedCheckpointKey};
use crate::ledger::LedgerId;
use crate::types::{Position, PublicKey};

/// What the first key of a ledger signs.
fn naming(ledger: &LedgerId, key: u32, public: &PublicKey) -> String {
    format!(
        "keyledger checkpoint key v1\nledger {}\nkey {key} {}\n",
        hexadecimal(ledger),
        STANDARD.encode(public.0)
    )
}

/// What the old and the new key sign.
fn rotation(ledger: &LedgerId, old: (u32, &PublicKey), new: (u32, &PublicKey)) -> String {
    format!(
        "keyledger checkpoint key rotation v1\nledger {}\nold {} {}\nnew {} {}\n",
        hexadecimal(ledger),
        old.0,
        STANDARD.encode(old.1.0),
        new.0,
        STANDARD.encode(new.1.0)
    )
}

/// Bytes in hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15].map(|half| char::from(DIGITS[usize::from(half)])));
    digits.collect()
}

/// Names the key that signs a ledger's checkpoints.
pub fn name_key(ledger: LedgerId, id: KeyId, signer: &Signer) -> NamedCheckpointKey {
    let public = signer.public();
    let signature = signer.sign(naming(&ledger, id.0, &public).as_bytes());
    NamedCheckpointKey {
        ledger,
        key: id.0,
        public,
        signature,
    }
}

/// Hands over from one key to another.
pub fn rotate_key(ledger: LedgerId, old: (KeyId, &Signer), new: (KeyId, &Signer)) -> CheckpointRotation {
    let (old_public, new_public) = (old.1.public(), new.1.public());
    let text = rotation(&ledger, (old.0.0, &old_public), (new.0.0, &new_public));
    CheckpointRotation {
        old: old.0.0,
        old_public,
        old_signature: old.1.sign(text.as_bytes()),
        new: new.0.0,
        new_public,
        new_signature: new.1.sign(text.as_bytes()),
    }
}

/// One key of the chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    /// Where it was named.
    pub position: Position,
    /// The key.
    pub public: PublicKey,
    /// Whether the key before it vouches for it.
    pub is_vouched_for: bool,
}

/// The keys that a ledger names, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KeyChain {
    ledger: Option<LedgerId>,
    links: Vec<Link>,
}

impl KeyChain {
    /// Takes an event in; events about other things pass. Says what is wrong with a signature in it. That the keys
    /// follow one another is the law's concern.
    pub fn read(&mut self, position: Position, event: &Event) -> Result<(), &'static str> {
        if let Event::CheckpointKeyNamed {
            ledger,
            key,
            public,
            signature,
        } = event
        {
            if self.ledger.is_some_and(|known| known != *ledger) {
                return Err("a checkpoint key was named for another ledger");
            }
            if !is_signed(public, naming(ledger, *key, public).as_bytes(), signature) {
                return Err("a checkpoint key was named without its signature");
            }
            self.ledger = Some(*ledger);
            self.links.push(Link {
                position,
                public: *public,
                is_vouched_for: false,
            });
        }
        if let Event::CheckpointKeyRotated {
            old,
            old_public,
            old_signature,
            new,
            new_public,
            new_signature,
            by: _,
        } = event
        {
            let ledger = self.ledger.unwrap_or_default();
            let text = rotation(&ledger, (*old, old_public), (*new, new_public));
            if !is_signed(old_public, text.as_bytes(), old_signature) {
                return Err("a checkpoint key was replaced without the signature of the old one");
            }
            if !is_signed(new_public, text.as_bytes(), new_signature) {
                return Err("a checkpoint key was replaced without the signature of the new one");
            }
            self.links.push(Link {
                position,
                public: *new_public,
                is_vouched_for: true,
            });
        }
        Ok(())
    }

    /// The ledger's id, once a key was named.
    pub fn ledger(&self) -> Option<LedgerId> {
        self.ledger
    }

    /// The keys, in the order in which they were named.
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// Whether the chain leads from a key that is trusted to another, either way: a rotation is signed by both.
    pub fn connects(&self, trusted: &PublicKey, other: &PublicKey) -> bool {
        if trusted == other {
            return true;
        }
        let mut run = (false, false);
        for link in &self.links {
            if !link.is_vouched_for {
                run = (false, false);
            }
            run.0 |= link.public == *trusted;
            run.1 |= link.public == *other;
            if run == (true, true) {
                return true;
            }
        }
        false
    }
}
