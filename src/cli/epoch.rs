//! `keyledger epoch …`: the span of validity that is running.

use clap::Subcommand;

use super::context::Context;
use super::control::{Request, ask_and_print};
use super::exit::{Exit, Failure};

/// What to do about epochs.
#[derive(Clone, Copy, Subcommand, Debug)]
pub enum Command {
    /// Show when and why the running epoch began, and who and what waits since
    Show,
}

pub(super) fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Show => ask_and_print(context, "keyledger epoch show", Request::ShowEpoch),
    }
}
