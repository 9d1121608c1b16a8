//! Proving an address, and saying that an account made with it is not one's own.

use crate::types::{Sealed, TokenId};

use super::codes::codes_spent;
use super::command::{Client, Context, Outcome, ProofFound};
use super::decide::Decision;
use super::event::{Actor, Event, Purpose, Via};
use super::proof::usable;
use super::refusal::Refusal;
use super::world::{Table, World};

/// An address is proven; the password stays.
pub(super) fn verify_address(
    world: &impl World,
    context: &Context<'_>,
    proof: ProofFound,
    client: &Client,
) -> Decision {
    if let Some(reached) = codes_spent(world, context, proof, client) {
        return Decision::limited(reached.kind, reached.limit, reached.wait);
    }
    if let Some(token) = world.tokens().look(&proof.token) {
        let epoch = world.small().epoch;
        let proven = world
            .users()
            .look(&token.user)
            .filter(|user| !user.awaits_proof(epoch))
            .and_then(|user| user.address(token.address))
            .is_some_and(|address| address.verified.is_some());
        if proven && token.purpose == Purpose::VerifyEmail {
            return Decision::refused(Refusal::AlreadyVerified);
        }
    }
    match usable(world, context, proof, Purpose::VerifyEmail) {
        Err(refusal) => Decision::refused(refusal),
        Ok((token, _)) => {
            let event = Event::AddressVerified {
                user: token.user,
                address: token.address,
                token: Some(proof.token),
                via: proof.via,
                origin: client.origin.clone(),
            };
            Decision::accepted(vec![event], Outcome::Verified)
        }
    }
}

/// The owner of an address says that an account made with it is not theirs. It goes, unless it was ever verified.
pub(super) fn disown(world: &impl World, context: &Context<'_>, token: TokenId, origin: Sealed) -> Decision {
    let proof = ProofFound {
        token,
        via: Via::Link,
    };
    let (found, user) = match usable(world, context, proof, Purpose::VerifyEmail) {
        Ok(found) => found,
        Err(refusal) => return Decision::refused(refusal),
    };
    if user.addresses.iter().any(|address| address.verified.is_some()) {
        return Decision::refused(Refusal::AlreadyVerified);
    }
    let id = found.user;
    let events = vec![
        Event::SignUpDisowned {
            user: id,
            token,
            origin,
        },
        Event::UserErased {
            user: id,
            by: Actor::Stranger,
        },
    ];
    Decision::accepted(events, Outcome::Done)
}
