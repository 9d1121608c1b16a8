//! Stories about whole configurations, in worlds without a real environment or file system.

mod layers;
mod rules;
mod services;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::{Config, Problem, Sources, check};

/// A process's surroundings: its current directory is `/here`, its data folder `/data`.
#[derive(Default)]
pub(super) struct World {
    flags: BTreeMap<String, String>,
    file: Option<PathBuf>,
    environment: BTreeMap<String, String>,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl World {
    pub(super) fn new() -> Self {
        Self::default().env("KEYLEDGER_DATA", "/data")
    }

    pub(super) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(super) fn flag(mut self, name: &str, value: &str) -> Self {
        self.flags.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(super) fn file(mut self, path: &str, text: impl AsRef<[u8]>) -> Self {
        self.files.insert(PathBuf::from(path), text.as_ref().to_vec());
        self
    }

    pub(super) fn toml(self, text: &str) -> Self {
        self.file("/data/keyledger.toml", text)
    }

    pub(super) fn config_file(mut self, path: &str) -> Self {
        self.file = Some(PathBuf::from(path));
        self
    }

    fn with<T>(&self, act: impl FnOnce(&Sources<'_>) -> T) -> T {
        let read = |path: &Path| {
            self.files
                .get(path)
                .cloned()
                .ok_or_else(|| io::ErrorKind::NotFound.into())
        };
        act(&Sources {
            flags: self.flags.clone(),
            file: self.file.clone(),
            environment: self
                .environment
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            directory: PathBuf::from("/here"),
            read: &read,
        })
    }

    pub(super) fn load(&self) -> Config {
        self.with(Config::load)
            .unwrap_or_else(|problems| panic!("{problems}"))
    }

    pub(super) fn problems(&self) -> Vec<Problem> {
        self.with(Config::load)
            .map_or_else(|problems| problems.0, |_| Vec::new())
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        self.with(check)
    }

    /// The text of the one problem.
    pub(super) fn problem(&self) -> String {
        let problems = self.problems();
        assert_eq!(problems.len(), 1, "{problems:#?}");
        problems[0].to_string()
    }

    /// What `config show` says of a setting: its value, and where it came from.
    pub(super) fn shown(&self, name: &str) -> (String, String) {
        let config = self.load();
        let shown = config
            .resolved()
            .iter()
            .find(|shown| shown.name == name)
            .expect("a setting");
        (shown.value.clone(), shown.origin.to_string())
    }
}
