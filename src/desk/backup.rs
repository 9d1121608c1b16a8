//! Backups beside the running ledger.

use std::ops::ControlFlow;

use tokio::sync::oneshot;

use super::Desk;
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
        let (answer, made) = oneshot::channel();
        let engine = self.engine().clone();
        let work = move || {
            step_back();
            let mut progress = |progress| {
                tell(progress);
                if engine.is_running() {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            };
            let made = backup::back_up(&**engine.reader(), &order, &mut progress).and_then(|made| {
                let pruned = match (&order.to, keep) {
                    (backup::Destination::Folder(folder), Some(keep)) => {
                        backup::prune(folder, made.header.ledger, keep)?
                    }
                    (backup::Destination::Folder(_) | backup::Destination::File(_), _) => Pruned::default(),
                };
                Ok((made, pruned))
            });
            // The reader keeps the store open: it goes before the answer, so that a stop finds the store closed.
            drop(engine);
            // Whoever asked may have gone away.
            let _ = answer.send(made);
        };
        std::thread::Builder::new()
            .name("backup".to_owned())
            .spawn(work)
            .map_err(|source| BackupError::File {
                doing: "start a thread for",
                path: "the backup".into(),
                source,
            })?;
        made.await.unwrap_or(Err(BackupError::Interrupted))
    }
}
