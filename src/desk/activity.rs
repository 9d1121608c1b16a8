//! What happened to somebody lately, for themself.

use tokio::task::spawn_blocking;

use super::{Desk, EventFilter, Fault, Line};
use crate::domain::Event;
use crate::types::{Locale, Position, UserId};

/// Events at the end of the ledger among which somebody's are looked for: a bound, because looking is reading.
const LOOKED_AT: u64 = 20_000;
/// Of those, so many are shown at most.
const SHOWN_MAX: usize = 100;

impl Desk {
    /// The latest events that concern a user, newest first, told in a language, out of the end of the ledger. One reader at a
    /// time; whoever comes meanwhile is told to come again.
    pub async fn latest_of(&self, user: UserId, locale: Locale) -> Result<Vec<Line>, Fault> {
        let Ok(_only) = self.inner.looking_back.try_lock() else {
            return Err(Fault::Overloaded);
        };
        let next = self.engine().head().next.0;
        let filter = EventFilter {
            user: Some(user),
            after: next.checked_sub(LOOKED_AT).map(Position),
            limit: Some(SHOWN_MAX),
            ..EventFilter::default()
        };
        let desk = self.clone();
        let read = spawn_blocking(move || {
            let found = desk.latest_events(&filter)?;
            let found = found.iter().rev().filter(|one| !is_nothing(&one.event));
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
