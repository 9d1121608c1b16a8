//! What may happen to second factors.

use super::super::event::Purpose;
use super::super::factor::{FactorKind, FactorProof, Factors};
use super::super::sign_in::ShownBefore;
use super::super::state::TokenStanding;
use super::super::world::{Table, World};
use super::{ensure, token_is};
use crate::types::{FactorId, SessionId, Timestamp, UserId};

/// A user with second factors signs in only with one of them, or by what was shown at the same browser before, in the same
/// command (M-05).
pub(super) fn signed_in(
    world: &impl World,
    user: UserId,
    session: SessionId,
    time: Timestamp,
) -> Result<(), &'static str> {
    let holds = world.factors().look(&user).is_none_or(|factors| {
        let proved = &mut factors.proved.iter();
        let holds = |at: Timestamp| (at..at + ShownBefore::LONGEST).contains(&time);
        !factors.is_enrolled() || proved.any(|(by, _, at)| *by == session && holds(*at))
    });
    ensure(holds, "a sign-in without the second factor")
}

pub(super) fn is_new(world: &impl World, user: UserId, kind: FactorKind) -> Result<(), &'static str> {
    let epoch = world.small().epoch;
    let factors = world.factors().look(&user);
    let holds = factors.is_none_or(|factors| !factors.kinds(epoch).contains(&kind));
    ensure(holds, "a second factor is enrolled twice")
}

pub(super) fn has(
    world: &impl World,
    user: UserId,
    factor: FactorId,
    kind: FactorKind,
) -> Result<(), &'static str> {
    let found = world.factors().look(&user).and_then(|factors| match kind {
        FactorKind::Totp => factors.totp.as_ref().map(|totp| totp.id),
        FactorKind::Email => factors.mailbox.as_ref().map(|mailbox| mailbox.id),
        FactorKind::RecoveryCodes => factors.codes.as_ref().map(|codes| codes.set),
    });
    ensure(found == Some(factor), "no such second factor of this user")
}

/// A first code confirms what waits for it, in the session that began it, in time.
pub(super) fn confirmed(
    world: &impl World,
    user: UserId,
    session: SessionId,
    factor: FactorId,
    kind: FactorKind,
    time: Timestamp,
) -> Result<(), &'static str> {
    let factors = world.factors().look(&user);
    let holds = match kind {
        FactorKind::Totp => factors
            .and_then(|factors| factors.totp_begun.as_ref())
            .is_some_and(|begun| begun.id == factor && begun.session == session && time < begun.expires),
        FactorKind::Email => factors
            .and_then(|factors| factors.mailbox_begun.as_ref())
            .is_some_and(|begun| {
                let challenge = world.tokens().look(&begun.token);
                let is_live = challenge.is_some_and(|token| {
                    token.purpose == Purpose::EnrolMailbox
                        && token.standing == TokenStanding::Live
                        && time < token.expires
                });
                begun.id == factor && begun.session == session && is_live
            }),
        FactorKind::RecoveryCodes => false,
    };
    ensure(holds, "a second factor was confirmed that did not wait for it")
}

/// A right factor is one of the user's, and was not spent before (M-01).
pub(super) fn accepted(
    world: &impl World,
    user: UserId,
    proof: FactorProof,
    time: Timestamp,
) -> Result<(), &'static str> {
    let none = Factors::default();
    let factors = world.factors().look(&user).unwrap_or(&none);
    let epoch = world.small().epoch;
    let holds = match proof {
        FactorProof::Totp { factor, step } => factors
            .totp
            .as_ref()
            .is_some_and(|totp| totp.id == factor && step > totp.step),
        FactorProof::RecoveryCode { set, number } => factors
            .codes_in(epoch)
            .is_some_and(|codes| codes.set == set && codes.is_unused(number)),
        FactorProof::Email { factor, token } => {
            token_is(world, token, user, TokenStanding::Live)?;
            let found = world.tokens().look(&token);
            let is_good = found.is_some_and(|found| {
                found.purpose == Purpose::SignInCode
                    && found.position > epoch.valid_from
                    && time < found.expires
            });
            let mailbox = factors.mailbox.as_ref();
            is_good && mailbox.is_some_and(|mailbox| mailbox.id == factor)
        }
    };
    ensure(
        holds,
        "a second factor was accepted that was spent, or not the user's",
    )
}
