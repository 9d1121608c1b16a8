//! P6: a start from a snapshot, to the first answer; and what taking one costs those who write meanwhile.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use keyledger::domain::{Command, SuppressedClass};
use keyledger::engine::{Engine, Lane, Snapshots};
use keyledger::ledger::Shelf;

use crate::crowd::Crowd;
use crate::house::House;
use crate::report::{Figure, Goal, Line, mebibytes};
use crate::{Size, disk, heap, house};

pub(crate) const FIGURE: Figure = Figure {
    name: "P6",
    about: "a start from a snapshot, and what taking one costs",
    measure,
};

/// Events between the snapshot and the start.
const AFTER: u64 = 10_000;
/// Sessions of each person.
const SESSIONS: u64 = 2;

fn measure(size: Size) -> Vec<Line> {
    let people = size.pick(1_000_000, 50_000);
    let crowd = Crowd::new();
    let directory = disk::directory();
    let mut store = house::on_disk(directory.path());
    crowd.settle_with(&mut *store, people, SESSIONS);
    let engine = house::start_engine(store, crowd.ring.clone());
    let snapshots = Snapshots::new(Shelf::of(directory.path()), NonZeroU64::MIN);
    let mut lines = Vec::from(taking(&engine, &snapshots, people));
    go_on(engine, &snapshots);
    let name = format!("P6 start from a snapshot, {people} users, {AFTER} events after it");
    let first = format!("{name}, the first since all was written");
    lines.extend(starting(&first, directory.path(), &crowd, &snapshots));
    // That start had the store note where everything lies, and its end took another snapshot.
    let store = house::on_disk(directory.path());
    let engine = house::start_engine_from(store, crowd.ring.clone(), Some(snapshots.shelf()));
    go_on(engine, &snapshots);
    lines.extend(starting(&name, directory.path(), &crowd, &snapshots));
    lines
}

/// Writes events after the newest snapshot, and stops.
fn go_on(engine: Engine, snapshots: &Snapshots) {
    let until = snapshots.newest().0 + AFTER;
    while engine.head().next.0 < until {
        write(&engine);
    }
    stop(engine);
}

/// One small durable event.
fn write(engine: &Engine) {
    let command = Command::RecordSuppressed {
        class: SuppressedClass::Limited,
        count: 1,
        first: None,
    };
    let written = engine.execute_blocking(Lane::Proof, command, vec![]);
    written.expect("the writer runs");
}

fn stop(engine: Engine) {
    assert!(engine.stop(Duration::from_mins(1)), "the writer ends");
    drop(engine);
}

/// Taking a snapshot while one caller writes: how long it takes, what it holds, and the longest wait of the caller.
fn taking(engine: &Engine, snapshots: &Snapshots, people: u64) -> [Line; 2] {
    let longest = |until: &AtomicBool| {
        let mut longest = Duration::ZERO;
        while !until.load(Ordering::Relaxed) {
            let began = Instant::now();
            write(engine);
            longest = longest.max(began.elapsed());
        }
        longest
    };
    let done = AtomicBool::new(false);
    let before = heap::live();
    heap::forget_peak();
    let (took, beside) = std::thread::scope(|scope| {
        let writing = scope.spawn(|| longest(&done));
        let began = Instant::now();
        let taking = scope.spawn(|| snapshots.take(engine, &AtomicBool::new(false)));
        let taken = taking.join().expect("taking does not panic");
        let took = began.elapsed();
        done.store(true, Ordering::Relaxed);
        taken
            .expect("a snapshot is taken")
            .expect("nobody else takes one");
        (took, writing.join().expect("writing goes on"))
    });
    let held = heap::peak() - before;
    // As long without one: whoever waits longer for chance meets more of it.
    let quiet = AtomicBool::new(false);
    let alone = std::thread::scope(|scope| {
        let writing = scope.spawn(|| longest(&quiet));
        std::thread::sleep(took);
        quiet.store(true, Ordering::Relaxed);
        writing.join().expect("writing goes on")
    });
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    [
        Line::plain(
            format!("P6 longest wait of a writer while a first snapshot is taken, {people} users"),
            format!("{:.1} ms, without one {:.1} ms", millis(beside), millis(alone)),
            millis(beside.saturating_sub(alone)),
            " ms more",
            Goal::AtMost(10.0),
        ),
        Line::plain(
            format!("P6 taking a first snapshot, {people} users"),
            format!("{} of memory while it runs", mebibytes(held as f64)),
            took.as_secs_f64(),
            " s",
            Goal::Stated,
        ),
    ]
}

/// From opening the folder to the first answer, against reading and hashing the snapshot.
fn starting(name: &str, directory: &Path, crowd: &Crowd, snapshots: &Snapshots) -> [Line; 2] {
    let (_, path) = snapshots.shelf().files().remove(0);
    let began = Instant::now();
    let bytes = fs::read(&path).expect("the snapshot is there");
    std::hint::black_box(blake3::hash(&bytes));
    let limit = began.elapsed();
    let size = bytes.len();
    drop(bytes);
    let began = Instant::now();
    snapshots.shelf().read_ahead();
    let store = house::on_disk(directory);
    let opened = began.elapsed();
    let house = House::open_from(store, crowd.ring.clone(), Some(snapshots.clone()));
    first_200(house.addr);
    let ours = began.elapsed();
    house.close();
    let words = format!(
        "{:.2} s to the first 200, of which opening sled {:.2} s",
        ours.as_secs_f64(),
        opened.as_secs_f64()
    );
    let limit_words = format!("{:.2} s for {}", limit.as_secs_f64(), mebibytes(size as f64));
    let ratio = ours.as_secs_f64() / limit.as_secs_f64();
    [
        Line::ratio(name, words.clone(), limit_words, ratio, Goal::AtMost(5.0)),
        // On two cores; the goal knows no other machine.
        Line::plain(name, words, ours.as_secs_f64(), " s", Goal::AtMost(1.5)),
    ]
}

fn first_200(addr: SocketAddr) {
    let mut stream = TcpStream::connect(addr).expect("the door is open");
    let asked = stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    asked.expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
