//! P2: durable commands through the engine, against one write and one fdatasync at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use keyledger::domain::{Allowance, Ask, Command, Event, Purpose, Subject};
use keyledger::engine::{Engine, Lane};
use keyledger::ledger::{CommandPart, codec};
use keyledger::types::Locale;
use tokio::runtime::Runtime;

use crate::Size;
use crate::crowd::{Crowd, person};
use crate::report::{Figure, Goal, Line, millis, per_second};
use crate::stats::Times;
use crate::{disk, house, stats};

pub(crate) const FIGURE: Figure = Figure {
    name: "P2",
    about: "durable commands through the engine (reset requests)",
    measure,
};

const ROUNDS: usize = 7;
const CALLERS: [(usize, f64); 4] = [(1, 0.6), (8, f64::NAN), (64, 8.0), (512, 20.0)];

fn measure(size: Size) -> Vec<Line> {
    let time = Duration::from_millis(size.pick(500, 200));
    let bench = Alone::prepare(size.pick(20_000, 2_000));
    let commands = &bench.commands;
    let mut lines = Vec::new();
    for (callers, goal) in CALLERS {
        // In turns, because the disk of a machine that is shared has good and bad moments.
        let (mut rates, mut limits, mut times) = (Vec::new(), Vec::new(), Times::default());
        for _ in 0..ROUNDS {
            limits.push(commands.bare(time / 2));
            let (rate, taken) = commands.run(callers, time);
            rates.push(rate);
            times.extend(taken);
        }
        let (rate, limit) = (stats::median(&rates), stats::median(&limits));
        let goal = if goal.is_nan() {
            Goal::Stated
        } else {
            Goal::AtLeast(goal)
        };
        lines.push(Line::ratio(
            format!("P2 commands, {callers} callers"),
            format!(
                "{}, p50 {}, p99 {}",
                per_second(rate),
                millis(times.quantile(0.5)),
                millis(times.quantile(0.99))
            ),
            format!("{} of one write + fdatasync", per_second(limit)),
            rate / limit,
            goal,
        ));
    }
    bench.close();
    lines
}

/// An engine on the disk, and commands for it.
pub(crate) struct Commands {
    engine: Engine,
    /// The bytes of one such event in the ledger.
    record: Vec<u8>,
    asks: Arc<Vec<Ask>>,
    runtime: Runtime,
}

impl Commands {
    /// Requests to an engine about so many people, spread over all of them.
    pub(crate) fn about(engine: Engine, crowd: &Crowd, people: u64, asked: u64) -> Self {
        let asked = asked.min(people);
        let step = people / asked;
        let asks: Vec<Ask> = (0..asked).map(|n| crowd.ask(n * step)).collect();
        Self {
            record: record_of(&asks[0], crowd),
            asks: Arc::new(asks),
            engine,
            runtime: house::runtime(),
        }
    }

    /// How often a second the bytes of one such event can be made durable, one after the other.
    pub(crate) fn bare(&self, time: Duration) -> f64 {
        disk::write_and_sync(&self.record, time)
    }

    /// Commands a second when so many wait for theirs at once, and how long each took.
    pub(crate) fn run(&self, callers: usize, time: Duration) -> (f64, Times) {
        let next = Arc::new(AtomicUsize::new(0));
        let began = Instant::now();
        let tasks: Vec<_> = (0..callers)
            .map(|_| {
                let (engine, asks, next) = (self.engine.clone(), Arc::clone(&self.asks), Arc::clone(&next));
                self.runtime.spawn(async move {
                    let mut times = Times::default();
                    while began.elapsed() < time {
                        let ask = asks[next.fetch_add(1, Ordering::Relaxed) % asks.len()].clone();
                        let purpose = Purpose::Recovery;
                        let asked = Instant::now();
                        let command = Command::RequestProof {
                            ask,
                            purpose,
                            callback: None,
                        };
                        let done = engine.execute(Lane::Stranger, command, vec![]).await;
                        done.expect("nothing refuses these");
                        times.push(asked.elapsed());
                    }
                    times
                })
            })
            .collect();
        let mut times = Times::default();
        for task in tasks {
            times.extend(self.runtime.block_on(task).expect("callers do not panic"));
        }
        (times.len() as f64 / began.elapsed().as_secs_f64(), times)
    }
}

fn record_of(ask: &Ask, crowd: &Crowd) -> Vec<u8> {
    let event = Event::ResetRequested {
        subject: Subject::Address(person(0).address),
        allowance: Allowance::General,
        client: ask.client.day,
        origin: ask.client.origin.clone(),
        locale: Locale::En,
    };
    let recorded = crowd.recorded(1_000_000, event);
    codec::encode(&recorded, CommandPart::Last).expect("an event fits in a record")
}

/// The same with an engine of its own on the disk, and nothing else there.
pub(crate) struct Alone {
    pub(crate) commands: Commands,
    _directory: tempfile::TempDir,
}

impl Alone {
    /// A ledger of so many people, and one request about each.
    pub(crate) fn prepare(people: u64) -> Self {
        let crowd = Crowd::new();
        let directory = disk::directory();
        let mut store = house::on_disk(directory.path());
        crowd.settle(&mut *store, people);
        let engine = house::start_engine(store, crowd.ring.clone());
        Self {
            commands: Commands::about(engine, &crowd, people, people),
            _directory: directory,
        }
    }

    /// Ends the engine.
    pub(crate) fn close(self) {
        self.commands.engine.stop(Duration::from_secs(5));
    }
}
