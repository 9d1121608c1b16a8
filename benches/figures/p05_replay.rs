//! P5: a start that folds every event.

use std::ops::ControlFlow;
use std::time::Instant;

use keyledger::engine::fold;
use keyledger::ledger::Store;
use keyledger::types::Position;

use crate::crowd::Crowd;
use crate::lives::Town;
use crate::report::{Figure, Goal, Line, mebibytes, per_second};
use crate::{Size, disk, house};

pub(crate) const FIGURE: Figure = Figure {
    name: "P5",
    about: "a start by replay of mixed events, without a snapshot",
    measure,
};

/// The better of so many times, for both: whatever else the machine does only takes away.
const TIMES: u32 = 3;
/// What a machine with two cores should fold in a second.
const GOAL: f64 = 750e3;

fn measure(size: Size) -> Vec<Line> {
    let crowd = Crowd::new();
    let directory = disk::directory();
    let mut store = house::on_disk(directory.path());
    let events = Town::found(&crowd, &mut *store).live(size.pick(2_000_000, 100_000));
    // The store as a start finds it: nothing in its cache yet.
    drop(store);
    let mut store = house::on_disk(directory.path());
    let (mut read, mut folded, mut bytes) = (0.0_f64, 0.0_f64, 0);
    for _ in 0..TIMES {
        let began = Instant::now();
        bytes = read_and_hash(&*store);
        read = read.max(events as f64 / began.elapsed().as_secs_f64());
        let began = Instant::now();
        let there = fold(&mut *store).expect("the ledger folds");
        folded = folded.max(events as f64 / began.elapsed().as_secs_f64());
        assert_eq!(there.events, events);
    }
    let name = format!("P5 replay of {events} mixed events");
    vec![
        Line::ratio(
            name.clone(),
            per_second(folded),
            format!(
                "{} read and hashed ({}, {} B an event)",
                per_second(read),
                mebibytes(bytes as f64),
                bytes / events
            ),
            folded / read,
            Goal::AtLeast(0.5),
        ),
        Line::plain(
            name,
            per_second(folded),
            folded / 1e3,
            " k events/s",
            Goal::AtLeast(GOAL / 1e3),
        ),
    ]
}

/// Reads all records and hashes them; says how many bytes they have.
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
