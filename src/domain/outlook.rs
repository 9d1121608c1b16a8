//! What a state means at a moment: who could sign in then and who could not, and which proofs opened something.

use crate::types::{Timestamp, TokenId, UserId};

use super::command::{Context, ProofFound};
use super::event::Via;
use super::factor::{FactorKind, Factors};
use super::limits::Limits;
use super::proof::usable;
use super::session::{HOUR, backoff};
use super::state::{Standing, State};
use super::strangers::Unwritten;

/// What keeps a user from signing in, whatever they type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Obstacle {
    /// They are banned.
    Banned,
    /// Their account closes then.
    Closing(Timestamp),
    /// They have no password: none was set yet, or it was taken away.
    NoPassword,
    /// After an epoch that began in distrust, their mailbox must be proven once.
    MailboxUnproven,
    /// Their address is not verified, where that is asked for.
    Unverified,
    /// Too many wrong passwords came within an hour, and they are known from no network that may go on.
    TriedTooOften(Timestamp),
}

/// Whether a user could sign in with the right password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outlook {
    /// What keeps them from it, in the order in which a sign-in would find it; nothing if they could.
    pub obstacles: Vec<Obstacle>,
    /// Until when only networks may go on that they signed in from lately, if that is so.
    pub known_networks_only: Option<Timestamp>,
    /// Networks that have to wait after wrong passwords, and until when the last of them has.
    pub waiting_networks: Option<(usize, Timestamp)>,
    /// The second factors of which one is asked for.
    pub factors: Vec<FactorKind>,
}

impl Outlook {
    /// Whether they could, from some network.
    pub fn is_open(&self) -> bool {
        self.obstacles.is_empty()
    }
}

/// Whether an unverified address keeps its owner out; a setting, which the ledger does not hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unverified {
    /// It does.
    KeptOut,
    /// It does not.
    LetIn,
}

/// Whether a user could sign in at a moment; `None` if there is no such user.
pub fn sign_in_outlook(
    state: &State,
    id: UserId,
    now: Timestamp,
    limits: &Limits,
    unverified: Unverified,
) -> Option<Outlook> {
    let user = state.users.get(&id)?;
    let mut obstacles = vec![];
    let guard = state.guards.get(&id);
    let hour = guard.map(|guard| guard.sign_ins_hour).unwrap_or_default();
    let is_full = hour.count(now, HOUR) >= limits.signin_per_user_hour;
    let known_networks_only = is_full.then(|| now + hour.wait(now, HOUR));
    let is_known_somewhere = user
        .known
        .iter()
        .any(|(_, last)| now < *last + limits.known_client);
    if let Some(until) = known_networks_only.filter(|_| !is_known_somewhere) {
        obstacles.push(Obstacle::TriedTooOften(until));
    }
    match user.standing {
        Standing::Active => {}
        Standing::Banned => obstacles.push(Obstacle::Banned),
        Standing::Closing(until) => obstacles.push(Obstacle::Closing(until)),
    }
    if user.credential.is_none() {
        obstacles.push(Obstacle::NoPassword);
    }
    if user.awaits_proof(state.epoch()) {
        obstacles.push(Obstacle::MailboxUnproven);
    }
    let is_verified = user
        .addresses
        .first()
        .is_some_and(|address| address.verified.is_some());
    if unverified == Unverified::KeptOut && !is_verified {
        obstacles.push(Obstacle::Unverified);
    }
    let waits: Vec<Timestamp> = guard
        .into_iter()
        .flat_map(|guard| &guard.sign_ins)
        .filter(|(_, _, last)| last.day() == now.day())
        .map(|(_, count, last)| *last + backoff(limits, u32::from(*count)))
        .filter(|ready| now < *ready)
        .collect();
    Some(Outlook {
        obstacles,
        known_networks_only,
        waiting_networks: waits.iter().max().map(|last| (waits.len(), *last)),
        factors: match state.factors.get(&id) {
            Some(factors) if Factors::is_enrolled(factors) => factors.kinds(state.epoch()),
            Some(_) | None => vec![],
        },
    })
}

/// Whether a mailed proof opened something at a moment: issued in the running epoch, neither used nor superseded nor too
/// old, for a password and an address that are still the user's.
pub fn is_token_alive(state: &State, id: TokenId, now: Timestamp, limits: &Limits) -> bool {
    let context = Context {
        now,
        limits,
        found: None,
        username_taken: false,
        unwritten: &Unwritten::default(),
    };
    // The link: codes may be tried out before, and the link of the same mail still opens.
    let proof = ProofFound {
        token: id,
        via: Via::Link,
    };
    state
        .tokens
        .get(&id)
        .is_some_and(|token| usable(state, &context, proof, token.purpose).is_ok())
}
