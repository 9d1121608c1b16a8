//! Events as they happen.

use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::{Desk, EVENTS_MAX, EventFilter};
use crate::domain::Recorded;
use crate::ledger::StoreError;
use crate::types::Position;

/// Somebody who is told events as they happen; whoever made it sees to it that there are not too many.
pub struct Following {
    desk: Desk,
    filter: EventFilter,
    /// Everything up to there was looked at.
    behind: Option<Position>,
    published: watch::Receiver<Position>,
}

impl Desk {
    /// Follows the events that a filter asks for, behind a position; from now on if none is named.
    pub fn follow(&self, filter: EventFilter, behind: Option<Position>) -> Following {
        let mut published = self.engine().published();
        published.mark_unchanged();
        let last = || self.engine().head().next.0.checked_sub(1).map(Position);
        Following {
            desk: self.clone(),
            filter: EventFilter {
                limit: Some(EVENTS_MAX),
                ..filter
            },
            behind: behind.or_else(last),
            published,
        }
    }
}

impl Following {
    /// The next events, as soon as there are some; none when the ledger is closed. What was begun is not lost when nobody
    /// waits for it to end: the next call begins at the same place.
    pub async fn next(&mut self) -> Result<Option<Vec<Recorded>>, StoreError> {
        loop {
            self.published.mark_unchanged();
            let desk = self.desk.clone();
            let filter = EventFilter {
                after: self.behind,
                ..self.filter.clone()
            };
            let read = spawn_blocking(move || desk.events_behind(&filter));
            let Ok(read) = read.await else { return Ok(None) };
            let (found, looked) = read?;
            let is_further = looked > self.behind;
            self.behind = looked.max(self.behind);
            if !found.is_empty() {
                return Ok(Some(found));
            }
            // Nothing that was asked for in what was looked at: there may be more behind it.
            if !is_further && self.published.changed().await.is_err() {
                return Ok(None);
            }
        }
    }
}
