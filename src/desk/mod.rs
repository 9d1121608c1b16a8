//! The desk: where a request becomes a command.
//!
//! What is slow or needs keys happens here, before the writer: look-ups, password hashing, sealing, proofs. What the
//! law decides it decides again at the commit; the desk only prepares verdicts that name what they were computed
//! against. HTTP, pages and the command line are doors to the same desk.

mod account;
mod activity;
mod addresses;
mod admin;
mod api_keys;
mod backup;
mod browsers;
mod console;
mod cursor;
mod epochs;
mod expressions;
mod factors;
mod fault;
mod greeting;
mod keys;
mod objections;
mod objects;
mod origin;
mod outbox;
mod pace;
mod passwords;
mod past;
mod proofs;
mod recovery;
mod repeats;
mod sessions;
mod sign_up;
mod story;
mod verification;
mod verify;
mod walk;

use std::sync::{Arc, Mutex};

pub use account::{Profile, Reproof};
pub use addresses::AddressView;
pub use admin::{AdminRecovery, NewPerson, UserView};
pub(crate) use api_keys::new_api_key;
pub use api_keys::{ApiCaller, NewKeyText};
pub use backup::TellProgress;
pub use console::WaitingMail;
pub use cursor::{Cursor, CursorFault, EpochBegun, NotACursor};
pub use epochs::EpochView;
pub use expressions::{
    Circumstances, ExpressionFault, KnownUser, Undecided, check_expression, decide_expression,
};
pub use factors::{AppSetUp, FactorView, MailboxSetUp};
pub use fault::{AccessFault, Fault};
pub use greeting::Visitor;
pub use keys::{KeyView, KeysFault, MasterReplaced, Rotated};
pub use objections::NotMe;
pub use objects::{
    BLUEPRINT_BYTES_MAX, Blank, BlueprintMode, ChangeWord, Difference, FieldDifference, FormField, MASK,
    Node, ObjectFault, ObjectForm, ObjectKind, ObjectsFault, Referred, Shape, Tree, Way,
};
pub use origin::Origin;
pub use outbox::{Letter, LetterFault};
pub use past::{
    ChangesView, MomentView, NotThere, PastConfiguration, PastCounts, PastSignIn, PastToken, PastUser,
    PastView, TellPast,
};
pub use sessions::{Caller, SessionView, Tokens};
pub use sign_up::{SignUpAnswer, SignUpForm};
pub use story::{
    EVENTS_MAX, Ending, EventFilter, Line, Recovery, RecoveryTold, STORIES_MAX, Step, StepWhat, Which,
    tell_plainly, vocabulary,
};
pub use verify::{VerifyFault, VerifyReport, verify};
pub use walk::{
    Answer, BegunSession, Challenge, Component, Denial, Done, DryRun, DryStep, DryVerdict, EnterBy,
    FlowFault, FlowHead, FlowStep, LeadsTo, Mistake, Reproofs, Scene, ShownSecret, StageMail, Walker, Wrong,
};

use crate::breach::Leaks;
use crate::crypto::PasswordPool;
use crate::domain::Limits;
use crate::domain::flow::GlobalMail;
use crate::engine::{Engine, Lane, Trouble};
use crate::types::{Span, Timestamp};
use cursor::KnownEpochs;
use greeting::DayKeys;
use repeats::Repeats;

/// What the desk is told by configuration.
#[derive(Clone, Debug)]
pub struct DeskSettings {
    /// The product's name: part of the context that passwords may not be made of.
    pub brand: String,
    /// The password policy of the REST routes.
    pub password_policy: String,
    /// Whether sign-up tells that an address is taken.
    pub enumeration: Enumeration,
    /// Whether an unverified address keeps its owner out.
    pub require_verified_email: bool,
    /// Leaked passwords beyond the built-in list.
    pub leaks: Leaks,
    /// Whether the program's own mail settings name a server.
    pub mail: GlobalMail,
}

/// Whether sign-up tells that an address is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Enumeration {
    /// It does (409).
    Open,
    /// It answers alike, and mails the owner.
    Strict,
}

/// A handle to the desk; cheap to copy.
#[derive(Clone)]
pub struct Desk {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    passwords: PasswordPool,
    settings: DeskSettings,
    day_keys: DayKeys,
    repeats: Repeats,
    epochs: Mutex<KnownEpochs>,
    touched: Mutex<Vec<(crate::types::ApiKeyId, u32)>>,
    latest: walk::Latest,
    /// Held while a browser's session is prolonged.
    prolonging: tokio::sync::Mutex<()>,
    /// Held while somebody's latest events are looked for.
    looking_back: tokio::sync::Mutex<()>,
}

impl Desk {
    /// Opens the desk before a running engine.
    pub fn open(engine: Engine, passwords: PasswordPool, settings: DeskSettings) -> Self {
        let (day_keys, repeats) = (DayKeys::default(), Repeats::new(engine.entropy()));
        let inner = Inner {
            engine,
            passwords,
            settings,
            day_keys,
            repeats,
            epochs: Mutex::default(),
            touched: Mutex::default(),
            latest: walk::Latest::default(),
            prolonging: tokio::sync::Mutex::default(),
            looking_back: tokio::sync::Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The engine behind it.
    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// The hashing pool.
    pub fn passwords(&self) -> &PasswordPool {
        &self.inner.passwords
    }

    /// The settings.
    pub fn settings(&self) -> &DeskSettings {
        &self.inner.settings
    }

    /// The time. The clock began at the last event and never goes back, so it is never behind the ledger.
    pub fn now(&self) -> Timestamp {
        self.engine().clock().now()
    }

    fn limits(&self) -> &Limits {
        self.engine().limits()
    }

    /// Waits shortly and again while a command finds its verdict out of date; a bound, because each turn means that
    /// somebody else's command won.
    const ATTEMPTS_MAX: usize = 4;

    /// What a caller who met a full queue is told to wait.
    pub const OVERLOAD_WAIT: Span = Span::seconds(1);

    /// How often the same wrong value is answered before its sender is told to stop.
    pub const REPEATS_MAX: u32 = repeats::REPEATS_MAX;

    /// What the sender of a wrong value that came too often is told to wait.
    pub const REPEATS_WAIT: Span = repeats::COUNTED_FOR;
}

pub(crate) use crate::domain::{Command, Outcome, Refusal};

impl Desk {
    async fn carry_out(
        &self,
        lane: Lane,
        command: Command,
        keys: Vec<(crate::types::DataKeyId, crate::crypto::WrappedKey)>,
    ) -> Result<Outcome, Fault> {
        self.engine()
            .execute(lane, command, keys)
            .await
            .map_err(Fault::from)
    }
}

impl From<Trouble> for Fault {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Refused(refusal) => Self::Refused(refusal),
            Trouble::Overloaded => Self::Overloaded,
            Trouble::Stopped => Self::Stopped,
        }
    }
}
