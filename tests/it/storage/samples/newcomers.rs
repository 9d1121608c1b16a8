//! Samples of people whom administrators bring.

use keyledger::domain::{Actor, Event};
use keyledger::types::Span;

use super::{ADDRESS, CREDENTIAL, KEY, TOKEN, USER, later, sealed};

pub(super) fn events() -> Vec<Event> {
    let user = USER;
    let by = Actor::Operator;
    vec![
        Event::UserImported {
            user,
            address: ADDRESS,
            verified: true,
            since: later(Span::days(-700)),
            by,
        },
        Event::UserImported {
            user,
            address: ADDRESS,
            verified: false,
            since: later(Span(0)),
            by: Actor::User(user),
        },
        Event::PasswordImported {
            user,
            credential: CREDENTIAL,
            verifier: sealed(),
            by,
        },
        Event::UserInvited {
            user,
            token: TOKEN,
            by: Actor::ApiKey(KEY),
        },
        Event::InvitationAccepted {
            user,
            token: TOKEN,
            address: ADDRESS,
            origin: sealed(),
        },
    ]
}
