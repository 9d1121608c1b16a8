//! What every command shares: where the data is, and how to speak.

use std::path::{Path, PathBuf};

use super::arguments::Common;
use super::exit::Failure;
use super::output::Output;
use super::setting_flags::SettingFlags;
use crate::config::{Config, Sources};

/// The common arguments, and the output.
pub(super) struct Context {
    data: Option<String>,
    file: Option<PathBuf>,
    pub(super) output: Output,
}

impl Context {
    pub(super) fn new(common: Common, output: Output) -> Self {
        let Common {
            data,
            config,
            json: _,
        } = common;
        Self {
            data,
            file: config,
            output,
        }
    }

    /// What commands shown to people go on with, so that they find the same ledger: ` --data DIR` if it was named.
    pub(super) fn data_words(&self) -> String {
        let Some(data) = &self.data else {
            return String::new();
        };
        let plain = |c: char| c.is_alphanumeric() || "/._-+@%:,=".contains(c);
        if !data.is_empty() && data.chars().all(plain) {
            format!(" --data {data}")
        } else {
            format!(" --data '{}'", data.replace('\'', r"'\''"))
        }
    }

    /// Where configuration comes from, flags first.
    pub(super) fn sources(&self, flags: SettingFlags) -> Sources<'static> {
        let mut flags = flags.0;
        if let Some(data) = &self.data {
            flags.insert("data".to_owned(), data.clone());
        }
        Sources::of_process(flags, self.file.clone())
    }

    /// The checked configuration.
    pub(super) fn config(&self, flags: SettingFlags) -> Result<Config, Failure> {
        Ok(Config::load(&self.sources(flags))?)
    }
}

/// Root opening another user's ledger would leave files that their server cannot read.
pub(super) fn refuse_foreign_root(data: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(found) = std::fs::metadata(data) else {
        return Ok(());
    };
    let own = rustix::process::geteuid();
    if own.is_root() && found.uid() != own.as_raw() {
        let owner = found.uid();
        return Err(Failure::usage(format!(
            "{} belongs to the user with id {owner}, and root would leave files there that they cannot read",
            data.display()
        ))
        .field("--data")
        .remedy(format!(
            "run the command as that user: `sudo -u '#{owner}' keyledger …`"
        )));
    }
    Ok(())
}
