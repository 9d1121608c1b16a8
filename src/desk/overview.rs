//! The house at a glance: how much there is now, and what happened each day of the last weeks.
//!
//! The days are counted from the events, beside the writer and a part at a time, and kept; so the first look at a long
//! ledger sees them grow, and every later one only counts what has happened since.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError};

use tokio::sync::OwnedMutexGuard;
use tokio::task::spawn_blocking;

use super::{Desk, Verification};
use crate::domain::{Actor, Event, MailEnd, Purpose, Recorded};
use crate::ledger::{Head, StoreError};
use crate::system::ClockStatus;
use crate::types::{Position, Span, Timestamp};

/// Days that are told, today among them.
pub const DAYS: u32 = 30;
/// Events that are counted while somebody waits; of more, the rest is counted when they are gone.
const AT_ONCE: u64 = 5_000;
/// Waiting mails that are looked at.
const MAILS_LOOKED_AT: usize = 1_000;

/// What happened on a day of UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DayCounts {
    /// Users who came.
    pub registered: u64,
    /// Sign-ins.
    pub signed_in: u64,
    /// Refused sign-ins.
    pub refused: u64,
    /// Recoveries that somebody asked for, or an administrator made to hand over.
    pub asked: u64,
    /// Recoveries that were completed.
    pub recovered: u64,
    /// Mails that were delivered.
    pub delivered: u64,
    /// Mails that were given up.
    pub undelivered: u64,
    /// Calls that a limit or the budget of strangers held back.
    pub held_back: u64,
}

/// The house at a glance.
#[derive(Clone, Debug)]
pub struct Overview {
    /// Users.
    pub users: usize,
    /// Sessions that have not ended.
    pub sessions: usize,
    /// Mails that wait.
    pub mails: usize,
    /// Of the first thousand of them, those of which a try failed.
    pub failing: usize,
    /// Since when the oldest waits.
    pub oldest: Option<Timestamp>,
    /// Where the ledger ends.
    pub head: Head,
    /// The epoch that is running.
    pub epoch: u32,
    /// What is thought of the wall clock.
    pub clock: ClockStatus,
    /// The days, oldest first, each by its number since 1970.
    pub days: Vec<(u32, DayCounts)>,
    /// Whether some of what happened is still to be counted.
    pub is_counting: bool,
    /// The latest proof of the ledger since the start, or one that runs.
    pub verification: Option<Verification>,
}

/// The days, as far as they are counted.
#[derive(Default)]
pub(super) struct Tally {
    /// Everything before this was looked at, or is older than the days.
    next: Option<Position>,
    days: BTreeMap<u32, DayCounts>,
}

impl Desk {
    /// Looks at the house.
    pub async fn overview(&self) -> Overview {
        let now = self.now();
        let (counted, is_counting) = self.counted().await;
        let today = now.day();
        let first = today.saturating_sub(DAYS - 1);
        let day = |day| (day, counted.get(&day).copied().unwrap_or_default());
        let engine = self.engine();
        let (users, sessions, mails, failing, oldest, epoch) = engine.read(|state| {
            let waiting = state.outbox.values().take(MAILS_LOOKED_AT);
            let failing = waiting.filter(|mail| mail.attempts > 0).count();
            let oldest = state.outbox.values().next().map(|mail| mail.queued);
            let epoch = state.epoch().number;
            (
                state.users.len(),
                state.sessions.len(),
                state.outbox.len(),
                failing,
                oldest,
                epoch,
            )
        });
        Overview {
            users,
            sessions,
            mails,
            failing,
            oldest,
            head: engine.head(),
            epoch,
            clock: engine.clock().status(),
            days: (first..=today).map(day).collect(),
            is_counting,
            verification: self.verification(),
        }
    }

    /// The days as far as they are counted, and whether there is more to count.
    async fn counted(&self) -> (BTreeMap<u32, DayCounts>, bool) {
        let Ok(tally) = Arc::clone(&self.inner.tally).try_lock_owned() else {
            // Somebody else counts at this moment.
            return (self.days_so_far(), true);
        };
        let desk = self.clone();
        let counting = spawn_blocking(move || desk.count(tally, AT_ONCE));
        let is_counting = counting.await.unwrap_or(true);
        (self.days_so_far(), is_counting)
    }

    fn days_so_far(&self) -> BTreeMap<u32, DayCounts> {
        let days = self.inner.days.lock();
        days.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts so many events; if there are more, goes on with them beside whoever asked. Says whether there are.
    fn count(&self, mut tally: OwnedMutexGuard<Tally>, at_most: u64) -> bool {
        let counted = tally.count(self, at_most);
        let days = self.inner.days.lock();
        days.unwrap_or_else(PoisonError::into_inner)
            .clone_from(&tally.days);
        match counted {
            Ok(true) => {
                let desk = self.clone();
                spawn_blocking(move || desk.count(tally, u64::MAX));
                true
            }
            Ok(false) => false,
            Err(error) => {
                tracing::error!(%error, "the events could not be counted");
                true
            }
        }
    }

    /// The first event at or after a time, or where the next one goes. Blocks.
    pub(super) fn first_since(&self, time: Timestamp) -> Result<Position, StoreError> {
        let (mut before, mut at) = (0, self.engine().head().next.0);
        while before < at {
            let middle = before + (at - before) / 2;
            let is_late = self
                .event_at(Position(middle))?
                .is_none_or(|recorded| recorded.time >= time);
            if is_late {
                at = middle;
            } else {
                before = middle + 1;
            }
        }
        Ok(Position(at))
    }
}

impl Tally {
    /// Counts on, so many events at most; says whether there are more.
    fn count(&mut self, desk: &Desk, at_most: u64) -> Result<bool, StoreError> {
        let first = desk.now().day().saturating_sub(DAYS - 1);
        self.days.retain(|day, _| *day >= first);
        let from = match self.next {
            Some(next) => next,
            None => desk.first_since(Timestamp(i64::from(first) * Span::days(1).0))?,
        };
        let (mut next, mut looked) = (from, 0);
        desk.scan_events(from, &mut |recorded| {
            if looked >= at_most {
                return ControlFlow::Break(());
            }
            looked += 1;
            next = recorded.position.next();
            self.note(&recorded);
            ControlFlow::Continue(())
        })?;
        self.next = Some(next);
        Ok(next < desk.engine().head().next && looked >= at_most)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "most events are not counted")]
    fn note(&mut self, recorded: &Recorded) {
        let mut counts = DayCounts::default();
        match &recorded.event {
            Event::UserRegistered { .. } => counts.registered = 1,
            Event::SignedIn { .. } => counts.signed_in = 1,
            Event::SignInFailed { .. } => counts.refused = 1,
            // What answers a request is issued by nobody but the stranger who asked: it is counted once.
            Event::ResetRequested { .. }
            | Event::TokenIssued {
                purpose: Purpose::Recovery,
                by: Actor::User(_) | Actor::Operator | Actor::ApiKey(_) | Actor::System,
                ..
            } => counts.asked = 1,
            Event::RecoveryCompleted { .. } => counts.recovered = 1,
            Event::MailDelivered { .. } => counts.delivered = 1,
            Event::MailEnded {
                cause: MailEnd::Refused | MailEnd::GaveUp,
                ..
            } => counts.undelivered = 1,
            Event::Suppressed { count, .. } => counts.held_back = *count,
            _ => return,
        }
        let day = self.days.entry(recorded.time.day()).or_default();
        day.registered += counts.registered;
        day.signed_in += counts.signed_in;
        day.refused += counts.refused;
        day.asked += counts.asked;
        day.recovered += counts.recovered;
        day.delivered += counts.delivered;
        day.undelivered += counts.undelivered;
        day.held_back = day.held_back.saturating_add(counts.held_back);
    }
}
