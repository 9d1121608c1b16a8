//! Expression policies: what an operator writes in the template engine's expression language, decided about whoever walks
//! a flow.
//!
//! Sandboxed: an expression sees the values below and the engine's own filters and tests, no file, no network and no
//! clock; what it may compute is bounded. One that fails is no yes.
//!
//! * `user`: none before somebody has proven who they are; then `email`, `email_verified`, `role` (`admin`, `user`,
//!   `guest`) and `factors` (a list of `totp`, `email`, `recovery_codes`).
//! * `prompt_data`: what prompts took, by the keys of their fields; never a password.
//! * `request.ip`: the client's address.
//! * `now`: seconds since 1970, in UTC.

use std::collections::BTreeMap;
use std::net::IpAddr;

use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{Environment, Error, UndefinedBehavior};
use serde::Serialize;

use crate::types::Timestamp;

/// Instructions that an expression may take.
const FUEL: u64 = 20_000;
/// Parentheses, calls and lists within each other.
const RECURSION_MAX: usize = 32;
/// The names that an expression may use.
const NAMES: [&str; 4] = ["user", "prompt_data", "request", "now"];

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
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION_MAX);
    environment
}

/// Checks that a text is an expression over the names that there are.
pub fn check_expression(text: &str) -> Result<(), ExpressionFault> {
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
    fn an_expression_that_takes_too_long_is_stopped() {
        let long = "range(10000)|map('string')|join|length > range(10000)|list|length";
        let nested = format!("{}true{}", "(".repeat(500), ")".repeat(500));
        for text in [long, &nested, "range(1000000000)|list|length > 1"] {
            let decided = decide(text);
            assert!(
                !matches!(decided, Err(Undecided::NoAnswer(_))),
                "{text}: {decided:?}"
            );
        }
    }

    #[test]
    fn a_text_that_is_none_is_refused_with_its_place() {
        assert_eq!(check_expression("user.email_verified and\n now > 1"), Ok(()));
        for (text, line) in [
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
