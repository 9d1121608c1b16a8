//! `keyledger epoch …`: the span of validity that is running.

use clap::{Args, Subcommand, ValueEnum};

use super::context::Context;
use super::control::{Request, ask_and_print};
use super::exit::{Exit, Failure};

/// What to do about epochs.
#[derive(Clone, Copy, Subcommand, Debug)]
pub enum Command {
    /// Show when and why the running epoch began, and who and what waits since
    Show,
    /// End everything that was issued: sessions, tokens, mails that wait
    Start(Start),
}

/// Why an epoch begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum ReasonWord {
    /// Keys may have been stolen: they are replaced, passwords need one mailed code, secret API keys a confirmation.
    KeyTheft,
    /// The clock had run wrong.
    ClockReset,
}

impl ReasonWord {
    fn word(self) -> &'static str {
        match self {
            Self::KeyTheft => "key-theft",
            Self::ClockReset => "clock-reset",
        }
    }
}

/// A new epoch.
#[derive(Clone, Copy, Args, Debug)]
pub struct Start {
    /// Why
    #[arg(long, value_enum)]
    pub reason: ReasonWord,
    /// Say that it is meant: everybody is signed out
    #[arg(long)]
    pub yes: bool,
}

pub(super) fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Show => ask_and_print(context, "keyledger epoch show", Request::ShowEpoch),
        Command::Start(Start { reason, yes: true }) => {
            let reason = reason.word().to_owned();
            ask_and_print(context, "keyledger epoch start", Request::StartEpoch { reason })
        }
        Command::Start(_) => Err(Failure::usage("nothing was ended")
            .field("--yes")
            .remedy("add --yes if every session and every mailed proof of everybody shall end")),
    }
}
