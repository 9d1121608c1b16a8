//! The reference of the API for people: the entries of `openapi/`, in a frame of ours.

use warp::http::StatusCode;

use super::look::Page;
use super::viewer::Viewer;
use crate::http::openapi::Reference;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;

/// Shows it.
pub(in crate::http) fn show(site: &Site, request: &Request) -> Response {
    let viewer = Viewer::of(site, request);
    let page = Reference::new(site.envelope).page(viewer.locale());
    viewer.page(StatusCode::OK, Page::Docs, &viewer.say("docs", "title"), page)
}
