//! P8: checking an export, against SHA-256 of the same leaves.

use std::fs::File;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::time::Instant;

use keyledger::audit::{Expected, Outcome, Range, verify};
use keyledger::ledger::tree::leaf_hash;
use keyledger::types::Position;

use crate::crowd::Crowd;
use crate::house::{self, House};
use crate::report::{Figure, Goal, Line};
use crate::{Size, disk};

pub(crate) const FIGURE: Figure = Figure {
    name: "P8",
    about: "audit verify of an export",
    measure,
};

/// The better of so many times, for both: whatever else the machine does only takes away.
const TIMES: u32 = 3;

fn measure(size: Size) -> Vec<Line> {
    let crowd = Crowd::new();
    let mut store = house::in_memory();
    crowd.settle(&mut *store, size.pick(200_000, 20_000));
    let house = House::open(store, crowd.ring.clone());
    let notary = house.notary();
    let signed = house
        .block_on(notary.checkpoint())
        .expect("the ledger can be signed");
    let size = signed.checkpoint.size;

    let mut records: Vec<Vec<u8>> = vec![];
    let scanned = house.desk.engine().reader().scan(Position(0), &mut |frame| {
        records.extend(frame.records().map(<[u8]>::to_vec));
        ControlFlow::Continue(())
    });
    scanned.expect("the ledger is whole");
    records.truncate(usize::try_from(size).expect("the records are in memory"));
    let bytes: usize = records.iter().map(Vec::len).sum();
    let hashing = best(|| {
        for record in &records {
            std::hint::black_box(leaf_hash(record));
        }
    });

    let directory = disk::directory();
    let path = directory.path().join("export.tar");
    let export_began = Instant::now();
    notary
        .export_file(&signed, Range::whole(size), &path)
        .expect("the export can be written");
    let exporting = export_began.elapsed().as_secs_f64();
    drop(records);
    let expected = Expected {
        key: Some(signed.key.clone()),
        since: None,
    };
    let checking = best(|| {
        let file = BufReader::with_capacity(16 << 10, File::open(&path).expect("the export is there"));
        let outcome = verify(file, &expected, &mut |_, _| {});
        assert!(matches!(outcome, Outcome::Proven(_)), "{outcome:?}");
    });
    house.close();
    let rate = |seconds: f64| size as f64 / seconds;
    vec![
        Line::ratio(
            "P8 audit verify",
            format!("{:.0} k events/s ({size} events)", rate(checking) / 1e3),
            format!(
                "{:.0} k/s SHA-256 of the same leaves ({} B each), one core",
                rate(hashing) / 1e3,
                bytes / usize::try_from(size).unwrap_or(1)
            ),
            rate(checking) / rate(hashing),
            Goal::AtLeast(0.5),
        ),
        Line::plain(
            "P8 audit export",
            "to a file, synced",
            rate(exporting) / 1e3,
            " k events/s",
            Goal::Stated,
        ),
    ]
}

fn best(mut work: impl FnMut()) -> f64 {
    (0..TIMES)
        .map(|_| {
            let began = Instant::now();
            work();
            began.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min)
}
