//! The two bounded queues into the one writer: commands that carry a proof, and strangers.
//!
//! Strangers get at most half of a batch while somebody with a proof waits, so that a flood of requests cannot keep an
//! owner from completing a recovery or an administrator from acting (law 10).

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Which queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lane {
    /// A token, a session, an administrator, a worker.
    Proof,
    /// Somebody who has proven nothing.
    Stranger,
}

/// Why a job was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Closed {
    /// The lane is full.
    Full,
    /// The writer has stopped or is stopping.
    Stopped,
}

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
        drop(queues);
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits for jobs, at most `patience`; takes at most `max`.
    pub(super) fn take(&self, max: usize, patience: Duration) -> Taken<T> {
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
