//! The command line: for people by default, for programs with `--json`.
//!
//! A command that needs the ledger asks the running server over a socket in the data directory, and opens the ledger
//! itself when none runs; `control` holds both ways, which end in one function. With `--json`, one line of JSON is the
//! last on standard output, failures included; logs and warnings go to standard error.

mod answers;
mod arguments;
mod audit;
mod backup;
mod breach;
mod clock;
mod compact;
mod config;
mod context;
mod control;
pub mod demo;
mod epoch;
mod events;
mod exit;
mod init;
mod key;
mod keys;
mod logs;
mod mail;
mod moment;
mod output;
mod passphrase;
mod replay;
mod restore;
mod serve;
mod session;
mod setting_flags;
mod unechoed;
mod user;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

pub use arguments::{Cli, Command};
pub use exit::{Exit, Failure, FailureKind};

use context::Context;
use output::{Form, Output};

/// Runs one command, as the arguments say, and tells how it went by the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return misread(&error, &arguments).into(),
    };
    let Cli { common, command } = cli;
    // Whatever a command makes holds keys, addresses or mails: nobody else's.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let output = Output::of_process(if common.json { Form::Json } else { Form::Text });
    let context = Context::new(common, output);
    let exit = match carry_out(command, &context) {
        Ok(exit) => exit,
        Err(failure) => {
            context.output.failure(&failure);
            failure.exit()
        }
    };
    exit.into()
}

fn carry_out(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Demo => play_demo(context),
        Command::Init(arguments) => init::run(arguments, context),
        Command::Serve(arguments) => serve::run(arguments, context),
        Command::User(command) => user::run(command, context),
        Command::Session(command) => session::run(command, context),
        Command::Key(command) => key::run(command, context),
        Command::Keys(command) => keys::run(command, context),
        Command::Mail(command) => mail::run(command, context),
        Command::Events(arguments) => events::run(arguments, context),
        Command::Replay(arguments) => replay::run(arguments, context),
        Command::Audit(command) => audit::run(command, context),
        Command::Verify(arguments) => verify::run(arguments, context),
        Command::Config(command) => config::run(command, context),
        Command::Breach(command) => breach::run(command, context),
        Command::Clock(command) => clock::run(command, context),
        Command::Epoch(command) => epoch::run(command, context),
        Command::Backup(arguments) => backup::run(arguments, context),
        Command::Compact(arguments) => compact::run(arguments, context),
        Command::Restore(arguments) => restore::run(arguments, context),
    }
}

fn play_demo(context: &Context) -> Result<Exit, Failure> {
    let form = match context.output.form() {
        Form::Text => demo::Form::Text,
        Form::Json => demo::Form::Json,
    };
    match demo::run(&mut std::io::stdout().lock(), form) {
        Ok(demo::Ending::Passed) => Ok(Exit::Done),
        Ok(demo::Ending::Failed) => Ok(Exit::No),
        Err(error) => Err(Failure::usage(format!("the demo cannot print: {error}"))),
    }
}

/// Tells what is wrong with the arguments; help and the version arrive here too, and are no failure.
fn misread(error: &clap::Error, arguments: &[OsString]) -> Exit {
    let wants_json = arguments.iter().any(|argument| argument == "--json");
    if error.use_stderr() && wants_json {
        let text = error.render().to_string();
        let message = text.lines().next().unwrap_or_default();
        let message = message.strip_prefix("error: ").unwrap_or(message);
        let failure = Failure::usage(message).remedy("see `keyledger --help`");
        Output::of_process(Form::Json).failure(&failure);
        return Exit::Usage;
    }
    // A closed pipe is no reason to fail.
    let _ = error.print();
    if error.use_stderr() {
        Exit::Usage
    } else {
        Exit::Done
    }
}
