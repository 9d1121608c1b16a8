//! The house itself: how mails leave and which wait, what they say, API keys, effective settings.

use secrecy::ExposeSecret;
use serde::Serialize;
use warp::http::{HeaderName, HeaderValue, StatusCode};

use super::administrator::Administrator;
use super::people::trimmed;
use super::shown::{At, Pager, link};
use crate::desk::WaitingMail;
use crate::domain::{ApiKeyKind, MailKind, State};
use crate::http::Code;
use crate::http::api::system::{KEY_DAYS_MAX, LABEL_CHARS_MAX, key_kind, key_state};
use crate::http::pages::member::Outcome;
use crate::http::post::TrialFault;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::{SettingShown, Site};
use crate::mail::probe::StepReport;
use crate::types::{ApiKeyId, EmailAddress, Locale, MailId, Span};

const PATH: &str = "/admin/system";
const OUTBOX: &str = "/admin/system/outbox";
const KEYS: &str = "/admin/system/keys";
/// Mails on a page.
const ROWS: usize = 25;

#[derive(Serialize)]
struct MailPage<'a> {
    settings: Vec<&'a SettingShown>,
    to: String,
    to_error: Option<String>,
    tried: Option<Tried>,
}

#[derive(Serialize)]
struct Tried {
    sent: bool,
    lead: String,
    steps: Vec<StepShown>,
}

#[derive(Serialize)]
struct StepShown {
    step: &'static str,
    ok: bool,
    words: String,
    took: u128,
    hint: Option<&'static str>,
}

impl From<StepReport> for StepShown {
    fn from(report: StepReport) -> Self {
        let (ok, words) = match report.outcome {
            Ok(words) => (true, words),
            Err(error) => {
                let status = error
                    .status
                    .map(|status| format!("{status} "))
                    .unwrap_or_default();
                (false, format!("{status}{}", error.words))
            }
        };
        Self {
            step: report.step.code(),
            ok,
            words,
            took: report.took.as_millis(),
            hint: report.hint,
        }
    }
}

/// Shows how mails leave, and a form to try it.
pub(super) async fn show(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let to = administrator.email().to_owned();
    Ok(mail_page(site, &administrator, StatusCode::OK, to, None, None))
}

fn mail_page(
    site: &Site,
    administrator: &Administrator<'_>,
    status: StatusCode,
    to: String,
    to_error: Option<String>,
    tried: Option<Tried>,
) -> Response {
    let settings = site.settings.shown.iter();
    let page = MailPage {
        settings: settings
            .filter(|setting| setting.name.starts_with("email."))
            .collect(),
        to,
        to_error,
        tried,
    };
    let title = administrator.say("house", "mail_title");
    administrator.page(status, "console/mail.html", &title, page)
}

/// Sends a mail by the settings, and tells how far each step came.
pub(super) async fn try_mail(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let mut fields = administrator.fields(request)?;
    let to = trimmed(&mut fields, "to");
    let Ok(address) = EmailAddress::parse(&to) else {
        let error = Some(administrator.say("people", "bad_email"));
        return Ok(mail_page(
            site,
            &administrator,
            StatusCode::BAD_REQUEST,
            to,
            error,
            None,
        ));
    };
    let tried = site.try_mail(&address, administrator.viewer().locale()).await;
    let steps = match tried {
        Ok(steps) => steps,
        Err(TrialFault::Busy) => return Ok(administrator.viewer().trouble(&Code::Overloaded.into())),
        Err(TrialFault::Template(fault)) => {
            tracing::error!(%fault, "the mail of the test cannot be written");
            return Ok(administrator.viewer().trouble(&Code::Internal.into()));
        }
    };
    let sent = steps.last().is_some_and(|step| step.outcome.is_ok());
    let failed = steps.last().map_or("", |step| step.step.code());
    let lead = if sent {
        administrator.say("house", "mail_sent")
    } else {
        administrator
            .say("house", "mail_failed")
            .replace("{step}", failed)
    };
    let tried = Tried {
        sent,
        lead,
        steps: steps.into_iter().map(StepShown::from).collect(),
    };
    Ok(mail_page(
        site,
        &administrator,
        StatusCode::OK,
        to,
        None,
        Some(tried),
    ))
}

#[derive(Serialize)]
struct OutboxPage {
    total: usize,
    rows: Vec<MailRow>,
    pager: Pager,
}

#[derive(Serialize)]
struct MailRow {
    id: String,
    kind: &'static str,
    to: Option<String>,
    user: String,
    queued: At,
    attempts: u16,
    next: At,
    step: Option<&'static str>,
    status: Option<u16>,
}

/// Lists the mails that wait, oldest first.
pub(super) async fn outbox(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let viewer = administrator.viewer();
    let asked = request.query_fields().ok();
    let number = asked.and_then(|mut query| query.optional_whole("page", &(1..=1_000_000)));
    let number = number.and_then(|n| usize::try_from(n).ok()).unwrap_or(1).max(1);
    let waiting = site
        .desk
        .waiting_mails((number - 1).saturating_mul(ROWS), ROWS)
        .await;
    let (total, mails) = match waiting {
        Ok(waiting) => waiting,
        Err(fault) => return Ok(administrator.trouble(&fault)),
    };
    let row = |WaitingMail { mail, to, step, .. }| MailRow {
        id: mail.id.to_string(),
        kind: mail.kind.name(),
        to,
        user: link(viewer, &format!("/admin/users/{}", mail.user), &[]),
        queued: At::new(viewer, mail.queued),
        attempts: mail.attempts,
        next: At::new(viewer, mail.next),
        step: step.map(|step| step.code()),
        status: (mail.status != 0).then_some(mail.status),
    };
    let page = OutboxPage {
        total,
        rows: mails.into_iter().map(row).collect(),
        pager: Pager::new(viewer, OUTBOX, &[], number, total.div_ceil(ROWS)),
    };
    let title = administrator.say("house", "outbox_title");
    Ok(administrator.page(StatusCode::OK, "console/outbox.html", &title, page))
}

/// Has a mail tried at once.
pub(super) async fn retry_mail(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let mut fields = administrator.fields(request)?;
    let id: Option<MailId> = trimmed(&mut fields, "mail").parse().ok();
    let Some(queued) = id.and_then(|id| site.desk.waiting_mail(id)) else {
        // It left meanwhile.
        return Ok(administrator.viewer().lead_to(OUTBOX, None));
    };
    Ok(match site.desk.hasten_mail(queued, administrator.by()).await {
        Ok(()) => administrator.lead_to(OUTBOX, "retried"),
        Err(fault) => administrator.trouble(&fault),
    })
}

/// Takes a mail out of the outbox.
pub(super) async fn cancel_mail(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::fresh(site, request, OUTBOX).await?;
    let mut fields = administrator.fields(request)?;
    let id: Option<MailId> = trimmed(&mut fields, "mail").parse().ok();
    let Some(queued) = id.and_then(|id| site.desk.waiting_mail(id)) else {
        return Ok(administrator.viewer().lead_to(OUTBOX, None));
    };
    Ok(match site.desk.cancel_mail(queued, administrator.by()).await {
        Ok(()) => administrator.lead_to(OUTBOX, "cancelled"),
        Err(fault) => administrator.trouble(&fault),
    })
}

#[derive(Serialize)]
struct TemplatesPage {
    templates: Vec<TemplateRow>,
}

#[derive(Serialize)]
struct TemplateRow {
    name: &'static str,
    previews: Vec<Preview>,
}

#[derive(Serialize)]
struct Preview {
    language: &'static str,
    tag: &'static str,
    href: String,
    subject: String,
}

/// Lists what mails say.
pub(super) async fn templates(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let viewer = administrator.viewer();
    let row = |kind: MailKind| TemplateRow {
        name: kind.name(),
        previews: Locale::ALL
            .into_iter()
            .filter_map(|locale| {
                let subject = site.post.preview(kind, locale).ok()?.subject;
                let path = format!("{PATH}/templates/{}/{}", kind.name(), locale.tag());
                Some(Preview {
                    language: crate::http::pages::texts::own_name(locale),
                    tag: locale.tag(),
                    href: link(viewer, &path, &[]),
                    subject,
                })
            })
            .collect(),
    };
    let page = TemplatesPage {
        templates: MailKind::ALL.into_iter().map(row).collect(),
    };
    let title = administrator.say("house", "templates_title");
    Ok(administrator.page(StatusCode::OK, "console/templates.html", &title, page))
}

#[derive(Serialize)]
struct TemplatePage {
    name: &'static str,
    tag: &'static str,
    subject: String,
    text: String,
    html: String,
}

/// A mail of one kind with sample values.
pub(super) async fn template(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let viewer = administrator.viewer();
    let (Some(kind), Some(locale)) = named(request) else {
        return Ok(viewer.trouble(&Code::NotFound.into()));
    };
    let Ok(words) = site.post.preview(kind, locale) else {
        return Ok(viewer.trouble(&Code::Internal.into()));
    };
    let path = format!("{PATH}/templates/{}/{}/html", kind.name(), locale.tag());
    let page = TemplatePage {
        name: kind.name(),
        tag: locale.tag(),
        subject: words.subject,
        text: words.text,
        html: link(viewer, &path, &[]),
    };
    Ok(administrator.page(StatusCode::OK, "console/template.html", kind.name(), page))
}

/// Its HTML part, in a sandbox: what a template holds is an operator's, and is shown as a mail program shows it.
pub(super) async fn template_html(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let viewer = administrator.viewer();
    let (Some(kind), Some(locale)) = named(request) else {
        return Ok(viewer.trouble(&Code::NotFound.into()));
    };
    let Ok(words) = site.post.preview(kind, locale) else {
        return Ok(viewer.trouble(&Code::Internal.into()));
    };
    let policy =
        "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'; base-uri 'none'";
    let policy = HeaderValue::from_static(policy);
    let page = Response::html(StatusCode::OK, policy, words.html);
    let own = HeaderName::from_static("cross-origin-resource-policy");
    Ok(page.with(own, HeaderValue::from_static("same-origin")))
}

fn named(request: &Request) -> (Option<MailKind>, Option<Locale>) {
    let kind = MailKind::parse(request.param("kind"));
    (kind, Locale::parse(request.param("language")))
}

#[derive(Serialize)]
struct KeysPage {
    rows: Vec<KeyRow>,
    label: String,
    days: String,
    errors: KeyErrors,
}

#[derive(Serialize, Default)]
struct KeyErrors {
    label: Option<String>,
    days: Option<String>,
}

#[derive(Serialize)]
struct KeyRow {
    id: String,
    short: String,
    kind: String,
    label: String,
    state: String,
    is_good: bool,
    is_waiting: bool,
    is_live: bool,
    created: At,
    expires: Option<At>,
    used: Option<String>,
}

/// Lists API keys, and a form for a new one.
pub(super) async fn keys(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let empty = (String::new(), String::new());
    Ok(keys_page(
        site,
        &administrator,
        StatusCode::OK,
        empty,
        KeyErrors::default(),
    ))
}

fn keys_page(
    site: &Site,
    administrator: &Administrator<'_>,
    status: StatusCode,
    (label, days): (String, String),
    errors: KeyErrors,
) -> Response {
    let viewer = administrator.viewer();
    let (epoch, now) = (site.desk.engine().read(State::epoch), site.desk.now());
    let rows = site.desk.api_keys().into_iter().rev().map(|(id, key)| {
        let state = key_state(&key, epoch, now);
        KeyRow {
            short: id.short().to_string(),
            id: id.to_string(),
            kind: administrator.say("house", kind_name(key.kind)),
            state: administrator.say("house", state_name(state)),
            is_good: state == "good",
            is_waiting: state == "waiting",
            is_live: key.revoked.is_none(),
            created: At::new(viewer, key.created),
            expires: key.expires.map(|at| At::new(viewer, at)),
            used: key.used.map(|at| at.rfc3339()[..10].to_owned()),
            label: key.label,
        }
    });
    let page = KeysPage {
        rows: rows.collect(),
        label,
        days,
        errors,
    };
    let title = administrator.say("house", "keys_title");
    administrator.page(status, "console/keys.html", &title, page)
}

fn kind_name(kind: ApiKeyKind) -> &'static str {
    match kind {
        ApiKeyKind::Publishable => "key_publishable",
        ApiKeyKind::Secret => "key_secret",
    }
}

fn state_name(state: &str) -> &'static str {
    match state {
        "revoked" => "key_revoked",
        "expired" => "key_expired",
        "waiting" => "key_waiting",
        _ => "key_good",
    }
}

#[derive(Serialize)]
struct NewKeyPage<'a> {
    kind: String,
    key: &'a str,
    back: String,
}

/// Makes a key: its text is on this answer and nowhere else.
pub(super) async fn make_key(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::fresh(site, request, KEYS).await?;
    let mut fields = administrator.fields(request)?;
    let kind = trimmed(&mut fields, "kind");
    let (label, days) = (trimmed(&mut fields, "label"), trimmed(&mut fields, "days"));
    let mut errors = KeyErrors::default();
    if label.chars().count() > LABEL_CHARS_MAX || label.chars().any(char::is_control) {
        errors.label = Some(administrator.say("house", "bad_label"));
    }
    let life = if days.is_empty() {
        None
    } else {
        let parsed: Option<i64> = days.parse().ok().filter(|days| (1..=KEY_DAYS_MAX).contains(days));
        if parsed.is_none() {
            errors.days = Some(administrator.say("house", "bad_days"));
        }
        parsed
    };
    if errors.label.is_some() || errors.days.is_some() {
        return Ok(keys_page(
            site,
            &administrator,
            StatusCode::BAD_REQUEST,
            (label, days),
            errors,
        ));
    }
    let kind = key_kind(&kind).unwrap_or(ApiKeyKind::Publishable);
    let expires = life.map(|days| site.desk.now() + Span::days(days));
    let made = site
        .desk
        .create_api_key(kind, label, expires, administrator.by())
        .await;
    let made = match made {
        Ok(made) => made,
        Err(fault) => return Ok(administrator.trouble(&fault)),
    };
    let page = NewKeyPage {
        kind: administrator.say("house", kind_name(kind)),
        key: made.text.expose_secret(),
        back: administrator.viewer().href(KEYS),
    };
    let title = administrator.say("house", "new_key_title");
    Ok(administrator.page(StatusCode::OK, "console/key_new.html", &title, page))
}

/// Ends a key.
pub(super) async fn revoke_key(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::fresh(site, request, KEYS).await?;
    let mut fields = administrator.fields(request)?;
    let Ok(id) = trimmed(&mut fields, "key").parse::<ApiKeyId>() else {
        return Ok(administrator.viewer().trouble(&Code::NotFound.into()));
    };
    Ok(match site.desk.revoke_api_key(id, administrator.by()).await {
        Ok(()) => administrator.lead_to(KEYS, "updated"),
        Err(fault) => administrator.trouble(&fault),
    })
}

/// Lets a key be used again that waits since an epoch began in distrust.
pub(super) async fn confirm_key(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::fresh(site, request, KEYS).await?;
    let mut fields = administrator.fields(request)?;
    let Ok(id) = trimmed(&mut fields, "key").parse::<ApiKeyId>() else {
        return Ok(administrator.viewer().trouble(&Code::NotFound.into()));
    };
    Ok(match site.desk.confirm_api_key(id, administrator.by()).await {
        Ok(()) => administrator.lead_to(KEYS, "updated"),
        Err(fault) => administrator.trouble(&fault),
    })
}

#[derive(Serialize)]
struct ConfigurationPage<'a> {
    settings: &'a [SettingShown],
    warnings: &'a [String],
}

/// Shows every setting, where it came from, and secrets only as dots.
pub(super) async fn configuration(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let page = ConfigurationPage {
        settings: &site.settings.shown,
        warnings: &site.settings.warnings,
    };
    let title = administrator.say("house", "configuration_title");
    Ok(administrator.page(StatusCode::OK, "console/configuration.html", &title, page))
}
