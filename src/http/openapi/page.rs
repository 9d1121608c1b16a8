//! What the reference page shows: the same entries, for people.

use serde::Serialize;
use serde_json::Value;

use super::{Described, Reference, calls};
use crate::http::codes::Code;
use crate::http::site::Access;
use crate::types::Locale;

/// The page's values.
#[derive(Serialize)]
pub(in crate::http) struct Page {
    topics: Vec<Topic>,
}

#[derive(Serialize)]
struct Topic {
    title: &'static str,
    anchor: String,
    calls: Vec<Shown>,
}

#[derive(Serialize)]
struct Shown {
    anchor: String,
    method: String,
    path: &'static str,
    summary: String,
    about: String,
    access: &'static str,
    parameters: Vec<Row>,
    body: Option<BodyShown>,
    answers: Vec<AnswerShown>,
    errors: Vec<ErrorShown>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    kind: String,
    place: &'static str,
    required: bool,
    about: String,
}

#[derive(Serialize)]
struct BodyShown {
    kind: &'static str,
    fields: Vec<Row>,
    example: String,
}

#[derive(Serialize)]
struct AnswerShown {
    status: u16,
    about: String,
    kind: &'static str,
    example: String,
}

#[derive(Serialize)]
struct ErrorShown {
    status: u16,
    code: &'static str,
    message: &'static str,
}

impl Reference {
    /// The entries by topic, errors in a language.
    pub(in crate::http) fn page(&self, locale: Locale) -> Page {
        let topics = calls::Topic::ALL.iter().map(|topic| {
            let own = self.described.iter().filter(|one| one.call.topic == *topic);
            Topic {
                title: topic.title(),
                anchor: anchor(topic.title()),
                calls: own.map(|one| self.shown(one, locale)).collect(),
            }
        });
        Page {
            topics: topics.filter(|topic| !topic.calls.is_empty()).collect(),
        }
    }

    fn shown(&self, one: &Described, locale: Locale) -> Shown {
        let call = &one.call;
        let parameters = one.parameters();
        let parameters = parameters.iter().map(|parameter| Row {
            name: parameter.name.clone(),
            kind: kind(parameter.schema.json()),
            place: parameter.place,
            required: parameter.is_required,
            about: words(parameter.schema.json()),
        });
        let body = call.body.as_ref().map(|body| BodyShown {
            kind: body.kind(),
            fields: rows(body.schema().json()),
            example: pretty(&body.schema().example(&self.components)),
        });
        let answers = call.answers.iter().map(|answer| {
            let (kind, example) = match &answer.content {
                Some((kind @ "application/json", schema)) => {
                    (*kind, pretty(&schema.example(&self.components)))
                }
                Some((kind, _)) => (*kind, String::new()),
                None => ("", String::new()),
            };
            AnswerShown {
                status: answer.status,
                about: answer.about.replace('`', ""),
                kind,
                example,
            }
        });
        let refusals = one.refusals().into_iter();
        let errors = refusals.flat_map(|(status, codes)| {
            codes.into_iter().map(move |code| ErrorShown {
                status,
                code: code.text(),
                message: sentence(code, locale),
            })
        });
        Shown {
            anchor: call.operation_id(),
            method: call.method.to_string(),
            path: call.pattern,
            summary: call.summary.clone(),
            about: call.about.replace('`', ""),
            access: access_word(one.access),
            parameters: parameters.collect(),
            body,
            answers: answers.collect(),
            errors: errors.collect(),
        }
    }
}

fn sentence(code: Code, locale: Locale) -> &'static str {
    match locale {
        Locale::En => code.english(),
        Locale::Ko => code.korean(),
    }
}

/// The name of the sentence about who may call.
fn access_word(access: Access) -> &'static str {
    match access {
        Access::Health | Access::Open | Access::Console | Access::Forwarded => "open",
        Access::ApiKey => "api_key",
        Access::SignedIn => "signed_in",
        Access::Person => "person",
        Access::Service => "service",
        Access::Administrator => "administrator",
    }
}

fn anchor(title: &str) -> String {
    let lower = title.to_ascii_lowercase();
    lower.replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn words(shape: &Value) -> String {
    shape["description"].as_str().unwrap_or_default().replace('`', "")
}

/// The members of an object, one row each.
fn rows(shape: &Value) -> Vec<Row> {
    let members = shape["properties"].as_object().into_iter().flatten();
    let required = shape["required"].as_array();
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|known| known == name));
    let mut rows: Vec<Row> = members
        .map(|(name, shape)| Row {
            name: name.clone(),
            kind: kind(shape),
            place: "body",
            required: is_required(name),
            about: words(shape),
        })
        .collect();
    rows.sort_by_key(|row| !row.required);
    rows
}

/// A shape in a few words.
fn kind(shape: &Value) -> String {
    if let Some(name) = shape["$ref"].as_str() {
        return name.rsplit('/').next().unwrap_or_default().to_owned();
    }
    if let Some(some) = shape["enum"].as_array() {
        let some: Vec<&str> = some.iter().filter_map(Value::as_str).collect();
        return some.join(" | ");
    }
    if let Some(shapes) = shape["anyOf"].as_array().or_else(|| shape["oneOf"].as_array()) {
        let shapes: Vec<String> = shapes.iter().map(kind).filter(|kind| kind != "null").collect();
        return shapes.join(" | ");
    }
    let kind = shape["type"].as_str().or_else(|| shape["type"][0].as_str());
    match (kind, shape["items"].is_object()) {
        (_, true) => format!("[{}]", self::kind(&shape["items"])),
        (Some(kind), false) => kind.to_owned(),
        (None, false) => shape["const"].to_string(),
    }
}
