//! Events as lines of JSON for people: what an export carries beside the records, without a word of personal data.

use std::fmt::Write as _;

use super::keys::hexadecimal;
use crate::desk::tell_plainly;
use crate::domain::Recorded;
use crate::ledger::TreeHash;
use crate::ledger::codec::event_name;

/// Bytes of one line, at most: names and labels of policies and API keys are the longest part.
pub(super) const LINE_MAX: usize = 16 << 10;

/// Adds the line of an event: position, leaf hash, time, command, event, and what happened in words.
pub(super) fn add_line(out: &mut String, recorded: &Recorded, leaf: &TreeHash) {
    let Recorded {
        position,
        time,
        command,
        event,
    } = recorded;
    let text = serde_json::Value::String(tell_plainly(event));
    let leaf = hexadecimal(leaf);
    let time = time.rfc3339();
    let name = event_name(event);
    writeln!(
        out,
        r#"{{"position":{position},"leaf":"{leaf}","time":"{time}","command":"{command}","event":"{name}","text":{text}}}"#,
    )
    .expect("a text can always be written to");
}
