//! The way around pages that belong together: those of an account, those of the console.

use serde::Serialize;

use super::viewer::Viewer;

/// What stands above every page of somebody who is signed in.
#[derive(Clone, Serialize)]
pub(in crate::http) struct Nav {
    /// What the form that signs out carries.
    form: String,
    /// What it is the way around of.
    label: String,
    /// The class of its pages in the style sheet.
    class: &'static str,
    items: Vec<Item>,
    /// The way over to other pages of whoever is here: from their account to the console, and back.
    over: Option<Item>,
}

#[derive(Clone, Serialize)]
struct Item {
    href: String,
    words: String,
    /// Whether this page is it, or below it.
    here: bool,
}

/// Paths and names of the pages, in their order.
const ITEMS: [(&str, &str); 6] = [
    ("/account", "nav_overview"),
    ("/account/addresses", "nav_addresses"),
    ("/account/password", "nav_password"),
    ("/account/factors", "nav_factors"),
    ("/account/sessions", "nav_sessions"),
    ("/account/activity", "nav_activity"),
];

impl Nav {
    /// The way around an account for somebody whose forms carry `form`.
    pub(in crate::http) fn of(viewer: &Viewer<'_>, form: &str) -> Self {
        let items = ITEMS.map(|(to, name)| (to, viewer.say("account", name)));
        let label = viewer.say("account", "title");
        Self::around(viewer, form, label, "wide", items, viewer.head().path.as_str())
    }

    /// The way around pages, each with its path and name; the first is the one above the others. `path` is where somebody is
    /// among them.
    pub(in crate::http) fn around<const N: usize>(
        viewer: &Viewer<'_>,
        form: &str,
        label: String,
        class: &'static str,
        items: [(&'static str, String); N],
        path: &str,
    ) -> Self {
        let root = items.first().map_or("/", |(to, _)| *to);
        let leads_here = |to: &str| {
            let rest = path.strip_prefix(to);
            rest.is_some_and(|rest| rest.is_empty() || (to != root && rest.starts_with('/')))
        };
        let item = |(to, words): (&str, String)| Item {
            href: viewer.href(to),
            words,
            here: leads_here(to),
        };
        Self {
            form: form.to_owned(),
            label,
            class,
            items: items.into_iter().map(item).collect(),
            over: None,
        }
    }

    /// The same with a way over to other pages.
    pub(in crate::http) fn leading_over(self, viewer: &Viewer<'_>, to: &str, words: String) -> Self {
        let over = Item {
            href: viewer.href(to),
            words,
            here: false,
        };
        Self {
            over: Some(over),
            ..self
        }
    }

    /// A way around that leads nowhere, to try templates with.
    pub(in crate::http) fn sample() -> Self {
        let item = |here| Item {
            href: "/account".to_owned(),
            words: "Example".to_owned(),
            here,
        };
        Self {
            form: "x".to_owned(),
            label: "Example".to_owned(),
            class: "wide",
            items: vec![item(true), item(false)],
            over: Some(item(false)),
        }
    }
}
