//! What a door is told when something did not work.

use crate::crypto::Busy;
use crate::domain::Refusal;
use crate::domain::password_policy::Rule;

/// Why a request was not carried out.
#[derive(Clone, PartialEq, Debug)]
pub enum Fault {
    /// The law says no.
    Refused(Refusal),
    /// The new password breaks these rules of the policy.
    PasswordFormat(Vec<Rule>),
    /// The new password equals the current one.
    SameAsPrevious,
    /// The new password is in the leaked set.
    WeakPassword,
    /// The same wrong value came again and again.
    Repeated,
    /// Queues or hashing are full.
    Overloaded,
    /// The server is stopping.
    Stopped,
}

impl From<Busy> for Fault {
    fn from(_: Busy) -> Self {
        Self::Overloaded
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Why a bearer token opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccessFault {
    /// Not one of ours.
    Invalid,
    /// Ours, and too old.
    Expired,
    /// Ours, and its session has ended or expired.
    SessionOver,
    /// Ours, and its account is gone.
    AccountGone,
}
