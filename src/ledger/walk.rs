//! What every store does alike: proving frames one after another, and planning a cut.

use std::ops::ControlFlow;

use super::error::StoreError;
use super::frame::{self, Frame, FrameRef};
use super::store::{Head, Reader};
use crate::types::Position;

/// Proves stored frames in order: dense, each in its place, each chained to the one before.
#[derive(Clone, Copy, Debug)]
pub struct ChainWalk {
    head: Head,
}

impl ChainWalk {
    /// Begins after `head`, which is taken at its word.
    pub fn after(head: Head) -> Self {
        Self { head }
    }

    /// Where it has come to.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The position that is due next.
    pub fn due(&self) -> Position {
        self.head.next
    }

    /// Proves the frame `value`, found under the key `key`, and moves past it.
    pub fn step<'a>(&mut self, key: Position, value: &'a [u8]) -> Result<FrameRef<'a>, StoreError> {
        if key != self.head.next {
            return Err(StoreError::Gap {
                expected: self.head.next,
                found: key,
            });
        }
        let frame = FrameRef::decode(value).map_err(|fault| StoreError::Frame { position: key, fault })?;
        if frame.first != key {
            return Err(StoreError::Misplaced {
                position: key,
                said: frame.first,
            });
        }
        if !frame.follows(&self.head.chain) {
            return Err(StoreError::Chain { position: key });
        }
        self.head = Head {
            next: frame.next,
            chain: frame.chain,
        };
        Ok(frame)
    }
}

/// What a cut writes, in this order: frames removed from the end, then the one that straddles the cut, shortened.
#[derive(Clone, Debug)]
pub struct CutPlan {
    /// Keys of the frames that go, the last first, so that a crash leaves no gap.
    pub remove: Vec<Position>,
    /// The frame that keeps its first records.
    pub shorten: Option<Frame>,
    /// The head afterwards.
    pub head: Head,
}

/// Finds out what must be written so that `from` is the next position again.
pub fn plan_cut(reader: &dyn Reader, from: Position) -> Result<CutPlan, StoreError> {
    let mut remove = Vec::new();
    let mut straddling = None;
    reader.scan(from, &mut |frame| {
        if frame.first < from {
            let keep =
                usize::try_from(from.0 - frame.first.0).expect("a frame holds fewer than 65,536 records");
            straddling = Some(Straddling {
                epoch: frame.epoch,
                batch: frame.batch,
                first: frame.first,
                kept: frame.records().take(keep).map(<[u8]>::to_vec).collect(),
            });
        } else {
            remove.push(frame.first);
        }
        ControlFlow::Continue(())
    })?;
    remove.reverse();
    let boundary = straddling.as_ref().map_or(from, |frame| frame.first);
    let chain = reader
        .chain_at(boundary)?
        .ok_or(StoreError::Chain { position: boundary })?;
    let shorten = match straddling {
        None => None,
        Some(Straddling {
            epoch,
            batch,
            first,
            kept,
        }) => frame::pack(epoch, batch, first, chain, &kept)
            .map_err(|fault| StoreError::Frame {
                position: first,
                fault,
            })?
            .pop(),
    };
    let chain = shorten.as_ref().map_or(chain, |frame| frame.chain);
    Ok(CutPlan {
        remove,
        shorten,
        head: Head { next: from, chain },
    })
}

/// The frame that holds records on both sides of a cut.
struct Straddling {
    epoch: u32,
    batch: [u8; 16],
    first: Position,
    kept: Vec<Vec<u8>>,
}
