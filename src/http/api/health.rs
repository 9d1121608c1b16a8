//! Whether the server lives, and whether it works.

use serde::Serialize;

use crate::http::site::Site;
use crate::http::{ApiError, Code, Request, Response};

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

/// It answers, so it lives.
pub(super) async fn alive(_: &Site, request: &Request) -> Result<Response, ApiError> {
    Ok(request.voice.ok(&Health { status: "alive" }))
}

/// The ledger is folded (the door opens only then) and the writer takes commands; else 503.
pub(super) async fn ready(site: &Site, request: &Request) -> Result<Response, ApiError> {
    if !site.desk.engine().is_running() {
        return Err(Code::Overloaded.into());
    }
    Ok(request.voice.ok(&Health { status: "ready" }))
}
