//! How figures are written down.

use std::fmt;
use std::fs;

use crate::Size;

/// One figure of the bar.
pub(crate) struct Figure {
    /// Its name there.
    pub(crate) name: &'static str,
    /// What it measures.
    pub(crate) about: &'static str,
    /// Measures it.
    pub(crate) measure: fn(Size) -> Vec<Line>,
}

impl Figure {
    /// Whether somebody who writes `name` means this one.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// What is wanted of a number.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
    /// To be known.
    Stated,
}

/// One measured number, and what it is held against.
pub(crate) struct Line {
    name: String,
    ours: String,
    limit: String,
    measured: f64,
    unit: &'static str,
    goal: Goal,
}

impl Line {
    /// A ratio of ours to a limit that was measured beside it.
    pub(crate) fn ratio(
        name: impl Into<String>,
        ours: impl Into<String>,
        limit: impl Into<String>,
        ratio: f64,
        goal: Goal,
    ) -> Self {
        Self {
            name: name.into(),
            ours: ours.into(),
            limit: limit.into(),
            measured: ratio,
            unit: " ×",
            goal,
        }
    }

    /// A number of a unit that stands by itself.
    pub(crate) fn plain(
        name: impl Into<String>,
        ours: impl Into<String>,
        measured: f64,
        unit: &'static str,
        goal: Goal,
    ) -> Self {
        Self {
            name: name.into(),
            ours: ours.into(),
            limit: "—".into(),
            measured,
            unit,
            goal,
        }
    }

    /// Whether the goal is reached.
    pub(crate) fn is_met(&self) -> bool {
        match self.goal {
            Goal::AtLeast(least) => self.measured >= least,
            Goal::AtMost(most) => self.measured <= most,
            Goal::Stated => true,
        }
    }

    fn measured(&self) -> String {
        let digits = if self.measured.abs() < 10.0 { 2 } else { 1 };
        format!("{:.digits$}{}", self.measured, self.unit)
    }

    fn goal(&self) -> String {
        match self.goal {
            Goal::AtLeast(least) => format!("≥ {least}{}", self.unit),
            Goal::AtMost(most) => format!("≤ {most}{}", self.unit),
            Goal::Stated => "stated".into(),
        }
    }

    fn mark(&self) -> &'static str {
        match (self.goal, self.is_met()) {
            (Goal::Stated, _) => "",
            (Goal::AtLeast(_) | Goal::AtMost(_), true) => "met",
            (Goal::AtLeast(_) | Goal::AtMost(_), false) => "MISSED",
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (measured, goal, mark) = (self.measured(), self.goal(), self.mark());
        write!(
            f,
            "{}: {}, limit {}, {measured} (goal {goal}) {mark}",
            self.name, self.ours, self.limit
        )
    }
}

/// The table for the README.
pub(crate) fn print_table(lines: &[Line]) {
    println!("Measured on {}.\n", machine());
    println!("| figure | ours | limit in the same run | measured | goal | |");
    println!("|---|---|---|---|---|---|");
    for line in lines {
        println!(
            "| {} | {} | {} | {} | {} | {} |",
            line.name,
            line.ours,
            line.limit,
            line.measured(),
            line.goal(),
            line.mark()
        );
    }
}

/// This machine in one line.
pub(crate) fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let after = |text: &str, label: &str| {
        let line = text.lines().find(|line| line.starts_with(label))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let model = after(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown processor".into());
    let memory = after(&read("/proc/meminfo"), "MemTotal");
    let memory = memory.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "{model}, {cores} cores, {:.0} GiB, Linux {}, data on {}",
        memory.unwrap_or(0.0) / 1_048_576.0,
        kernel.trim(),
        filesystem()
    )
}

/// The file system under the directory that the figures write to.
fn filesystem() -> String {
    let here = env!("CARGO_TARGET_TMPDIR");
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ').skip(1);
            Some((words.next()?, words.next()?))
        })
        .filter(|(at, _)| here.starts_with(at))
        .max_by_key(|(at, _)| at.len())
        .map_or_else(|| "an unknown file system".into(), |(_, kind)| kind.to_owned())
}

/// `12.3 k/s`.
pub(crate) fn per_second(rate: f64) -> String {
    if rate >= 1_000.0 {
        format!("{:.1} k/s", rate / 1_000.0)
    } else {
        format!("{rate:.0}/s")
    }
}

/// `1.23 ms` of nanoseconds.
pub(crate) fn millis(nanos: u32) -> String {
    format!("{:.2} ms", f64::from(nanos) / 1e6)
}

/// `12.3 MiB`.
pub(crate) fn mebibytes(bytes: f64) -> String {
    format!("{:.1} MiB", bytes / 1_048_576.0)
}
