//! What is asked about events over the socket, and what comes back.

use serde::{Deserialize, Serialize};

use crate::types::{Span, Timestamp};

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

impl Since {
    /// The time that it means.
    pub(super) fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => Timestamp(at),
            Self::SecondsAgo(seconds) => {
                now - Span::seconds(i64::try_from(seconds).unwrap_or(i64::MAX / 1_000_000))
            }
        }
    }
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
    /// What to say in words if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) nothing: Option<String>,
}

/// Which recoveries, and how they are told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::cli) struct ExplainForm {
    /// A user, the id of a proof, or the place of an event; none for the latest.
    pub(in crate::cli) what: Option<String>,
    /// So many at most.
    pub(in crate::cli) limit: u32,
    /// `en` or `ko`.
    pub(in crate::cli) language: String,
}

/// Recoveries as stories.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct StoriesShown {
    pub(in crate::cli) total: u64,
    pub(in crate::cli) items: Vec<StoryRow>,
    /// What to say in words if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) nothing: Option<String>,
}

/// A recovery.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct StoryRow {
    /// Where it began.
    pub(in crate::cli) cursor: String,
    pub(in crate::cli) began: String,
    pub(in crate::cli) user: Option<String>,
    /// The user's address, masked.
    pub(in crate::cli) address: Option<String>,
    /// The proof's id.
    pub(in crate::cli) token: Option<String>,
    /// `completed`, `open`, `due`, `no-mail`, `dropped`, `superseded`, `expired` or `void`.
    pub(in crate::cli) ending: String,
    /// Whose it is and how it ended, in words.
    pub(in crate::cli) title: String,
    pub(in crate::cli) steps: Vec<StepRow>,
}

/// A step of a recovery.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct StepRow {
    pub(in crate::cli) position: u64,
    pub(in crate::cli) time: String,
    /// In words.
    pub(in crate::cli) text: String,
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
