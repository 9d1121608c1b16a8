//! The passphrase of key backups: from the settings, else from the terminal; never an argument.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::exit::Failure;
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

/// The terminal's own settings, which come back when this is dropped.
struct Unechoed(Termios);

impl Unechoed {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        silent.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Unechoed {
    fn drop(&mut self) {
        // A terminal that is gone has nothing to bring back.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
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
