//! Whether the server lives, and whether it works.

use serde::Serialize;

use crate::http::site::Site;
use crate::http::{ApiError, Code, Request, Response};
use crate::system::ClockStatus;

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

#[derive(Serialize)]
struct Readiness {
    status: &'static str,
    /// What an operator should look at although the server works.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<&'static str>,
}

const SETS_DAMAGED: &str =
    "A set of leaked passwords cannot be read and refuses no password: see the server's log.";
const CLOCK_SUSPECT: &str = "The system clock is not believed: see the server's log.";

/// It answers, so it lives.
pub(super) async fn alive(_: &Site, request: &Request) -> Result<Response, ApiError> {
    Ok(request.voice.ok(&Health { status: "alive" }))
}

/// The ledger is folded (the door opens only then) and the writer takes commands; else 503. Tells, without names, of what
/// works less well than it should.
pub(super) async fn ready(site: &Site, request: &Request) -> Result<Response, ApiError> {
    if !site.desk.engine().is_running() {
        return Err(Code::Overloaded.into());
    }
    let mut warnings = vec![];
    if site.desk.settings().leaks.damaged() > 0 {
        warnings.push(SETS_DAMAGED);
    }
    if site.desk.engine().clock().status() != ClockStatus::Trusted {
        warnings.push(CLOCK_SUSPECT);
    }
    let status = "ready";
    Ok(request.voice.ok(&Readiness { status, warnings }))
}
