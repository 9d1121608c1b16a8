//! What mails say: templates that are compiled in, and that an operator can override.
//!
//! A mail is `subject.txt`, `body.txt` and `body.html` in a folder of its name. `.html` escapes what is put into it,
//! `.txt` does not; an unknown or absent variable is an error. All is rendered with sample data at start, so that a
//! broken override stops the start instead of somebody's recovery.

mod built_in;
mod change;
mod data;
pub(crate) mod files;
mod kind;
mod overrides;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior, default_auto_escape_callback};
use thiserror::Error;

use crate::types::{Colour, Locale};

pub use change::{AddressChange, Change, FactorChange};
use data::Values;
pub use data::{MailData, MailField, moment};
pub use kind::MailKind;

/// Instructions that one part of a mail may take; ours take a few hundred.
const FUEL: u64 = 20_000;
/// Includes and blocks within each other.
const RECURSION_MAX: usize = 64;
const SUBJECT_CHARS_MAX: usize = 150;
const PART_BYTES_MAX: usize = 256 * 1024;
/// Our own colour.
const OURS: Colour = Colour([0x1d, 0x4e, 0xd8]);
/// What mails lie on in `layout.html`: card and ground, by day and by night.
const LIGHT: [Colour; 2] = [Colour([0xff, 0xff, 0xff]), Colour([0xf3, 0xf4, 0xf6])];
const DARK: [Colour; 2] = [Colour([0x1e, 0x23, 0x2b]), Colour([0x14, 0x17, 0x1c])];

/// The three files of a mail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Subject,
    Text,
    Html,
}

impl Part {
    const ALL: [Self; 3] = [Self::Subject, Self::Text, Self::Html];

    fn file_name(self) -> &'static str {
        match self {
            Self::Subject => "subject.txt",
            Self::Text => "body.txt",
            Self::Html => "body.html",
        }
    }
}

/// Why a template cannot be used, and where; it never holds a value that was rendered.
#[derive(Debug, Error)]
pub enum TemplateFault {
    /// The file system refused.
    #[error("cannot read the template {}: {source}; make it readable or remove it", .file.display())]
    Unreadable {
        /// The file or folder.
        file: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Not a file that a template can be.
    #[error("{}: {what}", .file.display())]
    NotATemplate {
        /// The file or folder.
        file: PathBuf,
        /// What is wrong, and what to do.
        what: String,
    },
    /// Syntax, an unknown or absent variable, or too much work.
    #[error("{file}, line {line}: {what}")]
    Broken {
        /// The file, or the name of a built-in template.
        file: String,
        /// Counted from 1; 0 if unknown.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// It renders, but the mail would not serve its purpose.
    #[error("{file}: {what}")]
    Unfit {
        /// The file, or the name of a built-in template.
        file: String,
        /// What it must do.
        what: String,
    },
    /// The data for a mail lacks a value or holds one that cannot be mailed.
    #[error("the mail {mail} needs a valid `{field}`")]
    Value {
        /// The name of the mail.
        mail: &'static str,
        /// The name of the value.
        field: &'static str,
    },
}

/// A mail in words.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line of at most 150 characters, without control characters.
    pub subject: String,
    /// The plain part, lines ending with LF.
    pub text: String,
    /// The HTML part, lines ending with LF.
    pub html: String,
}

impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The parts hold live links and codes.
        f.debug_struct("Rendered")
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

/// All templates, checked.
pub struct Templates {
    environment: Environment<'static>,
    // The files behind the template names that an operator has overridden.
    files: BTreeMap<String, PathBuf>,
}

impl Templates {
    /// Reads and checks the templates: those of `override_dir` (`<config dir>/templates/mail`) before the built-in ones.
    ///
    /// An override is `<mail>/<file>`, for both languages, or `<mail>/<locale>/<file>`; `layout.html` is the frame of
    /// all HTML parts. A folder that does not exist is an empty one; a name that nothing asks for is an error.
    pub fn load(override_dir: Option<&Path>) -> Result<Self, TemplateFault> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(default_auto_escape_callback);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(RECURSION_MAX);
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build();
        environment.set_syntax(syntax.expect("the usual delimiters are valid"));
        let templates = Self {
            environment,
            files: BTreeMap::new(),
        };
        let mut templates = templates.in_colour(OURS);
        for (name, source) in built_in::SOURCES {
            let added = templates.environment.add_template(name, source);
            added.map_err(|error| templates.fault(name, &error))?;
        }
        if let Some(dir) = override_dir {
            for found in overrides::read(dir)? {
                templates.add_override(found)?;
            }
        }
        for kind in MailKind::ALL {
            for locale in Locale::ALL {
                templates.check(kind, locale)?;
            }
        }
        Ok(templates)
    }

    /// The same in an operator's colour: what is read or pressed has the nearest shade of it that can be read, by day
    /// (`accent`) and by night (`accent_night`; WCAG 2.2 AA).
    #[must_use]
    pub fn in_colour(mut self, colour: Colour) -> Self {
        let by_day = colour.shade(Colour::BLACK, &LIGHT, Colour::TEXT);
        let by_night = colour.shade(Colour::WHITE, &DARK, Colour::TEXT);
        self.environment.add_global("accent", by_day.to_string());
        self.environment.add_global("accent_night", by_night.to_string());
        self
    }

    /// Renders a mail; only the values that this kind of mail offers reach its templates.
    pub fn render(&self, kind: MailKind, locale: Locale, data: &MailData) -> Result<Rendered, TemplateFault> {
        self.render_values(kind, locale, data.values(kind, locale)?)
    }

    /// Renders a mail with sample data, as the start does; the administrator's preview.
    pub fn preview(&self, kind: MailKind, locale: Locale) -> Result<Rendered, TemplateFault> {
        self.render(kind, locale, &MailData::sample(kind))
    }

    /// The operator's files that a mail is made of, its frame among them.
    pub fn files_of(&self, kind: MailKind, locale: Locale) -> Vec<&Path> {
        let own = Part::ALL.map(|part| name_of(kind, locale, part));
        let names = own.iter().map(String::as_str).chain([overrides::LAYOUT]);
        names
            .filter_map(|name| self.files.get(name).map(PathBuf::as_path))
            .collect()
    }

    fn render_values(
        &self,
        kind: MailKind,
        locale: Locale,
        mut values: Values,
    ) -> Result<Rendered, TemplateFault> {
        values.insert("lang", locale.tag().to_owned());
        let subject = match values.remove("subject") {
            Some(given) => given,
            None => self.render_part(kind, locale, Part::Subject, &values)?,
        };
        let subject = data::one_line(&subject, SUBJECT_CHARS_MAX);
        if subject.is_empty() {
            return Err(self.unfit(kind, locale, Part::Subject, "the subject is empty"));
        }
        let text = tidy(&self.render_part(kind, locale, Part::Text, &values)?);
        values.insert("subject", subject.clone());
        let html = self.render_part(kind, locale, Part::Html, &values)?;
        Ok(Rendered { subject, text, html })
    }

    fn render_part(
        &self,
        kind: MailKind,
        locale: Locale,
        part: Part,
        values: &Values,
    ) -> Result<String, TemplateFault> {
        let name = name_of(kind, locale, part);
        let template = self
            .environment
            .get_template(&name)
            .map_err(|error| self.fault(&name, &error))?;
        let rendered = template
            .render(Value::from(Serde(values)))
            .map_err(|error| self.fault(&name, &error))?;
        if rendered.len() > PART_BYTES_MAX {
            return Err(self.unfit(kind, locale, part, "it renders to more than 256 KiB"));
        }
        Ok(rendered)
    }

    fn add_override(&mut self, found: overrides::Found) -> Result<(), TemplateFault> {
        let overrides::Found {
            name,
            file,
            source,
            offered,
        } = found;
        self.files.insert(name.clone(), file);
        let added = self.environment.add_template_owned(name.clone(), source);
        added.map_err(|error| self.fault(&name, &error))?;
        let template = self
            .environment
            .get_template(&name)
            .map_err(|error| self.fault(&name, &error))?;
        let mut unknown: Vec<String> = template.undeclared_variables(false).into_iter().collect();
        unknown.sort();
        unknown.retain(|variable| {
            !offered.contains(&variable.as_str())
                && !self.environment.globals().any(|(global, _)| global == variable)
        });
        let Some(variable) = unknown.first() else {
            return Ok(());
        };
        Err(TemplateFault::Broken {
            file: self.shown(&name),
            line: line_of(template.source(), variable),
            what: format!(
                "there is no `{variable}` in this mail; it has {}",
                offered.join(", ")
            ),
        })
    }

    /// Renders with all values and with only the certain ones, and looks whether the mail can do its work.
    fn check(&self, kind: MailKind, locale: Locale) -> Result<(), TemplateFault> {
        let bare = MailData::bare_sample(kind);
        self.render(kind, locale, &bare)?;
        let full = MailData::sample(kind);
        let values = full.values(kind, locale)?;
        let subject = self.render_part(kind, locale, Part::Subject, &values)?;
        if subject.trim().contains(['\r', '\n']) {
            return Err(self.unfit(kind, locale, Part::Subject, "a subject is one line"));
        }
        let rendered = self.render(kind, locale, &full)?;
        let html = rendered.html.replace("&#x2f;", "/").replace("&amp;", "&");
        for field in [MailField::Link, MailField::Code, MailField::NotMeLink] {
            let Some(value) = values.get(field.name()) else {
                continue;
            };
            if rendered.subject.contains(value.as_str()) {
                let what = format!("{{{{ {field} }}}} is a secret and cannot be in a subject");
                return Err(self.unfit(kind, locale, Part::Subject, &what));
            }
            if !rendered.text.lines().any(|line| line.trim() == value) {
                let what = format!("{{{{ {field} }}}} must be on a line of its own");
                return Err(self.unfit(kind, locale, Part::Text, &what));
            }
            if !html.contains(value.as_str()) {
                return Err(self.unfit(kind, locale, Part::Html, &format!("{{{{ {field} }}}} is missing")));
            }
        }
        Ok(())
    }

    fn fault(&self, name: &str, error: &minijinja::Error) -> TemplateFault {
        let error = cause_of(error);
        TemplateFault::Broken {
            file: self.shown(error.name().unwrap_or(name)),
            line: error.line().unwrap_or(0),
            what: said_of(error),
        }
    }

    fn unfit(&self, kind: MailKind, locale: Locale, part: Part, what: &str) -> TemplateFault {
        TemplateFault::Unfit {
            file: self.shown(&name_of(kind, locale, part)),
            what: what.to_owned(),
        }
    }

    fn shown(&self, name: &str) -> String {
        self.files
            .get(name)
            .map_or_else(|| format!("built-in {name}"), |file| file.display().to_string())
    }
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates")
            .field("overrides", &self.files)
            .finish_non_exhaustive()
    }
}

/// The fault at the bottom of one that came out of an included template.
pub(crate) fn cause_of(error: &minijinja::Error) -> &minijinja::Error {
    let below = std::error::Error::source(error).and_then(|source| source.downcast_ref());
    below.map_or(error, cause_of)
}

/// What is wrong with a template, without a value of those that were put into it.
pub(crate) fn said_of(error: &minijinja::Error) -> String {
    use minijinja::ErrorKind;
    // Details of errors while rendering may quote values, and those of syntax only the template.
    if error.kind() == ErrorKind::SyntaxError {
        format!("syntax error: {}", error.detail().unwrap_or("unreadable"))
    } else if error.kind() == ErrorKind::UndefinedError {
        "a value that may be absent; ask `{% if … is defined %}` first".to_owned()
    } else if error.kind() == ErrorKind::TemplateNotFound {
        "it includes or extends a template that does not exist".to_owned()
    } else {
        error.kind().to_string()
    }
}

fn name_of(kind: MailKind, locale: Locale, part: Part) -> String {
    format!("{locale}/{kind}/{}", part.file_name())
}

/// The line of a template where a variable stands as a word.
fn line_of(source: &str, variable: &str) -> usize {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    source
        .lines()
        .position(|line| line.split(|c| !word(c)).any(|found| found == variable))
        .map_or(0, |at| at + 1)
}

/// Takes away space at the ends of lines, and more than one empty line in a row: traces of left-out blocks.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.trim().lines().map(str::trim_end) {
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests;
