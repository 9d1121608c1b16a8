//! The two bounded queues into the one writer: commands that carry a proof, and strangers.
//!
//! Strangers get at most half of a batch while somebody with a proof waits, so that a flood of requests cannot keep an
//! owner from completing a recovery or an administrator from acting (law 10).

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::types::Lane;

/// Why a job was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Closed {
    /// The lane is full.
    Full,
    /// The writer has stopped or is stopping.
    Stopped,
}

/// How long the writer looks out for the next job before it sleeps: about as long as a caller who was just answered takes
/// to come back, and less than a sleeping thread takes to wake.
const LOOK_OUT: Duration = Duration::from_micros(50);
/// After a look-out in vain the next ones are left out, but for one in so many.
const LOOK_OUT_EVERY: u32 = 64;

struct Queues<T> {
    proof: VecDeque<T>,
    stranger: VecDeque<T>,
    open: bool,
    /// The writer has something else to do.
    called: bool,
}

/// The queues.
pub(super) struct Lanes<T> {
    queues: Mutex<Queues<T>>,
    arrived: Condvar,
    depth_max: usize,
    /// Whether anything waits, or nothing will come: to be seen without the lock.
    is_due: AtomicBool,
    look_out: LookOut,
}

/// Whether looking out for jobs has been worth it.
#[derive(Default)]
struct LookOut {
    was_worth_it: AtomicBool,
    turn: AtomicU32,
}

impl LookOut {
    /// Looks out for a moment, if that is likely to help.
    fn look(&self, is_due: &AtomicBool) {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        if !self.was_worth_it.load(Ordering::Relaxed) && !turn.is_multiple_of(LOOK_OUT_EVERY) {
            return;
        }
        let began = Instant::now();
        let mut found = is_due.load(Ordering::Acquire);
        while !found && began.elapsed() < LOOK_OUT {
            std::hint::spin_loop();
            found = is_due.load(Ordering::Acquire);
        }
        self.was_worth_it.store(found, Ordering::Relaxed);
    }
}

/// What the writer was handed.
pub(super) enum Taken<T> {
    /// Jobs.
    Jobs(Vec<T>),
    /// None came for a while.
    Idle,
    /// None will come any more.
    Finished,
}

impl<T> Lanes<T> {
    pub(super) fn new(depth_max: usize) -> Self {
        let queues = Queues {
            proof: VecDeque::new(),
            stranger: VecDeque::new(),
            open: true,
            called: false,
        };
        Self {
            queues: Mutex::new(queues),
            arrived: Condvar::new(),
            depth_max,
            is_due: AtomicBool::new(false),
            look_out: LookOut::default(),
        }
    }

    pub(super) fn push(&self, lane: Lane, job: T) -> Result<(), Closed> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if !queues.open {
            return Err(Closed::Stopped);
        }
        let queue = match lane {
            Lane::Proof => &mut queues.proof,
            Lane::Stranger => &mut queues.stranger,
        };
        if queue.len() >= self.depth_max {
            return Err(Closed::Full);
        }
        queue.push_back(job);
        self.is_due.store(true, Ordering::Release);
        drop(queues);
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits for jobs, at most `patience`; takes at most `max`.
    pub(super) fn take(&self, max: usize, patience: Duration) -> Taken<T> {
        if !self.is_due.load(Ordering::Acquire) {
            self.look_out.look(&self.is_due);
        }
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut queues, _) = self
            .arrived
            .wait_timeout_while(queues, patience, |q| {
                q.open && !q.called && q.proof.is_empty() && q.stranger.is_empty()
            })
            .unwrap_or_else(PoisonError::into_inner);
        queues.called = false;
        if queues.proof.is_empty() && queues.stranger.is_empty() {
            return if queues.open { Taken::Idle } else { Taken::Finished };
        }
        let strangers_max = max - queues.proof.len().min(max / 2);
        let strangers = queues.stranger.len().min(strangers_max);
        let proofs = queues.proof.len().min(max - strangers);
        let mut jobs: Vec<T> = queues.proof.drain(..proofs).collect();
        jobs.extend(queues.stranger.drain(..strangers));
        let is_more = !queues.proof.is_empty() || !queues.stranger.is_empty();
        self.is_due.store(is_more, Ordering::Release);
        Taken::Jobs(jobs)
    }

    /// Has whoever waits for jobs come back at once.
    pub(super) fn call(&self) {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).called = true;
        self.arrived.notify_one();
    }

    /// Takes no more jobs; those that wait are still carried out.
    pub(super) fn close(&self) {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).open = false;
        self.arrived.notify_all();
    }

    /// Takes no more jobs, and drops those that wait.
    pub(super) fn abort(&self) {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.open = false;
        queues.proof.clear();
        queues.stranger.clear();
        drop(queues);
        self.arrived.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_get_at_most_half_of_a_batch_while_proofs_wait() {
        let lanes = Lanes::new(100);
        for n in 0..20 {
            lanes.push(Lane::Stranger, n).unwrap();
        }
        for n in 100..120 {
            lanes.push(Lane::Proof, n).unwrap();
        }
        let Taken::Jobs(jobs) = lanes.take(10, Duration::ZERO) else {
            panic!("jobs wait")
        };
        assert_eq!(jobs.iter().filter(|n| **n >= 100).count(), 5);
        assert_eq!(jobs.len(), 10);
    }

    #[test]
    fn a_full_lane_refuses_and_leaves_the_other_open() {
        let lanes = Lanes::new(1);
        lanes.push(Lane::Stranger, 1).unwrap();
        assert_eq!(lanes.push(Lane::Stranger, 2), Err(Closed::Full));
        lanes.push(Lane::Proof, 3).unwrap();
    }

    #[test]
    fn a_closed_queue_still_hands_out_what_waits() {
        let lanes = Lanes::new(9);
        lanes.push(Lane::Proof, 1).unwrap();
        lanes.close();
        assert_eq!(lanes.push(Lane::Proof, 2), Err(Closed::Stopped));
        assert!(matches!(lanes.take(9, Duration::ZERO), Taken::Jobs(jobs) if jobs == [1]));
        assert!(matches!(lanes.take(9, Duration::ZERO), Taken::Finished));
    }
}
