//! Who looks at the console: somebody signed in who is an administrator.

use minijinja::context;
use minijinja::value::{Serde, Value};
use serde::Serialize;
use warp::http::StatusCode;

use crate::desk::Caller;
use crate::domain::{Actor, Role};
use crate::http::fields::Fields;
use crate::http::pages::member::{Member, return_path};
use crate::http::pages::nav::Nav;
use crate::http::pages::notice::{Next, Notice};
use crate::http::pages::viewer::Viewer;
use crate::http::refusals::of_fault;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;

/// The menu: paths and names of the sections, in their order.
const MENU: [(&str, &str); 7] = [
    ("/admin", "nav_overview"),
    ("/admin/flows", "nav_flows"),
    ("/admin/stages", "nav_stages"),
    ("/admin/policies", "nav_policies"),
    ("/admin/users", "nav_users"),
    ("/admin/events", "nav_events"),
    ("/admin/system", "nav_system"),
];
/// Pages that belong to a section without standing below it.
const BESIDE: [(&str, &str); 3] = [
    ("/admin/create/flow", "/admin/flows"),
    ("/admin/create/stage", "/admin/stages"),
    ("/admin/create/policy", "/admin/policies"),
];
/// What a page may be told to say first, by the word for it in its address.
const NOTICES: [&str; 9] = [
    "created",
    "updated",
    "deleted",
    "banned",
    "unbanned",
    "ended",
    "sent",
    "retried",
    "cancelled",
];

/// An administrator before a page of the console.
pub(super) struct Administrator<'a> {
    member: Member<'a>,
}

impl<'a> Administrator<'a> {
    /// Who came; whoever is not signed in is led to where they can, and back. Others are refused.
    pub(super) async fn of(site: &'a Site, request: &'a Request) -> Result<Self, Box<Response>> {
        let member = Member::of(site, request).await?;
        if member.caller.role != Role::Admin {
            return Err(Box::new(refused(&member.viewer, "not_admin", None)));
        }
        // The law asks for a factor at every sign-in of who has one.
        if site.settings.admin_second_factor && member.profile.factors.is_empty() {
            let next = Next {
                href: member.viewer.href("/account/factors"),
                words: member.viewer.say("console", "factor_add"),
            };
            return Err(Box::new(refused(&member.viewer, "factor_needed", Some(next))));
        }
        let viewer = &member.viewer;
        let items = MENU.map(|(to, name)| (to, viewer.say("console", name)));
        let label = viewer.say("console", "title");
        let (form, path) = (member.form_secret(), section_of(&viewer.head().path));
        let nav = Nav::around(viewer, form, label, "wide console", items, path);
        let nav = nav.leading_over(viewer, "/account", viewer.say("account", "title"));
        let member = member.with_nav(nav);
        Ok(Self { member })
    }

    /// Goes on with what is dangerous, if they signed in just now; otherwise they show once more who they are, and come back
    /// to `path` (S-08).
    pub(super) fn freshly(&self, request: &Request, path: &str) -> Result<(), Box<Response>> {
        self.member.freshly(request, path)
    }

    /// Who came to do something dangerous, and signed in just now.
    pub(super) async fn fresh(
        site: &'a Site,
        request: &'a Request,
        path: &str,
    ) -> Result<Self, Box<Response>> {
        let administrator = Self::of(site, request).await?;
        administrator.freshly(request, path)?;
        Ok(administrator)
    }

    /// The same to change something. A page is come back to itself where its path is plain, or else
    /// to the list that it is of.
    pub(super) async fn editing(
        site: &'a Site,
        request: &'a Request,
        list: &str,
    ) -> Result<Self, Box<Response>> {
        Self::fresh(site, request, return_path(&request.path).unwrap_or(list)).await
    }

    /// Who does what is done here.
    pub(super) fn by(&self) -> Actor {
        Actor::User(self.member.caller.user)
    }

    /// In which session they do it.
    pub(super) fn caller(&self) -> Caller {
        self.member.caller
    }

    /// The address that they sign in with.
    pub(super) fn email(&self) -> &str {
        &self.member.profile.email
    }

    /// Their language, and where this server is for them.
    pub(super) fn viewer(&self) -> &Viewer<'a> {
        &self.member.viewer
    }

    /// One sentence of the console.
    pub(super) fn say(&self, section: &str, name: &str) -> String {
        self.viewer().say(section, name)
    }

    /// The fields of a form, if one of our pages sent it and it was made for this session.
    pub(super) fn fields(&self, request: &Request) -> Result<Fields, Box<Response>> {
        self.member.wide_fields(request)
    }

    /// A page of the console.
    pub(super) fn page(
        &self,
        status: StatusCode,
        file: &'static str,
        title: &str,
        values: impl Serialize,
    ) -> Response {
        let page = context! {
            // What every form carries (S-09).
            form => self.member.form_secret(),
            // What was done just before.
            notice => self.noticed(),
            // Whether they signed in so lately that nothing asks them again.
            is_fresh => self.member.is_fresh(),
            ..Value::from(Serde(values))
        };
        self.viewer().console_page(status, file, title, page)
    }

    /// Leads to a page, which says first what was done: one of the words of [`NOTICES`].
    pub(super) fn lead_to(&self, path: &str, notice: &'static str) -> Response {
        debug_assert!(NOTICES.contains(&notice), "there is no notice {notice}");
        self.viewer().lead_to_said(path, notice)
    }

    /// What did not work and is about no field.
    pub(super) fn trouble(&self, fault: &crate::desk::Fault) -> Response {
        let error = of_fault(fault, self.viewer().locale(), "");
        self.viewer().trouble(&error)
    }

    /// A page for what cannot be done, which leads back to the list that it was begun from.
    pub(super) fn cannot(&self, status: StatusCode, sentence: &str) -> Response {
        let viewer = self.viewer();
        let notice = Notice::bad(sentence.to_owned()).leading_to(Some(Next {
            href: viewer.href(list_above(&viewer.head().path)),
            words: self.say("console", "back"),
        }));
        viewer.said(status, &self.say("console", "cannot"), &notice)
    }

    fn noticed(&self) -> Option<String> {
        let mut query = self.viewer().head().query_fields().ok()?;
        let word = query.optional_text("notice")?;
        let known = NOTICES.into_iter().find(|known| *known == word)?;
        Some(self.say("console", known))
    }
}

/// The path of a page, or of the section that it belongs to.
fn section_of(path: &str) -> &str {
    let beside = BESIDE.iter().find(|(page, _)| *page == path);
    beside.map_or(path, |(_, section)| section)
}

/// The list that a path is below: the bindings of a flow, or a section of the menu.
fn list_above(path: &str) -> &str {
    const BINDINGS: &str = "/bindings";
    if let Some(at) = path.find(BINDINGS) {
        return &path[..at + BINDINGS.len()];
    }
    let path = section_of(path);
    let sections = MENU.iter().map(|(section, _)| *section);
    let above = sections.filter(|section| path.starts_with(section));
    above.max_by_key(|section| section.len()).unwrap_or("/admin")
}

/// A page for whoever may not go on.
fn refused(viewer: &Viewer<'_>, lead: &str, next: Option<Next>) -> Response {
    let notice = Notice::bad(viewer.say("console", lead)).leading_to(next);
    viewer.said(
        StatusCode::FORBIDDEN,
        &viewer.say("console", "refused_title"),
        &notice,
    )
}
