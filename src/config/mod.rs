//! Configuration: the only room that reads the environment.
//!
//! Sources, strongest first:
//!
//! 1. command line flags;
//! 2. environment variables, `KEYLEDGER_<SECTION>__<KEY>`;
//! 3. `.env` in the data folder, then `.env` in the current directory, with the same names; other names there are ignored;
//! 4. `AUTHENTIK_EMAIL__<KEY>` in the environment, then in either `.env`;
//! 5. `keyledger.toml` in the data folder, or the file that `--config` names instead;
//! 6. defaults.
//!
//! A secret may also come from a file: `…_FILE` in variables, `…_file` in TOML and flags; value and file in the same
//! source are an error. Lists are comma-separated outside TOML. An empty value means none. Relative paths start from the
//! folder of the file that holds them, else from the current directory.
//!
//! [`Sources`] are the raw arguments and [`Config`] is what they mean: once there is one, every value in it is within
//! its bounds. All problems are found at once. `spec.rs` is the one table that everything derives from.

mod checks;
mod dotenv;
mod environment;
mod kind;
mod layers;
mod problem;
mod sender;
mod setting;
mod settle;
mod show;
mod spec;
mod toml_file;
mod url;
mod value;
mod words;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

pub use checks::{Security, Serving};
pub use environment::{Environment, language_of_process};
pub use kind::Kind;
pub use problem::{Origin, Problem, Problems, Warning};
pub use sender::Sender;
pub use setting::Setting;
pub use show::{Shown, reference};
pub use spec::{
    Backup, Breach, Config, Email, Enumeration, Envelope, Http, Limits, LogFormat, Passwords, Rest, SECTIONS,
    SETTINGS, Tokens, Transport,
};
pub use url::{Shape, UrlFault, WebUrl};

/// Reads the whole of a small file.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<Vec<u8>>;

/// The raw arguments: everything that configuration is read from. It has no `Debug`, because it holds secrets.
pub struct Sources<'a> {
    /// Command line flags by setting name (`public_url`, `email.host`), only those that were given.
    pub flags: BTreeMap<String, String>,
    /// The file of `--config`, read instead of `keyledger.toml` in the data folder; it has to exist.
    pub file: Option<PathBuf>,
    /// Environment variables.
    pub environment: Environment,
    /// The current directory, best absolute.
    pub directory: PathBuf,
    /// How files are read.
    pub read: ReadFile<'a>,
}

impl Sources<'static> {
    /// The sources of this process: its environment, its current directory, the file system.
    pub fn of_process(flags: BTreeMap<String, String>, file: Option<PathBuf>) -> Self {
        let (environment, directory) = (environment::variables(), environment::directory());
        Self {
            flags,
            file,
            environment,
            directory,
            read: &environment::read,
        }
    }
}

impl Config {
    /// Reads the configuration, or names everything that is wrong with it. Commands that serve ask
    /// [`Config::for_serve`] as well.
    pub fn load(sources: &Sources<'_>) -> Result<Self, Problems> {
        let (config, problems, _) = examine(sources);
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(Problems(problems))
        }
    }

    /// Every setting with its value (secrets masked) and where it came from, in the order of the reference.
    pub fn resolved(&self) -> &[Shown] {
        &self.shown
    }

    /// What works but should be looked at; to be logged once the log is open.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

/// Everything that would keep the service from starting, what serving needs included.
pub fn check(sources: &Sources<'_>) -> Vec<Problem> {
    let (config, mut problems, faulty) = examine(sources);
    let concerns = |problem: &Problem| match problem {
        Problem::NoPublicUrl => !faulty.contains("public_url"),
        Problem::OpenListener { name, .. } => {
            !faulty.contains(name) && !faulty.contains("http.trusted_proxies")
        }
        Problem::NoAdminUrl { .. } => !faulty.contains("admin_listen") && !faulty.contains("admin_url"),
        Problem::Wrong { .. }
        | Problem::Unknown { .. }
        | Problem::Section { .. }
        | Problem::Twice { .. }
        | Problem::Repeated { .. }
        | Problem::SecretFile { .. }
        | Problem::SecretFlag { .. }
        | Problem::NotText { .. }
        | Problem::Unreadable { .. }
        | Problem::Syntax { .. }
        | Problem::DataElsewhere { .. }
        | Problem::Together { .. } => true,
    };
    if let Err(Problems(serving)) = config.for_serve() {
        problems.extend(serving.into_iter().filter(concerns));
    }
    problems
}

/// The configuration as far as it is right, all problems but those of serving, and the settings that are wrong.
fn examine(sources: &Sources<'_>) -> (Config, Vec<Problem>, BTreeSet<&'static str>) {
    let settle::Resolved {
        values,
        shown,
        warnings,
        mut problems,
        faulty,
    } = layers::resolve(sources);
    let config = Config::build(values, shown, warnings);
    problems.extend(checks::together(&config, &faulty));
    (config, problems, faulty)
}
