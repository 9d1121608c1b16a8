//! `keyledger backup`: the ledger in files of their own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::answers;
use super::context::Context;
use super::control::{Answer, BackupSince, Request, ask};
use super::exit::{Exit, Failure};
use super::logs;
use super::output::body;
use super::passphrase::{Asked, passphrase};
use super::setting_flags::SettingFlags;
use crate::app::{AppError, key_places, load_master};
use crate::config::Config;
use crate::crypto::KeyMaterial;
use crate::system::OsEntropy;

/// What goes where.
#[derive(Args, Debug)]
pub struct Arguments {
    /// A folder, in which the file gets a name that tells what it holds, or a file that is not there yet
    #[arg(value_name = "TO")]
    pub to: PathBuf,
    /// Only what was added since this position, or since the newest backup in the folder: `auto`
    #[arg(long, value_name = "POSITION|auto", value_parser = since)]
    pub since: Option<BackupSince>,
    /// Write master key, keyring and erasure list to this file as well, sealed under a passphrase
    #[arg(long, value_name = "FILE")]
    pub with_keys: Option<PathBuf>,
    /// Settings.
    #[command(flatten)]
    pub settings: SettingFlags,
}

fn since(text: &str) -> Result<BackupSince, String> {
    if text == "auto" {
        return Ok(BackupSince::Auto);
    }
    let position = text
        .parse()
        .map_err(|_| "neither a position nor `auto`".to_owned())?;
    Ok(BackupSince::Position(position))
}

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let Arguments {
        to,
        since,
        with_keys,
        settings,
    } = arguments;
    logs::open_quiet()?;
    let config = context.config(settings)?;
    // Keys first: what they open may only grow afterwards.
    let keys = with_keys.map(|file| save_keys(&config, &file)).transpose()?;
    let request = Request::Backup {
        to: absolute(&to)?,
        since: since.unwrap_or(BackupSince::Beginning),
    };
    let answer = match ask(&config, "keyledger backup", request) {
        Ok(Answer::Failed(failure)) => return Err(failure),
        Ok(answer) => answer,
        Err(unanswered) => return Err(unanswered.failure()),
    };
    let mut shown = body(&answer);
    let mut words = answers::words(&answer, &context.data_words());
    if let Some(file) = keys {
        let _ = write!(words, "\nThe keys are in {file}, sealed under the passphrase.");
        shown["keyFile"] = json!(file);
    }
    context.output.result(&shown, &words);
    Ok(Exit::Done)
}

/// An absolute path in text, because the server that writes stands in another folder. A folder keeps its last slash.
fn absolute(path: &Path) -> Result<String, Failure> {
    let wrong = |fault: &str| Failure::value("TO", fault);
    let absolute = std::path::absolute(path).map_err(|error| wrong(&error.to_string()))?;
    let text = absolute.to_str().ok_or_else(|| wrong("the path is not UTF-8"))?;
    Ok(text.to_owned())
}

fn save_keys(config: &Config, file: &Path) -> Result<String, Failure> {
    let master = load_master(config).map_err(AppError::from)?;
    let keys = KeyMaterial::collect(master, &key_places(config))?;
    let passphrase = passphrase(config, Asked::Twice)?;
    keys.write(file, &passphrase, &OsEntropy)
        .map_err(|fault| Failure::from(fault).field("--with-keys"))?;
    Ok(file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_begins_at_a_position_or_where_the_last_one_ended() {
        assert_eq!(since("auto"), Ok(BackupSince::Auto));
        assert_eq!(since("120"), Ok(BackupSince::Position(120)));
        assert!(since("yesterday").is_err() && since("-1").is_err());
    }
}
