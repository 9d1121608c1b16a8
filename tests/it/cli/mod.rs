//! The command line as people and scripts use it: the real binary, on data directories of its own.

mod audit;
mod blueprints;
mod breach;
mod clock;
mod configuration;
mod events;
mod import;
mod keys;
mod offline;
mod replay;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// What one run of the binary left.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The last line on standard output, as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let last = self.out.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|_| panic!("no JSON: {:?} {:?}", self.out, self.err))
    }
}

/// Runs `keyledger WORDS --data DIR` without any configuration from around it.
pub(crate) fn run(data: &Path, words: &str) -> Ran {
    run_with(data, words, &[])
}

/// The same with variables.
pub(crate) fn run_with(data: &Path, words: &str, variables: &[(&str, &str)]) -> Ran {
    let output = command(data, words)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output();
    ran(output.expect("the binary can be run"))
}

fn command(data: &Path, words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyledger"));
    command
        .args(words.split_whitespace())
        .arg("--data")
        .arg(data)
        .env_clear()
        .current_dir(data.parent().expect("data directories of tests lie in a folder"));
    command
}

fn ran(ran: Output) -> Ran {
    Ran {
        code: ran.status.code().unwrap_or(-1),
        out: String::from_utf8(ran.stdout).expect("output is UTF-8"),
        err: String::from_utf8(ran.stderr).expect("output is UTF-8"),
    }
}

/// The same with something on its standard input.
pub(crate) fn run_saying(data: &Path, words: &str, said: &[u8]) -> Ran {
    let mut child = command(data, words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary can be run");
    let mut stdin = child.stdin.take().expect("standard input is piped");
    // A command that has heard enough closes while we still speak.
    let _ = stdin.write_all(said);
    drop(stdin);
    ran(child.wait_with_output().expect("the binary ends"))
}

/// A folder with a founded data directory in it, and the two keys of `init`.
pub(crate) fn founded() -> (tempfile::TempDir, std::path::PathBuf, Value) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let made = run(&data, "init --json");
    assert_eq!(made.code, 0, "{}{}", made.out, made.err);
    let keys = made.json();
    (folder, data, keys)
}
