//! Refusals for browsers: what the router, the gate or a handler words in JSON, as a page.

use std::sync::Arc;

use warp::http::header;

use super::notice::{Notice, is_dead};
use super::viewer::Viewer;
use crate::http::codes::Code;
use crate::http::request::Head;
use crate::http::response::Response;
use crate::http::site::{Access, Site};

/// Puts a page in the place of a refusal in JSON, if a browser asked for a page of ours or for one that does not exist.
/// Status and headers stay; clients of the API always get JSON.
pub fn refuse_with_page(site: &Arc<Site>, access: Option<&Access>, head: &Head, response: &mut Response) {
    let is_api = head.path.starts_with("/v1/");
    let belongs_to_pages = match access {
        Some(Access::Open | Access::Console) => true,
        Some(
            Access::Health
            | Access::ApiKey
            | Access::SignedIn
            | Access::Person
            | Access::Forwarded
            | Access::Service
            | Access::Administrator,
        ) => false,
        None => !is_api,
    };
    let Some(error) = response
        .refusal
        .take()
        .filter(|_| belongs_to_pages && wants_page(head))
    else {
        return;
    };
    // A path that is no page's must not come back as a link.
    let viewer = if access.is_some() && !is_api {
        Viewer::of(site, head)
    } else {
        Viewer::once(site, head)
    };
    let mut page = if error.code == Code::AlreadyVerified {
        let notice = Notice::good(viewer.say("verify", "already_lead"));
        viewer.refused(&error, &viewer.say("verify", "already_title"), &notice)
    } else if is_dead(&error) {
        viewer.dead(&error, None)
    } else {
        viewer.trouble(&error)
    };
    for (name, value) in &response.headers {
        page.headers.entry(name).or_insert_with(|| value.clone());
    }
    *response = page;
}

fn wants_page(head: &Head) -> bool {
    let mut accepted = head.headers.get_all(header::ACCEPT).iter();
    accepted.any(|value| value.to_str().is_ok_and(|list| list.contains("text/html")))
}
