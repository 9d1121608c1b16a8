//! Expression policies: what an operator writes in the template engine's expression language, decided about whoever walks
//! a flow.
//!
//! Sandboxed: an expression sees the values below, the `FILTERS` and the `TESTS`, no function, no file, no network and
//! no clock. What it computes is bounded by its length: the engine's fuel counts steps, not their size, so there is nothing
//! here that makes much of little. Texts and lists are not repeated (`*`), and lists are never written out as texts (`~`, and
//! most of the engine's filters), because writing out doubles what is escaped. One that fails is no yes.
//!
//! * `user`: none before somebody has proven who they are; then `email`, `email_verified`, `role` (`admin`, `user`,
//!   `guest`) and `factors` (a list of `totp`, `email`, `recovery_codes`).
//! * `prompt_data`: what prompts took, by the keys of their fields; never a password.
//! * `request.ip`: the client's address.
//! * `now`: seconds since 1970, in UTC.

use std::collections::BTreeMap;
use std::net::IpAddr;

use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, tests as builtin};
use serde::Serialize;

use crate::types::Timestamp;

/// Instructions that an expression may take.
const FUEL: u64 = 20_000;
/// Parentheses, calls and lists within each other.
const RECURSION_MAX: usize = 32;
/// The names that an expression may use.
const NAMES: [&str; 4] = ["user", "prompt_data", "request", "now"];
/// What a value may be put through, behind `|`. Each takes what it is for and nothing else.
const FILTERS: [&str; 6] = ["default", "int", "length", "lower", "trim", "upper"];
/// What a value may be tested for, behind `is`.
const TESTS: [&str; 8] = [
    "defined",
    "endingwith",
    "false",
    "none",
    "number",
    "startingwith",
    "string",
    "true",
];
/// Operators that an expression may not have, and what to write in their place.
const BARRED: [(char, &str); 2] = [
    (
        '*',
        "there is no *, which makes much of little; write the product",
    ),
    ('~', "there is no ~; join texts with +"),
];

/// Why a text is no expression.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("at line {line}: {what}")]
pub struct ExpressionFault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

/// Why an expression did not come to a yes or a no.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Undecided {
    /// It cannot be computed with these values, or took too long.
    #[error("it failed: {0}")]
    Failed(String),
    /// It came to something else.
    #[error("it came to {0}, and not to true or false")]
    NoAnswer(String),
}

/// Whom a flow knows so far.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
pub struct KnownUser {
    /// The address they sign in with.
    pub email: String,
    /// Whether it was proven.
    pub email_verified: bool,
    /// What they may do.
    pub role: &'static str,
    /// The kinds of their second factors.
    pub factors: Vec<&'static str>,
}

/// What an expression is decided about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Circumstances {
    /// Whoever has proven who they are.
    pub user: Option<KnownUser>,
    /// What prompts took.
    pub prompt_data: BTreeMap<String, String>,
    /// The client's address.
    pub ip: IpAddr,
    /// The time.
    pub now: Timestamp,
}

#[derive(Serialize)]
struct Names<'a> {
    user: &'a Option<KnownUser>,
    prompt_data: &'a BTreeMap<String, String>,
    request: Request,
    now: i64,
}

#[derive(Serialize)]
struct Request {
    ip: IpAddr,
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION_MAX);
    environment.add_filter("default", or_else);
    environment.add_filter("int", whole);
    environment.add_filter("length", length);
    environment.add_filter("lower", |text: &str| text.to_lowercase());
    environment.add_filter("trim", |text: &str| text.trim().to_owned());
    environment.add_filter("upper", |text: &str| text.to_uppercase());
    environment.add_test("defined", builtin::is_defined);
    environment.add_test("endingwith", |text: &str, end: &str| text.ends_with(end));
    environment.add_test("false", |value: &Value| *value == Value::from(false));
    environment.add_test("none", builtin::is_none);
    environment.add_test("number", |value: &Value| value.is_number());
    environment.add_test("startingwith", |text: &str, start: &str| text.starts_with(start));
    environment.add_test("string", |value: &Value| value.as_str().is_some());
    environment.add_test("true", |value: &Value| *value == Value::from(true));
    environment
}

/// Another value in the place of one that is not there.
fn or_else(value: &Value, other: &Value) -> Value {
    let is_missing = value.is_undefined() || value.is_none();
    if is_missing { other } else { value }.clone()
}

/// The whole number that a text or a number says.
fn whole(value: &Value) -> Result<i64, Error> {
    let said = match value.as_str() {
        Some(text) => text.trim().parse().ok(),
        None => value.as_i64(),
    };
    said.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "that is no whole number"))
}

/// How many characters a text has, or how many values a list.
fn length(value: &Value) -> Result<usize, Error> {
    let counted = value.len();
    counted.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "that has no length"))
}

/// The first thing in an expression that it may not have. Asked before the engine reads the text, because the engine
/// computes what is constant while it reads, and looks filters up only when it comes to them.
fn barred(text: &str) -> Option<ExpressionFault> {
    let mut named: Option<(&str, &[&str])> = None;
    for (number, line) in without_texts(text).split('\n').enumerate() {
        for token in tokens(line) {
            let operator = BARRED.iter().find(|(operator, _)| token.starts_with(*operator));
            let what = match (named, operator) {
                (_, Some((_, what))) => (*what).to_owned(),
                (Some((kind, known)), None) if token != "not" && !known.contains(&token) => {
                    format!("there is no {kind} {token}; there are {}", known.join(", "))
                }
                (Some(_) | None, None) => {
                    named = match token {
                        "|" => Some(("filter", &FILTERS[..])),
                        "is" => Some(("test", &TESTS[..])),
                        "not" => named,
                        _other => None,
                    };
                    continue;
                }
            };
            let line = number + 1;
            return Some(ExpressionFault { line, what });
        }
    }
    None
}

/// The same text with a space for every character of its quoted texts, so that what stands in them is not read.
fn without_texts(text: &str) -> String {
    let (mut quote, mut is_escaped) = (None, false);
    let plain = |char| match quote {
        None => {
            quote = Some(char).filter(|char| matches!(char, '"' | '\''));
            if quote.is_some() { ' ' } else { char }
        }
        Some(end) => {
            let ends = !is_escaped && char == end;
            is_escaped = !is_escaped && char == '\\';
            quote = quote.filter(|_| !ends);
            if char == '\n' { char } else { ' ' }
        }
    };
    text.chars().map(plain).collect()
}

/// Words, and what stands between them a character at a time.
fn tokens(mut line: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        line = line.trim_start();
        let is_word = |char: char| char.is_alphanumeric() || char == '_';
        let word = line.find(|char| !is_word(char)).unwrap_or(line.len());
        let length = word.max(line.chars().next()?.len_utf8());
        let (token, rest) = line.split_at(length);
        line = rest;
        Some(token)
    })
}

/// Checks that a text is an expression over the names that there are.
pub fn check_expression(text: &str) -> Result<(), ExpressionFault> {
    if let Some(fault) = barred(text) {
        return Err(fault);
    }
    let environment = environment();
    let compiled = environment
        .compile_expression(text)
        .map_err(|error| fault_of(&error))?;
    let mut unknown: Vec<String> = compiled
        .undeclared_variables(false)
        .into_iter()
        .filter(|name| !NAMES.contains(&name.as_str()))
        .collect();
    unknown.sort();
    let Some(name) = unknown.first() else {
        return Ok(());
    };
    let before = &text[..text.find(name.as_str()).unwrap_or(0)];
    let names = NAMES.join(", ");
    Err(ExpressionFault {
        line: before.matches('\n').count() + 1,
        what: format!("there is no {name}; there are {names}"),
    })
}

/// Decides an expression.
pub fn decide_expression(text: &str, circumstances: &Circumstances) -> Result<bool, Undecided> {
    let failed = |error: Error| Undecided::Failed(error.kind().to_string());
    if let Some(fault) = barred(text) {
        return Err(Undecided::Failed(fault.what));
    }
    let environment = environment();
    let compiled = environment.compile_expression(text).map_err(failed)?;
    let names = Names {
        user: &circumstances.user,
        prompt_data: &circumstances.prompt_data,
        request: Request { ip: circumstances.ip },
        now: circumstances.now.0.div_euclid(1_000_000),
    };
    let value = compiled.eval(Value::from(Serde(&names))).map_err(failed)?;
    if value.kind() == ValueKind::Bool {
        Ok(value.is_true())
    } else {
        Err(Undecided::NoAnswer(value.kind().to_string()))
    }
}

fn fault_of(error: &Error) -> ExpressionFault {
    ExpressionFault {
        line: error.line().unwrap_or(1),
        what: error
            .detail()
            .map_or_else(|| error.kind().to_string(), str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(text: &str) -> Result<bool, Undecided> {
        let circumstances = Circumstances {
            user: Some(KnownUser {
                email: "ada@example.org".to_owned(),
                email_verified: true,
                role: "admin",
                factors: vec!["totp"],
            }),
            prompt_data: BTreeMap::from([("country".to_owned(), "KR".to_owned())]),
            ip: "192.0.2.7".parse().unwrap(),
            now: Timestamp(1_800_000_000_000_000),
        };
        decide_expression(text, &circumstances)
    }

    #[test]
    fn an_expression_says_yes_or_no_about_whoever_walks() {
        for (text, said) in [
            ("user.email_verified", true),
            ("user.role == 'admin' and 'totp' in user.factors", true),
            ("prompt_data.country == 'DE'", false),
            ("request.ip == '192.0.2.7'", true),
            ("now % 86400 // 3600 >= 20", false),
            ("not user.email.endswith('@example.org')", false),
        ] {
            let decided = decide(text);
            if text.contains("endswith") {
                assert!(
                    matches!(decided, Err(Undecided::Failed(_))),
                    "only the engine's own: {text}"
                );
            } else {
                assert_eq!(decided, Ok(said), "{text}");
            }
        }
    }

    #[test]
    fn what_fails_or_comes_to_nothing_is_no_yes() {
        for text in ["prompt_data.missing == 1", "user.password.length", "1 / 0 == 1"] {
            assert!(
                matches!(decide(text), Err(Undecided::Failed(_))),
                "{text}: {:?}",
                decide(text)
            );
        }
        for text in ["1", "'yes'", "[]", "user", "none", "user.password"] {
            assert!(matches!(decide(text), Err(Undecided::NoAnswer(_))), "{text}");
        }
        let nobody = Circumstances {
            user: None,
            prompt_data: BTreeMap::new(),
            ip: "::1".parse().unwrap(),
            now: Timestamp(0),
        };
        assert_eq!(decide_expression("user is none", &nobody), Ok(true));
        assert!(decide_expression("user.email_verified", &nobody).is_err());
    }

    #[test]
    fn an_expression_that_would_make_much_of_little_is_none() {
        let doubling = format!("{}'\\\\'{} == 1", "[".repeat(40), "] ~ ''".repeat(40));
        let many = "[[1] * 100000] * 100000 == [[1] * 100000] * 100000";
        for text in [many, "'x' * 1000000 == 'y'", "now ** 9 > 1", &doubling] {
            let fault = check_expression(text).unwrap_err();
            assert!(fault.what.starts_with("there is no "), "{text}: {fault}");
            assert!(matches!(decide(text), Err(Undecided::Failed(_))), "{text}");
        }
        // In a text they are nothing but characters.
        for text in ["'a*b' == \"it's ~ * \\\" \"", "prompt_data.country != '\\'*'"] {
            assert_eq!(check_expression(text), Ok(()), "{text}");
            assert!(decide(text).is_ok(), "{text}: {:?}", decide(text));
        }
    }

    #[test]
    fn an_expression_has_the_filters_and_tests_that_are_told_of_and_no_others() {
        for text in [
            "user.email|upper|lower|trim == 'ada@example.org'",
            "user.factors|length == 1 and user.email|length == 15",
            "' 7 '|int == 7 and now|int == now",
            "user.email is endingwith('@example.org') and user.email is startingwith('ada')",
            "user is not none and prompt_data.country is string and now is number",
            "true is true and false is false and prompt_data.town is not defined",
            "(prompt_data.town is defined or true)|default(false)",
            "prompt_data.town|default('nowhere') == 'nowhere'",
        ] {
            assert_eq!(check_expression(text), Ok(()), "{text}");
            assert_eq!(decide(text), Ok(true), "{text}");
        }
        for text in [
            "range(9)|length > 1",
            "dict(a=1) == 1",
            "namespace() == 1",
            "user.factors|join == 'totp'",
            "user.email | replace('a', 'aaaaaaaaaaaaaaaa') == ''",
            "user.factors|slice(1000000000)|length > 1",
            "'%1000000000d'|format(1) == ''",
            "user.email|indent(100000000) == ''",
            "user is none or user|tojson == ''",
            "'x' is\n not filter('upper')",
        ] {
            let fault = check_expression(text).unwrap_err();
            assert!(fault.what.starts_with("there is no "), "{text}: {fault}");
            assert!(decide(text).is_err(), "{text}");
        }
        for text in [
            "[user.email]|upper == ''",
            "user.factors is startingwith('t')",
            "'x'|int == 1",
        ] {
            assert_eq!(check_expression(text), Ok(()), "{text}");
            assert!(
                matches!(decide(text), Err(Undecided::Failed(_))),
                "{text}: {:?}",
                decide(text)
            );
        }
    }

    #[test]
    fn the_longest_expression_is_decided_in_no_time() {
        let nested = format!("{}true{}", "(".repeat(500), ")".repeat(500));
        assert!(decide(&nested).is_err(), "deeper than may be");
        let lists = format!("[{}] == [now]", vec!["[user, prompt_data]"; 90].join(" + "));
        let texts = format!("({}) is startingwith('x')", vec!["user.email"; 150].join(" + "));
        for text in [lists, texts] {
            assert!(text.len() <= 2_000, "{}", text.len());
            assert_eq!(decide(&text), Ok(false), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_none_is_refused_with_its_place() {
        assert_eq!(check_expression("user.email_verified and\n now > 1"), Ok(()));
        for (text, line) in [
            ("now > 1 and\n now * 2 > 1", 2),
            ("user.email ==", 1),
            ("now > 1 and\n  )", 2),
            ("now > 1 or\n  visitor.ip == 1", 2),
            ("now > 1 }} {{ 1", 1),
        ] {
            let fault = check_expression(text).unwrap_err();
            assert_eq!(fault.line, line, "{text:?}: {fault}");
            assert!(!fault.what.is_empty());
        }
    }
}
