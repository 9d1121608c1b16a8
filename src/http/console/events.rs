//! Events: looked for and read, followed live, proven, and taken away as evidence.

use std::net::IpAddr;

use serde::Serialize;
use tokio::task::spawn_blocking;
use warp::http::{HeaderValue, StatusCode, header};

use super::administrator::Administrator;
use super::people::trimmed;
use super::shown::{At, link};
use crate::audit::hexadecimal;
use crate::desk::{EventFilter, Line, Verification, VerificationStanding};
use crate::http::api::{audit, stream};
use crate::http::pages::look::CONTENT_SECURITY_POLICY;
use crate::http::pages::member::Outcome;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;
use crate::http::{ApiError, Code};
use crate::ledger::StoreError;
use crate::ledger::codec::EVENT_NAMES;
use crate::types::{Position, Timestamp, UserId};

/// Events on a page.
const ROWS: usize = 50;
const PATH: &str = "/admin/events";
/// Seconds after which a page that tells how far a proof is looks again.
const LOOK_AGAIN: &str = "2";

#[derive(Serialize)]
struct EventsPage {
    filter: Shown,
    problems: Vec<String>,
    types: Vec<TypeChoice>,
    rows: Vec<Row>,
    older: Option<String>,
    verification: Option<Proof>,
}

/// The filter as it was typed.
#[derive(Serialize, Default)]
struct Shown {
    user: String,
    name: String,
    ip: String,
    from: String,
    to: String,
}

#[derive(Serialize)]
struct TypeChoice {
    name: &'static str,
    chosen: bool,
}

#[derive(Serialize)]
struct Row {
    position: u64,
    href: String,
    at: At,
    name: &'static str,
    text: String,
    user: Option<String>,
    ip: Option<String>,
}

/// A proof of the ledger.
#[derive(Serialize)]
pub(super) struct Proof {
    begun: At,
    runs: bool,
    percent: u64,
    sound: bool,
    events: u64,
    finding: Option<String>,
}

impl Proof {
    pub(super) fn new(administrator: &Administrator<'_>, verification: Verification) -> Self {
        let begun = At::new(administrator.viewer(), verification.begun);
        let proof = Self {
            begun,
            runs: false,
            percent: 100,
            sound: false,
            events: 0,
            finding: None,
        };
        match verification.standing {
            VerificationStanding::Runs { done, of } => Self {
                runs: true,
                percent: done.saturating_mul(100).checked_div(of).unwrap_or(100).min(100),
                events: done,
                ..proof
            },
            VerificationStanding::Ended(report) => Self {
                sound: report.is_sound(),
                events: report.events,
                finding: (!report.is_sound()).then(|| administrator.say("ledger", "disagrees")),
                ..proof
            },
            VerificationStanding::Failed(fault) => Self {
                finding: Some(fault),
                ..proof
            },
        }
    }
}

/// Lists them, newest first.
pub(super) async fn list(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let viewer = administrator.viewer();
    let (shown, before) = asked(request);
    let (filter, problems) = filter(site, &administrator, &shown);
    let (desk, locale) = (site.desk.clone(), viewer.locale());
    let read = spawn_blocking(move || {
        let (found, next) = desk.events_back(&filter, before)?;
        let lines: Vec<Line> = found.iter().map(|event| desk.describe(event, locale)).collect();
        Ok::<_, StoreError>((lines, next))
    });
    let (lines, next) = match read.await {
        Ok(Ok(read)) => read,
        Ok(Err(error)) => {
            tracing::error!(%error, "events could not be read");
            return Ok(viewer.trouble(&Code::Overloaded.into()));
        }
        Err(_) => return Ok(viewer.trouble(&Code::Internal.into())),
    };
    let row = |line: Line| Row {
        position: line.position.0,
        href: link(viewer, &format!("{PATH}/{}", line.position.0), &[]),
        at: At::new(viewer, line.time),
        name: line.name,
        text: line.text,
        user: line
            .user
            .map(|user| link(viewer, &format!("/admin/users/{user}"), &[])),
        ip: line.ip.map(|ip| ip.to_string()),
    };
    let older = next.map(|next| {
        let next = next.0.to_string();
        let query = [
            ("user", shown.user.as_str()),
            ("type", &shown.name),
            ("ip", &shown.ip),
            ("from", &shown.from),
            ("to", &shown.to),
            ("before", &next),
        ];
        link(viewer, PATH, &query)
    });
    let mut names: Vec<&'static str> = EVENT_NAMES.to_vec();
    names.sort_unstable();
    let types = names.into_iter().map(|name| TypeChoice {
        chosen: name == shown.name,
        name,
    });
    let verification = site
        .desk
        .verification()
        .map(|proof| Proof::new(&administrator, proof));
    let runs = verification.as_ref().is_some_and(|proof| proof.runs);
    let page = EventsPage {
        types: types.collect(),
        rows: lines.into_iter().map(row).collect(),
        older,
        verification,
        problems,
        filter: shown,
    };
    let title = administrator.say("console", "nav_events");
    let page = administrator.page(StatusCode::OK, "console/events.html", &title, page);
    Ok(if runs {
        page.with(header::REFRESH, HeaderValue::from_static(LOOK_AGAIN))
    } else {
        page
    })
}

fn asked(request: &Request) -> (Shown, Option<Position>) {
    let Ok(mut query) = request.query_fields() else {
        return (Shown::default(), None);
    };
    let shown = Shown {
        user: trimmed(&mut query, "user"),
        name: trimmed(&mut query, "type"),
        ip: trimmed(&mut query, "ip"),
        from: trimmed(&mut query, "from"),
        to: trimmed(&mut query, "to"),
    };
    let before = trimmed(&mut query, "before").parse().ok().map(Position);
    (shown, before)
}

/// What a filter asks for, and what cannot be read of it.
fn filter(site: &Site, administrator: &Administrator<'_>, shown: &Shown) -> (EventFilter, Vec<String>) {
    let mut problems = vec![];
    let user: Option<UserId> = if shown.user.is_empty() {
        None
    } else {
        // Whoever is erased is still found by their id.
        let known = shown
            .user
            .parse()
            .ok()
            .or_else(|| site.desk.find_user(&shown.user));
        if known.is_none() {
            problems.push(administrator.say("ledger", "no_such_user"));
        }
        Some(known.unwrap_or(UserId([0; 16])))
    };
    let ip: Option<IpAddr> = shown.ip.parse().ok();
    if ip.is_none() && !shown.ip.is_empty() {
        problems.push(administrator.say("ledger", "bad_ip"));
    }
    let mut time = |text: &str| {
        if text.is_empty() {
            return None;
        }
        let at = day_or_time(text);
        if at.is_none() {
            problems.push(administrator.say("ledger", "bad_time"));
        }
        at
    };
    let (since, until) = (time(&shown.from), time(&shown.to));
    let filter = EventFilter {
        user,
        name: (!shown.name.is_empty()).then(|| shown.name.clone()),
        ip,
        since,
        until,
        after: None,
        limit: Some(ROWS),
    };
    (filter, problems)
}

/// A moment, or the beginning of a day, of UTC.
fn day_or_time(text: &str) -> Option<Timestamp> {
    Timestamp::parse_rfc3339(text)
        .or_else(|| Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")))
        // What a field for date and time has in it.
        .or_else(|| Timestamp::parse_rfc3339(&format!("{text}:00Z")))
}

#[derive(Serialize)]
struct EventPage {
    position: u64,
    at: At,
    time: String,
    name: &'static str,
    term: Option<&'static str>,
    text: String,
    user: Option<String>,
    who: Option<String>,
    ip: Option<String>,
    user_agent: Option<String>,
    cursor: String,
    bytes: usize,
    record: Vec<String>,
    proof: String,
    newer: Option<String>,
    older: Option<String>,
}

/// Shows one, and its record as it stands in the ledger.
pub(super) async fn show(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let viewer = administrator.viewer();
    let Ok(position) = request.param("position").parse().map(Position) else {
        return Ok(viewer.trouble(&Code::NotFound.into()));
    };
    let (desk, locale) = (site.desk.clone(), viewer.locale());
    let read = spawn_blocking(move || {
        let Some(recorded) = desk.event_at(position)? else {
            return Ok(None);
        };
        let record = desk.record_at(position)?.unwrap_or_default();
        let cursor = desk.cursor(position)?;
        Ok::<_, StoreError>(Some((desk.describe(&recorded, locale), record, cursor)))
    });
    let (line, record, cursor) = match read.await {
        Ok(Ok(Some(read))) => read,
        Ok(Ok(None)) => return Ok(viewer.trouble(&Code::NotFound.into())),
        Ok(Err(error)) => {
            tracing::error!(%error, "an event could not be read");
            return Ok(viewer.trouble(&Code::Overloaded.into()));
        }
        Err(_) => return Ok(viewer.trouble(&Code::Internal.into())),
    };
    let to = |position: u64| link(viewer, &format!("{PATH}/{position}"), &[]);
    let end = site.desk.engine().head().next.0;
    let page = EventPage {
        position: position.0,
        at: At::new(viewer, line.time),
        time: line.time.rfc3339(),
        name: line.name,
        term: line.term,
        text: line.text,
        user: line
            .user
            .map(|user| link(viewer, &format!("/admin/users/{user}"), &[])),
        who: line.who,
        ip: line.ip.map(|ip| ip.to_string()),
        user_agent: line.user_agent,
        cursor: cursor.to_string(),
        bytes: record.len(),
        record: record.chunks(32).map(hexadecimal).collect(),
        proof: link(viewer, &format!("{PATH}/{position}/proof"), &[]),
        newer: (position.0 + 1 < end).then(|| to(position.0 + 1)),
        older: position.0.checked_sub(1).map(to),
    };
    let title = administrator
        .say("ledger", "event_title")
        .replace("{n}", &position.to_string());
    Ok(administrator.page(StatusCode::OK, "console/event.html", &title, page))
}

#[derive(Serialize)]
struct LivePage {
    /// Where the script listens.
    stream: String,
}

/// A page that goes on by itself.
pub(super) async fn live(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let stream = administrator.viewer().href("/admin/events/stream");
    let title = administrator.say("ledger", "live");
    let page = administrator.page(StatusCode::OK, "console/live.html", &title, LivePage { stream });
    // The only page whose script asks the server for anything.
    let policy = format!("{CONTENT_SECURITY_POLICY}; connect-src 'self'");
    Ok(match HeaderValue::from_str(&policy) {
        Ok(policy) => page.with(header::CONTENT_SECURITY_POLICY, policy),
        Err(_) => page,
    })
}

/// What that page listens to.
pub(super) async fn follow(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let told = stream::to_browser(
        site,
        request,
        administrator.caller(),
        administrator.viewer().locale(),
    );
    Ok(answered(&administrator, told.await))
}

/// The signed checkpoint, to be kept elsewhere.
pub(super) async fn checkpoint(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let made = audit::checkpoint(site, request).await;
    let made = answered(&administrator, made);
    Ok(attached(
        made,
        "attachment; filename=\"keyledger-checkpoint.txt\"",
    ))
}

/// The proof that one record stands at its place.
pub(super) async fn proof(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let made = audit::proof(site, request).await;
    let made = answered(&administrator, made);
    Ok(attached(made, "attachment; filename=\"keyledger-proof.txt\""))
}

/// Everything, for whoever checks it elsewhere. It holds no personal data, and yet who takes it away is asked once more
/// who they are.
pub(super) async fn export(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::fresh(site, request, PATH).await?;
    Ok(answered(&administrator, audit::export(site, request).await))
}

/// Begins to prove the ledger, beside everything else.
pub(super) async fn verify(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    if let Err(error) = administrator.fields(request)?.finish() {
        return Ok(administrator.viewer().trouble(&error));
    }
    // One that runs already is as good.
    site.desk.begin_verification();
    Ok(administrator.viewer().lead_to(PATH, None))
}

fn answered(administrator: &Administrator<'_>, made: Result<Response, ApiError>) -> Response {
    made.unwrap_or_else(|error| administrator.viewer().trouble(&error))
}

fn attached(response: Response, disposition: &'static str) -> Response {
    if response.status == StatusCode::OK {
        response.with(header::CONTENT_DISPOSITION, HeaderValue::from_static(disposition))
    } else {
        response
    }
}

#[cfg(test)]
mod tests {
    use super::day_or_time;
    use crate::types::Timestamp;

    #[test]
    fn a_filter_reads_days_and_moments() {
        let at = |text| day_or_time(text).map(Timestamp::rfc3339);
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(at("2027-01-15"), some("2027-01-15T00:00:00.000Z"));
        assert_eq!(at("2027-01-15T08:30"), some("2027-01-15T08:30:00.000Z"));
        assert_eq!(at("2027-01-15T08:30:01Z"), some("2027-01-15T08:30:01.000Z"));
        assert_eq!(at("yesterday"), None);
    }
}
