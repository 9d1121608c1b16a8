//! The proof that the ledger is whole: every frame chained, every event lawful where it stands, and the same state at
//! the end as the running server has.

use std::ops::ControlFlow;

use super::Desk;
use crate::domain::{Recorded, State, Unlawful, evolve, lawful};
use crate::engine::state_hash;
use crate::ledger::codec::{self, CodecFault};
use crate::ledger::record::{self, CommandPart, RecordFault};
use crate::ledger::{FrameRef, Head, LedgerId, Reader, StoreError};
use crate::types::{CommandId, Position};

/// What a running server holds at one position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LiveState {
    /// The next position.
    pub next: Position,
    /// The hash over all state.
    pub hash: [u8; 32],
}

/// What a proof found. That there is one says that the chain holds and every event is lawful.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VerifyReport {
    /// Which ledger.
    pub ledger: LedgerId,
    /// Events that were folded.
    pub events: u64,
    /// Frames whose chain was proven.
    pub frames: u64,
    /// The epoch that the ledger is in.
    pub epoch: u32,
    /// Where the ledger ends, and the chain over all of it.
    pub head: Head,
    /// The hash over the state that the events fold to: at the live state's position if there is one, else at the end.
    pub state_hash: [u8; 32],
    /// Whether that is the live state; none if there was nothing to compare with.
    pub agrees: Option<bool>,
    /// Records at the end of a command that was never finished; the next start cuts them off.
    pub unfinished: u64,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.agrees != Some(false)
    }
}

/// What is wrong with a ledger, and where.
#[derive(Debug, thiserror::Error)]
pub enum VerifyFault {
    /// The chain breaks, or the store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record that is none.
    #[error("position {position}: {fault}")]
    Record {
        /// Where.
        position: Position,
        /// What is wrong.
        fault: RecordFault,
    },
    /// A record that cannot be read as an event.
    #[error("position {position}: {fault}")]
    Event {
        /// Where.
        position: Position,
        /// What is wrong.
        fault: CodecFault,
    },
    /// A record that claims another place.
    #[error("the record at position {position} says that it belongs to {said}")]
    Misplaced {
        /// Where.
        position: Position,
        /// What it says.
        said: Position,
    },
    /// A command without its end, in the middle.
    #[error("the command {command} has no end, although the ledger goes on at position {position}")]
    Unfinished {
        /// The command.
        command: CommandId,
        /// Where something else begins.
        position: Position,
    },
    /// An event that may not stand where it stands.
    #[error("the ledger holds what the law forbids: {0}")]
    Unlawful(#[from] Unlawful),
}

/// Proves a ledger from its beginning and folds it; compares with a live state if one is given. Reads everything, so
/// it takes as long as a start, and it blocks.
pub fn verify(reader: &dyn Reader, live: Option<LiveState>) -> Result<VerifyReport, VerifyFault> {
    let mut audit = Audit {
        state: State::default(),
        open: vec![],
        events: 0,
        frames: 0,
        head: reader.head(),
        live,
        at_live: None,
    };
    audit.look_at_live();
    let mut fault = None;
    reader.scan(Position(0), &mut |frame| match audit.frame(frame) {
        Ok(()) => ControlFlow::Continue(()),
        Err(found) => {
            fault = Some(found);
            ControlFlow::Break(())
        }
    })?;
    if let Some(fault) = fault {
        return Err(fault);
    }
    let state_hash = audit.at_live.unwrap_or_else(|| state_hash(&audit.state));
    Ok(VerifyReport {
        ledger: reader.ledger_id(),
        events: audit.events,
        frames: audit.frames,
        epoch: audit.state.epoch().number,
        head: audit.head,
        state_hash,
        agrees: live.map(|live| audit.at_live == Some(live.hash)),
        unfinished: audit.open.len() as u64,
    })
}

struct Audit {
    state: State,
    /// Events of a command whose end has not come yet.
    open: Vec<Recorded>,
    events: u64,
    frames: u64,
    /// The end of the last frame that was proven.
    head: Head,
    live: Option<LiveState>,
    at_live: Option<[u8; 32]>,
}

impl Audit {
    fn frame(&mut self, frame: &FrameRef<'_>) -> Result<(), VerifyFault> {
        self.frames += 1;
        self.head = Head {
            next: frame.next,
            chain: frame.chain,
        };
        let mut position = frame.first;
        for raw in frame.records() {
            self.record(position, raw)?;
            position = position.next();
        }
        Ok(())
    }

    fn record(&mut self, position: Position, raw: &[u8]) -> Result<(), VerifyFault> {
        let (header, payload) =
            record::decode(raw).map_err(|fault| VerifyFault::Record { position, fault })?;
        if header.position != position {
            let said = header.position;
            return Err(VerifyFault::Misplaced { position, said });
        }
        if let Some(first) = self.open.first()
            && first.command != header.command
        {
            let command = first.command;
            return Err(VerifyFault::Unfinished { command, position });
        }
        let event =
            codec::decode(&header, payload).map_err(|fault| VerifyFault::Event { position, fault })?;
        self.open.push(event);
        if header.part == CommandPart::Last {
            for recorded in std::mem::take(&mut self.open) {
                lawful(&self.state, &recorded)?;
                evolve(&mut self.state, &recorded);
                self.events += 1;
            }
            self.look_at_live();
        }
        Ok(())
    }

    fn look_at_live(&mut self) {
        if self.live.is_some_and(|live| live.next == self.state.next()) {
            self.at_live = Some(state_hash(&self.state));
        }
    }
}

impl Desk {
    /// What the server holds now. The writer waits while it is hashed: some seconds at a million users.
    pub fn live_state(&self) -> LiveState {
        self.engine().read(|state| LiveState {
            next: state.next(),
            hash: state_hash(state),
        })
    }

    /// Proves the ledger while the server runs, against what the server holds. Blocks.
    pub fn verify(&self) -> Result<VerifyReport, VerifyFault> {
        verify(&**self.engine().reader(), Some(self.live_state()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Actor, EpochReason, Event};
    use crate::ledger::{Batch, MemoryStore, Store};
    use crate::types::{Timestamp, UserId};

    fn store(events: Vec<Event>) -> MemoryStore {
        let mut store = MemoryStore::new([7; 16]);
        for (at, event) in events.into_iter().enumerate() {
            let position = Position(at as u64);
            let recorded = Recorded {
                position,
                time: Timestamp(1_800_000_000_000_000),
                command: CommandId([u8::try_from(at).unwrap(); 16]),
                event,
            };
            let batch = Batch {
                epoch: 1,
                id: [1; 16],
                records: vec![codec::encode(&recorded, CommandPart::Last).unwrap()],
                keys: vec![],
            };
            store.append(position, &batch).unwrap();
        }
        store
    }

    fn epoch(number: u32) -> Event {
        Event::EpochStarted {
            number,
            reason: EpochReason::Founded,
        }
    }

    #[test]
    fn a_sound_ledger_agrees_with_the_live_state_and_no_other() {
        let store = store(vec![epoch(1), epoch(2)]);
        let report = verify(&*store.reader(), None).unwrap();
        assert_eq!((report.events, report.epoch, report.agrees), (2, 2, None));
        let live = LiveState {
            next: Position(2),
            hash: report.state_hash,
        };
        let agrees = |live| verify(&*store.reader(), Some(live)).unwrap().agrees;
        assert_eq!(agrees(live), Some(true));
        assert_eq!(
            agrees(LiveState {
                next: Position(1),
                ..live
            }),
            Some(false)
        );
        assert_eq!(
            agrees(LiveState {
                next: Position(9),
                ..live
            }),
            Some(false)
        );
    }

    #[test]
    fn l_03_what_the_law_forbids_is_found_at_its_position() {
        let banned = Event::UserBanned {
            user: UserId([1; 16]),
            by: Actor::Operator,
        };
        let store = store(vec![epoch(1), banned]);
        let fault = verify(&*store.reader(), None).unwrap_err();
        assert!(matches!(fault, VerifyFault::Unlawful(ref unlawful) if unlawful.position == Position(1)));
    }

    #[test]
    fn l_03_a_changed_byte_breaks_the_chain() {
        let mut store = store(vec![epoch(1), epoch(2)]);
        store.tamper(|frames| {
            let bytes = frames.values_mut().next().unwrap();
            let mut changed = bytes.to_vec();
            let last = changed.len() - 1;
            changed[last] ^= 1;
            *bytes = changed.into();
        });
        assert!(matches!(
            verify(&*store.reader(), None),
            Err(VerifyFault::Store(_))
        ));
    }
}
