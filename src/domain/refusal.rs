//! Expected answers of *no*. Each has a fixed code that `http` maps, and no words of its own.

use super::flow::ChangeRefused;
use crate::types::{Span, Timestamp};

/// Which limit was reached.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LimitKind {
    /// Mails that one client caused.
    ClientMails,
    /// Sign-ups of one client.
    ClientSignUps,
    /// Wrong codes for one address in a day.
    Codes,
    /// Wrong sign-ins.
    SignIns,
    /// Wrong current passwords in sessions of one user.
    CurrentPassword,
    /// Wrong second factors of one user.
    SecondFactor,
    /// Removed addresses of one user that can still come back.
    AddressChanges,
}

/// A limit, and when to come back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LimitReached {
    /// Which.
    pub kind: LimitKind,
    /// Of how many.
    pub limit: u32,
    /// After how long there is room again.
    pub wait: Span,
}

/// Why a command was not carried out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// A limit was reached.
    Limited(LimitReached),
    /// The ledger takes no more from strangers today.
    Saturated,
    /// No such proof for this address: unknown, used, superseded, of another purpose or user.
    TokenNotFound,
    /// The proof is genuine and too old.
    TokenExpired,
    /// The address was proven before.
    AlreadyVerified,
    /// What the verdict was computed against has changed since; compute it again.
    Outdated,
    /// Wrong password, or nobody of that address.
    InvalidCredentials,
    /// The right password of a banned user.
    Banned,
    /// The right password, but the address must be verified first.
    EmailNotVerified,
    /// The right password, but the mailbox must be proven once after an epoch that began in distrust.
    MailboxUnproven,
    /// The current password given in a session is wrong.
    CurrentPasswordWrong,
    /// A second factor is needed, and none was given.
    FactorRequired,
    /// The second factor is wrong, or was used before.
    FactorWrong,
    /// A recovery code was given, and all of them are used.
    CodesExhausted,
    /// The factor is enrolled already.
    FactorEnabled,
    /// No invitation of this user waits.
    NotInvited,
    /// As many invitations wait as may.
    TooManyInvitations,
    /// There is no such factor, and none waits for its first code.
    FactorNotEnabled,
    /// The enrolment waited too long for its first code.
    SetupExpired,
    /// The session has ended or expired.
    SessionOver,
    /// No such session of this user.
    SessionNotFound,
    /// The refresh token is not good.
    RefreshNotFound,
    /// The address has an account.
    AddressTaken,
    /// The user has as many addresses as may be.
    TooManyAddresses,
    /// The user has no such address.
    AddressNotFound,
    /// It is the address that the user is known by: another one must take its place first.
    AddressIsPrimary,
    /// Codes of a second factor go to the address.
    AddressInUse,
    /// Only a mailbox proved the latest recovery: nothing is taken away before that time.
    Held(Timestamp),
    /// The user name has an account.
    UsernameTaken,
    /// No such user.
    UserNotFound,
    /// The user is banned, closing or gone, so this cannot be done.
    UserNotActive,
    /// No such API key.
    ApiKeyNotFound,
    /// Web pages call with publishable keys only.
    SecretKeyInBrowser,
    /// No such receiver of events.
    NoSuchWebhook,
    /// There are as many receivers of events as may be.
    TooManyWebhooks,
    /// The receiver has given up no such event, or has got it since.
    NoSuchDeadLetter,
    /// No such mail in the outbox.
    NoSuchMail,
    /// No such request waits.
    NoSuchRequest,
    /// An edit of flows, stages, bindings or policies cannot be.
    FlowChange(ChangeRefused),
    /// The ledger has been founded before.
    AlreadyFounded,
    /// Somebody else changed it since it was looked at.
    Changed,
    /// Nobody does this to themself, and no key to an administrator.
    NotAllowed,
}
