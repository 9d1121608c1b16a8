//! `keyledger key …`: the API keys of clients and backends.

use clap::{Args, Subcommand, ValueEnum};

use super::context::Context;
use super::control::{Request, ask_and_print};
use super::exit::{Exit, Failure};

/// What to do with API keys.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make a key; its text is shown once
    Create(Create),
    /// Show all keys, without their texts
    List,
    /// Let a secret key work again that waits since the last epoch began
    Confirm(Which),
    /// Say which web pages may call with a publishable key; without any, none may
    Origins(Origins),
    /// End a key
    Revoke(Which),
}

/// What a key opens.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum KindWord {
    /// For clients: it names the project and opens nothing by itself.
    Publishable,
    /// For backends: it is an administrator.
    Secret,
}

impl KindWord {
    fn word(self) -> &'static str {
        match self {
            Self::Publishable => "publishable",
            Self::Secret => "secret",
        }
    }
}

/// A new key.
#[derive(Args, Debug)]
pub struct Create {
    /// What it opens
    #[arg(long, value_enum, default_value = "publishable")]
    pub kind: KindWord,
    /// What you call it
    #[arg(long, default_value = "")]
    pub label: String,
    /// End it by itself after so many days
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub expires_in_days: Option<u32>,
}

/// Which key.
#[derive(Args, Debug)]
pub struct Which {
    /// The key's id, as `key list` shows it
    pub key: String,
}

/// The pages of a key.
#[derive(Args, Debug)]
pub struct Origins {
    /// The key's id, as `key list` shows it
    pub key: String,
    /// A page's origin, such as `https://app.example.org`; these take the place of those before
    #[arg(value_name = "ORIGIN", num_args = 0..=10)]
    pub origins: Vec<String>,
}

pub(super) fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Create(Create {
            kind,
            label,
            expires_in_days,
        }) => {
            let request = Request::CreateKey {
                kind: kind.word().to_owned(),
                label,
                days: expires_in_days,
            };
            ask_and_print(context, "keyledger key create", request)
        }
        Command::List => ask_and_print(context, "keyledger key list", Request::ListKeys),
        Command::Confirm(Which { key }) => {
            ask_and_print(context, "keyledger key confirm", Request::ConfirmKey { key })
        }
        Command::Origins(Origins { key, origins }) => {
            let request = Request::NameKeyOrigins { key, origins };
            ask_and_print(context, "keyledger key origins", request)
        }
        Command::Revoke(Which { key }) => {
            ask_and_print(context, "keyledger key revoke", Request::RevokeKey { key })
        }
    }
}
