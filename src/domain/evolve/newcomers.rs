//! Users whom administrators bring.

use super::super::event::{Event, Purpose};
use super::super::newcomer::Invitation;
use super::super::state::{Credential, TokenStanding};
use super::super::world::{Table, World};
use super::steps::{Voided, remember_past, set_standing, touch, void_tokens};
use crate::types::Timestamp;

/// Folds an event about somebody new; any other changes nothing here.
pub(super) fn evolve(world: &mut impl World, time: Timestamp, event: &Event) {
    if let Event::UserImported {
        user,
        address,
        verified,
        since,
        ..
    } = event
    {
        let Some(found) = touch(world, *user, time) else {
            return;
        };
        found.created = *since;
        let known = found.addresses.iter_mut().find(|known| known.id == *address);
        if let Some(known) = known.filter(|_| *verified) {
            known.verified = Some(time);
        }
    } else if let Event::PasswordImported {
        user,
        credential,
        verifier,
        ..
    } = event
    {
        let set = Credential {
            id: *credential,
            verifier: verifier.clone(),
            set: time,
        };
        if let Some(found) = touch(world, *user, time) {
            remember_past(found, set, 0);
        }
    } else if let Event::UserInvited { user, token, by } = event {
        let Some(expires) = world.tokens().look(token).map(|token| token.expires) else {
            return;
        };
        let since = world
            .invitations()
            .look(user)
            .map_or(time, |earlier| earlier.since);
        let invitation = Invitation {
            token: *token,
            since,
            expires,
            by: *by,
        };
        world.invitations_mut().put(*user, invitation);
    } else if let Event::InvitationAccepted { user, token, .. } = event {
        set_standing(world, *token, TokenStanding::Spent);
        world.invitations_mut().remove(user);
        void_tokens(world, *user, Voided::Only(Purpose::Invitation));
    }
}
