//! Answers about the past.

use tokio::task::spawn_blocking;

use super::changed::changes_shown;
use super::clerk::{Clerk, Tell, bounded, page};
use super::configured::configuration_shown;
use super::past::{
    At, CountsRow, Found, MomentRow, MomentShown, ObstacleRow, PastForm, PastShown, PastUserRow, Question,
    SignInRow, TokenRow,
};
use super::request::{Answer, ProgressRow};
use super::rows::{session_row, standing_words};
use crate::audit::hexadecimal;
use crate::cli::exit::Failure;
use crate::desk::{Cursor, Desk, MomentView, NotThere, PastSignIn, PastToken, PastUser, PastView};
use crate::domain::{Obstacle, Purpose};
use crate::engine::{Moment, PastFault};
use crate::ledger::StoreError;
use crate::types::{Position, Timestamp};

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

pub(super) fn moment_row(desk: &Desk, view: &MomentView) -> Result<MomentRow, StoreError> {
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
            Found::Configuration(configuration_shown(
                &view.configuration(),
                moment.at,
                moment.epoch,
            ))
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

pub(super) fn purpose_word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Recovery => "recovery",
        Purpose::VerifyEmail => "verify-email",
        Purpose::Reopen => "reopen",
        Purpose::SignInCode => "sign-in-code",
        Purpose::EnrolMailbox => "enrol-mailbox",
        Purpose::AddAddress => "add-address",
        Purpose::Invitation => "invitation",
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
