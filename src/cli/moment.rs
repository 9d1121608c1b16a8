//! Times and places in the ledger, as people type them.

use super::control::{At, Since};
use crate::desk::Cursor;
use crate::types::Timestamp;

/// Reads a time, or how long ago it was.
pub(super) fn since(text: &str) -> Result<Since, String> {
    let wrong = || {
        "not a time: write `2026-01-20`, `2026-01-20T14:30:00Z`, or a length of time such as `24h`".to_owned()
    };
    if text.len() > 40 || !text.is_ascii() {
        return Err(wrong());
    }
    let at =
        Timestamp::parse_rfc3339(text).or_else(|| Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")));
    if let Some(at) = at {
        return Ok(Since::At(at.0));
    }
    let length = text.strip_suffix(" ago").unwrap_or(text);
    let (number, unit) = length.split_at(length.len().saturating_sub(1));
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    Ok(Since::SecondsAgo(u64::from(number) * factor))
}

/// Reads a moment of the past: a time, or the place of an event.
pub(super) fn moment(text: &str) -> Result<At, String> {
    if let Ok(cursor) = text.parse::<Cursor>() {
        return Ok(At::Cursor(cursor.to_string()));
    }
    let wrong = || {
        "not a moment: write `2026-01-20`, `2026-01-20T14:30:00Z`, a length of time such as `24h`, or a place in the \
         ledger such as `1041` or `1:1041`"
            .to_owned()
    };
    since(text).map(At::Time).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_date_a_moment_or_a_while_ago() {
        let day = Timestamp::parse_rfc3339("2026-01-20T00:00:00Z").unwrap().0;
        assert_eq!(since("2026-01-20"), Ok(Since::At(day)));
        assert_eq!(since("2026-01-20T01:00:00+01:00"), Ok(Since::At(day)));
        assert_eq!(since("90m"), Ok(Since::SecondsAgo(5_400)));
        assert_eq!(since("7d"), Ok(Since::SecondsAgo(604_800)));
        assert_eq!(since("2h ago"), Ok(Since::SecondsAgo(7_200)));
        for text in ["", "h", "-1h", "yesterday", "1.5h", "99999999999d", "５m", " ago"] {
            assert!(since(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_moment_may_be_a_place_in_the_ledger() {
        let place = |text: &str| Ok(At::Cursor(text.to_owned()));
        assert_eq!(moment("1041"), place("1041"));
        assert_eq!(moment("2:1041"), place("2:1041"));
        assert_eq!(moment("2h"), Ok(At::Time(Since::SecondsAgo(7_200))));
        for text in ["", "1:", "x", "-1", "2026-13-01"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }
}
