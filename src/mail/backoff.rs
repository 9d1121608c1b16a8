//! When a mail that failed is tried again.

use crate::types::Span;

/// How long a mail is tried before it is given up; mail servers give up after days too (RFC 5321 §4.5.4.1).
pub const GIVE_UP_AFTER: Span = Span::hours(72);

/// How often a mail is tried at most: more than fit into [`GIVE_UP_AFTER`], so that it only ends what time does not.
pub const ATTEMPTS_MAX: u16 = 200;

const FIRST_DELAY: Span = Span::seconds(30);
const DELAY_MAX: Span = Span::minutes(30);

/// How long to wait after the given failed attempt (1 = the first): 30 s, doubled each time, at most 30 min, each ±25 %,
/// so that the mails of one outage do not all come back in one moment.
///
/// `jitter` is random over the whole range of `u32`.
pub fn next_attempt(attempt: u16, jitter: u32) -> Span {
    let doublings = u32::from(attempt.saturating_sub(1)).min(16);
    let delay = FIRST_DELAY.0.saturating_mul(1 << doublings).min(DELAY_MAX.0);
    let swing = delay / 2; // from -25 % to +25 %
    let offset = (i128::from(swing) * i128::from(jitter)) >> 32;
    Span(delay - swing / 2 + i64::try_from(offset).unwrap_or(0))
}

/// Whether a mail that failed `attempts` times and has waited for `waited` is given up.
pub fn gives_up(attempts: u16, waited: Span) -> bool {
    attempts >= ATTEMPTS_MAX || waited >= GIVE_UP_AFTER
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIDDLE: u32 = 1 << 31;

    #[test]
    fn delays_double_up_to_half_an_hour() {
        let delays: Vec<i64> = (1..=9).map(|n| next_attempt(n, MIDDLE).0 / 1_000_000).collect();
        assert_eq!(delays, [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]);
        assert_eq!(next_attempt(u16::MAX, MIDDLE), DELAY_MAX);
        assert_eq!(next_attempt(0, MIDDLE), FIRST_DELAY);
    }

    #[test]
    fn jitter_moves_a_delay_by_a_quarter_at_most() {
        assert_eq!(next_attempt(1, 0), Span::millis(22_500));
        let latest = next_attempt(1, u32::MAX);
        assert!(latest <= Span::millis(37_500) && latest > Span::millis(37_499));
        assert!(next_attempt(50, u32::MAX) <= Span::seconds(2_250));
    }

    #[test]
    fn a_mail_is_given_up_after_three_days_or_two_hundred_attempts() {
        assert!(!gives_up(199, Span::hours(71)));
        assert!(gives_up(200, Span::default()));
        assert!(gives_up(1, GIVE_UP_AFTER));
    }

    #[test]
    fn the_limit_by_attempts_is_not_reached_before_the_limit_by_time() {
        let shortest: i64 = (1..ATTEMPTS_MAX).map(|n| next_attempt(n, 0).0).sum();
        assert!(shortest >= GIVE_UP_AFTER.0);
    }
}
