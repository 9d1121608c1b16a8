//! Why the house could not be opened, and what to do about it.

use std::io;
use std::path::PathBuf;

use crate::crypto::{KeyFault, TooWeakOrCostly};
use crate::domain::flow::Policy;
use crate::engine::{BootError, Trouble};
use crate::http::pages::LookFault;
use crate::ledger::{AnchorError, StoreError};
use crate::mail::SettingsFault;
use crate::mail::templates::TemplateFault;
use crate::system::TrustFault;

/// Trouble with opening or running the house.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// `init` was never run for this folder.
    #[error(
        "there is no ledger in {}: make one with `keyledger init --data {}`", data.display(), data.display()
    )]
    NotFounded {
        /// The data folder.
        data: PathBuf,
    },
    /// A restore was interrupted here.
    #[error(
        "a restore into {} has not ended, so that it holds only a part of a ledger: run the same `keyledger restore` \
         again, which begins anew", .0.display()
    )]
    RestoreUnfinished(PathBuf),
    /// There are keys without the ledger that they belong to.
    #[error(
        "there are keys in {}, but their ledger is not in {}: name the data folder that belongs to them, or restore the \
         ledger from a backup. To begin anew, without the users and events of the lost ledger, move both folders away and \
         run `keyledger init --data {}`", keys.display(), data.display(), data.display()
    )]
    LedgerMissing {
        /// The data folder.
        data: PathBuf,
        /// The keys' folder.
        keys: PathBuf,
    },
    /// `init` was run before.
    #[error(
        "{} holds a ledger already; nothing was changed. Start it with `keyledger serve`, or name another folder",
        data.display()
    )]
    AlreadyFounded {
        /// The data folder.
        data: PathBuf,
    },
    /// The settings name a policy that is not there.
    #[error(
        "rest.password_policy names the password policy `{name}`, which does not exist; there are: {}",
        known.join(", ")
    )]
    UnknownPolicy {
        /// What the settings say.
        name: String,
        /// The policies of the ledger.
        known: Vec<String>,
    },
    /// A key file cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyFault),
    /// The ledger cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The start failed.
    #[error(transparent)]
    Boot(#[from] BootError),
    /// The anchor cannot be used.
    #[error(transparent)]
    Anchor(#[from] AnchorError),
    /// The ledger cannot be read.
    #[error(transparent)]
    Replay(#[from] crate::ledger::ReplayError<crate::ledger::codec::CodecFault>),
    /// The cost of password hashing is out of bounds.
    #[error("passwords.memory_kib, passwords.time, passwords.parallelism: {0}")]
    Hashing(#[from] TooWeakOrCostly),
    /// The hashing threads did not start.
    #[error("the threads for password hashing could not be started: {0}")]
    Pool(#[source] io::Error),
    /// The mail settings do not work.
    #[error(transparent)]
    Mail(#[from] SettingsFault),
    /// The name of the ledger in checkpoints does not work.
    #[error("audit.origin must be 1 to 255 bytes without spaces and plus signs, such as `auth.example.org`")]
    AuditOrigin,
    /// What is said about a witness does not work.
    #[error("{0}")]
    Witness(String),
    /// A mail template does not work.
    #[error(transparent)]
    Templates(#[from] TemplateFault),
    /// Colour, logo or templates of the pages.
    #[error(transparent)]
    Look(#[from] LookFault),
    /// The authorities of range services cannot be read.
    #[error("breach.ca_file: {0}")]
    Trust(#[from] TrustFault),
    /// The authorities of receivers of events cannot be read.
    #[error("webhooks.ca_file: {0}")]
    WebhookTrust(#[source] TrustFault),
    /// The first events could not be written.
    #[error("the ledger's first events could not be written ({0:?}): try again")]
    Founding(Trouble),
    /// The listener cannot be used.
    #[error("the listening socket cannot be used: {0}")]
    Listener(#[source] io::Error),
}

impl AppError {
    pub(super) fn unknown_policy<'p>(name: &str, known: impl Iterator<Item = &'p Policy>) -> Self {
        Self::UnknownPolicy {
            name: name.to_owned(),
            known: known
                .filter(|policy| matches!(policy, Policy::Password(_)))
                .map(|policy| policy.name().to_string())
                .collect(),
        }
    }
}
