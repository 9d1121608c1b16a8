//! An event as programs read it: in lists and streams of the API, and in what receivers of events get.

use std::fmt::Display;
use std::net::IpAddr;

use serde::{Serialize, Serializer};

use super::Line;
use crate::desk::Cursor;
use crate::types::{Timestamp, UserId};

/// An event in JSON. Of a person it has the id, the masked address, and network and program while they can be read.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventTold {
    position: u64,
    /// What `after` is to go on behind this one.
    cursor: Shown<Cursor>,
    #[serde(serialize_with = "as_time")]
    time: Timestamp,
    #[serde(rename = "type")]
    name: &'static str,
    term: Option<&'static str>,
    user_id: Option<Shown<UserId>>,
    address: Option<String>,
    ip_address: Option<IpAddr>,
    user_agent: Option<String>,
    text: String,
}

/// Its text.
struct Shown<T: Display>(T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn as_time<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.rfc3339())
}

impl EventTold {
    /// What a line says, at its place.
    pub fn new(cursor: Cursor, line: Line) -> Self {
        Self {
            position: line.position.0,
            cursor: Shown(cursor),
            time: line.time,
            name: line.name,
            term: line.term,
            user_id: line.user.map(Shown),
            address: line.who,
            ip_address: line.ip,
            user_agent: line.user_agent,
            text: line.text,
        }
    }
}
