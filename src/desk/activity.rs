//! What happened to somebody lately, for themself.

use tokio::task::spawn_blocking;

use super::{Desk, EventFilter, Fault, Line};
use crate::domain::Event;
use crate::types::{Locale, UserId};

/// So many events are shown at most.
const SHOWN_MAX: usize = 100;

impl Desk {
    /// The latest events that concern a user, newest first, told in a language. One reader at a time; whoever comes meanwhile
    /// is told to come again.
    pub async fn latest_of(&self, user: UserId, locale: Locale) -> Result<Vec<Line>, Fault> {
        let Ok(_only) = self.inner.looking_back.try_lock() else {
            return Err(Fault::Overloaded);
        };
        let filter = EventFilter {
            user: Some(user),
            limit: Some(SHOWN_MAX),
            ..EventFilter::default()
        };
        let desk = self.clone();
        let read = spawn_blocking(move || {
            let (found, _) = desk.events_back(&filter, None)?;
            let found = found.iter().filter(|one| !is_nothing(&one.event));
            Ok::<_, crate::ledger::StoreError>(found.map(|one| desk.describe(one, locale)).collect())
        });
        match read.await {
            Ok(Ok(lines)) => Ok(lines),
            Ok(Err(error)) => {
                tracing::error!(%error, "events could not be read");
                Err(Fault::Overloaded)
            }
            Err(_) => Err(Fault::Stopped),
        }
    }
}

/// Whether an event tells its person nothing: a password was set, and no session was there to end.
fn is_nothing(event: &Event) -> bool {
    matches!(event, Event::SessionsEnded { count: 0, .. })
}
