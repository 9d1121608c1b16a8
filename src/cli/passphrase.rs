//! The passphrase of key backups: from the settings, else from the terminal; never an argument.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::exit::Failure;
use super::unechoed::Unechoed;
use crate::config::Config;

/// How often a new one is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// To open something: a wrong one shows.
    Once,
    /// To seal something: a wrong one would shut it for good.
    Twice,
}

/// The passphrase of the settings, or what somebody types.
pub(super) fn passphrase(config: &Config, asked: Asked) -> Result<SecretString, Failure> {
    if let Some(passphrase) = &config.backup.passphrase {
        return Ok(passphrase.clone());
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(
            Failure::usage("there is no passphrase, and no terminal to ask on").remedy(
                "set KEYLEDGER_BACKUP__PASSPHRASE or KEYLEDGER_BACKUP__PASSPHRASE_FILE, or name a file with \
                 --backup-passphrase-file",
            ),
        );
    }
    let first = typed("Passphrase: ")?;
    if asked == Asked::Twice && typed("The same again: ")?.expose_secret() != first.expose_secret() {
        return Err(Failure::usage("the two passphrases differ; nothing was written"));
    }
    Ok(first)
}

fn typed(prompt: &str) -> Result<SecretString, Failure> {
    let trouble = |error: io::Error| {
        Failure::usage(format!(
            "the passphrase cannot be read from the terminal: {error}"
        ))
    };
    let _unechoed = Unechoed::begin().map_err(trouble)?;
    eprint!("{prompt}");
    // Nobody is left to ask if standard error is closed.
    let _ = io::stderr().flush();
    let mut line = Zeroizing::new(String::with_capacity(512));
    io::stdin().lock().read_line(&mut line).map_err(trouble)?;
    Ok(SecretString::from(line.trim_end_matches(['\r', '\n']).to_owned()))
}
