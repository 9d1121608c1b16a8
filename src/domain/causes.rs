//! Who, about whom, what for and why: the words that events share.

use crate::types::{AddressId, ApiKeyId, Tag, TokenId, UserId};

/// Whom a stranger's request was about: an address we know, or the day's keyed tag of one we do not.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Subject {
    /// An address of a user.
    Address(AddressId),
    /// An address of nobody, as a tag that dies with the day's key.
    Stranger(Tag),
}

/// Who did it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Actor {
    /// Somebody who proved nothing.
    Stranger,
    /// The user.
    User(UserId),
    /// An administrator at the command line of the machine.
    Operator,
    /// A secret API key.
    ApiKey(ApiKeyId),
    /// Keyledger itself: a worker, a rule.
    System,
}

/// What a mailed proof is good for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Purpose {
    /// Setting a new password.
    Recovery,
    /// Showing that an address is the user's.
    VerifyEmail,
    /// Taking back the closing of an account.
    Reopen,
    /// The second factor of a sign-in.
    SignInCode,
    /// The first code of a mailbox that is to be a second factor.
    EnrolMailbox,
    /// Showing that a further address is the user's.
    AddAddress,
    /// The first password of somebody who was invited.
    Invitation,
}

/// How a proof came back.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Via {
    /// The secret of the link.
    Link,
    /// The typed code.
    Code,
}

/// Out of which allowance a mail or a try was taken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Allowance {
    /// None: nothing is mailed.
    None,
    /// The one everybody shares.
    General,
    /// The one kept for clients that signed in as this user lately.
    Reserve,
}

/// Why an epoch began.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EpochReason {
    /// The ledger was made.
    Founded,
    /// A backup was put back.
    Restored,
    /// A loss of acknowledged events was accepted.
    RollbackAccepted,
    /// Keys may have been stolen.
    KeyTheft,
    /// The clock had run wrong.
    ClockReset,
}

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
