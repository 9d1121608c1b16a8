//! Backups and compaction beside the running ledger, on threads that step back behind the others.

use std::ops::ControlFlow;

use tokio::sync::oneshot;

use super::Desk;
use crate::engine::{CompactError, Compacted};
use crate::ledger::backup::{self, BackupError, Made, Order, Progress, Pruned};
use crate::system::step_back;

/// Told how far a backup is; must be quick.
pub type TellProgress = Box<dyn Fn(Progress) + Send>;

impl Desk {
    /// Makes a backup of what is durable now, on a thread of its own that steps back behind the others. Writes go on
    /// meanwhile. Then removes older chains if `keep` says how many stay. Ends early when the engine stops.
    pub async fn back_up(
        &self,
        order: Order,
        keep: Option<usize>,
        tell: TellProgress,
    ) -> Result<(Made, Pruned), BackupError> {
        let engine = self.engine().clone();
        let made = aside("backup", move || {
            let mut progress = |progress| {
                tell(progress);
                if engine.is_running() {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            };
            backup::back_up(&**engine.reader(), &order, &mut progress).and_then(|made| {
                let pruned = match (&order.to, keep) {
                    (backup::Destination::Folder(folder), Some(keep)) => {
                        backup::prune(folder, made.header.ledger, keep)?
                    }
                    (backup::Destination::Folder(_) | backup::Destination::File(_), _) => Pruned::default(),
                };
                Ok((made, pruned))
            })
        });
        made.await.unwrap_or(Err(BackupError::Interrupted))
    }

    /// Copies the store into less space, and goes on in the copy. Takes long; writes go on but for a moment at the end.
    pub async fn compact(&self) -> Result<Compacted, CompactError> {
        let engine = self.engine().clone();
        let compacted = aside("compaction", move || engine.compact());
        compacted.await.unwrap_or(Err(CompactError::Stopped))
    }
}

/// Does long work on a thread of its own; `None` if there is no thread, or it broke down.
pub(super) async fn aside<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (answer, done) = oneshot::channel();
    let work = move || {
        step_back();
        // What the work holds (the store, above all) is gone before the answer; whoever asked may have gone away.
        let _ = answer.send(work());
    };
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    if let Err(error) = thread {
        tracing::error!(%error, name, "the system gives no thread");
        return None;
    }
    done.await.ok()
}
