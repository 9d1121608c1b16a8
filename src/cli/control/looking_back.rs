//! Answers about the past.

use std::collections::BTreeMap;

use tokio::task::spawn_blocking;

use super::clerk::{Clerk, Tell, bounded, page};
use super::past::{
    At, ChangeRow, ChangesShown, ConfigurationShown, CountsRow, Found, MomentRow, MomentShown, ObstacleRow,
    PastForm, PastKeyRow, PastShown, PastUserRow, PolicyRow, Question, SignInRow, TokenRow,
};
use super::request::{Answer, ProgressRow};
use super::rows::{kind_word, session_row, standing_words};
use crate::audit::hexadecimal;
use crate::cli::exit::Failure;
use crate::desk::{
    ChangesView, Cursor, Desk, MomentView, NotThere, PastConfiguration, PastSignIn, PastToken, PastUser,
    PastView,
};
use crate::domain::password_policy::PasswordPolicy;
use crate::domain::{ApiKey, Change, Epoch, Obstacle, Purpose};
use crate::engine::{Moment, PastFault};
use crate::ledger::StoreError;
use crate::types::{ApiKeyId, Position, Timestamp, UserId};

impl Clerk {
    pub(super) async fn past(&self, form: PastForm, tell: Tell) -> Result<Answer, Failure> {
        let tell = Box::new(move |done: Position, of: Position| {
            let doing = "folding what happened".to_owned();
            let (done, of) = (done.0, of.0);
            tell(ProgressRow { doing, done, of });
        });
        let shown = match form {
            PastForm::Moment { at, question } => {
                let moment = self.moment(at, "--at").await?;
                let view = self.desk.look_back(moment, tell).await;
                let view = view.map_err(|fault| Failure::from(fault).field("--at"))?;
                let desk = self.desk.clone();
                let found = spawn_blocking(move || -> Result<_, Failure> {
                    Ok(MomentShown {
                        moment: moment_row(&desk, &view.moment())?,
                        found: found(&view, &question)?,
                    })
                });
                PastShown::Moment(done(found.await)?)
            }
            PastForm::Changes { from, to, take } => {
                let (from, to) = (
                    self.moment(from, "--diff").await?,
                    self.moment(to, "--diff").await?,
                );
                let changes = self.desk.changes_between(from, to, tell).await;
                let changes = changes.map_err(|fault| Failure::from(fault).field("--diff"))?;
                let desk = self.desk.clone();
                let shown = spawn_blocking(move || changes_shown(&desk, changes, bounded(take)));
                PastShown::Changes(done(shown.await)?)
            }
        };
        Ok(Answer::Past(Box::new(shown)))
    }

    /// The moment that was typed.
    async fn moment(&self, at: At, field: &str) -> Result<Moment, Failure> {
        match at {
            At::Time(since) => Ok(Moment::Time(since.before(self.now()))),
            At::Cursor(text) => {
                let cursor: Cursor = text.parse().map_err(|fault| Failure::value(field, fault))?;
                let desk = self.desk.clone();
                let found = spawn_blocking(move || desk.resume(cursor).map_err(Failure::from)).await;
                done(found)
                    .map(Moment::Position)
                    .map_err(|failure| failure.field(field))
            }
        }
    }
}

fn done<T>(worked: Result<Result<T, Failure>, tokio::task::JoinError>) -> Result<T, Failure> {
    worked.unwrap_or_else(|_| Err(Failure::later("the ledger could not be read")))
}

fn moment_row(desk: &Desk, view: &MomentView) -> Result<MomentRow, StoreError> {
    Ok(MomentRow {
        at: view.at.rfc3339(),
        position: view.position.0,
        cursor: desk.cursor(view.position)?.to_string(),
        epoch: view.epoch.number,
        root: hexadecimal(&view.root),
    })
}

fn found(view: &PastView, question: &Question) -> Result<Found, Failure> {
    let find = |user: &str| {
        view.find_user(user.trim())
            .map_err(|fault| not_there(fault, view))
    };
    let list = |skip: u32, take: u32| (skip as usize, bounded(take));
    Ok(match question {
        Question::Counts => {
            let counts = view.counts();
            Found::Counts(CountsRow {
                users: counts.users as u64,
                sessions: counts.sessions as u64,
                tokens: counts.tokens as u64,
                mails: counts.mails as u64,
            })
        }
        Question::Users { skip, take } => {
            let (skip, take) = list(*skip, *take);
            let (total, users) = view.users(skip, take);
            Found::Users(page(total, users.into_iter().map(user_row).collect()))
        }
        Question::Sessions { user } => {
            let (total, sessions) = view.sessions(Some(find(user)?), 0, bounded(u32::MAX));
            Found::Sessions(page(total, sessions.into_iter().map(session_row).collect()))
        }
        Question::SignIn { user } => {
            let shown = view.sign_in(find(user)?)?;
            let shown = shown.ok_or_else(|| not_there(NotThere::Unknown, view))?;
            Found::SignIn(sign_in_row(&shown))
        }
        Question::Tokens { skip, take } => {
            let (skip, take) = list(*skip, *take);
            let (total, tokens) = view.tokens(skip, take);
            Found::Tokens(page(total, tokens.into_iter().map(token_row).collect()))
        }
        Question::Configuration => {
            let moment = view.moment();
            Found::Configuration(configuration_shown(view.configuration(), moment.at, moment.epoch))
        }
    })
}

fn not_there(fault: NotThere, view: &PastView) -> Failure {
    let at = view.moment().at;
    let failure = match fault {
        NotThere::Unknown => Failure::refused("there is no such user, and there was none then")
            .remedy("name them by id, or by the address or user name that they have today; `events --type UserErased` tells \
                     of those who were erased"),
        NotThere::NotYet(created) => {
            Failure::refused(format!("this user did not exist yet at {at}: they came at {created}"))
                .remedy(format!("ask for {created} or later"))
        }
        NotThere::Erased(position) => {
            Failure::refused(format!("this user had been erased by then, at position {position}"))
                .remedy(format!("ask for a position before {position}"))
        }
    };
    failure.field("user")
}

fn user_row(user: PastUser) -> PastUserRow {
    let (standing, closes) = standing_words(user.standing);
    PastUserRow {
        id: user.id.to_string(),
        email: user.email,
        email_verified: user.email_verified.map(Timestamp::rfc3339),
        name: user.name,
        role: user.role.word().to_owned(),
        standing: standing.to_owned(),
        closes,
        has_password: user.has_password,
        factors: user.factors.iter().map(|kind| kind.name().to_owned()).collect(),
        sessions: user.sessions as u64,
        locale: user.locale.tag().to_owned(),
        created: user.created.rfc3339(),
        updated: user.updated.rfc3339(),
        last_login: user.last_login.map(Timestamp::rfc3339),
    }
}

fn token_row(token: PastToken) -> TokenRow {
    TokenRow {
        id: token.id.to_string(),
        user: token.user.to_string(),
        address: token.address,
        purpose: purpose_word(token.purpose).to_owned(),
        issued: token.issued.rfc3339(),
        expires: token.expires.rfc3339(),
    }
}

fn purpose_word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Recovery => "recovery",
        Purpose::VerifyEmail => "verify-email",
        Purpose::Reopen => "reopen",
        Purpose::SignInCode => "sign-in-code",
        Purpose::EnrolMailbox => "enrol-mailbox",
        Purpose::AddAddress => "add-address",
    }
}

fn sign_in_row(shown: &PastSignIn) -> SignInRow {
    let outlook = &shown.outlook;
    let row = |code: &str, until: Option<Timestamp>, text: String| ObstacleRow {
        code: code.to_owned(),
        until: until.map(Timestamp::rfc3339),
        text,
    };
    let obstacle = |obstacle: &Obstacle| match (obstacle, shown.password_revoked) {
        (Obstacle::Banned, _) => row("banned", None, "the user was banned".to_owned()),
        (Obstacle::Closing(until), _) => {
            let text = format!("the account was closing; its data was to be destroyed at {until}");
            row("closing", Some(*until), text)
        }
        (Obstacle::NoPassword, Some(at)) => {
            let text = format!("the password had been taken away at {at}; recovery sets a new one");
            row("password-revoked", None, text)
        }
        (Obstacle::NoPassword, None) => {
            let text = "there was no password: none was set yet, or it was taken away; recovery sets one";
            row("no-password", None, text.to_owned())
        }
        (Obstacle::MailboxUnproven, _) => {
            let text =
                "after an epoch that began in distrust, the mailbox had to be proven once by a mailed code";
            row("mailbox-unproven", None, text.to_owned())
        }
        (Obstacle::Unverified, _) => {
            let text = "the address was not verified, and the settings of today ask for that";
            row("unverified", None, text.to_owned())
        }
        (Obstacle::TriedTooOften(until), _) => {
            let text = format!(
                "too many wrong passwords within an hour: no sign-in until {until}; the user was known from no network"
            );
            row("too-many-tries", Some(*until), text)
        }
    };
    let factors = (!outlook.factors.is_empty()).then(|| {
        let kinds: Vec<_> = outlook.factors.iter().map(|kind| kind.name()).collect();
        row(
            "second-factor",
            None,
            format!("a second factor was asked for: {}", kinds.join(", ")),
        )
    });
    let known = outlook.known_networks_only.filter(|_| outlook.is_open()).map(|until| {
        let text = format!(
            "too many wrong passwords within an hour: until {until} only from networks they had signed in from lately"
        );
        row("known-networks-only", Some(until), text)
    });
    let waiting = outlook.waiting_networks.map(|(count, until)| {
        let text =
            format!("after wrong passwords {count} networks had to wait, the last of them until {until}");
        row("networks-wait", Some(until), text)
    });
    SignInRow {
        user: shown.user.to_string(),
        could: outlook.is_open(),
        obstacles: outlook.obstacles.iter().map(obstacle).collect(),
        conditions: [factors, known, waiting].into_iter().flatten().collect(),
    }
}

fn configuration_shown(held: PastConfiguration, at: Timestamp, epoch: Epoch) -> ConfigurationShown {
    ConfigurationShown {
        policies: held.policies.iter().map(policy_row).collect(),
        api_keys: held
            .api_keys
            .iter()
            .map(|(id, key)| key_row(*id, key, at, epoch))
            .collect(),
        checkpoint_key: held.checkpoint_key.map(|key| key.public.to_string()),
    }
}

fn policy_row(policy: &PasswordPolicy) -> PolicyRow {
    let held = policy.settings();
    let settings = [
        ("length_min", held.length_min.to_string()),
        ("length_max", held.length_max.to_string()),
        ("amount_uppercase", held.amount_uppercase.to_string()),
        ("amount_lowercase", held.amount_lowercase.to_string()),
        ("amount_digits", held.amount_digits.to_string()),
        ("amount_symbols", held.amount_symbols.to_string()),
        ("symbol_charset", held.symbol_charset.clone()),
        ("error_message", held.error_message.clone()),
        ("check_static_rules", held.check_static_rules.to_string()),
        ("check_breached", held.check_breached.to_string()),
        (
            "check_have_i_been_pwned",
            held.check_have_i_been_pwned.to_string(),
        ),
        ("hibp_url", held.hibp_url.clone()),
        ("hibp_allowed_count", held.hibp_allowed_count.to_string()),
        ("check_zxcvbn", held.check_zxcvbn.to_string()),
        ("zxcvbn_score_threshold", held.zxcvbn_score_threshold.to_string()),
        ("check_context", held.check_context.to_string()),
        ("history", held.history.to_string()),
    ];
    PolicyRow {
        name: held.name.clone(),
        settings: settings
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    }
}

fn key_row(id: ApiKeyId, key: &ApiKey, at: Timestamp, epoch: Epoch) -> PastKeyRow {
    let state = if key.revoked.is_some() {
        "revoked"
    } else if key.expires.is_some_and(|expires| at >= expires) {
        "expired"
    } else if key.awaits_confirmation(epoch) {
        "waiting"
    } else {
        "good"
    };
    PastKeyRow {
        id: id.to_string(),
        kind: kind_word(key.kind).to_owned(),
        label: key.label.clone(),
        state: state.to_owned(),
        created: key.created.rfc3339(),
        expires: key.expires.map(Timestamp::rfc3339),
        revoked: key.revoked.map(Timestamp::rfc3339),
    }
}

fn changes_shown(desk: &Desk, view: ChangesView, take: usize) -> Result<ChangesShown, Failure> {
    let ChangesView { from, to, changes } = view;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for change in &changes {
        *counts.entry(described(change).what.to_owned()).or_default() += 1;
    }
    let rows = changes.iter().take(take).map(|change| change_row(desk, change));
    Ok(ChangesShown {
        from: moment_row(desk, &from)?,
        to: moment_row(desk, &to)?,
        counts,
        changes: page(changes.len(), rows.collect()),
    })
}

/// A change in words that follow the name of whoever it concerns.
struct Described {
    what: &'static str,
    user: Option<UserId>,
    id: Option<String>,
    text: String,
}

fn change_row(desk: &Desk, change: &Change) -> ChangeRow {
    let Described { what, user, id, text } = described(change);
    let address = user.and_then(|user| desk.masked_address(user));
    let whom = match (&address, user) {
        (Some(masked), _) => format!("{masked} "),
        (None, Some(user)) => format!("user {user} "),
        (None, None) => String::new(),
    };
    ChangeRow {
        what: what.to_owned(),
        user: user.map(|user| user.to_string()),
        address,
        id,
        text: whom + &text,
    }
}

fn described(change: &Change) -> Described {
    let about = |what, user: UserId, id: Option<String>, text: &str| Described {
        what,
        user: Some(user),
        id,
        text: text.to_owned(),
    };
    let of_house = |what, id: Option<String>, text: String| Described {
        what,
        user: None,
        id,
        text,
    };
    let proof = |what, user: UserId, id: String, purpose: Purpose, end: &str| {
        let text = format!("has a proof of {} that {end}", purpose_word(purpose));
        Described {
            what,
            user: Some(user),
            id: Some(id),
            text,
        }
    };
    match change {
        Change::EpochBegan(number) => of_house("epoch-began", None, format!("epoch {number} began")),
        Change::UserMade(user) => about("user-made", *user, None, "came to be"),
        Change::UserErased(user) => about("user-erased", *user, None, "was erased"),
        Change::UserBanned(user) => about("user-banned", *user, None, "was banned"),
        Change::UserUnbanned(user) => about("user-unbanned", *user, None, "was let in again"),
        Change::ClosingBegan(user, until) => about(
            "closing-began",
            *user,
            None,
            &format!("closes the account, final at {until}"),
        ),
        Change::ClosingTakenBack(user) => about("closing-taken-back", *user, None, "took the closing back"),
        Change::RoleChanged(user, role) => {
            about("role-changed", *user, None, &format!("became {}", role.word()))
        }
        Change::AddressAdded(user, id) => about(
            "address-added",
            *user,
            Some(id.to_string()),
            "has another address",
        ),
        Change::AddressRemoved(user, id) => about(
            "address-removed",
            *user,
            Some(id.to_string()),
            "has an address less",
        ),
        Change::AddressVerified(user, id) => about(
            "address-verified",
            *user,
            Some(id.to_string()),
            "proved an address",
        ),
        Change::PasswordSet(user) => about("password-set", *user, None, "has another password"),
        Change::PasswordRevoked(user) => about("password-revoked", *user, None, "has no password any more"),
        Change::FactorAdded(user, kind, id) => {
            let text = format!("has a second factor more: {}", kind.name());
            about("factor-added", *user, Some(id.to_string()), &text)
        }
        Change::FactorRemoved(user, kind, id) => {
            let text = format!("has a second factor less: {}", kind.name());
            about("factor-removed", *user, Some(id.to_string()), &text)
        }
        Change::SessionBegan(user, id) => {
            about("session-began", *user, Some(id.to_string()), "has a session more")
        }
        Change::SessionEnded(user, id) => about(
            "session-ended",
            *user,
            Some(id.to_string()),
            "has a session less: ended, expired or void",
        ),
        Change::TokenIssued(user, id, purpose) => {
            proof("token-issued", *user, id.to_string(), *purpose, "was issued")
        }
        Change::TokenSpent(user, id, purpose) => {
            proof("token-spent", *user, id.to_string(), *purpose, "was used")
        }
        Change::TokenDied(user, id, purpose) => proof(
            "token-died",
            *user,
            id.to_string(),
            *purpose,
            "opens nothing any more: superseded, expired or void",
        ),
        Change::PolicySaved(name) => of_house(
            "policy-saved",
            None,
            format!("password policy {name} was made or changed"),
        ),
        Change::ApiKeyMade(id) => of_house(
            "api-key-made",
            Some(id.to_string()),
            format!("API key {id} was made"),
        ),
        Change::ApiKeyRevoked(id) => of_house(
            "api-key-revoked",
            Some(id.to_string()),
            format!("API key {id} was revoked"),
        ),
        Change::ApiKeyConfirmed(id) => of_house(
            "api-key-confirmed",
            Some(id.to_string()),
            format!("API key {id} was confirmed"),
        ),
        Change::CheckpointKeyChanged(key) => of_house(
            "checkpoint-key-changed",
            None,
            format!("checkpoints are signed with key {key}"),
        ),
    }
}

impl From<PastFault> for Failure {
    fn from(fault: PastFault) -> Self {
        let message = fault.to_string();
        match fault {
            PastFault::Future { now, .. } => Self::usage(message).remedy(format!("name a time up to {now}")),
            PastFault::BeforeFirst { first, .. } => {
                Self::usage(message).remedy(format!("name a time from {first} on, or a position"))
            }
            PastFault::Beyond { next, .. } => {
                let last = next.0.saturating_sub(1);
                Self::usage(message).remedy(format!("name a position up to {last}"))
            }
            PastFault::Backwards => Self::usage(message).remedy("name the earlier moment first"),
            PastFault::Busy => Self::later(message).remedy("try again when that is done"),
            PastFault::Stopped => Self::later(message).remedy("try again"),
            PastFault::Replay(_) | PastFault::Store(_) => Self::unavailable(message)
                .remedy("`keyledger verify` says where the ledger is not what was written"),
        }
    }
}
