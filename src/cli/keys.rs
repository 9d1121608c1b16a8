//! `keyledger keys …`: the keys of the keyring, by name. API keys are another matter: `keyledger key …`.

use clap::{Args, Subcommand};

use super::context::Context;
use super::control::{Request, ask_and_print};
use super::exit::{Exit, Failure};
use crate::domain::KeyPurpose;

/// What to do with the keys of the keyring.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Show what keys there are, never what they are
    List,
    /// Draw a new key for a purpose; what the old one made stays good
    Rotate(Which),
    /// Replace the master key, and wrap every data key anew; nothing that is alive ends
    RotateMasterKey,
}

/// Which key.
#[derive(Args, Debug)]
pub struct Which {
    /// What it is for, as `keys list` shows it
    #[arg(value_parser = purposes())]
    pub purpose: String,
}

fn purposes() -> clap::builder::PossibleValuesParser {
    KeyPurpose::ALL.map(KeyPurpose::name).into()
}

pub(super) fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::List => ask_and_print(context, "keyledger keys list", Request::ListRing),
        Command::Rotate(Which { purpose }) => {
            ask_and_print(context, "keyledger keys rotate", Request::RotateKey { purpose })
        }
        Command::RotateMasterKey => ask_and_print(
            context,
            "keyledger keys rotate-master-key",
            Request::ReplaceMasterKey,
        ),
    }
}
