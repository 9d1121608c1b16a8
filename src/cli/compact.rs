//! `keyledger compact`: the ledger in less space.

use clap::Args;

use super::context::Context;
use super::control::{Request, ask_and_print};
use super::exit::{Exit, Failure};

/// Its arguments: none of its own.
#[derive(Args, Clone, Copy, Debug)]
pub struct Arguments {}

pub(super) fn run(_: Arguments, context: &Context) -> Result<Exit, Failure> {
    ask_and_print(context, "keyledger compact", Request::Compact)
}
