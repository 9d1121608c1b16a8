//! A watchdog on commits: a disk that hangs must not look like a server that is merely slow.
//!
//! sled has a path that sets an error without waking those who wait for a flush, and a dying disk can hold an fsync for
//! minutes. Nothing can be answered meanwhile, so after a limit the process ends with a clear message, and its
//! supervisor starts it again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a commit may take unless set otherwise.
pub const COMMIT_LIMIT: Duration = Duration::from_secs(30);
/// A stalled commit is seen after the limit, and at most one look later.
const LOOKS: u32 = 4;
/// `EX_TEMPFAIL` of sysexits.h: supervisors start the process again.
const EXIT_CODE: i32 = 75;

/// What happens when a commit stalls; it gets the limit.
pub type OnStall = Box<dyn FnOnce(Duration) + Send>;

/// Watches one writer; the watching costs a commit two atomic additions, and ends when this is dropped.
pub struct CommitWatch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// A commit under way; dropping it says that it is over.
pub struct Watched<'w> {
    shared: &'w Shared,
}

#[derive(Default)]
struct Shared {
    /// Counts beginnings and ends of commits: odd while one is under way.
    beats: AtomicU64,
    stopped: Mutex<bool>,
    stop: Condvar,
}

impl CommitWatch {
    /// Starts watching. `on_stall` runs once, on the watching thread; [`end_process`] is the one to use.
    pub fn start(limit: Duration, on_stall: OnStall) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("commit-watch".to_owned())
            .spawn(move || seen.look_until_stopped(limit, on_stall))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Marks the beginning of a commit; there is one at a time.
    pub fn commit(&self) -> Watched<'_> {
        self.shared.beats.fetch_add(1, Ordering::AcqRel);
        Watched { shared: &self.shared }
    }
}

impl Drop for CommitWatch {
    fn drop(&mut self) {
        *self.shared.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.stop.notify_all();
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            // A panic of the stall action has been reported by its thread.
            drop(thread.join());
        }
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.shared.beats.fetch_add(1, Ordering::AcqRel);
    }
}

impl Shared {
    fn look_until_stopped(&self, limit: Duration, on_stall: OnStall) {
        let (mut last, mut same) = (0, 0);
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            stopped = self
                .stop
                .wait_timeout_while(stopped, limit / LOOKS, |stopped| !*stopped)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            if *stopped {
                return;
            }
            let beats = self.beats.load(Ordering::Acquire);
            same = if beats == last && beats % 2 == 1 {
                same + 1
            } else {
                0
            };
            last = beats;
            if same == LOOKS {
                drop(stopped);
                return on_stall(limit);
            }
        }
    }
}

/// Ends the process with a message for people; what was not answered was not promised.
pub fn end_process(limit: Duration) {
    eprintln!(
        "keyledger: a write to the ledger has not finished for {} seconds: the disk does not answer. Nobody was told \
         that it is stored. Ending now; see to the disk and start again.",
        limit.as_secs()
    );
    std::process::exit(EXIT_CODE);
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_commit_that_never_ends_is_reported_once() {
        let (report, reports) = mpsc::channel();
        let watch = CommitWatch::start(
            Duration::from_millis(8),
            Box::new(move |limit| report.send(limit).unwrap()),
        )
        .unwrap();
        let stalled = watch.commit();
        assert_eq!(reports.recv().unwrap(), Duration::from_millis(8));
        drop(stalled);
        drop(watch);
        assert!(reports.recv().is_err());
    }

    #[test]
    fn commits_that_end_are_not_reported() {
        let (report, reports) = mpsc::channel();
        let watch = CommitWatch::start(
            Duration::from_mins(1),
            Box::new(move |limit| report.send(limit).unwrap()),
        )
        .unwrap();
        for _ in 0..1_000 {
            drop(watch.commit());
        }
        drop(watch);
        assert!(reports.recv().is_err());
    }
}
