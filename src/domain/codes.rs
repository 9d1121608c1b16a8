//! Typed codes: compared with recent proofs, few a day, and counted before the answer leaves.

use crate::types::{AddressId, Span, Tag, TokenId};

use super::command::{Ask, Client, Context, ProofFound};
use super::decide::Decision;
use super::event::{Allowance, Event, Purpose, Subject, Via};
use super::recovery::{is_known, saturated};
use super::refusal::{LimitKind, LimitReached, Refusal};
use super::state::{Guard, Token, TokenStanding};
use super::strangers::{StrangerClass, SuppressedClass, tally};
use super::user;
use super::world::{Table, World};

const DAY: Span = Span::days(1);

/// The recent proofs of one kind for an address: what a typed code is compared with. A genuine code that is spent,
/// superseded or too old is no guess, so those are among them.
pub fn recent_tokens(world: &impl World, address: AddressId, purpose: Purpose) -> Vec<(TokenId, Token)> {
    let Some(user) = user::of_address(world, address) else {
        return vec![];
    };
    user.tokens
        .iter()
        .rev()
        .filter_map(|id| Some((*id, world.tokens().look(id)?.clone())))
        .filter(|(_, token)| token.purpose == purpose && token.address == address)
        .collect()
}

/// Whether codes may be tried for an address by a client, and out of which allowance.
pub fn code_gate(
    world: &impl World,
    context: &Context<'_>,
    stranger: Tag,
    network: Tag,
) -> Result<Allowance, LimitReached> {
    let limit = context.limits.code_tries_per_address_day;
    let reached = |wait: Span| LimitReached {
        kind: LimitKind::Codes,
        limit,
        wait: Span(wait.0.max(1)),
    };
    let Some((id, user)) = context.found.and_then(|id| user::of_address_with_id(world, id)) else {
        let tried = tally(world, context, stranger, StrangerClass::Codes);
        return if tried.count < limit {
            Ok(Allowance::General)
        } else {
            Err(reached(tried.wait))
        };
    };
    let none = Guard::default();
    let guard = world.guards().look(&id).unwrap_or(&none);
    if guard.codes_day.count(context.now, DAY) < limit {
        Ok(Allowance::General)
    } else if is_known(user, network, context)
        && guard.reserve_codes.count(context.now, DAY) < context.limits.reserve_codes_day
    {
        Ok(Allowance::Reserve)
    } else {
        Err(reached(guard.codes_day.wait(context.now, DAY)))
    }
}

/// A typed code matched nothing: it is counted before the answer leaves, known address or not.
pub(super) fn refuse_code(world: &impl World, context: &Context<'_>, ask: Ask, purpose: Purpose) -> Decision {
    let allowance = match code_gate(world, context, ask.stranger, ask.client.network) {
        Ok(allowance) => allowance,
        Err(reached) => return Decision::limited(reached.kind, reached.limit, reached.wait),
    };
    let found = context.found.filter(|id| user::of_address(world, *id).is_some());
    let token = found.and_then(|address| {
        let live = |(_, token): &(TokenId, Token)| token.standing == TokenStanding::Live;
        recent_tokens(world, address, purpose)
            .into_iter()
            .find(live)
            .map(|(id, _)| id)
    });
    if found.is_none() && saturated(world, context) {
        let left = vec![(ask.stranger, StrangerClass::Codes)];
        return Decision::refused(Refusal::TokenNotFound).leaving(SuppressedClass::Codes, left);
    }
    let subject = found.map_or(Subject::Stranger(ask.stranger), Subject::Address);
    let event = Event::CodeRefused {
        subject,
        purpose,
        token,
        allowance,
        origin: ask.client.origin,
    };
    Decision::refused_with(vec![event], Refusal::TokenNotFound)
}

/// The limit that keeps a right code from being taken: once the day's tries are used up, a right code is answered as
/// a wrong one, or trying on would still find it. A link's secret is never counted.
pub(super) fn codes_spent(
    world: &impl World,
    context: &Context<'_>,
    proof: ProofFound,
    client: &Client,
) -> Option<LimitReached> {
    if proof.via == Via::Link {
        return None;
    }
    let context = Context {
        unwritten: context.unwritten,
        now: context.now,
        limits: context.limits,
        found: Some(world.tokens().look(&proof.token)?.address),
        username_taken: false,
    };
    code_gate(world, &context, Tag([0; 16]), client.network).err()
}
