//! Moments and lengths of time, in whole microseconds, as the ledger stores them.

use std::fmt;
use std::ops::{Add, Sub};

use ::time::{OffsetDateTime, UtcOffset};

/// A moment: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Days since 1970-01-01 (UTC), 0 before it: the name of a day's key.
    pub fn day(self) -> u32 {
        u32::try_from(self.0.div_euclid(86_400_000_000)).unwrap_or(0)
    }

    /// Whole seconds since 1970, as JWTs count (RFC 7519 NumericDate).
    pub fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// How long after `earlier` this is; zero if it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0).max(0))
    }

    /// RFC 3339 in UTC with milliseconds: `2026-01-20T14:30:00.000Z`.
    ///
    /// Three digits, always: RFC 3339 leaves their number open, and hashed or compared text needs one form. Put together
    /// by hand: answers are full of times, and a general formatter takes ten times as long.
    pub fn rfc3339(self) -> String {
        let at = OffsetDateTime::from_unix_timestamp(self.unix_seconds()).ok();
        let Some((at, year)) = at.and_then(|at| Some((at, u32::try_from(at.year()).ok()?))) else {
            return format!("@{}us", self.0);
        };
        let ((_, month, day), (hour, minute, second)) = (at.to_calendar_date(), at.to_hms());
        let millis = u32::try_from(self.0.rem_euclid(1_000_000) / 1_000).unwrap_or(0);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        for (number, place) in [
            (year, 0..4),
            (u32::from(u8::from(month)), 5..7),
            (u32::from(day), 8..10),
            (u32::from(hour), 11..13),
            (u32::from(minute), 14..16),
            (u32::from(second), 17..19),
            (millis, 20..23),
        ] {
            put_digits(&mut text[place], number);
        }
        std::str::from_utf8(&text).unwrap_or_default().to_owned()
    }

    /// Reads RFC 3339 with any offset.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let at = OffsetDateTime::parse(text, &::time::format_description::well_known::Rfc3339).ok()?;
        i64::try_from(at.to_offset(UtcOffset::UTC).unix_timestamp_nanos() / 1_000)
            .ok()
            .map(Self)
    }
}

fn put_digits(place: &mut [u8], mut number: u32) {
    for digit in place.iter_mut().rev() {
        *digit = b"0123456789"[(number % 10) as usize];
        number /= 10;
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

/// A length of time, in microseconds, never negative.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Span(pub i64);

impl Span {
    /// So many milliseconds.
    pub const fn millis(n: i64) -> Self {
        Self(n * 1_000)
    }
    /// So many seconds.
    pub const fn seconds(n: i64) -> Self {
        Self(n * 1_000_000)
    }
    /// So many minutes.
    pub const fn minutes(n: i64) -> Self {
        Self::seconds(n * 60)
    }
    /// So many hours.
    pub const fn hours(n: i64) -> Self {
        Self::minutes(n * 60)
    }
    /// So many days of 24 hours.
    pub const fn days(n: i64) -> Self {
        Self::hours(n * 24)
    }
    /// Whole seconds, rounded up: what `Retry-After` says (RFC 9110 §10.2.3).
    pub fn seconds_up(self) -> u64 {
        u64::try_from(self.0).unwrap_or(0).div_ceil(1_000_000)
    }
    /// The same as the standard library's type.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_micros(u64::try_from(self.0).unwrap_or(0))
    }
}

impl Add<Span> for Timestamp {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Timestamp {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339_has_three_digits_and_reads_any_offset() {
        let at = Timestamp::parse_rfc3339("2026-01-20T15:30:00+01:00").unwrap();
        assert_eq!(at.rfc3339(), "2026-01-20T14:30:00.000Z");
        for text in [
            "1969-12-31T23:59:59.999Z",
            "2000-02-29T01:02:03.004Z",
            "9999-12-31T23:59:59.999Z",
            "0001-01-01T00:00:00.000Z",
        ] {
            assert_eq!(Timestamp::parse_rfc3339(text).unwrap().rfc3339(), text);
        }
        assert_eq!(Timestamp(i64::MAX).rfc3339(), "@9223372036854775807us");
    }

    #[test]
    fn a_span_rounds_up_to_seconds() {
        assert_eq!(Span::millis(1).seconds_up(), 1);
        assert_eq!(Span::seconds(10).seconds_up(), 10);
    }
}
