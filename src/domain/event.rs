//! What has happened. The only truth; past tense; never edited once a release has written one.

use crate::types::{
    AddressId, ApiKeyId, CredentialId, FactorId, Locale, MailId, Position, PublicKey, Sealed, SessionId,
    Signature, Span, Tag, Timestamp, TokenId, UserId, WebOrigins,
};

use super::access::ApiKeyKind;
pub use super::causes::{
    Actor, Allowance, DropCause, EndCause, EpochReason, FailCause, PasswordCause, Purpose, RefusedCause,
    Subject, Via,
};
use super::factor::{FactorKind, FactorProof, FactorUse};
use super::flow::FlowChange;
use super::key_purpose::KeyPurpose;
use super::mail::MailEnd;
use super::mail_kind::MailKind;
use super::objection::ObjectionAbout;
use super::password_policy::{BrokenRules, PasswordPolicy};
pub use super::recorded::Recorded;
use super::state::Role;
use super::strangers::SuppressedClass;
use super::webhook::WebhookEvent;

/// Everything that can happen.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "the fields are ids and sealed values that their types describe"
)]
pub enum Event {
    /// A span of validity began: what was issued before it is void (except passwords).
    EpochStarted { number: u32, reason: EpochReason },
    /// The operator took the wall clock's word for a jump.
    ClockAccepted { kept: Timestamp },
    /// A password policy was made or changed.
    PolicySaved { policy: Box<PasswordPolicy>, by: Actor },
    /// A flow, a stage, a binding or a policy was made, changed or removed.
    FlowsChanged { change: Box<FlowChange>, by: Actor },
    /// An API key was made; only a keyed hash is kept.
    ApiKeyCreated {
        key: ApiKeyId,
        kind: ApiKeyKind,
        hash: [u8; 32],
        hash_key: u32,
        label: String,
        expires: Option<Timestamp>,
        by: Actor,
    },
    /// An API key ended.
    ApiKeyRevoked { key: ApiKeyId, by: Actor },
    /// The pages whose scripts may call with a publishable key were named anew; a key begins with none.
    ApiKeyOriginsNamed {
        key: ApiKeyId,
        origins: WebOrigins,
        by: Actor,
    },
    /// An API key was used; written at most once a day and key.
    ApiKeyUsed { key: ApiKeyId },
    /// A key of the keyring made way for a new one; what it made stays good for as long as it lives.
    KeyRotated {
        purpose: KeyPurpose,
        old: u32,
        new: u32,
        by: Actor,
    },
    /// The master key, and with it the key that wraps data keys, was replaced, and every data key wrapped anew.
    MasterKeyReplaced { by: Actor },
    /// A secret API key from before an epoch that began in distrust may be used again.
    ApiKeyConfirmed { key: ApiKeyId, by: Actor },

    /// The key that signs checkpoints was named, for the first time or for an epoch whose old key may be lost; it
    /// signed that itself. `ledger` is the ledger's id.
    CheckpointKeyNamed {
        ledger: [u8; 16],
        key: u32,
        public: PublicKey,
        signature: Signature,
    },
    /// Another key signs checkpoints from here on; the old and the new one signed that.
    CheckpointKeyRotated {
        old: u32,
        old_public: PublicKey,
        old_signature: Signature,
        new: u32,
        new_public: PublicKey,
        new_signature: Signature,
        by: Actor,
    },

    /// A user came to be.
    UserRegistered {
        user: UserId,
        role: Role,
        address: AddressId,
        sealed_address: Sealed,
        name: Option<Sealed>,
        username: Option<Sealed>,
        locale: Locale,
        by: Actor,
        client: Tag,
        origin: Sealed,
    },
    /// A sign-up named an address that has an account.
    SignUpCollided {
        address: AddressId,
        allowance: Allowance,
        client: Tag,
        origin: Sealed,
    },
    /// A password was set. Everything issued under the old one is void. So many earlier verifiers are kept, to be
    /// compared with the next one.
    PasswordSet {
        user: UserId,
        credential: CredentialId,
        verifier: Sealed,
        cause: PasswordCause,
        history: u8,
        origin: Sealed,
    },
    /// A password may be known to others: it is gone, and the user sets a new one by recovery.
    PasswordRevoked { user: UserId, by: Actor },
    /// The same password under stronger parameters.
    VerifierUpgraded {
        user: UserId,
        credential: CredentialId,
        verifier: Sealed,
    },
    /// An address was proven.
    AddressVerified {
        user: UserId,
        address: AddressId,
        token: Option<TokenId>,
        via: Via,
        origin: Sealed,
    },
    /// A user may not sign in.
    UserBanned { user: UserId, by: Actor },
    /// A user may sign in again.
    UserUnbanned { user: UserId, by: Actor },
    /// A user asked to be forgotten; `until` then it can be taken back.
    WithdrawRequested {
        user: UserId,
        until: Timestamp,
        origin: Sealed,
    },
    /// It was taken back.
    WithdrawCancelled {
        user: UserId,
        token: TokenId,
        origin: Sealed,
    },
    /// A user's name and language are these now.
    ProfileChanged {
        user: UserId,
        name: Option<Sealed>,
        locale: Locale,
        origin: Sealed,
    },
    /// A user's keys are destroyed, now and at every later start.
    UserErased { user: UserId, by: Actor },

    /// Somebody asked for a way back in. Of one size, known or not.
    ResetRequested {
        subject: Subject,
        allowance: Allowance,
        client: Tag,
        origin: Sealed,
        locale: Locale,
    },
    /// Somebody asked for proof of an address. Of one size, known or not.
    VerificationRequested {
        subject: Subject,
        allowance: Allowance,
        client: Tag,
        origin: Sealed,
        locale: Locale,
    },
    /// The request just made said where the mailed link is to lead in the end.
    CallbackNamed { request: Position, callback: Sealed },
    /// A request will lead to no mail.
    RequestDropped { request: Position, cause: DropCause },
    /// A proof was made; earlier ones of its kind are superseded.
    TokenIssued {
        token: TokenId,
        user: UserId,
        address: AddressId,
        purpose: Purpose,
        credential: Option<CredentialId>,
        expires: Timestamp,
        link_key: u32,
        code_key: u32,
        request: Option<Position>,
        by: Actor,
    },
    /// A wrong code was typed.
    CodeRefused {
        subject: Subject,
        purpose: Purpose,
        token: Option<TokenId>,
        allowance: Allowance,
        origin: Sealed,
    },
    /// A genuine proof came with something that may not be.
    ProofRefused {
        user: UserId,
        token: TokenId,
        cause: RefusedCause,
        origin: Sealed,
    },
    /// A user is back in, as far as the password goes.
    RecoveryCompleted {
        user: UserId,
        token: TokenId,
        address: AddressId,
        via: Via,
        origin: Sealed,
    },
    /// A person who got a verification mail said that the account is not theirs.
    SignUpDisowned {
        user: UserId,
        token: TokenId,
        origin: Sealed,
    },

    /// A session began.
    SignedIn {
        user: UserId,
        session: SessionId,
        credential: CredentialId,
        network: Tag,
        refresh_key: u32,
        expires: Timestamp,
        ends: Timestamp,
        origin: Sealed,
    },
    /// A sign-in was refused.
    SignInFailed {
        subject: Subject,
        network: Tag,
        cause: FailCause,
        origin: Sealed,
    },
    /// A signed-in user gave a wrong current password.
    CurrentPasswordWrong {
        user: UserId,
        session: SessionId,
        origin: Sealed,
    },
    /// A signed-in user's new password was refused; the old one goes on.
    PasswordRefused {
        user: UserId,
        session: SessionId,
        rules: BrokenRules,
        origin: Sealed,
    },
    /// A refresh token was exchanged for its successor.
    RefreshRotated {
        user: UserId,
        session: SessionId,
        counter: u32,
        refresh_key: u32,
        idle: Span,
        origin: Option<Sealed>,
    },
    /// A refresh token came back that had been replaced long ago.
    RefreshReplayed {
        user: UserId,
        session: SessionId,
        counter: u32,
        origin: Sealed,
    },
    /// A refresh token of a session that is over came back; whose, if that is still known.
    RefreshRefused {
        user: Option<UserId>,
        session: SessionId,
        origin: Sealed,
    },
    /// One session ended; with an origin where a request ended it.
    SessionEnded {
        user: UserId,
        session: SessionId,
        cause: EndCause,
        by: Actor,
        origin: Option<Sealed>,
    },
    /// All sessions of a user ended, but for one perhaps; with an origin where a request ended them.
    SessionsEnded {
        user: UserId,
        except: Option<SessionId>,
        count: u32,
        cause: EndCause,
        by: Actor,
        origin: Option<Sealed>,
    },

    /// A mail is due.
    MailQueued {
        mail: MailId,
        kind: MailKind,
        user: UserId,
        address: AddressId,
        token: Option<TokenId>,
        locale: Locale,
        details: Sealed,
    },
    /// The next server took it.
    MailDelivered {
        queued: Position,
        attempt: u16,
        status: u16,
    },
    /// It will be tried again.
    MailDeferred {
        queued: Position,
        attempt: u16,
        status: u16,
        step: u8,
        next: Timestamp,
    },
    /// It will not.
    MailEnded {
        queued: Position,
        attempt: u16,
        status: u16,
        step: u8,
        cause: MailEnd,
    },

    /// So many requests were answered and not written one by one; where the first of them came from, if that was noted.
    Suppressed {
        class: SuppressedClass,
        count: u64,
        first: Option<Sealed>,
    },

    /// An authenticator app waits for its first code.
    TotpBegun {
        user: UserId,
        session: SessionId,
        factor: FactorId,
        seed: Sealed,
        expires: Timestamp,
        origin: Sealed,
    },
    /// A mailbox waits for its first code; `sealed` is its address, unless that is one of the user's.
    MailboxBegun {
        user: UserId,
        session: SessionId,
        factor: FactorId,
        address: AddressId,
        sealed: Option<Sealed>,
        token: TokenId,
        origin: Sealed,
    },
    /// A first code was right: the factor is one from now on. The step is that of an app's code.
    FactorConfirmed {
        user: UserId,
        session: SessionId,
        factor: FactorId,
        kind: FactorKind,
        step: u64,
        origin: Sealed,
    },
    /// A factor is none any more.
    FactorRemoved {
        user: UserId,
        factor: FactorId,
        kind: FactorKind,
        by: Actor,
        origin: Option<Sealed>,
    },
    /// A set of recovery codes took the place of the one before; only keyed hashes are kept.
    RecoveryCodesIssued {
        user: UserId,
        set: FactorId,
        hashes: Sealed,
        origin: Sealed,
    },
    /// A second factor was right, and is spent.
    FactorAccepted {
        user: UserId,
        proof: FactorProof,
        action: FactorUse,
        session: Option<SessionId>,
        origin: Sealed,
    },
    /// A sign-in took a second factor that was shown at its browser before, at that time.
    FactorRemembered {
        user: UserId,
        session: SessionId,
        factor: FactorId,
        kind: FactorKind,
        shown: Timestamp,
        origin: Sealed,
    },
    /// A second factor was wrong; the token is the challenge that it may have been meant for.
    FactorRefused {
        user: UserId,
        action: FactorUse,
        token: Option<TokenId>,
        origin: Sealed,
    },
    /// A code by mail was asked for, with the right password.
    FactorCodeRequested {
        user: UserId,
        allowance: Allowance,
        client: Tag,
        origin: Sealed,
    },

    /// A mailbox was named that may not be the user's, and will get a mail.
    MailboxNamed {
        user: UserId,
        mailbox: Tag,
        allowance: Allowance,
        client: Tag,
        origin: Sealed,
    },
    /// A further address waits for its proof.
    AddressBegun {
        user: UserId,
        session: SessionId,
        address: AddressId,
        sealed: Sealed,
        token: TokenId,
        expires: Timestamp,
        origin: Sealed,
    },
    /// It was proven, and is one of the user's from now on.
    AddressConfirmed {
        user: UserId,
        address: AddressId,
        token: TokenId,
        via: Via,
        origin: Sealed,
    },
    /// An address is the user's no more; nobody else gets it before `until`, and an objection brings it back.
    AddressRemoved {
        user: UserId,
        address: AddressId,
        until: Timestamp,
        origin: Sealed,
    },
    /// Another address became the first one.
    PrimaryChanged {
        user: UserId,
        address: AddressId,
        origin: Sealed,
    },
    /// Notices of what follows say how to object to it.
    ObjectionOffered {
        user: UserId,
        objection: TokenId,
        about: ObjectionAbout,
        link_key: u32,
        expires: Timestamp,
    },
    /// Somebody who reads one of the user's mailboxes said that it was not them.
    ObjectionRaised {
        user: UserId,
        objection: TokenId,
        address: AddressId,
        origin: Sealed,
    },
    /// What was kept for objections of a user is kept no longer, where its time is over.
    SafeguardsLapsed { user: UserId },

    /// An administrator changed what a user may do.
    RoleChanged { user: UserId, role: Role, by: Actor },
    /// An administrator changed a user's name or language: they are these now.
    ProfileEdited {
        user: UserId,
        name: Option<Sealed>,
        locale: Locale,
        by: Actor,
    },
    /// An administrator has a way back in mailed to a user: the request for it follows.
    RecoverySent { user: UserId, by: Actor },
    /// An administrator took a mail out of the outbox.
    MailCancelled { queued: Position, by: Actor },
    /// An administrator has a mail tried at once.
    MailHastened { queued: Position, by: Actor },
    /// Something happened to a receiver of events; boxed, because it is large and rare.
    Webhook(Box<WebhookEvent>),

    /// A user who just came to be was known to another program, since then, and it had proven their address or had not.
    UserImported {
        user: UserId,
        address: AddressId,
        verified: bool,
        since: Timestamp,
        by: Actor,
    },
    /// The password that a user had there is theirs here; its verifier is ours, over what that program kept.
    PasswordImported {
        user: UserId,
        credential: CredentialId,
        verifier: Sealed,
        by: Actor,
    },
    /// A user without a password is invited: this proof is mailed, and opens the account once.
    UserInvited { user: UserId, token: TokenId, by: Actor },
    /// Somebody came by their invitation; their first password follows.
    InvitationAccepted {
        user: UserId,
        token: TokenId,
        address: AddressId,
        origin: Sealed,
    },
}
