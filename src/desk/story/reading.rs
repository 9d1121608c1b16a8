//! Reading events: pages of them, the latest, one by its position.

use std::net::IpAddr;
use std::ops::ControlFlow;

use super::super::Desk;
use super::vocabulary;
use crate::domain::Recorded;
use crate::ledger::codec::{self, event_name};
use crate::ledger::{StoreError, record};
use crate::types::{Position, Timestamp, UserId};

/// Events that one question is answered with, at most.
pub const EVENTS_MAX: usize = 1_000;

/// Events that one page is looked for among, at most.
const LOOKED_AT_MAX: u32 = 100_000;

/// The first step back from the end.
const STEP_BACK: u64 = 500;

/// Which events are asked for; everything by default.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EventFilter {
    /// Only those that concern this user.
    pub user: Option<UserId>,
    /// Only those of this name, as the ledger has it or as the vocabulary has it.
    pub name: Option<String>,
    /// Only those that came from this address, as far as that can still be read.
    pub ip: Option<IpAddr>,
    /// Only those at or after this time.
    pub since: Option<Timestamp>,
    /// Only those before this time.
    pub until: Option<Timestamp>,
    /// Only those after this position.
    pub after: Option<Position>,
    /// So many at most; [`EVENTS_MAX`] bounds it.
    pub limit: Option<usize>,
}

/// Events that were looked at.
#[derive(Default)]
struct Looked {
    /// Those that were asked for.
    found: Vec<Recorded>,
    /// The last of all.
    last: Option<Position>,
    /// Whether what comes next is too late.
    is_over: bool,
}

impl Desk {
    /// Reads events that a filter asks for, oldest first. Goes through the ledger, so it blocks.
    pub fn events(&self, filter: &EventFilter) -> Result<Vec<Recorded>, StoreError> {
        let limit = filter.limit.unwrap_or(EVENTS_MAX).min(EVENTS_MAX);
        let mut found = Vec::new();
        let from = filter.after.map_or(Position(0), Position::next);
        self.scan_events(from, &mut |recorded| {
            if found.len() >= limit {
                return ControlFlow::Break(());
            }
            if self.is_asked_for(filter, &recorded) {
                found.push(recorded);
            }
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// Reads events that a filter asks for, oldest first, and after which position to go on, while there may be more;
    /// looks at so many at most. Goes through the ledger, so it blocks.
    pub fn events_page(&self, filter: &EventFilter) -> Result<(Vec<Recorded>, Option<Position>), StoreError> {
        let Looked { found, last, is_over } = self.look_at_events(filter)?;
        let end = self.engine().head().next;
        let is_more = |last: &Position| !is_over && last.next() < end;
        Ok((found, last.filter(is_more)))
    }

    /// The same, and the last event that was looked at, for whoever waits for more.
    pub fn events_behind(
        &self,
        filter: &EventFilter,
    ) -> Result<(Vec<Recorded>, Option<Position>), StoreError> {
        let looked = self.look_at_events(filter)?;
        Ok((looked.found, looked.last))
    }

    fn look_at_events(&self, filter: &EventFilter) -> Result<Looked, StoreError> {
        let limit = filter.limit.unwrap_or(EVENTS_MAX).min(EVENTS_MAX);
        let (mut looked, mut count) = (Looked::default(), 0);
        let from = filter.after.map_or(Position(0), Position::next);
        self.scan_events(from, &mut |recorded| {
            looked.is_over = filter.until.is_some_and(|until| recorded.time >= until);
            if looked.is_over || looked.found.len() >= limit || count >= LOOKED_AT_MAX {
                return ControlFlow::Break(());
            }
            count += 1;
            looked.last = Some(recorded.position);
            if self.is_asked_for(filter, &recorded) {
                looked.found.push(recorded);
            }
            ControlFlow::Continue(())
        })?;
        Ok(looked)
    }

    /// The events that a filter asks for before a position, newest first, and before which one to go on, while there may be
    /// more; looks at so many at most, in ever longer steps back. Blocks.
    pub fn events_back(
        &self,
        filter: &EventFilter,
        before: Option<Position>,
    ) -> Result<(Vec<Recorded>, Option<Position>), StoreError> {
        let limit = filter.limit.unwrap_or(EVENTS_MAX).min(EVENTS_MAX);
        let head = self.engine().head().next;
        let mut end = before.map_or(head, |before| before.min(head));
        if let Some(until) = filter.until {
            end = end.min(self.first_since(until)?);
        }
        let wanted = self.wanted(filter)?;
        let (mut found, mut looked, mut step) = (vec![], 0, STEP_BACK);
        while end > Position(0) && looked < u64::from(LOOKED_AT_MAX) / 4 {
            let from = match &wanted {
                None => Position(end.0.saturating_sub(step)),
                Some(wanted) => {
                    let Some([from, before]) = self.traces().last_before(end, step, wanted) else {
                        end = Position(0);
                        break;
                    };
                    end = before;
                    from
                }
            };
            let (mut some, mut is_over) = (vec![], false);
            self.scan_events(from, &mut |recorded| {
                if recorded.position >= end {
                    return ControlFlow::Break(());
                }
                is_over |= filter.since.is_some_and(|since| recorded.time < since);
                if self.is_asked_for(filter, &recorded) {
                    some.push(recorded);
                }
                ControlFlow::Continue(())
            })?;
            looked += end.0 - from.0;
            end = from;
            for recorded in some.into_iter().rev() {
                found.push(recorded);
            }
            if found.len() >= limit {
                // What is left of this step comes first on the next page.
                found.truncate(limit);
                end = found.last().map_or(end, |last| last.position);
                break;
            }
            if is_over {
                end = Position(0);
            }
            step = step.saturating_mul(4);
        }
        Ok((found, (end > Position(0)).then_some(end)))
    }

    /// The latest events that a filter asks for, oldest first. Goes through the ledger, so it blocks.
    pub fn latest_events(&self, filter: &EventFilter) -> Result<Vec<Recorded>, StoreError> {
        let limit = filter.limit.unwrap_or(EVENTS_MAX).min(EVENTS_MAX);
        let mut found = std::collections::VecDeque::new();
        let from = filter.after.map_or(Position(0), Position::next);
        self.scan_events(from, &mut |recorded| {
            if self.is_asked_for(filter, &recorded) {
                found.push_back(recorded);
                if found.len() > limit {
                    found.pop_front();
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(found.into())
    }

    /// The event at a position.
    pub fn event_at(&self, position: Position) -> Result<Option<Recorded>, StoreError> {
        let mut found = None;
        self.scan_events(position, &mut |recorded| {
            found = (recorded.position == position).then_some(recorded);
            ControlFlow::Break(())
        })?;
        Ok(found)
    }

    /// The bytes of the record at a position.
    pub fn record_at(&self, position: Position) -> Result<Option<Vec<u8>>, StoreError> {
        let mut found = None;
        if position < self.engine().head().next {
            self.engine().reader().scan(position, &mut |frame| {
                let at = usize::try_from(position.0 - frame.first.0).ok();
                found = at.and_then(|at| frame.records().nth(at)).map(<[u8]>::to_vec);
                ControlFlow::Break(())
            })?;
        }
        Ok(found)
    }

    fn is_asked_for(&self, filter: &EventFilter, recorded: &Recorded) -> bool {
        let event = &recorded.event;
        let named = |name: &str| {
            event_name(event).eq_ignore_ascii_case(name)
                || vocabulary(event).is_some_and(|term| term.eq_ignore_ascii_case(name))
        };
        filter.since.is_none_or(|since| recorded.time >= since)
            && filter.until.is_none_or(|until| recorded.time < until)
            && filter.name.as_deref().is_none_or(named)
            && filter.user.is_none_or(|user| self.concerned(event) == Some(user))
            // Last, because it opens a seal.
            && filter
                .ip
                .is_none_or(|ip| self.origin_seen(event).is_some_and(|origin| origin.ip == ip))
    }

    /// Shows every event from a position on, until the visitor breaks or the durable part ends.
    pub(in crate::desk) fn scan_events(
        &self,
        from: Position,
        visit: &mut dyn FnMut(Recorded) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        if from >= self.engine().head().next {
            return Ok(());
        }
        self.engine().reader().scan(from, &mut |frame| {
            let mut position = frame.first;
            for raw in frame.records() {
                // The start has read every record, and so does the writer's codec: one that fails here is skipped, and
                // `verify` says why.
                let recorded = record::decode(raw)
                    .ok()
                    .and_then(|(header, payload)| codec::decode(&header, payload).ok());
                if let Some(recorded) = recorded
                    && position >= from
                {
                    visit(recorded)?;
                }
                position = position.next();
            }
            ControlFlow::Continue(())
        })
    }
}
