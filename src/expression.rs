//! Expressions of policies: compiled when they are saved, evaluated where a flow comes to them.
//!
//! The language is that of the template engine's expressions (Jinja2's), in a sandbox: an expression sees the facts it is
//! given and a few filters and tests, can change nothing and call nothing, and ends after a bounded number of steps. It
//! must come to true or false; an error is neither, and whoever asks takes it for a no.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, context};
use time::OffsetDateTime;

use crate::types::Timestamp;

/// Steps that one evaluation may take.
const FUEL: u64 = 500;
/// How deep an expression may nest.
const DEPTH_MAX: usize = 64;
/// Names that every evaluation has.
const NAMES: [&str; 4] = ["user", "prompt_data", "request", "now"];

/// An expression that can be evaluated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expression {
    text: String,
}

/// Why an expression is none, or came to nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ExpressionFault {
    /// It cannot be read.
    #[error("line {line}, column {column}: {reason}")]
    Syntax {
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// It names something that no flow has.
    #[error("there is no {0}: an expression sees user, prompt_data, request and now")]
    Name(String),
    /// It failed at a value it met.
    #[error("it failed: {0}")]
    Failed(String),
    /// It took too many steps.
    #[error("it took more steps than the {FUEL} that an expression may take")]
    TooLong,
    /// It came to something else.
    #[error("it came to a value of the kind {0}, not to true or false: compare it with something")]
    NotTrueOrFalse(String),
}

/// What an expression sees.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The person, once a flow knows who it is: `user`, which is not defined before.
    pub user: Option<UserFacts>,
    /// What was filled in so far, by field key; never a password: `prompt_data`.
    pub prompt_data: BTreeMap<String, Answer>,
    /// Where the request came from: `request.ip`.
    pub ip: IpAddr,
    /// The time, in UTC: `now.iso` (RFC 3339), `now.unix` (seconds), `now.hour`, `now.minute`, `now.weekday` (`monday`).
    pub now: Timestamp,
}

/// What an expression sees of a person.
#[derive(Clone, Debug)]
pub struct UserFacts {
    /// `user.id`.
    pub id: String,
    /// `user.email`: the first address.
    pub email: String,
    /// `user.email_verified`: whether it was proven.
    pub email_verified: bool,
    /// `user.username`, none if there is none.
    pub username: Option<String>,
    /// `user.name`, none if there is none.
    pub name: Option<String>,
    /// `user.role`: `admin`, `user` or `guest`.
    pub role: &'static str,
    /// `user.is_active`.
    pub is_active: bool,
    /// `user.factors`: some of `email`, `totp` and `static`.
    pub factors: Vec<&'static str>,
}

/// What somebody filled in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Text.
    Text(String),
    /// A box, ticked or not.
    Flag(bool),
}

impl Facts {
    /// Somebody, somewhere, once.
    fn example() -> Self {
        Self {
            user: Some(UserFacts {
                id: String::new(),
                email: "ada@example.org".to_owned(),
                email_verified: true,
                username: Some("ada".to_owned()),
                name: Some("Ada".to_owned()),
                role: "user",
                is_active: true,
                factors: vec![],
            }),
            prompt_data: BTreeMap::new(),
            ip: Ipv4Addr::LOCALHOST.into(),
            now: Timestamp(0),
        }
    }
}

impl Expression {
    /// Reads an expression; a fault names the place.
    pub fn compile(text: &str) -> Result<Self, ExpressionFault> {
        if let Some(at) = multiplication(text) {
            let reason = "an expression cannot multiply: that could fill the memory";
            return Err(syntax(text, at, reason.to_owned()));
        }
        let environment = sandbox();
        let compiled = environment.compile_expression(text).map_err(|error| {
            let at = error.range().map_or(0, |range| range.start);
            let reason = error
                .detail()
                .map_or_else(|| error.kind().to_string(), str::to_owned);
            syntax(text, at, reason)
        })?;
        let mut unknown: Vec<String> = compiled.undeclared_variables(false).into_iter().collect();
        unknown.retain(|name| !NAMES.contains(&name.as_str()));
        unknown.sort();
        if let Some(name) = unknown.into_iter().next() {
            return Err(ExpressionFault::Name(name));
        }
        // The engine looks filters and tests up when it meets them: a try meets those that an example leads to.
        if let Err(error) = compiled.eval(seen(&Facts::example()))
            && is_missing(&error)
        {
            let at = error.range().map_or(0, |range| range.start);
            let reason = error
                .detail()
                .map_or_else(|| error.kind().to_string(), str::to_owned);
            return Err(syntax(text, at, reason));
        }
        Ok(Self {
            text: text.to_owned(),
        })
    }

    /// Whether it is true of these facts.
    pub fn holds(&self, facts: &Facts) -> Result<bool, ExpressionFault> {
        let environment = sandbox();
        let compiled = environment
            .compile_expression(&self.text)
            .map_err(|error| failed(&error))?;
        let value = compiled.eval(seen(facts)).map_err(|error| failed(&error))?;
        if value.kind() == ValueKind::Bool {
            return Ok(value.is_true());
        }
        Err(ExpressionFault::NotTrueOrFalse(value.kind().to_string()))
    }
}

/// Whether an expression names a filter, a test or a function that the sandbox does not have.
fn is_missing(error: &Error) -> bool {
    [
        ErrorKind::UnknownFilter,
        ErrorKind::UnknownTest,
        ErrorKind::UnknownFunction,
        ErrorKind::UnknownMethod,
    ]
    .contains(&error.kind())
}

fn failed(error: &Error) -> ExpressionFault {
    if error.kind() == ErrorKind::OutOfFuel {
        return ExpressionFault::TooLong;
    }
    // The kind and what the author wrote; never a value that was met.
    ExpressionFault::Failed(error.kind().to_string())
}

fn syntax(text: &str, at: usize, reason: String) -> ExpressionFault {
    let before = text.get(..at).unwrap_or_default();
    let line = 1 + before.matches('\n').count();
    let column = 1 + before.rsplit('\n').next().unwrap_or_default().chars().count();
    ExpressionFault::Syntax { line, column, reason }
}

/// Where an expression multiplies, outside of its texts. Repeated lists are the one thing that steps do not bound.
fn multiplication(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match (quote, letter) {
            (Some(_), '\\') => {
                letters.next();
            }
            (Some(open), _) if open == letter => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(letter),
            (None, '*') => return Some(at),
            (None, _) => {}
        }
    }
    None
}

/// An engine with nothing in it but what cannot do harm.
fn sandbox() -> Environment<'static> {
    use minijinja::{filters, tests};
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(DEPTH_MAX);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("upper", filters::upper);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("length", filters::length);
    environment.add_filter("default", filters::default);
    environment.add_test("defined", tests::is_defined);
    environment.add_test("none", tests::is_none);
    environment.add_test("startingwith", tests::is_startingwith);
    environment.add_test("endingwith", tests::is_endingwith);
    environment.add_test("in_network", in_network);
    environment
}

/// `request.ip is in_network("10.0.0.0/8")`.
fn in_network(ip: &str, network: &str) -> Result<bool, Error> {
    let wrong = |what: &'static str| Error::new(ErrorKind::InvalidOperation, what);
    let ip: IpAddr = ip.parse().map_err(|_| wrong("not an address"))?;
    let network: IpNet = network
        .parse()
        .map_err(|_| wrong("not a network such as 10.0.0.0/8"))?;
    Ok(network.contains(&ip))
}

fn seen(facts: &Facts) -> Value {
    let user = facts.user.as_ref().map(|user| {
        context! {
            id => user.id,
            email => user.email,
            email_verified => user.email_verified,
            username => user.username,
            name => user.name,
            role => user.role,
            is_active => user.is_active,
            factors => user.factors,
        }
    });
    let answers = facts.prompt_data.iter().map(|(key, answer)| {
        let value = match answer {
            Answer::Text(text) => Value::from(text.as_str()),
            Answer::Flag(flag) => Value::from(*flag),
        };
        (key.as_str(), value)
    });
    let at = OffsetDateTime::from_unix_timestamp(facts.now.unix_seconds());
    let at = at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let known = context! {
        prompt_data => answers.collect::<BTreeMap<_, _>>(),
        request => context! { ip => facts.ip.to_canonical().to_string() },
        now => context! {
            iso => facts.now.rfc3339(),
            unix => facts.now.unix_seconds(),
            hour => at.hour(),
            minute => at.minute(),
            weekday => at.weekday().to_string().to_lowercase(),
        },
    };
    match user {
        Some(user) => context! { user => user, ..known },
        None => known,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            user: Some(UserFacts {
                id: "1".to_owned(),
                email: "ada@example.org".to_owned(),
                email_verified: true,
                username: None,
                name: Some("Ada".to_owned()),
                role: "admin",
                is_active: true,
                factors: vec!["totp"],
            }),
            prompt_data: BTreeMap::from([
                ("email".to_owned(), Answer::Text("eve@example.net".to_owned())),
                ("terms".to_owned(), Answer::Flag(true)),
            ]),
            ip: "192.0.2.7".parse().unwrap(),
            now: Timestamp::parse_rfc3339("2026-01-20T14:30:00Z").unwrap(),
        }
    }

    fn holds(text: &str) -> Result<bool, ExpressionFault> {
        Expression::compile(text)?.holds(&facts())
    }

    #[test]
    fn an_expression_sees_the_user_what_was_filled_in_the_network_and_the_time() {
        for text in [
            "user.role == 'admin' and user.email_verified",
            "user.email is endingwith('@example.org')",
            "user.username is none and 'totp' in user.factors",
            "prompt_data.terms and prompt_data.email != user.email",
            "request.ip is in_network('192.0.2.0/24')",
            "not (request.ip is in_network('10.0.0.0/8'))",
            "now.hour >= 8 and now.hour < 18 and now.weekday == 'tuesday'",
            "now.iso == '2026-01-20T14:30:00.000Z'",
            "(user.name|lower) == 'ada' and\n  user.name|length == 3",
            "'*' not in user.email",
        ] {
            assert_eq!(holds(text), Ok(true), "{text}");
        }
        assert_eq!(holds("user.role == 'guest'"), Ok(false));
    }

    #[test]
    fn a_fault_names_the_place_when_it_is_saved() {
        for (text, fault) in [
            ("user.role ==", "line 1, column "),
            ("user.role\n == 'admin' and )", "line 2, column "),
            ("2 * user.id", "line 1, column 3"),
            ("os.environ == 1", "there is no os"),
            ("range(10) == 1", "there is no range"),
            ("user.email|format == 'x'", "line 1, column "),
        ] {
            let told = Expression::compile(text).unwrap_err().to_string();
            assert!(told.starts_with(fault), "{text}: {told}");
        }
    }

    #[test]
    fn what_is_neither_true_nor_false_is_an_error() {
        for text in [
            "user.email",
            "user",
            "now.hour",
            "user.nothing",
            "prompt_data.absent == 1",
        ] {
            assert!(holds(text).is_err(), "{text}");
        }
        let mut nobody = facts();
        nobody.user = None;
        let asked = Expression::compile("user.role == 'admin'").unwrap();
        assert!(asked.holds(&nobody).is_err());
        let careful = Expression::compile("user is defined and user.role == 'admin'").unwrap();
        assert_eq!(careful.holds(&nobody), Ok(false));
    }

    #[test]
    fn an_expression_can_neither_run_long_nor_reach_out() {
        let long = vec!["now.hour == 14"; 200].join(" and ");
        assert_eq!(holds(&long), Err(ExpressionFault::TooLong));
        for text in [
            "user.email|attr('x') == 1",
            "user.email.upper() == 'X'",
            "namespace() == 1",
            "user.email|format == 'x'",
        ] {
            assert!(holds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn l_02_an_error_repeats_no_value_it_met() {
        let told = holds("user.email > 1 and user.email.missing.more")
            .unwrap_err()
            .to_string();
        assert!(!told.contains("ada"), "{told}");
    }
}
