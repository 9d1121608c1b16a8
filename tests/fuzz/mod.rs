//! Bytes that nobody wrote, for every reader of stored bytes: none may panic, hang, or read what is not there.
//!
//! Each target begins with what the house writes (the golden samples and what is made of them), changes it, and keeps what
//! a reader answered in a new way as a start for more. A run of the tests gives each target a fixed number of inputs, the
//! same in every run. `KEYLEDGER_FUZZ_SECONDS=3600 cargo test --test it fuzz:: -- --nocapture` shares so many seconds of
//! processor time among them, in turns, and tells after every round how far each is: a run that is ended early has given
//! all of them the same. `KEYLEDGER_FUZZ_ONLY=frame,export` takes some of them.

#![expect(clippy::unwrap_used, reason = "a target that cannot be made fails")]

mod backups;
mod evidence;
mod mutate;
mod snapshots;
mod targets;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use mutate::Mutator;
use rustix::time::{ClockId, clock_gettime};
use targets::Target;

/// Inputs that are kept as starts, at most.
const KEPT_MAX: usize = 400;
/// How long a target goes on before it is the next one's turn.
const TURN: Duration = Duration::from_secs(10);

/// How long to go on with each target, if somebody asked.
fn asked(targets: usize) -> Option<Duration> {
    let seconds = std::env::var("KEYLEDGER_FUZZ_SECONDS").ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds) / u32::try_from(targets).unwrap())
}

/// All targets, or those that somebody asked for.
fn chosen() -> Vec<Target> {
    let Ok(names) = std::env::var("KEYLEDGER_FUZZ_ONLY") else {
        return targets::all();
    };
    let named = |name: &str| {
        let mut all = targets::all().into_iter();
        all.find(|target| target.name == name.trim())
            .unwrap_or_else(|| panic!("KEYLEDGER_FUZZ_ONLY: there is no target {name:?}"))
    };
    names.split(',').map(named).collect()
}

/// What this thread has had of the processor: what stops a process or takes its place does not count.
fn spent() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

/// A target, and how far it is.
struct Going {
    target: Target,
    mutator: Mutator,
    kept: Vec<Vec<u8>>,
    answers: BTreeSet<String>,
    inputs: u64,
    spent: Duration,
}

impl Going {
    fn begin(target: Target) -> Self {
        Self {
            mutator: Mutator::new(target.name),
            kept: (target.seeds)(),
            answers: BTreeSet::new(),
            inputs: 0,
            spent: Duration::ZERO,
            target,
        }
    }

    /// Has so many inputs read, as far as there is time for them.
    fn go_on(&mut self, inputs: u64, time: Duration) {
        let (begun, before, end) = (spent(), self.spent, self.inputs.saturating_add(inputs));
        while self.inputs < end && self.spent.saturating_sub(before) < time {
            let input = self.mutator.change(&self.kept, self.target.length_max);
            self.inputs += 1;
            let name = self.target.name;
            let answer = catch_unwind(AssertUnwindSafe(|| (self.target.read)(&input)))
                .unwrap_or_else(|_| panic!("{name}: this input panics: {}", hex(&input)));
            if self.kept.len() < KEPT_MAX && self.answers.insert(shape(&answer)) {
                self.kept.push(input);
            }
            self.spent = before + spent().saturating_sub(begun);
        }
    }

    fn tell(&self) {
        let (name, inputs, answers) = (self.target.name, self.inputs, self.answers.len());
        println!(
            "{name}: {inputs} inputs, {answers} kinds of answers, {:.1?}",
            self.spent
        );
    }
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
    let mut all: Vec<_> = chosen().into_iter().map(Going::begin).collect();
    match asked(all.len()) {
        None => {
            for one in &mut all {
                one.go_on(one.target.inputs, Duration::MAX);
                one.tell();
            }
        }
        Some(time) => {
            while all.iter().any(|one| one.spent < time) {
                for one in &mut all {
                    one.go_on(u64::MAX, TURN.min(time.saturating_sub(one.spent)));
                    one.tell();
                }
            }
        }
    }
    for one in &all {
        let name = one.target.name;
        assert!(one.answers.len() > 1, "{name}: every input is answered alike");
    }
}
