//! Who may call at all: API keys. And the first events of a ledger.

use super::command::{Context, NewApiKey, Outcome};
use super::decide::Decision;
use super::event::{Actor, EpochReason, Event};
use super::password_policy::PasswordPolicy;
use super::refusal::Refusal;
use super::world::{Table, World};
use crate::types::{ApiKeyId, Position, PublicKey, Signature, Timestamp, UserId, WebOrigins};

/// Publishable or secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ApiKeyKind {
    /// For clients: it names the project and opens nothing by itself.
    Publishable,
    /// For backends: it is an administrator.
    Secret,
}

/// A key for checkpoints, with its own signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedCheckpointKey {
    /// The ledger's id.
    pub ledger: [u8; 16],
    /// Its name in the keyring.
    pub key: u32,
    /// Its public half.
    pub public: PublicKey,
    /// Its signature.
    pub signature: Signature,
}

/// A key for checkpoints that takes the place of another, with the signatures of both.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckpointRotation {
    /// The old key's name in the keyring.
    pub old: u32,
    /// Its public half.
    pub old_public: PublicKey,
    /// Its signature.
    pub old_signature: Signature,
    /// The new key's name in the keyring.
    pub new: u32,
    /// Its public half.
    pub new_public: PublicKey,
    /// Its signature.
    pub new_signature: Signature,
}

/// What a call may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Grants {
    /// What anybody with a publishable key may.
    Public,
    /// What an administrator may.
    Administrator,
}

impl EpochReason {
    /// Whether what people and programs knew before may be known to others, or be out of date, so that passwords need
    /// one mailed proof and secret API keys a person's word.
    ///
    /// A clock that ran wrong gives nobody a password or a key: it only moves lifetimes, and what has one ends anyway.
    pub fn is_distrust(self) -> bool {
        match self {
            Self::Restored | Self::RollbackAccepted | Self::KeyTheft => true,
            Self::Founded | Self::ClockReset => false,
        }
    }
}

pub(super) fn found(
    world: &impl World,
    policies: Vec<PasswordPolicy>,
    keys: Vec<NewApiKey>,
    checkpoint: Option<NamedCheckpointKey>,
) -> Decision {
    if world.small().next != Position(0) {
        return Decision::refused(Refusal::AlreadyFounded);
    }
    let mut events = vec![Event::EpochStarted {
        number: 1,
        reason: EpochReason::Founded,
    }];
    events.extend(policies.into_iter().map(|policy| Event::PolicySaved {
        policy: Box::new(policy),
        by: Actor::Operator,
    }));
    events.extend(keys.into_iter().map(|key| created(key, Actor::Operator)));
    events.extend(checkpoint.map(named));
    Decision::accepted(events, Outcome::Done)
}

/// A new epoch begins, and before anything else in it, users whose keys must stay dead are erased again.
pub(super) fn start_epoch(world: &impl World, reason: EpochReason, erase: Vec<UserId>) -> Decision {
    let number = world.small().epoch.number + 1;
    let by = Actor::System;
    let known = erase
        .into_iter()
        .filter(|user| world.users().look(user).is_some());
    let erased = known.map(|user| Event::UserErased { user, by });
    let events = std::iter::once(Event::EpochStarted { number, reason }).chain(erased);
    Decision::accepted(events.collect(), Outcome::Done)
}

/// Lifetimes jump with the clock, so an epoch begins in the same command.
pub(super) fn accept_clock(world: &impl World, kept: Timestamp) -> Decision {
    let (number, reason) = (world.small().epoch.number + 1, EpochReason::ClockReset);
    let events = vec![
        Event::ClockAccepted { kept },
        Event::EpochStarted { number, reason },
    ];
    Decision::accepted(events, Outcome::Done)
}

/// An epoch begins with the key that the one before had; where that was lost, another is named once.
pub(super) fn name_checkpoint_key(world: &impl World, key: NamedCheckpointKey) -> Decision {
    let small = world.small();
    if small
        .checkpoint_key
        .is_some_and(|known| known.epoch >= small.epoch.number)
    {
        return Decision::refused(Refusal::Outdated);
    }
    Decision::accepted(vec![named(key)], Outcome::Done)
}

fn named(key: NamedCheckpointKey) -> Event {
    let NamedCheckpointKey {
        ledger,
        key,
        public,
        signature,
    } = key;
    Event::CheckpointKeyNamed {
        ledger,
        key,
        public,
        signature,
    }
}

pub(super) fn rotate_checkpoint_key(world: &impl World, rotation: CheckpointRotation, by: Actor) -> Decision {
    let CheckpointRotation {
        old,
        old_public,
        old_signature,
        new,
        new_public,
        new_signature,
    } = rotation;
    let known = world.small().checkpoint_key;
    if known.is_none_or(|known| (known.id, known.public) != (old, old_public)) {
        return Decision::refused(Refusal::Outdated);
    }
    let event = Event::CheckpointKeyRotated {
        old,
        old_public,
        old_signature,
        new,
        new_public,
        new_signature,
        by,
    };
    Decision::accepted(vec![event], Outcome::Done)
}

fn created(key: NewApiKey, by: Actor) -> Event {
    let NewApiKey {
        key,
        kind,
        hash,
        hash_key,
        label,
        expires,
    } = key;
    Event::ApiKeyCreated {
        key,
        kind,
        hash,
        hash_key,
        label,
        expires,
        by,
    }
}

pub(super) fn create_api_key(key: NewApiKey, by: Actor) -> Decision {
    Decision::accepted(vec![created(key, by)], Outcome::Done)
}

pub(super) fn revoke_api_key(world: &impl World, key: ApiKeyId, by: Actor) -> Decision {
    match world.api_keys().look(&key) {
        Some(known) if known.revoked.is_none() => {
            Decision::accepted(vec![Event::ApiKeyRevoked { key, by }], Outcome::Done)
        }
        Some(_) => Decision::accepted(vec![], Outcome::Done),
        None => Decision::refused(Refusal::ApiKeyNotFound),
    }
}

/// Secret keys have none: a browser would show such a key to whoever looks.
pub(super) fn name_api_key_origins(
    world: &impl World,
    key: ApiKeyId,
    origins: WebOrigins,
    by: Actor,
) -> Decision {
    match world.api_keys().look(&key) {
        Some(known) if known.revoked.is_some() => Decision::refused(Refusal::ApiKeyNotFound),
        Some(known) if known.kind == ApiKeyKind::Secret => Decision::refused(Refusal::SecretKeyInBrowser),
        Some(known) if known.origins == origins => Decision::accepted(vec![], Outcome::Done),
        Some(_) => Decision::accepted(
            vec![Event::ApiKeyOriginsNamed { key, origins, by }],
            Outcome::Done,
        ),
        None => Decision::refused(Refusal::ApiKeyNotFound),
    }
}

/// A person says that a secret key from before an epoch that began in distrust is in good hands.
pub(super) fn confirm_api_key(world: &impl World, key: ApiKeyId, by: Actor) -> Decision {
    match world.api_keys().look(&key) {
        Some(known) if known.awaits_confirmation(world.small().epoch) => {
            Decision::accepted(vec![Event::ApiKeyConfirmed { key, by }], Outcome::Done)
        }
        Some(known) if known.revoked.is_none() => Decision::accepted(vec![], Outcome::Done),
        Some(_) | None => Decision::refused(Refusal::ApiKeyNotFound),
    }
}

pub(super) fn touch_api_key(world: &impl World, context: &Context<'_>, key: ApiKeyId) -> Decision {
    // A key can be revoked between the call that used it and this note of its day.
    let Some(known) = world
        .api_keys()
        .look(&key)
        .filter(|known| known.revoked.is_none())
    else {
        return Decision::refused(Refusal::ApiKeyNotFound);
    };
    let events = if known.used.is_some_and(|at| at.day() == context.now.day()) {
        vec![]
    } else {
        vec![Event::ApiKeyUsed { key }]
    };
    Decision::accepted(events, Outcome::Done)
}
