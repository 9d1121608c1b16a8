//! What goes on without anybody waiting: proofs are issued, mails and events leave, the ledger is kept in order and backed
//! up.
//!
//! Workers look at published state and send commands, nothing else: what they did is in the ledger, so after a crash
//! they go on where they were. Each stops by one handle; one that panics is started again, ever more slowly.

mod archivist;
mod beat;
mod cosigner;
mod courier;
mod issuer;
mod keeper;
mod letters;
mod lineup;
mod messenger;
mod routes;
mod snapshotter;
mod witness;

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

pub use archivist::Schedule;
pub use beat::Nudge;
pub use letters::{MailTools, Stationery, ToolsFault};

use crate::audit::Notary;
use crate::desk::Desk;
use crate::engine::Snapshots;
use crate::ledger::Anchor;
use beat::{Beat, Listens};

/// The pause after a worker's first panic; it doubles.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest such pause.
const PAUSE_MAX: Duration = Duration::from_mins(1);

/// The running workers; dropping it ends them at once.
pub struct Workers {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
    nudge: Nudge,
}

impl Workers {
    /// Starts all workers on the current runtime.
    pub fn start(
        desk: &Desk,
        mail: MailTools,
        anchor: Option<Arc<Mutex<Anchor>>>,
        snapshots: Option<Snapshots>,
        notary: Arc<Notary>,
        schedule: Option<Schedule>,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let nudge = Nudge::default();
        let beat = |listens| Beat::new(desk.engine().published(), &nudge, stopped.clone(), listens);
        let mut tasks = JoinSet::new();
        let owned = desk.clone();
        tasks.spawn(attend(
            "issuer",
            // Were it woken by the request, its work would slow the answer, and the next one, where the address is
            // somebody's: it comes by when it comes by.
            beat(Listens::ToTimeOnly),
            PAUSE_MIN,
            move |beat| issuer::run(owned.clone(), beat),
        ));
        let (owned, mail) = (desk.clone(), Arc::new(mail));
        tasks.spawn(attend(
            "courier",
            beat(Listens::ToCommits),
            PAUSE_MIN,
            move |beat| courier::run(owned.clone(), Arc::clone(&mail), beat),
        ));
        let owned = desk.clone();
        tasks.spawn(attend(
            "messenger",
            // Receivers are reached a fifth of a second later, and a busy ledger is not read commit by commit.
            beat(Listens::ToTimeOnly),
            PAUSE_MIN,
            move |beat| messenger::run(owned.clone(), beat),
        ));
        let owned = desk.clone();
        tasks.spawn(attend(
            "keeper",
            beat(Listens::ToTimeOnly),
            PAUSE_MIN,
            move |beat| keeper::run(owned.clone(), anchor.clone(), beat),
        ));
        if let Some(snapshots) = snapshots {
            let owned = desk.clone();
            tasks.spawn(attend(
                "snapshotter",
                beat(Listens::ToTimeOnly),
                PAUSE_MIN,
                move |beat| snapshotter::run(owned.clone(), snapshots.clone(), beat),
            ));
        }
        if notary.is_witnessed() {
            let owned = Arc::clone(&notary);
            tasks.spawn(attend(
                "cosigner",
                beat(Listens::ToTimeOnly),
                PAUSE_MIN,
                move |beat| cosigner::run(Arc::clone(&owned), beat),
            ));
        }
        tasks.spawn(attend(
            "witness",
            beat(Listens::ToTimeOnly),
            PAUSE_MIN,
            move |beat| witness::run(Arc::clone(&notary), beat),
        ));
        if let Some(schedule) = schedule {
            let owned = desk.clone();
            tasks.spawn(attend(
                "archivist",
                beat(Listens::ToTimeOnly),
                PAUSE_MIN,
                move |beat| archivist::run(owned.clone(), schedule.clone(), beat),
            ));
        }
        Self { tasks, stop, nudge }
    }

    /// A handle that wakes the workers, for whoever moves a test's clock.
    pub fn nudge(&self) -> Nudge {
        self.nudge.clone()
    }

    /// Lets the workers finish what they are at, for so long; says whether that was long enough. What was not finished
    /// goes on after the next start.
    pub async fn stop(mut self, patience: Duration) -> bool {
        self.stop.send_replace(true);
        let finished = tokio::time::timeout(patience, async {
            while self.tasks.join_next().await.is_some() {}
        });
        let in_time = finished.await.is_ok();
        self.tasks.shutdown().await;
        in_time
    }
}

/// Runs a worker until it stops, and again after each panic.
async fn attend<F>(
    name: &'static str,
    beat: Beat,
    pause_min: Duration,
    work: impl Fn(Beat) -> F + Send + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut pause = pause_min;
    loop {
        // A set of one, because it ends its task when this one is dropped.
        let mut running = JoinSet::new();
        running.spawn(work(beat.clone()));
        match running.join_next().await {
            Some(Err(error)) if error.is_panic() => {
                // The words of a panic may quote personal data; where it happened is printed by the panic hook.
                tracing::error!(worker = name, ?pause, "a worker broke down and is started again");
                if beat.clone().stops_within(pause).await {
                    return;
                }
                pause = (pause * 2).min(PAUSE_MAX);
            }
            Some(Ok(()) | Err(_)) | None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::types::Position;

    #[tokio::test]
    async fn a_worker_that_panics_is_started_again_until_it_is_stopped() {
        let (_published, positions) = watch::channel(Position(0));
        let (stop, stopped) = watch::channel(false);
        let beat = Beat::new(positions, &Nudge::default(), stopped, Listens::ToCommits);
        let runs = Arc::new(AtomicU32::new(0));
        let (reached, mut wait) = tokio::sync::mpsc::channel(9);
        let counted = Arc::clone(&runs);
        let task = tokio::spawn(attend("test", beat, Duration::ZERO, move |_| {
            let (runs, reached) = (Arc::clone(&counted), reached.clone());
            async move {
                let run = runs.fetch_add(1, Ordering::Relaxed);
                reached.send(run).await.unwrap();
                assert!(run >= 3, "breaks down three times");
            }
        }));
        while wait.recv().await != Some(3) {}
        task.await.unwrap();
        assert_eq!(runs.load(Ordering::Relaxed), 4);
        drop(stop);
    }
}
