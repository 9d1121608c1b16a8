//! The house itself, for administrators: mails that wait, API keys, effective settings, a mail to try out.

use secrecy::ExposeSecret;
use serde::Serialize;

use super::forms::{address, refused};
use super::gate::{Principal, administrator, principal_of};
use super::shapes::{Done, Page, Pagination, as_text, as_time, as_time_or_null};
use crate::desk::WaitingMail;
use crate::domain::{ApiKey, ApiKeyKind, Epoch, State};
use crate::http::post::TrialFault;
use crate::http::site::{SettingShown, Site};
use crate::http::{ApiError, Code, Request, Response, StatusCode};
use crate::mail::Step;
use crate::mail::probe::StepReport;
use crate::types::{ApiKeyId, Locale, MailId, Position, Span, Timestamp, UserId};

/// Rows of an answer, unless asked otherwise.
const LIMIT: usize = 20;
/// Characters of a key's label.
pub(in crate::http) const LABEL_CHARS_MAX: usize = 100;
/// Days that a key may be good for.
pub(in crate::http) const KEY_DAYS_MAX: i64 = 3_650;
/// What somebody is told to wait while another mail is tried out.
const TRIAL_WAIT: Span = Span::seconds(10);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MailShown {
    #[serde(serialize_with = "as_text")]
    id: MailId,
    kind: &'static str,
    #[serde(serialize_with = "as_text")]
    user_id: UserId,
    /// Masked.
    to: Option<String>,
    #[serde(serialize_with = "as_time")]
    queued_at: Timestamp,
    attempts: u16,
    #[serde(serialize_with = "as_time")]
    next_attempt_at: Timestamp,
    /// Where the last try failed.
    step: Option<&'static str>,
    /// What the server said to it (RFC 5321 §4.2).
    status: Option<u16>,
}

impl From<WaitingMail> for MailShown {
    fn from(waiting: WaitingMail) -> Self {
        let WaitingMail { mail, to, step, .. } = waiting;
        Self {
            id: mail.id,
            kind: mail.kind.name(),
            user_id: mail.user,
            to,
            queued_at: mail.queued,
            attempts: mail.attempts,
            next_attempt_at: mail.next,
            step: step.map(Step::code),
            status: (mail.status != 0).then_some(mail.status),
        }
    }
}

#[derive(Serialize)]
struct Outbox {
    items: Vec<MailShown>,
    pagination: Pagination,
}

/// Lists mails that are neither delivered nor given up, oldest first.
pub(super) async fn outbox(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let page = Page::read(request.query_fields()?, LIMIT)?;
    let (skip, take) = page.part();
    let (total, mails) = site
        .desk
        .waiting_mails(skip, take)
        .await
        .map_err(refused(request))?;
    let items = mails.into_iter().map(MailShown::from).collect();
    let pagination = page.pagination(total);
    Ok(request.voice.ok(&Outbox { items, pagination }))
}

fn waiting(site: &Site, request: &Request) -> Result<Position, ApiError> {
    let id: Option<MailId> = request.param("id").parse().ok();
    let queued = id.and_then(|id| site.desk.waiting_mail(id));
    queued.ok_or(Code::NotFound.into())
}

/// Has a mail tried at once.
pub(super) async fn retry_mail(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let (by, queued) = (administrator(request)?, waiting(site, request)?);
    site.desk
        .hasten_mail(queued, by)
        .await
        .map_err(refused(request))?;
    let message = "The mail is tried now, after older ones to the same address.";
    Ok(request.voice.ok(&Done { message }))
}

/// Takes a mail out of the outbox.
pub(super) async fn cancel_mail(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let (by, queued) = (administrator(request)?, waiting(site, request)?);
    site.desk
        .cancel_mail(queued, by)
        .await
        .map_err(refused(request))?;
    let message = "The mail is not sent any more, unless it was on its way already.";
    Ok(request.voice.ok(&Done { message }))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyShown {
    #[serde(serialize_with = "as_text")]
    id: ApiKeyId,
    kind: &'static str,
    label: String,
    state: &'static str,
    #[serde(serialize_with = "as_time")]
    created_at: Timestamp,
    #[serde(serialize_with = "as_time_or_null")]
    expires_at: Option<Timestamp>,
    #[serde(serialize_with = "as_time_or_null")]
    revoked_at: Option<Timestamp>,
    /// To the day.
    #[serde(serialize_with = "as_time_or_null")]
    last_used_at: Option<Timestamp>,
    /// The web pages that may call with it.
    origins: Vec<String>,
}

/// The word for a kind of keys.
pub(in crate::http) fn kind_word(kind: ApiKeyKind) -> &'static str {
    match kind {
        ApiKeyKind::Publishable => "publishable",
        ApiKeyKind::Secret => "secret",
    }
}

/// The kind of keys that a word names.
pub(in crate::http) fn key_kind(word: &str) -> Option<ApiKeyKind> {
    let all = [ApiKeyKind::Publishable, ApiKeyKind::Secret];
    all.into_iter().find(|kind| kind_word(*kind) == word)
}

/// What a key is worth now.
pub(in crate::http) fn key_state(key: &ApiKey, epoch: Epoch, now: Timestamp) -> &'static str {
    if key.revoked.is_some() {
        "revoked"
    } else if key.expires.is_some_and(|expires| now >= expires) {
        "expired"
    } else if key.awaits_confirmation(epoch) {
        "waiting"
    } else {
        "good"
    }
}

#[derive(Serialize)]
struct Keys {
    items: Vec<KeyShown>,
    pagination: Pagination,
}

/// Lists API keys, oldest first; revoked ones too.
pub(super) async fn keys(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let page = Page::read(request.query_fields()?, LIMIT)?;
    let (keys, pagination) = page.of(site.desk.api_keys());
    let (epoch, now) = (site.desk.engine().read(State::epoch), site.desk.now());
    let shown = |(id, key): (ApiKeyId, ApiKey)| KeyShown {
        id,
        kind: kind_word(key.kind),
        state: key_state(&key, epoch, now),
        origins: key.origins.iter().map(ToString::to_string).collect(),
        label: key.label,
        created_at: key.created,
        expires_at: key.expires,
        revoked_at: key.revoked,
        last_used_at: key.used,
    };
    let items = keys.into_iter().map(shown).collect();
    Ok(request.voice.ok(&Keys { items, pagination }))
}

#[derive(Serialize)]
struct NewKey<'a> {
    #[serde(serialize_with = "as_text")]
    id: ApiKeyId,
    kind: &'static str,
    /// Shown this once.
    key: &'a str,
}

/// Makes a key; its text is in this answer and nowhere else.
pub(super) async fn make_key(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let by = administrator(request)?;
    let mut body = request.json()?;
    let kind = body.text("kind");
    let label = body.optional_text("label").unwrap_or_default();
    let days = body.optional_whole("expiresInDays", &(1..=KEY_DAYS_MAX));
    let known = key_kind(&kind);
    if !kind.is_empty() && known.is_none() {
        body.fault("kind", "unsupported");
    }
    if label.chars().count() > LABEL_CHARS_MAX {
        body.fault("label", "too-long");
    } else if label.chars().any(char::is_control) {
        body.fault("label", "control-character");
    }
    body.finish_strict()?;
    let kind = known.ok_or_else(|| ApiError::invalid("kind", "required"))?;
    let expires = days.map(|days| site.desk.now() + Span::days(days));
    let made = site.desk.create_api_key(kind, label, expires, by).await;
    let made = made.map_err(refused(request))?;
    let shown = NewKey {
        id: made.id,
        kind: kind_word(kind),
        key: made.text.expose_secret(),
    };
    Ok(request.voice.success(StatusCode::CREATED, &shown))
}

fn key(request: &Request) -> Result<ApiKeyId, ApiError> {
    request.param("id").parse().map_err(|_| Code::NotFound.into())
}

/// Ends a key.
pub(super) async fn revoke_key(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let (by, id) = (administrator(request)?, key(request)?);
    site.desk.revoke_api_key(id, by).await.map_err(refused(request))?;
    let message = "The key opens nothing any more.";
    Ok(request.voice.ok(&Done { message }))
}

/// Lets a secret key be used again that waits since an epoch began in distrust. Not by a key: a person must say so.
pub(super) async fn confirm_key(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let by = match principal_of(request)? {
        principal @ Principal::Person(_) => principal.actor(),
        Principal::Key(_) => return Err(Code::UserForbidden.into()),
    };
    site.desk
        .confirm_api_key(key(request)?, by)
        .await
        .map_err(refused(request))?;
    let message = "The key can be used again.";
    Ok(request.voice.ok(&Done { message }))
}

#[derive(Serialize)]
struct Configuration<'a> {
    settings: &'a [SettingShown],
    warnings: &'a [String],
}

/// Shows every setting of files, variables and flags, where it came from, and secrets only as dots.
pub(super) async fn configuration(site: &Site, request: &Request) -> Result<Response, ApiError> {
    request.query_fields()?.finish_strict()?;
    let (settings, warnings) = (&site.settings.shown[..], &site.settings.warnings[..]);
    Ok(request.voice.ok(&Configuration { settings, warnings }))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StepShown {
    step: &'static str,
    ok: bool,
    status: Option<u16>,
    words: String,
    took_ms: u64,
    hint: Option<&'static str>,
}

impl From<StepReport> for StepShown {
    fn from(report: StepReport) -> Self {
        let took_ms = u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX);
        let (ok, status, words) = match report.outcome {
            Ok(words) => (true, None, words),
            Err(error) => (false, error.status, error.words),
        };
        Self {
            step: report.step.code(),
            ok,
            status,
            words,
            took_ms,
            hint: report.hint,
        }
    }
}

#[derive(Serialize)]
struct Tried {
    sent: bool,
    steps: Vec<StepShown>,
}

/// Sends a mail by the settings, and tells how far each step came. That it fails is an answer, not an error.
pub(super) async fn try_mail(site: &Site, request: &Request) -> Result<Response, ApiError> {
    administrator(request)?;
    let mut body = request.json()?;
    let to = body.text("to");
    let tag = body.optional_text("locale");
    let locale = tag.as_deref().map_or(Some(Locale::En), Locale::parse);
    if locale.is_none() {
        body.fault("locale", "unsupported");
    }
    body.finish_strict()?;
    let to = address(&to)?;
    let tried = site.try_mail(&to, locale.unwrap_or_default()).await;
    let steps = tried.map_err(|fault| match fault {
        TrialFault::Busy => ApiError::new(Code::Overloaded).with_retry(TRIAL_WAIT, None),
        TrialFault::Template(fault) => {
            tracing::error!(%fault, "the mail of the test cannot be written");
            Code::Internal.into()
        }
    })?;
    let sent = steps.last().is_some_and(|step| step.outcome.is_ok());
    let steps = steps.into_iter().map(StepShown::from).collect();
    Ok(request.voice.ok(&Tried { sent, steps }))
}

#[derive(Serialize)]
struct Exists {
    exists: bool,
}

/// Tells a backend whether an address has an account. Not a browser, because that tells who has one.
pub(super) async fn check_account(site: &Site, request: &Request) -> Result<Response, ApiError> {
    if matches!(principal_of(request)?, Principal::Person(_)) {
        return Err(Code::UserForbidden.into());
    }
    let mut body = request.json()?;
    let kind = body.optional_text("type");
    let provider = body.optional_text("provider");
    let account = body.text("providerAccountId");
    for (name, value) in [("type", kind), ("provider", provider)] {
        // There is no other way in than by an address.
        if value.is_some_and(|value| {
            !matches!(
                value.as_str(),
                "email" | "credential" | "credentials" | "password"
            )
        }) {
            body.fault(name, "unsupported");
        }
    }
    body.finish()?;
    let address = address(&account)?;
    let exists = site.desk.find_user(address.as_typed()).is_some();
    Ok(request.voice.ok(&Exists { exists }))
}
