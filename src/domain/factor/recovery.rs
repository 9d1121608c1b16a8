//! What second factors mean for a recovery.

use super::super::event::Actor;
use super::super::state::Token;
use super::super::world::{Table, World};
use super::Channel;

/// What a recovery means for the second factors of a user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecoveryFactors {
    /// None is asked for.
    Nothing,
    /// One must be shown.
    Demand,
    /// Whoever enrolled them never showed that the address is theirs: they go (A26).
    Clear,
}

/// What a recovery by a proof means for the second factors of its user. The mailbox that got the mail is proven already
/// and counts once.
pub fn recovery_factors(world: &impl World, token: &Token) -> RecoveryFactors {
    let Some(factors) = world.factors().look(&token.user) else {
        return RecoveryFactors::Nothing;
    };
    if proves_first(world, token) {
        return RecoveryFactors::Clear;
    }
    let mailbox = Channel::Mailbox(token.address);
    if factors.demand_beside(mailbox, world.small().epoch) {
        RecoveryFactors::Demand
    } else {
        RecoveryFactors::Nothing
    }
}

/// Whether a recovery shows for the first time that its address is the user's; one that an administrator handed over
/// shows nothing about a mailbox.
pub(in super::super) fn proves_first(world: &impl World, token: &Token) -> bool {
    let address = world
        .users()
        .look(&token.user)
        .and_then(|user| user.address(token.address));
    token.by == Actor::Stranger && address.is_some_and(|address| address.verified.is_none())
}
