//! What is asked about events over the socket, and what comes back.

use serde::{Deserialize, Serialize};

/// Which events, and how they are told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::cli) struct EventsForm {
    /// By id, address or user name.
    pub(in crate::cli) user: Option<String>,
    /// A name of the ledger's, or of the logging vocabulary.
    pub(in crate::cli) kind: Option<String>,
    pub(in crate::cli) since: Option<Since>,
    /// A cursor: only events behind it, the first ones.
    pub(in crate::cli) after: Option<String>,
    /// So many at most.
    pub(in crate::cli) limit: u32,
    /// `en` or `ko`.
    pub(in crate::cli) language: String,
}

/// From when on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Since {
    /// Microseconds since 1970.
    At(i64),
    /// That long before now.
    SecondsAgo(u64),
}

/// Events, and where to go on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct EventsShown {
    /// How many are shown.
    pub(in crate::cli) total: u64,
    pub(in crate::cli) items: Vec<EventRow>,
    /// The cursor to go on after: what `--after` takes. None if nothing was read.
    pub(in crate::cli) next: Option<String>,
}

/// An event, told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct EventRow {
    pub(in crate::cli) position: u64,
    /// Epoch and position.
    pub(in crate::cli) cursor: String,
    pub(in crate::cli) time: String,
    #[serde(rename = "type")]
    pub(in crate::cli) kind: String,
    /// Its name in the OWASP logging vocabulary.
    pub(in crate::cli) term: Option<String>,
    pub(in crate::cli) user: Option<String>,
    /// The user's address, masked.
    pub(in crate::cli) address: Option<String>,
    pub(in crate::cli) ip: Option<String>,
    pub(in crate::cli) user_agent: Option<String>,
    /// In words.
    pub(in crate::cli) text: String,
}
