//! P7: what one more user and one more session cost in memory; and what a server takes that has nothing to do.

use keyledger::domain::{Event, State, evolve};
use keyledger::types::Sealed;

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
    // The same papers for all: what seals say differs, how long they are does not.
    let (papers, _) = crowd.papers(&person(people));
    let strings = |sealed: [&Sealed; 3]| sealed.iter().map(|sealed| sealed.0.len()).sum::<usize>();
    let users_strings = strings([&papers.address, &papers.name, &papers.verifier]);
    for n in 0..people {
        let [registered, password, verified, signed_in] = crowd.life(&person(n), papers.clone());
        for event in [registered, password, verified] {
            users.bytes += fold(&mut state, event);
        }
        users.strings += users_strings + 2 * ID;
        sessions.bytes += fold(&mut state, signed_in);
        sessions.strings += papers.origin.0.len() + ID;
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
