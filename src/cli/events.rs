//! `keyledger events`: what happened.

use clap::Args;

use super::context::Context;
use super::control::{EventsForm, Request, Since, ask_and_print};
use super::exit::{Exit, Failure};
use crate::config::language_of_process;
use crate::desk::{Cursor, NotACursor};
use crate::types::{Locale, Timestamp};

/// Which events.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Only those of this user: id, address or user name
    #[arg(long)]
    pub user: Option<String>,
    /// Only those of this type, such as `PasswordSet`, or of OWASP's logging vocabulary, such as `authn_login_fail`
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Only those from this time on: `2026-01-20`, `2026-01-20T14:30:00Z`, or so long ago: `90m`, `24h`, `7d`
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub since: Option<Since>,
    /// Only those behind this cursor, the first ones: `epoch:position`, as `next` and every event say it, or a position
    #[arg(long, value_name = "CURSOR", value_parser = cursor)]
    pub after: Option<Cursor>,
    /// The last so many of them; with --after, the first
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// In which language: en or ko [default: that of LC_ALL, LC_MESSAGES or LANG]
    #[arg(long, value_name = "LANGUAGE", value_parser = language)]
    pub language: Option<Locale>,
}

/// Reads a cursor.
fn cursor(text: &str) -> Result<Cursor, String> {
    text.parse().map_err(|fault: NotACursor| fault.to_string())
}

/// Reads the tag of a language.
fn language(text: &str) -> Result<Locale, String> {
    Locale::parse(text).ok_or_else(|| "there are en and ko".to_owned())
}

/// Reads a time, or how long ago it was.
fn since(text: &str) -> Result<Since, String> {
    let wrong = || {
        "not a time: write `2026-01-20`, `2026-01-20T14:30:00Z`, or a length of time such as `24h`".to_owned()
    };
    if text.len() > 40 || !text.is_ascii() {
        return Err(wrong());
    }
    let at =
        Timestamp::parse_rfc3339(text).or_else(|| Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")));
    if let Some(at) = at {
        return Ok(Since::At(at.0));
    }
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    Ok(Since::SecondsAgo(u64::from(number) * factor))
}

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let Arguments {
        user,
        kind,
        since,
        after,
        limit,
        language,
    } = arguments;
    let language = language.unwrap_or_else(language_of_process);
    let request = Request::Events(EventsForm {
        user,
        kind,
        since,
        after: after.map(|after| after.to_string()),
        limit,
        language: language.tag().to_owned(),
    });
    ask_and_print(context, "keyledger events", request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_date_a_moment_or_a_while_ago() {
        let day = Timestamp::parse_rfc3339("2026-01-20T00:00:00Z").unwrap().0;
        assert_eq!(since("2026-01-20"), Ok(Since::At(day)));
        assert_eq!(since("2026-01-20T01:00:00+01:00"), Ok(Since::At(day)));
        assert_eq!(since("90m"), Ok(Since::SecondsAgo(5_400)));
        assert_eq!(since("7d"), Ok(Since::SecondsAgo(604_800)));
        for text in ["", "h", "-1h", "yesterday", "1.5h", "99999999999d", "５m"] {
            assert!(since(text).is_err(), "{text}");
        }
    }
}
