//! The events of addresses and objections.

use crate::types::{AddressId, Few, Position, Timestamp, TokenId, UserId};

use super::super::event::{Actor, Event, Purpose};
use super::super::factor::{RecoveryFactors, recovery_factors};
use super::super::objection::{NEW_SIGN_INS_WINDOW, OBJECTION_LIFE, ObjectionAbout, added_since, keep};
use super::super::safeguard::{Candidate, Contested, Leaving, Objection, Recovered, Safeguards};
use super::super::state::{Address, TokenStanding, User};
use super::super::strangers::{StrangerClass, bump};
use super::super::world::{Table, World};
use super::factors;
use super::steps::{Voided, count_mail, guard_of, set_standing, touch, void_tokens};

/// Changes the safeguards of a user; the entry begins with the first and goes with the last.
fn change(world: &mut impl World, user: UserId, change: impl FnOnce(&mut Safeguards)) {
    if world.safeguards().look(&user).is_none() {
        if world.users().look(&user).is_none() {
            return;
        }
        world.safeguards_mut().put(user, Safeguards::default());
    }
    let Some(safeguards) = world.safeguards_mut().edit(&user) else {
        return;
    };
    change(safeguards);
    if safeguards.is_empty() {
        world.safeguards_mut().remove(&user);
    }
}

/// Folds an event of addresses or objections; any other changes nothing here.
pub(super) fn evolve(world: &mut impl World, position: Position, time: Timestamp, event: &Event) {
    if let Event::MailboxNamed {
        user,
        mailbox,
        allowance,
        client,
        ..
    } = event
    {
        bump(world, *mailbox, StrangerClass::NamedMailbox, time, position);
        bump(world, *client, StrangerClass::ClientMails, time, position);
        if let Some(guard) = guard_of(world, *user) {
            count_mail(guard, *allowance, time);
        }
    } else if let Event::AddressBegun {
        user,
        session,
        address,
        sealed,
        token,
        expires,
        ..
    } = event
    {
        let begun = Candidate {
            address: *address,
            sealed: sealed.clone(),
            session: *session,
            token: *token,
            expires: *expires,
        };
        change(world, *user, |safeguards| safeguards.candidate = Some(begun));
    } else if let Event::AddressConfirmed {
        user, address, token, ..
    } = event
    {
        set_standing(world, *token, TokenStanding::Spent);
        confirm(world, *user, *address, time);
    } else if let Event::AddressRemoved {
        user, address, until, ..
    } = event
    {
        remove(world, *user, *address, *until, time);
    } else if let Event::PrimaryChanged { user, address, .. } = event {
        if let Some(found) = touch(world, *user, time) {
            found.addresses.change(|all| {
                if let Some(at) = all.iter().position(|known| known.id == *address) {
                    let first = all.remove(at);
                    all.insert(0, first);
                }
            });
        }
    } else if let Event::ObjectionOffered {
        user,
        objection,
        about,
        link_key,
        expires,
    } = event
    {
        let new = Objection {
            id: *objection,
            about: *about,
            link_key: *link_key,
            mailbox: None,
            position,
            at: time,
            expires: *expires,
            addresses: addresses_of(world, *user),
        };
        offer(world, *user, new);
        if let (ObjectionAbout::SignIn, Some(guard)) = (about, guard_of(world, *user)) {
            guard.new_sign_ins.bump(time, NEW_SIGN_INS_WINDOW);
        }
    } else if let Event::ObjectionRaised { user, objection, .. } = event {
        raise(world, *user, *objection, time);
    } else if let Event::SafeguardsLapsed { user } = event {
        lapse(world, *user, time);
    }
}

/// A recovery is completed: until it is settled it can be objected to, by the mail that led to it too.
pub(super) fn recovered(
    world: &mut impl World,
    user: UserId,
    token: TokenId,
    position: Position,
    time: Timestamp,
) {
    let Some(proof) = world.tokens().look(&token) else {
        return;
    };
    let alone = proof.by == Actor::Stranger && recovery_factors(world, proof) != RecoveryFactors::Demand;
    let new = Objection {
        id: token,
        about: ObjectionAbout::Recovery,
        link_key: proof.link_key,
        mailbox: alone.then_some(proof.address),
        position,
        at: time,
        expires: time + OBJECTION_LIFE,
        addresses: addresses_of(world, user),
    };
    offer(world, user, new);
    let recovered = Recovered {
        position,
        at: time,
        alone,
    };
    change(world, user, |safeguards| safeguards.recovered = Some(recovered));
}

fn addresses_of(world: &impl World, user: UserId) -> Few<AddressId> {
    let found = world.users().look(&user);
    let addresses = found.into_iter().flat_map(|found| found.addresses.iter());
    addresses.map(|address| address.id).collect()
}

fn offer(world: &mut impl World, user: UserId, new: Objection) {
    let (id, mut gone) = (new.id, None);
    change(world, user, |safeguards| {
        gone = keep(&mut safeguards.objections, new);
    });
    if let Some(gone) = gone {
        world.objections_mut().remove(&gone);
    }
    world.objections_mut().put(id, user);
}

fn confirm(world: &mut impl World, user: UserId, address: AddressId, time: Timestamp) {
    let mut proven = None;
    change(world, user, |safeguards| {
        proven = safeguards.candidate.take_if(|found| found.address == address);
        let leaving = &mut safeguards.leaving;
        leaving.change(|all| all.retain(|found| found.address != address));
    });
    let (Some(proven), Some(found)) = (proven, touch(world, user, time)) else {
        return;
    };
    found.addresses.push(Address {
        id: address,
        sealed: proven.sealed,
        verified: Some(time),
    });
    world.addresses_mut().put(address, user);
}

fn remove(world: &mut impl World, user: UserId, address: AddressId, until: Timestamp, time: Timestamp) {
    let Some(found) = touch(world, user, time) else {
        return;
    };
    let at = found.addresses.iter().position(|known| known.id == address);
    let Some(at) = at else {
        void_tokens(world, user, Voided::Only(Purpose::AddAddress));
        change(world, user, |safeguards| {
            safeguards.candidate.take_if(|found| found.address == address);
        });
        return;
    };
    let gone = found.addresses.change(|all| all.remove(at));
    let leaving = Leaving {
        address,
        sealed: gone.sealed,
        verified: gone.verified,
        until,
    };
    change(world, user, |safeguards| safeguards.leaving.push(leaving));
    void_proofs_of(world, user, address);
}

/// What was mailed to an address that is the user's no more opens nothing; only a closing can still be taken back by it.
fn void_proofs_of(world: &mut impl World, user: UserId, address: AddressId) {
    void_tokens(world, user, Voided::To(address));
    factors::leave_mailbox(world, user, address);
}

/// The addresses are again what they were before; what waits for a proof waits no more.
fn raise(world: &mut impl World, user: UserId, objection: TokenId, time: Timestamp) {
    let added = added_since(world, user, objection);
    let mut undone = None;
    let mut back = Few::new();
    change(world, user, |safeguards| {
        let at = safeguards
            .objections
            .iter()
            .position(|found| found.id == objection);
        let Some(at) = at else {
            return;
        };
        let found = safeguards.objections.change(|all| all.remove(at));
        safeguards.candidate = None;
        let (returns, stays): (Vec<_>, Vec<_>) = std::mem::take(&mut safeguards.leaving)
            .into_iter()
            .partition(|leaving| found.addresses.contains(&leaving.address));
        safeguards.leaving = stays.into();
        back = returns.into();
        if let Some(address) = found.mailbox {
            let until = found.expires;
            safeguards.contested = Some(Contested { address, until });
        }
        undone = Some(found);
    });
    let Some(undone) = undone else {
        // Not completed yet: the mailed proof is what there is.
        set_standing(world, objection, TokenStanding::Superseded);
        return;
    };
    world.objections_mut().remove(&objection);
    void_tokens(world, user, Voided::Only(Purpose::AddAddress));
    if let Some(found) = touch(world, user, time) {
        restore(found, &undone.addresses, back);
    }
    for address in added {
        world.addresses_mut().remove(&address);
        void_proofs_of(world, user, address);
    }
}

fn restore(user: &mut User, before: &[AddressId], back: Few<Leaving>) {
    let returned = back.into_iter().map(|leaving| Address {
        id: leaving.address,
        sealed: leaving.sealed,
        verified: leaving.verified,
    });
    user.addresses.change(|all| {
        all.extend(returned);
        if all.iter().any(|address| before.contains(&address.id)) {
            all.retain(|address| before.contains(&address.id));
        }
        all.sort_by_key(|address| before.iter().position(|id| *id == address.id));
    });
}

fn lapse(world: &mut impl World, user: UserId, time: Timestamp) {
    let mut gone = (vec![], vec![]);
    change(world, user, |safeguards| {
        gone.0 = safeguards.gone(time);
        safeguards
            .leaving
            .change(|all| all.retain(|kept| time < kept.until));
        let over = safeguards.objections.iter().filter(|kept| time >= kept.expires);
        gone.1 = over.map(|kept| kept.id).collect();
        safeguards
            .objections
            .change(|all| all.retain(|kept| time < kept.expires));
        safeguards.candidate.take_if(|kept| time >= kept.expires);
        safeguards.recovered.take_if(|kept| time >= kept.settles());
        safeguards.contested.take_if(|kept| time >= kept.until);
    });
    for address in gone.0 {
        world.addresses_mut().remove(&address);
    }
    for objection in gone.1 {
        world.objections_mut().remove(&objection);
    }
}

/// Everything that is kept of a user goes with them; says which addresses.
pub(super) fn erase(world: &mut impl World, user: UserId) -> Vec<AddressId> {
    let Some(kept) = world.safeguards().look(&user) else {
        return vec![];
    };
    let addresses = kept.leaving.iter().map(|leaving| leaving.address).collect();
    let objections: Vec<TokenId> = kept.objections.iter().map(|objection| objection.id).collect();
    for objection in objections {
        world.objections_mut().remove(&objection);
    }
    world.safeguards_mut().remove(&user);
    addresses
}
