//! Samples of what administrators do about users and mails.

use keyledger::domain::{Actor, Event, Role};
use keyledger::types::Locale;

use super::{ACTORS, KEY, REQUEST, USER, sealed};

pub(super) fn events() -> Vec<Event> {
    let user = USER;
    let by = Actor::ApiKey(KEY);
    let mut events: Vec<Event> = [Role::Admin, Role::User, Role::Guest]
        .into_iter()
        .zip(ACTORS)
        .map(|(role, by)| Event::RoleChanged { user, role, by })
        .collect();
    events.extend([
        Event::ProfileEdited {
            user,
            name: Some(sealed()),
            locale: Locale::Ko,
            by,
        },
        Event::ProfileEdited {
            user,
            name: None,
            locale: Locale::En,
            by: Actor::User(user),
        },
        Event::RecoverySent { user, by },
        Event::MailCancelled {
            queued: REQUEST,
            by: Actor::Operator,
        },
        Event::MailHastened { queued: REQUEST, by },
    ]);
    events
}
