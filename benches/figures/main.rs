//! The figures of the performance bar: each is measured beside its limit, in one run, on one machine.
//!
//! `cargo bench` measures all of them, `cargo bench -- P2 P12` some. `--quick` takes smaller sizes and shorter times;
//! `--check` ends with 1 when a goal is missed. A figure is a ratio of two things measured here and now, because
//! machines differ; the limit is always the bare thing that cannot be beaten.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures are rounded anyway"
)]

mod crowd;
mod disk;
mod heap;
mod house;
mod lives;
mod load;
mod p01_me;
mod p02_commands;
mod p03_reset;
mod p04_sign_in;
mod p05_replay;
mod p06_snapshot;
mod p07_memory;
mod p08_audit;
mod p09_disk;
mod p10_growth;
mod p11_program;
mod p12_mail;
mod p13_pages;
mod p14_console;
mod r02_timing;
mod report;
mod stats;

use std::process::ExitCode;
use std::time::Instant;

use report::{Figure, Line};

/// How large and how long.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// What the goals are about.
    Full,
    /// A look in passing.
    Quick,
}

impl Size {
    /// Takes one of two sizes.
    pub(crate) fn pick<T>(self, full: T, quick: T) -> T {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }
}

/// In the order in which the memory they leave behind disturbs the next one least.
const FIGURES: [Figure; 15] = [
    p11_program::FIGURE,
    p07_memory::FIGURE,
    p02_commands::FIGURE,
    p03_reset::FIGURE,
    p04_sign_in::FIGURE,
    p09_disk::FIGURE,
    p05_replay::FIGURE,
    p06_snapshot::FIGURE,
    p08_audit::FIGURE,
    p12_mail::FIGURE,
    r02_timing::FIGURE,
    p13_pages::FIGURE,
    p14_console::FIGURE,
    p01_me::FIGURE,
    p10_growth::FIGURE,
];

fn main() -> ExitCode {
    let mut wanted = Vec::new();
    let (mut size, mut check) = (Size::Full, false);
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            // Given by cargo itself.
            "--bench" => {}
            "--quick" => size = Size::Quick,
            "--check" => check = true,
            name if FIGURES.iter().any(|figure| figure.is_named(name)) => wanted.push(argument),
            other => {
                let names: Vec<_> = FIGURES.iter().map(|figure| figure.name).collect();
                eprintln!("{other}: not a figure ({}), --quick or --check", names.join(", "));
                return ExitCode::from(2);
            }
        }
    }
    println!("machine: {}\n", report::machine());
    let mut lines: Vec<Line> = Vec::new();
    for figure in &FIGURES {
        if !wanted.is_empty() && !wanted.iter().any(|name| figure.is_named(name)) {
            continue;
        }
        println!("{}: {}", figure.name, figure.about);
        let began = Instant::now();
        for line in (figure.measure)(size) {
            println!("  {line}");
            lines.push(line);
        }
        println!("  ({:.0} s)\n", began.elapsed().as_secs_f64());
    }
    report::print_table(&lines);
    let missed = lines.iter().filter(|line| !line.is_met()).count();
    if missed > 0 {
        println!("\n{missed} goals missed");
    }
    if check && missed > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
