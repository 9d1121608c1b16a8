//! Who is hashed next: those who carry a proof and strangers wait apart and take turns.

use std::collections::VecDeque;

use super::Busy;
use crate::types::Lane;

/// The two queues of a pool.
pub(super) struct Queue<T> {
    proof: VecDeque<T>,
    stranger: VecDeque<T>,
    waiting_max: usize,
    /// Whose turn it is while both wait.
    turn: Lane,
    /// Whether more are taken.
    pub(super) open: bool,
}

impl<T> Queue<T> {
    /// Empty queues that hold so many together.
    pub(super) fn open(waiting_max: usize) -> Self {
        Self {
            proof: VecDeque::new(),
            stranger: VecDeque::new(),
            waiting_max,
            turn: Lane::Proof,
            open: true,
        }
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.proof.len() + self.stranger.len()
    }

    /// Puts a job at the end of its queue.
    pub(super) fn push(&mut self, lane: Lane, job: T) -> Result<(), Busy> {
        // What is left of one half: the other half is always there for those who carry a proof.
        let is_within_share = match lane {
            Lane::Proof => true,
            Lane::Stranger => self.stranger.len() < self.waiting_max.div_ceil(2),
        };
        let has_room = is_within_share && self.waiting() < self.waiting_max;
        if !self.open || !has_room {
            return Err(Busy);
        }
        match lane {
            Lane::Proof => self.proof.push_back(job),
            Lane::Stranger => self.stranger.push_back(job),
        }
        Ok(())
    }

    /// The next job; while both wait they take turns, so neither waits for more than its own queue twice over.
    pub(super) fn pop(&mut self) -> Option<T> {
        let is_proof = match self.turn {
            Lane::Proof => !self.proof.is_empty(),
            Lane::Stranger => self.stranger.is_empty(),
        };
        if is_proof {
            self.turn = Lane::Stranger;
            self.proof.pop_front()
        } else {
            self.turn = Lane::Proof;
            self.stranger.pop_front()
        }
    }
}
