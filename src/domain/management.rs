//! What administrators do about users and mails, beside keeping people out and letting them in.

use crate::types::{Locale, Position, Sealed, Tag, Timestamp, UserId};

use super::command::{Context, Outcome};
use super::decide::Decision;
use super::event::{Actor, Allowance, Event, Subject};
use super::mail;
use super::objection::is_barred;
use super::refusal::Refusal;
use super::state::{Role, Standing, User};
use super::world::{Table, World};

/// What an administrator wants done.
///
/// `against` is when the user had last changed when the administrator looked; if that is no longer so, somebody else was
/// faster, and nothing is done.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are described by their types")]
pub enum ManagementCommand {
    /// Change what a user may do.
    ChangeRole {
        user: UserId,
        role: Role,
        against: Option<Timestamp>,
        by: Actor,
    },
    /// Give a user another name or language.
    EditProfile {
        user: UserId,
        name: Option<Sealed>,
        locale: Locale,
        against: Option<Timestamp>,
        by: Actor,
    },
    /// Have a way back in mailed to a user.
    SendRecovery { user: UserId, origin: Sealed, by: Actor },
    /// Take a mail out of the outbox.
    CancelMail { queued: Position, by: Actor },
    /// Have a mail tried at once.
    HastenMail { queued: Position, by: Actor },
}

pub(super) fn decide(world: &impl World, context: &Context<'_>, command: ManagementCommand) -> Decision {
    match command {
        ManagementCommand::ChangeRole {
            user,
            role,
            against,
            by,
        } => change_role(world, user, role, against, by),
        ManagementCommand::EditProfile {
            user,
            name,
            locale,
            against,
            by,
        } => match unchanged(world, user, against) {
            Ok(_) => done(Event::ProfileEdited {
                user,
                name,
                locale,
                by,
            }),
            Err(refusal) => Decision::refused(refusal),
        },
        ManagementCommand::SendRecovery { user, origin, by } => {
            send_recovery(world, context, user, origin, by)
        }
        ManagementCommand::CancelMail { queued, by } => {
            mail::settle(world, queued, Event::MailCancelled { queued, by })
        }
        ManagementCommand::HastenMail { queued, by } => {
            mail::settle(world, queued, Event::MailHastened { queued, by })
        }
    }
}

fn done(event: Event) -> Decision {
    Decision::accepted(vec![event], Outcome::Done)
}

/// Nobody does to themself as administrator what could leave the house without one.
pub(super) fn is_oneself(user: UserId, by: Actor) -> bool {
    by == Actor::User(user)
}

/// A secret key is an administrator, and yet no way into the account of a person who is one, and none to be rid of them:
/// keys lie in files of services, and what takes an administrator's place must be a person's deed.
pub(super) fn is_key_against_administrator(user: &User, by: Actor) -> bool {
    user.role == Role::Admin && matches!(by, Actor::ApiKey(_))
}

/// Who may not keep somebody out or take them away: whoever it is themself, and keys where it is an administrator.
pub(super) fn may_not_remove(id: UserId, user: &User, by: Actor) -> bool {
    is_oneself(id, by) || is_key_against_administrator(user, by)
}

/// A key makes nobody an administrator either, or it would stay one after it was revoked.
pub(super) fn is_key_raising(role: Role, by: Actor) -> bool {
    role == Role::Admin && matches!(by, Actor::ApiKey(_))
}

fn unchanged(world: &impl World, id: UserId, against: Option<Timestamp>) -> Result<&User, Refusal> {
    let user = world.users().look(&id).ok_or(Refusal::UserNotFound)?;
    if against.is_some_and(|against| against != user.updated) {
        return Err(Refusal::Changed);
    }
    Ok(user)
}

fn change_role(
    world: &impl World,
    id: UserId,
    role: Role,
    against: Option<Timestamp>,
    by: Actor,
) -> Decision {
    let user = match unchanged(world, id, against) {
        Ok(user) => user,
        Err(refusal) => return Decision::refused(refusal),
    };
    if user.role == role {
        return Decision::accepted(vec![], Outcome::Done);
    }
    if may_not_remove(id, user, by) || is_key_raising(role, by) {
        return Decision::refused(Refusal::NotAllowed);
    }
    done(Event::RoleChanged { user: id, role, by })
}

/// The mail is one that the user could have asked for: it goes to the address they sign in with, and what it opens, and
/// what it asks for, is the same. Only the limits of strangers are not those of an administrator.
fn send_recovery(
    world: &impl World,
    context: &Context<'_>,
    id: UserId,
    origin: Sealed,
    by: Actor,
) -> Decision {
    let Some(user) = world.users().look(&id) else {
        return Decision::refused(Refusal::UserNotFound);
    };
    if user.standing != Standing::Active {
        return Decision::refused(Refusal::UserNotActive);
    }
    let mut addresses = user.addresses.iter().map(|address| address.id);
    let Some(address) = addresses.find(|address| !is_barred(world, id, *address, context.now)) else {
        return Decision::refused(Refusal::AddressNotFound);
    };
    let asked = Event::ResetRequested {
        subject: Subject::Address(address),
        allowance: Allowance::General,
        client: Tag([0; 16]),
        origin,
        locale: user.locale,
    };
    Decision::accepted(vec![Event::RecoverySent { user: id, by }, asked], Outcome::Done)
}
