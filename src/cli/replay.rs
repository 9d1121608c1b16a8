//! `keyledger replay`: what was, at a moment of the past, and what changed between two.

use clap::{Args, Subcommand};

use super::context::Context;
use super::control::{At, PastForm, Question, Request, ask_and_print};
use super::exit::{Exit, Failure};
use super::moment::moment;

/// Which moment, and what of it.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = false,
    group = clap::ArgGroup::new("moments").required(true).args(["at", "diff"]),
    after_help = "A moment is a time (`2026-01-20`, `2026-01-20T14:30:00Z`), how long ago it was (`90m`, `24h`, `7d`), or a \
                  place in the ledger: a position or a cursor (`1041`, `1:1041`), after the event that stands there."
)]
pub struct Arguments {
    /// The moment
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    pub at: Option<At>,
    /// What changed from the first moment to the second; what came and went in between is told by `events`
    #[arg(long, value_names = ["MOMENT", "LATER"], num_args = 2, value_parser = moment)]
    pub diff: Option<Vec<At>>,
    /// With --diff: so many changes are shown
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// What is to be known of the moment; how much there was if it is left out
    #[command(subcommand)]
    pub question: Option<Asked>,
}

/// What is to be known.
#[derive(Subcommand, Debug)]
pub enum Asked {
    /// Who there was
    Users(List),
    /// The live sessions of a user
    Sessions(Who),
    /// Whether a user could sign in with the right password, and why not
    SignIn(Who),
    /// The mailed proofs that opened something
    Tokens(List),
    /// What the ledger held of the configuration: policies, API keys, the key of checkpoints
    Configuration,
}

/// One user.
#[derive(Args, Debug)]
pub struct Who {
    /// Id, or the address or user name that they have today
    pub user: String,
}

/// A part of a list.
#[derive(Args, Debug)]
pub struct List {
    /// Leave out so many at the beginning
    #[arg(long, default_value_t = 0)]
    pub skip: u32,
    /// Show so many at most
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub take: u32,
}

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let form = match arguments {
        Arguments {
            at: Some(at),
            question,
            ..
        } => PastForm::Moment {
            at,
            question: question.map_or(Question::Counts, asked),
        },
        Arguments {
            diff,
            limit,
            question,
            ..
        } => {
            if question.is_some() {
                return Err(Failure::value(
                    "--diff",
                    "it compares everything: it takes no question behind it",
                ));
            }
            let moments: Option<[At; 2]> = diff.and_then(|moments| moments.try_into().ok());
            let [from, to] = moments.ok_or_else(|| Failure::value("--diff", "name two moments"))?;
            PastForm::Changes {
                from,
                to,
                take: limit,
            }
        }
    };
    ask_and_print(context, "keyledger replay", Request::Past(form))
}

fn asked(asked: Asked) -> Question {
    match asked {
        Asked::Users(List { skip, take }) => Question::Users { skip, take },
        Asked::Sessions(Who { user }) => Question::Sessions { user },
        Asked::SignIn(Who { user }) => Question::SignIn { user },
        Asked::Tokens(List { skip, take }) => Question::Tokens { skip, take },
        Asked::Configuration => Question::Configuration,
    }
}
