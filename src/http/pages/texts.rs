//! What pages say, in each language: `data/locales/<language>/pages.toml`, and `console.toml` beside it; compiled in.

use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

use minijinja::value::{Serde, Value};

use crate::types::{Locale, Span};

/// Sentences by section and name.
pub(in crate::http) type Texts = BTreeMap<String, BTreeMap<String, String>>;

macro_rules! texts {
    ($($name:ident: $file:literal;)*) => {$(
        static $name: LazyLock<Texts> =
            LazyLock::new(|| read(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/locales/", $file))));
    )*};
}
texts! {
    ENGLISH: "en/pages.toml";
    KOREAN: "ko/pages.toml";
    CONSOLE_ENGLISH: "en/console.toml";
    CONSOLE_KOREAN: "ko/console.toml";
}

fn read(source: &str) -> Texts {
    toml::from_str(source).expect("the compiled-in texts are TOML tables of strings, as a test has read them")
}

/// The texts of a language, with names in braces where something is to be filled in.
pub(in crate::http) fn of(locale: Locale) -> &'static Texts {
    match locale {
        Locale::En => &ENGLISH,
        Locale::Ko => &KOREAN,
    }
}

/// The texts of the console alone, which no other page carries along.
pub(in crate::http) fn of_console(locale: Locale) -> &'static Texts {
    match locale {
        Locale::En => &CONSOLE_ENGLISH,
        Locale::Ko => &CONSOLE_KOREAN,
    }
}

/// The texts as templates take them, with the service's name filled in: a server has one name, and says as many sentences
/// on every page that putting them together each time took longer than all the rest of it. Each language is made when it is
/// first spoken.
#[derive(Default)]
pub(super) struct Said {
    pages: [OnceLock<Value>; Locale::ALL.len()],
    console: [OnceLock<Value>; Locale::ALL.len()],
}

impl Said {
    /// What the pages say.
    pub(super) fn of(&self, locale: Locale, brand: &str) -> Value {
        let said = self.pages[locale as usize].get_or_init(|| value(&filled(of(locale), brand)));
        said.clone()
    }

    /// What the console says, which has sentences of its own besides.
    pub(super) fn of_console(&self, locale: Locale, brand: &str) -> Value {
        let said = self.console[locale as usize].get_or_init(|| {
            let mut texts = filled(of(locale), brand);
            texts.extend(filled(of_console(locale), brand));
            value(&texts)
        });
        said.clone()
    }
}

fn value(texts: &Texts) -> Value {
    Value::from(Serde(texts))
}

/// Texts with the service's name filled in.
fn filled(texts: &Texts, brand: &str) -> Texts {
    let mut texts = texts.clone();
    for text in texts.values_mut().flat_map(|section| section.values_mut()) {
        if text.contains("{brand}") {
            *text = text.replace("{brand}", brand);
        }
    }
    texts
}

/// One sentence of the pages or of the console, if there is one of this name.
pub(in crate::http) fn find(locale: Locale, section: &str, name: &str) -> Option<&'static str> {
    let among = |texts: &'static Texts| Some(texts.get(section)?.get(name)?.as_str());
    among(of(locale)).or_else(|| among(of_console(locale)))
}

/// One sentence. A name that does not exist is a bug, which shows as an empty sentence rather than as no page.
pub(in crate::http) fn say(locale: Locale, section: &str, name: &str) -> &'static str {
    let text = find(locale, section, name);
    debug_assert!(text.is_some(), "there is no text {section}.{name}");
    text.unwrap_or_default()
}

/// How a language calls itself.
pub(in crate::http) fn own_name(locale: Locale) -> &'static str {
    match locale {
        Locale::En => "English",
        Locale::Ko => "한국어",
    }
}

/// `12 minutes`, `3 hours`: rounded up, because sooner would be too soon.
pub(in crate::http) fn span_in_words(locale: Locale, span: Span) -> String {
    let minutes = span.seconds_up().div_ceil(60).max(1);
    let (count, one, many) = if minutes < 100 {
        (minutes, "minute", "minutes")
    } else {
        (minutes.div_ceil(60), "hour", "hours")
    };
    let name = if count == 1 { one } else { many };
    say(locale, "time", name).replace("{n}", &count.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn names(texts: &Texts) -> BTreeSet<(&str, &str)> {
        let sections = texts.iter();
        sections
            .flat_map(|(section, texts)| texts.keys().map(|name| (section.as_str(), name.as_str())))
            .collect()
    }

    /// The names in braces of a text.
    fn blanks(text: &str) -> BTreeSet<&str> {
        text.split('{')
            .skip(1)
            .filter_map(|rest| Some(rest.split_once('}')?.0))
            .collect()
    }

    #[test]
    fn every_language_says_the_same_things_and_fills_in_the_same_blanks() {
        for texts in [of, of_console] {
            let english = texts(Locale::En);
            for locale in Locale::ALL {
                assert_eq!(names(texts(locale)), names(english), "{locale}");
                for (section, name) in names(english) {
                    let (here, there) = (say(locale, section, name), say(Locale::En, section, name));
                    assert!(!here.trim().is_empty(), "{locale} {section}.{name}");
                    assert_eq!(blanks(here), blanks(there), "{locale} {section}.{name}");
                }
            }
            for (section, name) in names(english) {
                let korean = say(Locale::Ko, section, name);
                assert!(
                    korean.contains(|c| ('가'..='힣').contains(&c)),
                    "{section}.{name}"
                );
            }
        }
        let shared: Vec<_> = names(of(Locale::En))
            .intersection(&names(of_console(Locale::En)))
            .copied()
            .collect();
        assert_eq!(shared, [], "one sentence would hide the other");
    }

    #[test]
    fn every_text_is_used() {
        let used = [
            include_str!("account/activity.rs"),
            include_str!("account/addresses.rs"),
            include_str!("account/close.rs"),
            include_str!("account/confirm.rs"),
            include_str!("account/factors.rs"),
            include_str!("account/go_on.rs"),
            include_str!("account/overview.rs"),
            include_str!("account/password.rs"),
            include_str!("account/profile.rs"),
            include_str!("account/sessions.rs"),
            include_str!("address.rs"),
            include_str!("ask.rs"),
            include_str!("docs.rs"),
            include_str!("flow.rs"),
            include_str!("forms.rs"),
            include_str!("invitation.rs"),
            include_str!("link.rs"),
            include_str!("member.rs"),
            include_str!("nav.rs"),
            include_str!("new_password.rs"),
            include_str!("not_me.rs"),
            include_str!("notice.rs"),
            include_str!("recover.rs"),
            include_str!("reopen.rs"),
            include_str!("stage.rs"),
            include_str!("stage/fields.rs"),
            include_str!("stage/titles.rs"),
            include_str!("texts.rs"),
            include_str!("verify.rs"),
            include_str!("viewer.rs"),
            include_str!("../openapi/page.rs"),
            include_str!("../../domain/factor.rs"),
        ]
        .concat();
        let templates: String = super::super::look::SOURCES
            .iter()
            .map(|(_, source)| *source)
            .collect();
        for (section, name) in names(of(Locale::En)) {
            assert!(
                used.contains(&format!("\"{name}\"")) || templates.contains(&format!("t.{section}.{name} ")),
                "nobody says {section}.{name}"
            );
        }
    }

    #[test]
    fn a_wait_is_rounded_up_to_whole_units() {
        let words = |span| span_in_words(Locale::En, span);
        assert_eq!(
            [
                words(Span::millis(1)),
                words(Span::seconds(61)),
                words(Span::minutes(99)),
                words(Span::minutes(100)),
                words(Span::hours(24)),
            ],
            ["1 minute", "2 minutes", "99 minutes", "2 hours", "24 hours"]
        );
        assert_eq!(span_in_words(Locale::Ko, Span::hours(24)), "24시간");
    }
}
