//! Backups beside a writer that does not wait for them.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use keyledger::domain::{Command, SuppressedClass};
use keyledger::engine::Lane;
use keyledger::ledger::backup::{Destination, Order, Since, back_up, newest_chain, prove_chain};

use crate::rig::{Rig, close, run};

#[test]
fn whole_and_added_parts_made_under_load_are_each_consistent_and_chain() {
    let (rig, dir, folder) = (
        Rig::new(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let desk = rig.open(dir.path());
    let engine = desk.engine().clone();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let class = SuppressedClass::Limited;
                    let command = Command::RecordSuppressed {
                        class,
                        count: 1,
                        first: None,
                    };
                    run(&engine, Lane::Proof, command).unwrap();
                }
            });
        }
        for round in 0..8 {
            let order = Order {
                to: Destination::Folder(folder.path().to_owned()),
                since: if round % 4 == 0 {
                    Since::Beginning
                } else {
                    Since::Newest
                },
                now: rig.clock_now() + keyledger::types::Span::seconds(round),
            };
            let before = engine.head().next;
            let made = back_up(&**engine.reader(), &order, &mut |_| ControlFlow::Continue(())).unwrap();
            assert!(
                made.header.to.next >= before,
                "what was acknowledged before is in it"
            );
            // Each is proven by itself when it is made; the writer has gone on meanwhile.
            while engine.head().next == made.header.to.next {
                std::thread::yield_now();
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    let chain = newest_chain(folder.path(), None).unwrap();
    assert_eq!(chain.len(), 4);
    let paths: Vec<_> = chain.into_iter().map(|part| part.path).collect();
    let mut records = 0;
    let (headers, _) = prove_chain(&paths, &mut |_| ControlFlow::Continue(()), &mut |_, item| {
        if let keyledger::ledger::backup::Item::Frame(frame) = item {
            records += frame.count();
        }
    })
    .unwrap();
    let end = headers.last().unwrap().to;
    assert_eq!(records, end.next.0);
    assert_eq!(engine.reader().chain_at(end.next).unwrap(), Some(end.chain));
    drop(engine);
    close(desk);
}
