//! Flows: all of them.

use serde::Serialize;
use warp::http::StatusCode;

use super::administrator::Administrator;
use crate::domain::flow::Designation;
use crate::http::pages::member::Outcome;
use crate::http::pages::texts;
use crate::http::request::Request;
use crate::http::site::Site;
use crate::types::Locale;

#[derive(Serialize)]
struct FlowsPage {
    flows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    slug: String,
    title: String,
    designation: &'static str,
    stages: usize,
    problems: usize,
}

/// Lists them by name.
pub(super) async fn list(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let locale = administrator.viewer().locale();
    let (flows, mail) = (site.desk.flows(), site.desk.settings().mail);
    let rows = flows.flows().map(|bound| {
        let flow = &bound.flow;
        Row {
            name: flow.name.as_str().to_owned(),
            slug: flow.slug.as_str().to_owned(),
            title: flow.title.as_str().to_owned(),
            designation: designation(locale, flow.designation),
            stages: bound.bindings.len(),
            problems: flows.problems(flow.slug.as_str(), mail).len(),
        }
    });
    let page = FlowsPage {
        flows: rows.collect(),
    };
    let title = administrator.say("console", "nav_flows");
    Ok(administrator.page(StatusCode::OK, "console/flows.html", &title, page))
}

/// What a designation is called.
fn designation(locale: Locale, designation: Designation) -> &'static str {
    let word = designation.word();
    texts::find(locale, "option", &format!("designation_{word}")).unwrap_or(word)
}
