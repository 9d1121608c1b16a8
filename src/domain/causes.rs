//! Why things happened.

use crate::types::TokenId;

/// Why a password was set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PasswordCause {
    /// It is the first.
    SignUp,
    /// The user knew the old one.
    Changed,
    /// The user proved a mailbox.
    Recovered(TokenId),
}

/// Why a sign-in failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FailCause {
    /// Wrong password, or nobody of that address.
    WrongPassword,
    /// Right password of a banned user.
    Banned,
    /// Right password of a user whose account is closing.
    Closing,
    /// Right password, but the address was never verified and settings demand it.
    Unverified,
    /// Right password, but the mailbox is to be proven once after an epoch that began in distrust.
    MailboxUnproven,
    /// Right password, and no second factor, which this user has.
    FactorMissing,
}

/// Why a genuine proof was not followed by a new password.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RefusedCause {
    /// It was too old.
    Expired,
    /// The new password breaks the policy.
    Format,
    /// The new password is the old one.
    SameAsPrevious,
    /// The new password is in the leaked set.
    Leaked,
    /// It was used before, or a newer one had taken its place.
    Reused,
}

/// Why sessions ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EndCause {
    /// The user signed out.
    SignedOut,
    /// The user ended it from another session.
    EndedByUser,
    /// An administrator ended it.
    EndedByAdmin,
    /// A newer one took its place: a user has so many at most.
    Displaced,
    /// The password was changed.
    PasswordChanged,
    /// The password was recovered.
    Recovered,
    /// A refresh token came back that had been replaced.
    Replayed,
    /// The user was banned.
    Banned,
    /// The account is closing.
    Closing,
    /// The password was revoked.
    PasswordRevoked,
}

/// Why a request led to no mail.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DropCause {
    /// The account may not be recovered now: banned, closing, gone.
    AccountNotActive,
    /// There is nothing to prove any more.
    NothingToDo,
    /// An epoch ended in between.
    EpochEnded,
}
