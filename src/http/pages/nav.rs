//! The way around the pages of an account.

use serde::Serialize;

use super::viewer::Viewer;

/// What stands above every page of somebody who is signed in.
#[derive(Clone, Serialize)]
pub(super) struct Nav {
    /// What the form that signs out carries.
    form: String,
    items: Vec<Item>,
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
    /// The way around for somebody whose forms carry `form`.
    pub(super) fn of(viewer: &Viewer<'_>, form: &str) -> Self {
        let path = viewer.head().path.as_str();
        let leads_here = |to: &str| {
            let rest = path.strip_prefix(to);
            rest.is_some_and(|rest| rest.is_empty() || (to != "/account" && rest.starts_with('/')))
        };
        let item = |(to, name): (&str, &str)| Item {
            href: viewer.href(to),
            words: viewer.say("account", name),
            here: leads_here(to),
        };
        Self {
            form: form.to_owned(),
            items: ITEMS.into_iter().map(item).collect(),
        }
    }
    /// A way around that leads nowhere, to try templates with.
    pub(super) fn sample() -> Self {
        let item = |here| Item {
            href: "/account".to_owned(),
            words: "Example".to_owned(),
            here,
        };
        Self {
            form: "x".to_owned(),
            items: vec![item(true), item(false)],
        }
    }
}
