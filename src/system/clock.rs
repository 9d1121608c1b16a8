//! What time it is: a trusted time that never goes back, and the wall it follows.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::types::{Span, Timestamp};

use super::course::Course;

/// Tells the time; a parameter of whoever needs it, so that tests and simulations own it.
pub trait Clock: Send + Sync {
    /// Trusted time, by which every lifetime and window is decided: it advances with the monotonic clock, follows the
    /// wall forward and never goes back.
    fn now(&self) -> Timestamp;

    /// What the wall clock says, unchecked: for TOTP (RFC 6238), whose other side has only a wall clock too.
    fn wall(&self) -> Timestamp;

    /// Time since an arbitrary start, suspend included; for measuring, never stored.
    fn monotonic(&self) -> Duration;

    /// Whether the wall is believed; health and log say so when it is not.
    fn status(&self) -> ClockStatus;

    /// Believes the wall from now on, however far ahead it is (`keyledger clock accept`); returns the status before.
    ///
    /// After [`ClockStatus::Suspect`] the caller starts a new epoch, because lifetimes jumped.
    fn accept(&self) -> ClockStatus;
}

/// Whether trusted time follows the wall.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClockStatus {
    /// It does, or the wall is behind and time ticks on by itself.
    Trusted,
    /// The wall is too far ahead (an hour; over a restart 30 days after the last event): time ticks on from the known
    /// until the wall comes back or an operator accepts it.
    Suspect {
        /// What the wall says.
        wall: Timestamp,
        /// The trusted time.
        kept: Timestamp,
    },
}

impl fmt::Display for ClockStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trusted => f.write_str("trusted"),
            Self::Suspect { wall, kept } => write!(
                f,
                "suspect: the system clock says {wall}, but by the known course it is {kept}; \
                 correct the system clock, or run `keyledger clock accept` if it is right"
            ),
        }
    }
}

/// The machine's clocks: `CLOCK_BOOTTIME` carries time, `CLOCK_REALTIME` leads it.
#[derive(Debug)]
pub struct SystemClock {
    course: Mutex<Course>,
}

impl SystemClock {
    /// Starts from the time of the ledger's last event, or from the wall for an empty ledger.
    pub fn start(last_event: Option<Timestamp>) -> Self {
        Self {
            course: Mutex::new(Course::start(last_event, boot_time(), wall_time())),
        }
    }

    /// Both readings are taken under the lock, so that they reach the course in order.
    fn read(&self) -> (Timestamp, ClockStatus) {
        let mut course = locked(&self.course);
        course.read(boot_time(), wall_time())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        self.read().0
    }

    fn wall(&self) -> Timestamp {
        wall_time()
    }

    fn monotonic(&self) -> Duration {
        boot_time()
    }

    fn status(&self) -> ClockStatus {
        self.read().1
    }

    fn accept(&self) -> ClockStatus {
        let mut course = locked(&self.course);
        course.accept(boot_time(), wall_time())
    }
}

/// A clock that stands still until it is told otherwise, under the same rule as [`SystemClock`].
#[derive(Debug)]
pub struct TestClock {
    hands: Mutex<Hands>,
}

#[derive(Debug)]
struct Hands {
    course: Course,
    boot: Duration,
    wall: Timestamp,
}

impl TestClock {
    /// Stands at `now`, wall and trusted time alike.
    pub fn at(now: Timestamp) -> Self {
        let boot = Duration::from_secs(1);
        Self {
            hands: Mutex::new(Hands {
                course: Course::start(None, boot, now),
                boot,
                wall: now,
            }),
        }
    }

    /// Stands at `wall` after a restart whose ledger ends at `last_event`.
    pub fn restarted(last_event: Timestamp, wall: Timestamp) -> Self {
        let boot = Duration::from_secs(1);
        Self {
            hands: Mutex::new(Hands {
                course: Course::start(Some(last_event), boot, wall),
                boot,
                wall,
            }),
        }
    }

    /// Lets time pass: both clocks move.
    pub fn advance(&self, by: Span) {
        let mut hands = locked(&self.hands);
        hands.boot += by.to_std();
        hands.wall = hands.wall + by;
    }

    /// Steps the wall alone, forward or back, as an operator or a bad time server would.
    pub fn step_wall(&self, to: Timestamp) {
        locked(&self.hands).wall = to;
    }

    /// Sets everything to `now`, even back: a new scene, not a passing of time.
    pub fn set(&self, now: Timestamp) {
        let mut hands = locked(&self.hands);
        hands.wall = now;
        hands.course = Course::start(None, hands.boot, now);
    }

    fn read(&self) -> (Timestamp, ClockStatus) {
        let mut hands = locked(&self.hands);
        let (boot, wall) = (hands.boot, hands.wall);
        hands.course.read(boot, wall)
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.read().0
    }

    fn wall(&self) -> Timestamp {
        locked(&self.hands).wall
    }

    fn monotonic(&self) -> Duration {
        locked(&self.hands).boot
    }

    fn status(&self) -> ClockStatus {
        self.read().1
    }

    fn accept(&self) -> ClockStatus {
        let mut hands = locked(&self.hands);
        let (boot, wall) = (hands.boot, hands.wall);
        hands.course.accept(boot, wall)
    }
}

/// A reading is complete or not begun, so a poisoned lock still guards sound data.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Microseconds since 1970 by the machine's wall clock; 0 before it.
fn wall_time() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX))
}

/// Time since boot with suspend included: `std::time::Instant` stops there on Linux, and tokens would live longer.
fn boot_time() -> Duration {
    #[cfg(target_os = "linux")]
    const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;
    let at = rustix::time::clock_gettime(CLOCK);
    Duration::new(
        u64::try_from(at.tv_sec).unwrap_or(0),
        u32::try_from(at.tv_nsec).unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_never_goes_back() {
        let clock = SystemClock::start(None);
        let mut last = clock.now();
        for _ in 0..1_000 {
            let now = clock.now();
            assert!(now >= last);
            last = now;
        }
        assert_eq!(clock.status(), ClockStatus::Trusted);
        assert!(clock.wall() > Timestamp(1_700_000_000_000_000));
        assert!(clock.monotonic() > Duration::ZERO);
    }

    #[test]
    fn the_system_clock_doubts_a_wall_far_after_the_last_event_until_it_is_accepted() {
        let last = wall_time() - Span::days(40);
        let clock = SystemClock::start(Some(last));
        assert!(clock.now() < last + Span::minutes(10));
        assert!(matches!(clock.accept(), ClockStatus::Suspect { .. }));
        assert_eq!(clock.status(), ClockStatus::Trusted);
        assert!(clock.now() > last + Span::days(39));
    }

    #[test]
    fn a_test_clock_moves_only_when_told() {
        let start = Timestamp(1_800_000_000_000_000);
        let clock = TestClock::at(start);
        assert_eq!((clock.now(), clock.now()), (start, start));
        clock.advance(Span::minutes(5));
        assert_eq!(
            (clock.now(), clock.wall()),
            (start + Span::minutes(5), start + Span::minutes(5))
        );
        clock.step_wall(start);
        assert_eq!((clock.now(), clock.wall()), (start + Span::minutes(5), start));
        clock.step_wall(start + Span::days(1));
        assert!(clock.status().to_string().contains("keyledger clock accept"));
        clock.accept();
        assert_eq!(clock.now(), start + Span::days(1));
        clock.set(start);
        assert_eq!(clock.now(), start);
    }

    #[test]
    fn a_test_clock_can_tell_the_story_of_a_restart() {
        let last = Timestamp(1_800_000_000_000_000);
        assert_eq!(
            TestClock::restarted(last, last + Span::days(2)).now(),
            last + Span::days(2)
        );
        assert_eq!(TestClock::restarted(last, last + Span::days(60)).now(), last);
    }
}
