//! What somebody wants done, with everything a decision about it needs.
//!
//! Ids are random and come with the command; sealed values are sealed before; passwords and secrets are verdicts
//! that name what they were computed against, so that `decide` can refuse one that is out of date.

use crate::types::{
    AddressId, ApiKeyId, CredentialId, FactorId, Locale, Position, Sealed, SessionId, Span, Tag, Timestamp,
    TokenId, UserId, WebOrigins,
};

use super::access::{ApiKeyKind, CheckpointRotation, NamedCheckpointKey};
use super::address::AddressCommand;
use super::event::{Actor, DropCause, EpochReason, Purpose, RefusedCause, Via};
use super::factor::{FactorKind, FactorShown, NewCodes, Reauthenticated};
use super::flow::Edit;
use super::key_purpose::KeyPurpose;
use super::limits::Limits;
use super::mail::MailEnd;
use super::management::ManagementCommand;
use super::newcomer::NewcomerCommand;
pub use super::notices::{NewMail, NewObjection, Notices};
use super::objection::ObjectionCommand;
pub use super::outcome::Outcome;
pub use super::password_change::PasswordChange;
use super::password_policy::PasswordPolicy;
use super::state::Role;
use super::strangers::{SuppressedClass, Unwritten};
use super::walk::Walk;
use super::webhook::WebhookCommand;

/// What holds at the moment of decision.
#[derive(Debug)]
pub struct Context<'a> {
    /// The time.
    pub now: Timestamp,
    /// The settings.
    pub limits: &'a Limits,
    /// Whose the address that the command names is, at this moment.
    pub found: Option<AddressId>,
    /// Whether the user name that the command names is taken, at this moment.
    pub username_taken: bool,
    /// What strangers did that the ledger does not hold.
    pub unwritten: &'a Unwritten,
}

/// Where a request comes from, as far as decisions see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Client {
    /// The client's network under the day's key: for limits over all users.
    pub day: Tag,
    /// The client's network under the subject's key: for limits and memory per user.
    pub network: Tag,
    /// Whether limits per client apply to it.
    pub exempt: bool,
    /// Address and user agent, sealed under the subject's key (a stranger's: the day's).
    pub origin: Sealed,
}

/// A request about an address by somebody who has proven nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ask {
    /// The address as the directory looks it up.
    pub lookup: Tag,
    /// The address under the day's key, in case it is nobody's.
    pub stranger: Tag,
    /// Who asks.
    pub client: Client,
    /// In which language to answer.
    pub locale: Locale,
}

/// Whether a password was right, and which one it was held against.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PasswordVerdict {
    /// It is that of this generation.
    Right(CredentialId),
    /// It is not, or there is none.
    Wrong,
}

/// A new password, hashed and sealed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewCredential {
    /// Its generation.
    pub id: CredentialId,
    /// Its sealed verifier.
    pub verifier: Sealed,
    /// How many earlier ones the policy compares it with, and so keeps.
    pub history: u8,
}

/// A session to begin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewSession {
    /// Its id.
    pub session: SessionId,
    /// The key its refresh tokens are made with.
    pub refresh_key: u32,
}

/// A user to register.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewUser {
    /// Their id.
    pub user: UserId,
    /// What they may do.
    pub role: Role,
    /// The id of their address.
    pub address: AddressId,
    /// Their address, sealed.
    pub sealed_address: Sealed,
    /// Their name, sealed.
    pub name: Option<Sealed>,
    /// Their user name, sealed.
    pub username: Option<Sealed>,
    /// Their language.
    pub locale: Locale,
}

/// A proof to issue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AddressProof {
    /// Its id.
    pub token: TokenId,
    /// The key of the link's secret.
    pub link_key: u32,
    /// The key of the typed code.
    pub code_key: u32,
}

/// A proof that came back and is genuine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProofFound {
    /// Which.
    pub token: TokenId,
    /// How it came back.
    pub via: Via,
}

/// What a sign-up with a taken address is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SignUpMode {
    /// That it is taken; otherwise the user is signed in at once.
    Open(NewSession),
    /// The same as with a free one; the owner gets a mail (sealed under the owner's key, if there is an owner).
    Strict(Option<NewMail>),
}

/// An API key to keep.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewApiKey {
    /// Its id.
    pub key: ApiKeyId,
    /// Publishable or secret.
    pub kind: ApiKeyKind,
    /// The keyed hash of its text.
    pub hash: [u8; 32],
    /// The key of that hash.
    pub hash_key: u32,
    /// What the operator calls it.
    pub label: String,
    /// When it ends.
    pub expires: Option<Timestamp>,
}

/// Everything that can be asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are described by their types")]
pub enum Command {
    /// Make the ledger's first events.
    Found {
        policies: Vec<PasswordPolicy>,
        keys: Vec<NewApiKey>,
        checkpoint: Option<NamedCheckpointKey>,
    },
    /// Begin an epoch: end everything that was issued, and erase again users (each once) whose keys must stay dead.
    StartEpoch { reason: EpochReason, erase: Vec<UserId> },
    /// Record that the operator took the wall clock's word, which begins an epoch.
    AcceptClock { kept: Timestamp },
    /// Keep an API key.
    CreateApiKey { key: NewApiKey, by: Actor },
    /// End an API key.
    RevokeApiKey { key: ApiKeyId, by: Actor },
    /// Name the pages whose scripts may call with a publishable key; these take the place of those before.
    NameApiKeyOrigins {
        key: ApiKeyId,
        origins: WebOrigins,
        by: Actor,
    },
    /// Record that a key of the keyring made way for a new one.
    RecordKeyRotation {
        purpose: KeyPurpose,
        old: u32,
        new: u32,
        by: Actor,
    },
    /// Record that the master key was replaced, and with it the key that wraps data keys: the old and the new one.
    RecordMasterKeyReplaced { wrap: (u32, u32), by: Actor },
    /// Let a secret API key that waits since an epoch began in distrust be used again.
    ConfirmApiKey { key: ApiKeyId, by: Actor },
    /// Remember the day an API key was used.
    TouchApiKey { key: ApiKeyId },
    /// Name the key that signs checkpoints.
    NameCheckpointKey { named: NamedCheckpointKey },
    /// Have another key sign checkpoints.
    RotateCheckpointKey {
        rotation: Box<CheckpointRotation>,
        by: Actor,
    },
    /// Make or change a password policy.
    SavePolicy { policy: PasswordPolicy, by: Actor },
    /// Change flows, stages, bindings and policies, all or none; computed against what last changed there.
    ChangeFlows {
        edits: Vec<Edit>,
        against: Option<Position>,
        by: Actor,
    },

    /// Register as a user.
    SignUp {
        ask: Ask,
        username: Option<Tag>,
        new: NewUser,
        credential: NewCredential,
        proof: AddressProof,
        mail: NewMail,
        mode: SignUpMode,
        lifetime: Option<Span>,
    },
    /// Register a user for somebody; they set their password by recovery.
    CreateUser {
        lookup: Tag,
        username: Option<Tag>,
        new: NewUser,
        origin: Sealed,
        by: Actor,
    },
    /// Keep a user from signing in.
    BanUser { user: UserId, by: Actor },
    /// Let a user sign in again.
    UnbanUser { user: UserId, by: Actor },
    /// Take a password away that others may know; the user sets a new one by recovery (NIST SP 800-63B-4 §3.1.1.2).
    RevokePassword { user: UserId, by: Actor },
    /// Destroy a user's keys.
    EraseUser { user: UserId, by: Actor },
    /// Close one's account.
    Withdraw {
        user: UserId,
        session: SessionId,
        proof: AddressProof,
        mails: Notices,
        origin: Sealed,
    },
    /// Change one's name and language.
    ChangeProfile {
        user: UserId,
        session: SessionId,
        name: Option<Sealed>,
        locale: Locale,
        origin: Sealed,
    },
    /// Take that back.
    CancelWithdraw { proof: ProofFound, origin: Sealed },
    /// Mail a new proof for taking a closing back, because an epoch voided the old one.
    RenewClosing {
        user: UserId,
        proof: AddressProof,
        mails: Notices,
    },
    /// Erase what is due to be erased.
    EraseDue { user: UserId },

    /// Ask for a mailed proof.
    RequestProof {
        ask: Ask,
        purpose: Purpose,
        callback: Option<Sealed>,
    },
    /// Answer a request with a proof and its mail; the proof lives so long, or as long as the settings say.
    IssueProof {
        request: Position,
        proof: AddressProof,
        mail: NewMail,
        lifetime: Option<Span>,
    },
    /// Answer a request with nothing.
    DropRequest { request: Position, cause: DropCause },
    /// Issue a recovery for a user, to be handed over by an administrator.
    IssueRecovery {
        user: UserId,
        proof: AddressProof,
        lifetime: Span,
        mails: Notices,
        by: Actor,
    },
    /// A typed code matched nothing.
    RefuseCode { ask: Ask, purpose: Purpose },
    /// A genuine proof came with something that may not be.
    RefuseProof {
        proof: ProofFound,
        cause: RefusedCause,
        origin: Sealed,
    },
    /// Set a new password by a proof.
    CompleteRecovery {
        proof: ProofFound,
        client: Client,
        against: Option<CredentialId>,
        credential: NewCredential,
        factor: FactorShown,
        mails: Notices,
    },
    /// Prove an address.
    VerifyAddress { proof: ProofFound, client: Client },
    /// Delete an account that was made with somebody else's address.
    DisownSignUp { token: TokenId, origin: Sealed },

    /// Sign in.
    SignIn {
        ask: Ask,
        verdict: PasswordVerdict,
        factor: FactorShown,
        session: NewSession,
        require_verified: bool,
    },
    /// What a flow asks for on its way.
    Walk(Walk),
    /// Ask for a code by mail, to sign in with.
    ChallengeMailbox {
        ask: Ask,
        verdict: PasswordVerdict,
        proof: AddressProof,
        mail: Option<NewMail>,
        lifetime: Option<Span>,
    },
    /// Tell a user of a sign-in that was left alone before its second factor.
    TellUnfinished { user: UserId, mails: Notices },
    /// Add an authenticator app, which waits for its first code.
    BeginTotp {
        who: Reauthenticated,
        factor: FactorId,
        seed: Sealed,
    },
    /// The first code of an app: right for a time step, or wrong.
    ConfirmTotp {
        user: UserId,
        session: SessionId,
        factor: FactorId,
        step: Option<u64>,
        codes: NewCodes,
        mails: Notices,
        origin: Sealed,
    },
    /// Add a mailbox, which waits for its first code; `mailbox` is what it says under the day's key, unless it is one of
    /// the user's.
    BeginMailbox {
        who: Reauthenticated,
        factor: FactorId,
        address: AddressId,
        sealed: Option<Sealed>,
        mailbox: Option<Tag>,
        proof: AddressProof,
        mail: NewMail,
        lifetime: Option<Span>,
        client: Client,
    },
    /// The first code of a mailbox: right or wrong.
    ConfirmMailbox {
        user: UserId,
        session: SessionId,
        token: TokenId,
        is_right: bool,
        codes: Option<NewCodes>,
        mails: Notices,
        origin: Sealed,
    },
    /// Take away one's factors: of one kind, or all.
    RemoveFactors {
        who: Reauthenticated,
        kind: Option<FactorKind>,
        mails: Notices,
    },
    /// Make new recovery codes.
    IssueRecoveryCodes {
        who: Reauthenticated,
        codes: NewCodes,
        mails: Notices,
    },
    /// Take away a user's factors: of one kind, or all.
    RevokeFactors {
        user: UserId,
        kind: Option<FactorKind>,
        mails: Notices,
        by: Actor,
    },
    /// Do something about a user's addresses.
    Address(AddressCommand),
    /// Do something about what can be objected to.
    Objection(ObjectionCommand),
    /// Do what administrators do about users and mails.
    Manage(ManagementCommand),
    /// Do something about a receiver of events.
    Webhook(WebhookCommand),
    /// Bring somebody new, or come by an invitation.
    Newcomer(Box<NewcomerCommand>),
    /// Put the same password under stronger parameters.
    UpgradeVerifier { user: UserId, credential: NewCredential },
    /// Set a new password, knowing the old one; or only ask whether that is known.
    ChangePassword {
        user: UserId,
        session: SessionId,
        verdict: PasswordVerdict,
        change: PasswordChange,
        mails: Notices,
        origin: Sealed,
    },
    /// Exchange a refresh token.
    Refresh {
        session: SessionId,
        counter: u32,
        refresh_key: u32,
        mails: Notices,
        origin: Sealed,
    },
    /// End the session one is in.
    SignOut {
        user: UserId,
        session: SessionId,
        origin: Option<Sealed>,
    },
    /// End one session.
    EndSession {
        user: UserId,
        session: SessionId,
        by: Actor,
        origin: Option<Sealed>,
    },
    /// End all sessions of a user, but for one perhaps.
    EndSessions {
        user: UserId,
        except: Option<SessionId>,
        by: Actor,
        origin: Option<Sealed>,
    },

    /// The next server took a mail.
    MailDelivered {
        queued: Position,
        attempt: u16,
        status: u16,
    },
    /// A mail is to be tried again.
    MailDeferred {
        queued: Position,
        attempt: u16,
        status: u16,
        step: u8,
        next: Timestamp,
    },
    /// Tell administrators that scheduled backups fail; once a day at most.
    TellBackupFailed {
        mails: Vec<(UserId, AddressId, NewMail)>,
    },
    /// Mail administrators a signed checkpoint, unless that was done within this time.
    MailCheckpoint {
        every: Span,
        mails: Vec<(UserId, AddressId, NewMail)>,
    },
    /// A mail will not be delivered.
    MailEnded {
        queued: Position,
        attempt: u16,
        status: u16,
        step: u8,
        cause: MailEnd,
    },

    /// Write down how much was not written down.
    RecordSuppressed {
        class: SuppressedClass,
        count: u64,
        first: Option<Sealed>,
    },
}
