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
pub(super) enum Tone {
    Good,
    Bad,
}

/// What a notice says under its title.
#[derive(Serialize)]
pub(super) struct Notice {
    pub(super) tone: Tone,
    pub(super) lead: String,
    pub(super) paragraphs: Vec<String>,
    /// The way to a new mail, for whoever lost theirs.
    pub(super) ask: Option<AskForm>,
    pub(super) next: Option<Next>,
}

/// Where to go from here.
#[derive(Serialize)]
pub(super) struct Next {
    pub(super) href: String,
    pub(super) words: String,
}

impl Notice {
    pub(super) fn good(lead: String) -> Self {
        Self {
            tone: Tone::Good,
            lead,
            paragraphs: vec![],
            ask: None,
            next: None,
        }
    }

    pub(super) fn bad(lead: String) -> Self {
        Self {
            tone: Tone::Bad,
            ..Self::good(lead)
        }
    }
}

impl Viewer<'_> {
    /// A good notice.
    pub(super) fn done(&self, title: &str, notice: &Notice) -> Response {
        self.page(StatusCode::OK, Page::Notice, title, notice)
    }

    /// A page for an error, with its status and the headers that say when to come back.
    pub(super) fn refused(&self, error: &ApiError, title: &str, notice: &Notice) -> Response {
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
    pub(super) fn trouble(&self, error: &ApiError) -> Response {
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
    pub(super) fn foreign(&self) -> Response {
        let say = |name| self.say("trouble", name);
        let notice = Notice {
            next: self.way_back(),
            ..Notice::bad(say("foreign_lead"))
        };
        self.page(StatusCode::FORBIDDEN, Page::Notice, &say("foreign_title"), notice)
    }

    fn way_back(&self) -> Option<Next> {
        self.reopens().then(|| Next {
            href: self.href(&self.head().path),
            words: self.say("trouble", "again"),
        })
    }
}

/// Whether an error means that a link or code opens nothing any more.
pub(super) fn is_dead(error: &ApiError) -> bool {
    [Code::VerificationTokenNotFound, Code::VerificationTokenExpired].contains(&error.code)
}

/// Adds `Retry-After` and `X-RateLimit-*` where the API would.
pub(super) fn with_retry(mut page: Response, error: &ApiError) -> Response {
    error.add_retry_headers(&mut page.headers);
    page
}
