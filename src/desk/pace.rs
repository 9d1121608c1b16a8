//! Answers to strangers leave on whole steps of time after their request came.
//!
//! The work for an address that is somebody's takes some microseconds more than for one that is nobody's: more of memory
//! is looked at. Rounded up to a step it shows only where work ends just beside one. The steps are counted from each
//! request's own arrival and not on a clock that all share, so that nobody can choose when to ask and have it end there.
//! Waiting costs nobody else anything: it is one entry of the runtime's timer.

use std::future::Future;
use std::time::Duration;

use tokio::time::sleep;

use super::Desk;

/// Far longer than the difference, and too short to notice.
const STEP: Duration = Duration::from_millis(1);

impl Desk {
    /// Does the work, and comes back on the first whole step after it.
    pub(super) async fn on_step<T>(&self, work: impl Future<Output = T>) -> T {
        let clock = self.engine().clock();
        let came = clock.monotonic();
        let done = work.await;
        sleep(to_next_step(clock.monotonic().saturating_sub(came))).await;
        done
    }
}

/// What is left of the step that has begun.
fn to_next_step(taken: Duration) -> Duration {
    let step = STEP.as_nanos();
    let left = step - taken.as_nanos() % step;
    Duration::from_nanos(u64::try_from(left).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_02_work_of_about_the_same_length_ends_on_the_same_step() {
        for taken in [0, 1, 370_000, 380_000, 999_999] {
            let taken = Duration::from_nanos(taken);
            assert_eq!(taken + to_next_step(taken), STEP);
        }
        assert_eq!(
            to_next_step(STEP),
            STEP,
            "never nothing, which would be a step of its own"
        );
        let long = STEP * 7 + Duration::from_nanos(1);
        assert_eq!(long + to_next_step(long), STEP * 8);
    }
}
