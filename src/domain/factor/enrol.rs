//! Enrolling: begun with the password, confirmed with a first code, by the same session.

use crate::types::{AddressId, FactorId, Sealed, SessionId, TokenId, UserId};

use super::super::command::{AddressProof, Client, Context, NewMail, Outcome};
use super::super::decide::Decision;
use super::super::event::{Actor, Allowance, Event, Purpose};
use super::super::mail;
use super::super::mail_kind::MailKind;
use super::super::recovery::{client_limit, issued, mail_allowance, notices, within_a_day};
use super::super::refusal::{LimitKind, Refusal};
use super::super::session::signed_in_user;
use super::super::world::{Table, World};
use super::{
    ENROLMENT_LIFE, FactorKind, FactorUse, Factors, NewCodes, Reauthenticated, answers, factor_gate,
    reauthenticated, refused,
};
use crate::types::Span;

/// An app is to be added; its seed waits for a first code.
pub(in super::super) fn begin_totp(
    world: &impl World,
    context: &Context<'_>,
    who: Reauthenticated,
    factor: FactorId,
    seed: Sealed,
) -> Decision {
    if has(world, who.user, FactorKind::Totp) {
        return Decision::refused(Refusal::FactorEnabled);
    }
    let mut events = match reauthenticated(world, context, &who) {
        Ok((_, events)) => events,
        Err(refused) => return refused,
    };
    events.push(Event::TotpBegun {
        user: who.user,
        session: who.session,
        factor,
        seed,
        expires: context.now + ENROLMENT_LIFE,
        origin: who.origin,
    });
    Decision::accepted(events, Outcome::Done)
}

/// A mailbox is to be added: a code goes to it. A newer challenge voids the one before (M-06).
#[expect(clippy::too_many_arguments, reason = "the fields of the command")]
pub(in super::super) fn begin_mailbox(
    world: &impl World,
    context: &Context<'_>,
    who: Reauthenticated,
    factor: FactorId,
    address: AddressId,
    sealed: Option<Sealed>,
    proof: AddressProof,
    mail: &NewMail,
    lifetime: Option<Span>,
    client: &Client,
) -> Decision {
    if has(world, who.user, FactorKind::Email) {
        return Decision::refused(Refusal::FactorEnabled);
    }
    let (user, mut events) = match reauthenticated(world, context, &who) {
        Ok(found) => found,
        Err(refused) => return refused,
    };
    if let Some(limited) = client_limit(world, context, client) {
        return limited;
    }
    let allowance = mail_allowance(world, (who.user, user), client.network, context);
    if allowance == Allowance::None {
        let limit = context.limits.mails_per_address_hour;
        return Decision::limited(LimitKind::ClientMails, limit, Span::hours(1));
    }
    events.push(Event::FactorCodeRequested {
        user: who.user,
        allowance,
        client: client.day,
        origin: who.origin.clone(),
    });
    events.push(Event::MailboxBegun {
        user: who.user,
        session: who.session,
        factor,
        address,
        sealed,
        token: proof.token,
        origin: who.origin,
    });
    let life = lifetime.map_or(context.limits.lifetimes.factor_code, within_a_day);
    let by = Actor::User(who.user);
    let purpose = Purpose::EnrolMailbox;
    events.push(issued(
        context, who.user, user, address, purpose, proof, life, None, by,
    ));
    events.push(mail::queued(
        mail,
        MailKind::EmailOtp,
        who.user,
        address,
        Some(proof.token),
        user.locale,
    ));
    Decision::accepted(events, Outcome::Issued(proof.token))
}

fn has(world: &impl World, user: UserId, kind: FactorKind) -> bool {
    let epoch = world.small().epoch;
    let factors = world.factors().look(&user);
    factors.is_some_and(|factors| factors.kinds(epoch).contains(&kind))
}

/// The first code of an app; `step` is the time step it is right for, none if it is wrong.
#[expect(clippy::too_many_arguments, reason = "the fields of the command")]
pub(in super::super) fn confirm_totp(
    world: &impl World,
    context: &Context<'_>,
    id: UserId,
    session: SessionId,
    factor: FactorId,
    step: Option<u64>,
    codes: NewCodes,
    mails: &[(AddressId, NewMail)],
    origin: Sealed,
) -> Decision {
    let user = match signed_in_user(world, context, id, session) {
        Ok(user) => user,
        Err(refusal) => return Decision::refused(refusal),
    };
    let factors = world.factors().look(&id);
    let begun = factors
        .and_then(|factors| factors.totp_begun.as_ref())
        .filter(|begun| begun.session == session);
    let Some(begun) = begun else {
        return Decision::refused(Refusal::FactorNotEnabled);
    };
    if begun.id != factor {
        return Decision::refused(Refusal::Outdated);
    }
    if context.now >= begun.expires {
        return Decision::refused(Refusal::SetupExpired);
    }
    if let Err(reached) = factor_gate(world, context, id) {
        return Decision::limited(reached.kind, reached.limit, reached.wait);
    }
    let Some(step) = step else {
        let action = FactorUse::Enrolment;
        return refused(world, context, id, action, &origin, &[], Refusal::FactorWrong);
    };
    let mut events = vec![Event::FactorConfirmed {
        user: id,
        session,
        factor,
        kind: FactorKind::Totp,
        step,
        origin: origin.clone(),
    }];
    events.push(Event::RecoveryCodesIssued {
        user: id,
        set: codes.set,
        hashes: codes.hashes,
        origin,
    });
    events.extend(notices(user, id, MailKind::FactorChanged, mails));
    Decision::accepted(events, Outcome::Done)
}

/// Whether a mailbox that is being enrolled brings recovery codes: one that recoveries do not go to, of a user who has none.
pub fn mailbox_brings_codes(world: &impl World, user: UserId, factors: &Factors) -> bool {
    let epoch = world.small().epoch;
    let foreign = factors.mailbox_begun.as_ref().is_some_and(|begun| {
        world
            .users()
            .look(&user)
            .is_some_and(|user| user.address(begun.address).is_none())
    });
    foreign && factors.codes_in(epoch).is_none()
}

/// The first code of a mailbox.
#[expect(clippy::too_many_arguments, reason = "the fields of the command")]
pub(in super::super) fn confirm_mailbox(
    world: &impl World,
    context: &Context<'_>,
    id: UserId,
    session: SessionId,
    token: TokenId,
    is_right: bool,
    codes: Option<NewCodes>,
    mails: &[(AddressId, NewMail)],
    origin: Sealed,
) -> Decision {
    let user = match signed_in_user(world, context, id, session) {
        Ok(user) => user,
        Err(refusal) => return Decision::refused(refusal),
    };
    let begun = world.factors().look(&id).and_then(|factors| {
        let begun = factors.mailbox_begun.as_ref();
        Some((factors, begun.filter(|begun| begun.session == session)?))
    });
    let Some((factors, begun)) = begun else {
        return Decision::refused(Refusal::FactorNotEnabled);
    };
    let challenge = world.tokens().look(&begun.token);
    if begun.token == token && challenge.is_none_or(|challenge| context.now >= challenge.expires) {
        return Decision::refused(Refusal::SetupExpired);
    }
    if let Err(reached) = factor_gate(world, context, id) {
        return Decision::limited(reached.kind, reached.limit, reached.wait);
    }
    let holds = begun.token == token
        && is_right
        && challenge.is_some_and(|challenge| answers(world, context, id, challenge));
    if !holds {
        let action = FactorUse::Enrolment;
        return refused(world, context, id, action, &origin, &[], Refusal::FactorWrong);
    }
    let codes = match (mailbox_brings_codes(world, id, factors), codes) {
        (true, None) => return Decision::refused(Refusal::Outdated),
        (true, codes @ Some(_)) => codes,
        (false, _) => None,
    };
    let mut events = vec![Event::FactorConfirmed {
        user: id,
        session,
        factor: begun.id,
        kind: FactorKind::Email,
        step: 0,
        origin: origin.clone(),
    }];
    let is_issued = codes.is_some();
    events.extend(codes.map(|codes| Event::RecoveryCodesIssued {
        user: id,
        set: codes.set,
        hashes: codes.hashes,
        origin,
    }));
    events.extend(notices(user, id, MailKind::FactorChanged, mails));
    Decision::accepted(events, Outcome::Enrolled { codes: is_issued })
}
