//! The past for administrators: who there was at a moment, and which sessions were alive.

use serde::Serialize;
use tokio::task::spawn_blocking;

use super::shapes::{Page, Pagination, as_text, as_time, as_time_or_null};
use crate::desk::{Cursor, CursorFault, NotThere, PastUser, PastView, SessionView};
use crate::domain::Standing;
use crate::engine::{Moment, PastFault};
use crate::http::site::Site;
use crate::http::{ApiError, Code, Detail, Request, Response};
use crate::types::{SessionId, Span, Timestamp, UserId};

/// Rows of a page, unless asked otherwise.
const LIMIT: usize = 20;
/// What a caller who met another look at the past is told to wait.
const BUSY_WAIT: Span = Span::seconds(5);

/// What is asked of a moment.
enum Wanted {
    Users,
    Sessions(Option<String>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserShown {
    #[serde(serialize_with = "as_text")]
    id: UserId,
    /// `null` once their key is destroyed, today.
    email: Option<String>,
    #[serde(serialize_with = "as_time_or_null")]
    email_verified: Option<Timestamp>,
    name: Option<String>,
    role: &'static str,
    standing: &'static str,
    #[serde(serialize_with = "as_time_or_null")]
    closes_at: Option<Timestamp>,
    has_password: bool,
    mfa: Vec<&'static str>,
    sessions: usize,
    locale: &'static str,
    #[serde(serialize_with = "as_time")]
    created_at: Timestamp,
    #[serde(serialize_with = "as_time")]
    updated_at: Timestamp,
    #[serde(serialize_with = "as_time_or_null")]
    last_login_at: Option<Timestamp>,
}

impl From<PastUser> for UserShown {
    fn from(user: PastUser) -> Self {
        let (standing, closes_at) = match user.standing {
            Standing::Active => ("active", None),
            Standing::Banned => ("banned", None),
            Standing::Closing(at) => ("closing", Some(at)),
        };
        Self {
            id: user.id,
            email: user.email,
            email_verified: user.email_verified,
            name: user.name,
            role: user.role.word(),
            standing,
            closes_at,
            has_password: user.has_password,
            mfa: user.factors.iter().map(|kind| kind.name()).collect(),
            sessions: user.sessions,
            locale: user.locale.tag(),
            created_at: user.created,
            updated_at: user.updated,
            last_login_at: user.last_login,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionShown {
    #[serde(serialize_with = "as_text")]
    id: SessionId,
    #[serde(serialize_with = "as_text")]
    user_id: UserId,
    user_agent: Option<String>,
    ip_address: Option<std::net::IpAddr>,
    #[serde(serialize_with = "as_time")]
    last_activity_at: Timestamp,
    #[serde(serialize_with = "as_time")]
    created_at: Timestamp,
}

impl From<SessionView> for SessionShown {
    fn from(view: SessionView) -> Self {
        Self {
            id: view.id,
            user_id: view.user,
            user_agent: view.user_agent,
            ip_address: view.ip,
            last_activity_at: view.active,
            created_at: view.created,
        }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Items {
    Users(Vec<UserShown>),
    Sessions(Vec<SessionShown>),
}

#[derive(Serialize)]
struct StateShown {
    /// What had expired by then is not alive.
    #[serde(serialize_with = "as_time")]
    at: Timestamp,
    /// The last event before that.
    #[serde(serialize_with = "as_text")]
    cursor: Cursor,
    position: u64,
    epoch: u32,
    /// Of the Merkle tree over everything up to that event, in hexadecimal digits.
    root: String,
    items: Items,
    pagination: Pagination,
}

/// Shows users or live sessions as they were. One such question at a time: each holds a second state.
pub(super) async fn state(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let mut query = request.query_fields()?;
    let at = query.text("at");
    let of = query.optional_text("of");
    let user = query.optional_text("user");
    let time = Timestamp::parse_rfc3339(&at);
    let cursor: Option<Cursor> = at.parse().ok();
    if !at.is_empty() && time.is_none() && cursor.is_none() {
        query.fault("at", "not-a-moment");
    }
    let wanted = match of.as_deref() {
        None | Some("users") => {
            if user.is_some() {
                query.fault("user", "unsupported");
            }
            Wanted::Users
        }
        Some("sessions") => Wanted::Sessions(user),
        Some(_) => {
            query.fault("of", "unsupported");
            Wanted::Users
        }
    };
    let page = Page::read(query, LIMIT)?;
    let moment = match (time, cursor) {
        (Some(time), _) => Moment::Time(time),
        (None, Some(cursor)) => {
            let desk = site.desk.clone();
            let found = spawn_blocking(move || desk.resume(cursor)).await;
            let found = found.map_err(|_| Code::Internal)?;
            Moment::Position(found.map_err(|fault| not_resumed("at", &fault))?)
        }
        (None, None) => return Err(ApiError::invalid("at", "not-a-moment")),
    };
    let view = site.desk.look_back(moment, Box::new(|_, _| {})).await;
    let view = view.map_err(|fault| refused(&fault))?;
    let desk = site.desk.clone();
    let shown = spawn_blocking(move || {
        let moment = view.moment();
        let (items, pagination) = items(&view, &wanted, page)?;
        let cursor = desk.cursor(moment.position).map_err(|error| {
            tracing::error!(%error, "the past could not be read");
            Code::Internal
        })?;
        Ok::<_, ApiError>(StateShown {
            at: moment.at,
            cursor,
            position: moment.position.0,
            epoch: moment.epoch.number,
            root: crate::audit::hexadecimal(&moment.root),
            items,
            pagination,
        })
    });
    Ok(request.voice.ok(&shown.await.map_err(|_| Code::Internal)??))
}

fn items(view: &PastView, wanted: &Wanted, page: Page) -> Result<(Items, Pagination), ApiError> {
    let (skip, take) = page.part();
    let (total, items) = match wanted {
        Wanted::Users => {
            let (total, users) = view.users(skip, take);
            (
                total,
                Items::Users(users.into_iter().map(UserShown::from).collect()),
            )
        }
        Wanted::Sessions(user) => {
            let find = |user: &String| view.find_user(user).map_err(not_there);
            let user = user.as_ref().map(find).transpose()?;
            let (total, sessions) = view.sessions(user, skip, take);
            let shown = sessions.into_iter().map(SessionShown::from).collect();
            (total, Items::Sessions(shown))
        }
    };
    Ok((items, page.pagination(total)))
}

fn not_there(fault: NotThere) -> ApiError {
    let detail = match fault {
        NotThere::Unknown => Detail::new("user", "unknown"),
        NotThere::NotYet(created) => {
            Detail::new("user", "not-yet").with_message(format!("This user came to be at {created}."))
        }
        NotThere::Erased(position) => Detail::new("user", "erased")
            .with_message(format!("This user was erased at position {position}.")),
    };
    ApiError::new(Code::UserNotFound).with_details(vec![detail])
}

/// Tells why nobody can go on behind a cursor.
pub(super) fn not_resumed(field: &'static str, fault: &CursorFault) -> ApiError {
    let reason = match fault {
        CursorFault::Forked { .. } => "forked",
        CursorFault::Beyond { .. } => "beyond-the-end",
        CursorFault::NoSuchEpoch { .. } => "no-such-epoch",
        CursorFault::Store(error) => {
            tracing::error!(%error, "the ledger could not be read");
            return Code::Internal.into();
        }
    };
    let detail = Detail::new(field, reason).with_message(fault.to_string());
    ApiError::new(Code::InvalidParameters).with_details(vec![detail])
}

fn refused(fault: &PastFault) -> ApiError {
    let reason = match fault {
        PastFault::Future { .. } => "in-the-future",
        PastFault::BeforeFirst { .. } => "before-the-first-event",
        PastFault::Beyond { .. } => "beyond-the-end",
        PastFault::Backwards => "backwards",
        PastFault::Busy | PastFault::Stopped => {
            return ApiError::new(Code::Overloaded).with_retry(BUSY_WAIT, None);
        }
        PastFault::Replay(_) | PastFault::Store(_) => {
            tracing::error!(%fault, "the past could not be read");
            return Code::Internal.into();
        }
    };
    let detail = Detail::new("at", reason).with_message(fault.to_string());
    ApiError::new(Code::InvalidParameters).with_details(vec![detail])
}
