//! Lengths of time and sizes, as people write them: `10s`, `15m`, `24h`, `7d`; `512KiB`, `64MiB`, `1GiB`.

use std::time::Duration;

const TIMES: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
const SIZES: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Reads a length of time; a bare whole number counts seconds. `None`: it is not one, or is beyond 64 bits.
pub fn read_duration(text: &str) -> Option<Duration> {
    measured(text, &TIMES).map(Duration::from_secs)
}

/// Reads a size; a bare whole number counts bytes. `None`: it is not one, or is beyond 64 bits.
pub fn read_size(text: &str) -> Option<u64> {
    measured(text, &SIZES)
}

/// Writes whole seconds in the biggest unit that divides them; a single day stays `24h`, as the limits are named.
pub fn write_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds == 86_400 {
        "24h".to_owned()
    } else {
        written(seconds, &TIMES, "s")
    }
}

/// Writes bytes in the biggest unit that divides them.
pub fn write_size(bytes: u64) -> String {
    written(bytes, &SIZES, "B")
}

fn measured(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let unit = unit.trim_start();
    if unit.is_empty() {
        return Some(number);
    }
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*factor)
}

fn written(amount: u64, units: &[(&str, u64)], smallest: &str) -> String {
    units
        .iter()
        .find(|(_, factor)| amount != 0 && amount.is_multiple_of(*factor))
        .map_or_else(
            || format!("{amount}{smallest}"),
            |(name, factor)| format!("{}{name}", amount / factor),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit_or_count_seconds() {
        for (text, seconds) in [
            ("10s", 10),
            ("15m", 900),
            ("24h", 86_400),
            ("7d", 604_800),
            ("10", 10),
            ("0", 0),
            ("5 m", 300),
        ] {
            assert_eq!(read_duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "s",
            "-1s",
            "1.5h",
            "10x",
            "10ss",
            "1h30m",
            "999999999999999999999",
            "99999999999999999d",
        ] {
            assert_eq!(read_duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_have_a_unit_or_count_bytes() {
        assert_eq!(read_size("64MiB"), Some(64 << 20));
        assert_eq!(read_size("16 KiB"), Some(16 << 10));
        assert_eq!(read_size("17"), Some(17));
        assert_eq!(read_size("64MB"), None);
        assert_eq!(read_size("99999999999GiB"), None);
    }

    #[test]
    fn what_is_written_reads_as_the_same() {
        for seconds in [0, 1, 59, 60, 90, 3_600, 86_400, 604_800] {
            let duration = Duration::from_secs(seconds);
            assert_eq!(read_duration(&write_duration(duration)), Some(duration));
        }
        assert_eq!(write_duration(Duration::from_hours(24)), "24h");
        assert_eq!(write_duration(Duration::from_hours(168)), "7d");
        for bytes in [0, 1, 1024, 64 << 20, 3 << 30, 1025] {
            assert_eq!(read_size(&write_size(bytes)), Some(bytes));
        }
    }
}
