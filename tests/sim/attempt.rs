//! What somebody tries, as the oracle is told of it: whom it concerns and what was presented, never how it is done.

use keyledger::domain::{
    Actor, ApiKeyKind, Command, EpochReason, MailEnd, Purpose, password_policy::PasswordPolicy,
};
use keyledger::types::{ApiKeyId, MailId, Position, SessionId, Timestamp, TokenId, UserId};

use super::addresses::Addressed;
use super::management::Managed;

/// A person's address, by number.
pub(super) type Address = usize;

/// One thing that somebody tries.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Attempt {
    SignUp {
        address: Address,
        password: String,
    },
    Create {
        address: Address,
    },
    SignIn {
        address: Address,
        password: String,
        shown: Shown,
    },
    BeginApp {
        session: SessionId,
        password: String,
    },
    ConfirmApp {
        session: SessionId,
        shown: Shown,
    },
    RemoveApp {
        session: SessionId,
        password: String,
        shown: Shown,
    },
    RevokeFactors(UserId),
    Ask {
        address: Address,
        purpose: Purpose,
    },
    Answer {
        request: Position,
    },
    Confirm {
        proof: Presented,
        address: Address,
        password: String,
        shown: Shown,
    },
    Verify {
        proof: Presented,
        address: Address,
    },
    Disown {
        proof: Presented,
    },
    Reopen {
        proof: Presented,
    },
    Change {
        session: SessionId,
        current: String,
        password: String,
    },
    Refresh {
        session: SessionId,
        counter: u32,
    },
    EndSession {
        user: UserId,
        session: SessionId,
    },
    SignOut {
        user: UserId,
        session: SessionId,
    },
    EndSessions {
        user: UserId,
        except: Option<SessionId>,
    },
    Withdraw {
        session: SessionId,
    },
    Ban(UserId),
    Unban(UserId),
    RevokePassword(UserId),
    Erase(UserId),
    EraseDue(UserId),
    RenewClosing(UserId),
    AdminRecovery(UserId),
    NewKey(ApiKeyKind),
    TouchKey(ApiKeyId),
    ConfirmKey(ApiKeyId),
    RevokeKey(ApiKeyId),
    SavePolicy(PasswordPolicy),
    Manage(Managed),
    Address(Addressed),
    NewEpoch,
    AcceptClock,
    Delivered {
        queued: Position,
        mail: MailId,
    },
    Deferred {
        queued: Position,
        mail: MailId,
        next: Timestamp,
    },
    Ended {
        queued: Position,
        mail: MailId,
        cause: MailEnd,
    },
}

/// What somebody shows of an authenticator app.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shown {
    Nothing,
    /// Digits that are no code of it.
    Wrong,
    /// Its code of a time step.
    Right(u64),
}

/// A proof that somebody presents.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Presented {
    /// The secret of a link that was mailed or handed over.
    Link(TokenId),
    /// The code that belongs to it.
    Code(TokenId),
    /// Something made up.
    Nonsense,
}

impl Presented {
    pub(super) fn token(self) -> Option<TokenId> {
        match self {
            Self::Link(token) | Self::Code(token) => Some(token),
            Self::Nonsense => None,
        }
    }
}

impl Attempt {
    /// The command of an attempt that needs no keys, no hash and no secret.
    pub(super) fn command(&self) -> Option<Command> {
        let by = Actor::Operator;
        Some(match self {
            Self::EndSession { user, session } => Command::EndSession {
                user: *user,
                session: *session,
                by: Actor::User(*user),
                origin: None,
            },
            Self::SignOut { user, session } => Command::SignOut {
                user: *user,
                session: *session,
                origin: None,
            },
            Self::EndSessions { user, except } => Command::EndSessions {
                user: *user,
                except: *except,
                by: Actor::User(*user),
                origin: None,
            },
            Self::Ban(user) => Command::BanUser { user: *user, by },
            Self::Unban(user) => Command::UnbanUser { user: *user, by },
            Self::RevokePassword(user) => Command::RevokePassword { user: *user, by },
            Self::Erase(user) => Command::EraseUser { user: *user, by },
            Self::EraseDue(user) => Command::EraseDue { user: *user },
            Self::TouchKey(key) => Command::TouchApiKey { key: *key },
            Self::ConfirmKey(key) => Command::ConfirmApiKey { key: *key, by },
            Self::RevokeKey(key) => Command::RevokeApiKey { key: *key, by },
            Self::SavePolicy(policy) => Command::SavePolicy {
                policy: policy.clone(),
                by,
            },
            Self::Manage(managed) => return managed.command(),
            Self::NewEpoch => Command::StartEpoch {
                reason: EpochReason::KeyTheft,
                erase: vec![],
            },
            Self::Delivered { queued, .. } => Command::MailDelivered {
                queued: *queued,
                attempt: 1,
                status: 250,
            },
            Self::Deferred { queued, next, .. } => Command::MailDeferred {
                queued: *queued,
                attempt: 1,
                status: 451,
                step: 2,
                next: *next,
            },
            Self::Ended { queued, cause, .. } => Command::MailEnded {
                queued: *queued,
                attempt: 1,
                status: 550,
                step: 2,
                cause: *cause,
            },
            Self::SignUp { .. }
            | Self::Create { .. }
            | Self::SignIn { .. }
            | Self::Ask { .. }
            | Self::Answer { .. }
            | Self::Confirm { .. }
            | Self::Verify { .. }
            | Self::Disown { .. }
            | Self::Reopen { .. }
            | Self::Change { .. }
            | Self::Refresh { .. }
            | Self::Withdraw { .. }
            | Self::AdminRecovery(_)
            | Self::NewKey(_)
            | Self::RenewClosing(_)
            | Self::BeginApp { .. }
            | Self::ConfirmApp { .. }
            | Self::RemoveApp { .. }
            | Self::RevokeFactors(_)
            | Self::Address(_)
            | Self::AcceptClock => return None,
        })
    }
}
