//! The house itself: how mails leave and which wait, what they say, effective settings.

use serde::Serialize;
use warp::http::{HeaderName, HeaderValue, StatusCode};

use super::administrator::Administrator;
use super::people::trimmed;
use super::settings::{SettingTold, told};
use super::shown::{At, Pager, link};
use crate::desk::WaitingMail;
use crate::domain::MailKind;
use crate::http::Code;
use crate::http::pages::member::Outcome;
use crate::http::post::TrialFault;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;
use crate::mail::Step;
use crate::mail::probe::StepReport;
use crate::types::{EmailAddress, Locale, MailId};

const PATH: &str = "/admin/system";
const OUTBOX: &str = "/admin/system/outbox";
/// Mails on a page.
const ROWS: usize = 25;

#[derive(Serialize)]
struct MailPage<'a> {
    settings: Vec<SettingTold<'a>>,
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
    let of_mail = settings.filter(|setting| setting.name.starts_with("email."));
    let page = MailPage {
        settings: told(administrator.viewer().locale(), of_mail),
        to,
        to_error,
        tried,
    };
    let title = administrator.say("house", "mail_title");
    administrator.page(status, "console/mail.html", &title, page)
}

/// Sends a mail by the settings, and tells how far each step came.
pub(super) async fn try_mail(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::fresh(site, request, PATH).await?;
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
        step: step.map(Step::code),
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
    let administrator = Administrator::fresh(site, request, OUTBOX).await?;
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
    /// Why the files as they are now would stop the next start.
    problem: Option<String>,
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
    is_own: bool,
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
                    is_own: !site.post.files_of(kind, locale).is_empty(),
                })
            })
            .collect(),
    };
    let page = TemplatesPage {
        problem: site
            .post
            .templates_on_disk()
            .await
            .err()
            .map(|fault| fault.to_string()),
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
    /// The operator's files that it is made of.
    files: Vec<String>,
    /// Why the files as they are now would stop the next start.
    problem: Option<String>,
    /// What it says from the next start on, if that is something else.
    later: Option<Later>,
}

#[derive(Serialize)]
struct Later {
    subject: String,
    text: String,
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
    let on_disk = site.post.templates_on_disk().await;
    let (problem, later) = match on_disk.and_then(|templates| templates.preview(kind, locale)) {
        Ok(later) if later != words => (
            None,
            Some(Later {
                subject: later.subject,
                text: later.text,
            }),
        ),
        Ok(_) => (None, None),
        Err(fault) => (Some(fault.to_string()), None),
    };
    let page = TemplatePage {
        files: site.post.files_of(kind, locale),
        problem,
        later,
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
struct ConfigurationPage<'a> {
    settings: Vec<SettingTold<'a>>,
    warnings: &'a [String],
}

/// Shows every setting, where it came from, and secrets only as dots.
pub(super) async fn configuration(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let page = ConfigurationPage {
        settings: told(administrator.viewer().locale(), site.settings.shown.iter()),
        warnings: &site.settings.warnings,
    };
    let title = administrator.say("house", "configuration_title");
    Ok(administrator.page(StatusCode::OK, "console/configuration.html", &title, page))
}
