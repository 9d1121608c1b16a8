//! Removing factors and making new recovery codes.

use crate::types::{FactorId, Sealed, UserId};

use super::super::command::{Context, Notices, Outcome};
use super::super::decide::Decision;
use super::super::event::{Actor, Event};
use super::super::management;
use super::super::objection::held;
use super::super::refusal::Refusal;
use super::super::world::{Table, World};
use super::{FactorKind, Factors, NewCodes, Reauthenticated, changed, reauthenticated};

/// What goes if one kind of factor goes, or all of them. Recovery codes go with the last factor that they stand in for.
fn going(factors: &Factors, kind: Option<FactorKind>) -> Vec<(FactorKind, FactorId)> {
    let wanted = |of| kind.is_none_or(|kind| kind == of);
    let totp = factors.totp.as_ref().filter(|_| wanted(FactorKind::Totp));
    let mailbox = factors.mailbox.as_ref().filter(|_| wanted(FactorKind::Email));
    let is_last = totp.is_some() == factors.totp.is_some() && mailbox.is_some() == factors.mailbox.is_some();
    let codes = factors
        .codes
        .as_ref()
        .filter(|_| is_last || wanted(FactorKind::RecoveryCodes));
    let totp = totp.map(|totp| (FactorKind::Totp, totp.id));
    let mailbox = mailbox.map(|mailbox| (FactorKind::Email, mailbox.id));
    let codes = codes.map(|codes| (FactorKind::RecoveryCodes, codes.set));
    totp.into_iter().chain(mailbox).chain(codes).collect()
}

/// The events that take factors away: of one kind, or all.
pub(in super::super) fn cleared(
    world: &impl World,
    user: UserId,
    kind: Option<FactorKind>,
    by: Actor,
    origin: Option<&Sealed>,
) -> Vec<Event> {
    let Some(factors) = world.factors().look(&user) else {
        return vec![];
    };
    going(factors, kind)
        .into_iter()
        .map(|(kind, factor)| Event::FactorRemoved {
            user,
            factor,
            kind,
            by,
            origin: origin.cloned(),
        })
        .collect()
}

/// A user takes their factors away.
pub(in super::super) fn remove(
    world: &impl World,
    context: &Context<'_>,
    who: &Reauthenticated,
    kind: Option<FactorKind>,
    mails: &Notices,
) -> Decision {
    let by = Actor::User(who.user);
    let removed = cleared(world, who.user, kind, by, Some(&who.origin));
    if removed.is_empty() {
        return Decision::refused(Refusal::FactorNotEnabled);
    }
    match reauthenticated(world, context, who) {
        Ok((user, mut events)) => {
            if let Err(refusal) = held(world, context, who.user) {
                return Decision::refused(refusal);
            }
            events.extend(removed);
            events.extend(changed(context, user, who.user, mails));
            Decision::accepted(events, Outcome::Done)
        }
        Err(refused) => refused,
    }
}

/// A new set of recovery codes; the old ones die.
pub(in super::super) fn issue_codes(
    world: &impl World,
    context: &Context<'_>,
    who: &Reauthenticated,
    codes: NewCodes,
    mails: &Notices,
) -> Decision {
    let factors = world.factors().look(&who.user);
    if !factors.is_some_and(Factors::is_enrolled) {
        return Decision::refused(Refusal::FactorNotEnabled);
    }
    match reauthenticated(world, context, who) {
        Ok((user, mut events)) => {
            events.push(Event::RecoveryCodesIssued {
                user: who.user,
                set: codes.set,
                hashes: codes.hashes,
                origin: who.origin.clone(),
            });
            events.extend(changed(context, user, who.user, mails));
            Decision::accepted(events, Outcome::Done)
        }
        Err(refused) => refused,
    }
}

/// An administrator takes factors of a user away (M-09).
pub(in super::super) fn revoke(
    world: &impl World,
    context: &Context<'_>,
    id: UserId,
    kind: Option<FactorKind>,
    mails: &Notices,
    by: Actor,
) -> Decision {
    let Some(user) = world.users().look(&id) else {
        return Decision::refused(Refusal::UserNotFound);
    };
    if management::is_key_against_administrator(user, by) {
        return Decision::refused(Refusal::NotAllowed);
    }
    let mut events = cleared(world, id, kind, by, None);
    if events.is_empty() {
        return Decision::refused(Refusal::FactorNotEnabled);
    }
    events.extend(changed(context, user, id, mails));
    Decision::accepted(events, Outcome::Done)
}
