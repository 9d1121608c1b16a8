//! Counting without growing: windows of fixed length, and a table for those who have no account.

use crate::types::{Position, Span, Tag, Timestamp};

use super::world::{Table, World};

/// A count that starts over when its window has passed. Windows are aligned to the clock (an hour begins at :00, a day
/// at 00:00 UTC) and end by the time of events, so a replay counts the same. They end for users when they end for
/// strangers, whose tags change with the day's key: so midnight tells nobody which is which.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Window {
    start: Timestamp,
    count: u32,
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
}

/// What is counted of a stranger.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StrangerClass {
    /// Mails a client caused, in 10 minutes.
    ClientMails,
    /// Sign-ups of a client, in an hour.
    ClientSignUps,
    /// Wrong codes for an address of nobody, in a day.
    Codes,
    /// Wrong sign-ins for an address of nobody from one client, in a day.
    SignIns,
    /// Wrong sign-ins for an address of nobody from all clients, in an hour.
    SignInsHour,
}

impl StrangerClass {
    /// The length of its window.
    pub fn window(self) -> Span {
        match self {
            Self::ClientMails => Span::minutes(10),
            Self::ClientSignUps | Self::SignInsHour => Span::hours(1),
            Self::Codes | Self::SignIns => Span::days(1),
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Entry {
    tag: Tag,
    class: StrangerClass,
    window: Window,
    last: Timestamp,
    touched: Position,
}

/// Up to eight entries that share the first two bytes of their tag. There are 65,536 sets, so the whole table holds
/// half a million entries (some 40 MB) whatever strangers do; in a full set the entry touched longest ago goes.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct StrangerSet(Vec<Entry>);

const SET_MAX: usize = 8;

fn set_of(tag: Tag) -> u16 {
    u16::from_be_bytes([tag.0[0], tag.0[1]])
}

/// How often, and when last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Tally {
    pub(super) count: u32,
    pub(super) last: Timestamp,
    pub(super) wait: Span,
}

/// What is known of a stranger at a moment.
pub(super) fn tally(world: &impl World, tag: Tag, class: StrangerClass, now: Timestamp) -> Tally {
    let Some(set) = world.strangers().look(&set_of(tag)) else {
        return Tally::default();
    };
    let Some(entry) = set.0.iter().find(|e| e.tag == tag && e.class == class) else {
        return Tally::default();
    };
    let length = class.window();
    Tally {
        count: entry.window.count(now, length),
        last: entry.last,
        wait: entry.window.wait(now, length),
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
    let Some(StrangerSet(entries)) = world.strangers_mut().edit(&key) else {
        return;
    };
    let at = entries
        .iter()
        .position(|e| e.tag == tag && e.class == class)
        .unwrap_or_else(|| {
            let fresh = Entry {
                tag,
                class,
                window: Window::default(),
                last: time,
                touched: position,
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
    entry.touched = position;
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
        assert_eq!(
            tally(&state, Tag(last), StrangerClass::Codes, Timestamp(2)).count,
            1
        );
    }
}
