//! Mixed lives: what people do with an account, told round by round, so that neighbours in the ledger are strangers.

use std::ops::Range;

use keyledger::domain::{
    Actor, Allowance, EndCause, Event, FailCause, MailKind, PasswordCause, Purpose, Subject, Via,
};
use keyledger::ledger::{CommandPart, Store, codec};
use keyledger::types::{CredentialId, Locale, MailId, Position, SessionId, Span, Tag, TokenId};

use crate::crowd::{Crowd, Papers, Person, append, person};

/// Events of each life.
pub(crate) const EVENTS_EACH: u64 = 20;
/// People whose lives go on beside each other.
const NEIGHBOURS: u64 = 1_024;

/// Fills an empty store with so many lives; makes the seals anew for each neighbour only, because what seals say differs
/// and how long they are does not.
pub(crate) fn settle(crowd: &Crowd, store: &mut dyn Store, people: u64) -> u64 {
    let founding = Crowd::founding();
    let founded = founding.len() as u64;
    let encode = |at: u64, event: Event| {
        codec::encode(&crowd.recorded(at, event), CommandPart::Last).expect("events fit in records")
    };
    let first = (0..).zip(founding).map(|(at, event)| encode(at, event));
    append(store, first.collect(), vec![]);
    let papers: Vec<Papers> = (0..NEIGHBOURS.min(people))
        .map(|n| crowd.papers(&person(n)).0)
        .collect();
    let mut next = founded;
    let mut begin = 0;
    while begin < people {
        let neighbours = begin..(begin + NEIGHBOURS).min(people);
        append(store, rounds(crowd, &neighbours, next, &papers, &encode), vec![]);
        next += EVENTS_EACH * (neighbours.end - neighbours.start);
        begin = neighbours.end;
    }
    next
}

/// The records of neighbours: the first event of each, then the second of each, and so on.
fn rounds(
    crowd: &Crowd,
    people: &Range<u64>,
    first: u64,
    papers: &[Papers],
    encode: &impl Fn(u64, Event) -> Vec<u8>,
) -> Vec<Vec<u8>> {
    let count = people.end - people.start;
    let lives: Vec<Vec<Event>> = people
        .clone()
        .zip(papers)
        .map(|(n, papers)| {
            let at = |round: u64| Position(first + round * count + (n - people.start));
            life(crowd, &person(n), papers, at)
        })
        .collect();
    let mut rounds: Vec<_> = lives.into_iter().map(Vec::into_iter).collect();
    (first..first + EVENTS_EACH * count)
        .map(|at| {
            let who = usize::try_from((at - first) % count).expect("some neighbours");
            let event = rounds[who].next().expect("lives of one length");
            encode(at, event)
        })
        .collect()
}

/// One life; `at` says where the event of a round stands.
fn life(crowd: &Crowd, who: &Person, papers: &Papers, at: impl Fn(u64) -> Position) -> Vec<Event> {
    let Person {
        user,
        address,
        credential,
        session,
        ..
    } = *who;
    let Papers { verifier, origin, .. } = papers;
    let subject = Subject::Address(address);
    let (token, second) = (TokenId(user.0), CredentialId(address.0));
    let refresh_key = 1;
    let refreshed = |session, counter| Event::RefreshRotated {
        user,
        session,
        counter,
        refresh_key,
        idle: Span::days(7),
    };
    let mailed = |kind, token, mail| Event::MailQueued {
        mail,
        kind,
        user,
        address,
        token,
        locale: Locale::En,
        details: origin.clone(),
    };
    let delivered = |round| Event::MailDelivered {
        queued: at(round),
        attempt: 1,
        status: 250,
    };
    let mut events = Vec::from(crowd.life(who, papers.clone()));
    let Event::SignedIn { expires, ends, .. } = events[3] else {
        panic!("a life begins with signing in");
    };
    let later = SessionId(credential.0);
    events.extend((1..=4).map(|counter| refreshed(session, counter)));
    events.extend([
        Event::SignInFailed {
            subject,
            network: Tag(user.0),
            cause: FailCause::WrongPassword,
            origin: origin.clone(),
        },
        Event::ResetRequested {
            subject,
            allowance: Allowance::General,
            client: Tag([1; 16]),
            origin: origin.clone(),
            locale: Locale::En,
        },
        Event::TokenIssued {
            token,
            user,
            address,
            purpose: Purpose::Recovery,
            credential: Some(credential),
            expires: crowd.began + Span::hours(1),
            link_key: 1,
            code_key: 1,
            request: Some(at(9)),
            by: Actor::Stranger,
        },
        mailed(MailKind::PasswordReset, Some(token), MailId(user.0)),
        delivered(11),
        Event::RecoveryCompleted {
            user,
            token,
            address,
            via: Via::Link,
            origin: origin.clone(),
        },
        Event::PasswordSet {
            user,
            credential: second,
            verifier: verifier.clone(),
            cause: PasswordCause::Recovered(token),
            history: 0,
            origin: origin.clone(),
        },
        mailed(MailKind::PasswordChanged, None, MailId(address.0)),
        delivered(15),
        Event::SignedIn {
            user,
            session: later,
            credential: second,
            network: Tag(user.0),
            refresh_key,
            expires,
            ends,
            origin: origin.clone(),
        },
        refreshed(later, 1),
        Event::SessionEnded {
            user,
            session: later,
            cause: EndCause::SignedOut,
            by: Actor::User(user),
        },
    ]);
    assert_eq!(events.len() as u64, EVENTS_EACH, "rounds of one length");
    events
}
