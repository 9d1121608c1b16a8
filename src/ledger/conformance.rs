//! One suite for every store: whoever passes it keeps the contract of `store.rs`.

use std::convert::Infallible;
use std::ops::ControlFlow;

use super::error::{BatchFault, StoreError};
use super::frame;
use super::record::{self, CommandPart, RecordHeader};
use super::replay::{ReplayError, ReplayReport, replay, replay_from};
use super::store::{Batch, Head, MAX_BATCH_BYTES, Store};
use crate::types::{CommandId, DataKeyId, Position, Timestamp, UserId};

/// Builds batches of sample commands.
#[derive(Clone)]
pub(crate) struct Sample {
    next: u64,
    batch: Batch,
}

impl Sample {
    /// Begins a batch at a position; the position also names it.
    pub(crate) fn at(position: u64) -> Self {
        let mut id = [0xb; 16];
        id[..8].copy_from_slice(&position.to_be_bytes());
        Self {
            next: position,
            batch: Batch {
                epoch: 1,
                id,
                ..Batch::default()
            },
        }
    }

    /// Adds one command of so many records with so many bytes of payload each.
    pub(crate) fn command(mut self, records: u64, payload: usize) -> Self {
        let mut command = [0xc; 16];
        command[..8].copy_from_slice(&self.next.to_be_bytes());
        for index in 1..=records {
            let header = RecordHeader {
                kind: 1,
                schema: 1,
                part: if index == records {
                    CommandPart::Last
                } else {
                    CommandPart::Inner
                },
                position: Position(self.next),
                time: Timestamp(i64::try_from(self.next).unwrap()),
                command: CommandId(command),
            };
            let filling = vec![self.next.to_le_bytes()[0]; payload];
            self.batch
                .records
                .push(record::encode(&header, &filling).unwrap());
            self.next += 1;
        }
        self
    }

    /// Adds a data key.
    pub(crate) fn key(mut self, name: u8, wrapped: &[u8]) -> Self {
        self.batch.keys.push((key(name), wrapped.to_vec()));
        self
    }

    pub(crate) fn batch(self) -> Batch {
        self.batch
    }
}

/// Replays and lists the positions that were shown.
pub(crate) fn positions(store: &mut dyn Store) -> (Vec<u64>, ReplayReport) {
    let mut seen = Vec::new();
    let report = replay(store, &mut |header, payload, raw| {
        assert_eq!(record::decode(raw).unwrap(), (*header, payload));
        seen.push(header.position.0);
        Ok::<_, Infallible>(())
    })
    .unwrap();
    assert_eq!(report.records, seen.len() as u64);
    (seen, report)
}

fn key(name: u8) -> DataKeyId {
    DataKeyId::User(UserId([name; 16]))
}

fn keys(store: &dyn Store) -> Vec<(DataKeyId, Vec<u8>)> {
    let mut all = Vec::new();
    store
        .data_keys(&mut |id, wrapped| all.push((id, wrapped.to_vec())))
        .unwrap();
    all
}

fn frames_from(store: &dyn Store, from: u64) -> Vec<(u64, u64)> {
    let mut all = Vec::new();
    store
        .scan(Position(from), &mut |frame| {
            all.push((frame.first.0, frame.next.0));
            ControlFlow::Continue(())
        })
        .unwrap();
    all
}

/// Runs the suite; `make` gives an empty store, `reopen` closes one and opens it again.
pub(crate) fn run<S: Store>(make: impl Fn() -> S, reopen: impl Fn(S) -> S) {
    an_empty_ledger_begins_at_its_genesis(make());
    what_was_appended_is_there_and_after_reopening_too(make(), &reopen);
    a_wrong_expectation_writes_nothing(make());
    a_batch_that_boot_would_refuse_is_refused(make());
    data_keys_come_and_go(make(), &reopen);
    a_rehearsal_leaves_nothing(make(), &reopen);
    a_cut_makes_its_position_the_next(make(), &reopen);
    an_unfinished_command_is_cut_at_the_end_and_refused_elsewhere(&make, &reopen);
    a_command_over_several_frames_is_shown_whole(make());
    a_reader_sees_what_the_writer_made_durable(make());
    replay_can_begin_where_a_snapshot_ends(make());
}

fn an_empty_ledger_begins_at_its_genesis(mut store: impl Store) {
    let head = Head {
        next: Position(0),
        chain: frame::genesis(store.ledger_id()),
    };
    assert_eq!(store.head(), head);
    assert_eq!(store.chain_at(Position(0)).unwrap(), Some(head.chain));
    assert_eq!(store.chain_at(Position(1)).unwrap(), None);
    assert_eq!(positions(&mut store), (vec![], ReplayReport::default()));
    assert_eq!(store.cut(Position(0)).unwrap(), head);
    assert!(matches!(
        store.scan(Position(1), &mut |_| ControlFlow::Continue(())),
        Err(StoreError::Beyond {
            asked: Position(1),
            next: Position(0)
        })
    ));
}

fn what_was_appended_is_there_and_after_reopening_too<S: Store>(mut store: S, reopen: &impl Fn(S) -> S) {
    let id = store.ledger_id();
    let first = store
        .append(Position(0), &Sample::at(0).command(2, 100).command(1, 0).batch())
        .unwrap();
    let second = store
        .append(Position(3), &Sample::at(3).command(5, 2_000).batch())
        .unwrap();
    assert_eq!((first.next, second.next), (Position(3), Position(8)));
    for round in 0..2 {
        assert_eq!(store.head(), second, "round {round}");
        assert_eq!(store.ledger_id(), id);
        assert_eq!(store.chain_at(Position(3)).unwrap(), Some(first.chain));
        assert_eq!(store.chain_at(Position(8)).unwrap(), Some(second.chain));
        assert_eq!(store.chain_at(Position(2)).unwrap(), None);
        assert_eq!(store.chain_at(Position(9)).unwrap(), None);
        let (seen, report) = positions(&mut store);
        assert_eq!(seen, (0..8).collect::<Vec<_>>());
        assert_eq!((report.frames, report.epoch, report.cut), (6, 1, None));
        assert_eq!(
            frames_from(&store, 0),
            [(0, 3), (3, 4), (4, 5), (5, 6), (6, 7), (7, 8)]
        );
        assert_eq!(frames_from(&store, 2)[0], (0, 3));
        assert_eq!(frames_from(&store, 3)[0], (3, 4));
        assert_eq!(frames_from(&store, 8), []);
        assert!(store.size_on_disk().unwrap() > 10_000);
        store = reopen(store);
    }
}

fn a_wrong_expectation_writes_nothing(mut store: impl Store) {
    let batch = Sample::at(0).command(1, 10).key(1, b"wrapped").batch();
    let refused = store.append(Position(1), &batch);
    assert!(
        matches!(
            refused,
            Err(StoreError::Conflict {
                expected: Position(1),
                actual: Position(0)
            })
        ),
        "{refused:?}"
    );
    assert_eq!(keys(&store), []);
    store.append(Position(0), &batch).unwrap();
    let refused = store.append(Position(0), &batch);
    assert!(
        matches!(
            refused,
            Err(StoreError::Conflict {
                expected: Position(0),
                actual: Position(1)
            })
        ),
        "{refused:?}"
    );
}

fn a_batch_that_boot_would_refuse_is_refused(mut store: impl Store) {
    let whole = Sample::at(0).command(3, 10).batch();
    let mut cases = vec![
        (Batch::default(), BatchFault::Empty),
        (
            Sample::at(1).command(1, 10).batch(),
            BatchFault::Position {
                index: 0,
                said: Position(1),
            },
        ),
        (
            Sample::at(0).command(1, 10).key(1, &[0; 257]).batch(),
            BatchFault::KeySize(257),
        ),
        (
            Sample::at(0).command(1, 10).key(1, &[]).batch(),
            BatchFault::KeySize(0),
        ),
        (
            Sample::at(0)
                .command(MAX_BATCH_BYTES as u64 / 3_800 + 1, 3_760)
                .batch(),
            BatchFault::TooLarge,
        ),
    ];
    let mut unfinished = whole.clone();
    unfinished.records.pop();
    cases.push((unfinished, BatchFault::Unfinished { index: 1 }));
    let mut mixed = whole.clone();
    mixed.records[2] = Sample::at(2).command(1, 10).batch().records.remove(0);
    cases.push((mixed, BatchFault::Unfinished { index: 1 }));
    let mut torn = whole.clone();
    torn.records[1].pop();
    cases.push((
        torn,
        BatchFault::Record {
            index: 1,
            fault: record::RecordFault::Length { said: 10, there: 9 },
        },
    ));
    for (batch, fault) in cases {
        let refused = store.append(Position(0), &batch);
        assert!(
            matches!(refused, Err(StoreError::Batch(found)) if found == fault),
            "{refused:?} is not {fault:?}"
        );
    }
    assert_eq!(keys(&store), []);
    store.append(Position(0), &whole).unwrap();
}

fn data_keys_come_and_go<S: Store>(mut store: S, reopen: &impl Fn(S) -> S) {
    store
        .append(
            Position(0),
            &Sample::at(0).command(1, 10).key(2, b"two").key(1, b"one").batch(),
        )
        .unwrap();
    store
        .put_keys(&[(key(2), b"wrapped anew".to_vec()), (key(3), vec![7; 256])])
        .unwrap();
    assert!(matches!(
        store.put_keys(&[(key(4), vec![7; 257])]),
        Err(StoreError::Batch(BatchFault::KeySize(257)))
    ));
    store.destroy_keys(&[key(3), key(9)]).unwrap();
    for _ in 0..2 {
        assert_eq!(
            keys(&store),
            [(key(1), b"one".to_vec()), (key(2), b"wrapped anew".to_vec())]
        );
        assert_eq!(store.reader().data_key(key(1)).unwrap(), Some(b"one".to_vec()));
        assert_eq!(store.reader().data_key(key(3)).unwrap(), None);
        assert_eq!(positions(&mut store).0, [0]);
        store = reopen(store);
    }
}

fn a_rehearsal_leaves_nothing<S: Store>(mut store: S, reopen: &impl Fn(S) -> S) {
    let batch = Sample::at(0).command(1, 10).key(1, b"wrapped").batch();
    let head = store.append(Position(0), &batch).unwrap();
    for _ in 0..3 {
        store.rehearse().unwrap();
        store.rehearse().unwrap();
        assert_eq!((store.head(), keys(&store).len()), (head, 1));
        store = reopen(store);
    }
    assert_eq!(positions(&mut store).0, [0]);
}

fn a_cut_makes_its_position_the_next<S: Store>(mut store: S, reopen: &impl Fn(S) -> S) {
    let first = store
        .append(
            Position(0),
            &Sample::at(0).command(1, 10).command(1, 10).command(1, 10).batch(),
        )
        .unwrap();
    store
        .append(
            Position(3),
            &Sample::at(3).command(1, 3_000).command(1, 3_000).batch(),
        )
        .unwrap();
    assert!(matches!(
        store.cut(Position(6)),
        Err(StoreError::Beyond {
            asked: Position(6),
            next: Position(5)
        })
    ));
    // Between two frames of a batch, between two batches, within a frame.
    assert_eq!(store.cut(Position(4)).unwrap().next, Position(4));
    assert_eq!(frames_from(&store, 0), [(0, 3), (3, 4)]);
    assert_eq!(store.cut(Position(3)).unwrap(), first);
    let within = store.cut(Position(2)).unwrap();
    assert_eq!(frames_from(&store, 0), [(0, 2)]);
    store = reopen(store);
    assert_eq!(store.head(), within);
    assert_eq!(positions(&mut store).0, [0, 1]);
    store
        .append(Position(2), &Sample::at(2).command(2, 10).batch())
        .unwrap();
    assert_eq!(positions(&mut store).0, [0, 1, 2, 3]);
    store.cut(Position(0)).unwrap();
    store = reopen(store);
    assert!(positions(&mut store).0.is_empty());
}

fn an_unfinished_command_is_cut_at_the_end_and_refused_elsewhere<S: Store>(
    make: &impl Fn() -> S,
    reopen: &impl Fn(S) -> S,
) {
    for (records, payload) in [(4, 10), (4, 3_000)] {
        let mut store = make();
        store
            .append(
                Position(0),
                &Sample::at(0).command(2, 10).command(records, payload).batch(),
            )
            .unwrap();
        store.cut(Position(5)).unwrap();
        let (seen, report) = positions(&mut store);
        assert_eq!(seen, [0, 1]);
        let cut = report.cut.unwrap();
        assert_eq!((cut.from, cut.records), (Position(2), 3));
        assert_eq!(store.head().next, Position(2));
        store = reopen(store);
        assert_eq!(positions(&mut store).1.cut, None);

        let mut store = make();
        store
            .append(
                Position(0),
                &Sample::at(0).command(2, 10).command(records, payload).batch(),
            )
            .unwrap();
        store.cut(Position(5)).unwrap();
        store
            .append(Position(5), &Sample::at(5).command(1, 10).batch())
            .unwrap();
        let refused = replay(&mut store, &mut |_, _, _| Ok::<_, Infallible>(())).unwrap_err();
        assert!(
            matches!(
                refused,
                ReplayError::Unfinished {
                    from: Position(2),
                    found: Position(5),
                    ..
                }
            ),
            "{refused:?}"
        );
        assert_eq!(store.head().next, Position(6), "nothing was cut");
    }
}

fn a_command_over_several_frames_is_shown_whole(mut store: impl Store) {
    let batch = Sample::at(0)
        .command(1, 1_000)
        .command(6, 1_500)
        .command(2, 10)
        .batch();
    store.append(Position(0), &batch).unwrap();
    let mut raws = Vec::new();
    replay(&mut store, &mut |_, _, raw| {
        raws.push(raw.to_vec());
        Ok::<_, Infallible>(())
    })
    .unwrap();
    assert_eq!(raws, batch.records);
    let stopped = replay(&mut store, &mut |header, _, _| {
        if header.position.0 == 3 { Err("no") } else { Ok(()) }
    });
    assert!(matches!(stopped, Err(ReplayError::Visit("no"))));
}

fn a_reader_sees_what_the_writer_made_durable(mut store: impl Store) {
    let reader = store.reader();
    let head = store
        .append(Position(0), &Sample::at(0).command(2, 10).batch())
        .unwrap();
    assert_eq!(reader.head(), head);
    let mut frames = 0;
    let seen = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                reader
                    .scan(Position(0), &mut |_| {
                        frames += 1;
                        ControlFlow::Break(())
                    })
                    .map(|()| frames)
            })
            .join()
            .unwrap()
    });
    assert_eq!(seen.unwrap(), 1);
}

fn replay_can_begin_where_a_snapshot_ends(mut store: impl Store) {
    store
        .append(Position(0), &Sample::at(0).command(2, 10).command(3, 10).batch())
        .unwrap();
    store
        .append(Position(5), &Sample::at(5).command(1, 10).batch())
        .unwrap();
    for (from, expected) in [
        (0, vec![0, 1, 2, 3, 4, 5]),
        (2, vec![2, 3, 4, 5]),
        (5, vec![5]),
        (6, vec![]),
    ] {
        let mut seen = Vec::new();
        replay_from(&mut store, Position(from), &mut |header, _, _| {
            seen.push(header.position.0);
            Ok::<_, Infallible>(())
        })
        .unwrap();
        assert_eq!(seen, expected);
    }
    let beyond = replay_from(&mut store, Position(7), &mut |_, _, _| Ok::<_, Infallible>(()));
    assert!(matches!(
        beyond,
        Err(ReplayError::Store(StoreError::Beyond { .. }))
    ));
}
