//! What can be asked over the socket, and what comes back.

use serde::{Deserialize, Serialize};

use super::blueprints::{BlueprintForm, BlueprintShown};
use super::importing::{ImportForm, ImportShown};
use super::inviting::{InvitationRow, InviteForm};
use super::past::{PastForm, PastShown};
use super::policies::{OnlineCheckForm, OnlineCheckShown};
use super::told::{EventRow, EventsForm, EventsShown, ExplainForm, StoriesShown};
use crate::cli::exit::Failure;

/// A request, one line of JSON: its name and what belongs to it. Users are named by id, address or user name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::cli) enum Request {
    CreateUser(NewUserForm),
    ListUsers {
        skip: u32,
        take: u32,
    },
    ShowUser {
        user: String,
    },
    BanUser {
        user: String,
    },
    UnbanUser {
        user: String,
    },
    RevokePassword {
        user: String,
    },
    EraseUser {
        user: String,
    },
    Recover {
        user: String,
        minutes: u32,
    },
    ImportUsers(ImportForm),
    Invite(InviteForm),
    InviteAgain {
        user: String,
        days: u32,
    },
    TakeInvitationBack {
        user: String,
    },
    ListInvitations {
        skip: u32,
        take: u32,
    },
    ListFactors {
        user: String,
    },
    /// Takes away one kind of second factor, or all.
    RemoveFactors {
        user: String,
        kind: Option<String>,
    },
    ListSessions {
        user: String,
    },
    /// Ends one session, or all of a user.
    EndSessions {
        session: Option<String>,
        user: Option<String>,
    },
    CreateKey {
        kind: String,
        label: String,
        days: Option<u32>,
    },
    ListKeys,
    ConfirmKey {
        key: String,
    },
    /// These take the place of those before.
    NameKeyOrigins {
        key: String,
        origins: Vec<String>,
    },
    RevokeKey {
        key: String,
    },
    Outbox {
        take: u32,
    },
    Events(EventsForm),
    /// Answered with one event after the other, until one side ends it.
    Follow(EventsForm),
    Explain(ExplainForm),
    Past(PastForm),
    Verify,
    AcceptClock,
    AuditCheckpoint,
    AuditProof {
        position: u64,
    },
    AuditShow {
        position: u64,
    },
    /// `file` is absolute, and is written by whoever answers.
    AuditExport {
        file: String,
        from: Option<u64>,
        to: Option<u64>,
    },
    ShowEpoch,
    SetOnlineCheck(OnlineCheckForm),
    Blueprint(BlueprintForm),
    StartEpoch {
        reason: String,
    },
    ListRing,
    RotateKey {
        purpose: String,
    },
    ReplaceMasterKey,
    Compact,
    Backup {
        /// A folder, or a file that is not there; absolute.
        to: String,
        since: BackupSince,
    },
}

/// Where a backup begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BackupSince {
    /// At position 0.
    Beginning,
    /// At this position.
    Position(u64),
    /// Where the newest one of the folder ends.
    Auto,
}

/// Somebody to register, as typed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct NewUserForm {
    pub(in crate::cli) email: String,
    pub(in crate::cli) role: String,
    pub(in crate::cli) name: Option<String>,
    pub(in crate::cli) username: Option<String>,
    pub(in crate::cli) locale: String,
}

/// An answer, one line of JSON: its name and its body, which `--json` prints. No `Debug`: it may hold a secret that is shown once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) enum Answer {
    UserCreated(UserRow),
    User(UserRow),
    Users(Page<UserRow>),
    Banned(UserRow),
    Unbanned(UserRow),
    PasswordRevoked(UserRow),
    Erased {
        id: String,
    },
    Recovery(RecoveryShown),
    Imported(ImportShown),
    Invited(InvitationRow),
    Invitations(Page<InvitationRow>),
    InvitationTaken {
        id: String,
    },
    Factors(Page<FactorRow>),
    FactorsRemoved(UserRow),
    Sessions(Page<SessionRow>),
    SessionsEnded {
        ended: u32,
    },
    KeyCreated(NewKey),
    Keys(Page<KeyRow>),
    KeyConfirmed {
        id: String,
    },
    KeyOriginsNamed {
        id: String,
        origins: Vec<String>,
    },
    KeyRevoked {
        id: String,
    },
    Outbox(Page<MailRow>),
    Events(EventsShown),
    /// One of those that are followed.
    Event(EventRow),
    Stories(StoriesShown),
    Past(Box<PastShown>),
    Verified(Verdict),
    Clock {
        status: String,
        was: String,
    },
    Epoch(EpochShown),
    Checkpoint(CheckpointShown),
    Proof {
        position: u64,
        proof: String,
        key: String,
    },
    Record(RecordShown),
    Exported(ExportShown),
    OnlineCheck(OnlineCheckShown),
    Blueprint(BlueprintShown),
    EpochStarted(EpochShown),
    Ring(Page<RingKeyRow>),
    KeyRotated(RotatedShown),
    MasterKeyReplaced(MasterReplacedShown),
    BackedUp(BackupRow),
    Compacted(CompactedRow),
    /// The answer comes later; this is how far it is.
    Progress(ProgressRow),
    Failed(Failure),
}

/// A signed checkpoint.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct CheckpointShown {
    /// The signed note.
    pub(in crate::cli) checkpoint: String,
    /// The key that signed it, as auditors are handed it.
    pub(in crate::cli) key: String,
    pub(in crate::cli) size: u64,
}

/// One record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct RecordShown {
    /// What it holds, told.
    pub(in crate::cli) event: EventRow,
    /// Its hash in the tree, in hexadecimal digits.
    pub(in crate::cli) leaf: String,
    /// Its bytes, in hexadecimal digits.
    pub(in crate::cli) record: String,
}

/// An export that was written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct ExportShown {
    pub(in crate::cli) file: String,
    pub(in crate::cli) bytes: u64,
    pub(in crate::cli) from: u64,
    pub(in crate::cli) to: u64,
    pub(in crate::cli) size: u64,
    /// The key that signed its checkpoint.
    pub(in crate::cli) key: String,
}

/// Some of many.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct Page<T> {
    /// How many there are.
    pub(in crate::cli) total: u64,
    /// These are shown.
    pub(in crate::cli) items: Vec<T>,
}

/// A user; times are RFC 3339.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct UserRow {
    pub(in crate::cli) id: String,
    pub(in crate::cli) email: String,
    pub(in crate::cli) email_verified: Option<String>,
    pub(in crate::cli) name: Option<String>,
    pub(in crate::cli) username: Option<String>,
    pub(in crate::cli) role: String,
    /// `active`, `banned` or `closing`.
    pub(in crate::cli) standing: String,
    /// When a closing account ends.
    pub(in crate::cli) closes: Option<String>,
    pub(in crate::cli) locale: String,
    pub(in crate::cli) has_password: bool,
    /// Their second factors: `totp`, `email`, `recovery_codes`.
    pub(in crate::cli) factors: Vec<String>,
    /// How many live sessions they have.
    pub(in crate::cli) sessions: u64,
    pub(in crate::cli) created: String,
    pub(in crate::cli) updated: String,
    pub(in crate::cli) last_login: Option<String>,
}

/// A way back in, shown once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct RecoveryShown {
    pub(in crate::cli) id: String,
    /// The whole link, if it is known where people reach this service.
    pub(in crate::cli) link: Option<String>,
    /// What the link's fragment carries.
    pub(in crate::cli) token: String,
    /// What can be typed instead.
    pub(in crate::cli) code: String,
    pub(in crate::cli) expires_in_minutes: u32,
}

/// A second factor.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct FactorRow {
    /// `totp`, `email` or `recovery_codes`.
    pub(in crate::cli) kind: String,
    pub(in crate::cli) since: String,
    /// Where codes are mailed, masked.
    pub(in crate::cli) address: Option<String>,
    /// How many recovery codes are left.
    pub(in crate::cli) left: Option<u32>,
}

/// A live session.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct SessionRow {
    pub(in crate::cli) id: String,
    pub(in crate::cli) user: String,
    pub(in crate::cli) ip: Option<String>,
    pub(in crate::cli) user_agent: Option<String>,
    pub(in crate::cli) active: String,
    pub(in crate::cli) created: String,
}

/// A new API key, shown once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct NewKey {
    pub(in crate::cli) id: String,
    pub(in crate::cli) kind: String,
    pub(in crate::cli) key: String,
}

/// An API key without its text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct KeyRow {
    pub(in crate::cli) id: String,
    pub(in crate::cli) kind: String,
    pub(in crate::cli) label: String,
    pub(in crate::cli) created: String,
    pub(in crate::cli) expires: Option<String>,
    pub(in crate::cli) revoked: Option<String>,
    /// To the day.
    pub(in crate::cli) used: Option<String>,
    /// Whether it opens nothing before `key confirm`.
    pub(in crate::cli) waiting: bool,
    /// The web pages that may call with it.
    pub(in crate::cli) origins: Vec<String>,
}

/// A key of the keyring, by name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct RingKeyRow {
    pub(in crate::cli) purpose: String,
    pub(in crate::cli) id: u32,
    pub(in crate::cli) created: String,
    /// When it gave way to the next one.
    pub(in crate::cli) retired: Option<String>,
}

/// What came of a rotation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct RotatedShown {
    pub(in crate::cli) purpose: String,
    pub(in crate::cli) old: u32,
    pub(in crate::cli) new: u32,
    /// Data keys that were wrapped anew.
    pub(in crate::cli) rewrapped: u64,
}

/// What came of replacing the master key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct MasterReplacedShown {
    /// Data keys that were wrapped anew.
    pub(in crate::cli) rewrapped: u64,
    /// Whether the settings still give the old key.
    pub(in crate::cli) wants_new_setting: bool,
}

/// The span of validity that is running.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct EpochShown {
    pub(in crate::cli) number: u32,
    /// Where it began.
    pub(in crate::cli) position: u64,
    /// When.
    pub(in crate::cli) began: String,
    /// Why: `founded`, `restored`, `rollback-accepted`, `key-theft`, `clock-reset`.
    pub(in crate::cli) reason: String,
    /// Secret API keys that open nothing before `key confirm`.
    pub(in crate::cli) keys_waiting: u64,
    /// Users whose password lets nobody in before a mailbox of theirs is proven.
    pub(in crate::cli) users_waiting: u64,
}

/// A mail that waits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct MailRow {
    pub(in crate::cli) id: String,
    /// Which template.
    pub(in crate::cli) kind: String,
    /// The address, masked.
    pub(in crate::cli) to: Option<String>,
    pub(in crate::cli) queued: String,
    pub(in crate::cli) attempts: u32,
    /// When it is tried next.
    pub(in crate::cli) next: String,
    /// Where the last try failed, as the log names it: `connect`.
    pub(in crate::cli) step: Option<String>,
    /// What the server said last (RFC 5321 §4.2); none if it said nothing.
    pub(in crate::cli) status: Option<u16>,
    /// What that means, in words.
    pub(in crate::cli) reason: Option<String>,
}

/// How far some long work is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct ProgressRow {
    /// What is being done: `writing`.
    pub(in crate::cli) doing: String,
    /// Positions or bytes that are done.
    pub(in crate::cli) done: u64,
    /// Those that there are.
    pub(in crate::cli) of: u64,
}

/// A compaction that was done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct CompactedRow {
    pub(in crate::cli) bytes_before: u64,
    pub(in crate::cli) bytes_after: u64,
    /// Events that were proven equal before the exchange.
    pub(in crate::cli) events: u64,
    /// The end of the hash chain over them, in hexadecimal digits, as the next two.
    pub(in crate::cli) chain: String,
    pub(in crate::cli) tree_root: String,
    pub(in crate::cli) state_hash: String,
    /// How long writes waited.
    pub(in crate::cli) paused_milliseconds: u64,
}

/// A backup that was made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct BackupRow {
    /// The new file; none if nothing had happened since the last.
    pub(in crate::cli) file: Option<String>,
    pub(in crate::cli) ledger: String,
    /// Its first position.
    pub(in crate::cli) from: u64,
    /// The position after its last.
    pub(in crate::cli) next: u64,
    pub(in crate::cli) records: u64,
    /// Data keys in it, wrapped, and notes of those that are gone.
    pub(in crate::cli) keys: u64,
    pub(in crate::cli) bytes: u64,
    /// Of the file, in hexadecimal digits.
    pub(in crate::cli) blake3: String,
    /// The end of the hash chain, in hexadecimal digits.
    pub(in crate::cli) chain: String,
    /// Why it holds all of the ledger although it was to continue an earlier one.
    pub(in crate::cli) fresh_start: Option<String>,
}

/// How a ledger is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) enum VerdictWord {
    Good,
    Bad,
    Unknown,
}

/// What `verify` found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct Verdict {
    #[serde(rename = "verdict")]
    pub(in crate::cli) word: VerdictWord,
    /// Events that were read.
    pub(in crate::cli) events: u64,
    /// The end of the hash chain, in hexadecimal digits.
    pub(in crate::cli) chain: Option<String>,
    /// What was found, in words.
    pub(in crate::cli) findings: Vec<String>,
}
