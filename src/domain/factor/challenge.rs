//! Codes by mail for a sign-in, and sign-ins that were left alone before their second factor.

use crate::types::{AddressId, Span, UserId};

use super::super::command::{AddressProof, Ask, Context, NewMail, Outcome, PasswordVerdict};
use super::super::decide::Decision;
use super::super::event::{Actor, Allowance, Event, Purpose};
use super::super::mail;
use super::super::mail_kind::MailKind;
use super::super::recovery::{client_limit, issued, mail_allowance, within_a_day};
use super::super::refusal::Refusal;
use super::super::session::{sign_in_gate, wrong_password};
use super::super::state::{Standing, User};
use super::super::user;
use super::super::world::{Table, World};
use super::{UNFINISHED_AFTER, failure_notices, mailed_codes_left};

/// Somebody with an address and a password asks for a code by mail. The answer is the same whoever it is and whether or
/// not the password is right; a wrong one is remembered as that of a sign-in (R-01, P-13).
pub(in super::super) fn challenge(
    world: &impl World,
    context: &Context<'_>,
    ask: Ask,
    verdict: PasswordVerdict,
    proof: AddressProof,
    new: Option<&NewMail>,
    lifetime: Option<Span>,
) -> Decision {
    if let Err(reached) = sign_in_gate(world, context, ask.stranger, ask.client.network) {
        return Decision::limited(reached.kind, reached.limit, reached.wait);
    }
    if let Some(limited) = client_limit(world, context, &ask.client) {
        return limited;
    }
    let owner = context.found.and_then(|address| {
        let (id, user) = user::of_address_with_id(world, address)?;
        let credential = user.credential_id()?;
        (verdict == PasswordVerdict::Right(credential)).then_some((id, user))
    });
    let Some((id, user)) = owner else {
        let refused = wrong_password(world, context, ask);
        return Decision {
            verdict: Ok(Outcome::Done),
            ..refused
        };
    };
    let mailbox = mailbox_of(world, context, id, user);
    let allowance = match mailbox {
        Some(_) if new.is_some() => mail_allowance(world, (id, user), ask.client.network, context),
        Some(_) | None => Allowance::None,
    };
    let mut events = vec![Event::FactorCodeRequested {
        user: id,
        allowance,
        client: ask.client.day,
        origin: ask.client.origin,
    }];
    if let (Some(address), Some(new), Allowance::General | Allowance::Reserve) = (mailbox, new, allowance) {
        let life = lifetime.map_or(context.limits.lifetimes.factor_code, within_a_day);
        let (purpose, by) = (Purpose::SignInCode, Actor::Stranger);
        events.push(issued(context, id, user, address, purpose, proof, life, None, by));
        events.push(mail::queued(
            new,
            MailKind::EmailOtp,
            id,
            address,
            Some(proof.token),
            ask.locale,
        ));
    }
    Decision::accepted(events, Outcome::Done)
}

/// Where a code for a sign-in goes, if this user could sign in with one.
fn mailbox_of(world: &impl World, context: &Context<'_>, id: UserId, user: &User) -> Option<AddressId> {
    let may = user.standing == Standing::Active
        && !user.awaits_proof(world.small().epoch)
        && mailed_codes_left(world, context, id);
    let mailbox = world.factors().look(&id)?.mailbox.as_ref()?;
    may.then_some(mailbox.address)
}

/// Tells a user of a sign-in that had the right password and was left alone before the second factor (M-08).
pub(in super::super) fn tell_unfinished(
    world: &impl World,
    context: &Context<'_>,
    id: UserId,
    mails: &[(AddressId, NewMail)],
) -> Decision {
    match world.unfinished().look(&id) {
        Some(unfinished) if context.now >= unfinished.since + UNFINISHED_AFTER => {
            Decision::accepted(failure_notices(world, context, id, mails), Outcome::Done)
        }
        Some(_) | None => Decision::refused(Refusal::UserNotFound),
    }
}
