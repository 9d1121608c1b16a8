//! The operator's templates, as they lie in the configuration folder.

use std::path::{Path, PathBuf};

use super::files::{entries, text_of, unknown};
use super::kind::MailKind;
use super::{Part, TemplateFault};
use crate::types::Locale;

/// The frame of all HTML parts.
pub(super) const LAYOUT: &str = "layout.html";

/// A file that takes the place of a built-in template.
pub(super) struct Found {
    /// The template's name: `en/test/body.txt`.
    pub(super) name: String,
    pub(super) file: PathBuf,
    pub(super) source: String,
    /// The variables that it can use.
    pub(super) offered: Vec<&'static str>,
}

/// Reads all overrides, those for one language after those for all, so that they win.
pub(super) fn read(dir: &Path) -> Result<Vec<Found>, TemplateFault> {
    let mut found = Vec::new();
    for (name, path) in entries(dir)? {
        if name == LAYOUT {
            found.push(Found {
                name: LAYOUT.to_owned(),
                source: text_of(&path)?,
                file: path,
                offered: vec!["brand", "lang", "subject"],
            });
        } else if let Some(kind) = MailKind::parse(&name) {
            read_mail(kind, &path, &mut found)?;
        } else {
            let mails: Vec<_> = MailKind::ALL.iter().map(|kind| kind.name()).collect();
            return Err(unknown(
                path,
                &format!("the mails are {}, and there is {LAYOUT}", mails.join(", ")),
            ));
        }
    }
    Ok(found)
}

fn read_mail(kind: MailKind, dir: &Path, found: &mut Vec<Found>) -> Result<(), TemplateFault> {
    let mut of_one_language = Vec::new();
    for (name, path) in entries(dir)? {
        if let Some(part) = part_of(&name) {
            for locale in Locale::ALL {
                found.push(file(kind, locale, part, &path)?);
            }
            continue;
        }
        let Some(locale) = Locale::ALL.into_iter().find(|locale| locale.tag() == name) else {
            return Err(unknown(
                path,
                "a mail has subject.txt, body.txt, body.html, or the folders en and ko",
            ));
        };
        for (name, path) in entries(&path)? {
            let Some(part) = part_of(&name) else {
                return Err(unknown(path, "a mail has subject.txt, body.txt and body.html"));
            };
            of_one_language.push(file(kind, locale, part, &path)?);
        }
    }
    found.append(&mut of_one_language);
    Ok(())
}

fn file(kind: MailKind, locale: Locale, part: Part, path: &Path) -> Result<Found, TemplateFault> {
    let mut offered: Vec<_> = kind
        .needs()
        .iter()
        .chain(kind.may_have())
        .map(|field| field.name())
        .chain(["lang"])
        .collect();
    if part == Part::Html {
        offered.push("subject");
    }
    Ok(Found {
        name: super::name_of(kind, locale, part),
        file: path.to_owned(),
        source: text_of(path)?,
        offered,
    })
}

fn part_of(name: &str) -> Option<Part> {
    Part::ALL.into_iter().find(|part| part.file_name() == name)
}
