//! The one function that answers requests, whichever way they came.

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::ExposeSecret as _;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::following::FOLLOWERS_MAX;
use super::request::{
    Answer, BackupSince, KeyRow, NewKey, NewUserForm, Page, ProgressRow, RecoveryShown, Request, UserRow,
    Verdict, VerdictWord,
};
use super::rows::{
    backup_row, clock_word, compacted_row, key_row, kind_word, session_row, user_row, verdict, verdict_on,
};
use crate::app::EndOfLedger;
use crate::audit::Notary;
use crate::cli::exit::Failure;
use crate::config::Config;
use crate::desk::{Desk, Fault, NewPerson};
use crate::domain::{Actor, ApiKeyKind, Refusal, Role, State};
use crate::ledger::backup::{self, Destination, Order, Progress};
use crate::types::{
    ApiKeyId, EmailAddress, Locale, PersonName, Position, SessionId, Span, Timestamp, UserId, Username,
    WebOrigin, WebOrigins,
};

/// Characters of an API key's label.
const LABEL_CHARS_MAX: usize = 100;
/// Rows of one answer, whatever is asked for.
const ROWS_MAX: u32 = 1_000;

/// Answers requests at a desk.
pub(in crate::cli) struct Clerk {
    pub(super) desk: Desk,
    pub(super) notary: Arc<Notary>,
    /// Where recovery links point, if it is known where people reach this service.
    recovery_url: Option<String>,
    /// Whether the start could tell that the end of the ledger is there.
    end: EndOfLedger,
    /// Places for those who follow the events.
    pub(super) followers: Arc<Semaphore>,
}

impl Clerk {
    pub(in crate::cli) fn new(desk: Desk, notary: Arc<Notary>, config: &Config, end: EndOfLedger) -> Self {
        let recovery_url = config.recovery_url.as_ref().map(|url| url.as_str().to_owned());
        Self {
            desk,
            notary,
            recovery_url,
            end,
            followers: Arc::new(Semaphore::new(FOLLOWERS_MAX)),
        }
    }

    /// Answers a request; trouble is an answer too. `tell` hears how far long work is.
    pub(in crate::cli) async fn answer(&self, request: Request, tell: Tell) -> Answer {
        self.try_answer(request, tell)
            .await
            .unwrap_or_else(Answer::Failed)
    }

    async fn try_answer(&self, request: Request, tell: Tell) -> Result<Answer, Failure> {
        let desk = &self.desk;
        let by = Actor::Operator;
        match request {
            Request::CreateUser(form) => {
                let id = desk.create_user(person(&form)?, by).await?;
                Ok(Answer::UserCreated(self.row(id)?))
            }
            Request::ListUsers { skip, take } => Ok(Answer::Users(self.users(skip, take))),
            Request::ShowUser { user } => Ok(Answer::User(self.row(self.find(&user)?)?)),
            Request::BanUser { user } => {
                let id = self.find(&user)?;
                desk.ban_user(id, by).await?;
                Ok(Answer::Banned(self.row(id)?))
            }
            Request::UnbanUser { user } => {
                let id = self.find(&user)?;
                desk.unban_user(id, by).await?;
                Ok(Answer::Unbanned(self.row(id)?))
            }
            Request::RevokePassword { user } => {
                let id = self.find(&user)?;
                desk.revoke_password(id, by).await?;
                Ok(Answer::PasswordRevoked(self.row(id)?))
            }
            Request::EraseUser { user } => {
                let id = self.find(&user)?;
                desk.erase_user(id, by).await?;
                Ok(Answer::Erased { id: id.to_string() })
            }
            Request::Recover { user, minutes } => self.recover(&user, minutes).await,
            Request::ImportUsers(form) => self.import_users(form, tell).await,
            Request::Invite(form) => self.invite(form).await,
            Request::InviteAgain { user, days } => self.invite_again(&user, days).await,
            Request::TakeInvitationBack { user } => self.take_invitation_back(&user).await,
            Request::ListInvitations { skip, take } => Ok(self.invitations(skip, take)),
            Request::ListFactors { user } => self.list_factors(&user),
            Request::RemoveFactors { user, kind } => self.remove_factors(&user, kind.as_deref()).await,
            Request::ListSessions { user } => {
                let sessions = desk.sessions(self.find(&user)?);
                let items: Vec<_> = sessions.into_iter().map(session_row).collect();
                Ok(Answer::Sessions(page(items.len(), items)))
            }
            Request::EndSessions { session, user } => self.end_sessions(session, user).await,
            Request::CreateKey { kind, label, days } => self.create_key(&kind, label, days).await,
            Request::ListKeys => {
                let epoch = desk.engine().read(State::epoch);
                let keys: Vec<KeyRow> = desk
                    .api_keys()
                    .into_iter()
                    .map(|(id, key)| key_row(id, key, epoch))
                    .collect();
                Ok(Answer::Keys(page(keys.len(), keys)))
            }
            Request::ConfirmKey { key } => {
                let id: ApiKeyId = key.parse().map_err(|fault| Failure::value("key", fault))?;
                desk.confirm_api_key(id, by).await?;
                Ok(Answer::KeyConfirmed { id: id.to_string() })
            }
            Request::NameKeyOrigins { key, origins } => self.name_key_origins(&key, &origins).await,
            Request::RevokeKey { key } => {
                let id: ApiKeyId = key.parse().map_err(|fault| Failure::value("key", fault))?;
                desk.revoke_api_key(id, by).await?;
                Ok(Answer::KeyRevoked { id: id.to_string() })
            }
            Request::Outbox { take } => self.outbox(take).await,
            Request::Events(form) => self.events(form).await,
            Request::Explain(form) => self.explain(form).await,
            // The socket's server tells them itself; nothing happens where none runs.
            Request::Follow(_) => Err(Failure::unavailable(
                "events are followed at a running server only",
            )),
            Request::Past(form) => self.past(form, tell).await,
            Request::SetOnlineCheck(form) => Ok(Answer::OnlineCheck(self.set_online_check(form, by).await?)),
            Request::Blueprint(form) => Ok(Answer::Blueprint(self.blueprint(form, by).await?)),
            Request::ShowEpoch => Ok(Answer::Epoch(self.epoch().await?)),
            Request::StartEpoch { reason } => self.start_epoch(&reason).await,
            Request::ListRing => Ok(self.ring()),
            Request::RotateKey { purpose } => self.rotate_key(&purpose).await,
            Request::ReplaceMasterKey => self.replace_master_key().await,
            Request::Verify => Ok(Answer::Verified(self.verify().await)),
            Request::AuditCheckpoint => self.checkpoint().await,
            Request::AuditProof { position } => self.proof(position).await,
            Request::AuditShow { position } => self.show(position).await,
            Request::AuditExport { file, from, to } => self.export(file, from, to).await,
            Request::Compact => Ok(Answer::Compacted(compacted_row(&desk.compact().await?))),
            Request::Backup { to, since } => self.back_up(&to, since, tell).await,
            Request::AcceptClock => {
                let was = desk.accept_clock().await?;
                let status = desk.engine().clock().status();
                Ok(Answer::Clock {
                    status: clock_word(status).to_owned(),
                    was: clock_word(was).to_owned(),
                })
            }
        }
    }

    pub(super) fn find(&self, text: &str) -> Result<UserId, Failure> {
        self.desk
            .find_user(text.trim())
            .ok_or_else(|| Fault::Refused(Refusal::UserNotFound).into())
    }

    pub(super) fn row(&self, id: UserId) -> Result<UserRow, Failure> {
        self.desk
            .view_user(id)
            .map(user_row)
            .ok_or_else(|| Failure::refused("this user is gone, or their key is").field("user"))
    }

    fn users(&self, skip: u32, take: u32) -> Page<UserRow> {
        let (count, ids) = self.desk.list_users(skip as usize, bounded(take));
        // Whoever is erased at this moment is left out.
        let rows = ids
            .into_iter()
            .filter_map(|id| self.desk.view_user(id))
            .map(user_row)
            .collect();
        page(count, rows)
    }

    async fn recover(&self, user: &str, minutes: u32) -> Result<Answer, Failure> {
        if !(1..=1_440).contains(&minutes) {
            return Err(Failure::value(
                "--expires-in-minutes",
                "from 1 to 1440, which is a day",
            ));
        }
        let id = self.find(user)?;
        let lifetime = Span::minutes(i64::from(minutes));
        let recovery = self.desk.admin_recovery(id, lifetime, Actor::Operator).await?;
        let token = recovery.secret.expose_secret().to_owned();
        Ok(Answer::Recovery(RecoveryShown {
            id: id.to_string(),
            link: self.recovery_url.as_ref().map(|url| format!("{url}#t={token}")),
            token,
            code: recovery.code.expose_secret().to_owned(),
            expires_in_minutes: minutes,
        }))
    }

    async fn end_sessions(&self, session: Option<String>, user: Option<String>) -> Result<Answer, Failure> {
        let by = Actor::Operator;
        if let Some(session) = session {
            let id: SessionId = session
                .parse()
                .map_err(|fault| Failure::value("session", fault))?;
            let gone = || Failure::from(Fault::Refused(Refusal::SessionNotFound));
            let owner = self.desk.session_owner(id).ok_or_else(gone)?;
            self.desk.end_session(owner, id, by, None).await?;
            return Ok(Answer::SessionsEnded { ended: 1 });
        }
        let user = user.ok_or_else(|| Failure::value("session", "name a session, or --user"))?;
        let ended = self.desk.end_sessions(self.find(&user)?, None, by, None).await?;
        Ok(Answer::SessionsEnded { ended })
    }

    async fn create_key(&self, kind: &str, label: String, days: Option<u32>) -> Result<Answer, Failure> {
        let kind = match kind {
            "publishable" => ApiKeyKind::Publishable,
            "secret" => ApiKeyKind::Secret,
            _ => return Err(Failure::value("--kind", "there are publishable and secret")),
        };
        if label.chars().count() > LABEL_CHARS_MAX || label.chars().any(char::is_control) {
            let fault = format!("at most {LABEL_CHARS_MAX} characters, without control characters");
            return Err(Failure::value("--label", fault));
        }
        let expires = days.map(|days| self.now() + Span::days(i64::from(days)));
        let made = self
            .desk
            .create_api_key(kind, label, expires, Actor::Operator)
            .await?;
        Ok(Answer::KeyCreated(NewKey {
            id: made.id.to_string(),
            kind: kind_word(kind).to_owned(),
            key: made.text.expose_secret().to_owned(),
        }))
    }

    async fn name_key_origins(&self, key: &str, origins: &[String]) -> Result<Answer, Failure> {
        let id: ApiKeyId = key.parse().map_err(|fault| Failure::value("key", fault))?;
        let read: Result<Vec<_>, _> = origins.iter().map(|text| WebOrigin::parse(text)).collect();
        let origins = read
            .and_then(WebOrigins::new)
            .map_err(|fault| Failure::value("ORIGIN", fault))?;
        let shown = origins.iter().map(ToString::to_string).collect();
        self.desk
            .name_api_key_origins(id, origins, Actor::Operator)
            .await?;
        Ok(Answer::KeyOriginsNamed {
            id: id.to_string(),
            origins: shown,
        })
    }

    async fn back_up(&self, to: &str, since: BackupSince, tell: Tell) -> Result<Answer, Failure> {
        let path = PathBuf::from(to);
        if !path.is_absolute() {
            return Err(Failure::value("TO", "the path must be absolute"));
        }
        let order = Order {
            to: if path.is_dir() || to.ends_with('/') {
                Destination::Folder(path)
            } else {
                Destination::File(path)
            },
            since: match since {
                BackupSince::Beginning => backup::Since::Beginning,
                BackupSince::Position(position) => backup::Since::Position(Position(position)),
                BackupSince::Auto => backup::Since::Newest,
            },
            now: self.now(),
        };
        let tell = move |Progress { doing, done, of }| {
            let doing = doing.to_owned();
            tell(ProgressRow { doing, done, of });
        };
        let (made, _) = self.desk.back_up(order, None, Box::new(tell)).await?;
        Ok(Answer::BackedUp(backup_row(&made)))
    }

    async fn verify(&self) -> Verdict {
        let desk = self.desk.clone();
        match spawn_blocking(move || desk.verify()).await {
            Ok(Ok(report)) => verdict(&report, self.end),
            Ok(Err(fault)) => verdict_on(&fault),
            Err(_) => Verdict {
                word: VerdictWord::Unknown,
                events: 0,
                chain: None,
                findings: vec!["the check ended before it was done".to_owned()],
            },
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.desk.engine().clock().now()
    }
}

/// Hears how far long work is; must be quick.
pub(in crate::cli) type Tell = Box<dyn Fn(ProgressRow) + Send>;

pub(super) fn bounded(take: u32) -> usize {
    take.min(ROWS_MAX) as usize
}

pub(super) fn page<T>(total: usize, items: Vec<T>) -> Page<T> {
    Page {
        total: total as u64,
        items,
    }
}

pub(super) fn person(form: &NewUserForm) -> Result<NewPerson, Failure> {
    let address = EmailAddress::parse(&form.email).map_err(|fault| Failure::value("email", fault))?;
    let name = form.name.as_deref().map(PersonName::parse).transpose();
    let username = form.username.as_deref().map(Username::parse).transpose();
    let role = [Role::Admin, Role::User, Role::Guest]
        .into_iter()
        .find(|role| role.word() == form.role);
    Ok(NewPerson {
        address,
        name: name.map_err(|fault| Failure::value("--name", fault))?,
        username: username.map_err(|fault| Failure::value("--username", fault))?,
        role: role.ok_or_else(|| Failure::value("--role", "there are admin, user and guest"))?,
        locale: Locale::parse(&form.locale)
            .ok_or_else(|| Failure::value("--locale", "there are en and ko"))?,
    })
}
