//! Users: how they come to be, are kept out, and go.

use crate::types::{AddressId, Locale, Sealed, SessionId, UserId};

use super::command::{
    AddressProof, Ask, Client, Context, NewCredential, NewMail, NewUser, Notices, Outcome, ProofFound,
    SignUpMode,
};
use super::decide::Decision;
use super::event::{Actor, Allowance, EndCause, Event, PasswordCause, Purpose};
use super::mail_kind::MailKind;
use super::objection::told_about;
use super::refusal::{LimitKind, Refusal};
use super::sign_in::{self, SessionTerms};
use super::state::{Standing, TokenStanding, User};
use super::strangers::{StrangerClass, SuppressedClass, tally};
use super::world::{Table, World};
use super::{mail, management, proof, recovery, session};
use crate::types::{Span, Tag};

/// Whose an address is.
pub(super) fn of_address(world: &impl World, address: AddressId) -> Option<&User> {
    of_address_with_id(world, address).map(|(_, user)| user)
}

/// Whose an address is, with their id.
pub(super) fn of_address_with_id(world: &impl World, address: AddressId) -> Option<(UserId, &User)> {
    let (id, user) = holder(world, address)?;
    user.address(address).is_some().then_some((id, user))
}

/// The same, also of an address that was removed and is kept for its user.
fn holder(world: &impl World, address: AddressId) -> Option<(UserId, &User)> {
    let id = *world.addresses().look(&address)?;
    Some((id, world.users().look(&id)?))
}

fn registered(new: NewUser, by: Actor, client: Tag, origin: Sealed) -> Event {
    let NewUser {
        user,
        role,
        address,
        sealed_address,
        name,
        username,
        locale,
    } = new;
    Event::UserRegistered {
        user,
        role,
        address,
        sealed_address,
        name,
        username,
        locale,
        by,
        client,
        origin,
    }
}

/// Whether a client may sign somebody up now; asked before the address is looked at, so that a full budget answers
/// alike for one that is taken and one that is free.
fn sign_up_gate(world: &impl World, context: &Context<'_>, client: &Client) -> Result<(), Decision> {
    let limit = context.limits.signups_per_client_hour;
    let made = tally(world, context, client.day, StrangerClass::ClientSignUps);
    if !client.exempt && made.count >= limit {
        return Err(Decision::limited(LimitKind::ClientSignUps, limit, made.wait));
    }
    if let Some(limited) = recovery::client_limit(world, context, client) {
        return Err(limited);
    }
    if recovery::saturated(world, context) {
        return Err(Decision::refused(Refusal::Saturated).suppressing(SuppressedClass::Requests));
    }
    Ok(())
}

/// The same, for the desk to ask before it hashes.
pub fn may_sign_up(world: &impl World, context: &Context<'_>, client: &Client) -> Result<(), Refusal> {
    sign_up_gate(world, context, client).map_err(|closed| closed.verdict.err().unwrap_or(Refusal::Saturated))
}

#[expect(clippy::too_many_arguments, reason = "the fields of the command")]
pub(super) fn sign_up(
    world: &impl World,
    context: &Context<'_>,
    ask: Ask,
    new: NewUser,
    credential: NewCredential,
    proof: AddressProof,
    mail: &NewMail,
    mode: SignUpMode,
    lifetime: Option<Span>,
) -> Decision {
    if let Err(closed) = sign_up_gate(world, context, &ask.client) {
        return closed;
    }
    // Before the address, about which nothing may be told by it.
    if context.username_taken {
        return Decision::refused(Refusal::UsernameTaken);
    }
    if let Some((address, owner)) = context.found.and_then(|id| Some((id, holder(world, id)?))) {
        return collided(world, context, ask, address, owner, mode);
    }
    let origin = ask.client.origin;
    let (id, address, locale) = (new.user, new.address, new.locale);
    let credential_id = credential.id;
    let mut events = vec![
        registered(new, Actor::Stranger, ask.client.day, origin.clone()),
        Event::PasswordSet {
            user: id,
            credential: credential_id,
            verifier: credential.verifier,
            cause: PasswordCause::SignUp,
            history: credential.history,
            origin: origin.clone(),
        },
        Event::TokenIssued {
            token: proof.token,
            user: id,
            address,
            purpose: Purpose::VerifyEmail,
            credential: Some(credential_id),
            expires: context.now
                + lifetime.map_or(context.limits.lifetimes.verification, recovery::within_a_day),
            link_key: proof.link_key,
            code_key: proof.code_key,
            request: None,
            by: Actor::Stranger,
        },
        mail::queued(
            mail,
            MailKind::EmailVerification,
            id,
            address,
            Some(proof.token),
            locale,
        ),
    ];
    let SignUpMode::Open(session) = mode else {
        return Decision::accepted(events, Outcome::Session(None));
    };
    events.push(sign_in::signed_in(
        context,
        id,
        &session,
        credential_id,
        ask.client.network,
        SessionTerms::usual(context),
        origin,
    ));
    Decision::accepted(events, Outcome::Session(Some(session.session)))
}

fn collided(
    world: &impl World,
    context: &Context<'_>,
    ask: Ask,
    address: AddressId,
    (id, owner): (UserId, &User),
    mode: SignUpMode,
) -> Decision {
    let mail = match mode {
        SignUpMode::Strict(mail) => mail,
        SignUpMode::Open(_) => {
            // The answer tells that the address is taken, so it is counted: nobody tries addresses without bound.
            let event = Event::SignUpCollided {
                address,
                allowance: Allowance::None,
                client: ask.client.day,
                origin: ask.client.origin,
            };
            return Decision::refused_with(vec![event], Refusal::AddressTaken);
        }
    };
    let allowance = match &mail {
        Some(_) if owner.standing == Standing::Active && owner.address(address).is_some() => {
            recovery::mail_allowance(world, (id, owner), ask.client.network, context)
        }
        Some(_) | None => Allowance::None,
    };
    let origin = ask.client.origin;
    let mut events = vec![Event::SignUpCollided {
        address,
        allowance,
        client: ask.client.day,
        origin,
    }];
    if let (Some(mail), Allowance::General | Allowance::Reserve) = (&mail, allowance) {
        events.push(mail::queued(
            mail,
            MailKind::AccountExists,
            id,
            address,
            None,
            owner.locale,
        ));
    }
    Decision::accepted(events, Outcome::Session(None))
}

/// An administrator registers somebody. There is no password: the person sets one by recovery.
pub(super) fn create(context: &Context<'_>, new: NewUser, origin: Sealed, by: Actor) -> Decision {
    if context.found.is_some() {
        return Decision::refused(Refusal::AddressTaken);
    }
    if context.username_taken {
        return Decision::refused(Refusal::UsernameTaken);
    }
    if management::is_key_raising(new.role, by) {
        return Decision::refused(Refusal::NotAllowed);
    }
    Decision::accepted(vec![registered(new, by, Tag([0; 16]), origin)], Outcome::Done)
}

pub(super) fn ban(world: &impl World, id: UserId, by: Actor) -> Decision {
    let Some(user) = world.users().look(&id) else {
        return Decision::refused(Refusal::UserNotFound);
    };
    if management::may_not_remove(id, user, by) {
        return Decision::refused(Refusal::NotAllowed);
    }
    if user.standing == Standing::Banned {
        return Decision::accepted(vec![], Outcome::Ended(0));
    }
    let count = u32::try_from(user.sessions.len()).unwrap_or(u32::MAX);
    let events = vec![
        Event::UserBanned { user: id, by },
        Event::SessionsEnded {
            user: id,
            except: None,
            count,
            cause: EndCause::Banned,
            by,
            origin: None,
        },
    ];
    Decision::accepted(events, Outcome::Ended(count))
}

pub(super) fn unban(world: &impl World, id: UserId, by: Actor) -> Decision {
    let Some(user) = world.users().look(&id) else {
        return Decision::refused(Refusal::UserNotFound);
    };
    let events = if user.standing == Standing::Banned {
        vec![Event::UserUnbanned { user: id, by }]
    } else {
        vec![]
    };
    Decision::accepted(events, Outcome::Done)
}

pub(super) fn revoke_password(world: &impl World, id: UserId, by: Actor) -> Decision {
    let Some(user) = world.users().look(&id) else {
        return Decision::refused(Refusal::UserNotFound);
    };
    if management::may_not_remove(id, user, by) {
        return Decision::refused(Refusal::NotAllowed);
    }
    if user.credential.is_none() {
        return Decision::accepted(vec![], Outcome::Ended(0));
    }
    let count = u32::try_from(user.sessions.len()).unwrap_or(u32::MAX);
    let events = vec![
        Event::PasswordRevoked { user: id, by },
        Event::SessionsEnded {
            user: id,
            except: None,
            count,
            cause: EndCause::PasswordRevoked,
            by,
            origin: None,
        },
    ];
    Decision::accepted(events, Outcome::Ended(count))
}

/// Who wants to go closes their own account, which can be taken back for a while; this cannot.
pub(super) fn erase(world: &impl World, id: UserId, by: Actor) -> Decision {
    match world.users().look(&id) {
        Some(user) if management::may_not_remove(id, user, by) => Decision::refused(Refusal::NotAllowed),
        Some(_) => Decision::accepted(vec![Event::UserErased { user: id, by }], Outcome::Done),
        None => Decision::refused(Refusal::UserNotFound),
    }
}

/// Name and language are these from now on.
pub(super) fn change_profile(
    world: &impl World,
    context: &Context<'_>,
    id: UserId,
    session: SessionId,
    name: Option<Sealed>,
    locale: Locale,
    origin: Sealed,
) -> Decision {
    match session::signed_in_user(world, context, id, session) {
        Ok(_) => {
            let changed = Event::ProfileChanged {
                user: id,
                name,
                locale,
                origin,
            };
            Decision::accepted(vec![changed], Outcome::Done)
        }
        Err(refusal) => Decision::refused(refusal),
    }
}

/// The account closes: its sessions end at once, its keys die later, and until then a mailed link takes it back.
pub(super) fn withdraw(
    world: &impl World,
    context: &Context<'_>,
    id: UserId,
    session: SessionId,
    proof: AddressProof,
    mails: &Notices,
    origin: Sealed,
) -> Decision {
    let user = match session::signed_in_user(world, context, id, session) {
        Ok(user) => user,
        Err(refusal) => return Decision::refused(refusal),
    };
    let delay = context.limits.lifetimes.withdraw_delay;
    let until = context.now + delay;
    let count = u32::try_from(user.sessions.len()).unwrap_or(u32::MAX);
    let mut events = vec![
        Event::WithdrawRequested {
            user: id,
            until,
            origin: origin.clone(),
        },
        Event::SessionsEnded {
            user: id,
            except: None,
            count,
            cause: EndCause::Closing,
            by: Actor::User(id),
            origin: Some(origin),
        },
    ];
    // Without a delay there is nothing to take back: the keys die at the next beat, before any mail could leave.
    if delay > Span(0)
        && let Some(address) = user.addresses.first().map(|address| address.id)
    {
        let by = Actor::User(id);
        events.push(recovery::issued(
            context,
            id,
            user,
            address,
            Purpose::Reopen,
            proof,
            delay,
            None,
            by,
        ));
        // Each mailbox can say no, or whoever just made theirs the first could close the account unseen.
        let proof = Some(proof.token);
        events.extend(told_about(user, id, MailKind::AccountClosing, mails, proof));
    }
    Decision::accepted(events, Outcome::Ended(count))
}

pub(super) fn cancel_withdraw(
    world: &impl World,
    context: &Context<'_>,
    proof: ProofFound,
    origin: Sealed,
) -> Decision {
    match proof::usable_reopen(world, context, proof) {
        Ok(user) => Decision::accepted(
            vec![Event::WithdrawCancelled {
                user,
                token: proof.token,
                origin,
            }],
            Outcome::Done,
        ),
        Err(refusal) => Decision::refused(refusal),
    }
}

/// Whether an account closes whose mailed proof opens nothing any more, because an epoch began since. It must not be
/// erased before its owner could say no again.
pub fn closes_without_proof(world: &impl World, id: UserId) -> bool {
    let Some(user) = world.users().look(&id) else {
        return false;
    };
    let begun = world.small().epoch.valid_from;
    world.closings().look(&id).is_some()
        && user
            .tokens
            .iter()
            .filter_map(|id| world.tokens().look(id))
            .any(|token| {
                token.purpose == Purpose::Reopen
                    && token.standing == TokenStanding::Live
                    && token.position <= begun
            })
}

/// After an epoch a closing begins its time anew, with a proof that holds.
pub(super) fn renew_closing(
    world: &impl World,
    context: &Context<'_>,
    id: UserId,
    proof: AddressProof,
    mails: &Notices,
) -> Decision {
    let delay = context.limits.lifetimes.withdraw_delay;
    let Some(user) = world.users().look(&id) else {
        return Decision::refused(Refusal::UserNotFound);
    };
    let address = user.addresses.first().map(|address| address.id);
    let (Some(address), true) = (address, delay > Span(0) && closes_without_proof(world, id)) else {
        return Decision::accepted(vec![], Outcome::Done);
    };
    let (purpose, kind) = (Purpose::Reopen, MailKind::AccountClosing);
    let by = Actor::System;
    let mut events = vec![recovery::issued(
        context, id, user, address, purpose, proof, delay, None, by,
    )];
    events.extend(told_about(user, id, kind, mails, Some(proof.token)));
    Decision::accepted(events, Outcome::Issued(proof.token))
}

/// A closing whose time has come.
pub(super) fn erase_due(world: &impl World, context: &Context<'_>, id: UserId) -> Decision {
    let waits = context.limits.lifetimes.withdraw_delay > Span(0) && closes_without_proof(world, id);
    match world.closings().look(&id) {
        Some(until) if context.now >= *until && !waits => Decision::accepted(
            vec![Event::UserErased {
                user: id,
                by: Actor::System,
            }],
            Outcome::Done,
        ),
        Some(_) | None => Decision::refused(Refusal::UserNotFound),
    }
}
