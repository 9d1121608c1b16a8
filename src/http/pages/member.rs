//! Somebody who is signed in at a browser: found by the cookie on every call, asked again before what is dangerous.

use std::sync::LazyLock;

use secrecy::{ExposeSecret, SecretString};
use warp::http::{HeaderName, HeaderValue, Method};

use super::cookie::{self, Keep};
use super::forms::is_foreign;
use super::nav::Nav;
use super::notice::Notice;
use super::viewer::Viewer;
use crate::crypto::BrowserUse;
use crate::desk::{Caller, Fault, Profile};
use crate::domain::{Refusal, Role};
use crate::http::console;
use crate::http::fields::Fields;
use crate::http::intents::Intent;
use crate::http::refusals::of_fault;
use crate::http::reply::ApiError;
use crate::http::request::{Head, Request};
use crate::http::response::Response;
use crate::http::site::{Door, Site};
use crate::mail::templates::moment;

/// Where somebody signs in; `?next=` names the page that they come back to.
const SIGN_IN: &str = "/flow/default-authentication-flow";
/// The field in which every form carries the secret of its session.
pub(in crate::http) const FORM: &str = "form";
/// Where somebody who is signed in shows once more who they are.
const CONFIRM: &str = "/account/confirm";
/// Stands behind the secret in a cookie that the browser keeps when it is closed; browsers do not tell which they keep.
const KEPT: &str = ".k";
/// Characters of a path to come back to.
const RETURN_MAX: usize = 128;
/// Pages that a sign-in may lead to.
const RETURNS: [&str; 3] = ["/account", "/flow", "/admin"];

/// An answer, or the answer that is given in its place.
pub(in crate::http) type Outcome = Result<Response, Box<Response>>;

/// Somebody signed in, before a page of their own.
pub(in crate::http) struct Member<'a> {
    pub(in crate::http) viewer: Viewer<'a>,
    pub(in crate::http) caller: Caller,
    pub(in crate::http) profile: Profile,
    form: SecretString,
}

impl<'a> Member<'a> {
    /// Who came, in their own language; whoever is not signed in is led to where they can, and back.
    pub(in crate::http) async fn of(site: &'a Site, request: &'a Request) -> Result<Self, Box<Response>> {
        let viewer = Viewer::of(site, request);
        let known = viewer
            .caller()
            .and_then(|caller| Some((caller, site.desk.profile(caller.user)?)));
        let Some((caller, profile)) = known else {
            return Err(Box::new(viewer.to_sign_in(page_of(request))));
        };
        let form = site.desk.browser_secret(BrowserUse::Form, caller.session);
        let viewer = viewer.preferring(profile.locale);
        let mut nav = Nav::of(&viewer, form.expose_secret());
        // Elsewhere there is no console (L-07).
        if caller.role == Role::Admin && site.door == Door::Admin {
            nav = nav.leading_over(&viewer, "/admin", viewer.say("account", "console"));
        }
        let viewer = viewer.with_nav(nav);
        site.desk.prolong(caller, &viewer.visitor()).await;
        Ok(Self {
            viewer,
            caller,
            profile,
            form,
        })
    }

    /// What every form of theirs carries in its hidden field `form` (S-09).
    pub(in crate::http) fn form_secret(&self) -> &str {
        self.form.expose_secret()
    }

    /// The same with another way around.
    pub(in crate::http) fn with_nav(self, nav: Nav) -> Self {
        let viewer = self.viewer.with_nav(nav);
        Self { viewer, ..self }
    }

    /// The fields of a form, if one of our pages sent it and it was made for this session.
    pub(in crate::http) fn fields(&self, request: &Request) -> Result<Fields, Box<Response>> {
        self.own(request, Request::form)
    }

    /// The same for one of the console's forms, which have more fields.
    pub(in crate::http) fn wide_fields(&self, request: &Request) -> Result<Fields, Box<Response>> {
        self.own(request, Request::wide_form)
    }

    fn own(
        &self,
        request: &Request,
        read: fn(&Request) -> Result<Fields, ApiError>,
    ) -> Result<Fields, Box<Response>> {
        if is_foreign(request, self.viewer.origin()) {
            return Err(Box::new(self.viewer.foreign()));
        }
        let read = read(request);
        let mut fields = read.map_err(|error| Box::new(self.viewer.trouble(&error)))?;
        let shown = fields.optional_text(FORM).unwrap_or_default();
        if !self.viewer.site().desk.is_form_of(self.caller.session, &shown) {
            return Err(Box::new(self.viewer.foreign()));
        }
        Ok(fields)
    }

    /// The same for a form of buttons only.
    pub(in crate::http) fn button(&self, request: &Request) -> Result<(), Box<Response>> {
        let read = self.fields(request)?.finish();
        read.map_err(|error| Box::new(self.viewer.trouble(&error)))
    }

    /// A page for what did not work and is about no field.
    pub(in crate::http) fn trouble(&self, fault: &Fault) -> Response {
        let error = of_fault(fault, self.viewer.locale(), "password");
        let Fault::Refused(Refusal::Held(until)) = fault else {
            return self.viewer.trouble(&error);
        };
        let say = |name| self.viewer.say("trouble", name);
        let until = moment(*until, self.viewer.locale());
        let notice = Notice::bad(say("held_lead").replace("{time}", &until));
        self.viewer.refused(&error, &say("held_title"), &notice)
    }

    /// Goes on if this person signed in just now; otherwise they are asked who they are, and come back to `path` (S-08), or to
    /// what they were about to do there.
    pub(in crate::http) fn freshly(&self, request: &Request, path: &str) -> Result<(), Box<Response>> {
        if self.is_fresh() {
            // What waited is done now, or something else is.
            if request.method == Method::POST {
                self.viewer.site().intents.forget(self.caller.session);
            }
            return Ok(());
        }
        self.keep_intent(request, path);
        Err(Box::new(self.ask_again(path)))
    }

    /// Keeps what a form was about, if one of our pages sent it and it was made for this session: a stranger's page lays
    /// nothing out for anybody (S-09).
    fn keep_intent(&self, request: &Request, back: &str) {
        let (intents, session) = (&self.viewer.site().intents, self.caller.session);
        let is_own = request.method == Method::POST && self.own(request, Request::wide_form).is_ok();
        let fields = request.wide_form().and_then(Fields::into_texts);
        match fields {
            Ok(mut fields) if is_own => {
                fields.retain(|(name, _)| name != FORM);
                let intent = Intent {
                    path: request.path.clone(),
                    fields,
                    back: back.to_owned(),
                };
                intents.keep(session, intent, self.viewer.site().desk.now());
            }
            Ok(_) | Err(_) => intents.forget(session),
        }
    }

    /// Leads to where this person shows who they are, and back to `path`.
    pub(in crate::http) fn ask_again(&self, path: &str) -> Response {
        self.viewer.lead_to(CONFIRM, Some(path))
    }

    /// Whether this person signed in just now.
    pub(in crate::http) fn is_fresh(&self) -> bool {
        self.viewer.site().desk.is_fresh(self.caller)
    }
}

/// Who is signed in at the browser that sent this.
pub(in crate::http) fn browser_caller(site: &Site, head: &Head) -> Option<Caller> {
    Viewer::of(site, head).caller()
}

impl Viewer<'_> {
    /// Who is signed in at this browser.
    pub(in crate::http) fn caller(&self) -> Option<Caller> {
        let (secret, _) = self.session_cookie()?;
        self.site().desk.browser_caller(secret)
    }

    /// How long this browser keeps its session: what was chosen at the sign-in holds for those that follow it.
    pub(super) fn keep(&self) -> Keep {
        match self.session_cookie() {
            Some((_, true)) => Keep::For(self.site().desk.engine().limits().lifetimes.session_absolute),
            Some((_, false)) | None => Keep::WhileOpen,
        }
    }

    /// The secret in the session's cookie, and whether it carries the mark of one that was to be kept.
    fn session_cookie(&self) -> Option<(&str, bool)> {
        let cookie = cookie::read(self.head(), cookie::SESSION)?;
        let kept = cookie.strip_suffix(KEPT);
        Some((kept.unwrap_or(cookie), kept.is_some()))
    }

    /// Leads to where somebody signs in, and from there to a page of ours.
    pub(in crate::http) fn to_sign_in(&self, next: &str) -> Response {
        let gone = cookie::read(self.head(), cookie::SESSION).is_some();
        let away = self.lead_to(SIGN_IN, Some(next));
        if gone {
            cookie::set(away, cookie::SESSION, "", Keep::Never)
        } else {
            away
        }
    }

    /// Leads to a page of ours with GET, which may lead on to another.
    pub(in crate::http) fn lead_to(&self, path: &str, next: Option<&str>) -> Response {
        let mut location = self.href(path);
        if let Some(next) = next.and_then(return_path) {
            location.push(if location.contains('?') { '&' } else { '?' });
            location.push_str("next=");
            location.push_str(next);
        }
        let location = HeaderValue::try_from(location);
        Response::see_other(location.expect("our own paths are ASCII without spaces"))
    }

    /// Leads to a page of ours, and names to it what was done: a plain word.
    pub(in crate::http) fn lead_to_said(&self, path: &str, notice: &'static str) -> Response {
        let location = self.href(path);
        let joint = if location.contains('?') { '&' } else { '?' };
        let location = HeaderValue::try_from(format!("{location}{joint}notice={notice}"));
        Response::see_other(location.expect("our own paths are ASCII without spaces"))
    }

    /// Puts a new session into this browser; the one that it had ends (S-02).
    pub(super) async fn enter(&self, response: Response, session: Caller, keep: Keep) -> Response {
        let desk = &self.site().desk;
        if let Some(before) = self.caller().filter(|before| before.session != session.session) {
            self.end(before).await;
        }
        let secret = desk.browser_secret(BrowserUse::Cookie, session.session);
        let mark = if matches!(keep, Keep::For(_)) { KEPT } else { "" };
        let value = format!("{}{mark}", secret.expose_secret());
        cookie::set(response, cookie::SESSION, &value, keep)
    }

    /// Ends the session of this browser, if there is one, and has the browser forget what it kept of it (S-17). Not by
    /// clearing cookies, which would take those of the operator's other services along.
    pub(super) async fn leave(&self, response: Response) -> Response {
        if let Some(caller) = self.caller() {
            self.end(caller).await;
        }
        cookie::set(response, cookie::SESSION, "", Keep::Never).with(
            HeaderName::from_static("clear-site-data"),
            HeaderValue::from_static("\"cache\", \"storage\""),
        )
    }

    /// A session that cannot be ended now ends by its time; its browser forgets it at once.
    async fn end(&self, caller: Caller) {
        if let Err(fault) = self.site().desk.sign_out(caller, &self.visitor()).await {
            tracing::warn!(request_id = %self.request_id(), ?fault, "a browser's session was not ended");
        }
    }
}

/// A path that a sign-in may lead back to: of our own pages, as we write them. No host, no query, no escape, so that there
/// is nothing in it to be clever with.
pub(in crate::http) fn return_path(path: &str) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"/-".contains(&byte);
    let is_ours = RETURNS.iter().any(|root| {
        path.strip_prefix(root)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    (is_ours && path.len() <= RETURN_MAX && path.bytes().all(is_plain) && !path.contains("//"))
        .then_some(path)
}

/// The page that a request came from: its own, or for a form that of the nearest path that opens, which shows it.
pub(super) fn page_of(head: &Head) -> &str {
    let mut path = head.path.as_str();
    while head.method == Method::POST && !opens(path) {
        match path.rsplit_once('/') {
            Some((above, _)) if !above.is_empty() => path = above,
            Some(_) | None => return "/",
        }
    }
    path
}

/// Whether a path shows a page to whoever opens it.
fn opens(path: &str) -> bool {
    static PAGES: LazyLock<Vec<&str>> = LazyLock::new(|| {
        let routes = super::routes().into_iter().chain(console::routes());
        let pages = routes.filter(|route| route.method == Method::GET);
        pages.map(|route| route.pattern).collect()
    });
    let fits = |pattern: &str| {
        let (wanted, given) = (pattern.split('/'), path.split('/'));
        wanted.clone().count() == given.clone().count()
            && wanted
                .zip(given)
                .all(|(wanted, given)| wanted == given || wanted.starts_with('{') && !given.is_empty())
    };
    PAGES.iter().any(|pattern| fits(pattern))
}

/// The page to come back to, as the query says.
pub(in crate::http) fn next_of(head: &Head) -> Option<String> {
    let next = head.query_fields().ok()?.optional_text("next")?;
    return_path(&next).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::return_path;

    #[test]
    fn r_13_only_paths_of_our_own_pages_are_come_back_to() {
        for good in [
            "/account",
            "/account/sessions",
            "/flow/default-password-change",
            "/admin/flows",
        ] {
            assert_eq!(return_path(good), Some(good));
        }
        for bad in [
            "",
            "/",
            "account",
            "//evil.example",
            "/account//evil.example",
            "/\\evil.example",
            "/account\\..\\x",
            "/accounts",
            "/account?x=//evil.example",
            "/account#x",
            "/account/%2e%2e/x",
            "/account/../x",
            "/account@evil.example",
            "https://id.example.com/account",
            "/recover",
            "/account\r\nset-cookie: x",
            &format!("/account/{}", "x".repeat(200)),
        ] {
            assert_eq!(return_path(bad), None, "{bad}");
        }
    }
}
