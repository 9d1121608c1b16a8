//! How a command ends: the exit code, and a failure that says what, where and what to do.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};

use crate::app::{AppError, RestoreError};
use crate::config::Problems;
use crate::crypto::KeyBackupFault;
use crate::desk::Fault;
use crate::domain::Refusal;
use crate::engine::{BootError, CompactError};
use crate::ledger::backup::BackupError;
use crate::ledger::{ReplayError, StoreError};

/// What `--help` says about exit codes.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0   done
  1   the answer is no, or a check failed
  2   wrong arguments or configuration; for `verify` and `restore`: could not tell
  69  the ledger cannot be used: another process holds it, or it does not open
  75  too much to do, or stopping: the same command may work later

A command that needs the ledger asks the running server through keyledger.sock in the
data directory, and opens the ledger itself when no server runs.";

/// How a command ended, in the spirit of sysexits(3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// It was done.
    Done,
    /// The answer is no, or a check failed.
    No,
    /// The arguments or the configuration are wrong, or a check could not tell.
    Usage,
    /// The ledger cannot be used.
    Unavailable,
    /// The same command may work later.
    Later,
}

impl Exit {
    /// The code for the shell.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::No => 1,
            Self::Usage => 2,
            Self::Unavailable => 69,
            Self::Later => 75,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Which exit a failure leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FailureKind {
    /// The answer is no.
    Refused,
    /// Arguments or configuration are wrong.
    Usage,
    /// The ledger cannot be used.
    Unavailable,
    /// It may work later.
    Later,
}

/// Why a command came to nothing: what, which field, what to do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// What kind.
    pub code: FailureKind,
    /// What failed, one sentence without a full stop.
    pub message: String,
    /// The argument or setting that is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The single problems, if there may be several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

impl Failure {
    fn new(code: FailureKind, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            field: None,
            remedy: None,
            problems: vec![],
        }
    }

    /// The answer is no.
    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Refused, message)
    }

    /// Arguments or configuration are wrong.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Usage, message)
    }

    /// The ledger cannot be used.
    pub(super) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Unavailable, message)
    }

    /// It may work later.
    pub(super) fn later(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Later, message)
    }

    /// A value that cannot be read.
    pub(super) fn value(field: &str, fault: impl std::fmt::Display) -> Self {
        Self::usage(fault.to_string()).field(field)
    }

    pub(super) fn field(mut self, field: &str) -> Self {
        self.field = Some(field.to_owned());
        self
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// How the command ends.
    pub fn exit(&self) -> Exit {
        match self.code {
            FailureKind::Refused => Exit::No,
            FailureKind::Usage => Exit::Usage,
            FailureKind::Unavailable => Exit::Unavailable,
            FailureKind::Later => Exit::Later,
        }
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        let count = problems.0.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        let mut failure = Self::usage(format!("the configuration has {count} {noun}"));
        failure.problems = problems.0.iter().map(ToString::to_string).collect();
        failure
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(refusal) => refused(refusal),
            Fault::Overloaded | Fault::Repeated => {
                Self::later("too much waits to be written").remedy("try again in a few seconds")
            }
            Fault::Stopped => Self::later("the ledger has just been closed")
                .remedy("try again; if it stays so, the server's log says why its writer stopped"),
            Fault::PasswordFormat(_) | Fault::SameAsPrevious | Fault::WeakPassword => {
                Self::refused("the password policy refuses that password")
            }
        }
    }
}

fn refused(refusal: Refusal) -> Failure {
    let no = |what: &str| Failure::refused(what);
    match refusal {
        Refusal::AddressTaken => no("this address has an account")
            .field("email")
            .remedy("`keyledger user show` with the address shows it"),
        Refusal::UsernameTaken => no("this user name has an account").field("--username"),
        Refusal::UserNotFound => no("there is no such user")
            .field("user")
            .remedy("`keyledger user list` shows all; name them by id, address or user name"),
        Refusal::UserNotActive => no("the user is banned, or their account is closing")
            .field("user")
            .remedy("`keyledger user show` tells which; `keyledger user unban` ends a ban"),
        Refusal::SessionNotFound | Refusal::SessionOver => no("there is no such live session")
            .field("session")
            .remedy("`keyledger session list USER` shows those of a user"),
        Refusal::ApiKeyNotFound => no("there is no such API key")
            .field("key")
            .remedy("`keyledger key list` shows all"),
        Refusal::Changed => Failure::later("somebody else changed the same thing since you looked")
            .remedy("look at it, and run the command again"),
        Refusal::NotAllowed => no(
            "administrators do not do this to themselves, and keys neither to administrators nor to where mails go",
        ),
        Refusal::SecretKeyInBrowser => {
            no("a secret key has no origins: whoever opens the page could read it")
                .field("key")
                .remedy("use a publishable key; `keyledger key create` makes one")
        }
        Refusal::AlreadyFounded => no("the ledger has been made before; nothing was changed"),
        Refusal::Limited(limit) => {
            let wait = limit.wait.seconds_up();
            Failure::later("a limit is reached").remedy(format!("try again in {wait} seconds"))
        }
        Refusal::Outdated => Failure::later("somebody else changed the same thing at this moment")
            .remedy("look at it, and run the command again"),
        Refusal::Saturated => {
            Failure::later("the ledger takes no more from strangers today").remedy("try again later")
        }
        Refusal::FlowChange(refused) => no(refused.fault.remedy()).field(refused.fault.field()),
        Refusal::FactorNotEnabled => no("this user has no such second factor")
            .field("user")
            .remedy("`keyledger user factor list USER` shows those of a user"),
        Refusal::NotInvited => no("no invitation of this user waits")
            .field("user")
            .remedy("`keyledger user invitations` shows those that wait"),
        Refusal::TooManyInvitations => no("as many invitations wait as may")
            .remedy("take back what nobody will come by: `keyledger user uninvite`"),
        Refusal::TokenNotFound
        | Refusal::FactorRequired
        | Refusal::FactorWrong
        | Refusal::CodesExhausted
        | Refusal::FactorEnabled
        | Refusal::SetupExpired
        | Refusal::TokenExpired
        | Refusal::AlreadyVerified
        | Refusal::InvalidCredentials
        | Refusal::Banned
        | Refusal::EmailNotVerified
        | Refusal::MailboxUnproven
        | Refusal::CurrentPasswordWrong
        | Refusal::TooManyAddresses
        | Refusal::AddressNotFound
        | Refusal::AddressIsPrimary
        | Refusal::AddressInUse
        | Refusal::Held(_)
        | Refusal::RefreshNotFound
        | Refusal::NoSuchMail
        | Refusal::NoSuchWebhook
        | Refusal::TooManyWebhooks
        | Refusal::NoSuchDeadLetter
        | Refusal::NoSuchRequest => Failure::refused(format!("the ledger refuses it ({refusal:?})")),
    }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        let message = error.to_string();
        match error {
            AppError::NotFounded { .. } | AppError::AlreadyFounded { .. } => Self::refused(message),
            AppError::UnknownPolicy { .. }
            | AppError::Hashing(_)
            | AppError::Mail(_)
            | AppError::Templates(_)
            | AppError::Look(_)
            | AppError::AuditOrigin
            | AppError::Witness(_)
            | AppError::Trust(_)
            | AppError::WebhookTrust(_)
            | AppError::Listener(_) => Self::usage(message),
            AppError::LedgerMissing { .. }
            | AppError::RestoreUnfinished(_)
            | AppError::Keys(_)
            | AppError::Store(_)
            | AppError::Boot(_)
            | AppError::Anchor(_)
            | AppError::Replay(_)
            | AppError::Pool(_) => Self::unavailable(message),
            AppError::Founding(_) => Self::later(message),
        }
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let message = error.to_string();
        if error.is_damage() {
            return Self::refused(message);
        }
        match error {
            BackupError::Ledger(_) => Self::unavailable(message),
            BackupError::Full { .. } | BackupError::Busy(_) | BackupError::Interrupted => {
                Self::later(message)
            }
            BackupError::NoBoundary { .. } | BackupError::NotAFolder(_) => {
                Self::usage(message).field("--since")
            }
            BackupError::File { .. }
            | BackupError::Exists(_)
            | BackupError::None(_)
            | BackupError::ReadBack { .. }
            | BackupError::Damaged { .. }
            | BackupError::Gap { .. }
            | BackupError::Foreign { .. } => Self::usage(message),
        }
    }
}

impl From<CompactError> for Failure {
    fn from(error: CompactError) -> Self {
        let message = error.to_string();
        match error {
            CompactError::Store(StoreError::Compacting | StoreError::Copy { .. }) | CompactError::Stopped => {
                Self::later(message)
            }
            CompactError::Store(_)
            | CompactError::Record { .. }
            | CompactError::Event { .. }
            | CompactError::Differs => Self::unavailable(message),
            CompactError::Nothing => Self::usage(message),
        }
    }
}

impl From<KeyBackupFault> for Failure {
    fn from(fault: KeyBackupFault) -> Self {
        Self::usage(fault.to_string())
    }
}

impl From<RestoreError> for Failure {
    fn from(error: RestoreError) -> Self {
        let message = error.to_string();
        match error {
            RestoreError::Backup(error) => error.into(),
            RestoreError::App(error) => error.into(),
            RestoreError::Erasures(_) => Self::usage(message).field("--erasures"),
            RestoreError::Keys(fault) => Self::from(fault).field("--keys"),
            RestoreError::NoKeys(_) | RestoreError::WrongKeys { .. } => Self::usage(message).field("--keys"),
            RestoreError::SharedKeys { .. } => Self::usage(message).field("--keys-dir"),
            RestoreError::NotEmpty { .. } => Self::usage(message).field("--data"),
            RestoreError::Unsound(_) | RestoreError::KeySet(_) => Self::refused(message),
            RestoreError::Ends { .. } | RestoreError::NotClosed => Self::unavailable(message),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::unavailable(error.to_string())
    }
}

/// Whether an error shows that the ledger is not what was written, rather than that it could not be looked at.
pub(super) fn shows_damage(error: &AppError) -> bool {
    match error {
        AppError::Store(error)
        | AppError::Boot(BootError::Store(error) | BootError::Replay(ReplayError::Store(error)))
        | AppError::Replay(ReplayError::Store(error)) => is_damage(error),
        AppError::Boot(
            BootError::Replay(_) | BootError::Lost(_) | BootError::Revived(_) | BootError::Gone,
        )
        | AppError::Replay(_)
        | AppError::LedgerMissing { .. } => true,
        AppError::Boot(
            BootError::Anchor(_)
            | BootError::Erasures(_)
            | BootError::UnknownScheme { .. }
            | BootError::KeyringTooOld { .. }
            | BootError::Rewrap(_)
            | BootError::Thread(_)
            | BootError::Epoch(_),
        )
        | AppError::NotFounded { .. }
        | AppError::RestoreUnfinished(_)
        | AppError::AlreadyFounded { .. }
        | AppError::UnknownPolicy { .. }
        | AppError::Hashing(_)
        | AppError::Mail(_)
        | AppError::Templates(_)
        | AppError::Look(_)
        | AppError::AuditOrigin
        | AppError::Witness(_)
        | AppError::Trust(_)
        | AppError::WebhookTrust(_)
        | AppError::Listener(_)
        | AppError::Keys(_)
        | AppError::Anchor(_)
        | AppError::Pool(_)
        | AppError::Founding(_) => false,
    }
}

/// Whether the store shows that its contents are not what was written; all its other errors are about reaching them.
pub(super) fn is_damage(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Beyond { .. }
            | StoreError::Gap { .. }
            | StoreError::Ended { .. }
            | StoreError::Misplaced { .. }
            | StoreError::Frame { .. }
            | StoreError::Chain { .. }
    )
}
