//! State as it was: folded again beside the writer, up to a moment of the past, from a snapshot where one helps.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::fold::{Folded, fold_until};
use super::{Engine, Shared, snapshots};
use crate::domain::State;
use crate::ledger::codec::CodecFault;
use crate::ledger::snapshot::{Contents, Wanted};
use crate::ledger::tree::TreeHash;
use crate::ledger::{Frontier, RecordHeader, ReplayError, StoreError, record};
use crate::types::{Position, Timestamp};

/// Records between two words about how far a fold is.
const TELL_EVERY: u64 = 65_536;

/// A moment of the past.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// After everything that had happened by then. Counted in whole milliseconds, as times are printed: the time of an
    /// event, read off and typed again, is after that event.
    Time(Timestamp),
    /// After the event at this position.
    Position(Position),
}

/// Why there is no state of a moment.
#[derive(Debug, thiserror::Error)]
pub enum PastFault {
    /// It is yet to come.
    #[error("{asked} is in the future: it is {now} now")]
    Future {
        /// What was asked for.
        asked: Timestamp,
        /// The present.
        now: Timestamp,
    },
    /// Nothing had happened.
    #[error("{asked} is before the first event of this ledger, which happened at {first}")]
    BeforeFirst {
        /// What was asked for.
        asked: Timestamp,
        /// When the ledger began.
        first: Timestamp,
    },
    /// Nothing stands there.
    #[error("there is no position {asked}: the ledger ends before {next}")]
    Beyond {
        /// What was asked for.
        asked: Position,
        /// The position that is next.
        next: Position,
    },
    /// The second of two moments is the earlier one.
    #[error("the second moment is before the first")]
    Backwards,
    /// Somebody else looks at the past; one at a time, because each holds a second state.
    #[error("somebody else looks at the past of this ledger just now; one at a time may")]
    Busy,
    /// Whoever asked has gone, or the server stops.
    #[error("the look at the past was given up before it was done")]
    Stopped,
    /// The ledger cannot be read.
    #[error(transparent)]
    Replay(#[from] ReplayError<CodecFault>),
    /// The ledger cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The state of a moment. While there is one, nobody else is given any.
pub struct StateThen {
    /// Everything that was. What had expired is still there, as it is in what is live: hold it against `at`.
    pub state: State,
    /// The moment, as a time: the one that was asked for, or that of the event.
    pub at: Timestamp,
    tree: Frontier,
    _pass: Pass,
}

impl StateThen {
    /// The last event that it knows.
    pub fn position(&self) -> Position {
        Position(self.state.next().0.saturating_sub(1))
    }

    /// The root of the Merkle tree over all events that it knows: a checkpoint of that size has the same.
    pub fn root(&self) -> TreeHash {
        self.tree.root()
    }
}

/// Hears how far a fold is: the position it has come to, and where it ends at the latest.
pub type TellFold<'t> = &'t dyn Fn(Position, Position);

/// The leave to look at the past; given back when it is dropped.
struct Pass(Arc<Shared>);

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.looked_back.store(false, Ordering::Release);
    }
}

impl Engine {
    /// Folds the state of a moment. Takes as long as a start from the nearest snapshot before it, and a second state's
    /// memory; the writer and what is live are not touched. Blocks; ends early once `stop` is set.
    pub fn past(
        &self,
        moment: Moment,
        stop: &AtomicBool,
        tell: TellFold<'_>,
    ) -> Result<StateThen, PastFault> {
        let shared = &self.shared;
        if shared.looked_back.swap(true, Ordering::Acquire) {
            return Err(PastFault::Busy);
        }
        let pass = Pass(Arc::clone(shared));
        self.check(moment)?;
        let wanted = match moment {
            Moment::Time(time) => Wanted::Before(time),
            Moment::Position(position) => Wanted::Until(position.next()),
        };
        let found = shared
            .shelf
            .as_ref()
            .and_then(|shelf| snapshots::newest(shelf, &**self.reader(), wanted));
        let (state, tree) = found.map_or_else(Default::default, |found| {
            let Contents { state, tree, .. } = found.contents;
            (state, tree)
        });
        let begin = StateThen {
            state,
            at: Timestamp(0),
            tree,
            _pass: pass,
        };
        self.fold_past(begin, moment, stop, tell)
    }

    /// Goes on from one moment to a later one, in the same state.
    pub fn past_later(
        &self,
        past: StateThen,
        moment: Moment,
        stop: &AtomicBool,
        tell: TellFold<'_>,
    ) -> Result<StateThen, PastFault> {
        self.check(moment)?;
        let is_earlier = match moment {
            Moment::Time(time) => millisecond(time) < millisecond(past.at),
            Moment::Position(position) => position < past.position(),
        };
        if is_earlier {
            return Err(PastFault::Backwards);
        }
        let at = past.at;
        let later = self.fold_past(past, moment, stop, tell)?;
        // The first moment may lie between two events, and the second be the one before it by its position.
        Ok(StateThen {
            at: later.at.max(at),
            ..later
        })
    }

    fn fold_past(
        &self,
        past: StateThen,
        moment: Moment,
        stop: &AtomicBool,
        tell: TellFold<'_>,
    ) -> Result<StateThen, PastFault> {
        let end = match moment {
            Moment::Time(_) => self.head().next,
            Moment::Position(position) => position.next(),
        };
        let told = Cell::new(past.state.next());
        let too_late = |header: &RecordHeader| {
            if header.position.0 >= told.get().0 + TELL_EVERY {
                told.set(header.position);
                tell(header.position, end);
            }
            header.position >= end
                || matches!(moment, Moment::Time(time) if millisecond(header.time) > millisecond(time))
                || stop.load(Ordering::Relaxed)
        };
        let StateThen {
            state,
            tree,
            _pass: pass,
            ..
        } = past;
        let folded = fold_until(&**self.reader(), state, tree, &too_late)?;
        if stop.load(Ordering::Relaxed) || !self.is_running() {
            return Err(PastFault::Stopped);
        }
        let Folded { state, tree, .. } = folded;
        let at = match moment {
            Moment::Time(time) => time.max(state.last_time()),
            Moment::Position(_) => state.last_time(),
        };
        if let Moment::Time(asked) = moment
            && state.next() == Position(0)
        {
            let first = self.first_time()?;
            return Err(PastFault::BeforeFirst { asked, first });
        }
        Ok(StateThen {
            state,
            at,
            tree,
            _pass: pass,
        })
    }

    /// Refuses what no fold can come to.
    fn check(&self, moment: Moment) -> Result<(), PastFault> {
        match moment {
            Moment::Time(asked) => {
                let now = self.clock().now().max(self.read(State::last_time));
                if millisecond(asked) > millisecond(now) {
                    return Err(PastFault::Future { asked, now });
                }
            }
            Moment::Position(asked) => {
                let next = self.head().next;
                if asked >= next {
                    return Err(PastFault::Beyond { asked, next });
                }
            }
        }
        Ok(())
    }

    fn first_time(&self) -> Result<Timestamp, StoreError> {
        let mut first = Timestamp(0);
        self.reader().scan(Position(0), &mut |frame| {
            if let Some((header, _)) = frame.records().next().and_then(|raw| record::decode(raw).ok()) {
                first = header.time;
            }
            std::ops::ControlFlow::Break(())
        })?;
        Ok(first)
    }
}

fn millisecond(time: Timestamp) -> i64 {
    time.0.div_euclid(1_000)
}
