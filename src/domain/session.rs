//! Signing in and staying in.

use crate::types::{AddressId, Sealed, SessionId, Span, Tag, Timestamp, UserId};

use super::command::{Ask, Context, NewCredential, NewMail, Outcome};
use super::decide::Decision;
use super::event::{Actor, EndCause, Event, FailCause, Subject};
use super::limits::Limits;
use super::mail_kind::MailKind;
use super::recovery::{is_known, notices, saturated};
use super::refusal::{LimitKind, LimitReached, Refusal};
use super::state::{Guard, Session, Standing, User};
use super::strangers::{StrangerClass, SuppressedClass, tally};
use super::user;
use super::world::{Table, World};

pub(super) const HOUR: Span = Span::hours(1);

/// Why an access token's session does not hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionFault {
    /// It ended or expired, or its user may not sign in.
    Over,
    /// Its user is gone.
    AccountGone,
}

/// The session of an access token, if it holds at this moment. Asked on every call, so that revocation holds from
/// the very next one (S-03, S-11).
pub fn live_session(
    world: &impl World,
    user: UserId,
    session: SessionId,
    now: Timestamp,
) -> Result<(&User, &Session), SessionFault> {
    let owner = world.users().look(&user).ok_or(SessionFault::AccountGone)?;
    let found = world
        .sessions()
        .look(&session)
        .filter(|s| s.user == user)
        .ok_or(SessionFault::Over)?;
    let valid_from = owner.valid_from.max(world.small().epoch.valid_from);
    let holds = found.position > valid_from
        && now < found.expires
        && now < found.ends
        && owner.standing == Standing::Active;
    if holds {
        Ok((owner, found))
    } else {
        Err(SessionFault::Over)
    }
}

/// The same for a command.
pub(super) fn signed_in_user<'w>(
    world: &'w impl World,
    context: &Context<'_>,
    user: UserId,
    session: SessionId,
) -> Result<&'w User, Refusal> {
    match live_session(world, user, session, context.now) {
        Ok((user, _)) => Ok(user),
        Err(SessionFault::Over) => Err(Refusal::SessionOver),
        Err(SessionFault::AccountGone) => Err(Refusal::UserNotFound),
    }
}

/// The wait after so many wrong sign-ins: none for the free ones, then doubling to a cap.
pub(super) fn backoff(limits: &Limits, count: u32) -> Span {
    let Some(doublings) = count.checked_sub(limits.signin_free) else {
        return Span(0);
    };
    let wait = limits
        .signin_wait_first
        .0
        .saturating_mul(1_i64 << doublings.min(20));
    Span(wait.min(limits.signin_wait_max.0))
}

/// Joins an unknown address and a client: what a user's record does by holding networks apart.
pub(super) fn stranger_pair(stranger: Tag, network: Tag) -> Tag {
    let mut out = stranger.0;
    for (byte, other) in out.iter_mut().zip(network.0) {
        *byte ^= other.rotate_left(3);
    }
    Tag(out)
}

/// Whether a sign-in for an address may be tried by a client now. The same for known and unknown (R-03, A12): the
/// door asks before hashing, `decide` asks again.
pub fn sign_in_gate(
    world: &impl World,
    context: &Context<'_>,
    stranger: Tag,
    network: Tag,
) -> Result<(), LimitReached> {
    let (now, limits) = (context.now, context.limits);
    let reached = |limit: u32, wait: Span| LimitReached {
        kind: LimitKind::SignIns,
        limit,
        wait: Span(wait.0.max(1)),
    };
    let (count, last, hour, hour_wait, known) =
        if let Some((id, user)) = context.found.and_then(|id| user::of_address_with_id(world, id)) {
            let none = Guard::default();
            let guard = world.guards().look(&id).unwrap_or(&none);
            let (count, last) = guard
                .sign_ins
                .iter()
                .find(|(tag, _, last)| *tag == network && now.day() == last.day())
                .map_or((0, Timestamp(0)), |(_, count, last)| (u32::from(*count), *last));
            let window = guard.sign_ins_hour;
            (
                count,
                last,
                window.count(now, HOUR),
                window.wait(now, HOUR),
                is_known(user, network, context),
            )
        } else {
            let pair = tally(
                world,
                context,
                stranger_pair(stranger, network),
                StrangerClass::SignIns,
            );
            let all = tally(world, context, stranger, StrangerClass::SignInsHour);
            (pair.count, pair.last, all.count, all.wait, false)
        };
    let ready = last + backoff(limits, count);
    if now < ready {
        return Err(reached(limits.signin_free, ready.since(now)));
    }
    if hour >= limits.signin_per_user_hour && !known {
        return Err(reached(limits.signin_per_user_hour, hour_wait));
    }
    Ok(())
}

/// A wrong password, or an address of nobody: remembered alike.
pub(super) fn wrong_password(world: &impl World, context: &Context<'_>, ask: Ask) -> Decision {
    let network = ask.client.network;
    let found = context.found.filter(|id| user::of_address(world, *id).is_some());
    if found.is_none() && saturated(world, context) {
        let left = vec![
            (stranger_pair(ask.stranger, network), StrangerClass::SignIns),
            (ask.stranger, StrangerClass::SignInsHour),
        ];
        return Decision::refused(Refusal::InvalidCredentials).leaving(SuppressedClass::SignIns, left);
    }
    let event = Event::SignInFailed {
        subject: found.map_or(Subject::Stranger(ask.stranger), Subject::Address),
        network,
        cause: FailCause::WrongPassword,
        origin: ask.client.origin,
    };
    Decision::refused_with(vec![event], Refusal::InvalidCredentials)
}

pub(super) fn upgrade_verifier(world: &impl World, id: UserId, credential: NewCredential) -> Decision {
    match world.users().look(&id) {
        Some(user) if user.credential_id() == Some(credential.id) => {
            let event = Event::VerifierUpgraded {
                user: id,
                credential: credential.id,
                verifier: credential.verifier,
            };
            Decision::accepted(vec![event], Outcome::Done)
        }
        Some(_) => Decision::refused(Refusal::Outdated),
        None => Decision::refused(Refusal::UserNotFound),
    }
}

/// Rotation (RFC 9700 §4.14.2): the current token becomes its successor; the one just replaced gives the same
/// successor once more within the grace; any older one of a living session ends every session of the user.
pub(super) fn refresh(
    world: &impl World,
    context: &Context<'_>,
    session: SessionId,
    counter: u32,
    refresh_key: u32,
    mail: Option<&(AddressId, NewMail)>,
    origin: Sealed,
) -> Decision {
    let Some(found) = world.sessions().look(&session) else {
        return refresh_of_dead(world, context, None, session, origin);
    };
    let id = found.user;
    let Ok((user, _)) = live_session(world, id, session, context.now) else {
        return refresh_of_dead(world, context, Some(id), session, origin);
    };
    if counter == found.counter {
        let next = counter + 1;
        let idle = context.limits.lifetimes.session_idle;
        let event = Event::RefreshRotated {
            user: id,
            session,
            counter: next,
            refresh_key,
            idle,
            origin: Some(origin),
        };
        return Decision::accepted(
            vec![event],
            Outcome::Refreshed {
                counter: next,
                refresh_key,
            },
        );
    }
    if counter > found.counter {
        return Decision::refused(Refusal::RefreshNotFound);
    }
    let grace =
        counter + 1 == found.counter && context.now < found.active + context.limits.lifetimes.refresh_grace;
    if grace {
        let outcome = Outcome::Refreshed {
            counter: found.counter,
            refresh_key: found.refresh_key,
        };
        return Decision::accepted(vec![], outcome);
    }
    let count = u32::try_from(user.sessions.len()).unwrap_or(u32::MAX);
    let mut events = vec![
        Event::RefreshReplayed {
            user: id,
            session,
            counter,
            origin: origin.clone(),
        },
        Event::SessionsEnded {
            user: id,
            except: None,
            count,
            cause: EndCause::Replayed,
            by: Actor::System,
            origin: Some(origin),
        },
    ];
    events.extend(notices(
        user,
        id,
        MailKind::SessionsRevoked,
        mail.map_or(&[], std::slice::from_ref),
    ));
    Decision::refused_with(events, Refusal::RefreshNotFound)
}

/// A genuine refresh token of a session that is over: refused, and remembered within what strangers may write.
fn refresh_of_dead(
    world: &impl World,
    context: &Context<'_>,
    user: Option<UserId>,
    session: SessionId,
    origin: Sealed,
) -> Decision {
    if saturated(world, context) {
        return Decision::refused(Refusal::RefreshNotFound).suppressing(SuppressedClass::SignIns);
    }
    let event = Event::RefreshRefused {
        user,
        session,
        origin,
    };
    Decision::refused_with(vec![event], Refusal::RefreshNotFound)
}

fn cause_of(user: UserId, by: Actor) -> EndCause {
    if by == Actor::User(user) {
        EndCause::EndedByUser
    } else {
        EndCause::EndedByAdmin
    }
}

pub(super) fn sign_out(
    world: &impl World,
    user: UserId,
    session: SessionId,
    origin: Option<Sealed>,
) -> Decision {
    end_for(
        world,
        user,
        session,
        EndCause::SignedOut,
        Actor::User(user),
        origin,
    )
}

pub(super) fn end(
    world: &impl World,
    user: UserId,
    session: SessionId,
    by: Actor,
    origin: Option<Sealed>,
) -> Decision {
    end_for(world, user, session, cause_of(user, by), by, origin)
}

fn end_for(
    world: &impl World,
    user: UserId,
    session: SessionId,
    cause: EndCause,
    by: Actor,
    origin: Option<Sealed>,
) -> Decision {
    match world.sessions().look(&session) {
        Some(found) if found.user == user => Decision::accepted(
            vec![Event::SessionEnded {
                user,
                session,
                cause,
                by,
                origin,
            }],
            Outcome::Ended(1),
        ),
        Some(_) | None => Decision::refused(Refusal::SessionNotFound),
    }
}

pub(super) fn end_all(
    world: &impl World,
    id: UserId,
    except: Option<SessionId>,
    by: Actor,
    origin: Option<Sealed>,
) -> Decision {
    let Some(user) = world.users().look(&id) else {
        return Decision::refused(Refusal::UserNotFound);
    };
    let kept = except.filter(|session| user.sessions.contains(session));
    let count = u32::try_from(user.sessions.len() - usize::from(kept.is_some())).unwrap_or(u32::MAX);
    if count == 0 {
        return Decision::accepted(vec![], Outcome::Ended(0));
    }
    let event = Event::SessionsEnded {
        user: id,
        except: kept,
        count,
        cause: cause_of(id, by),
        by,
        origin,
    };
    Decision::accepted(vec![event], Outcome::Ended(count))
}
