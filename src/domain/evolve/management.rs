//! What administrators do about users and mails.

use super::super::event::{Event, Purpose};
use super::super::world::{Table, World};
use super::steps::{Voided, touch, void_tokens};
use crate::types::Timestamp;

/// Folds an event of an administrator's work; any other changes nothing here.
pub(super) fn evolve(world: &mut impl World, time: Timestamp, event: &Event) {
    if let Event::RoleChanged { user, role, .. } = event {
        if let Some(found) = touch(world, *user, time) {
            found.role = *role;
        }
        // What was handed over to somebody with another role opens nothing of the new one.
        void_tokens(world, *user, Voided::Only(Purpose::Recovery));
        void_tokens(world, *user, Voided::Only(Purpose::Invitation));
    } else if let Event::ProfileEdited {
        user, name, locale, ..
    } = event
    {
        if let Some(found) = touch(world, *user, time) {
            found.name.clone_from(name);
            found.locale = *locale;
        }
    } else if let Event::MailCancelled { queued, .. } = event {
        world.outbox_mut().remove(queued);
    } else if let Event::MailHastened { queued, .. } = event
        && let Some(mail) = world.outbox_mut().edit(queued)
    {
        mail.next = time;
    }
}
