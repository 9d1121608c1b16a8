//! `keyledger audit …`: evidence, and its check, which needs nothing but the file.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::context::Context;
use super::control::{Request, ask_and_print};
use super::exit::{Exit, Failure};
use super::output::Form;
use crate::audit::{Expected, Finding, Outcome, Proof, Proven, hexadecimal, unfinished_name, verify};
use crate::crypto::VerifierKey;

/// How often a long command says how far it is.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Bytes of a checkpoint file or a proof, at most.
const SMALL_FILE_MAX: u64 = 256 << 10;
/// Bytes that are read ahead; what is longer goes straight where it belongs.
const READ_AT_ONCE: usize = 16 << 10;

/// What to do about evidence.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Write the log into a tar file that can be checked anywhere
    Export(Export),
    /// Check an export or a proof, with nothing else: 0 proven, 1 disproven, 2 could not tell
    Verify(Verify),
    /// Prove that one record stands at its place
    Proof(At),
    /// Show one record
    Show(At),
    /// Sign the present size and root, and show the key that auditors are handed
    Checkpoint,
}

/// What to export.
#[derive(Args, Debug)]
pub struct Export {
    /// The file to write; it must not exist
    pub file: PathBuf,
    /// Only records from this position on; the law is then not replayed
    #[arg(long, value_name = "POSITION")]
    pub from: Option<u64>,
    /// Only records before this position
    #[arg(long, value_name = "POSITION")]
    pub to: Option<u64>,
}

/// What to check, against what.
#[derive(Args, Debug)]
pub struct Verify {
    /// The export, or a proof (`.tlog-proof`)
    pub file: PathBuf,
    /// The checkpoint that you kept from last time: nothing before it may have changed
    #[arg(long, value_name = "FILE")]
    pub since: Option<PathBuf>,
    /// The key that you were handed, as `audit checkpoint` shows it
    #[arg(long, value_name = "VKEY")]
    pub key: Option<String>,
}

/// Which record.
#[derive(Args, Debug)]
pub struct At {
    /// Its position
    pub position: u64,
}

pub(super) fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Export(arguments) => export(arguments, context),
        Command::Verify(arguments) => check(&arguments, context),
        Command::Proof(At { position }) => {
            ask_and_print(context, "keyledger audit proof", Request::AuditProof { position })
        }
        Command::Show(At { position }) => {
            ask_and_print(context, "keyledger audit show", Request::AuditShow { position })
        }
        Command::Checkpoint => ask_and_print(context, "keyledger audit checkpoint", Request::AuditCheckpoint),
    }
}

fn export(arguments: Export, context: &Context) -> Result<Exit, Failure> {
    let Export { file, from, to } = arguments;
    // The server may run in another folder.
    let file = std::path::absolute(&file).map_err(|error| Failure::value("FILE", error))?;
    let text = file
        .to_str()
        .ok_or_else(|| Failure::value("FILE", "its name is not UTF-8"))?
        .to_owned();
    let unfinished = unfinished_name(&file);
    let request = Request::AuditExport { file: text, from, to };
    let (done, is_done) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while is_done.recv_timeout(TELL_EVERY) == Err(RecvTimeoutError::Timeout) {
                if let Ok(found) = fs::metadata(&unfinished) {
                    eprintln!("{} MiB written", found.len() >> 20);
                }
            }
        });
        let exit = ask_and_print(context, "keyledger audit export", request);
        drop(done);
        exit
    })
}

fn check(arguments: &Verify, context: &Context) -> Result<Exit, Failure> {
    let key = arguments
        .key
        .as_deref()
        .map(|text| text.trim().parse::<VerifierKey>())
        .transpose()
        .map_err(|fault| Failure::value("--key", fault))?;
    let since = arguments.since.as_deref().map(small_file).transpose()?;
    let expected = Expected { key, since };
    let open = || File::open(&arguments.file).map_err(|error| unreadable(&arguments.file, &error));
    let mut begin = [0; 64];
    let length = open()?
        .read(&mut begin)
        .map_err(|error| unreadable(&arguments.file, &error))?;
    if Proof::is_likely(&String::from_utf8_lossy(&begin[..length])) {
        return check_proof(&small_file(&arguments.file)?, &expected, context);
    }
    let input = BufReader::with_capacity(READ_AT_ONCE, open()?);
    let mut told = Instant::now();
    let outcome = verify(input, &expected, &mut |position, size| {
        if told.elapsed() >= TELL_EVERY && context.output.form() == Form::Text {
            told = Instant::now();
            eprintln!("{position} of {size} records checked");
        }
    });
    let (body, words, exit) = match &outcome {
        Outcome::Proven(proven) => (proven_body(proven), proven_words(proven), Exit::Done),
        Outcome::Disproven(finding) => {
            let words = finding_words("Disproven", finding);
            (finding_body("disproven", finding), words, Exit::No)
        }
        Outcome::Untold(finding) => {
            let words = finding_words("Nobody can tell", finding);
            (finding_body("unknown", finding), words, Exit::Usage)
        }
    };
    context.output.result(&body, &words);
    Ok(exit)
}

fn check_proof(text: &str, expected: &Expected, context: &Context) -> Result<Exit, Failure> {
    let key = expected.key.as_ref().ok_or_else(|| {
        Failure::value("--key", "a proof is checked against a key")
            .remedy("give the one that you were handed; `keyledger audit checkpoint` shows it")
    })?;
    let checked = Proof::parse(text).and_then(|proof| Ok((proof.check(key)?, proof)));
    let (body, words, exit) = match checked {
        Ok((checkpoint, proof)) => {
            let words = format!(
                "Proven: the record stands at position {} of the {} records of {}.",
                proof.position, checkpoint.size, checkpoint.origin
            );
            let body = json!({
                "verdict": "proven",
                "position": proof.position.0,
                "origin": checkpoint.origin.as_str(),
                "size": checkpoint.size,
            });
            (body, words, Exit::Done)
        }
        Err(fault) => {
            let body = json!({ "verdict": "disproven", "finding": fault.to_string() });
            (body, format!("Disproven: {fault}"), Exit::No)
        }
    };
    context.output.result(&body, &words);
    Ok(exit)
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!("cannot read {}: {error}", path.display()))
}

fn small_file(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(SMALL_FILE_MAX).read_to_string(&mut text))
        .map_err(|error| unreadable(path, &error))?;
    Ok(text)
}

fn proven_body(proven: &Proven) -> Value {
    json!({
        "verdict": "proven",
        "origin": proven.checkpoint.origin.as_str(),
        "size": proven.checkpoint.size,
        "root": hexadecimal(&proven.checkpoint.root),
        "key": proven.key.to_string(),
        "from": proven.range.from,
        "to": proven.range.to,
        "lawfulTo": proven.lawful_to,
        "epoch": proven.epoch,
        "since": proven.since,
        "remarks": proven.remarks,
    })
}

fn proven_words(proven: &Proven) -> String {
    let Proven {
        checkpoint,
        key,
        lawful_to,
        since,
        remarks,
        ..
    } = proven;
    let mut text = format!(
        "Proven: {} holds {} records with root {}, signed by\n  {key}\n",
        checkpoint.origin,
        checkpoint.size,
        hexadecimal(&checkpoint.root)
    );
    if *lawful_to == checkpoint.size {
        text.push_str("Every position is there, and every event was lawful where it stands.\n");
    }
    if let Some(size) = since {
        let _ = writeln!(
            text,
            "The first {size} records are those of your checkpoint of last time."
        );
    }
    for remark in remarks {
        let _ = writeln!(text, "Note: {remark}.");
    }
    text
}

fn finding_body(word: &str, finding: &Finding) -> Value {
    json!({
        "verdict": word,
        "position": finding.position.map(|position| position.0),
        "finding": finding.what,
        "remedy": finding.remedy,
    })
}

fn finding_words(word: &str, finding: &Finding) -> String {
    let place = finding
        .position
        .map_or_else(String::new, |position| format!(" at position {position}"));
    format!("{word}{place}: {}.\n  {}", finding.what, finding.remedy)
}
