//! What is, folded from what happened.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::types::{
    AddressId, ApiKeyId, CredentialId, Few, IdTable, Locale, Position, PublicKey, Sealed, SessionId, Tag,
    Timestamp, TokenId, UserId, WebOrigins,
};

use super::access::ApiKeyKind;
use super::event::{Actor, Purpose};
use super::factor::{Factors, Unfinished};
use super::flow::Flows;
use super::key_purpose::KeyPurpose;
use super::mail::Mail;
use super::newcomer::Invitation;
use super::password_policy::PasswordPolicy;
use super::safeguard::Safeguards;
use super::strangers::{StrangerSet, Window};
use super::webhook::Webhooks;

/// All projections. Nothing in it is clear text of anybody's personal data.
#[derive(Clone, Default, Debug)]
pub struct State {
    /// The few values that are not in a table.
    pub small: Small,
    /// Users.
    pub users: IdTable<UserId, Box<User>>,
    /// What was tried against users; nothing against most. Apart from them, so that trying copies no user.
    pub guards: IdTable<UserId, Box<Guard>>,
    /// Whose an address is, or was a short while ago.
    pub addresses: IdTable<AddressId, UserId>,
    /// Sessions that have not ended (they may have expired).
    pub sessions: IdTable<SessionId, Box<Session>>,
    /// Recent proofs.
    pub tokens: IdTable<TokenId, Box<Token>>,
    /// Requests that a worker has yet to answer with a mail, in their order.
    pub requests: BTreeMap<Position, Due>,
    /// Mails that are neither delivered nor given up, in their order.
    pub outbox: BTreeMap<Position, Mail>,
    /// Accounts that close, and when.
    pub closings: BTreeMap<UserId, Timestamp>,
    /// Users whose keys are destroyed, and where the ledger says so.
    pub erased: BTreeMap<UserId, Position>,
    /// Second factors, of the users who have some.
    pub factors: IdTable<UserId, Box<Factors>>,
    /// Sign-ins that were right so far and wait for their second factor: the first of each user.
    pub unfinished: BTreeMap<UserId, Unfinished>,
    /// Who was invited and has not come yet.
    pub invitations: BTreeMap<UserId, Invitation>,
    /// What is kept for some days so that changes can be undone, of the users who changed something lately.
    pub safeguards: IdTable<UserId, Box<Safeguards>>,
    /// Whose something is that can be objected to.
    pub objections: IdTable<TokenId, UserId>,
    /// API keys.
    pub api_keys: BTreeMap<ApiKeyId, ApiKey>,
    /// What strangers did.
    pub strangers: BTreeMap<u16, StrangerSet>,
}

impl State {
    /// Where the next event goes.
    pub fn next(&self) -> Position {
        self.small.next
    }

    /// When the last event was decided.
    pub fn last_time(&self) -> Timestamp {
        self.small.last_time
    }

    /// The span of validity that is running.
    pub fn epoch(&self) -> Epoch {
        self.small.epoch
    }

    /// The password policy of a name.
    pub fn policy(&self, name: &str) -> Option<&PasswordPolicy> {
        self.small.flows.password_policy(name)
    }

    /// Receivers of events.
    pub fn webhooks(&self) -> &Arc<Webhooks> {
        &self.small.webhooks
    }

    /// The configuration of flows.
    pub fn flows(&self) -> &Arc<Flows> {
        &self.small.flows
    }
}

/// The few values that are not in a table.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct Small {
    /// Where the next event goes.
    pub next: Position,
    /// When the last event was decided.
    pub last_time: Timestamp,
    /// The running epoch.
    pub epoch: Epoch,
    /// Bytes that strangers added in this day.
    pub stranger_day: Window,
    /// Bytes that strangers added in this quarter of a day.
    pub stranger_burst: Window,
    /// The key that signs checkpoints, once one was named.
    pub checkpoint_key: Option<CheckpointKey>,
    /// Flows, stages, bindings and policies: one value, which readers share.
    pub flows: Arc<Flows>,
    /// The keys that were rotated: the numbers of those that took their places.
    pub rotated: Few<(KeyPurpose, u32)>,
    /// When administrators were last told that scheduled backups fail.
    pub backup_told: Option<Timestamp>,
    /// When administrators were last mailed a checkpoint.
    pub checkpoint_mailed: Option<Timestamp>,
    /// Receivers of events: one value, which readers share.
    pub webhooks: Arc<Webhooks>,
}

/// The key that signs checkpoints.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CheckpointKey {
    /// Its name in the keyring.
    pub id: u32,
    /// Its public half.
    pub public: PublicKey,
    /// The epoch in which it was named, or took the place of another.
    pub epoch: u32,
}

/// A span of validity.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Epoch {
    /// Its number, from 1.
    pub number: u32,
    /// Sessions, tokens and mails from before this are void.
    pub valid_from: Position,
    /// Passwords from before this need one mailed proof, and secret API keys a confirmation: where the last epoch that
    /// began in distrust did.
    pub trusted_from: Position,
}

/// What a user may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Role {
    /// Everything.
    Admin,
    /// What concerns themself.
    User,
    /// Less than that, as the client applications decide.
    Guest,
}

impl Role {
    /// The word in JSON, tokens and the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
            Self::Guest => "guest",
        }
    }
}

/// Whether a user may sign in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Standing {
    /// Yes.
    Active,
    /// No, until an administrator says otherwise.
    Banned,
    /// No: the account closes at that time, unless it is taken back.
    Closing(Timestamp),
}

/// A person's account.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct User {
    /// What they may do.
    pub role: Role,
    /// Whether they may sign in.
    pub standing: Standing,
    /// Their language.
    pub locale: Locale,
    /// Their name, sealed.
    pub name: Option<Sealed>,
    /// Their addresses; the first is the one they sign in with.
    pub addresses: Few<Address>,
    /// Their password.
    pub credential: Option<Credential>,
    /// Sessions and tokens from here or before are dead.
    pub valid_from: Position,
    /// Where they last proved a mailbox, or came to be.
    pub proven: Position,
    /// When they came to be.
    pub created: Timestamp,
    /// When they last changed.
    pub updated: Timestamp,
    /// When they last signed in.
    pub last_login: Option<Timestamp>,
    /// Their sessions, oldest first.
    pub sessions: Few<SessionId>,
    /// Their recent proofs, oldest first.
    pub tokens: Few<TokenId>,
    /// Networks they signed in from, and when last.
    pub known: Few<(Tag, Timestamp)>,
    /// What most do not have.
    pub rare: Option<Box<Rare>>,
}

/// What most users do not have, kept apart so that they do not pay for it.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct Rare {
    /// Their user name, sealed.
    pub username: Option<Sealed>,
    /// Earlier passwords that the policy compares new ones with, latest first; none by default.
    pub past: Few<Credential>,
}

impl User {
    /// The address of that id.
    pub fn address(&self, id: AddressId) -> Option<&Address> {
        self.addresses.iter().find(|address| address.id == id)
    }

    /// Their user name, sealed.
    pub fn username(&self) -> Option<&Sealed> {
        self.rare.as_ref()?.username.as_ref()
    }

    /// Earlier passwords that the policy compares new ones with, latest first; none by default.
    pub fn past(&self) -> &[Credential] {
        self.rare.as_ref().map_or(&[], |rare| &rare.past)
    }

    pub(super) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Whether the password lets nobody in before a mailbox of theirs was proven once in this time.
    pub fn awaits_proof(&self, epoch: Epoch) -> bool {
        self.proven < epoch.trusted_from
    }

    /// The generation of the password, if there is one.
    pub fn credential_id(&self) -> Option<CredentialId> {
        self.credential.as_ref().map(|credential| credential.id)
    }
}

/// One address of a user.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Address {
    /// Its id.
    pub id: AddressId,
    /// What it says, sealed.
    pub sealed: Sealed,
    /// When it was proven.
    pub verified: Option<Timestamp>,
}

/// A password.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Credential {
    /// Its generation.
    pub id: CredentialId,
    /// The verifier, sealed under the credential's own key.
    pub verifier: Sealed,
    /// When it was set.
    pub set: Timestamp,
}

/// Counters of what was tried against a user. They are never evicted.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct Guard {
    /// Wrong sign-ins by network: tag, how many, when last. At most 64; the one touched longest ago goes.
    pub sign_ins: Vec<(Tag, u16, Timestamp)>,
    /// Wrong sign-ins from everywhere, in an hour.
    pub sign_ins_hour: Window,
    /// Mails, in an hour.
    pub mails_hour: Window,
    /// Mails, in a day.
    pub mails_day: Window,
    /// Wrong codes, in a day.
    pub codes_day: Window,
    /// Mails out of the reserve, in a day.
    pub reserve_mails: Window,
    /// Wrong codes out of the reserve, in a day.
    pub reserve_codes: Window,
    /// Wrong current passwords, in 15 minutes.
    pub current_password: Window,
    /// Refused new passwords, in 15 minutes.
    pub refused_passwords: Window,
    /// Wrong second factors, in 15 minutes.
    pub factors: Window,
    /// Those of them that may have been meant for a mailed code, in a day.
    pub mailed_codes: Window,
    /// Notices of failed second factors, in an hour.
    pub factor_notices: Window,
    /// Notices of sign-ins from new places, in an hour.
    pub new_sign_ins: Window,
}

/// A sign-in on a device.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Session {
    /// Whose.
    pub user: UserId,
    /// Where it began.
    pub position: Position,
    /// When it began.
    pub created: Timestamp,
    /// When it was last refreshed.
    pub active: Timestamp,
    /// When it ends unless it is refreshed.
    pub expires: Timestamp,
    /// When it ends in any case.
    pub ends: Timestamp,
    /// The number of the refresh token that is good now.
    pub counter: u32,
    /// The key of that token.
    pub refresh_key: u32,
    /// Address and client it began from, sealed.
    pub origin: Sealed,
}

/// Whether a proof can still be used.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TokenStanding {
    /// It can, if it is not too old.
    Live,
    /// It was.
    Spent,
    /// A newer one took its place, or what it was bound to changed.
    Superseded,
}

/// A mailed proof. Its secret is nowhere: it is derived from the id and a key outside the ledger.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Token {
    /// Whose.
    pub user: UserId,
    /// Which address it was mailed to.
    pub address: AddressId,
    /// What it is good for.
    pub purpose: Purpose,
    /// The password it was issued under.
    pub credential: Option<CredentialId>,
    /// Where it was issued.
    pub position: Position,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// The key of the link's secret.
    pub link_key: u32,
    /// The key of the typed code.
    pub code_key: u32,
    /// Whether it can be used.
    pub standing: TokenStanding,
    /// Wrong codes typed while it was the live one.
    pub tries: u16,
    /// Refusals of it that the ledger holds.
    pub refusals: u16,
    /// Who had it issued.
    pub by: Actor,
    /// Where its link is to lead in the end, sealed; boxed, because hardly any has it.
    pub callback: Option<Box<Sealed>>,
}

impl Token {
    /// Whether the user's password is still the one it was issued under. Taking a closing back is not about the
    /// password: that proof outlives it.
    pub(super) fn fits_password(&self, user: &User) -> bool {
        self.purpose == Purpose::Reopen || self.credential == user.credential_id()
    }
}

/// A request that waits for its mail.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Due {
    /// The address.
    pub address: AddressId,
    /// What for.
    pub purpose: Purpose,
    /// In which language.
    pub locale: Locale,
    /// Where it came from, sealed.
    pub origin: Sealed,
    /// Where the mailed link is to lead in the end, sealed.
    pub callback: Option<Sealed>,
}

/// An API key.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ApiKey {
    /// Publishable or secret.
    pub kind: ApiKeyKind,
    /// A keyed hash of its text.
    pub hash: [u8; 32],
    /// The key of that hash.
    pub hash_key: u32,
    /// What the operator calls it.
    pub label: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
    /// Where it was made, or last confirmed.
    pub confirmed: Position,
    /// When it was last used, to the day.
    pub used: Option<Timestamp>,
    /// The pages whose scripts may call with it; secret keys have none.
    pub origins: WebOrigins,
}

impl ApiKey {
    /// Whether it opens nothing before a person confirms it: a secret key from before an epoch that began in distrust.
    pub fn awaits_confirmation(&self, epoch: Epoch) -> bool {
        self.kind == ApiKeyKind::Secret && self.revoked.is_none() && self.confirmed < epoch.trusted_from
    }
}
