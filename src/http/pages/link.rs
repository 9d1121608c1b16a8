//! Pages behind mailed links that have no typed code.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use warp::http::StatusCode;

use super::look::Page;
use super::viewer::Viewer;
use crate::http::request::Request;
use crate::http::response::Response;

/// A page for a mailed link that has no typed code: a button, and without the script a field for the link.
pub(super) struct LinkForm {
    /// Where its texts are.
    pub(super) section: &'static str,
    /// Where it is, and where its form goes.
    pub(super) path: &'static str,
    /// The name of the secret in the fragment.
    pub(super) part: &'static str,
    /// Whether the button destroys something.
    pub(super) grave: bool,
}

#[derive(Serialize)]
struct LinkPage {
    lead: String,
    effect: String,
    submit: String,
    action: String,
    part: &'static str,
    grave: bool,
    problem: Option<String>,
    errors: LinkErrors,
}

#[derive(Serialize)]
struct LinkErrors {
    link: Option<String>,
}

impl LinkForm {
    /// Shows the button, and does nothing.
    pub(super) fn show(&self, viewer: &Viewer<'_>) -> Response {
        self.page(viewer, StatusCode::OK, None)
    }

    /// The secret that the form sent, or the answer that is given in its place.
    pub(super) fn secret(
        &self,
        viewer: &Viewer<'_>,
        request: &Request,
    ) -> Result<SecretString, Box<Response>> {
        let secret = viewer.read(request)?.link_secret(self.part);
        secret
            .filter(|secret| !secret.expose_secret().is_empty())
            .ok_or_else(|| {
                let missing = viewer.say("common", "link_missing");
                Box::new(self.page(viewer, StatusCode::BAD_REQUEST, Some(missing)))
            })
    }

    fn page(&self, viewer: &Viewer<'_>, status: StatusCode, missing: Option<String>) -> Response {
        let say = |name| viewer.say(self.section, name);
        let page = LinkPage {
            lead: say("lead"),
            effect: say("effect"),
            submit: say("submit"),
            action: viewer.href(self.path),
            part: self.part,
            grave: self.grave,
            problem: None,
            errors: LinkErrors { link: missing },
        };
        viewer.page(status, Page::Link, &say("title"), page)
    }
}
