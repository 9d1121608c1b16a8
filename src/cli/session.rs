//! `keyledger session …`: who is signed in, and where.

use clap::{Args, Subcommand};

use super::context::Context;
use super::control::{Request, ask_and_print};
use super::exit::{Exit, Failure};

/// What to do with sessions.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Show the live sessions of a user, newest first
    List(List),
    /// End one session, or all of a user
    End(End),
}

/// Whose.
#[derive(Args, Debug)]
pub struct List {
    /// Id, address or user name
    pub user: String,
}

/// Which.
#[derive(Args, Debug)]
pub struct End {
    /// The session's id
    #[arg(required_unless_present = "user", conflicts_with = "user")]
    pub session: Option<String>,
    /// Id, address or user name: end all of their sessions
    #[arg(long)]
    pub user: Option<String>,
}

pub(super) fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::List(List { user }) => {
            ask_and_print(context, "keyledger session list", Request::ListSessions { user })
        }
        Command::End(End { session, user }) => ask_and_print(
            context,
            "keyledger session end",
            Request::EndSessions { session, user },
        ),
    }
}
