//! The events of second factors.

use crate::types::{AddressId, FactorId, Sealed, SessionId, Span, Timestamp, TokenId, UserId};

use super::super::event::Purpose;
use super::super::factor::{
    FactorKind, FactorMailbox, FactorProof, Factors, NOTICES_WINDOW, PROVED_FOR, TRIES_WINDOW, Totp,
    Unfinished,
};
use super::super::sign_in::ShownBefore;
use super::super::state::TokenStanding;
use super::super::world::{Table, World};
use super::steps::{Voided, guard_of, set_standing, void_tokens};

/// Sessions remembered of a user that proved a factor.
const PROVED_MAX: usize = 16;

/// Changes the factors of a user; the entry begins with the first and goes with the last.
pub(super) fn change(world: &mut impl World, user: UserId, change: impl FnOnce(&mut Factors)) {
    if world.factors().look(&user).is_none() {
        if world.users().look(&user).is_none() {
            return;
        }
        world.factors_mut().put(user, Factors::default());
    }
    let Some(factors) = world.factors_mut().edit(&user) else {
        return;
    };
    change(factors);
    if factors.is_empty() {
        world.factors_mut().remove(&user);
        world.unfinished_mut().remove(&user);
    }
}

pub(super) fn confirm(
    world: &mut impl World,
    user: UserId,
    session: SessionId,
    kind: FactorKind,
    step: u64,
    time: Timestamp,
) {
    if kind == FactorKind::Email {
        void_tokens(world, user, Voided::Only(Purpose::EnrolMailbox));
    }
    change(world, user, |factors| {
        match kind {
            FactorKind::Totp => {
                factors.totp = factors.totp_begun.take().map(|begun| Totp {
                    id: begun.id,
                    seed: begun.seed,
                    step,
                    since: time,
                });
            }
            FactorKind::Email => {
                factors.mailbox = factors.mailbox_begun.take().map(|begun| FactorMailbox {
                    id: begun.id,
                    address: begun.address,
                    sealed: begun.sealed,
                    since: time,
                });
            }
            FactorKind::RecoveryCodes => {}
        }
        prove(factors, session, kind, time, time);
    });
}

/// A session that proved a factor which is gone has proved nothing (M-09).
pub(super) fn take_away(world: &mut impl World, user: UserId, kind: FactorKind, factor: FactorId) {
    if kind == FactorKind::Email {
        void_tokens(world, user, Voided::Only(Purpose::SignInCode));
    }
    change(world, user, |factors| {
        match kind {
            FactorKind::Totp => factors.totp = factors.totp.take().filter(|totp| totp.id != factor),
            FactorKind::Email => {
                factors.mailbox = factors.mailbox.take().filter(|mailbox| mailbox.id != factor);
            }
            FactorKind::RecoveryCodes => {
                factors.codes = factors.codes.take().filter(|codes| codes.set != factor);
            }
        }
        let proved = &mut factors.proved;
        proved.change(|all| all.retain(|(_, proved, _)| *proved != kind));
    });
}

/// A mailbox that waits for its first code waits no more, because its address is the user's no more.
pub(super) fn leave_mailbox(world: &mut impl World, user: UserId, address: AddressId) {
    if world.factors().look(&user).is_some() {
        change(world, user, |factors| {
            let begun = &mut factors.mailbox_begun;
            begun.take_if(|begun| begun.sealed.is_none() && begun.address == address);
        });
    }
}

/// A factor was right: what was given is spent, and the session has proved one.
pub(super) fn accept(
    world: &mut impl World,
    user: UserId,
    proof: FactorProof,
    session: Option<SessionId>,
    time: Timestamp,
) {
    if let FactorProof::Email { token, .. } = proof {
        set_standing(world, token, TokenStanding::Spent);
    }
    change(world, user, |factors| {
        match proof {
            FactorProof::Totp { step, .. } => {
                if let Some(totp) = &mut factors.totp {
                    totp.step = step;
                }
            }
            FactorProof::RecoveryCode { number, .. } => {
                if let Some(codes) = &mut factors.codes {
                    codes.used |= 1 << (number & 15);
                }
            }
            FactorProof::Email { .. } => {}
        }
        if let Some(session) = session {
            prove(factors, session, proof.kind(), time, time);
        }
    });
}

pub(super) fn refuse(world: &mut impl World, user: UserId, challenge: Option<TokenId>, time: Timestamp) {
    if let Some(guard) = guard_of(world, user) {
        guard.factors.bump(time, TRIES_WINDOW);
        if challenge.is_some() {
            guard.mailed_codes.bump(time, Span::days(1));
        }
    }
    if let Some(challenge) = challenge.and_then(|id| world.tokens_mut().edit(&id)) {
        challenge.tries = challenge.tries.saturating_add(1);
    }
}

/// A session began by what its browser showed before. That is no proof of now, however short ago it was: whoever copied
/// what the browser keeps showed nothing (M-07).
pub(super) fn remember(
    factors: &mut Factors,
    session: SessionId,
    kind: FactorKind,
    shown: Timestamp,
    time: Timestamp,
) {
    prove(factors, session, kind, shown.min(time - PROVED_FOR), time);
}

fn prove(factors: &mut Factors, session: SessionId, kind: FactorKind, shown: Timestamp, time: Timestamp) {
    factors.proved.change(|all| {
        all.retain(|(by, _, at)| *by != session && time < *at + ShownBefore::LONGEST);
        if all.len() >= PROVED_MAX {
            all.remove(0);
        }
        all.push((session, kind, shown));
    });
}

/// A sign-in waits for its second factor; the first of several is remembered.
pub(super) fn leave_unfinished(world: &mut impl World, address: AddressId, time: Timestamp, origin: &Sealed) {
    let Some(user) = world.addresses().look(&address).copied() else {
        return;
    };
    if world.unfinished().look(&user).is_none() {
        let origin = origin.clone();
        let unfinished = Unfinished { since: time, origin };
        world.unfinished_mut().put(user, unfinished);
    }
}

/// The user is told of a failed second factor.
pub(super) fn told(world: &mut impl World, user: UserId, time: Timestamp) {
    if let Some(guard) = guard_of(world, user) {
        guard.factor_notices.bump(time, NOTICES_WINDOW);
    }
    world.unfinished_mut().remove(&user);
}
