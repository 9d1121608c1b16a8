//! Stored forms of the values inside events: what bincode writes, apart from what the domain thinks in.
//!
//! Each enum has a table of codes here. A code, once released, is never given another meaning; new ones are added at
//! the end. Every table is exhaustive both ways, so a new variant does not compile without its code.

mod flows;
mod webhooks;

use std::fmt;

use bincode::de::BorrowDecoder;
use bincode::de::read::{BorrowReader, Reader};
use bincode::enc::Encoder;
use bincode::enc::write::Writer;
use bincode::error::{DecodeError, EncodeError};
use bincode::serde::Compat;
use bincode::{Decode, Encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::domain::password_policy::{BrokenRules, PasswordPolicy, PasswordPolicySettings};
use crate::domain::{
    Actor, Allowance, ApiKeyKind, DropCause, EndCause, EpochReason, FactorKind, FactorProof, FactorUse,
    FailCause, KeyPurpose, MailEnd, MailKind, ObjectionAbout, PasswordCause, Purpose, RefusedCause, Role,
    Subject, SuppressedClass, Via,
};
use crate::types::{
    AddressId, ApiKeyId, CredentialId, FactorId, Locale, MailId, Position, PublicKey, Sealed, SessionId,
    Signature, Span, Tag, Timestamp, TokenId, UserId, WebOrigin, WebOrigins,
};

/// What becomes of sealed bytes when they are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Seals {
    Kept,
    /// Each is read, and stands there empty.
    LeftOut,
}

/// A value with a stored form.
pub(super) trait Stored: Sized {
    /// The stored form.
    type Form: Serialize + for<'de> Deserialize<'de>;
    /// Into the stored form.
    fn store(&self) -> Self::Form;
    /// Out of it; `None` where it says something that no release ever wrote.
    fn load(form: Self::Form) -> Option<Self>;

    /// Writes the stored form. What serde would hand on byte by byte, or copy first, does so itself: the same bytes.
    fn write_to<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        Compat(self.store()).encode(to)
    }
    /// Reads it, as [`Stored::write_to`] writes it.
    fn read_from<'de, D: BorrowDecoder<'de, Context = Seals>>(from: &mut D) -> Result<Self, DecodeError> {
        let Compat(form) = <Compat<Self::Form> as Decode<Seals>>::decode(from)?;
        Self::load(form).ok_or(DecodeError::Other("a value that no release wrote"))
    }
}

/// Bytes as bincode writes a byte string, in one piece.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Raw(pub(super) Vec<u8>);

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl de::Visitor<'_> for Bytes {
            type Value = Raw;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Raw, E> {
                Ok(Raw(bytes.to_vec()))
            }
            fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Raw, E> {
                Ok(Raw(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

macro_rules! as_is {
    ($($type:ty),*) => {$(
        impl Stored for $type {
            type Form = $type;
            fn store(&self) -> $type { self.clone() }
            fn load(form: $type) -> Option<$type> { Some(form) }
        }
    )*};
}
as_is!(u8, u16, u32, u64, i64, bool, String);

macro_rules! arrays {
    ($($length:literal),*) => {$(
        impl Stored for [u8; $length] {
            type Form = Self;
            fn store(&self) -> Self { *self }
            fn load(form: Self) -> Option<Self> { Some(form) }
            fn write_to<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> { to.writer().write(self) }
            fn read_from<'de, D: BorrowDecoder<'de, Context = Seals>>(from: &mut D) -> Result<Self, DecodeError> {
                let mut bytes = [0; $length];
                from.reader().read(&mut bytes)?;
                Ok(bytes)
            }
        }
    )*};
}
arrays!(16, 32);

macro_rules! newtypes {
    ($($type:ident($form:ty)),*) => {$(
        impl Stored for $type {
            type Form = $form;
            fn store(&self) -> $form { self.0 }
            fn load(form: $form) -> Option<Self> { Some(Self(form)) }
            fn write_to<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> { self.0.write_to(to) }
            fn read_from<'de, D: BorrowDecoder<'de, Context = Seals>>(from: &mut D) -> Result<Self, DecodeError> {
                Stored::read_from(from).map(Self)
            }
        }
    )*};
}
newtypes!(
    UserId([u8; 16]),
    AddressId([u8; 16]),
    CredentialId([u8; 16]),
    SessionId([u8; 16]),
    TokenId([u8; 16]),
    FactorId([u8; 16]),
    MailId([u8; 16]),
    ApiKeyId([u8; 16]),
    PublicKey([u8; 32]),
    Tag([u8; 16]),
    Position(u64),
    Timestamp(i64),
    Span(i64)
);

impl Stored for Signature {
    /// In halves, because that is as long as serde knows arrays.
    type Form = ([u8; 32], [u8; 32]);
    fn store(&self) -> Self::Form {
        let mut halves = ([0; 32], [0; 32]);
        halves.0.copy_from_slice(&self.0[..32]);
        halves.1.copy_from_slice(&self.0[32..]);
        halves
    }
    fn load((first, second): Self::Form) -> Option<Self> {
        let mut bytes = Box::new([0; 64]);
        bytes[..32].copy_from_slice(&first);
        bytes[32..].copy_from_slice(&second);
        Some(Self(bytes))
    }
}

impl Stored for Sealed {
    type Form = Raw;
    fn store(&self) -> Raw {
        Raw(self.0.to_vec())
    }
    fn load(form: Raw) -> Option<Self> {
        Some(Self(form.0.into_boxed_slice()))
    }
    fn write_to<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        (self.0.len() as u64).encode(to)?;
        to.writer().write(&self.0)
    }
    fn read_from<'de, D: BorrowDecoder<'de, Context = Seals>>(from: &mut D) -> Result<Self, DecodeError> {
        let length = <u64 as Decode<Seals>>::decode(from)?;
        let length = usize::try_from(length).map_err(|_| DecodeError::LimitExceeded)?;
        let bytes = from.borrow_reader().take_bytes(length)?;
        Ok(Self(match from.context() {
            Seals::Kept => bytes.into(),
            Seals::LeftOut => Box::default(),
        }))
    }
}

impl<T: Stored> Stored for Option<T> {
    type Form = Option<T::Form>;
    fn store(&self) -> Self::Form {
        self.as_ref().map(Stored::store)
    }
    fn load(form: Self::Form) -> Option<Self> {
        form.map_or(Some(None), |inner| T::load(inner).map(Some))
    }
    fn write_to<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        u8::from(self.is_some()).encode(to)?;
        self.iter().try_for_each(|value| value.write_to(to))
    }
    fn read_from<'de, D: BorrowDecoder<'de, Context = Seals>>(from: &mut D) -> Result<Self, DecodeError> {
        match <u8 as Decode<Seals>>::decode(from)? {
            0 => Ok(None),
            1 => T::read_from(from).map(Some),
            _ => Err(DecodeError::Other("a choice that there is not")),
        }
    }
}

impl<T: Stored> Stored for Vec<T> {
    type Form = Vec<T::Form>;
    fn store(&self) -> Self::Form {
        self.iter().map(Stored::store).collect()
    }
    fn load(form: Self::Form) -> Option<Self> {
        form.into_iter().map(T::load).collect()
    }
}

impl<T: Stored> Stored for Box<T> {
    type Form = T::Form;
    fn store(&self) -> T::Form {
        (**self).store()
    }
    fn load(form: T::Form) -> Option<Self> {
        T::load(form).map(Self::new)
    }
}

/// Enums of a few variants as codes.
macro_rules! coded {
    ($($type:ident { $($code:literal => $variant:ident),* $(,)? })*) => {$(
        impl Stored for $type {
            type Form = u8;
            fn store(&self) -> u8 { match self { $(Self::$variant => $code),* } }
            fn load(form: u8) -> Option<Self> { match form { $($code => Some(Self::$variant),)* _ => None } }
        }
    )*};
}
use coded;

coded! {
    Role { 1 => Admin, 2 => User, 3 => Guest }
    Locale { 1 => En, 2 => Ko }
    ApiKeyKind { 1 => Publishable, 2 => Secret }
    KeyPurpose {
        1 => Jwt, 2 => Refresh, 3 => MailToken, 4 => Code, 5 => Pepper, 6 => Lookup, 7 => UserWrap, 8 => ConfigSecret,
        9 => ApiKey, 10 => Signing,
    }
    EpochReason { 1 => Founded, 2 => Restored, 3 => RollbackAccepted, 4 => KeyTheft, 5 => ClockReset }
    Purpose { 1 => Recovery, 2 => VerifyEmail, 3 => Reopen, 4 => SignInCode, 5 => EnrolMailbox, 6 => AddAddress, 7 => Invitation }
    Via { 1 => Link, 2 => Code }
    Allowance { 0 => None, 1 => General, 2 => Reserve }
    FailCause { 1 => WrongPassword, 2 => Banned, 3 => Closing, 4 => Unverified, 5 => MailboxUnproven, 6 => FactorMissing }
    RefusedCause { 1 => Expired, 2 => Format, 3 => SameAsPrevious, 4 => Leaked, 5 => Reused }
    EndCause {
        1 => SignedOut, 2 => EndedByUser, 3 => EndedByAdmin, 4 => Displaced, 5 => PasswordChanged, 6 => Recovered,
        7 => Replayed, 8 => Banned, 9 => Closing, 10 => PasswordRevoked,
    }
    DropCause { 1 => AccountNotActive, 2 => NothingToDo, 3 => EpochEnded }
    MailKind {
        1 => PasswordReset, 2 => PasswordChanged, 3 => EmailVerification, 4 => AccountExists, 5 => AccountClosing,
        6 => AdminRecovery, 7 => SessionsRevoked, 8 => Test, 9 => EmailOtp,
        10 => FactorChanged, 11 => SecondFactorFailed, 12 => AddressChanged, 13 => NewSignIn,
        30 => BackupFailed, 31 => ObjectionRaised, 40 => Checkpoint, 41 => Invitation,
    }
    MailEnd { 1 => Refused, 2 => GaveUp, 3 => Superseded, 4 => UserGone, 5 => EpochEnded }
    ObjectionAbout { 1 => Recovery, 2 => Password, 3 => Factors, 4 => Addresses, 5 => SignIn }
    FactorKind { 1 => Totp, 2 => Email, 3 => RecoveryCodes }
    FactorUse { 1 => SignIn, 2 => Recovery, 3 => Enrolment, 4 => Change }
    SuppressedClass {
        1 => Requests, 2 => SignIns, 3 => Codes, 4 => Limited, 5 => ApiKeys, 6 => ForeignTokens, 7 => DeadTokens,
    }
}

impl Stored for WebOrigins {
    type Form = Vec<String>;
    fn store(&self) -> Self::Form {
        self.iter().map(ToString::to_string).collect()
    }
    fn load(form: Self::Form) -> Option<Self> {
        let origins: Result<_, _> = form.iter().map(|text| WebOrigin::parse(text)).collect();
        let read = Self::new(origins.ok()?).ok()?;
        (read.store() == form).then_some(read)
    }
}

impl Stored for BrokenRules {
    type Form = u16;
    fn store(&self) -> u16 {
        self.bits()
    }
    fn load(form: u16) -> Option<Self> {
        Self::from_bits(form)
    }
}

impl Stored for Subject {
    type Form = (u8, [u8; 16]);
    fn store(&self) -> Self::Form {
        match self {
            Self::Address(id) => (1, id.0),
            Self::Stranger(tag) => (2, tag.0),
        }
    }
    fn load((code, id): Self::Form) -> Option<Self> {
        match code {
            1 => Some(Self::Address(AddressId(id))),
            2 => Some(Self::Stranger(Tag(id))),
            _ => None,
        }
    }
}

impl Stored for Actor {
    type Form = (u8, [u8; 16]);
    fn store(&self) -> Self::Form {
        match self {
            Self::Stranger => (1, [0; 16]),
            Self::User(id) => (2, id.0),
            Self::Operator => (3, [0; 16]),
            Self::ApiKey(id) => (4, id.0),
            Self::System => (5, [0; 16]),
        }
    }
    fn load((code, id): Self::Form) -> Option<Self> {
        match code {
            1 => Some(Self::Stranger),
            2 => Some(Self::User(UserId(id))),
            3 => Some(Self::Operator),
            4 => Some(Self::ApiKey(ApiKeyId(id))),
            5 => Some(Self::System),
            _ => None,
        }
    }
}

impl Stored for FactorProof {
    type Form = (u8, [u8; 16], [u8; 16], u64);
    fn store(&self) -> Self::Form {
        match self {
            Self::Totp { factor, step } => (1, factor.0, [0; 16], *step),
            Self::Email { factor, token } => (2, factor.0, token.0, 0),
            Self::RecoveryCode { set, number } => (3, set.0, [0; 16], u64::from(*number)),
        }
    }
    fn load((code, id, other, number): Self::Form) -> Option<Self> {
        match code {
            1 => Some(Self::Totp {
                factor: FactorId(id),
                step: number,
            }),
            2 => Some(Self::Email {
                factor: FactorId(id),
                token: TokenId(other),
            }),
            3 => Some(Self::RecoveryCode {
                set: FactorId(id),
                number: u8::try_from(number).ok()?,
            }),
            _ => None,
        }
    }
}

impl Stored for PasswordCause {
    type Form = (u8, [u8; 16]);
    fn store(&self) -> Self::Form {
        match self {
            Self::SignUp => (1, [0; 16]),
            Self::Changed => (2, [0; 16]),
            Self::Recovered(token) => (3, token.0),
        }
    }
    fn load((code, id): Self::Form) -> Option<Self> {
        match code {
            1 => Some(Self::SignUp),
            2 => Some(Self::Changed),
            3 => Some(Self::Recovered(TokenId(id))),
            _ => None,
        }
    }
}

/// The stored form of a password policy, first version: read for ever, no longer written alone.
#[derive(Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the settings of a policy are switches"
)]
pub(super) struct PolicyV1 {
    name: String,
    length_min: u16,
    length_max: u16,
    amount_uppercase: u16,
    amount_lowercase: u16,
    amount_digits: u16,
    amount_symbols: u16,
    symbol_charset: String,
    error_message: String,
    check_static_rules: bool,
    check_breached: bool,
    check_zxcvbn: bool,
    zxcvbn_score_threshold: u8,
    check_context: bool,
    history: u8,
}

/// The second version: the first, and the online check.
#[derive(Serialize, Deserialize)]
pub(super) struct PolicyV2 {
    first: PolicyV1,
    check_have_i_been_pwned: bool,
    hibp_url: String,
    hibp_allowed_count: u32,
}

impl PolicyV1 {
    /// What it says, with the online check as it was before there was one: off.
    fn settings(self) -> PasswordPolicySettings {
        let Self {
            name,
            length_min,
            length_max,
            amount_uppercase,
            amount_lowercase,
            amount_digits,
            amount_symbols,
            symbol_charset,
            error_message,
            check_static_rules,
            check_breached,
            check_zxcvbn,
            zxcvbn_score_threshold,
            check_context,
            history,
        } = self;
        PasswordPolicySettings {
            length_min,
            length_max,
            amount_uppercase,
            amount_lowercase,
            amount_digits,
            amount_symbols,
            symbol_charset,
            error_message,
            check_static_rules,
            check_breached,
            check_zxcvbn,
            zxcvbn_score_threshold,
            check_context,
            history,
            ..PasswordPolicySettings::named(&name)
        }
    }

    /// The policy of an event of the first version.
    pub(super) fn load(self) -> Option<PasswordPolicy> {
        PasswordPolicy::checked(self.settings()).ok()
    }
}

impl Stored for PasswordPolicy {
    type Form = PolicyV2;
    fn store(&self) -> PolicyV2 {
        let PasswordPolicySettings {
            name,
            length_min,
            length_max,
            amount_uppercase,
            amount_lowercase,
            amount_digits,
            amount_symbols,
            symbol_charset,
            error_message,
            check_static_rules,
            check_breached,
            check_zxcvbn,
            zxcvbn_score_threshold,
            check_context,
            history,
            check_have_i_been_pwned,
            hibp_url,
            hibp_allowed_count,
        } = self.settings().clone();
        PolicyV2 {
            first: PolicyV1 {
                name,
                length_min,
                length_max,
                amount_uppercase,
                amount_lowercase,
                amount_digits,
                amount_symbols,
                symbol_charset,
                error_message,
                check_static_rules,
                check_breached,
                check_zxcvbn,
                zxcvbn_score_threshold,
                check_context,
                history,
            },
            check_have_i_been_pwned,
            hibp_url,
            hibp_allowed_count,
        }
    }
    fn load(form: PolicyV2) -> Option<Self> {
        let PolicyV2 {
            first,
            check_have_i_been_pwned,
            hibp_url,
            hibp_allowed_count,
        } = form;
        Self::checked(PasswordPolicySettings {
            check_have_i_been_pwned,
            hibp_url,
            hibp_allowed_count,
            ..first.settings()
        })
        .ok()
    }
}
