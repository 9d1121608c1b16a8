//! Events as lines of JSON for people: what an export carries beside the records, without a word of personal data.
//!
//! Whoever checks an export writes every line again and compares, so this is written for speed.

use std::fmt::Write as _;

use crate::desk::tell_plainly;
use crate::domain::Recorded;
use crate::ledger::TreeHash;
use crate::ledger::codec::event_name;
use crate::types::{Locale, Timestamp};

/// Bytes of one line, at most: names and labels of policies and API keys are the longest part.
pub(super) const LINE_MAX: usize = 16 << 10;

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;

/// Writes lines; remembers the second that the last one was in, because most events share theirs with others.
#[derive(Default)]
pub(super) struct Lines {
    second: Option<i64>,
    /// That second, to be followed by milliseconds.
    text: String,
}

impl Lines {
    /// Adds the line of an event: position, leaf hash, time, command, event, and what happened in words.
    pub(super) fn add(&mut self, out: &mut String, recorded: &Recorded, leaf: &TreeHash) {
        let Recorded {
            position,
            time,
            command,
            event,
        } = recorded;
        let _ = write!(out, r#"{{"position":{position},"leaf":""#);
        push_hexadecimal(out, leaf);
        out.push_str(r#"","time":""#);
        self.push_time(out, *time);
        let _ = write!(out, r#"","command":"{command}","event":""#);
        out.push_str(event_name(event));
        out.push_str(r#"","text":"#);
        push_text(out, &tell_plainly(event, Locale::En));
        out.push_str("}\n");
    }

    fn push_time(&mut self, out: &mut String, time: Timestamp) {
        let second = time.0.div_euclid(SECOND);
        if self.second != Some(second) {
            self.second = Some(second);
            self.text = Timestamp(second.saturating_mul(SECOND)).rfc3339();
            // A time that has no such form is written as it is, without milliseconds.
            if let Some(length) = self.text.strip_suffix("000Z").map(str::len) {
                self.text.truncate(length);
            }
        }
        out.push_str(&self.text);
        if self.text.ends_with('.') {
            let _ = write!(out, "{:03}Z", time.0.rem_euclid(SECOND) / 1_000);
        }
    }
}

fn push_hexadecimal(out: &mut String, hash: &TreeHash) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [0; 64];
    for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(hash) {
        *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    }
    out.push_str(std::str::from_utf8(&digits).unwrap_or_default());
}

/// A text as a string of JSON.
fn push_text(out: &mut String, text: &str) {
    let is_plain = !text
        .bytes()
        .any(|byte| byte < b' ' || byte == b'"' || byte == b'\\');
    if is_plain {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        let _ = write!(out, "{}", serde_json::Value::from(text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Event, SuppressedClass};
    use crate::types::{CommandId, Position};

    #[test]
    fn a_line_is_json_whatever_the_time_and_the_words() {
        let mut lines = Lines::default();
        let mut out = String::new();
        let times = [
            0,
            1,
            999_999,
            1_000_000,
            -1,
            1_768_919_400_123_456,
            i64::MAX,
            i64::MIN,
        ];
        for time in times {
            let event = Event::Suppressed {
                class: SuppressedClass::Codes,
                count: 3,
                first: None,
            };
            let recorded = Recorded {
                position: Position(7),
                time: Timestamp(time),
                command: CommandId([9; 16]),
                event,
            };
            lines.add(&mut out, &recorded, &[0xa5; 32]);
        }
        for (line, time) in out.lines().zip(times) {
            let read: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(read["leaf"], "a5".repeat(32));
            assert_eq!(
                (&read["position"], &read["event"]),
                (&7.into(), &"Suppressed".into())
            );
            if time.unsigned_abs() < 1 << 60 {
                assert_eq!(read["time"], Timestamp(time).rfc3339(), "{time}");
            }
        }
        let mut quoted = String::new();
        push_text(&mut quoted, "a \"b\" \\ \n");
        assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), "a \"b\" \\ \n");
    }
}
