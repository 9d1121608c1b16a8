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
mod following;
mod greeting;
mod keys;
mod management;
mod newcomers;
mod objections;
mod objects;
mod origin;
mod outbox;
mod overview;
mod pace;
mod passwords;
mod past;
mod people;
mod proofs;
mod recovery;
mod repeats;
mod services;
mod sessions;
mod sign_up;
mod story;
mod verification;
mod verify;
mod waiting;
mod walk;
mod webhooks;

use std::sync::{Arc, Mutex};

pub use account::{Profile, Reproof};
pub use addresses::AddressView;
pub use admin::{AdminRecovery, NewPerson, UserView};
pub(crate) use api_keys::new_api_key;
pub use api_keys::{ApiCaller, NewKeyText};
pub use backup::TellProgress;
pub use cursor::{Cursor, CursorFault, EpochBegun, NotACursor};
pub use epochs::EpochView;
pub use expressions::{
    Circumstances, ExpressionFault, KnownUser, Undecided, check_expression, decide_expression,
};
pub use factors::{AppSetUp, FactorView, MailboxSetUp};
pub use fault::{AccessFault, Fault};
pub use following::Following;
pub use greeting::Visitor;
pub use keys::{KeyView, KeysFault, MasterReplaced, Rotated};
pub use management::{Editor, ProfileEdit};
pub use newcomers::{Incoming, InvitationView, Met};
pub use objections::NotMe;
pub use objects::{
    BLUEPRINT_BYTES_MAX, Blank, BlueprintMode, ChangeWord, Difference, FieldDifference, FormField, MASK,
    Node, ObjectFault, ObjectForm, ObjectKind, ObjectsFault, Referred, Shape, Tree, Way, policy_settings,
    stage_settings,
};
pub use origin::Origin;
pub use outbox::{Letter, LetterFault};
pub use overview::{DAYS, DayCounts, Overview};
pub use past::{
    ChangesView, MomentView, NotThere, PastConfiguration, PastCounts, PastSignIn, PastToken, PastUser,
    PastView, TellPast,
};
pub use people::{Direction, PeopleFault, PeopleOrder, PeopleQuery, SOUGHT_CHARS_MAX, Sought};
pub use services::{KnownPerson, TokenFacts, TokenKind};
pub use sessions::{Caller, SessionView, Tokens};
pub use sign_up::{SignUpAnswer, SignUpForm};
pub use story::{
    EVENTS_MAX, Ending, EventFilter, EventTold, Line, Recovery, RecoveryTold, STORIES_MAX, Step, StepWhat,
    TERMS, Which, no_events, no_recoveries, tell_plainly, vocabulary,
};
pub use verify::{Verification, VerificationStanding, VerifyFault, VerifyReport, verify};
pub use waiting::WaitingMail;
pub use walk::{
    Answer, BegunSession, Challenge, Component, Denial, Done, DryRun, DryStep, DryVerdict, EnterBy,
    FlowFault, FlowHead, FlowStep, LeadsTo, Mistake, Reproofs, Scene, SetUpWay, SetUpWays, ShownSecret,
    StageMail, ToKeep, Walker, Wrong,
};

pub use webhooks::{
    DeadLetter, Sent, Upcoming, WebhookFault, WebhookSettings, WebhookStanding, WebhookText, WebhookView,
    WebhookWrong,
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
    /// How receivers of events are reached.
    pub webhooks: WebhookSettings,
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
    /// Addresses whose mails were hastened, until the courier asks.
    hastened: Mutex<Vec<crate::types::AddressId>>,
    /// The index of users, once somebody lists them.
    roll: Arc<tokio::sync::Mutex<people::Roll>>,
    /// Where in the ledger to look for somebody's events, once somebody asks.
    traces: story::Traces,
    /// Held while somebody counts what happened on which day.
    tally: Arc<tokio::sync::Mutex<overview::Tally>>,
    /// What was counted last.
    days: Mutex<std::collections::BTreeMap<u32, DayCounts>>,
    /// The latest proof of the ledger.
    verification: Mutex<Option<Verification>>,
    /// One that runs.
    verifying: Mutex<Option<verify::RunningVerification>>,
    /// How deliveries to receivers of events go.
    webhooks: webhooks::WebhookDesk,
}

impl Inner {
    fn hastened(&self) -> std::sync::MutexGuard<'_, Vec<crate::types::AddressId>> {
        self.hastened
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
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
            hastened: Mutex::default(),
            roll: Arc::default(),
            traces: story::Traces::default(),
            tally: Arc::default(),
            days: Mutex::default(),
            verification: Mutex::default(),
            verifying: Mutex::default(),
            webhooks: webhooks::WebhookDesk::default(),
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

    /// Attempts at a command whose verdict was out of date; a bound, because each turn means that somebody else's command
    /// won.
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
    /// Computes a verdict and has it decided; once more while what it was computed against gave way meanwhile.
    async fn until_current<T, F>(attempt: impl Fn() -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        for _ in 0..Self::ATTEMPTS_MAX {
            match attempt().await {
                Err(Fault::Refused(Refusal::Outdated)) => {}
                decided => return decided,
            }
        }
        Err(Fault::Overloaded)
    }

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
