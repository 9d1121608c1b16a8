//! P5: a start that folds every event, against reading and hashing the bytes they lie in.

use std::ops::ControlFlow;
use std::time::Instant;

use keyledger::engine::fold;
use keyledger::ledger::Store;
use keyledger::types::Position;

use crate::crowd::Crowd;
use crate::report::{Figure, Goal, Line, mebibytes, per_second};
use crate::{Size, disk, house, lives};

pub(crate) const FIGURE: Figure = Figure {
    name: "P5",
    about: "a start by replay, of mixed events",
    measure,
};

/// In turns; the better of so many times for both: whatever else the machine does only takes away.
const TIMES: u32 = 3;

fn measure(size: Size) -> Vec<Line> {
    let crowd = Crowd::new();
    let directory = disk::directory();
    let mut store = house::on_disk(directory.path());
    let people = size.pick(2_000_000, 200_000) / lives::EVENTS_EACH;
    let events = lives::settle(&crowd, &mut *store, people);
    let (mut bytes, mut reading, mut folding) = (0, f64::INFINITY, f64::INFINITY);
    for _ in 0..TIMES {
        let began = Instant::now();
        bytes = read_and_hash(&*store);
        reading = reading.min(began.elapsed().as_secs_f64());
        let began = Instant::now();
        let folded = fold(&mut *store).expect("the ledger folds");
        folding = folding.min(began.elapsed().as_secs_f64());
        assert_eq!(folded.events, events);
        assert_eq!(folded.state.users.len() as u64, people);
    }
    let rate = |seconds: f64| events as f64 / seconds;
    let name = format!("P5 replay of {events} mixed events");
    let bytes = mebibytes(bytes as f64);
    vec![
        Line::ratio(
            name.clone(),
            per_second(rate(folding)),
            format!("{} read and hashed ({bytes})", per_second(rate(reading))),
            reading / folding,
            Goal::AtLeast(0.5),
        ),
        Line::plain(
            format!("{name}, on two cores"),
            format!("{folding:.2} s"),
            rate(folding) / 1e3,
            " k/s",
            Goal::AtLeast(750.0),
        ),
    ]
}

/// Reads all records and hashes them; gives how many bytes they have.
fn read_and_hash(store: &dyn Store) -> u64 {
    let mut bytes = 0;
    let mut hasher = blake3::Hasher::new();
    let scanned = store.scan(Position(0), &mut |frame| {
        for record in frame.records() {
            hasher.update(record);
            bytes += record.len() as u64;
        }
        ControlFlow::Continue(())
    });
    scanned.expect("the ledger is whole");
    std::hint::black_box(hasher.finalize());
    bytes
}
