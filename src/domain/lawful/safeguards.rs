//! What may happen to addresses and objections.

use super::super::address::ADDRESSES_MAX;
use super::super::event::{Event, Purpose, Recorded};
use super::super::objection::OBJECTION_LIFE;
use super::super::safeguard::Safeguards;
use super::super::state::TokenStanding;
use super::super::world::{Table, World};
use super::{ensure, owns, proves, session_of};
use crate::types::{AddressId, TokenId, UserId};

/// Checks an event of addresses or objections; any other is lawful here.
pub(super) fn check(world: &impl World, recorded: &Recorded) -> Result<(), &'static str> {
    let time = recorded.time;
    if let Event::MailboxNamed { user, .. } = &recorded.event {
        return ensure(world.users().look(user).is_some(), "no such user");
    }
    if let Event::AddressBegun {
        user,
        session,
        address,
        expires,
        ..
    } = &recorded.event
    {
        session_of(world, *user, *session)?;
        ensure(time < *expires, "an address waits for a proof that has expired")?;
        return free(world, *user, *address);
    }
    if let Event::AddressConfirmed {
        user, address, token, ..
    } = &recorded.event
    {
        proves(world, recorded, *token, *user, Purpose::AddAddress)?;
        let candidate = kept(world, *user).and_then(|kept| kept.candidate.as_ref());
        let waits = candidate.is_some_and(|found| found.address == *address && found.token == *token);
        ensure(waits, "an address was proven that did not wait for it")?;
        let few = world
            .users()
            .look(user)
            .is_some_and(|user| user.addresses.len() < ADDRESSES_MAX);
        ensure(few, "a user has more addresses than may be")?;
        return free(world, *user, *address);
    }
    if let Event::AddressRemoved { user, address, .. } = &recorded.event {
        let candidate = kept(world, *user).and_then(|kept| kept.candidate.as_ref());
        let waits = candidate.is_some_and(|found| found.address == *address);
        return if waits {
            Ok(())
        } else {
            further(world, *user, *address)
        };
    }
    if let Event::PrimaryChanged { user, address, .. } = &recorded.event {
        return further(world, *user, *address);
    }
    if let Event::ObjectionOffered {
        user,
        objection,
        expires,
        ..
    } = &recorded.event
    {
        ensure(world.users().look(user).is_some(), "no such user")?;
        let is_new = world.objections().look(objection).is_none() && world.tokens().look(objection).is_none();
        ensure(is_new, "an objection was offered twice")?;
        let short = time < *expires && *expires <= time + OBJECTION_LIFE;
        return ensure(short, "an objection lives too long");
    }
    if let Event::ObjectionRaised { user, objection, .. } = &recorded.event {
        return raised(world, recorded, *user, *objection);
    }
    if let Event::SafeguardsLapsed { user } = &recorded.event {
        let lapses = kept(world, *user).and_then(Safeguards::lapses);
        let over = lapses.is_some_and(|at| time >= at);
        return ensure(over, "what is kept for objections went too early");
    }
    Ok(())
}

fn kept(world: &impl World, user: UserId) -> Option<&Safeguards> {
    world.safeguards().look(&user)
}

/// An address that is to be a user's is nobody's, or was theirs a short while ago.
fn free(world: &impl World, user: UserId, address: AddressId) -> Result<(), &'static str> {
    let holds = match world.addresses().look(&address) {
        None => true,
        Some(of) => *of == user && owns(world, user, address).is_err(),
    };
    ensure(holds, "an address belongs to two users")
}

/// An address of a user that is not the first.
fn further(world: &impl World, user: UserId, address: AddressId) -> Result<(), &'static str> {
    owns(world, user, address)?;
    let first = world.users().look(&user).and_then(|user| user.addresses.first());
    let holds = first.is_some_and(|first| first.id != address);
    ensure(holds, "the first address was taken away")
}

/// Something is objected to while it can be: in time, of this epoch, and once.
fn raised(
    world: &impl World,
    recorded: &Recorded,
    user: UserId,
    objection: TokenId,
) -> Result<(), &'static str> {
    let epoch = world.small().epoch.valid_from;
    let holds = match kept(world, user).and_then(|kept| kept.objection(objection)) {
        Some(found) => found.position > epoch && recorded.time < found.expires,
        None => world.tokens().look(&objection).is_some_and(|proof| {
            proof.user == user
                && proof.purpose == Purpose::Recovery
                && proof.standing == TokenStanding::Live
                && proof.position > epoch
                && recorded.time < proof.expires
        }),
    };
    ensure(holds, "something was objected to that could not be")
}

/// Whether a notice may offer an objection: to something of the user that can be, or to a recovery that is under way.
pub(super) fn offers(world: &impl World, user: UserId, objection: TokenId) -> Result<(), &'static str> {
    let offered = world.objections().look(&objection) == Some(&user);
    let proof = world.tokens().look(&objection);
    let under_way = proof.is_some_and(|proof| proof.user == user && proof.purpose == Purpose::Recovery);
    ensure(offered || under_way, "a notice offers what cannot be objected to")
}
