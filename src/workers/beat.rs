//! When a worker looks: after commits, after a nudge, and often enough by itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::types::Position;

/// The longest time between two looks; due times come from the injected clock, which nobody can wait for.
const REST_MAX: Duration = Duration::from_millis(200);

/// Wakes the workers; cheap to copy.
#[derive(Clone, Debug, Default)]
pub struct Nudge(Arc<watch::Sender<u64>>);

impl Nudge {
    /// Has every worker look again now.
    pub fn nudge(&self) {
        self.0.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// What wakes a worker besides time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Listens {
    /// Every commit.
    ToCommits,
    /// Nothing.
    ToTimeOnly,
}

/// What a worker is told to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Next {
    Look,
    Stop,
}

/// The wake-up calls of one worker.
#[derive(Clone, Debug)]
pub(super) struct Beat {
    published: watch::Receiver<Position>,
    nudged: watch::Receiver<u64>,
    stopped: watch::Receiver<bool>,
    listens: Listens,
}

impl Beat {
    pub(super) fn new(
        published: watch::Receiver<Position>,
        nudge: &Nudge,
        stopped: watch::Receiver<bool>,
        listens: Listens,
    ) -> Self {
        Self {
            published,
            nudged: nudge.0.subscribe(),
            stopped,
            listens,
        }
    }

    /// Whether the worker is to stop.
    pub(super) fn is_over(&self) -> bool {
        *self.stopped.borrow()
    }

    /// Waits until there may be something to do. May be dropped and called again without losing a call.
    pub(super) async fn next(&mut self) -> Next {
        if self.is_over() {
            return Next::Stop;
        }
        let listens = self.listens == Listens::ToCommits;
        tokio::select! {
            biased;
            _ = self.stopped.changed() => Next::Stop,
            Ok(()) = self.nudged.changed() => Next::Look,
            Ok(()) = self.published.changed(), if listens => Next::Look,
            () = sleep(REST_MAX) => Next::Look,
        }
    }

    /// Waits until the worker is to stop.
    pub(super) async fn is_stopped(&mut self) {
        while !self.is_over() {
            if self.stopped.changed().await.is_err() {
                return;
            }
        }
    }

    /// Waits for so long; whether the worker was to stop in that time.
    pub(super) async fn stops_within(&mut self, time: Duration) -> bool {
        if self.is_over() {
            return true;
        }
        tokio::select! {
            _ = self.stopped.changed() => true,
            () = sleep(time) => false,
        }
    }
}
