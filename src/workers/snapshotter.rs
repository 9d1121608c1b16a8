//! Takes a snapshot of state whenever enough has happened since the last one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::oneshot;

use crate::desk::Desk;
use crate::engine::{SnapshotTrouble, Snapshots, Taken};

use super::beat::{Beat, Next};

/// Runs until the beat says stop.
pub(super) async fn run(desk: Desk, snapshots: Snapshots, mut beat: Beat) {
    let mut last = snapshots.newest();
    while beat.next().await == Next::Look {
        let now = desk.engine().head().next;
        if now.0.saturating_sub(last.0) < snapshots.every() {
            continue;
        }
        // One that fails is tried again after as many events: a full disk does not get better by trying at once.
        last = now;
        match take(&desk, &snapshots, &mut beat).await {
            Ok(Some(taken)) => {
                let (position, events) = (taken.at.0, taken.events);
                tracing::info!(position, events, path = %taken.path.display(), "a snapshot was taken");
            }
            Ok(None) | Err(SnapshotTrouble::Stopped) => {}
            Err(trouble) => tracing::warn!(
                "{trouble}; nothing is lost: without it a start folds more events, and the next one is tried later"
            ),
        }
    }
}

/// On a thread of its own, which ends when the beat does. Not behind all others: the writer waits for each look of it, and
/// the disk slows it down enough.
async fn take(desk: &Desk, snapshots: &Snapshots, beat: &mut Beat) -> Result<Option<Taken>, SnapshotTrouble> {
    let stop = Arc::new(AtomicBool::new(false));
    let (done, mut result) = oneshot::channel();
    let (engine, owned, stopped) = (desk.engine().clone(), snapshots.clone(), Arc::clone(&stop));
    let spawned = std::thread::Builder::new()
        .name("snapshot".to_owned())
        .spawn(move || {
            let taken = owned.take(&engine, &stopped);
            drop(engine);
            // Nobody waits after a stop that ran out of patience.
            let _ = done.send(taken);
        });
    if let Err(error) = spawned {
        tracing::warn!(%error, "no thread for a snapshot could be started");
        return Ok(None);
    }
    tokio::select! {
        taken = &mut result => return taken.unwrap_or(Ok(None)),
        () = beat.is_stopped() => stop.store(true, Ordering::Relaxed),
    }
    result.await.unwrap_or(Ok(None))
}
