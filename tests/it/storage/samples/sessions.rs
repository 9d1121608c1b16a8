//! How sessions go on and end, and what was only counted: as written now, and as written before requests were noted.

use keyledger::domain::password_policy::BrokenRules;
use keyledger::domain::{Actor, EndCause, Event, SuppressedClass};
use keyledger::types::{Sealed, Span};

use super::{SESSION, USER, sealed};

const CAUSES: [EndCause; 10] = [
    EndCause::SignedOut,
    EndCause::EndedByUser,
    EndCause::EndedByAdmin,
    EndCause::Displaced,
    EndCause::PasswordChanged,
    EndCause::Recovered,
    EndCause::Replayed,
    EndCause::Banned,
    EndCause::Closing,
    EndCause::PasswordRevoked,
];

/// The classes that there were before the first of each was noted.
const FIRST_CLASSES: [SuppressedClass; 4] = [
    SuppressedClass::Requests,
    SuppressedClass::SignIns,
    SuppressedClass::Codes,
    SuppressedClass::Limited,
];

const LATER_CLASSES: [SuppressedClass; 3] = [
    SuppressedClass::ApiKeys,
    SuppressedClass::ForeignTokens,
    SuppressedClass::DeadTokens,
];

/// What kinds 63, 65, 66 and 100 read as in their first schemas, by their files.
pub(super) fn earlier() -> Vec<(&'static str, Vec<Event>)> {
    vec![
        ("063_refresh_rotated.1.txt", vec![rotated(None)]),
        ("065_session_ended.1.txt", ended(&CAUSES, None)),
        ("066_sessions_ended.1.txt", all_ended(None)),
        ("100_suppressed.1.txt", suppressed(&FIRST_CLASSES, None)),
    ]
}

/// New passwords that were refused.
pub(super) fn refused() -> Vec<Event> {
    let all = BrokenRules::from_bits(0xfff).expect("twelve kinds of rules");
    [BrokenRules::same_as_previous(), all]
        .map(|rules| Event::PasswordRefused {
            user: USER,
            session: SESSION,
            rules,
            origin: sealed(),
        })
        .to_vec()
}

pub(super) fn rotations() -> Vec<Event> {
    vec![rotated(None), rotated(Some(sealed()))]
}

pub(super) fn ends() -> Vec<Event> {
    [
        ended(&CAUSES, None),
        ended(&CAUSES[..1], Some(&sealed())),
        all_ended(None),
        all_ended(Some(&sealed())),
    ]
    .concat()
}

pub(super) fn counts() -> Vec<Event> {
    let (first, later) = (&FIRST_CLASSES, &LATER_CLASSES);
    [suppressed(first, None), suppressed(later, Some(&sealed()))].concat()
}

fn rotated(origin: Option<Sealed>) -> Event {
    Event::RefreshRotated {
        user: USER,
        session: SESSION,
        counter: 300,
        refresh_key: 4,
        idle: Span::days(7),
        origin,
    }
}

fn ended(causes: &[EndCause], origin: Option<&Sealed>) -> Vec<Event> {
    let ended = |cause: &EndCause| Event::SessionEnded {
        user: USER,
        session: SESSION,
        cause: *cause,
        by: Actor::User(USER),
        origin: origin.cloned(),
    };
    causes.iter().map(ended).collect()
}

fn all_ended(origin: Option<&Sealed>) -> Vec<Event> {
    let ended = |except| Event::SessionsEnded {
        user: USER,
        except,
        count: 2,
        cause: EndCause::EndedByUser,
        by: Actor::User(USER),
        origin: origin.cloned(),
    };
    [None, Some(SESSION)].map(ended).to_vec()
}

fn suppressed(classes: &[SuppressedClass], first: Option<&Sealed>) -> Vec<Event> {
    let counted = |class: &SuppressedClass| Event::Suppressed {
        class: *class,
        count: u64::from(u32::MAX) + 1,
        first: first.cloned(),
    };
    classes.iter().map(counted).collect()
}
