//! What somebody was about to do before they were asked who they are: shown once more with what they typed. A page that
//! opens does nothing (S-09), so its button is theirs to press; what is grave is not done by a password alone.

use secrecy::ExposeSecret;
use serde::Serialize;
use warp::http::StatusCode;

use crate::http::intents::Intent;
use crate::http::pages::look::Page;
use crate::http::pages::member::{Member, Outcome};
use crate::http::pages::texts;
use crate::http::request::Request;
use crate::http::site::{Door, Site};
use crate::types::Locale;

/// The path of the page.
pub(super) const PATH: &str = "/account/go-on";
/// Rows that are shown of what was typed; all of it is sent.
const ROWS_MAX: usize = 12;
/// Characters of a value that is shown.
const SHOWN_MAX: usize = 100;
/// Fields that are for programs.
const UNSHOWN: [&str; 2] = ["version", "detach"];
/// The sections in which a field's name may have a word.
const SECTIONS: [&str; 4] = ["common", "people", "house", "label"];
/// What the button says, by how the path ends: section and name of the words, and the button's class.
const WORDS: [(&str, &str, &str, &str); 32] = [
    ("/account/addresses", "addresses", "add", ""),
    ("/account/addresses/primary", "addresses", "make_primary", ""),
    ("/account/factors/app", "factors", "app_begin", ""),
    ("/account/factors/mail", "factors", "mail_begin", ""),
    ("/account/factors/codes", "factors", "codes_begin", ""),
    ("/account/close", "close", "submit", GRAVE),
    ("/remove", "factors", "really_remove", GRAVE),
    ("/end", "sessions", "end", GRAVE),
    ("/end-others", "sessions", "end_others", GRAVE),
    ("/end-all", "sessions", "end_all", GRAVE),
    ("/role", "people", "change_role", ""),
    ("/ban", "people", "really_ban", GRAVE),
    ("/unban", "people", "unban", ""),
    ("/sessions", "sessions", "end", GRAVE),
    ("/factors", "factors", "really_remove", GRAVE),
    ("/password", "people", "really_revoke_password", GRAVE),
    ("/invitations/send", "flow", "next", ""),
    ("/send", "people", "send_recovery", ""),
    ("/recovery", "people", "make_recovery", ""),
    ("/erase", "people", "erase", GRAVE),
    ("/delete", "console", "really_delete", GRAVE),
    ("/new", "console", "create", ""),
    ("/bind", "console", "bind_existing", ""),
    ("/create-and-bind", "console", "create_and_bind", ""),
    ("/edit", "console", "update", ""),
    ("/system/keys", "house", "make_key", ""),
    ("/system/webhooks", "webhooks", "make", ""),
    ("/revoke", "house", "really_revoke", GRAVE),
    ("/origins", "house", "save_origins", ""),
    ("/retry", "house", "retry", ""),
    ("/outbox/cancel", "house", "cancel", GRAVE),
    ("/system/mail", "house", "test_send", ""),
];
const GRAVE: &str = "grave";

#[derive(Serialize)]
struct GoOnPage<'a> {
    form: &'a str,
    action: String,
    /// Everything that was sent.
    fields: Vec<(&'a str, &'a str)>,
    /// What of it is for people.
    rows: Vec<(String, &'a str)>,
    words: String,
    class: &'static str,
    back: String,
}

/// Shows it.
pub(super) async fn show(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    let viewer = &member.viewer;
    let Some(intent) = site.intents.of(member.caller.session, site.desk.now()) else {
        return Ok(viewer.lead_to("/account", None));
    };
    if !member.is_fresh() {
        return Ok(member.ask_again(&intent.back));
    }
    // What was begun on the administrators' listener goes on there (L-07).
    if site.door == Door::Main && is_of_console(&intent.path) {
        return Ok(viewer.lead_to("/account", None));
    }
    let (words, class) = button(&intent.path);
    let (section, name) = words;
    let page = GoOnPage {
        form: member.form_secret(),
        action: viewer.href(&intent.path),
        fields: fields(&intent).collect(),
        rows: rows(&intent, viewer.locale()),
        words: viewer.say(section, name),
        class,
        back: viewer.href(&intent.back),
    };
    let title = viewer.say("confirm", "go_on_title");
    Ok(viewer.page(StatusCode::OK, Page::GoOn, &title, page))
}

fn is_of_console(path: &str) -> bool {
    path == "/admin" || path.starts_with("/admin/")
}

fn button(path: &str) -> ((&'static str, &'static str), &'static str) {
    let found = WORDS.iter().find(|(end, ..)| path.ends_with(end));
    found.map_or((("flow", "next"), ""), |(_, section, name, class)| {
        ((*section, *name), *class)
    })
}

fn fields(intent: &Intent) -> impl Iterator<Item = (&str, &str)> {
    let fields = intent.fields.iter();
    fields.map(|(name, value)| (name.as_str(), value.expose_secret()))
}

/// What was typed, for whoever typed it; what is secret is not shown, and what is empty says nothing.
fn rows(intent: &Intent, locale: Locale) -> Vec<(String, &str)> {
    let is_shown = |(name, value): &(&str, &str)| {
        let is_secret = name.contains("password") || ["code", "factor", "sample"].contains(name);
        let fits = !value.is_empty() && value.chars().count() <= SHOWN_MAX;
        fits && !is_secret && !UNSHOWN.contains(name) && !value.contains(char::is_control)
    };
    let row = |(name, value): (&str, _)| {
        let last = name.rsplit('.').next().unwrap_or(name).to_owned();
        let mut sections = SECTIONS.iter();
        let word = sections.find_map(|section| texts::find(locale, section, &last));
        (word.map_or(last.clone(), str::to_owned), value)
    };
    fields(intent).filter(is_shown).take(ROWS_MAX).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_button_has_words_in_each_language() {
        for (path, section, name, _) in WORDS {
            for locale in Locale::ALL {
                assert!(texts::find(locale, section, name).is_some(), "{path}");
            }
            assert_eq!(button(path).0, (section, name), "{path} is found before another");
        }
    }

    #[test]
    fn what_is_secret_or_for_programs_is_sent_and_not_shown() {
        let pairs = [
            ("email", "ada@example.org"),
            ("settings.password", "hunter2"),
            ("version", "7"),
            ("name", ""),
        ];
        let intent = Intent {
            path: "/account/addresses".to_owned(),
            fields: pairs
                .map(|(name, value)| (name.to_owned(), value.into()))
                .to_vec(),
            back: "/account/addresses".to_owned(),
        };
        assert_eq!(fields(&intent).count(), 4);
        let shown = rows(&intent, Locale::En);
        assert_eq!(shown, [("E-mail address".to_owned(), "ada@example.org")]);
    }
}
