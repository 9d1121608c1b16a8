//! Compaction beside the running writer: nearly all is copied and proven while it works, and it pauses for the rest.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::{Engine, Trouble, state_hash};
use crate::domain::{State, evolve};
use crate::ledger::codec::{self, CodecFault};
use crate::ledger::compaction::Compaction;
use crate::ledger::record::{self, RecordFault};
use crate::ledger::tree::{Frontier, TreeHash, leaf_hash};
use crate::ledger::{FrameRef, Head, StoreError};
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
    /// How far it reaches; what came later is bound by the chain alone.
    pub head: Head,
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
    /// frames are copied. Memory: a second state, as long as the proof takes.
    pub fn compact(&self) -> Result<Compacted, CompactError> {
        let reader = std::sync::Arc::clone(self.reader());
        let before = reader.size_on_disk()?;
        let Some(mut copy) = std::sync::Arc::clone(&reader).compaction()? else {
            return Err(CompactError::Nothing);
        };
        let end = copy.catch_up()?;
        let proof = prove(end, &mut |visit| reader.scan(Position(0), visit))?;
        if prove(end, &mut |visit| copy.scan_copy(visit))? != proof {
            return Err(CompactError::Differs);
        }
        copy.prove_keys()?;
        // The proof took its time: what came meanwhile is copied now, so that the pause is for a few frames only.
        copy.catch_up()?;
        let (mut copy, paused) = self.put_in_place(copy)?;
        copy.clear()?;
        Ok(Compacted {
            before,
            after: reader.size_on_disk()?,
            proof,
            paused,
        })
    }

    fn put_in_place(
        &self,
        mut copy: Box<dyn Compaction>,
    ) -> Result<(Box<dyn Compaction>, Duration), CompactError> {
        let finished = self.on_writer(move |writer| {
            let begun = Instant::now();
            match copy.finish(&mut *writer.store) {
                Err(StoreError::UnknownOutcome { cause }) => Err(cause),
                finished => Ok(finished.map(|()| (copy, begun.elapsed()))),
            }
        });
        match finished {
            Ok(finished) => Ok(finished?),
            Err(Trouble::Stopped | Trouble::Refused(_) | Trouble::Overloaded) => Err(CompactError::Stopped),
        }
    }
}

/// Reads frames in order, and shows them.
type Scan<'s> = dyn FnMut(&mut dyn FnMut(&FrameRef<'_>) -> ControlFlow<()>) -> Result<(), StoreError> + 's;

/// Folds what lies before `head`.
fn prove(head: Head, scan: &mut Scan<'_>) -> Result<Proof, CompactError> {
    let (mut state, mut tree) = (State::default(), Frontier::default());
    let (mut failed, mut chain) = (None, head.chain);
    scan(&mut |frame| {
        if frame.first >= head.next {
            return ControlFlow::Break(());
        }
        chain = frame.chain;
        let mut position = frame.first;
        for raw in frame.records() {
            tree.push(leaf_hash(raw));
            if let Err(error) = apply(&mut state, position, raw) {
                failed = Some(error);
                return ControlFlow::Break(());
            }
            position = position.next();
        }
        ControlFlow::Continue(())
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    Ok(Proof {
        head: Head {
            next: head.next,
            chain,
        },
        root: tree.root(),
        state_hash: state_hash(&state),
    })
}

fn apply(state: &mut State, position: Position, raw: &[u8]) -> Result<(), CompactError> {
    let (header, payload) = record::decode(raw).map_err(|fault| CompactError::Record { position, fault })?;
    let recorded =
        codec::decode(&header, payload).map_err(|fault| CompactError::Event { position, fault })?;
    evolve(state, &recorded);
    Ok(())
}
