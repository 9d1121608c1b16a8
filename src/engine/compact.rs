//! Compaction beside the running writer: nearly all is copied and proven while it works, and it pauses for the rest.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::writer::Writer;
use super::{Engine, PIECES, Trouble, agree, state_hash};
use crate::domain::{State, evolve};
use crate::ledger::codec::{self, CodecFault};
use crate::ledger::compaction::Compaction;
use crate::ledger::record::{self, RecordFault};
use crate::ledger::tree::{Frontier, TreeHash, leaf_hash};
use crate::ledger::{FrameRef, Head, Reader, StoreError};
use crate::types::Position;

/// What a compaction did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Compacted {
    /// Bytes on the disk before.
    pub before: u64,
    /// Bytes on the disk after.
    pub after: u64,
    /// What was proven equal in the store and its copy.
    pub proof: Proof,
    /// How long the writer paused.
    pub paused: Duration,
}

/// What the frames of a store come to. Two stores with one proof hold the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Proof {
    /// How far it reaches; none if there were no frames.
    pub head: Option<Head>,
    /// The root of the Merkle tree over the records.
    pub root: TreeHash,
    /// The hash of the state that the events fold to.
    pub state_hash: [u8; 32],
}

/// Why a ledger was not compacted; it is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    /// The store or the copy.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record cannot be read.
    #[error("the record at position {position} cannot be read ({fault}): run `keyledger verify`")]
    Record {
        /// Where.
        position: Position,
        /// Why.
        fault: RecordFault,
    },
    /// A record is no event.
    #[error("the event at position {position} cannot be read ({fault}): run `keyledger verify`")]
    Event {
        /// Where.
        position: Position,
        /// Why.
        fault: CodecFault,
    },
    /// The copy came out otherwise.
    #[error("the copy does not fold to what the ledger folds to; it is removed: look at the disk")]
    Differs,
    /// This kind of store does not grow by itself.
    #[error("this ledger is in memory, where there is nothing to compact")]
    Nothing,
    /// The engine has stopped, or is stopping.
    #[error("the ledger is being closed; nothing was changed")]
    Stopped,
}

impl Engine {
    /// Copies the store into less space and goes on in the copy. Blocks for long; the writer pauses only while the last
    /// frames are copied. Memory: a second state, until the copy is in its place.
    ///
    /// Root and state hash of store and copy are proven equal at one position. Then the live state agrees, piece by piece,
    /// with what the copy folds to. At the end, with the writer held, the root over all of the copy is the one that the
    /// writer has kept: so what came in between is the same, too.
    pub fn compact(&self) -> Result<Compacted, CompactError> {
        let reader = Arc::clone(self.reader());
        let before = reader.size_on_disk()?;
        let Some(mut copy) = Arc::clone(&reader).compaction()? else {
            return Err(CompactError::Nothing);
        };
        let end = copy.catch_up()?;
        let mut original = Folding::default();
        original.over(end.next, &mut |visit| reader.scan(Position(0), visit))?;
        let original = original.proof();
        let mut folding = Folding::default();
        folding.follow(&*copy)?;
        if folding.proof() != original {
            return Err(CompactError::Differs);
        }
        copy.prove_keys()?;
        // The proof took its time: what came meanwhile is copied now, so that the pause is for a few frames only.
        copy.catch_up()?;
        folding.follow(&*copy)?;
        if !self.holds(&mut folding)? {
            return Err(CompactError::Differs);
        }
        let mut placed = self.put_in_place(copy, folding)?;
        placed.copy.clear()?;
        Ok(Compacted {
            before,
            after: reader.size_on_disk()?,
            proof: placed.folding.proof(),
            paused: placed.paused,
        })
    }

    /// Whether the live state is what was folded. Each piece is compared at the position where the live state stands at that
    /// moment, to which the ledger is folded first: so the writer waits for one piece at most.
    fn holds(&self, folding: &mut Folding) -> Result<bool, CompactError> {
        let reader = &**self.reader();
        for piece in 0..PIECES {
            folding.go_on(reader, self.read(State::next))?;
            let agrees = self.read(|live| {
                folding.go_on(reader, live.next())?;
                Ok::<_, CompactError>(agree(&folding.state, live, piece))
            })?;
            if !agrees {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn put_in_place(
        &self,
        mut copy: Box<dyn Compaction>,
        mut folding: Folding,
    ) -> Result<Placed, CompactError> {
        let finished = self.on_writer(move |writer| {
            let begun = Instant::now();
            match finish(&mut *copy, &mut folding, writer) {
                Err(CompactError::Store(StoreError::UnknownOutcome { cause })) => Err(cause),
                finished => Ok(finished.map(|()| Placed {
                    copy,
                    folding,
                    paused: begun.elapsed(),
                })),
            }
        });
        match finished {
            Ok(finished) => finished,
            Err(Trouble::Stopped | Trouble::Refused(_) | Trouble::Overloaded) => Err(CompactError::Stopped),
        }
    }
}

/// A copy that took the store's place, and what it folds to.
struct Placed {
    copy: Box<dyn Compaction>,
    folding: Folding,
    paused: Duration,
}

/// Copies the rest while the writer is held, proves the root over all of the copy, and has it take the store's place.
fn finish(copy: &mut dyn Compaction, folding: &mut Folding, writer: &mut Writer) -> Result<(), CompactError> {
    copy.catch_up()?;
    folding.follow(copy)?;
    if folding.tree.root() != writer.tree.root() {
        return Err(CompactError::Differs);
    }
    Ok(copy.finish(&mut *writer.store)?)
}

/// Reads frames in order, and shows them.
type Scan<'s> = dyn FnMut(&mut dyn FnMut(&FrameRef<'_>) -> ControlFlow<()>) -> Result<(), StoreError> + 's;

/// What the frames come to that were read so far. The state may be ahead of them, by events of the ledger itself.
#[derive(Default)]
struct Folding {
    state: State,
    tree: Frontier,
    /// The end of the last frame.
    head: Option<Head>,
}

impl Folding {
    /// Goes on over a copy, up to its end.
    fn follow(&mut self, copy: &dyn Compaction) -> Result<(), CompactError> {
        let after = self.head;
        self.over(Position(u64::MAX), &mut |visit| copy.scan_copy(after, visit))
    }

    /// Goes on over the frames that begin before `end`.
    fn over(&mut self, end: Position, scan: &mut Scan<'_>) -> Result<(), CompactError> {
        let mut failed = None;
        scan(&mut |frame| {
            if frame.first >= end {
                return ControlFlow::Break(());
            }
            match self.frame(frame) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        failed.map_or(Ok(()), Err)
    }

    fn frame(&mut self, frame: &FrameRef<'_>) -> Result<(), CompactError> {
        let mut position = frame.first;
        for raw in frame.records() {
            self.tree.push(leaf_hash(raw));
            self.apply(position, raw)?;
            position = position.next();
        }
        self.head = Some(Head {
            next: frame.next,
            chain: frame.chain,
        });
        Ok(())
    }

    /// Folds the ledger's own events before `end`, without the tree.
    fn go_on(&mut self, reader: &dyn Reader, end: Position) -> Result<(), CompactError> {
        if self.state.next() >= end {
            return Ok(());
        }
        let mut failed = None;
        reader.scan(self.state.next(), &mut |frame| {
            let mut position = frame.first;
            for raw in frame.records() {
                if position >= end {
                    return ControlFlow::Break(());
                }
                if let Err(error) = self.apply(position, raw) {
                    failed = Some(error);
                    return ControlFlow::Break(());
                }
                position = position.next();
            }
            ControlFlow::Continue(())
        })?;
        failed.map_or(Ok(()), Err)
    }

    fn apply(&mut self, position: Position, raw: &[u8]) -> Result<(), CompactError> {
        if position < self.state.next() {
            return Ok(());
        }
        let (header, payload) =
            record::decode(raw).map_err(|fault| CompactError::Record { position, fault })?;
        let recorded =
            codec::decode(&header, payload).map_err(|fault| CompactError::Event { position, fault })?;
        evolve(&mut self.state, &recorded);
        Ok(())
    }

    fn proof(&self) -> Proof {
        Proof {
            head: self.head,
            root: self.tree.root(),
            state_hash: state_hash(&self.state),
        }
    }
}
