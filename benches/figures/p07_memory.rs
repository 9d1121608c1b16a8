//! P7: what one more user and one more session cost in memory; and what a server takes that has nothing to do.

use keyledger::domain::{Event, State, evolve};

use crate::crowd::{Crowd, person};
use crate::report::{Figure, Goal, Line, mebibytes};
use crate::{Size, heap, house, p11_program};

pub(crate) const FIGURE: Figure = Figure {
    name: "P7",
    about: "memory: idle, a user, a session",
    measure,
};

/// Bytes of an id.
const ID: usize = 16;

fn measure(size: Size) -> Vec<Line> {
    let people = size.pick(1_000_000, 100_000);
    let mut lines: Vec<Line> = p11_program::idle().into_iter().collect();
    lines.extend(in_state(people));
    lines.push(in_engine(people / 4));
    lines
}

/// Folds people into state, and counts what stays.
fn in_state(people: u64) -> [Line; 2] {
    let crowd = Crowd::new();
    let mut state = State::default();
    let mut position = 0;
    let mut fold = |state: &mut State, event: Event| {
        let recorded = crowd.recorded(position, event);
        position += 1;
        let before = heap::live();
        evolve(state, &recorded);
        heap::live() - before
    };
    for event in Crowd::founding() {
        fold(&mut state, event);
    }
    let mut users = Held::default();
    let mut sessions = Held::default();
    // One life is taken for all: what its seals say differs, how long they are does not.
    let (life, _) = crowd.life(0);
    for n in 0..people {
        for event in life.clone() {
            let event = renamed(event, n);
            let strings = strings_of(&event);
            if matches!(event, Event::SignedIn { .. }) {
                sessions.strings += strings + ID;
                sessions.bytes += fold(&mut state, event);
            } else {
                users.strings += strings;
                users.bytes += fold(&mut state, event);
            }
        }
        users.strings += 2 * ID;
    }
    [
        users.line("user", people, Goal::AtMost(350.0)),
        sessions.line("session", people, Goal::AtMost(200.0)),
    ]
}

#[derive(Default)]
struct Held {
    bytes: usize,
    strings: usize,
}

impl Held {
    fn line(&self, of: &str, people: u64, goal: Goal) -> Line {
        let each = |bytes: usize| bytes as f64 / people as f64;
        Line::plain(
            format!("P7 a {of} in state, {people} users"),
            format!(
                "{:.0} B, of which keys and sealed strings {:.0} B",
                each(self.bytes),
                each(self.strings)
            ),
            each(self.bytes.saturating_sub(self.strings)),
            " B",
            goal,
        )
    }
}

/// The same event of another person.
fn renamed(event: Event, n: u64) -> Event {
    let who = person(n);
    match event {
        Event::UserRegistered {
            role,
            sealed_address,
            name,
            username,
            locale,
            by,
            client,
            origin,
            ..
        } => {
            let (user, address) = (who.user, who.address);
            Event::UserRegistered {
                user,
                role,
                address,
                sealed_address,
                name,
                username,
                locale,
                by,
                client,
                origin,
            }
        }
        Event::PasswordSet {
            verifier,
            cause,
            history,
            origin,
            ..
        } => {
            let (user, credential) = (who.user, who.credential);
            Event::PasswordSet {
                user,
                credential,
                verifier,
                cause,
                history,
                origin,
            }
        }
        Event::AddressVerified {
            token, via, origin, ..
        } => {
            let (user, address) = (who.user, who.address);
            Event::AddressVerified {
                user,
                address,
                token,
                via,
                origin,
            }
        }
        Event::SignedIn {
            network,
            refresh_key,
            expires,
            ends,
            origin,
            ..
        } => {
            let (user, session, credential) = (who.user, who.session, who.credential);
            Event::SignedIn {
                user,
                session,
                credential,
                network,
                refresh_key,
                expires,
                ends,
                origin,
            }
        }
        other => other,
    }
}

/// Bytes of the sealed strings that state keeps of an event.
fn strings_of(event: &Event) -> usize {
    match event {
        Event::UserRegistered {
            sealed_address, name, ..
        } => sealed_address.0.len() + name.as_ref().map_or(0, |name| name.0.len()),
        Event::PasswordSet { verifier, .. } => verifier.0.len(),
        Event::SignedIn { origin, .. } => origin.0.len(),
        _ => 0,
    }
}

/// All that a running engine holds: state, the address directory and the wrapped keys.
fn in_engine(people: u64) -> Line {
    let crowd = Crowd::new();
    let mut store = house::in_memory();
    crowd.settle(&mut *store, people);
    let before = heap::live();
    let engine = house::start_engine(store, crowd.ring.clone());
    let held = heap::live() - before;
    let wrapped = engine.vault().memory_bytes();
    engine.stop(std::time::Duration::from_secs(5));
    Line::plain(
        format!("P7 the engine, {people} users with a session each"),
        format!(
            "{}, of which wrapped data keys {}",
            mebibytes(held as f64),
            mebibytes(wrapped as f64)
        ),
        held as f64 / people as f64,
        " B a user",
        Goal::Stated,
    )
}
