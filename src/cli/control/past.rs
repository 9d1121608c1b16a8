//! What is asked about the past over the socket, and what comes back. Times are RFC 3339, ids UUIDs.

use serde::{Deserialize, Serialize};

use super::request::{Page, SessionRow};
use super::told::Since;

/// A moment, as typed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum At {
    /// A time, or so long ago.
    Time(Since),
    /// After the event that this cursor names.
    Cursor(String),
}

/// What is to be known of a moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) enum Question {
    /// How much there was.
    Counts,
    /// Who there was.
    Users { skip: u32, take: u32 },
    /// The live sessions of a user, by id, address or user name.
    Sessions { user: String },
    /// Whether a user could sign in.
    SignIn { user: String },
    /// The mailed proofs that opened something.
    Tokens { skip: u32, take: u32 },
    /// What the ledger held of the configuration.
    Configuration,
}

/// What is asked of the past.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::cli) enum PastForm {
    /// One moment.
    Moment { at: At, question: Question },
    /// The difference between two; so many changes are shown.
    Changes { from: At, to: At, take: u32 },
}

/// What was.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) enum PastShown {
    Moment(MomentShown),
    Changes(ChangesShown),
}

/// A moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct MomentRow {
    pub(in crate::cli) at: String,
    /// The last event before it.
    pub(in crate::cli) position: u64,
    pub(in crate::cli) cursor: String,
    pub(in crate::cli) epoch: u32,
    /// Of the Merkle tree over everything up to there, in hexadecimal digits.
    pub(in crate::cli) root: String,
}

/// A moment, and what was asked of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct MomentShown {
    pub(in crate::cli) moment: MomentRow,
    pub(in crate::cli) found: Found,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) enum Found {
    Counts(CountsRow),
    Users(Page<PastUserRow>),
    Sessions(Page<SessionRow>),
    SignIn(SignInRow),
    Tokens(Page<TokenRow>),
    Configuration(ConfigurationShown),
}

/// How much there was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct CountsRow {
    pub(in crate::cli) users: u64,
    pub(in crate::cli) sessions: u64,
    pub(in crate::cli) tokens: u64,
    /// That waited.
    pub(in crate::cli) mails: u64,
}

/// A user as they were.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct PastUserRow {
    pub(in crate::cli) id: String,
    /// None once their key is destroyed.
    pub(in crate::cli) email: Option<String>,
    pub(in crate::cli) email_verified: Option<String>,
    pub(in crate::cli) name: Option<String>,
    pub(in crate::cli) role: String,
    /// `active`, `banned` or `closing`.
    pub(in crate::cli) standing: String,
    /// When a closing account was to end.
    pub(in crate::cli) closes: Option<String>,
    pub(in crate::cli) has_password: bool,
    pub(in crate::cli) factors: Vec<String>,
    pub(in crate::cli) sessions: u64,
    pub(in crate::cli) locale: String,
    pub(in crate::cli) created: String,
    pub(in crate::cli) updated: String,
    pub(in crate::cli) last_login: Option<String>,
}

/// Whether somebody could sign in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct SignInRow {
    pub(in crate::cli) user: String,
    /// Whether they could, with the right password.
    pub(in crate::cli) could: bool,
    /// Why not.
    pub(in crate::cli) obstacles: Vec<ObstacleRow>,
    /// What else they needed, or who had to wait.
    pub(in crate::cli) conditions: Vec<ObstacleRow>,
}

/// Something in the way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct ObstacleRow {
    /// `banned`, `closing`, `no-password`, `password-revoked`, `mailbox-unproven`, `unverified`, `too-many-tries`; or
    /// `second-factor`, `known-networks-only`, `networks-wait`.
    pub(in crate::cli) code: String,
    /// Until when, if that is known.
    pub(in crate::cli) until: Option<String>,
    /// In words.
    pub(in crate::cli) text: String,
}

/// A mailed proof that opened something.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct TokenRow {
    pub(in crate::cli) id: String,
    pub(in crate::cli) user: String,
    /// Masked.
    pub(in crate::cli) address: Option<String>,
    /// `recovery`, `verify-email`, `reopen`, `sign-in-code`, `enrol-mailbox`.
    pub(in crate::cli) purpose: String,
    pub(in crate::cli) issued: String,
    pub(in crate::cli) expires: String,
}

/// What the ledger held of the configuration.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct ConfigurationShown {
    pub(in crate::cli) flows: Vec<FlowRow>,
    pub(in crate::cli) stages: Vec<StageRow>,
    pub(in crate::cli) policies: Vec<PolicyRow>,
    pub(in crate::cli) api_keys: Vec<PastKeyRow>,
    /// The public half of the key that signed checkpoints, in hexadecimal digits.
    pub(in crate::cli) checkpoint_key: Option<String>,
}

/// A flow.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct FlowRow {
    pub(in crate::cli) slug: String,
    pub(in crate::cli) title: String,
    pub(in crate::cli) designation: String,
    pub(in crate::cli) authentication: String,
    pub(in crate::cli) bindings: Vec<BindingRow>,
    /// Where it or a binding of it had last changed; 0 as it ships.
    pub(in crate::cli) changed: u64,
}

/// A stage at its place in a flow.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct BindingRow {
    pub(in crate::cli) order: u16,
    pub(in crate::cli) stage: String,
    /// The expression policies that were asked; `!` before one whose yes is a no.
    pub(in crate::cli) policies: Vec<String>,
}

/// A stage.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct StageRow {
    pub(in crate::cli) name: String,
    pub(in crate::cli) kind: String,
    /// Where it had last changed; 0 as it ships.
    pub(in crate::cli) changed: u64,
    /// How it was set, setting by setting; secrets are masked.
    pub(in crate::cli) settings: std::collections::BTreeMap<String, String>,
}

/// A policy.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct PolicyRow {
    pub(in crate::cli) name: String,
    /// `password` or `expression`.
    pub(in crate::cli) kind: String,
    /// Where it had last changed; 0 as it ships.
    pub(in crate::cli) changed: u64,
    /// What it asked for, setting by setting.
    pub(in crate::cli) settings: std::collections::BTreeMap<String, String>,
}

/// An API key as it was.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct PastKeyRow {
    pub(in crate::cli) id: String,
    /// `publishable` or `secret`.
    pub(in crate::cli) kind: String,
    pub(in crate::cli) label: String,
    /// `good`, `expired`, `revoked`, or `waiting` for its confirmation.
    pub(in crate::cli) state: String,
    pub(in crate::cli) created: String,
    pub(in crate::cli) expires: Option<String>,
    pub(in crate::cli) revoked: Option<String>,
}

/// What changed between two moments.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct ChangesShown {
    pub(in crate::cli) from: MomentRow,
    pub(in crate::cli) to: MomentRow,
    /// How many of each kind, all of them.
    pub(in crate::cli) counts: std::collections::BTreeMap<String, u64>,
    pub(in crate::cli) changes: Page<ChangeRow>,
}

/// A change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct ChangeRow {
    /// `user-banned`, `session-ended`, …
    pub(in crate::cli) what: String,
    pub(in crate::cli) user: Option<String>,
    /// The user's address, masked.
    pub(in crate::cli) address: Option<String>,
    /// Of the session, proof, factor or key.
    pub(in crate::cli) id: Option<String>,
    /// In words.
    pub(in crate::cli) text: String,
}
