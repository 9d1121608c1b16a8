//! What the console says: everything has a name in each language, and no sentence is left over.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::TEMPLATES;
use crate::desk::{Blank, Shape};
use crate::domain::flow::StageKind;
use crate::http::pages::texts::{find, of_console};
use crate::types::Locale;

/// Every kind of object that is made by a form, with the kind's word where it has one.
fn blanks() -> Vec<Blank> {
    let stages = StageKind::ALL.iter().map(|kind| Blank::Stage(*kind));
    let others = [Blank::Flow, Blank::PasswordPolicy, Blank::ExpressionPolicy];
    stages.chain(others).collect()
}

/// The fields of all forms: kind, name, shape; cells of rows too.
fn fields() -> Vec<(Option<&'static str>, String, Shape)> {
    let mut all = vec![];
    for blank in blanks() {
        let form = blank.form();
        for field in form.fields {
            let name = field.path.trim_start_matches("settings.").to_owned();
            if let Shape::Rows(cells) = &field.shape {
                let cells = cells.iter().cloned();
                all.extend(cells.map(|(name, shape)| (form.kind, name.to_owned(), shape)));
            }
            all.push((form.kind, name, field.shape));
        }
    }
    for name in [
        "stage",
        "order",
        "invalid_response_action",
        "policies",
        "policy",
        "negate",
        "enabled",
    ] {
        all.push((None, name.to_owned(), Shape::Text));
    }
    all
}

#[test]
fn every_field_choice_and_kind_has_a_name_in_each_language() {
    for locale in Locale::ALL {
        for (_, name, shape) in fields() {
            assert!(find(locale, "label", &name).is_some(), "{locale}: label.{name}");
            let (Shape::Choice(words) | Shape::Choices(words)) = shape else {
                continue;
            };
            for word in words {
                let option = format!("{name}_{word}");
                assert!(
                    find(locale, "option", &option).is_some(),
                    "{locale}: option.{option}"
                );
            }
        }
        for kind in StageKind::ALL {
            assert!(find(locale, "kind", kind.word()).is_some(), "{locale}: {kind:?}");
        }
    }
}

/// All sources of the console, in one text.
fn sources(folder: PathBuf) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &sources(path);
        } else {
            text += &std::fs::read_to_string(&path).unwrap();
        }
    }
    text
}

#[test]
fn no_sentence_of_the_console_is_left_over() {
    let sources = sources(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/console"));
    let templates: String = TEMPLATES.iter().map(|(_, source)| *source).collect();
    let fields = fields();
    let is_field = |name: &str| {
        fields.iter().any(|(kind, field, _)| {
            field == name || kind.is_some_and(|kind| format!("{kind}_{field}") == name)
        })
    };
    let words: BTreeSet<String> = fields
        .iter()
        .filter_map(|(_, name, shape)| {
            let (Shape::Choice(words) | Shape::Choices(words)) = shape else {
                return None;
            };
            Some((name, words.clone()))
        })
        .flat_map(|(name, words)| words.into_iter().map(move |word| format!("{name}_{word}")))
        .collect();
    for (section, texts) in of_console(Locale::En) {
        for name in texts.keys() {
            let is_said = sources.contains(&format!("\"{name}\""))
                || templates.contains(&format!("t.{section}.{name} "));
            let is_used = match section.as_str() {
                "label" | "help" => is_field(name) || is_said,
                "option" => words.contains(name) || name.starts_with("invalid_response_action_"),
                "kind" => StageKind::from_word(name).is_some() || is_said,
                "console" => is_said,
                // Reasons of faults are words of the desk and the law; other sections have tests of their own.
                _ => true,
            };
            assert!(is_used, "nobody says {section}.{name}");
        }
    }
}
