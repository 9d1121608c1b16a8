//! Each write point, lost or persisted and reported as failed: the engine stops, and what was acknowledged is there.

use std::sync::atomic::{AtomicBool, Ordering};

use keyledger::crypto::WrappedKey;
use keyledger::domain::{Command, State};
use keyledger::engine::{Engine, Lane, Trouble, fold, state_hash};
use keyledger::ledger::memory::{Fault, FaultPlan, WritePoint};
use keyledger::ledger::{MemoryStore, Store};
use keyledger::system::SeededEntropy;
use keyledger::types::{DataKeyId, Span};

use super::gate::Gate;
use crate::people::{ADA, BOB, HOME, Net, Person};
use crate::rig::{PATIENCE, Rig, block_on, run};

/// The one write of a kind, counted from 0, goes wrong in one way.
pub(super) fn plan(at: WritePoint, number: u64, fault: Fault) -> FaultPlan {
    let mut seen = 0;
    Box::new(move |point, _| {
        if point != at {
            return Fault::None;
        }
        seen += 1;
        if seen == number + 1 { fault } else { Fault::None }
    })
}

fn person(n: u8) -> Person {
    Person(0x30 + n)
}

fn key(engine: &Engine, id: DataKeyId) -> (DataKeyId, WrappedKey) {
    (id, engine.vault().make(id, &SeededEntropy::new(3)).1)
}

/// Signs people up one after another; says who was acknowledged.
fn sign_up_many(engine: &Engine) -> Vec<Person> {
    let sign_up = |n: u8| {
        let person = person(n);
        let keys = vec![key(engine, DataKeyId::User(person.user()))];
        let command = person.signs_up(Net(100 + u16::from(n)));
        let answer = engine.execute_blocking(Lane::Stranger, command, keys);
        answer.is_ok().then_some(person)
    };
    (0..8).filter_map(sign_up).collect()
}

#[test]
fn law_6_every_append_that_fails_stops_the_engine_and_loses_nothing_that_was_acknowledged() {
    let faults = [
        Fault::Lost,
        Fault::PersistedButError,
        Fault::Torn(0),
        Fault::Torn(1),
        Fault::Torn(2),
    ];
    for fault in faults {
        for number in 0..6_usize {
            let rig = Rig::new();
            let mut store = MemoryStore::new([1; 16]);
            store.set_faults(plan(WritePoint::Append, number as u64 + 1, fault));
            let gate = Gate::before(store);
            let engine = rig.start(gate.store());
            let acknowledged = sign_up_many(&engine);
            assert_eq!(acknowledged.len(), number, "{fault:?}");
            assert_eq!(run(&engine, Lane::Proof, ADA.is_banned()), Err(Trouble::Stopped));
            assert!(engine.stop(PATIENCE));
            assert!(!engine.is_running());
            let told = rig.failures();
            assert_eq!(told.len(), 1, "once: {told:?}");
            assert!(told[0].contains("unknown"), "{told:?}");
            assert_eq!(engine.failure().as_ref(), told.first());
            drop(told);
            let live = engine.read(state_hash);
            drop(engine);

            let mut disk = gate.look(|store| store.reopen()).unwrap();
            let folded = fold(&mut disk).unwrap().state;
            for person in &acknowledged {
                assert!(folded.users.contains_key(&person.user()), "{fault:?} {number}");
            }
            let one_more = usize::from(fault == Fault::PersistedButError || folded.users.len() > number);
            assert_eq!(folded.users.len(), acknowledged.len() + one_more);
            if one_more == 0 {
                assert_eq!(state_hash(&folded), live, "a prefix");
            }
            // The next process goes on.
            let next = rig.start(disk);
            assert!(run(&next, Lane::Stranger, BOB.signs_up(HOME)).is_ok());
            assert!(next.stop(PATIENCE));
        }
    }
}

#[test]
fn an_unfinished_command_at_the_end_is_cut_at_the_start() {
    // A command of many records spans several frames, so that a torn append leaves a part of it.
    let rig = Rig::new();
    let gate = Gate::before(MemoryStore::new([1; 16]));
    let engine = rig.start(gate.store());
    gate.look(|store| store.set_faults(plan(WritePoint::Append, 0, Fault::Torn(1))));
    let mut long = ADA.gets_recovery(1, Span::hours(1));
    run(&engine, Lane::Stranger, BOB.signs_up(HOME)).unwrap_err();
    assert!(engine.stop(PATIENCE));
    let (engine, report) = rig.boot(gate.look(|store| store.reopen()).unwrap()).unwrap();
    assert!(report.cut.is_none(), "it was one frame: whole, or not there");
    run(&engine, Lane::Proof, ADA.is_created()).unwrap();
    assert!(engine.stop(PATIENCE));

    let gate = Gate::before(MemoryStore::new([1; 16]));
    let engine = rig.start(gate.store());
    run(&engine, Lane::Proof, ADA.is_created()).unwrap();
    let before = engine.read(state_hash);
    gate.look(|store| store.set_faults(plan(WritePoint::Append, 0, Fault::Torn(1))));
    if let Command::IssueRecovery { mails, .. } = &mut long {
        *mails = (0..60).map(|n| (ADA.address(), crate::people::mail(n))).collect();
    }
    assert_eq!(run(&engine, Lane::Proof, long), Err(Trouble::Stopped));
    assert!(engine.stop(PATIENCE));
    let (engine, report) = rig.boot(gate.look(|store| store.reopen()).unwrap()).unwrap();
    let cut = report.cut.expect("a part of the command was there");
    assert!(cut.records > 0);
    assert_eq!(engine.read(State::next), cut.from);
    assert_eq!(engine.read(state_hash), before, "all or none");
    assert!(engine.stop(PATIENCE));
}

#[test]
fn every_caller_that_waits_gets_an_error_when_a_write_fails() {
    for fault in [Fault::Lost, Fault::PersistedButError] {
        let rig = Rig::new();
        let gate = Gate::before(MemoryStore::new([1; 16]));
        let engine = rig.start(gate.store());
        gate.look(|store| store.set_faults(plan(WritePoint::Append, 0, fault)));
        gate.close();
        let begin = |n: u8, lane| engine.begin(lane, person(n).signs_up(Net(u16::from(n))), vec![]);
        let mut waiting = vec![begin(0, Lane::Stranger).unwrap()];
        gate.wait_for_an_append();
        for n in 1..40 {
            let lane = if n % 2 == 0 { Lane::Proof } else { Lane::Stranger };
            waiting.push(begin(n, lane).unwrap());
        }
        gate.open();
        block_on(async {
            for caller in waiting {
                assert_eq!(caller.outcome().await, Err(Trouble::Stopped));
            }
        });
        assert!(engine.stop(PATIENCE));
        assert_eq!(rig.failures().len(), 1);
        assert_eq!(begin(0, Lane::Proof).err(), Some(Trouble::Stopped));
        assert!(
            engine.read(|state| state.users.is_empty()),
            "nothing undurable was shown"
        );
    }
}

#[test]
fn a_failed_destruction_of_keys_stops_the_engine_and_is_repeated_by_the_next() {
    for fault in [Fault::Lost, Fault::PersistedButError] {
        let rig = Rig::new();
        let mut store = MemoryStore::new([1; 16]);
        store.set_faults(plan(WritePoint::DestroyKeys, 0, fault));
        let gate = Gate::before(store);
        let engine = rig.start(gate.store());
        let id = DataKeyId::User(ADA.user());
        let keys = vec![key(&engine, id)];
        engine
            .execute_blocking(Lane::Stranger, ADA.signs_up(HOME), keys)
            .unwrap();
        assert!(engine.vault().contains(id));
        run(&engine, Lane::Proof, ADA.is_erased()).unwrap();
        assert!(!engine.vault().contains(id), "nobody opens it from now on");
        engine.stop(PATIENCE);
        assert_eq!(rig.failures().len(), 1);

        let disk = gate.look(|store| store.reopen()).unwrap();
        let gate = Gate::before(disk);
        let (engine, report) = rig.boot(gate.store()).unwrap();
        assert_eq!(report.destroyed, usize::from(fault == Fault::Lost));
        assert_eq!(engine.reader().data_key(id).unwrap(), None);
        assert!(engine.stop(PATIENCE));
    }
}

/// A store with a bug.
struct Panics(MemoryStore, AtomicBool);

impl Store for Panics {
    fn reader(&self) -> std::sync::Arc<dyn keyledger::ledger::Reader> {
        self.0.reader()
    }
    fn append(
        &mut self,
        expected: keyledger::types::Position,
        batch: &keyledger::ledger::Batch,
    ) -> Result<keyledger::ledger::Head, keyledger::ledger::StoreError> {
        assert!(!self.1.swap(true, Ordering::Relaxed), "a bug in the store");
        self.0.append(expected, batch)
    }
    fn put_keys(&mut self, _: &[(DataKeyId, Vec<u8>)]) -> Result<(), keyledger::ledger::StoreError> {
        Ok(())
    }
    fn destroy_keys(&mut self, _: &[DataKeyId]) -> Result<(), keyledger::ledger::StoreError> {
        Ok(())
    }
    fn rehearse(&mut self) -> Result<(), keyledger::ledger::StoreError> {
        self.0.rehearse()
    }
    fn cut(
        &mut self,
        from: keyledger::types::Position,
    ) -> Result<keyledger::ledger::Head, keyledger::ledger::StoreError> {
        self.0.cut(from)
    }
}

#[test]
fn a_panic_in_the_writer_is_a_failure_and_nobody_waits_for_ever() {
    let rig = Rig::new();
    let store = Panics(MemoryStore::new([1; 16]), AtomicBool::new(false));
    let engine = rig.start(store);
    assert_eq!(run(&engine, Lane::Proof, ADA.is_created()), Err(Trouble::Stopped));
    assert!(engine.stop(PATIENCE));
    assert_eq!(
        run(&engine, Lane::Stranger, ADA.signs_up(HOME)),
        Err(Trouble::Stopped)
    );
    assert_eq!(rig.failures().len(), 1);
}
