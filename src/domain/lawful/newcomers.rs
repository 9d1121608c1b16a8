//! Users whom administrators bring.

use super::super::event::{Event, Purpose, Recorded};
use super::super::state::{TokenStanding, User};
use super::super::world::{Table, World};
use super::{active, ensure, owns, proves, token_is};

/// Events of the command that registers a user, beside the registration.
const WITH_REGISTRATION: u64 = 2;

/// Checks an event about somebody new; any other is none of these.
pub(super) fn check(world: &impl World, recorded: &Recorded) -> Result<(), &'static str> {
    // Whoever was here before gets no past and no password from elsewhere.
    let is_new = |user: &User| {
        recorded.position.0.saturating_sub(user.valid_from.0) <= WITH_REGISTRATION
            && user.credential.is_none()
    };
    let is_new = |user| world.users().look(user).is_some_and(is_new);
    if let Event::UserImported {
        user, address, since, ..
    } = &recorded.event
    {
        ensure(is_new(user), "somebody was imported who was here already")?;
        ensure(
            *since <= recorded.time,
            "somebody was known from a time that is to come",
        )?;
        return owns(world, *user, *address);
    }
    if let Event::PasswordImported { user, .. } = &recorded.event {
        return ensure(
            is_new(user),
            "a password was imported for somebody who was here already",
        );
    }
    if let Event::UserInvited { user, token, .. } = &recorded.event {
        token_is(world, *token, *user, TokenStanding::Live)?;
        let purpose = world.tokens().look(token).map(|token| token.purpose);
        return ensure(
            purpose == Some(Purpose::Invitation),
            "somebody was invited by a proof for something else",
        );
    }
    if let Event::InvitationAccepted {
        user, token, address, ..
    } = &recorded.event
    {
        proves(world, recorded, *token, *user, Purpose::Invitation)?;
        let same = world.tokens().look(token).is_some_and(|t| t.address == *address);
        ensure(same, "an invitation to another address was used")?;
        return active(world, *user);
    }
    Ok(())
}
