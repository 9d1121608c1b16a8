//! The parts of state as a snapshot keeps them, field by field.
//!
//! Each struct is taken apart and put together by name, so a new field does not compile until it is here; and a change
//! of what is here fails a test until [`SCHEMA`] is another number. There is one schema only: a snapshot of another is
//! skipped, and state is folded from the events instead.

use std::collections::BTreeMap;
use std::sync::Arc;

use bincode::de::BorrowDecoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::serde::Compat;
use bincode::{Decode, Encode};

use super::super::stored::Stored;
use super::kept::{Kept, put_all};
use crate::domain::flow::{Binding, BoundFlow, ExpressionPolicy, Flow, Flows, Placed, Policy, Stage};
use crate::domain::password_policy::PasswordPolicy;
use crate::domain::{
    Actor, Address, ApiKey, ApiKeyKind, Candidate, CheckpointKey, Contested, Credential, Due, Epoch,
    FactorKind, FactorMailbox, Factors, Guard, Invitation, KeyPurpose, Leaving, Mail, MailKind, MailboxBegun,
    Objection, ObjectionAbout, Purpose, Rare, Recovered, RecoveryCodes, Role, Safeguards, Session, Small,
    Standing, StrangerClass, StrangerEntry, StrangerSet, Token, TokenStanding, Totp, TotpBegun, Unfinished,
    User, Webhook, WebhookForm, Webhooks, Window,
};
use crate::types::{
    AddressId, CredentialId, FactorId, Few, Locale, MailId, Position, PublicKey, Sealed, SealedConfig,
    SessionId, Tag, Timestamp, TokenId, UserId, WebOrigins,
};

/// The number of the forms below. Another number for every change of what they write.
pub const SCHEMA: u16 = 6;

/// Those with a form in the ledger: the same one.
macro_rules! as_in_events {
    ($($type:ty),*) => {$(
        impl Kept for $type {
            fn put<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
                Compat(self.store()).encode(to)
            }
            fn take<'de, D: BorrowDecoder<'de>>(from: &mut D) -> Result<Self, DecodeError> {
                let Compat(form) = <Compat<<$type as Stored>::Form> as Decode<D::Context>>::decode(from)?;
                Self::load(form).ok_or(DecodeError::Other("a value that no release wrote"))
            }
        }
    )*};
}
as_in_events!(
    Role,
    Locale,
    ApiKeyKind,
    WebOrigins,
    Purpose,
    MailKind,
    Actor,
    PasswordPolicy,
    FactorKind,
    ObjectionAbout,
    Flow,
    Binding,
    Stage,
    ExpressionPolicy,
    KeyPurpose,
    SealedConfig,
    WebhookForm
);

macro_rules! coded {
    ($($type:ident { $($code:literal => $variant:ident),* $(,)? })*) => {$(
        impl Kept for $type {
            fn put<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
                let code: u8 = match self { $(Self::$variant => $code),* };
                code.put(to)
            }
            fn take<'de, D: BorrowDecoder<'de>>(from: &mut D) -> Result<Self, DecodeError> {
                match u8::take(from)? {
                    $($code => Ok(Self::$variant),)*
                    _ => Err(DecodeError::Other("a value that no release wrote")),
                }
            }
        }
    )*};
}
coded! {
    TokenStanding { 1 => Live, 2 => Spent, 3 => Superseded }
    StrangerClass {
        1 => ClientMails, 2 => ClientSignUps, 3 => Codes, 4 => SignIns, 5 => SignInsHour, 6 => NamedMailbox,
        7 => Usernames,
    }
}

impl Kept for Standing {
    fn put<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        match self {
            Self::Active => 1_u8.put(to),
            Self::Banned => 2_u8.put(to),
            Self::Closing(until) => (3_u8, *until).put(to),
        }
    }
    fn take<'de, D: BorrowDecoder<'de>>(from: &mut D) -> Result<Self, DecodeError> {
        match u8::take(from)? {
            1 => Ok(Self::Active),
            2 => Ok(Self::Banned),
            3 => Timestamp::take(from).map(Self::Closing),
            _ => Err(DecodeError::Other("a value that no release wrote")),
        }
    }
}

impl Kept for Arc<Flows> {
    fn put<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        put_all(self.flows(), to)?;
        put_all(self.stages(), to)?;
        put_all(self.policies(), to)?;
        self.changed().put(to)
    }
    fn take<'de, D: BorrowDecoder<'de>>(from: &mut D) -> Result<Self, DecodeError> {
        let (flows, stages): (Vec<BoundFlow>, Vec<Placed<Stage>>) = Kept::take(from)?;
        let (policies, changed): (Vec<Placed<Policy>>, Position) = Kept::take(from)?;
        Ok(Self::new(Flows::kept(flows, stages, policies, changed)))
    }
}

impl Kept for Arc<Webhooks> {
    fn put<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        self.all().put(to)
    }
    fn take<'de, D: BorrowDecoder<'de>>(from: &mut D) -> Result<Self, DecodeError> {
        Kept::take(from).map(|all| Self::new(Webhooks::kept(all)))
    }
}

impl<T: Kept> Kept for Placed<T> {
    fn put<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        self.value.put(to)?;
        self.changed.put(to)
    }
    fn take<'de, D: BorrowDecoder<'de>>(from: &mut D) -> Result<Self, DecodeError> {
        let (value, changed) = Kept::take(from)?;
        Ok(Self { value, changed })
    }
}

impl Kept for Policy {
    fn put<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        match self {
            Self::Password(policy) => {
                1_u8.put(to)?;
                policy.put(to)
            }
            Self::Expression(policy) => {
                2_u8.put(to)?;
                policy.put(to)
            }
        }
    }
    fn take<'de, D: BorrowDecoder<'de>>(from: &mut D) -> Result<Self, DecodeError> {
        match u8::take(from)? {
            1 => PasswordPolicy::take(from).map(Self::Password),
            2 => ExpressionPolicy::take(from).map(Self::Expression),
            _ => Err(DecodeError::Other("a value that no release wrote")),
        }
    }
}

impl Kept for StrangerSet {
    fn put<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        self.entries().to_vec().put(to)
    }
    fn take<'de, D: BorrowDecoder<'de>>(from: &mut D) -> Result<Self, DecodeError> {
        Self::from_entries(Kept::take(from)?).ok_or(DecodeError::Other("more strangers than a set holds"))
    }
}

macro_rules! kept {
    ($($type:ident { $($field:ident: $kind:ty),* $(,)? })*) => {
        $(impl Kept for $type {
            fn put<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
                let Self { $($field),* } = self;
                $(<$kind as Kept>::put($field, to)?;)*
                Ok(())
            }
            fn take<'de, D: BorrowDecoder<'de>>(from: &mut D) -> Result<Self, DecodeError> {
                Ok(Self { $($field: <$kind as Kept>::take(from)?),* })
            }
        })*

        /// What the forms are, in words.
        #[cfg(test)]
        pub(super) const FORMS: &[&str] = &[$(stringify!($type { $($field: $kind),* })),*];
    };
}
kept! {
    Small { next: Position, last_time: Timestamp, epoch: Epoch, stranger_day: Window, stranger_burst: Window, checkpoint_key: Option<CheckpointKey>, flows: Arc<Flows>, rotated: Few<(KeyPurpose, u32)>, backup_told: Option<Timestamp>, checkpoint_mailed: Option<Timestamp>, webhooks: Arc<Webhooks> }
    BoundFlow { flow: Flow, bindings: BTreeMap<u16, Binding>, changed: Position }
    CheckpointKey { id: u32, public: PublicKey, epoch: u32 }
    Epoch { number: u32, valid_from: Position, trusted_from: Position }
    Window { start: Timestamp, count: u32 }
    User {
        role: Role, standing: Standing, locale: Locale, name: Option<Sealed>, addresses: Few<Address>,
        credential: Option<Credential>, valid_from: Position, proven: Position, created: Timestamp, updated: Timestamp,
        last_login: Option<Timestamp>, sessions: Few<SessionId>, tokens: Few<TokenId>,
        known: Few<(Tag, Timestamp)>, rare: Option<Box<Rare>>,
    }
    Rare { username: Option<Sealed>, past: Few<Credential> }
    Address { id: AddressId, sealed: Sealed, verified: Option<Timestamp> }
    Credential { id: CredentialId, verifier: Sealed, set: Timestamp }
    Guard {
        sign_ins: Vec<(Tag, u16, Timestamp)>, sign_ins_hour: Window, mails_hour: Window, mails_day: Window,
        codes_day: Window, reserve_mails: Window, reserve_codes: Window, current_password: Window,
        refused_passwords: Window, factors: Window, mailed_codes: Window, factor_notices: Window, new_sign_ins: Window,
    }
    Session {
        user: UserId, position: Position, created: Timestamp, active: Timestamp, expires: Timestamp,
        ends: Timestamp, counter: u32, refresh_key: u32, origin: Sealed,
    }
    Token {
        user: UserId, address: AddressId, purpose: Purpose, credential: Option<CredentialId>, position: Position,
        issued: Timestamp, expires: Timestamp, link_key: u32, code_key: u32, standing: TokenStanding, tries: u16,
        refusals: u16, by: Actor, callback: Option<Box<Sealed>>,
    }
    Due { address: AddressId, purpose: Purpose, locale: Locale, origin: Sealed, callback: Option<Sealed> }
    Mail {
        id: MailId, kind: MailKind, user: UserId, address: AddressId, token: Option<TokenId>, locale: Locale,
        details: Sealed, queued: Timestamp, attempts: u16, next: Timestamp, status: u16,
    }
    ApiKey {
        kind: ApiKeyKind, hash: [u8; 32], hash_key: u32, label: String, created: Timestamp,
        expires: Option<Timestamp>, revoked: Option<Timestamp>, confirmed: Position, used: Option<Timestamp>,
        origins: WebOrigins,
    }
    Factors {
        totp: Option<Totp>, mailbox: Option<FactorMailbox>, codes: Option<RecoveryCodes>,
        totp_begun: Option<TotpBegun>, mailbox_begun: Option<MailboxBegun>,
        proved: Few<(SessionId, FactorKind, Timestamp)>,
    }
    Totp { id: FactorId, seed: Sealed, step: u64, since: Timestamp }
    FactorMailbox { id: FactorId, address: AddressId, sealed: Option<Sealed>, since: Timestamp }
    RecoveryCodes { set: FactorId, hashes: Sealed, used: u16, position: Position, since: Timestamp }
    TotpBegun { id: FactorId, seed: Sealed, session: SessionId, expires: Timestamp }
    MailboxBegun {
        id: FactorId, address: AddressId, sealed: Option<Sealed>, session: SessionId, token: TokenId,
    }
    Unfinished { since: Timestamp, origin: Sealed }
    Invitation { token: TokenId, since: Timestamp, expires: Timestamp, by: Actor }
    Safeguards {
        candidate: Option<Candidate>, leaving: Few<Leaving>, objections: Few<Objection>,
        recovered: Option<Recovered>, contested: Option<Contested>,
    }
    Candidate { address: AddressId, sealed: Sealed, session: SessionId, token: TokenId, expires: Timestamp }
    Leaving { address: AddressId, sealed: Sealed, verified: Option<Timestamp>, until: Timestamp }
    Objection {
        id: TokenId, about: ObjectionAbout, link_key: u32, mailbox: Option<AddressId>, position: Position,
        at: Timestamp, expires: Timestamp, addresses: Few<AddressId>,
    }
    Recovered { position: Position, at: Timestamp, alone: bool }
    Contested { address: AddressId, until: Timestamp }
    Webhook {
        form: WebhookForm, secret: SealedConfig, previous: Option<(SealedConfig, Timestamp)>, created: Timestamp,
        changed: Position, cursor: Position, dead: Vec<Position>,
    }
    StrangerEntry { tag: Tag, class: StrangerClass, window: Window, last: Timestamp, touched: Position }
}
