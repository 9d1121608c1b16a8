//! How a command reaches the ledger: through the running server's socket, or by opening the ledger itself.
//!
//! A request and its answer are each one line of JSON. The socket is `keyledger.sock` in the data directory, mode 0600,
//! and its server talks to processes of its own user and of root only. Whichever way a request takes, one function
//! answers it: [`Clerk::answer`].

mod auditing;
mod blueprints;
mod changed;
mod clerk;
mod client;
mod configured;
mod factors;
mod following;
mod importing;
mod inviting;
mod keeping;
mod looking_back;
mod outbox;
mod past;
mod policies;
mod request;
mod rows;
mod server;
mod socket;
mod telling;
mod told;

pub(super) use blueprints::{BlueprintForm, BlueprintShown};
pub(super) use clerk::Clerk;
pub(super) use client::{ask, ask_and_print, runtime, show_progress};
pub(super) use following::follow;
pub(super) use importing::{ImportForm, ImportShown};
pub(super) use inviting::{InvitationRow, InviteForm};
pub(super) use past::{
    At, ChangesShown, ConfigurationShown, Found, MomentRow, PastForm, PastShown, Question, SignInRow,
};
pub(super) use policies::{OnlineCheckForm, OnlineCheckShown};
pub(super) use request::{
    Answer, BackupRow, BackupSince, CompactedRow, EpochShown, FactorRow, KeyRow, MailRow,
    MasterReplacedShown, NewKey, NewUserForm, Page, ProgressRow, RecoveryShown, Request, RingKeyRow,
    RotatedShown, SessionRow, UserRow, Verdict, VerdictWord,
};
pub(super) use server::ControlServer;
pub(super) use told::{EventRow, EventsForm, EventsShown, ExplainForm, Since, StoriesShown, StoryRow};
