//! An event in its place.

use crate::types::{CommandId, Position, Timestamp};

use super::event::Event;

/// An event in its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recorded {
    /// Where it stands.
    pub position: Position,
    /// When it was decided.
    pub time: Timestamp,
    /// The command it came from; all events of one command stand side by side.
    pub command: CommandId,
    /// What happened.
    pub event: Event,
}
