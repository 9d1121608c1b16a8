//! Events to record payloads and back: the disk format of every event on one screen.
//!
//! A payload is bincode (2.0, `standard` configuration) of the fields in the order of the table below, each in its
//! stored form. An entry of the table is frozen once released: a changed event gets a new schema number beside the
//! old one, never an edit. An unknown kind or schema stops the boot, so that an older program cannot misread a newer
//! ledger. Golden samples lie in `data/events/`.

use bincode::de::read::{BorrowReader, SliceReader};
use bincode::de::{BorrowDecoder, DecoderImpl};
use bincode::enc::EncoderImpl;
use bincode::enc::write::Writer;
use bincode::error::{DecodeError, EncodeError};
use serde::Deserialize;

use super::record::{self, CommandPart, MAX_PAYLOAD, RecordFault, RecordHeader};
use super::stored::{PolicyV1, Seals, Stored};
use crate::domain::flow::{Binding, ExpressionPolicy, Flow, FlowChange, Stage};
use crate::domain::password_policy::{BrokenRules, PasswordPolicy};
use crate::domain::{
    Actor, Allowance, ApiKeyKind, DropCause, EndCause, EpochReason, Event, FactorKind, FactorProof,
    FactorUse, FailCause, KeyPurpose, MailEnd, MailKind, ObjectionAbout, PasswordCause, Purpose, Recorded,
    RefusedCause, Role, Subject, SuppressedClass, Via, WebhookEvent, WebhookForm,
};
use crate::types::{
    AddressId, ApiKeyId, CredentialId, FactorId, Locale, MailId, ObjectName, Position, PublicKey, Sealed,
    SealedConfig, SessionId, Signature, Slug, Span, Tag, Timestamp, TokenId, UserId, WebOrigins, WebhookId,
};

/// Why a record cannot be read as an event, or an event not be written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CodecFault {
    /// The envelope is not one.
    #[error(transparent)]
    Record(#[from] RecordFault),
    /// A newer program wrote it.
    #[error(
        "event kind {kind}, schema {schema} is unknown: this ledger was written by a newer keyledger; use that version"
    )]
    Unknown {
        /// The kind's number.
        kind: u16,
        /// The schema's number.
        schema: u16,
    },
    /// The payload does not hold what its kind says.
    #[error("the payload of event kind {kind} cannot be read: the record is damaged")]
    Payload {
        /// The kind's number.
        kind: u16,
    },
    /// The event is larger than a record may be.
    #[error("an event of {0} bytes does not fit in a record of {MAX_PAYLOAD}: shorten its texts")]
    TooLarge(usize),
}

/// Bytes that nearly all payloads fit in, so that writing one asks for memory once.
const PAYLOAD_USUAL: usize = 512;

const CONFIG: bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<4096>,
> = bincode::config::standard().with_limit::<4096>();

fn read<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Option<T> {
    let (form, consumed) = bincode::serde::decode_from_slice(bytes, CONFIG).ok()?;
    (consumed == bytes.len()).then_some(form)
}

/// Where a payload is written to.
struct Out(Vec<u8>);

impl Writer for Out {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

macro_rules! events {
    ($($kind:literal / $schema:literal => $name:ident { $($field:ident: $type:ty),* $(,)? })*
    of FlowsChanged:
    $($flow_kind:literal / $flow_schema:literal => $change:ident { $($part:ident: $part_type:ty),* $(,)? })*
    of Webhook:
    $($hook_kind:literal / $hook_schema:literal => $hook:ident { $($piece:ident: $piece_type:ty),* $(,)? })*) => {
        /// Kind, schema and payload of an event.
        fn to_payload(event: &Event) -> (u16, u16, Vec<u8>) {
            let mut out = EncoderImpl::new(Out(Vec::with_capacity(PAYLOAD_USUAL)), CONFIG);
            let (kind, schema, written) = match event {
                $(Event::$name { $($field),* } => ($kind, $schema, (|| { $($field.write_to(&mut out)?;)* Ok(()) })()),)*
                Event::FlowsChanged { change, by } => match &**change {
                    $(FlowChange::$change { $($part),* } => (
                        $flow_kind,
                        $flow_schema,
                        (|| { $($part.write_to(&mut out)?;)* by.write_to(&mut out) })(),
                    ),)*
                },
                Event::Webhook(event) => match &**event {
                    $(WebhookEvent::$hook { $($piece),* } => (
                        $hook_kind,
                        $hook_schema,
                        (|| { $($piece.write_to(&mut out)?;)* Ok(()) })(),
                    ),)*
                },
            };
            let written: Result<(), EncodeError> = written;
            written.expect("stored forms are plain data, which bincode always writes");
            (kind, schema, out.into_writer().0)
        }

        fn from_payload(kind: u16, schema: u16, payload: &[u8], seals: Seals) -> Result<Event, CodecFault> {
            let mut from = DecoderImpl::new(SliceReader::new(payload), CONFIG, seals);
            let event = match (kind, schema) {
                $(($kind, $schema) => (|| Ok(Event::$name { $($field: <$type as Stored>::read_from(&mut from)?),* }))(),)*
                $(($flow_kind, $flow_schema) => (|| {
                    let change = FlowChange::$change { $($part: <$part_type as Stored>::read_from(&mut from)?),* };
                    Ok(Event::FlowsChanged { change: Box::new(change), by: Actor::read_from(&mut from)? })
                })(),)*
                $(($hook_kind, $hook_schema) => (|| {
                    let event = WebhookEvent::$hook { $($piece: <$piece_type as Stored>::read_from(&mut from)?),* };
                    Ok(Event::Webhook(Box::new(event)))
                })(),)*
                _ => return from_earlier(kind, schema, payload),
            };
            let event: Result<Event, DecodeError> = event;
            // Nothing may be left over.
            event
                .ok()
                .filter(|_| from.borrow_reader().take_bytes(1).is_err())
                .ok_or(CodecFault::Payload { kind })
        }

        /// The name of an event, as the log and the command line show it.
        pub fn event_name(event: &Event) -> &'static str {
            match event {
                $(Event::$name { .. } => stringify!($name),)*
                Event::FlowsChanged { change, .. } => match &**change {
                    $(FlowChange::$change { .. } => stringify!($change),)*
                },
                Event::Webhook(event) => match &**event {
                    $(WebhookEvent::$hook { .. } => stringify!($hook),)*
                },
            }
        }

        /// The names of all events.
        pub const EVENT_NAMES: &[&str] = &[$(stringify!($name),)* $(stringify!($change),)* $(stringify!($hook)),*];
    };
}

events! {
    1/1 => EpochStarted { number: u32, reason: EpochReason }
    2/1 => ClockAccepted { kept: Timestamp }
    3/2 => PolicySaved { policy: Box<PasswordPolicy>, by: Actor }
    4/1 => ApiKeyCreated { key: ApiKeyId, kind: ApiKeyKind, hash: [u8; 32], hash_key: u32, label: String, expires: Option<Timestamp>, by: Actor }
    5/1 => ApiKeyRevoked { key: ApiKeyId, by: Actor }
    6/1 => ApiKeyUsed { key: ApiKeyId }
    7/1 => ApiKeyConfirmed { key: ApiKeyId, by: Actor }
    8/1 => KeyRotated { purpose: KeyPurpose, old: u32, new: u32, by: Actor }
    9/1 => MasterKeyReplaced { by: Actor }

    10/1 => CheckpointKeyNamed { ledger: [u8; 16], key: u32, public: PublicKey, signature: Signature }
    11/1 => CheckpointKeyRotated { old: u32, old_public: PublicKey, old_signature: Signature, new: u32, new_public: PublicKey, new_signature: Signature, by: Actor }

    20/1 => UserRegistered { user: UserId, role: Role, address: AddressId, sealed_address: Sealed, name: Option<Sealed>, username: Option<Sealed>, locale: Locale, by: Actor, client: Tag, origin: Sealed }
    21/1 => SignUpCollided { address: AddressId, allowance: Allowance, client: Tag, origin: Sealed }
    22/1 => PasswordSet { user: UserId, credential: CredentialId, verifier: Sealed, cause: PasswordCause, history: u8, origin: Sealed }
    30/1 => PasswordRevoked { user: UserId, by: Actor }
    23/1 => VerifierUpgraded { user: UserId, credential: CredentialId, verifier: Sealed }
    24/1 => AddressVerified { user: UserId, address: AddressId, token: Option<TokenId>, via: Via, origin: Sealed }
    25/1 => UserBanned { user: UserId, by: Actor }
    26/1 => UserUnbanned { user: UserId, by: Actor }
    27/1 => WithdrawRequested { user: UserId, until: Timestamp, origin: Sealed }
    28/1 => WithdrawCancelled { user: UserId, token: TokenId, origin: Sealed }
    29/1 => UserErased { user: UserId, by: Actor }

    31/1 => AddressBegun { user: UserId, session: SessionId, address: AddressId, sealed: Sealed, token: TokenId, expires: Timestamp, origin: Sealed }
    32/1 => AddressConfirmed { user: UserId, address: AddressId, token: TokenId, via: Via, origin: Sealed }
    33/1 => AddressRemoved { user: UserId, address: AddressId, until: Timestamp, origin: Sealed }
    34/1 => PrimaryChanged { user: UserId, address: AddressId, origin: Sealed }
    35/1 => MailboxNamed { user: UserId, mailbox: Tag, allowance: Allowance, client: Tag, origin: Sealed }
    36/1 => ObjectionOffered { user: UserId, objection: TokenId, about: ObjectionAbout, link_key: u32, expires: Timestamp }
    37/1 => ObjectionRaised { user: UserId, objection: TokenId, address: AddressId, origin: Sealed }
    38/1 => SafeguardsLapsed { user: UserId }

    40/1 => ResetRequested { subject: Subject, allowance: Allowance, client: Tag, origin: Sealed, locale: Locale }
    41/1 => VerificationRequested { subject: Subject, allowance: Allowance, client: Tag, origin: Sealed, locale: Locale }
    42/1 => RequestDropped { request: Position, cause: DropCause }
    43/1 => TokenIssued { token: TokenId, user: UserId, address: AddressId, purpose: Purpose, credential: Option<CredentialId>, expires: Timestamp, link_key: u32, code_key: u32, request: Option<Position>, by: Actor }
    44/1 => CodeRefused { subject: Subject, purpose: Purpose, token: Option<TokenId>, allowance: Allowance, origin: Sealed }
    45/1 => ProofRefused { user: UserId, token: TokenId, cause: RefusedCause, origin: Sealed }
    46/1 => RecoveryCompleted { user: UserId, token: TokenId, address: AddressId, via: Via, origin: Sealed }
    47/1 => SignUpDisowned { user: UserId, token: TokenId, origin: Sealed }
    48/1 => CallbackNamed { request: Position, callback: Sealed }

    60/1 => SignedIn { user: UserId, session: SessionId, credential: CredentialId, network: Tag, refresh_key: u32, expires: Timestamp, ends: Timestamp, origin: Sealed }
    61/1 => SignInFailed { subject: Subject, network: Tag, cause: FailCause, origin: Sealed }
    62/1 => CurrentPasswordWrong { user: UserId, session: SessionId, origin: Sealed }
    63/2 => RefreshRotated { user: UserId, session: SessionId, counter: u32, refresh_key: u32, idle: Span, origin: Option<Sealed> }
    64/1 => RefreshReplayed { user: UserId, session: SessionId, counter: u32, origin: Sealed }
    65/2 => SessionEnded { user: UserId, session: SessionId, cause: EndCause, by: Actor, origin: Option<Sealed> }
    66/2 => SessionsEnded { user: UserId, except: Option<SessionId>, count: u32, cause: EndCause, by: Actor, origin: Option<Sealed> }
    67/1 => RefreshRefused { user: Option<UserId>, session: SessionId, origin: Sealed }
    68/1 => PasswordRefused { user: UserId, session: SessionId, rules: BrokenRules, origin: Sealed }

    80/1 => MailQueued { mail: MailId, kind: MailKind, user: UserId, address: AddressId, token: Option<TokenId>, locale: Locale, details: Sealed }
    81/1 => MailDelivered { queued: Position, attempt: u16, status: u16 }
    82/1 => MailDeferred { queued: Position, attempt: u16, status: u16, step: u8, next: Timestamp }
    83/1 => MailEnded { queued: Position, attempt: u16, status: u16, step: u8, cause: MailEnd }

    100/2 => Suppressed { class: SuppressedClass, count: u64, first: Option<Sealed> }

    120/1 => TotpBegun { user: UserId, session: SessionId, factor: FactorId, seed: Sealed, expires: Timestamp, origin: Sealed }
    121/1 => MailboxBegun { user: UserId, session: SessionId, factor: FactorId, address: AddressId, sealed: Option<Sealed>, token: TokenId, origin: Sealed }
    122/1 => FactorConfirmed { user: UserId, session: SessionId, factor: FactorId, kind: FactorKind, step: u64, origin: Sealed }
    123/1 => FactorRemoved { user: UserId, factor: FactorId, kind: FactorKind, by: Actor, origin: Option<Sealed> }
    124/1 => RecoveryCodesIssued { user: UserId, set: FactorId, hashes: Sealed, origin: Sealed }
    125/1 => FactorAccepted { user: UserId, proof: FactorProof, action: FactorUse, session: Option<SessionId>, origin: Sealed }
    126/1 => FactorRefused { user: UserId, action: FactorUse, token: Option<TokenId>, origin: Sealed }
    127/1 => FactorCodeRequested { user: UserId, allowance: Allowance, client: Tag, origin: Sealed }
    200/1 => FactorRemembered { user: UserId, session: SessionId, factor: FactorId, kind: FactorKind, shown: Timestamp, origin: Sealed }

    170/1 => ProfileChanged { user: UserId, name: Option<Sealed>, locale: Locale, origin: Sealed }

    180/1 => RoleChanged { user: UserId, role: Role, by: Actor }
    181/1 => ProfileEdited { user: UserId, name: Option<Sealed>, locale: Locale, by: Actor }
    182/1 => RecoverySent { user: UserId, by: Actor }
    183/1 => MailCancelled { queued: Position, by: Actor }
    184/1 => MailHastened { queued: Position, by: Actor }

    220/1 => UserImported { user: UserId, address: AddressId, verified: bool, since: Timestamp, by: Actor }
    221/1 => PasswordImported { user: UserId, credential: CredentialId, verifier: Sealed, by: Actor }
    222/1 => UserInvited { user: UserId, token: TokenId, by: Actor }
    223/1 => InvitationAccepted { user: UserId, token: TokenId, address: AddressId, origin: Sealed }

    190/1 => ApiKeyOriginsNamed { key: ApiKeyId, origins: WebOrigins, by: Actor }

    of FlowsChanged:
    140/1 => FlowSaved { flow: Flow }
    141/1 => FlowRemoved { slug: Slug }
    142/1 => FlowRenamed { from: Slug, to: Slug }
    143/1 => StageSaved { stage: Stage }
    144/1 => StageRemoved { name: ObjectName }
    145/1 => StageRenamed { from: ObjectName, to: ObjectName }
    146/1 => BindingSaved { flow: Slug, binding: Binding }
    147/1 => BindingRemoved { flow: Slug, order: u16 }
    148/1 => ExpressionSaved { policy: ExpressionPolicy }
    149/1 => PolicyRemoved { name: ObjectName }
    150/1 => PolicyRenamed { from: ObjectName, to: ObjectName }

    of Webhook:
    210/1 => WebhookCreated { webhook: WebhookId, form: WebhookForm, secret: SealedConfig, by: Actor }
    211/1 => WebhookChanged { webhook: WebhookId, form: WebhookForm, by: Actor }
    212/1 => WebhookRemoved { webhook: WebhookId, by: Actor }
    213/1 => WebhookSecretRotated { webhook: WebhookId, secret: SealedConfig, old_until: Timestamp, by: Actor }
    214/1 => WebhookAdvanced { webhook: WebhookId, cursor: Position, delivered: u32 }
    215/1 => WebhookGivenUp { webhook: WebhookId, event: Position, attempts: u16, status: u16 }
    216/1 => WebhookRedelivered { webhook: WebhookId, event: Position, by: Actor }
    217/1 => WebhookStopped { webhook: WebhookId }
}

/// Entries that gave way to a later schema: read for ever, never written again.
fn from_earlier(kind: u16, schema: u16, payload: &[u8]) -> Result<Event, CodecFault> {
    let event = match (kind, schema) {
        (3, 1) => policy_saved_1(payload),
        (63, 1) => refresh_rotated_1(payload),
        (65, 1) => session_ended_1(payload),
        (66, 1) => sessions_ended_1(payload),
        (100, 1) => suppressed_1(payload),
        _ => return Err(CodecFault::Unknown { kind, schema }),
    };
    event.ok_or(CodecFault::Payload { kind })
}

type Form<T> = <T as Stored>::Form;

fn policy_saved_1(payload: &[u8]) -> Option<Event> {
    let (policy, by): (PolicyV1, Form<Actor>) = read(payload)?;
    Some(Event::PolicySaved {
        policy: Box::new(policy.load()?),
        by: Actor::load(by)?,
    })
}

/// Before requests were noted in it.
fn refresh_rotated_1(payload: &[u8]) -> Option<Event> {
    let (user, session, counter, refresh_key, idle): (Form<UserId>, Form<SessionId>, u32, u32, Form<Span>) =
        read(payload)?;
    Some(Event::RefreshRotated {
        user: UserId::load(user)?,
        session: SessionId::load(session)?,
        counter,
        refresh_key,
        idle: Span::load(idle)?,
        origin: None,
    })
}

/// Before requests were noted in it.
fn session_ended_1(payload: &[u8]) -> Option<Event> {
    let (user, session, cause, by): (Form<UserId>, Form<SessionId>, Form<EndCause>, Form<Actor>) =
        read(payload)?;
    Some(Event::SessionEnded {
        user: UserId::load(user)?,
        session: SessionId::load(session)?,
        cause: EndCause::load(cause)?,
        by: Actor::load(by)?,
        origin: None,
    })
}

/// Before requests were noted in it.
fn sessions_ended_1(payload: &[u8]) -> Option<Event> {
    type Fields = (
        Form<UserId>,
        Form<Option<SessionId>>,
        u32,
        Form<EndCause>,
        Form<Actor>,
    );
    let (user, except, count, cause, by): Fields = read(payload)?;
    Some(Event::SessionsEnded {
        user: UserId::load(user)?,
        except: <Option<SessionId>>::load(except)?,
        count,
        cause: EndCause::load(cause)?,
        by: Actor::load(by)?,
        origin: None,
    })
}

/// Before the first was noted in it.
fn suppressed_1(payload: &[u8]) -> Option<Event> {
    let (class, count): (Form<SuppressedClass>, u64) = read(payload)?;
    Some(Event::Suppressed {
        class: SuppressedClass::load(class)?,
        count,
        first: None,
    })
}

/// Writes an event as the bytes of its record.
pub fn encode(recorded: &Recorded, part: CommandPart) -> Result<Vec<u8>, CodecFault> {
    let (kind, schema, payload) = to_payload(&recorded.event);
    if payload.len() > MAX_PAYLOAD {
        return Err(CodecFault::TooLarge(payload.len()));
    }
    let Recorded {
        position,
        time,
        command,
        ..
    } = *recorded;
    let header = RecordHeader {
        kind,
        schema,
        part,
        position,
        time,
        command,
    };
    Ok(record::encode(&header, &payload)?)
}

/// Reads the event that a record holds.
pub fn decode(header: &RecordHeader, payload: &[u8]) -> Result<Recorded, CodecFault> {
    decode_with(header, payload, Seals::Kept)
}

/// The same with every seal read and left empty: for whoever replays the law or tells what happened without keys. Neither
/// looks into a seal, and copying them takes longer than all the rest.
pub fn decode_outline(header: &RecordHeader, payload: &[u8]) -> Result<Recorded, CodecFault> {
    decode_with(header, payload, Seals::LeftOut)
}

fn decode_with(header: &RecordHeader, payload: &[u8], seals: Seals) -> Result<Recorded, CodecFault> {
    let event = from_payload(header.kind, header.schema, payload, seals)?;
    Ok(Recorded {
        position: header.position,
        time: header.time,
        command: header.command,
        event,
    })
}
