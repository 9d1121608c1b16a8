//! The past: folded again up to any moment, from a snapshot where one lies before it.

use std::sync::atomic::AtomicBool;

use keyledger::domain::{Recorded, State, evolve};
use keyledger::engine::{Engine, Lane, Moment, PastFault, StateThen, state_hash};
use keyledger::ledger::tree::leaf_hash;
use keyledger::ledger::{Frontier, MemoryStore, Shelf, codec, replay};
use keyledger::types::{Position, Span};
use tempfile::TempDir;

use super::take;
use crate::engine::{Gate, workload};
use crate::people::{HOME, Person};
use crate::rig::{PATIENCE, Rig, run};

fn past(engine: &Engine, moment: Moment) -> Result<StateThen, PastFault> {
    engine.past(moment, &AtomicBool::new(false), &|_, _| {})
}

#[test]
fn law_1_the_past_is_what_the_events_up_to_a_moment_fold_to() {
    let dir = TempDir::new().unwrap();
    let mut rig = Rig::new();
    rig.shelf = Some(Shelf::of(dir.path()));
    let gate = Gate::before(MemoryStore::new([1; 16]));
    let engine = rig.start(gate.store());
    workload(&engine, &rig.clock);
    let snapshot = take(dir.path(), &engine);
    for person in [0x70, 0x71, 0x72] {
        rig.clock.advance(Span::hours(2));
        run(&engine, Lane::Stranger, Person(person).signs_up(HOME)).unwrap();
    }
    let next = engine.head().next;
    assert!(snapshot.at > Position(2) && snapshot.at < next);

    let mut folded = State::default();
    let mut tree = Frontier::default();
    let mut moments: Vec<(Recorded, [u8; 32], [u8; 32])> = vec![];
    let mut store = gate.look(|store| store.reopen()).unwrap();
    replay(&mut store, &mut |header, payload, raw| {
        let recorded = codec::decode(header, payload)?;
        evolve(&mut folded, &recorded);
        tree.push(leaf_hash(raw));
        moments.push((recorded, state_hash(&folded), tree.root()));
        Ok::<_, codec::CodecFault>(())
    })
    .unwrap();
    for (recorded, state, root) in &moments {
        let found = past(&engine, Moment::Position(recorded.position)).unwrap();
        assert_eq!((found.position(), found.at), (recorded.position, recorded.time));
        assert_eq!((state_hash(&found.state), found.root()), (*state, *root));
    }
    // A time is everything that had happened by then; one moment leads on to the next in the same state.
    let times = moments.chunk_by(|(one, ..), (other, ..)| one.time.0 / 1_000 == other.time.0 / 1_000);
    let mut going = past(&engine, Moment::Position(Position(0))).unwrap();
    for same in times {
        let (last, state, _) = same.last().unwrap();
        let moment = Moment::Time(last.time);
        going = engine
            .past_later(going, moment, &AtomicBool::new(false), &|_, _| {})
            .unwrap();
        assert_eq!((going.at, state_hash(&going.state)), (last.time, *state));
        assert!(
            matches!(past(&engine, moment), Err(PastFault::Busy)),
            "one at a time"
        );
    }
    drop(going);
    let (last, state, _) = moments.last().unwrap();
    let found = past(&engine, Moment::Time(last.time + Span::minutes(0))).unwrap();
    assert_eq!(state_hash(&found.state), *state);
    assert_eq!(engine.read(state_hash), *state, "what is live was not touched");
    drop(found);
    let given_up = engine.past(Moment::Position(Position(1)), &AtomicBool::new(true), &|_, _| {});
    assert!(matches!(given_up, Err(PastFault::Stopped)));
    assert!(engine.stop(PATIENCE));
}
