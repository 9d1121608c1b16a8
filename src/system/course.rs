//! The rule by which trusted time moves: a pure function of two readings, so that every case can be tested.

use std::time::Duration;

use crate::types::{Span, Timestamp};

use super::clock::ClockStatus;

/// How far the wall may run ahead while the process lives.
const LEAP_MAX: Span = Span::hours(1);
/// How far the wall may be ahead of the last event after a start: so long may a server have been off.
const PAUSE_MAX: Span = Span::days(30);
/// How long after a start the wall may take that lead: a machine without a clock of its own gets the time by network. Later
/// it would be a leap like any other.
const SETTLING_MAX: Duration = Duration::from_hours(24);

/// Trusted time and where it was last read.
#[derive(Debug)]
pub(super) struct Course {
    /// The monotonic reading at which `kept` was true.
    boot: Duration,
    /// Trusted time at `boot`; never decreases.
    kept: Timestamp,
    /// How far ahead the wall may be before it is doubted.
    limit: Span,
    /// The monotonic reading from which on it may only be [`LEAP_MAX`].
    settled: Duration,
}

impl Course {
    /// Begins at the last event if there is one, else at the wall.
    pub(super) fn start(last_event: Option<Timestamp>, boot: Duration, wall: Timestamp) -> Self {
        let (kept, limit) = last_event.map_or((wall, LEAP_MAX), |last| (last, PAUSE_MAX));
        Self {
            boot,
            kept,
            limit,
            settled: boot + SETTLING_MAX,
        }
    }

    /// Moves on to a new pair of readings and says what time it is.
    pub(super) fn read(&mut self, boot: Duration, wall: Timestamp) -> (Timestamp, ClockStatus) {
        let passed = boot.saturating_sub(self.boot);
        let ticked = self.kept + Span(i64::try_from(passed.as_micros()).unwrap_or(i64::MAX));
        self.boot = self.boot.max(boot);
        self.kept = ticked;
        if boot >= self.settled {
            self.limit = LEAP_MAX;
        }
        if wall < ticked {
            return (ticked, ClockStatus::Trusted);
        }
        if wall.since(ticked) > self.limit {
            return (ticked, ClockStatus::Suspect { wall, kept: ticked });
        }
        self.kept = wall;
        self.limit = LEAP_MAX;
        (wall, ClockStatus::Trusted)
    }

    /// Takes the wall's word however far ahead it is; returns what the status was before.
    pub(super) fn accept(&mut self, boot: Duration, wall: Timestamp) -> ClockStatus {
        let (kept, before) = self.read(boot, wall);
        self.kept = kept.max(wall);
        self.limit = LEAP_MAX;
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Timestamp = Timestamp(1_800_000_000_000_000);

    fn boot(seconds: u64) -> Duration {
        Duration::from_secs(1_000 + seconds)
    }

    #[test]
    fn a_first_start_believes_the_wall() {
        let mut course = Course::start(None, boot(0), T0);
        assert_eq!(
            course.read(boot(5), T0 + Span::seconds(5)),
            (T0 + Span::seconds(5), ClockStatus::Trusted)
        );
    }

    #[test]
    fn r_23_a_backward_step_of_the_wall_never_moves_time_back() {
        let mut course = Course::start(None, boot(0), T0);
        let (now, status) = course.read(boot(10), T0 - Span::days(400));
        assert_eq!((now, status), (T0 + Span::seconds(10), ClockStatus::Trusted));
        let (later, _) = course.read(boot(3_610), T0 - Span::days(400));
        assert_eq!(
            later,
            T0 + Span::seconds(3_610),
            "an hour of lifetime passes in an hour"
        );
    }

    #[test]
    fn the_wall_is_followed_forward_up_to_an_hour() {
        let mut course = Course::start(None, boot(0), T0);
        assert_eq!(
            course.read(boot(1), T0 + Span::minutes(59)).0,
            T0 + Span::minutes(59)
        );
    }

    #[test]
    fn a_wall_more_than_an_hour_ahead_is_suspect_and_time_goes_on_from_the_known() {
        let mut course = Course::start(None, boot(0), T0);
        let wall = T0 + Span::hours(2);
        let kept = T0 + Span::seconds(1);
        assert_eq!(
            course.read(boot(1), wall),
            (kept, ClockStatus::Suspect { wall, kept })
        );
        assert_eq!(
            course.read(boot(61), wall + Span::seconds(60)).0,
            T0 + Span::seconds(61)
        );
        assert!(matches!(
            course.accept(boot(61), wall),
            ClockStatus::Suspect { .. }
        ));
        assert_eq!(
            course.read(boot(62), wall + Span::seconds(1)),
            (wall + Span::seconds(1), ClockStatus::Trusted)
        );
    }

    #[test]
    fn a_wall_that_comes_back_is_trusted_again_without_acceptance() {
        let mut course = Course::start(None, boot(0), T0);
        course.read(boot(1), T0 + Span::days(3));
        let right = T0 + Span::seconds(2);
        assert_eq!(course.read(boot(2), right), (right, ClockStatus::Trusted));
    }

    #[test]
    fn a_restart_within_thirty_days_of_the_last_event_believes_the_wall() {
        let wall = T0 + Span::days(29);
        assert_eq!(
            Course::start(Some(T0), boot(0), wall).read(boot(0), wall),
            (wall, ClockStatus::Trusted)
        );
    }

    #[test]
    fn a_restart_more_than_thirty_days_after_the_last_event_is_suspect() {
        let wall = T0 + Span::days(31);
        let mut course = Course::start(Some(T0), boot(0), wall);
        assert_eq!(
            course.read(boot(0), wall),
            (T0, ClockStatus::Suspect { wall, kept: T0 })
        );
        assert_eq!(course.read(boot(9), wall).0, T0 + Span::seconds(9));
    }

    #[test]
    fn a_restart_with_the_wall_behind_the_last_event_goes_on_from_the_event() {
        let mut course = Course::start(Some(T0), boot(0), T0 - Span::days(2));
        assert_eq!(course.read(boot(4), T0 - Span::days(2)).0, T0 + Span::seconds(4));
        let synchronised = T0 + Span::days(3);
        assert_eq!(
            course.read(boot(5), synchronised),
            (synchronised, ClockStatus::Trusted)
        );
        assert_eq!(
            course.read(boot(6), synchronised + Span::hours(2)).0,
            synchronised + Span::seconds(1)
        );
    }

    #[test]
    fn a_day_after_a_start_the_wall_has_no_more_than_an_hour_of_lead_even_if_it_was_behind_all_the_time() {
        let behind = T0 - Span::days(2);
        let start = || Course::start(Some(T0), boot(0), behind);
        let (day, ahead) = (24 * 60 * 60, T0 + Span::days(4));
        let mut in_time = start();
        in_time.read(boot(10), behind);
        assert_eq!(in_time.read(boot(day - 1), ahead), (ahead, ClockStatus::Trusted));
        let mut late = start();
        late.read(boot(10), behind);
        let kept = T0 + Span::days(1);
        assert_eq!(
            late.read(boot(day), ahead),
            (kept, ClockStatus::Suspect { wall: ahead, kept })
        );
    }

    #[test]
    fn a_monotonic_reading_out_of_order_moves_nothing_back() {
        let mut course = Course::start(None, boot(0), T0);
        course.read(boot(9), T0);
        assert_eq!(course.read(boot(8), T0).0, T0 + Span::seconds(9));
        assert_eq!(course.read(boot(10), T0).0, T0 + Span::seconds(10));
    }
}
