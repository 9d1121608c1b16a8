//! `keyledger clock …`: which time holds.

use clap::Subcommand;

use super::context::Context;
use super::control::{Request, ask_and_print};
use super::exit::{Exit, Failure};

/// What to do about the clock.
#[derive(Clone, Copy, Subcommand, Debug)]
pub enum Command {
    /// Believe the system clock, however far ahead it is; if it was doubted, all sessions and tokens end
    Accept,
}

pub(super) fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Accept => ask_and_print(context, "keyledger clock accept", Request::AcceptClock),
    }
}
