//! The law: which events may follow which, and what they mean. Pure and synchronous throughout.
//!
//! [`decide()`] turns a command into events or a refusal; [`evolve()`] folds an event into state; [`lawful()`] tells an
//! auditor whether an event may stand where it stands. None of them knows a clock, randomness, a key, or what an
//! address says: what they need is in the command or in [`Context`]. So a ledger folds to the same state with or
//! without its keys.

mod access;
mod address;
mod causes;
mod changes;
mod codes;
mod command;
mod command_lookups;
pub mod common_passwords;
mod decide;
mod event;
mod evolve;
mod factor;
pub mod flow;
mod key_purpose;
mod lawful;
mod limits;
mod mail;
mod mail_kind;
mod management;
mod newcomer;
mod notices;
mod objection;
mod outcome;
mod outlook;
mod password_change;
pub mod password_policy;
mod preserved;
mod proof;
mod recorded;
mod recovery;
mod refusal;
mod safeguard;
mod session;
mod sign_in;
mod state;
mod strangers;
mod user;
mod verification;
mod walk;
mod webhook;
mod world;

pub use access::{ApiKeyKind, CheckpointRotation, Grants, NamedCheckpointKey};
pub use address::{ADDRESSES_MAX, AddressCommand};
pub use changes::{Change, Outline};
pub use codes::{code_gate, recent_tokens};
pub use command::{
    AddressProof, Ask, Client, Command, Context, NewApiKey, NewCredential, NewMail, NewObjection, NewSession,
    NewUser, Notices, Outcome, PasswordChange, PasswordVerdict, ProofFound, SignUpMode,
};
pub use decide::{Decision, decide};
pub use event::{
    Actor, Allowance, DropCause, EndCause, EpochReason, Event, FailCause, PasswordCause, Purpose, Recorded,
    RefusedCause, Subject, Via,
};
pub use evolve::evolve;
pub use factor::{
    Channel, FactorKind, FactorMailbox, FactorProof, FactorShown, FactorUse, FactorVerdict, Factors,
    MailboxBegun, NewCodes, RECOVERY_CODES, Reauthenticated, RecoveryCodes, RecoveryFactors, Totp, TotpBegun,
    UNFINISHED_AFTER, Unfinished, live_challenge, mailbox_brings_codes, recovery_factors, sealed_address,
};
pub use key_purpose::KeyPurpose;
pub use lawful::{Unlawful, lawful};
pub use limits::{Lifetimes, Limits};
pub use mail::{BACKUP_TOLD_EVERY, Mail, MailEnd, MailStanding};
pub use mail_kind::MailKind;
pub use management::ManagementCommand;
pub use newcomer::{INVITATION_LONGEST, INVITATION_USUAL, Invitation, Known, NewcomerCommand};
pub use objection::{OBJECTION_LIFE, Objected, ObjectionAbout, ObjectionCommand, added_since, objector};
pub use outlook::{Obstacle, Outlook, Unverified, is_token_alive, sign_in_outlook};
pub use preserved::Earlier;
pub use proof::{ProofHolder, check_proof};
pub use refusal::{LimitKind, LimitReached, Refusal};
pub use safeguard::{Candidate, Contested, Leaving, Objection, Recovered, Safeguards};
pub use session::{SessionFault, live_session, sign_in_gate};
pub use sign_in::{OtherSessions, SessionTerms, ShownBefore};
pub use state::{
    Address, ApiKey, CheckpointKey, Credential, Due, Epoch, Guard, Rare, Role, Session, Small, Standing,
    State, Token, TokenStanding, User,
};
pub use strangers::{StrangerClass, StrangerEntry, StrangerSet, SuppressedClass, Unwritten, Window};
pub use user::{closes_without_proof, may_sign_up};
pub use walk::Walk;
pub use webhook::{
    DEAD_LETTERS_MAX, OLD_SECRET_LIFE, WEBHOOKS_MAX, Webhook, WebhookCommand, WebhookEvent, WebhookForm,
    Webhooks,
};
pub use world::{Draft, Overlay, Preserved, Table, World};
