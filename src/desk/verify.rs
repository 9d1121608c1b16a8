//! The proof that the ledger is whole: every frame chained, every event lawful where it stands, and the same state at
//! the end as the running server has.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};

use super::Desk;
use super::backup::aside;
use crate::domain::{Recorded, State, Unlawful, evolve, lawful};
use crate::engine::{PIECES, agree, state_hash};
use crate::ledger::codec::{self, CodecFault};
use crate::ledger::record::{self, CommandPart, RecordFault};
use crate::ledger::{FrameRef, Head, LedgerId, Reader, StoreError};
use crate::types::{CommandId, Position, Timestamp};

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
    /// The hash over the state that the events fold to.
    pub state_hash: [u8; 32],
    /// Whether the running server holds that state; none if there was nothing to compare with.
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

/// Proves a ledger from its beginning and folds it. Reads everything, so it takes as long as a start, and it blocks.
pub fn verify(reader: &dyn Reader) -> Result<VerifyReport, VerifyFault> {
    let mut audit = Audit::of(reader);
    audit.follow(reader, reader.head().next)?;
    Ok(audit.report(reader, None))
}

/// A proof of the ledger that runs or ran since the start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verification {
    /// When it began.
    pub begun: Timestamp,
    /// How far it is, or what it found.
    pub standing: VerificationStanding,
}

/// How far a proof is, or what it found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum VerificationStanding {
    /// It runs.
    Runs {
        /// Positions that are proven.
        done: u64,
        /// Positions that there were when it began.
        of: u64,
    },
    /// It came to its end; the report says whether the live state agrees.
    Ended(VerifyReport),
    /// Something is wrong, and this says what.
    Failed(String),
}

/// A proof that runs.
pub(super) struct RunningVerification {
    begun: Timestamp,
    told: Arc<AtomicU64>,
    of: u64,
}

/// A copy of the state that is folded from what the disk says, and proves it on the way.
struct Audit {
    state: State,
    /// Events of a command whose end has not come yet.
    open: Vec<Recorded>,
    events: u64,
    frames: u64,
    /// The end of the last frame that was proven.
    head: Head,
    /// The same, for whoever waits.
    told: Arc<AtomicU64>,
}

impl Audit {
    fn of(reader: &dyn Reader) -> Self {
        let chain = reader.head().chain;
        Self {
            state: State::default(),
            open: vec![],
            events: 0,
            frames: 0,
            head: Head {
                next: Position(0),
                chain,
            },
            told: Arc::default(),
        }
    }

    /// Goes on from the last frame up to a position; a frame that ends beyond it is left for another time.
    fn follow(&mut self, reader: &dyn Reader, until: Position) -> Result<(), VerifyFault> {
        if self.head.next >= until {
            return Ok(());
        }
        let mut fault = None;
        reader.scan(self.head.next, &mut |frame| {
            if frame.next > until {
                return ControlFlow::Break(());
            }
            match self.frame(frame) {
                Ok(()) => ControlFlow::Continue(()),
                Err(found) => {
                    fault = Some(found);
                    ControlFlow::Break(())
                }
            }
        })?;
        fault.map_or(Ok(()), Err)
    }

    fn report(&self, reader: &dyn Reader, agrees: Option<bool>) -> VerifyReport {
        VerifyReport {
            ledger: reader.ledger_id(),
            events: self.events,
            frames: self.frames,
            epoch: self.state.epoch().number,
            head: self.head,
            state_hash: state_hash(&self.state),
            agrees,
            unfinished: self.open.len() as u64,
        }
    }

    fn frame(&mut self, frame: &FrameRef<'_>) -> Result<(), VerifyFault> {
        self.frames += 1;
        self.head = Head {
            next: frame.next,
            chain: frame.chain,
        };
        self.told.store(frame.next.0, Ordering::Relaxed);
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
        }
        Ok(())
    }
}

impl Desk {
    /// Proves the ledger while the server runs, against what the server holds. Blocks.
    ///
    /// The live state is compared piece by piece, each at the position where it stands at that moment, to which the copy
    /// is folded first. So the writer waits for one piece at most, however many users there are.
    pub fn verify(&self) -> Result<VerifyReport, VerifyFault> {
        let (begun, told) = (self.now(), Arc::default());
        let verified = self.verify_telling(&told);
        let standing = match &verified {
            Ok(report) => VerificationStanding::Ended(*report),
            Err(fault) => VerificationStanding::Failed(fault.to_string()),
        };
        self.note_verification(Verification { begun, standing });
        verified
    }

    /// The same beside whoever asks, who looks how far it is with [`Desk::verification`]; one at a time, because each holds
    /// a second state. Says whether it began.
    pub fn begin_verification(&self) -> bool {
        let told = Arc::<AtomicU64>::default();
        {
            let mut running = self.running_verification();
            if running.is_some() {
                return false;
            }
            *running = Some(RunningVerification {
                begun: self.now(),
                told: Arc::clone(&told),
                of: self.engine().head().next.0,
            });
        }
        let desk = self.clone();
        tokio::spawn(async move {
            let verifying = desk.clone();
            let done = aside("verify", move || verifying.verify_telling(&told)).await;
            let standing = match done {
                Some(Ok(report)) => VerificationStanding::Ended(report),
                Some(Err(fault)) => VerificationStanding::Failed(fault.to_string()),
                None => VerificationStanding::Failed("the check ended before it was done".to_owned()),
            };
            let running = desk.running_verification().take();
            if let Some(RunningVerification { begun, .. }) = running {
                desk.note_verification(Verification { begun, standing });
            }
        });
        true
    }

    /// The proof that runs, or the latest one since the start.
    pub fn verification(&self) -> Option<Verification> {
        if let Some(running) = &*self.running_verification() {
            let (done, of) = (running.told.load(Ordering::Relaxed), running.of);
            let standing = VerificationStanding::Runs { done, of };
            let begun = running.begun;
            return Some(Verification { begun, standing });
        }
        let latest = self.inner.verification.lock();
        latest.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note_verification(&self, verification: Verification) {
        let latest = self.inner.verification.lock();
        *latest.unwrap_or_else(PoisonError::into_inner) = Some(verification);
    }

    fn running_verification(&self) -> MutexGuard<'_, Option<RunningVerification>> {
        let running = self.inner.verifying.lock();
        running.unwrap_or_else(PoisonError::into_inner)
    }

    fn verify_telling(&self, told: &Arc<AtomicU64>) -> Result<VerifyReport, VerifyFault> {
        let reader = &**self.engine().reader();
        let mut audit = Audit::of(reader);
        audit.told = Arc::clone(told);
        let mut agrees = true;
        for piece in 0..PIECES {
            // Nearly all of the way is gone beside the writer; what it publishes meanwhile is little.
            let next = self.engine().read(State::next);
            audit.follow(reader, next)?;
            agrees &= self.engine().read(|live| {
                audit.follow(reader, live.next())?;
                Ok::<_, VerifyFault>(audit.state.next() == live.next() && agree(&audit.state, live, piece))
            })?;
        }
        Ok(audit.report(reader, Some(agrees)))
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
    fn a_sound_ledger_is_told_with_its_end_and_what_it_folds_to() {
        let store = store(vec![epoch(1), epoch(2)]);
        let report = verify(&*store.reader()).unwrap();
        assert_eq!((report.events, report.epoch, report.agrees), (2, 2, None));
        assert_eq!(report.head, store.head());
        let part = {
            let reader = store.reader();
            let mut audit = Audit::of(&*reader);
            audit.follow(&*reader, Position(1)).unwrap();
            assert_eq!((audit.events, audit.head.next), (1, Position(1)));
            audit.follow(&*reader, Position(2)).unwrap();
            audit.report(&*reader, None)
        };
        assert_eq!(part, report, "in two steps as in one");
    }

    #[test]
    fn l_03_what_the_law_forbids_is_found_at_its_position() {
        let banned = Event::UserBanned {
            user: UserId([1; 16]),
            by: Actor::Operator,
        };
        let store = store(vec![epoch(1), banned]);
        let fault = verify(&*store.reader()).unwrap_err();
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
        assert!(matches!(verify(&*store.reader()), Err(VerifyFault::Store(_))));
    }
}
