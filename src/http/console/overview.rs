//! The console's first page.

use serde::Serialize;
use warp::http::StatusCode;

use super::administrator::Administrator;
use crate::desk::ObjectKind;
use crate::http::pages::member::Outcome;
use crate::http::request::Request;
use crate::http::site::Site;

#[derive(Serialize)]
struct Overview {
    users: usize,
    flows: usize,
    stages: usize,
    policies: usize,
}

/// Shows what there is.
pub(super) async fn show(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let locale = administrator.viewer().locale();
    let count = |kind| site.desk.list_objects(kind, locale).len();
    let page = Overview {
        users: site.desk.engine().read(|state| state.users.len()),
        flows: count(ObjectKind::Flow),
        stages: count(ObjectKind::Stage),
        policies: count(ObjectKind::Policy),
    };
    let title = administrator.say("console", "nav_overview");
    Ok(administrator.page(StatusCode::OK, "console/overview.html", &title, page))
}
