//! Makes the scheduled backups, and removes those that are old enough once a newer one is proven.
//!
//! What is due is read from the folder itself: a backup that was made before a restart, or by hand, counts.

use std::path::PathBuf;

use crate::desk::Desk;
use crate::ledger::backup::{BackupError, Destination, Order, Since, newest_chain};
use crate::types::{Span, Timestamp};

use super::beat::{Beat, Next};

/// The first pause after a backup that failed; the schedule's own if that is shorter.
const RETRY_AFTER: Span = Span::minutes(10);

/// When backups are made, and which stay.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schedule {
    /// Where they go.
    pub folder: PathBuf,
    /// The time between two of them.
    pub every: Span,
    /// How many make a chain, the first with all of the ledger; at least 1.
    pub full_every: usize,
    /// How many chains stay; at least 1.
    pub keep: usize,
}

/// The newest chain of the folder.
struct Last {
    parts: usize,
    at: Option<Timestamp>,
}

/// Runs until the beat says stop.
pub(super) async fn run(desk: Desk, schedule: Schedule, mut beat: Beat) {
    let mut due = None;
    while beat.next().await == Next::Look {
        let now = desk.now();
        if due.is_some_and(|due| now < due) {
            continue;
        }
        due = Some(match look(&desk, &schedule).await {
            Ok(Last { at: Some(at), .. }) if now < at + schedule.every => at + schedule.every,
            Ok(last) => back_up(&desk, &schedule, &last, now).await,
            Err(error) => {
                tell_failure(&desk, &schedule, &error).await;
                now + RETRY_AFTER.min(schedule.every)
            }
        });
    }
}

/// What is in the folder. A chain that is damaged or has a gap is not gone on with: a new one begins.
async fn look(desk: &Desk, schedule: &Schedule) -> Result<Last, BackupError> {
    let (folder, ledger) = (schedule.folder.clone(), desk.engine().reader().ledger_id());
    let nothing = Last { parts: 0, at: None };
    let looked = tokio::task::spawn_blocking(move || {
        if folder.is_dir() {
            newest_chain(&folder, Some(ledger)).map(Some)
        } else {
            Ok(None)
        }
    });
    match looked.await.unwrap_or(Err(BackupError::Interrupted)) {
        Ok(None) => Ok(nothing),
        Ok(Some(chain)) => Ok(Last {
            parts: chain.len(),
            at: chain.last().map(|part| part.header.at),
        }),
        Err(error) if error.is_damage() => {
            tracing::warn!(%error, "a scheduled backup begins a new chain");
            Ok(nothing)
        }
        Err(error) => Err(error),
    }
}

/// Makes one; returns when the next is due.
async fn back_up(desk: &Desk, schedule: &Schedule, last: &Last, now: Timestamp) -> Timestamp {
    let order = Order {
        to: Destination::Folder(schedule.folder.clone()),
        since: if last.parts == 0 || last.parts >= schedule.full_every {
            Since::Beginning
        } else {
            Since::Newest
        },
        now,
    };
    match desk.back_up(order, Some(schedule.keep), Box::new(|_| {})).await {
        Ok((made, pruned)) => {
            let file = made.path.as_ref().map(|path| path.display().to_string());
            tracing::info!(
                file,
                positions = made.header.to.next.0,
                bytes = made.bytes,
                removed = pruned.removed.len(),
                "backed up and proven"
            );
            if let Some(why) = made.fresh_start {
                tracing::warn!(why, "the backup holds all of the ledger again");
            }
            now + schedule.every
        }
        // The server is stopping.
        Err(BackupError::Interrupted) => now + schedule.every,
        Err(error) => {
            tell_failure(desk, schedule, &error).await;
            now + RETRY_AFTER.min(schedule.every)
        }
    }
}

/// Into the log each time, with the reason; by mail once a day, without.
async fn tell_failure(desk: &Desk, schedule: &Schedule, error: &BackupError) {
    let folder = schedule.folder.display();
    tracing::error!(%error, %folder, "the scheduled backup failed; it is tried again");
    if let Err(fault) = desk.tell_backup_failed().await {
        tracing::warn!(?fault, "administrators could not be told of it yet");
    }
}
