use super::super::conformance::{self, Sample, positions};
use super::*;

#[test]
fn memory_keeps_the_contract() {
    conformance::run(|| MemoryStore::new([1; 16]), |store| store.reopen().unwrap());
}

fn faulty(fault: Fault) -> MemoryStore {
    let mut store = MemoryStore::new([1; 16]);
    store
        .append(Position(0), &Sample::at(0).command(3, 40).batch())
        .unwrap();
    store.set_faults(Box::new(move |_, _| fault));
    store
}

#[test]
fn after_any_failed_write_the_store_refuses_everything_and_the_disk_tells_the_outcome() {
    for (fault, expected) in [(Fault::Lost, 3), (Fault::PersistedButError, 5)] {
        let mut store = faulty(fault);
        let batch = Sample::at(3).command(2, 40).batch();
        let failed = store.append(Position(3), &batch);
        assert!(
            matches!(failed, Err(StoreError::UnknownOutcome { .. })),
            "{failed:?}"
        );
        assert!(matches!(
            store.append(Position(3), &batch),
            Err(StoreError::Poisoned)
        ));
        assert!(matches!(store.destroy_keys(&[]), Err(StoreError::Poisoned)));
        assert!(matches!(store.put_keys(&[]), Err(StoreError::Poisoned)));
        assert!(matches!(store.cut(Position(0)), Err(StoreError::Poisoned)));
        assert!(matches!(
            store.data_keys(&mut |_, _| {}),
            Err(StoreError::Poisoned)
        ));
        let mut next = store.reopen().unwrap();
        assert_eq!(positions(&mut next).0, (0..expected).collect::<Vec<_>>());
    }
}

#[test]
fn a_torn_append_loses_its_unfinished_command_and_nothing_else() {
    let mut store = faulty(Fault::Torn(2));
    let batch = Sample::at(3).command(1, 3_000).command(3, 3_000).batch();
    store.append(Position(3), &batch).unwrap_err();
    let mut next = store.reopen().unwrap();
    assert_eq!(next.head().next, Position(5));
    let (seen, report) = positions(&mut next);
    assert_eq!(seen, vec![0, 1, 2, 3]);
    let cut = report.cut.unwrap();
    assert_eq!((cut.from, cut.records), (Position(4), 1));
    assert_eq!(next.head().next, Position(4));
    next.append(Position(4), &batch_at(4)).unwrap();
}

#[test]
fn a_torn_cut_is_finished_by_the_next_boot() {
    let mut store = MemoryStore::new([1; 16]);
    store
        .append(Position(0), &Sample::at(0).command(1, 10).batch())
        .unwrap();
    store
        .append(Position(1), &Sample::at(1).command(4, 3_000).batch())
        .unwrap();
    store.cut(Position(4)).unwrap();
    store.set_faults(Box::new(|point, _| {
        if point == WritePoint::Cut {
            Fault::Torn(1)
        } else {
            Fault::None
        }
    }));
    super::super::replay::replay(&mut store, &mut |_, _, _| Ok::<_, StoreError>(())).unwrap_err();
    let mut next = store.reopen().unwrap();
    assert_eq!(next.head().next, Position(3));
    assert_eq!(positions(&mut next).0, vec![0]);
    assert_eq!(next.head().next, Position(1));
}

fn batch_at(position: u64) -> Batch {
    Sample::at(position).command(1, 10).batch()
}

#[test]
fn a_changed_moved_or_missing_frame_is_named_by_its_position() {
    let store = || {
        let mut store = MemoryStore::new([1; 16]);
        for position in 0..5 {
            store.append(Position(position), &batch_at(position)).unwrap();
        }
        store
    };
    let scan = |store: &MemoryStore| {
        store
            .scan(Position(0), &mut |_| ControlFlow::Continue(()))
            .unwrap_err()
    };

    let mut changed = store();
    changed.tamper(|frames| {
        let frame = frames.get_mut(&Position(3)).unwrap();
        let mut bytes = frame.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        *frame = bytes.into();
    });
    assert!(matches!(
        scan(&changed),
        StoreError::Chain {
            position: Position(3)
        }
    ));
    assert!(scan(&changed).to_string().contains("at position 3"));

    let mut missing = store();
    missing.tamper(|frames| drop(frames.remove(&Position(2))));
    assert!(matches!(
        scan(&missing),
        StoreError::Gap {
            expected: Position(2),
            found: Position(3)
        }
    ));

    let mut shorter = store();
    shorter.tamper(|frames| drop(frames.remove(&Position(4))));
    assert!(matches!(
        scan(&shorter),
        StoreError::Ended {
            reached: Position(4),
            head: Position(5)
        }
    ));

    let mut moved = store();
    moved.tamper(|frames| drop(frames.insert(Position(2), frames[&Position(1)].clone())));
    assert!(matches!(
        scan(&moved),
        StoreError::Misplaced {
            position: Position(2),
            said: Position(1)
        }
    ));
}
