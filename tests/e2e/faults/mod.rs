//! The fault matrix: the real binary on a real disk while both fail, against what people were told.
//!
//! Each test is short enough for every run; `KEYLEDGER_FAULTS=200` asks for so many rounds of those that repeat, and
//! prints the figures of `src/FAULTS.md`.

mod clock;
mod crowd;
mod disk;
mod full;
mod keeping;
mod kills;
mod power;

use std::time::Duration;

use keyledger::mail::sink::{Sink, SinkBehaviour};
use tokio::runtime::Runtime;

use super::process::Home;
use crowd::{Acknowledged, Crowd};

const PATIENCE: Duration = Duration::from_mins(2);

/// How many rounds: few in every run, many if they are asked for.
fn rounds(usually: u64) -> u64 {
    let asked = std::env::var("KEYLEDGER_FAULTS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(usually)
}

/// A mail server, and a home without limits per client: everybody comes from loopback.
struct Scene {
    runtime: Runtime,
    sink: Sink,
    home: Home,
    key: String,
}

impl Scene {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let behaviour = SinkBehaviour::accepting().kept_max(1_000_000, 1 << 30);
        let sink = runtime.block_on(Sink::start(behaviour)).unwrap();
        let mut home = Home::new(sink.addr());
        home.set("KEYLEDGER_LIMITS__EXEMPT_NETWORKS", "127.0.0.1");
        let keys = home.run(&["init"]).json(0);
        let key = keys["publishableKey"].as_str().unwrap().to_owned();
        Self {
            runtime,
            sink,
            home,
            key,
        }
    }

    /// Waits until nothing waits in the outbox any more.
    fn mails_left(&self) {
        let begun = std::time::Instant::now();
        while self.home.run(&["mail", "outbox"]).json(0)["total"] != 0 {
            assert!(begun.elapsed() < PATIENCE, "mails wait for ever");
        }
    }

    /// Prints a line of the table of faults.
    fn tell(&self, fault: &str, times: u64, crowd: &Crowd) {
        let told: Acknowledged = *crowd.told.lock().unwrap();
        println!(
            "{fault}: {times} times, {} acknowledged items held ({told:?}), lost 0",
            told.items()
        );
        drop(self.runtime.enter());
    }
}
