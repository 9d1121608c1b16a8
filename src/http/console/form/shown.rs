//! Fields as inputs.

use serde::Serialize;

use super::super::administrator::Administrator;
use super::Trouble;
use crate::desk::{FormField, ObjectFault, ObjectForm, Referred, Shape, Tree};
use crate::http::pages::texts;
use crate::http::remedies::remedy_in;
use crate::types::Locale;

/// Cells that are ticked in a new row.
const TICKED_AT_FIRST: [&str; 2] = ["required", "enabled"];
/// Fields that must be filled in.
const REQUIRED: [&str; 4] = ["name", "stage.name", "stage", "order"];
/// The switch that the fields of a stage's own mail server depend on, and those fields.
const SWITCH: &str = "use_global_settings";
const CONNECTION: [&str; 8] = [
    "host",
    "port",
    "username",
    "password",
    "use_tls",
    "use_ssl",
    "timeout",
    "from_address",
];

/// Inputs that belong together.
#[derive(Serialize, Default)]
pub(super) struct Group {
    /// What stands above them.
    legend: Option<String>,
    /// The id of the box that must not be ticked for them to matter.
    unless: Option<String>,
    fields: Vec<Input>,
}

/// One input, or several for one field.
#[derive(Serialize, Default)]
struct Input {
    name: String,
    id: String,
    label: String,
    help: Option<&'static str>,
    /// `text`, `lines`, `secret`, `whole`, `flag`, `choice`, `choices` or `rows`.
    kind: &'static str,
    value: String,
    checked: bool,
    required: bool,
    options: Vec<Choice>,
    rows: Vec<Vec<Input>>,
    error: Option<String>,
    /// What somebody else has put there.
    meanwhile: Option<String>,
    /// The ids of what describes it.
    described: String,
}

#[derive(Serialize)]
struct Choice {
    name: String,
    id: String,
    value: String,
    words: String,
    chosen: bool,
}

/// What a kind of objects is called.
pub(in crate::http::console) fn kind_words(locale: Locale, word: &'static str) -> &'static str {
    texts::find(locale, "kind", word).unwrap_or(word)
}

/// What is wrong, for people: what to do about it; in Korean at least what kind of fault it is.
pub(super) fn sentence(administrator: &Administrator<'_>, fault: &ObjectFault) -> String {
    let locale = administrator.viewer().locale();
    let remedy = remedy_in(locale, &fault.remedy);
    let own = match locale {
        Locale::En => None,
        Locale::Ko => texts::find(locale, "fault", &fault.reason.replace('-', "_")),
    };
    if let Some(own) = own.filter(|_| *remedy == *fault.remedy) {
        return own.to_owned();
    }
    let mut letters = remedy.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().collect::<String>());
    format!(
        "{}{}.",
        first.unwrap_or_default(),
        letters.as_str().trim_end_matches('.')
    )
}

/// All inputs of a form, and what is wrong and is about none of them.
pub(super) fn groups(
    administrator: &Administrator<'_>,
    form: &ObjectForm,
    trouble: &Trouble<'_>,
) -> (Vec<Group>, Vec<String>) {
    let maker = Maker {
        administrator,
        locale: administrator.viewer().locale(),
        kind: form.kind,
        trouble,
    };
    let mut groups = vec![Group::default()];
    let mut has_server = false;
    for field in &form.fields {
        let name = last(&field.path);
        let is_connection = has_server && CONNECTION.contains(&name);
        let is_other = groups
            .last()
            .is_some_and(|group| group.legend.is_some() != is_connection);
        if is_other {
            let (legend, unless) = if is_connection {
                let switch = field.path.replace(&format!(".{name}"), &format!(".{SWITCH}"));
                (
                    Some(administrator.say("label", "connection_settings")),
                    Some(id_of(&switch)),
                )
            } else {
                (None, None)
            };
            groups.push(Group {
                legend,
                unless,
                fields: vec![],
            });
        }
        has_server |= name == SWITCH;
        if let Some(group) = groups.last_mut() {
            group.fields.push(maker.input(field));
        }
    }
    let paths: Vec<&str> = form.fields.iter().map(|field| field.path.as_str()).collect();
    let homeless = trouble.faults.iter().filter(|fault| {
        let is_told = paths.iter().any(|path| is_within(&fault.field, path));
        !is_told
    });
    let problems = homeless.map(|fault| format!("{}: {}", fault.field, sentence(administrator, fault)));
    (groups, problems.collect())
}

/// Whether a fault's path is a field's, or leads into it.
fn is_within(fault: &str, path: &str) -> bool {
    let rest = fault.strip_prefix(path);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

fn id_of(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    name.chars().map(plain).collect()
}

struct Maker<'a> {
    administrator: &'a Administrator<'a>,
    locale: Locale,
    kind: Option<&'static str>,
    trouble: &'a Trouble<'a>,
}

impl Maker<'_> {
    fn input(&self, field: &FormField) -> Input {
        let mut input = self.made(&field.path, &field.shape, Some(&field.value));
        let faults = self.trouble.faults.iter();
        let own = faults.filter(|fault| match field.shape {
            // A cell tells of itself.
            Shape::Rows(_) => {
                let cells = input.rows.iter().flatten();
                is_within(&fault.field, &field.path) && cells.into_iter().all(|cell| cell.name != fault.field)
            }
            Shape::Text
            | Shape::Lines
            | Shape::Secret
            | Shape::Whole
            | Shape::Flag
            | Shape::Time
            | Shape::Choice(_)
            | Shape::Choices(_)
            | Shape::Object(_)
            | Shape::MaybeObject(_)
            | Shape::Objects(_) => is_within(&fault.field, &field.path),
        });
        let said: Vec<String> = own.map(|fault| sentence(self.administrator, fault)).collect();
        input.error = (!said.is_empty()).then(|| said.join(" "));
        let now = self.trouble.meanwhile.as_ref();
        let now = now.and_then(|now| now.fields.iter().find(|other| other.path == field.path));
        if let Some(now) = now.filter(|now| now.value != field.value) {
            input.meanwhile = Some(self.in_words(&now.value));
        }
        described(&mut input);
        input
    }

    fn made(&self, path: &str, shape: &Shape, value: Option<&Tree>) -> Input {
        let name = last(path);
        let text = |tree: Option<&Tree>| match tree {
            Some(Tree::Text(text)) => text.as_str().to_owned(),
            Some(Tree::Whole(number)) => number.to_string(),
            Some(Tree::Flag(_) | Tree::Null | Tree::List(_) | Tree::Table(_) | Tree::Other) | None => {
                String::new()
            }
        };
        let plain = |kind| Input {
            kind,
            value: text(value),
            ..Input::default()
        };
        let input = match shape {
            Shape::Text | Shape::Time => plain("text"),
            Shape::Lines => plain("lines"),
            Shape::Secret => plain("secret"),
            Shape::Whole => plain("whole"),
            Shape::Flag => Input {
                kind: "flag",
                checked: match value {
                    Some(value) => *value == Tree::Flag(true),
                    None => TICKED_AT_FIRST.contains(&name),
                },
                ..Input::default()
            },
            Shape::Choice(words) => Input {
                kind: "choice",
                options: self.words(path, name, words, &[text(value)]),
                ..Input::default()
            },
            Shape::Choices(words) => Input {
                kind: "choices",
                options: self.words(path, name, words, &texts_of(value)),
                ..Input::default()
            },
            Shape::Object(of) | Shape::MaybeObject(of) => Input {
                kind: "choice",
                options: self.one_of(path, *of, &text(value)),
                ..Input::default()
            },
            Shape::Objects(of) => Input {
                kind: "choices",
                options: self.some_of(path, *of, &texts_of(value)),
                ..Input::default()
            },
            Shape::Rows(cells) => Input {
                kind: "rows",
                rows: self.rows(path, cells, value),
                ..Input::default()
            },
        };
        Input {
            name: path.to_owned(),
            id: id_of(path),
            label: self.label(name),
            help: self.find("help", name),
            required: REQUIRED.contains(&path),
            ..input
        }
    }

    /// What a field is called; a kind may have a word of its own for it.
    fn label(&self, name: &str) -> String {
        self.find("label", name).unwrap_or(name).to_owned()
    }

    fn find(&self, section: &str, name: &str) -> Option<&'static str> {
        let own = self
            .kind
            .and_then(|kind| texts::find(self.locale, section, &format!("{kind}_{name}")));
        own.or_else(|| texts::find(self.locale, section, name))
    }

    fn words(&self, path: &str, name: &str, words: &[&'static str], chosen: &[String]) -> Vec<Choice> {
        let choice = |word: &&'static str| Choice {
            name: format!("{path}.{word}"),
            id: id_of(&format!("{path}.{word}")),
            value: (*word).to_owned(),
            words: texts::find(self.locale, "option", &format!("{name}_{word}"))
                .unwrap_or(word)
                .to_owned(),
            chosen: chosen.iter().any(|one| one == word),
        };
        words.iter().map(choice).collect()
    }

    fn one_of(&self, path: &str, of: Referred, chosen: &str) -> Vec<Choice> {
        let names = self.names(of, &[chosen.to_owned()]);
        let choice = |value: String| Choice {
            name: path.to_owned(),
            id: String::new(),
            words: if value.is_empty() {
                self.administrator.say("console", "nothing_chosen")
            } else {
                value.clone()
            },
            chosen: value == chosen,
            value,
        };
        std::iter::once(String::new()).chain(names).map(choice).collect()
    }

    fn some_of(&self, path: &str, of: Referred, chosen: &[String]) -> Vec<Choice> {
        let choice = |(nth, value): (usize, String)| Choice {
            name: format!("{path}.{value}"),
            id: format!("{}-{nth}", id_of(path)),
            words: value.clone(),
            chosen: chosen.contains(&value),
            value,
        };
        let names = self.names(of, chosen).into_iter();
        names.enumerate().map(choice).collect()
    }

    /// The names that there are, and those that are chosen.
    fn names(&self, of: Referred, chosen: &[String]) -> Vec<String> {
        let mut names = self.administrator.viewer().site().desk.referable(of);
        let others: Vec<String> = chosen
            .iter()
            .filter(|name| !name.is_empty() && !names.contains(name))
            .cloned()
            .collect();
        names.extend(others);
        names
    }

    /// The rows that there are, and an empty one.
    fn rows(&self, path: &str, cells: &[(&'static str, Shape)], value: Option<&Tree>) -> Vec<Vec<Input>> {
        let there: &[_] = match value {
            Some(Tree::List(items)) => items,
            Some(
                Tree::Null | Tree::Flag(_) | Tree::Whole(_) | Tree::Text(_) | Tree::Table(_) | Tree::Other,
            )
            | None => &[],
        };
        let rows = there.iter().map(|item| Some(&item.tree)).chain([None]);
        rows.enumerate()
            .map(|(nth, row)| {
                let cell = |(name, shape): &(&'static str, Shape)| {
                    let path = format!("{path}[{nth}].{name}");
                    let mut input = self.made(&path, shape, row.and_then(|row| row.field(name)));
                    let fault = self.trouble.faults.iter().find(|fault| fault.field == path);
                    input.error = fault.map(|fault| sentence(self.administrator, fault));
                    described(&mut input);
                    input
                };
                cells.iter().map(cell).collect()
            })
            .collect()
    }

    /// A value for people to compare.
    fn in_words(&self, value: &Tree) -> String {
        match value {
            Tree::Null | Tree::Other => String::new(),
            Tree::Flag(true) => self.administrator.say("console", "yes"),
            Tree::Flag(false) => self.administrator.say("console", "no"),
            Tree::Whole(number) => number.to_string(),
            Tree::Text(text) if text.is_empty() => self.administrator.say("console", "nothing_chosen"),
            Tree::Text(text) => text.to_string(),
            Tree::List(items) => {
                let items: Vec<String> = items.iter().map(|item| self.in_words(&item.tree)).collect();
                items.join("; ")
            }
            Tree::Table(fields) => {
                let fields: Vec<String> = fields.iter().map(|(_, node)| self.in_words(&node.tree)).collect();
                fields.join(", ")
            }
        }
    }
}

/// Says by which ids an input is described.
fn described(input: &mut Input) {
    let parts = [
        (input.error.is_some(), "error"),
        (input.meanwhile.is_some(), "meanwhile"),
        (input.help.is_some(), "help"),
    ];
    let ids = parts.into_iter().filter(|(is_there, _)| *is_there);
    let ids: Vec<String> = ids.map(|(_, part)| format!("{}-{part}", input.id)).collect();
    input.described = ids.join(" ");
}

/// The texts of a list.
fn texts_of(value: Option<&Tree>) -> Vec<String> {
    let Some(Tree::List(items)) = value else {
        return vec![];
    };
    let texts = items.iter().filter_map(|item| match &item.tree {
        Tree::Text(text) => Some(text.as_str().to_owned()),
        Tree::Null | Tree::Flag(_) | Tree::Whole(_) | Tree::List(_) | Tree::Table(_) | Tree::Other => None,
    });
    texts.collect()
}
