//! What happened: done, refused, or in trouble.

use serde::Serialize;
use warp::http::StatusCode;

use super::ask::{AskForm, Topic};
use super::look::Page;
use super::texts::span_in_words;
use super::viewer::Viewer;
use crate::http::codes::Code;
use crate::http::reply::ApiError;
use crate::http::response::Response;
use crate::types::Span;

/// Whether a notice is a good one; its class in the style sheet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::http) enum Tone {
    Good,
    Bad,
}

/// What a notice says under its title.
#[derive(Serialize)]
pub(in crate::http) struct Notice {
    pub(in crate::http) tone: Tone,
    pub(in crate::http) lead: String,
    pub(in crate::http) paragraphs: Vec<String>,
    /// The way to a new mail, for whoever lost theirs.
    pub(super) ask: Option<AskForm>,
    pub(in crate::http) next: Option<Next>,
}

/// Where to go from here.
#[derive(Serialize)]
pub(in crate::http) struct Next {
    pub(in crate::http) href: String,
    pub(in crate::http) words: String,
}

impl Notice {
    pub(in crate::http) fn good(lead: String) -> Self {
        Self {
            tone: Tone::Good,
            lead,
            paragraphs: vec![],
            ask: None,
            next: None,
        }
    }

    pub(in crate::http) fn bad(lead: String) -> Self {
        Self {
            tone: Tone::Bad,
            ..Self::good(lead)
        }
    }
}

impl Notice {
    /// The same with a way to go on.
    pub(in crate::http) fn leading_to(self, next: Option<Next>) -> Self {
        Self { next, ..self }
    }
}

impl Viewer<'_> {
    /// A good notice.
    pub(in crate::http) fn done(&self, title: &str, notice: &Notice) -> Response {
        self.page(StatusCode::OK, Page::Notice, title, notice)
    }

    /// A page for an error, with its status and the headers that say when to come back.
    pub(in crate::http) fn refused(&self, error: &ApiError, title: &str, notice: &Notice) -> Response {
        let page = self.page(error.status(), Page::Notice, title, notice);
        with_retry(page, error)
    }

    /// A dead link or code, and the way to a new one if there is any.
    pub(super) fn dead(&self, error: &ApiError, again: Option<(Topic, &str)>) -> Response {
        let (title, lead) = if error.code == Code::VerificationTokenExpired {
            (
                self.say("dead", "expired_title"),
                self.say("dead", "expired_lead"),
            )
        } else {
            (self.say("dead", "used_title"), self.say("dead", "used_lead"))
        };
        let closing = if again.is_some() { "again" } else { "nothing" };
        let notice = Notice {
            paragraphs: vec![self.say("dead", closing)],
            ask: again.map(|(topic, email)| AskForm::new(self, topic, email)),
            ..Notice::bad(lead)
        };
        self.refused(error, &title, &notice)
    }

    /// What says nothing about link, code or password: limits, overload, a form that cannot be read.
    pub(in crate::http) fn trouble(&self, error: &ApiError) -> Response {
        let say = |name| self.say("trouble", name);
        let wait = || span_in_words(self.locale(), error.retry_after.unwrap_or(Span::seconds(1)));
        let limit = || Notice::bad(say("limit_lead").replace("{wait}", &wait()));
        let (title, notice) = match error.status().as_u16() {
            429 if error.code == Code::TooManyCodeRequests => {
                let paragraphs = vec![say("limit_codes")];
                (
                    say("limit_title"),
                    Notice {
                        paragraphs,
                        ..limit()
                    },
                )
            }
            429 => (say("limit_title"), limit()),
            503 => (say("busy_title"), Notice::bad(say("busy_lead"))),
            400 | 415 => (say("title"), Notice::bad(say("unreadable_lead"))),
            _ => (say("title"), Notice::bad(error.message(self.locale()).to_owned())),
        };
        let notice = Notice {
            next: self.way_back(),
            ..notice
        };
        self.refused(error, &title, &notice)
    }

    /// A form from somebody else's page.
    pub(in crate::http) fn foreign(&self) -> Response {
        let say = |name| self.say("trouble", name);
        let notice = Notice {
            next: self.way_back(),
            ..Notice::bad(say("foreign_lead"))
        };
        self.page(StatusCode::FORBIDDEN, Page::Notice, &say("foreign_title"), notice)
    }

    /// A notice with a status of its own.
    pub(in crate::http) fn said(&self, status: StatusCode, title: &str, notice: &Notice) -> Response {
        self.page(status, Page::Notice, title, notice)
    }

    fn way_back(&self) -> Option<Next> {
        self.path_to_reopen().map(|path| Next {
            href: self.href(path),
            words: self.say("trouble", "again"),
        })
    }
}

/// Whether an error means that a link or code opens nothing any more.
pub(in crate::http) fn is_dead(error: &ApiError) -> bool {
    [Code::VerificationTokenNotFound, Code::VerificationTokenExpired].contains(&error.code)
}

/// Adds `Retry-After` and `X-RateLimit-*` where the API would.
pub(in crate::http) fn with_retry(mut page: Response, error: &ApiError) -> Response {
    error.add_retry_headers(&mut page.headers);
    page
}
