//! Counting without growing: windows of fixed length, and a table for those who have no account.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::types::{Position, Span, Tag, Timestamp, UserId};

use super::command::Context;
use super::refusal::{LimitKind, LimitReached};
use super::state::Guard;
use super::world::{Table, World};

/// A count that starts over when its window has passed. Windows are aligned to the clock (an hour begins at :00, a day
/// at 00:00 UTC) and end by the time of events, so a replay counts the same. They end for users when they end for
/// strangers, whose tags change with the day's key: so midnight tells nobody which is which.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Window {
    /// When it began.
    pub start: Timestamp,
    /// How many there were since.
    pub count: u32,
}

/// The beginning of the window that a moment lies in.
fn aligned(time: Timestamp, length: Span) -> Timestamp {
    Timestamp(time.0 - time.0.rem_euclid(length.0.max(1)))
}

impl Window {
    /// The count at a moment.
    pub fn count(&self, now: Timestamp, length: Span) -> u32 {
        if now < self.start + length { self.count } else { 0 }
    }

    /// Counts one more.
    pub fn bump(&mut self, time: Timestamp, length: Span) {
        self.add(1, time, length);
    }

    /// Counts so many more.
    pub fn add(&mut self, amount: u32, time: Timestamp, length: Span) {
        if time >= self.start + length {
            *self = Self {
                start: aligned(time, length),
                count: 0,
            };
        }
        self.count = self.count.saturating_add(amount);
    }

    /// How long until the window passes.
    pub fn wait(&self, now: Timestamp, length: Span) -> Span {
        (self.start + length).since(now)
    }

    /// Whether there is room for one more of a kind.
    pub(super) fn room(
        &self,
        now: Timestamp,
        length: Span,
        kind: LimitKind,
        limit: u32,
    ) -> Result<(), LimitReached> {
        if self.count(now, length) < limit {
            return Ok(());
        }
        Err(LimitReached {
            kind,
            limit,
            wait: Span(self.wait(now, length).0.max(1)),
        })
    }
}

/// A count of a user.
pub(super) fn counted(world: &impl World, user: UserId, of: fn(&Guard) -> Window) -> Window {
    world.guards().look(&user).map(of).unwrap_or_default()
}

/// What is counted of a stranger.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StrangerClass {
    /// Mails a client caused, in 10 minutes.
    ClientMails,
    /// Sign-ups of a client, in an hour.
    ClientSignUps,
    /// User names that a client asked about, in an hour.
    Usernames,
    /// Wrong codes for an address of nobody, in a day.
    Codes,
    /// Wrong sign-ins for an address of nobody from one client, in a day.
    SignIns,
    /// Wrong sign-ins for an address of nobody from all clients, in an hour.
    SignInsHour,
    /// Mails to a mailbox that users named as theirs, in a day.
    NamedMailbox,
}

impl StrangerClass {
    /// The length of its window.
    pub fn window(self) -> Span {
        match self {
            Self::ClientMails => Span::minutes(10),
            Self::ClientSignUps | Self::Usernames | Self::SignInsHour => Span::hours(1),
            Self::Codes | Self::SignIns | Self::NamedMailbox => Span::days(1),
        }
    }
}

/// One count of a stranger.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct StrangerEntry {
    /// Who.
    pub tag: Tag,
    /// What is counted.
    pub class: StrangerClass,
    /// How often.
    pub window: Window,
    /// When last.
    pub last: Timestamp,
    /// Where last.
    pub touched: Position,
}

/// Up to eight entries that share the first two bytes of their tag. There are 65,536 sets, so the whole table holds
/// half a million entries (some 40 MB) whatever strangers do; in a full set the entry touched longest ago goes.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct StrangerSet(Vec<StrangerEntry>);

const SET_MAX: usize = 8;

fn set_of(tag: Tag) -> u16 {
    u16::from_be_bytes([tag.0[0], tag.0[1]])
}

/// What was not written, to keep strangers from filling the ledger.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum SuppressedClass {
    /// Requests for a mail.
    Requests,
    /// Failed sign-ins.
    SignIns,
    /// Wrong codes.
    Codes,
    /// Calls over a limit.
    Limited,
    /// Calls with an API key that is none, or none any more.
    ApiKeys,
    /// Calls with an access token that this server never gave out.
    ForeignTokens,
    /// Calls with an access token that has expired, or whose session or account is over.
    DeadTokens,
}

/// How often, and when last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Tally {
    pub(super) count: u32,
    pub(super) last: Timestamp,
    pub(super) wait: Span,
}

/// What is known of a stranger at a moment: what the ledger holds, and what was counted without being written.
pub(super) fn tally(world: &impl World, context: &Context<'_>, tag: Tag, class: StrangerClass) -> Tally {
    let written = world
        .strangers()
        .look(&set_of(tag))
        .map(|set| set.tally(tag, class, context.now));
    let (written, unwritten) = (
        written.unwrap_or_default(),
        context.unwritten.tally(tag, class, context.now),
    );
    Tally {
        count: written.count.saturating_add(unwritten.count),
        last: written.last.max(unwritten.last),
        wait: written.wait.max(unwritten.wait),
    }
}

/// Counts one more of a stranger.
pub(super) fn bump(
    world: &mut impl World,
    tag: Tag,
    class: StrangerClass,
    time: Timestamp,
    position: Position,
) {
    let key = set_of(tag);
    if world.strangers().look(&key).is_none() {
        world.strangers_mut().put(key, StrangerSet::default());
    }
    if let Some(set) = world.strangers_mut().edit(&key) {
        set.bump(tag, class, time, position);
    }
}

impl StrangerSet {
    /// The counts.
    pub fn entries(&self) -> &[StrangerEntry] {
        &self.0
    }

    /// A set of counts; `None` if they are more than a set holds.
    pub fn from_entries(entries: Vec<StrangerEntry>) -> Option<Self> {
        (entries.len() <= SET_MAX).then_some(Self(entries))
    }

    fn tally(&self, tag: Tag, class: StrangerClass, now: Timestamp) -> Tally {
        let Some(entry) = self.0.iter().find(|e| e.tag == tag && e.class == class) else {
            return Tally::default();
        };
        let length = class.window();
        Tally {
            count: entry.window.count(now, length),
            last: entry.last,
            wait: entry.window.wait(now, length),
        }
    }

    fn bump(&mut self, tag: Tag, class: StrangerClass, time: Timestamp, touched: Position) {
        let entries = &mut self.0;
        let known = entries.iter().position(|e| e.tag == tag && e.class == class);
        let at = known.unwrap_or_else(|| {
            let fresh = StrangerEntry {
                tag,
                class,
                window: Window::default(),
                last: time,
                touched,
            };
            if entries.len() < SET_MAX {
                entries.push(fresh);
                entries.len() - 1
            } else {
                let oldest = (0..entries.len())
                    .min_by_key(|&i| entries[i].touched)
                    .unwrap_or(0);
                entries[oldest] = fresh;
                oldest
            }
        });
        let entry = &mut entries[at];
        entry.window.bump(time, class.window());
        entry.last = time;
        entry.touched = touched;
    }
}

/// What strangers did after they had used up what they may write: counted in memory, in a table of the same size, so
/// that a full budget does not tell an address of nobody (where counting would stop) from somebody's (R-03, A12).
#[derive(Debug, Default)]
pub struct Unwritten(Mutex<(u64, BTreeMap<u16, StrangerSet>)>);

impl Unwritten {
    fn tally(&self, tag: Tag, class: StrangerClass, now: Timestamp) -> Tally {
        let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table
            .1
            .get(&set_of(tag))
            .map(|set| set.tally(tag, class, now))
            .unwrap_or_default()
    }

    /// Counts what a decision left unwritten.
    pub fn count(&self, left: &[(Tag, StrangerClass)], time: Timestamp) {
        if left.is_empty() {
            return;
        }
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (tag, class) in left {
            table.0 += 1;
            let touched = Position(table.0);
            table
                .1
                .entry(set_of(*tag))
                .or_default()
                .bump(*tag, *class, time, touched);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::State;

    #[test]
    fn a_window_ends_by_the_time_of_events() {
        let mut window = Window::default();
        let at = Timestamp(0) + Span::hours(500_000);
        window.bump(at + Span::minutes(10), Span::hours(1));
        window.bump(at + Span::minutes(59), Span::hours(1));
        assert_eq!(window.count(at + Span::minutes(59), Span::hours(1)), 2);
        assert_eq!(
            window.wait(at + Span::minutes(59), Span::hours(1)),
            Span::minutes(1)
        );
        assert_eq!(window.count(at + Span::hours(1), Span::hours(1)), 0);
        window.bump(at + Span::hours(1), Span::hours(1));
        assert_eq!(window.count(at + Span::hours(1), Span::hours(1)), 1);
    }

    #[test]
    fn strangers_cannot_make_their_table_grow() {
        let mut state = State::default();
        for n in 0..10_000_u64 {
            let mut tag = [0; 16];
            tag[8..].copy_from_slice(&n.to_be_bytes());
            bump(
                &mut state,
                Tag(tag),
                StrangerClass::Codes,
                Timestamp(1),
                Position(n),
            );
        }
        assert_eq!(
            state.strangers.values().map(|set| set.0.len()).sum::<usize>(),
            SET_MAX
        );
        let mut last = [0; 16];
        last[8..].copy_from_slice(&9_999_u64.to_be_bytes());
        let set = &state.strangers[&0];
        assert_eq!(set.tally(Tag(last), StrangerClass::Codes, Timestamp(2)).count, 1);
    }
}
