//! Setting a new password while signed in: the current one is asked for, and what came of it is remembered.

use crate::types::{Sealed, SessionId, Span, UserId};

use super::command::{Context, NewCredential, Notices, Outcome, PasswordVerdict};
use super::decide::Decision;
use super::event::{EndCause, Event, PasswordCause};
use super::password_policy::BrokenRules;
use super::recovery::new_password;
use super::refusal::{LimitKind, LimitReached, Refusal};
use super::session::signed_in_user;
use super::strangers::{SuppressedClass, counted};
use super::world::World;

/// The window in which wrong current passwords are counted, and new ones that were refused.
pub(super) const PASSWORD_WINDOW: Span = Span::minutes(15);
/// Refused new passwords of a user that are written one by one in a window: each tells the same, and the rest is counted.
const REFUSALS_RECORDED_MAX: u32 = 20;

/// What is to become of the password of somebody who is signed in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PasswordChange {
    /// Nothing: only whether the current one may be asked for, and was right, matters.
    Nothing,
    /// Nothing, because the new one broke these rules.
    Refused(BrokenRules),
    /// This is the new one.
    Set(NewCredential),
}

/// Whether current passwords of a user may be tried in a session now.
pub(super) fn current_password_gate(
    world: &impl World,
    context: &Context<'_>,
    user: UserId,
) -> Result<(), LimitReached> {
    counted(world, user, |guard| guard.current_password).room(
        context.now,
        PASSWORD_WINDOW,
        LimitKind::CurrentPassword,
        context.limits.current_password_tries,
    )
}

#[expect(clippy::too_many_arguments, reason = "the fields of the command")]
pub(super) fn change_password(
    world: &impl World,
    context: &Context<'_>,
    id: UserId,
    session: SessionId,
    verdict: PasswordVerdict,
    change: PasswordChange,
    mails: &Notices,
    origin: Sealed,
) -> Decision {
    let user = match signed_in_user(world, context, id, session) {
        Ok(user) => user,
        Err(refusal) => return Decision::refused(refusal),
    };
    if let Err(reached) = current_password_gate(world, context, id) {
        return Decision::limited(reached.kind, reached.limit, reached.wait);
    }
    match verdict {
        PasswordVerdict::Wrong => {
            let wrong = Event::CurrentPasswordWrong {
                user: id,
                session,
                origin,
            };
            Decision::refused_with(vec![wrong], Refusal::CurrentPasswordWrong)
        }
        PasswordVerdict::Right(against) if Some(against) != user.credential_id() => {
            Decision::refused(Refusal::Outdated)
        }
        PasswordVerdict::Right(_) => match change {
            PasswordChange::Nothing => Decision::accepted(vec![], Outcome::Done),
            PasswordChange::Refused(rules) => refused(world, context, id, session, rules, origin),
            PasswordChange::Set(credential) => {
                let (cause, end) = (PasswordCause::Changed, EndCause::PasswordChanged);
                let events = new_password(context, id, user, credential, cause, end, &origin, mails);
                Decision::accepted(events, Outcome::Done)
            }
        },
    }
}

/// Remembers a new password that was refused (ASVS 16.3.1), so many times in a window.
fn refused(
    world: &impl World,
    context: &Context<'_>,
    user: UserId,
    session: SessionId,
    rules: BrokenRules,
    origin: Sealed,
) -> Decision {
    let recorded = counted(world, user, |guard| guard.refused_passwords);
    if recorded.count(context.now, PASSWORD_WINDOW) >= REFUSALS_RECORDED_MAX {
        return Decision::accepted(vec![], Outcome::Done).suppressing(SuppressedClass::Limited);
    }
    let event = Event::PasswordRefused {
        user,
        session,
        rules,
        origin,
    };
    Decision::accepted(vec![event], Outcome::Done)
}
