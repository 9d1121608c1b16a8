//! The one function that answers requests, whichever way they came.

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::ExposeSecret as _;
use tokio::task::spawn_blocking;

use super::request::{
    Answer, BackupRow, BackupSince, CompactedRow, KeyRow, NewKey, NewUserForm, Page, ProgressRow,
    RecoveryShown, Request, SessionRow, UserRow, Verdict, VerdictWord,
};
use crate::app::EndOfLedger;
use crate::audit::Notary;
use crate::cli::exit::{Failure, is_damage};
use crate::config::Config;
use crate::desk::{Desk, Fault, NewPerson, UserView, VerifyFault, VerifyReport};
use crate::domain::{Actor, ApiKey, ApiKeyKind, Epoch, Refusal, Role, Standing, State};
use crate::engine::Compacted;
use crate::ledger::backup::{self, Destination, Made, Order, Progress};
use crate::system::ClockStatus;
use crate::types::{
    ApiKeyId, EmailAddress, Locale, PersonName, Position, SessionId, Span, Timestamp, UserId, Username,
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
}

impl Clerk {
    pub(in crate::cli) fn new(desk: Desk, notary: Arc<Notary>, config: &Config, end: EndOfLedger) -> Self {
        let recovery_url = config.recovery_url.as_ref().map(|url| url.as_str().to_owned());
        Self {
            desk,
            notary,
            recovery_url,
            end,
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
            Request::ListFactors { user } => self.list_factors(&user),
            Request::RemoveFactors { user, kind } => self.remove_factors(&user, kind.as_deref()).await,
            Request::ListSessions { user } => {
                let sessions = desk.sessions(self.find(&user)?);
                let items: Vec<SessionRow> = sessions
                    .into_iter()
                    .map(|session| SessionRow {
                        id: session.id.to_string(),
                        user: session.user.to_string(),
                        ip: session.ip.map(|ip| ip.to_string()),
                        user_agent: session.user_agent,
                        active: session.active.rfc3339(),
                        created: session.created.rfc3339(),
                    })
                    .collect();
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
            Request::RevokeKey { key } => {
                let id: ApiKeyId = key.parse().map_err(|fault| Failure::value("key", fault))?;
                desk.revoke_api_key(id, by).await?;
                Ok(Answer::KeyRevoked { id: id.to_string() })
            }
            Request::Outbox { take } => self.outbox(take).await,
            Request::Events(form) => self.events(form).await,
            Request::SetOnlineCheck(form) => Ok(Answer::OnlineCheck(self.set_online_check(form, by).await?)),
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
            self.desk.end_session(owner, id, by).await?;
            return Ok(Answer::SessionsEnded { ended: 1 });
        }
        let user = user.ok_or_else(|| Failure::value("session", "name a session, or --user"))?;
        let ended = self.desk.end_sessions(self.find(&user)?, None, by).await?;
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
            Ok(Err(fault)) => Verdict {
                word: match &fault {
                    VerifyFault::Store(error) if !is_damage(error) => VerdictWord::Unknown,
                    VerifyFault::Store(_)
                    | VerifyFault::Record { .. }
                    | VerifyFault::Event { .. }
                    | VerifyFault::Misplaced { .. }
                    | VerifyFault::Unfinished { .. }
                    | VerifyFault::Unlawful(_) => VerdictWord::Bad,
                },
                events: 0,
                chain: None,
                findings: vec![fault.to_string()],
            },
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

fn hex(bytes: [u8; 32]) -> String {
    blake3::Hash::from_bytes(bytes).to_hex().to_string()
}

fn compacted_row(compacted: &Compacted) -> CompactedRow {
    let proof = &compacted.proof;
    CompactedRow {
        bytes_before: compacted.before,
        bytes_after: compacted.after,
        events: proof.head.next.0,
        chain: hex(proof.head.chain),
        tree_root: hex(proof.root),
        state_hash: hex(proof.state_hash),
        paused_milliseconds: u64::try_from(compacted.paused.as_millis()).unwrap_or(u64::MAX),
    }
}

fn backup_row(made: &Made) -> BackupRow {
    BackupRow {
        file: made.path.as_ref().map(|path| path.display().to_string()),
        ledger: uuid::Uuid::from_bytes(made.header.ledger).to_string(),
        from: made.header.from.next.0,
        next: made.header.to.next.0,
        records: made.summary.records,
        keys: made.summary.key_entries,
        bytes: made.bytes,
        blake3: hex(made.hash),
        chain: hex(made.header.to.chain),
        fresh_start: made.fresh_start.clone(),
    }
}

pub(super) fn bounded(take: u32) -> usize {
    take.min(ROWS_MAX) as usize
}

pub(super) fn page<T>(total: usize, items: Vec<T>) -> Page<T> {
    Page {
        total: total as u64,
        items,
    }
}

fn person(form: &NewUserForm) -> Result<NewPerson, Failure> {
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

fn user_row(view: UserView) -> UserRow {
    let UserView {
        profile,
        username,
        standing,
        has_password,
        sessions,
    } = view;
    let (standing, closes) = match standing {
        Standing::Active => ("active", None),
        Standing::Banned => ("banned", None),
        Standing::Closing(at) => ("closing", Some(at.rfc3339())),
    };
    UserRow {
        id: profile.id.to_string(),
        email: profile.email,
        email_verified: profile.email_verified.map(Timestamp::rfc3339),
        name: profile.name,
        username,
        role: profile.role.word().to_owned(),
        standing: standing.to_owned(),
        closes,
        locale: profile.locale.tag().to_owned(),
        has_password,
        factors: profile
            .factors
            .iter()
            .map(|kind| kind.name().to_owned())
            .collect(),
        sessions: sessions as u64,
        created: profile.created.rfc3339(),
        updated: profile.updated.rfc3339(),
        last_login: profile.last_login.map(Timestamp::rfc3339),
    }
}

fn kind_word(kind: ApiKeyKind) -> &'static str {
    match kind {
        ApiKeyKind::Publishable => "publishable",
        ApiKeyKind::Secret => "secret",
    }
}

fn key_row(id: ApiKeyId, key: ApiKey, epoch: Epoch) -> KeyRow {
    let waiting = key.awaits_confirmation(epoch);
    KeyRow {
        waiting,
        id: id.to_string(),
        kind: kind_word(key.kind).to_owned(),
        label: key.label,
        created: key.created.rfc3339(),
        expires: key.expires.map(Timestamp::rfc3339),
        revoked: key.revoked.map(Timestamp::rfc3339),
        used: key.used.map(|at| at.rfc3339()[..10].to_owned()),
    }
}

fn verdict(report: &VerifyReport, end: EndOfLedger) -> Verdict {
    let mut findings = vec![];
    if report.agrees == Some(false) {
        findings.push("the events fold to another state than the one in memory".to_owned());
    }
    if report.unfinished > 0 {
        findings.push(format!(
            "{} events at the end belong to an unfinished command",
            report.unfinished
        ));
    }
    if end == EndOfLedger::Unknown {
        findings.push("no anchor: cannot tell whether the end of the ledger is missing".to_owned());
    }
    Verdict {
        word: match (report.is_sound(), end) {
            (false, _) => VerdictWord::Bad,
            (true, EndOfLedger::Unknown) => VerdictWord::Unknown,
            (true, EndOfLedger::Known) => VerdictWord::Good,
        },
        events: report.events,
        chain: Some(blake3::Hash::from_bytes(report.head.chain).to_hex().to_string()),
        findings,
    }
}

fn clock_word(status: ClockStatus) -> &'static str {
    match status {
        ClockStatus::Trusted => "trusted",
        ClockStatus::Suspect { .. } => "suspect",
    }
}
