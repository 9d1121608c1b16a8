//! The arguments of the program.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::exit::EXIT_CODES;
use super::{
    audit, backup, breach, clock, compact, config, epoch, events, init, key, keys, mail, replay, restore,
    serve, session, user, verify,
};

/// Gets people back into their accounts, and can prove what happened.
#[derive(Parser, Debug)]
#[command(name = "keyledger", version, after_help = EXIT_CODES, arg_required_else_help = true, propagate_version = true)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
    /// Which command.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Args, Debug)]
pub struct Common {
    /// Data directory [default: keyledger-data, or KEYLEDGER_DATA]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<String>,
    /// Configuration file, instead of keyledger.toml in the data directory
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print one line of JSON, the last on standard output; failures too
    #[arg(long, global = true)]
    pub json: bool,
}

/// All commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Play a recovery from beginning to end, over real sockets, on a ledger that is thrown away
    Demo,
    /// Make a data directory: ledger, keys and the first API keys
    Init(init::Arguments),
    /// Serve the API and the pages until SIGTERM or SIGINT
    Serve(serve::Arguments),
    /// Make, show, ban, erase users, and help them back in
    #[command(subcommand)]
    User(user::Command),
    /// Show and end sessions
    #[command(subcommand)]
    Session(session::Command),
    /// Make, show and revoke API keys
    #[command(subcommand)]
    Key(key::Command),
    /// Show, rotate and replace the keys that Keyledger keeps for itself
    #[command(subcommand)]
    Keys(keys::Command),
    /// Try the mail settings, and see which mails wait
    #[command(subcommand)]
    Mail(mail::Command),
    /// Tell what happened, oldest first
    Events(events::Arguments),
    /// Tell what was at a moment of the past, or what changed between two
    Replay(replay::Arguments),
    /// Check the whole ledger: 0 good, 1 not good, 2 could not tell
    Verify(verify::Arguments),
    /// Sign, prove and export the ledger, and check exports anywhere
    #[command(subcommand)]
    Audit(audit::Command),
    /// Show, check and explain the settings
    #[command(subcommand)]
    Config(config::Command),
    /// Import lists of leaked passwords, and look passwords up in them
    #[command(subcommand)]
    Breach(breach::Command),
    /// Copy the ledger into a file, whole or what was added, beside the running server
    Backup(backup::Arguments),
    /// Copy the ledger into less space, beside the running server, and go on in the copy
    Compact(compact::Arguments),
    /// Put a ledger back from backups: 0 done, 1 the backup is not good, 2 could not tell
    Restore(restore::Arguments),
    /// Tell Keyledger that the system clock is right
    #[command(subcommand)]
    Clock(clock::Command),
    /// Show the running epoch, or begin one that ends everything that was issued
    #[command(subcommand)]
    Epoch(epoch::Command),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_takes_a_data_directory_and_json() {
        for line in [
            "init",
            "serve",
            "user list",
            "user factor list ann@example.org",
            "session list ann@example.org",
            "key list",
            "keys list",
            "keys rotate jwt",
            "mail outbox",
            "events",
            "replay --at 24h sign-in ann@example.org",
            "verify",
            "audit checkpoint",
            "config show",
            "breach show",
            "clock accept",
            "backup /tmp/b",
            "restore /tmp/b",
            "compact",
            "epoch show",
        ] {
            let words = format!("keyledger {line} --data /tmp/d --json");
            let cli = Cli::try_parse_from(words.split(' ')).unwrap();
            assert!(cli.common.json, "{line}");
            assert_eq!(cli.common.data.as_deref(), Some("/tmp/d"), "{line}");
        }
    }

    #[test]
    fn every_setting_is_a_flag_and_no_secret_is() {
        let words = [
            "keyledger",
            "serve",
            "--email-use-tls",
            "--email-host",
            "mx.example.org",
            "--email-password-file",
            "p",
        ];
        let Command::Serve(arguments) = Cli::try_parse_from(words).unwrap().command else {
            panic!("another command")
        };
        let flags = &arguments.settings.0;
        assert_eq!(flags["email.use_tls"], "true");
        assert_eq!(flags["email.host"], "mx.example.org");
        assert_eq!(flags["email.password_file"], "p");
        assert!(Cli::try_parse_from(["keyledger", "serve", "--email-password", "x"]).is_err());
    }
}
