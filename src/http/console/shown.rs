//! What several pages of the console show alike: moments, pages of lists, links with a query.

use serde::Serialize;

use super::administrator::Administrator;
use super::people::Choice;
use crate::domain::Standing;
use crate::http::pages::texts;
use crate::http::pages::viewer::Viewer;
use crate::mail::templates::moment;
use crate::types::{Locale, Timestamp, percent_encode};

/// A moment, for people and for the script that tells it in their time zone.
#[derive(Clone, Serialize)]
pub(super) struct At {
    iso: String,
    words: String,
}

impl At {
    pub(super) fn new(viewer: &Viewer<'_>, at: Timestamp) -> Self {
        Self {
            iso: at.rfc3339(),
            words: moment(at, viewer.locale()),
        }
    }
}

/// The way to the other pages of a list.
#[derive(Serialize)]
pub(super) struct Pager {
    number: usize,
    of: usize,
    before: Option<String>,
    after: Option<String>,
}

impl Pager {
    /// On page `number` of `of`, each with these fields in its query.
    pub(super) fn new(
        viewer: &Viewer<'_>,
        path: &str,
        query: &[(&str, &str)],
        number: usize,
        of: usize,
    ) -> Self {
        let to = |number: usize| {
            let number = number.to_string();
            let mut all = query.to_vec();
            all.push(("page", &number));
            link(viewer, path, &all)
        };
        Self {
            number,
            of,
            before: (number > 1).then(|| to(number - 1)),
            after: (number < of).then(|| to(number + 1)),
        }
    }
}

/// The address of a page of ours with a query; what is empty is left out.
pub(super) fn link(viewer: &Viewer<'_>, path: &str, query: &[(&str, &str)]) -> String {
    let mut href = viewer.href(path);
    for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
        href.push(if href.contains('?') { '&' } else { '?' });
        href.push_str(name);
        href.push('=');
        percent_encode(value, &mut href);
    }
    href
}

/// What a standing is called.
pub(super) fn standing(administrator: &Administrator<'_>, standing: Standing) -> String {
    let name = match standing {
        Standing::Active => "active",
        Standing::Banned => "banned",
        Standing::Closing(_) => "closing",
    };
    administrator.say("people", name)
}

/// The languages to choose from.
pub(super) fn locale_choices(chosen: Locale) -> Vec<Choice> {
    let choice = |locale: Locale| Choice {
        value: locale.tag(),
        words: texts::own_name(locale).to_owned(),
        chosen: locale == chosen,
    };
    Locale::ALL.map(choice).into()
}
