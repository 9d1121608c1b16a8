//! Bytes that nobody wrote, for every reader of stored bytes: none may panic, hang, or read what is not there.
//!
//! Each target begins with what the house writes (the golden samples and what is made of them), changes it, and keeps what
//! a reader answered in a new way as a start for more. A run of the tests gives each target a fixed number of inputs, the
//! same in every run; `KEYLEDGER_FUZZ_SECONDS=3600 cargo test --test it fuzz::` shares so much time among them.

#![expect(clippy::unwrap_used, reason = "a target that cannot be made fails")]

mod backups;
mod evidence;
mod mutate;
mod snapshots;
mod targets;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use mutate::Mutator;
use targets::Target;

/// Inputs that are kept as starts, at most.
const KEPT_MAX: usize = 400;

/// How long to go on, if somebody asked.
fn asked() -> Option<Duration> {
    let seconds = std::env::var("KEYLEDGER_FUZZ_SECONDS").ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds) / u32::try_from(targets::all().len()).unwrap())
}

/// Goes through one target; says how many inputs there were and in how many ways they were answered.
fn fuzz(target: &Target, until: impl Fn(u64) -> bool) -> (u64, usize) {
    let mut kept = (target.seeds)();
    let mut answers = BTreeSet::new();
    let mut mutator = Mutator::new(target.name);
    let mut inputs = 0;
    while until(inputs) {
        let input = mutator.change(&kept, target.length_max);
        inputs += 1;
        let answer = catch_unwind(AssertUnwindSafe(|| (target.read)(&input)))
            .unwrap_or_else(|_| panic!("{}: this input panics: {}", target.name, hex(&input)));
        if kept.len() < KEPT_MAX && answers.insert(shape(&answer)) {
            kept.push(input);
        }
    }
    (inputs, answers.len())
}

/// An answer without its numbers: what kind of answer it is.
fn shape(answer: &str) -> String {
    answer
        .chars()
        .filter(|letter| !letter.is_ascii_digit())
        .take(120)
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}

#[test]
fn no_reader_of_stored_bytes_panics_or_reads_what_nobody_wrote() {
    let time = asked();
    for target in targets::all() {
        let begun = Instant::now();
        let (inputs, answers) = match time {
            Some(time) => fuzz(&target, |_| begun.elapsed() < time),
            None => fuzz(&target, |inputs| inputs < target.inputs),
        };
        println!(
            "{}: {inputs} inputs, {answers} kinds of answers, {:?}",
            target.name,
            begun.elapsed()
        );
        assert!(answers > 1, "{}: every input is answered alike", target.name);
    }
}
