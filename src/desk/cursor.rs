//! Cursors: how far somebody has read the ledger, in a form that notices when the ledger became another one.
//!
//! A restore and an accepted rollback fork the ledger: positions that somebody has read are given to other events. So a
//! cursor says the epoch too, `2:1041`: a reader who goes on behind what a fork took away is told so, and never misses
//! what stands there now. A bare position is taken at its word.

use std::fmt;
use std::ops::ControlFlow;
use std::str::FromStr;
use std::sync::PoisonError;

use super::Desk;
use super::story::epoch_words;
use crate::domain::{EpochReason, Event, State};
use crate::ledger::StoreError;
use crate::types::{Position, Timestamp};

/// A place in the ledger: the event at a position of an epoch. Its text is `epoch:position`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Cursor {
    /// The epoch that the event was written in; none where only a position is known.
    pub epoch: Option<u32>,
    /// The event's position.
    pub position: Position,
}

/// The text is no cursor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a cursor: write `epoch:position`, as lists of events name it, such as `1:1041`, or a position")]
pub struct NotACursor;

/// Why nobody can go on behind a cursor.
#[derive(Debug, thiserror::Error)]
pub enum CursorFault {
    /// The event it names is not part of this ledger any more, or never was.
    #[error(
        "the ledger is not the one that `{cursor}` was read from: here epoch {began} began at position {from} ({}), \
         so that what the cursor had read after that is not part of it. Go on after `{resume}`: everything from there \
         on is new to you", epoch_words(*reason)
    )]
    Forked {
        /// The cursor.
        cursor: Cursor,
        /// The epoch that stands where the cursor's would go on.
        began: u32,
        /// Its first position.
        from: Position,
        /// Why it began.
        reason: EpochReason,
        /// Where to go on.
        resume: Cursor,
    },
    /// Nothing stands there.
    #[error(
        "the ledger ends before position {next}, so nobody has read `{cursor}` from it: it is a cursor of another \
         ledger, or of one that was put back since"
    )]
    Beyond {
        /// The cursor.
        cursor: Cursor,
        /// The position that is next.
        next: Position,
    },
    /// The epoch is none of this ledger.
    #[error(
        "this ledger had no epoch {epoch} yet: `{cursor}` was read from another one, or from one that was put back since"
    )]
    NoSuchEpoch {
        /// The cursor.
        cursor: Cursor,
        /// Its epoch.
        epoch: u32,
    },
    /// The ledger cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.epoch {
            Some(epoch) => write!(f, "{epoch}:{}", self.position),
            None => self.position.fmt(f),
        }
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        // Only digits: numbers of Rust may have a sign, cursors have none.
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let (epoch, position) = match text.split_once(':') {
            Some((epoch, position)) => {
                let epoch = epoch.parse().ok().filter(|_| digits(epoch));
                (Some(epoch.ok_or(NotACursor)?), position)
            }
            None => (None, text),
        };
        let position = position.parse().ok().filter(|_| digits(position));
        Ok(Self {
            epoch,
            position: Position(position.ok_or(NotACursor)?),
        })
    }
}

/// An epoch that began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EpochBegun {
    /// Its number.
    pub number: u32,
    /// Its first position.
    pub from: Position,
    /// When.
    pub time: Timestamp,
    /// Why.
    pub reason: EpochReason,
}

/// The epochs that were looked up, oldest first.
#[derive(Default)]
pub(super) struct KnownEpochs {
    begun: Vec<EpochBegun>,
    /// Everything before this was looked at.
    next: Position,
}

impl Desk {
    /// All epochs, oldest first. The first call goes through the ledger; later ones through what was added since, if an
    /// epoch was. Blocks.
    pub fn epochs(&self) -> Result<Vec<EpochBegun>, StoreError> {
        let running = self.engine().read(|state| state.epoch().number);
        let mut known = self.inner.epochs.lock().unwrap_or_else(PoisonError::into_inner);
        let known = &mut *known;
        if known.begun.last().is_none_or(|last| last.number < running) {
            let from = known.next;
            self.scan_events(from, &mut |recorded| {
                known.next = recorded.position.next();
                if let Event::EpochStarted { number, reason } = recorded.event {
                    known.begun.push(EpochBegun {
                        number,
                        from: recorded.position,
                        time: recorded.time,
                        reason,
                    });
                }
                if known.begun.last().is_some_and(|last| last.number >= running) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })?;
        }
        Ok(known.begun.clone())
    }

    /// The cursor of the event at a position. Blocks the first time.
    pub fn cursor(&self, position: Position) -> Result<Cursor, StoreError> {
        let running = self.engine().read(State::epoch);
        // Most ledgers have one epoch, and most readers are in the last one.
        let epoch = if position >= running.valid_from {
            running.number
        } else {
            let begun = self.epochs()?;
            let of = begun.iter().rev().find(|epoch| epoch.from <= position);
            of.map_or(running.number, |epoch| epoch.number)
        };
        Ok(Cursor {
            epoch: Some(epoch),
            position,
        })
    }

    /// The position behind which a reader goes on, if what the reader has read is still part of this ledger. Blocks.
    pub fn resume(&self, cursor: Cursor) -> Result<Position, CursorFault> {
        let Cursor {
            epoch: Some(number),
            position,
        } = cursor
        else {
            return Ok(cursor.position);
        };
        let running = self.engine().read(State::epoch);
        let next = self.engine().head().next;
        if number > running.number || number == 0 {
            let epoch = number;
            return Err(CursorFault::NoSuchEpoch { cursor, epoch });
        }
        let begun = self.epochs()?;
        let fork = begun
            .iter()
            .find(|epoch| epoch.number > number && epoch.from <= position);
        if let Some(epoch) = fork {
            let last = Position(epoch.from.0.saturating_sub(1));
            return Err(CursorFault::Forked {
                cursor,
                began: epoch.number,
                from: epoch.from,
                reason: epoch.reason,
                resume: self.cursor(last)?,
            });
        }
        let begins = begun.iter().find(|epoch| epoch.number == number);
        if position >= next || begins.is_some_and(|epoch| position < epoch.from) {
            return Err(CursorFault::Beyond { cursor, next });
        }
        Ok(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_an_epoch_and_a_position_or_a_bare_position() {
        for text in ["0", "1041", "1:0", "2:1041", "4294967295:18446744073709551615"] {
            assert_eq!(text.parse::<Cursor>().unwrap().to_string(), text);
        }
        for text in [
            "",
            ":",
            "1:",
            ":1",
            "1:2:3",
            "+1",
            "1:+2",
            "-1",
            "x",
            "1 ",
            "4294967296:0",
            "０",
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(NotACursor), "{text}");
        }
    }
}
