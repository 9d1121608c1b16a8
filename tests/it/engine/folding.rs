//! Long folds: what the steps that go on side by side come to, also when one of them finds a fault.

use keyledger::domain::{Event, Recorded};
use keyledger::engine::{fold, state_hash};
use keyledger::ledger::codec::{self, CodecFault};
use keyledger::ledger::memory::{Fault, WritePoint};
use keyledger::ledger::tree::leaf_hash;
use keyledger::ledger::{
    Batch, CommandPart, Frontier, MemoryStore, RecordHeader, ReplayError, Store, record,
};
use keyledger::types::{CommandId, Position};

use super::faults::plan;
use crate::people::NOON;

/// Far more than wait between two steps.
const EVENTS: u64 = 20_000;
/// Enough to need several frames.
const TAIL: u64 = 200;
/// Of no release.
const UNKNOWN: u16 = 9_999;

fn delivered(at: u64, command: u8, part: CommandPart) -> Vec<u8> {
    let event = Event::MailDelivered {
        queued: Position(at),
        attempt: 1,
        status: 250,
    };
    let recorded = Recorded {
        position: Position(at),
        time: NOON,
        command: CommandId([command; 16]),
        event,
    };
    codec::encode(&recorded, part).unwrap()
}

fn unknown(at: u64) -> Vec<u8> {
    let header = RecordHeader {
        kind: UNKNOWN,
        schema: 1,
        part: CommandPart::Last,
        position: Position(at),
        time: NOON,
        command: CommandId([1; 16]),
    };
    record::encode(&header, b"of another time").unwrap()
}

fn batch(records: Vec<Vec<u8>>) -> Batch {
    Batch {
        epoch: 1,
        records,
        ..Batch::default()
    }
}

/// A long ledger, whose last command was torn by a crash.
fn torn(records: Vec<Vec<u8>>) -> MemoryStore {
    let end = records.len() as u64;
    let mut store = MemoryStore::new([1; 16]);
    store.append(Position(0), &batch(records)).unwrap();
    store.set_faults(plan(WritePoint::Append, 0, Fault::Torn(1)));
    let tail = (0..TAIL).map(|n| {
        let part = if n + 1 == TAIL {
            CommandPart::Last
        } else {
            CommandPart::Inner
        };
        delivered(end + n, 2, part)
    });
    store.append(Position(end), &batch(tail.collect())).unwrap_err();
    let store = store.reopen().unwrap();
    assert!(
        store.head().next > Position(end),
        "a part of the command is there"
    );
    store
}

#[test]
fn law_5_a_long_fold_sees_every_event_in_its_order_and_cuts_what_was_torn() {
    let records: Vec<_> = (0..EVENTS)
        .map(|at| delivered(at, 1, CommandPart::Last))
        .collect();
    let mut tree = Frontier::default();
    for record in &records {
        tree.push(leaf_hash(record));
    }
    let mut store = torn(records);
    let folded = fold(&mut store).unwrap();
    assert_eq!(folded.events, EVENTS);
    assert_eq!(folded.state.next(), Position(EVENTS));
    assert_eq!(folded.tree, tree);
    assert_eq!(folded.cut.unwrap().from, Position(EVENTS));
    assert_eq!(store.head().next, Position(EVENTS));
    let again = fold(&mut store).unwrap();
    assert_eq!(again.cut, None);
    assert_eq!(state_hash(&again.state), state_hash(&folded.state));
}

#[test]
fn law_16_an_event_of_a_later_release_stops_a_long_fold_and_nothing_is_touched() {
    // Early, while all steps are busy; and last, when the others are done.
    for at in [7, EVENTS - 1] {
        let records = (0..EVENTS).map(|n| {
            if n == at {
                unknown(n)
            } else {
                delivered(n, 1, CommandPart::Last)
            }
        });
        let mut store = torn(records.collect());
        let before = store.head();
        let fault = fold(&mut store).unwrap_err();
        assert!(
            matches!(
                fault,
                ReplayError::Visit(CodecFault::Unknown {
                    kind: UNKNOWN,
                    schema: 1
                })
            ),
            "{fault}"
        );
        assert_eq!(store.head(), before, "not even the torn command is cut");
    }
}
