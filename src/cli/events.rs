//! `keyledger events`: what happened.

use clap::Args;

use super::context::Context;
use super::control::{EventsForm, ExplainForm, Request, Since, ask_and_print, follow};
use super::exit::{Exit, Failure};
use super::moment::since;
use crate::config::language_of_process;
use crate::desk::{Cursor, NotACursor};
use crate::types::Locale;

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
    /// Go on telling events as they happen, until Ctrl-C
    #[arg(long, conflicts_with = "explain")]
    pub follow: bool,
    /// Tell recoveries, each as one story: of a user, of a proof by its id, of the event at a position, or the latest
    #[arg(long, value_name = "USER|TOKEN|POSITION", num_args = 0..=1,
          conflicts_with_all = ["user", "kind", "since", "after"])]
    #[expect(clippy::option_option, reason = "clap's form of a flag that may have a value")]
    pub explain: Option<Option<String>>,
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

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let Arguments {
        user,
        kind,
        since,
        after,
        limit,
        follow: is_followed,
        explain,
        language,
    } = arguments;
    let language = language.unwrap_or_else(language_of_process).tag().to_owned();
    if let Some(what) = explain {
        let form = ExplainForm {
            what,
            limit,
            language,
        };
        return ask_and_print(context, "keyledger events", Request::Explain(form));
    }
    let form = EventsForm {
        user,
        kind,
        since,
        after: after.map(|after| after.to_string()),
        limit,
        language,
    };
    if is_followed {
        return follow(context, form);
    }
    ask_and_print(context, "keyledger events", Request::Events(form))
}
