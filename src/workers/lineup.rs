//! Whose turn it is: one line of mails for each address, and in each the oldest first.
//!
//! A line moves only when its first mail is delivered or given up, so mails to one address leave in the order of their
//! events. A younger mail pulls a waiting first one forward, once: it must not wait half an hour behind a retry. When a
//! server that could not be reached answers again, everything that waited for it is due.

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::types::{AddressId, Position, Timestamp};

/// A mail of the outbox, as far as its turn depends on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub(super) queued: Position,
    pub(super) address: AddressId,
    /// When to try next.
    pub(super) next: Timestamp,
}

/// What became of a turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// The mail is out of the outbox.
    Over,
    /// It stays, until then at the earliest.
    Again(Timestamp),
    /// The same, and the server could not be reached at all.
    Unreached(Timestamp),
}

/// The mails that wait.
#[derive(Debug, Default)]
pub(super) struct Lineup {
    lines: HashMap<AddressId, Line>,
    /// The first mails of lines that are not under way.
    due: BTreeSet<(Timestamp, Position, AddressId)>,
    /// Where the mails begin that were not taken in yet.
    pub(super) seen: Position,
}

#[derive(Debug, Default)]
struct Line {
    mails: VecDeque<(Position, Timestamp)>,
    place: Place,
    /// Whether the first mail's last try did not reach the server.
    unreached: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Place {
    #[default]
    Empty,
    Waits(Timestamp),
    UnderWay,
}

impl Lineup {
    /// Takes in a new mail; `now` is when.
    pub(super) fn push(&mut self, entry: Entry, now: Timestamp) {
        let Entry {
            queued,
            address,
            next,
        } = entry;
        let line = self.lines.entry(address).or_default();
        line.mails.push_back((queued, next));
        match line.place {
            Place::Empty => self.place(address, next),
            Place::Waits(at) if at > now => self.place(address, now),
            Place::Waits(_) | Place::UnderWay => {}
        }
    }

    /// The next mail that is due, which is under way from now on.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<(Position, AddressId)> {
        let &(at, queued, address) = self.due.first()?;
        if at > now {
            return None;
        }
        self.due.pop_first();
        if let Some(line) = self.lines.get_mut(&address) {
            line.place = Place::UnderWay;
        }
        Some((queued, address))
    }

    /// What became of the mail of an address that was under way.
    pub(super) fn done(&mut self, address: AddressId, turn: Turn) {
        let Some(line) = self.lines.get_mut(&address) else {
            return;
        };
        line.place = Place::Empty;
        line.unreached = matches!(turn, Turn::Unreached(_));
        match turn {
            Turn::Over => {
                line.mails.pop_front();
                match line.mails.front() {
                    Some(&(_, next)) => self.place(address, next),
                    None => {
                        self.lines.remove(&address);
                    }
                }
            }
            Turn::Again(at) | Turn::Unreached(at) => self.place(address, at),
        }
    }

    /// The server answers: what could not reach it is due.
    pub(super) fn server_is_back(&mut self, now: Timestamp) {
        let waiting: Vec<AddressId> = self
            .lines
            .iter_mut()
            .filter(|(_, line)| line.unreached && line.place != Place::UnderWay)
            .map(|(address, line)| {
                line.unreached = false;
                *address
            })
            .collect();
        for address in waiting {
            self.place(address, now);
        }
    }

    /// The first mail to an address is due, unless it is under way.
    pub(super) fn hasten(&mut self, address: AddressId, now: Timestamp) {
        let waits = self
            .lines
            .get(&address)
            .is_some_and(|line| matches!(line.place, Place::Waits(at) if at > now));
        if waits {
            self.place(address, now);
        }
    }

    /// Whether some mail could not reach the server when it was last tried.
    pub(super) fn has_unreached(&self) -> bool {
        self.lines.values().any(|line| line.unreached)
    }

    fn place(&mut self, address: AddressId, at: Timestamp) {
        let Some(line) = self.lines.get_mut(&address) else {
            return;
        };
        let Some(&(queued, _)) = line.mails.front() else {
            return;
        };
        if let Place::Waits(before) = line.place {
            self.due.remove(&(before, queued, address));
        }
        line.place = Place::Waits(at);
        self.due.insert((at, queued, address));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: AddressId = AddressId([1; 16]);
    const BOB: AddressId = AddressId([2; 16]);

    fn at(second: i64) -> Timestamp {
        Timestamp(second * 1_000_000)
    }

    fn lineup(mails: &[(u64, AddressId)]) -> Lineup {
        let mut lineup = Lineup::default();
        for (queued, address) in mails {
            let entry = Entry {
                queued: Position(*queued),
                address: *address,
                next: at(0),
            };
            lineup.push(entry, at(0));
        }
        lineup
    }

    fn entry(queued: u64, address: AddressId, next: i64) -> Entry {
        Entry {
            queued: Position(queued),
            address,
            next: at(next),
        }
    }

    #[test]
    fn one_mail_an_address_is_under_way_and_the_oldest_goes_first() {
        let mut lineup = lineup(&[(1, ANN), (2, ANN), (3, BOB)]);
        assert_eq!(lineup.next(at(0)), Some((Position(1), ANN)));
        assert_eq!(lineup.next(at(0)), Some((Position(3), BOB)));
        assert_eq!(lineup.next(at(0)), None);
        lineup.done(ANN, Turn::Over);
        assert_eq!(lineup.next(at(0)), Some((Position(2), ANN)));
        lineup.done(ANN, Turn::Over);
        lineup.done(BOB, Turn::Over);
        assert_eq!(lineup.next(at(9)), None);
        assert!(lineup.lines.is_empty() && lineup.due.is_empty());
    }

    #[test]
    fn a_mail_that_is_tried_again_keeps_its_place_before_younger_ones() {
        let mut lineup = lineup(&[(1, ANN), (2, ANN)]);
        lineup.next(at(0));
        lineup.done(ANN, Turn::Again(at(30)));
        assert_eq!(lineup.next(at(29)), None);
        assert_eq!(lineup.next(at(30)), Some((Position(1), ANN)));
    }

    #[test]
    fn a_younger_mail_pulls_the_waiting_one_forward_once() {
        let mut lineup = lineup(&[(1, ANN)]);
        lineup.next(at(0));
        lineup.done(ANN, Turn::Again(at(1800)));
        lineup.push(entry(2, ANN, 60), at(60));
        assert_eq!(lineup.next(at(60)), Some((Position(1), ANN)));
        lineup.done(ANN, Turn::Again(at(1800)));
        assert_eq!(lineup.next(at(61)), None);
        assert_eq!(lineup.next(at(1800)), Some((Position(1), ANN)));
    }

    #[test]
    fn a_hastened_mail_is_due_and_one_under_way_is_left_alone() {
        let mut lineup = lineup(&[(1, ANN), (2, BOB)]);
        lineup.next(at(0));
        lineup.done(ANN, Turn::Again(at(1800)));
        assert_eq!(lineup.next(at(1)), Some((Position(2), BOB)));
        lineup.hasten(ANN, at(2));
        lineup.hasten(BOB, at(2));
        lineup.hasten(AddressId([9; 16]), at(2));
        assert_eq!(lineup.next(at(2)), Some((Position(1), ANN)));
        assert_eq!(lineup.next(at(2)), None);
    }

    #[test]
    fn when_the_server_is_back_what_could_not_reach_it_is_due() {
        let mut lineup = lineup(&[(1, ANN), (2, BOB)]);
        lineup.next(at(0));
        lineup.next(at(0));
        lineup.done(ANN, Turn::Unreached(at(1800)));
        lineup.done(BOB, Turn::Again(at(1800)));
        assert!(lineup.has_unreached());
        lineup.server_is_back(at(5));
        assert!(!lineup.has_unreached());
        assert_eq!(lineup.next(at(5)), Some((Position(1), ANN)));
        assert_eq!(lineup.next(at(5)), None);
    }
}
