//! The asking side: the running server if there is one, else the ledger itself.

use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::clerk::Clerk;
use super::request::{Answer, ProgressRow, Request};
use super::socket;
use crate::app::{AppError, Premises, audit_settings};
use crate::audit::Notary;
use crate::cli::answers;
use crate::cli::context::{Context, refuse_foreign_root};
use crate::cli::exit::{Exit, Failure, shows_damage};
use crate::cli::logs;
use crate::cli::output::body;
use crate::cli::setting_flags::SettingFlags;
use crate::config::Config;
use crate::engine::{BootError, Rollback};
use crate::ledger::StoreError;

/// Bytes of an answer, at most.
pub(super) const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// How long an answer may take; what reads the whole ledger, or wraps all keys anew, may take longer.
const ANSWER_TIME_MAX: Duration = Duration::from_mins(1);
const LONG_TIME_MAX: Duration = Duration::from_hours(6);
/// How often, and how long each time, a held ledger is waited for: a server that is starting opens its socket, and
/// another command ends.
const HELD_LOOKS_MAX: u32 = 60;
const HELD_PAUSE: Duration = Duration::from_millis(50);

/// Asks, and prints the answer.
pub(in crate::cli) fn ask_and_print(
    context: &Context,
    command: &str,
    request: Request,
) -> Result<Exit, Failure> {
    logs::open_quiet()?;
    let config = context.config(SettingFlags::default())?;
    let answer = ask(&config, command, request).map_err(Unanswered::failure)?;
    if let Answer::Failed(failure) = answer {
        return Err(failure);
    }
    let words = answers::words(&answer, &context.data_words());
    context.output.result(&body(&answer), &words);
    Ok(Exit::Done)
}

/// Why there is no answer.
pub(in crate::cli) struct Unanswered {
    failure: Failure,
    /// Whether that shows that the ledger is not what was written.
    pub(in crate::cli) is_damage: bool,
}

impl Unanswered {
    pub(in crate::cli) fn failure(self) -> Failure {
        self.failure
    }
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            is_damage: false,
        }
    }
}

/// Asks the running server, or opens the ledger. `command` is what others see meanwhile who find it locked.
pub(in crate::cli) fn ask(config: &Config, command: &str, request: Request) -> Result<Answer, Unanswered> {
    let mut looks = 0;
    loop {
        if let Some(stream) = connect(&config.data)? {
            return Ok(converse(stream, &request)?);
        }
        match open(config, command, &request)? {
            Ok(premises) => return Ok(answer_here(config, premises, request)?),
            Err(error) if is_held(&error) && looks < HELD_LOOKS_MAX => {
                looks += 1;
                thread::sleep(HELD_PAUSE);
            }
            Err(error) => {
                let is_damage = shows_damage(&error);
                let failure = error.into();
                return Err(Unanswered { failure, is_damage });
            }
        }
    }
}

fn is_held(error: &AppError) -> bool {
    matches!(
        error,
        AppError::Store(StoreError::Held { .. }) | AppError::Boot(BootError::Store(StoreError::Held { .. }))
    )
}

/// A connection to the running server; none if nobody listens.
pub(super) fn connect(data: &Path) -> Result<Option<UnixStream>, Failure> {
    let connected = socket::reach(data).and_then(|at| UnixStream::connect(&at.path));
    match connected {
        Ok(stream) => Ok(Some(stream)),
        // A socket that nobody listens on was left by a server that was killed.
        Err(error) if is_nobody(error.kind()) => Ok(None),
        Err(error) => Err(Failure::unavailable(format!(
            "the running server's socket {} cannot be used: {error}",
            data.join(socket::SOCKET_FILE).display()
        ))
        .remedy("run the command as the user that the server runs as, or as root")),
    }
}

fn is_nobody(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::NotADirectory
    )
}

fn converse(mut stream: UnixStream, request: &Request) -> Result<Answer, Failure> {
    let is_long = matches!(
        request,
        Request::Verify
            | Request::Backup { .. }
            | Request::AuditExport { .. }
            | Request::Compact
            | Request::Past(_)
            | Request::Explain(_)
            | Request::ReplaceMasterKey
            | Request::ImportUsers(_)
    );
    let patience = if is_long { LONG_TIME_MAX } else { ANSWER_TIME_MAX };
    let mut line = serde_json::to_vec(request).expect("requests are plain data, which JSON can hold");
    line.push(b'\n');
    let mut answer = Vec::new();
    let talked = stream
        .set_read_timeout(Some(patience))
        .and_then(|()| stream.set_write_timeout(Some(ANSWER_TIME_MAX)))
        .and_then(|()| stream.write_all(&line))
        .and_then(|()| {
            let mut lines = BufReader::new(stream.take(ANSWER_BYTES_MAX));
            loop {
                answer.clear();
                lines.read_until(b'\n', &mut answer)?;
                match serde_json::from_slice(&answer) {
                    Ok(Answer::Progress(row)) => show_progress(&row),
                    Ok(_) | Err(_) => return Ok(()),
                }
            }
        });
    if let Err(error) = talked {
        return Err(
            Failure::later(format!("the running server did not answer: {error}"))
                .remedy("its log may say why"),
        );
    }
    if answer.pop() != Some(b'\n') {
        return Err(
            Failure::later("the running server ended before it answered").remedy(
                "whether the command was carried out is not known; look, and run it again if it was not",
            ),
        );
    }
    serde_json::from_slice(&answer).map_err(|_| {
        Failure::unavailable("the running server answers in another way than this program knows")
            .remedy("run the program that the server was started from, or start the server again")
    })
}

fn open(config: &Config, command: &str, request: &Request) -> Result<Result<Premises, AppError>, Failure> {
    refuse_foreign_root(&config.data)?;
    Ok(if *request == Request::Verify {
        Premises::open_to_verify(config, command)
    } else {
        Premises::open(config, command, Rollback::Refuse)
    })
}

fn answer_here(config: &Config, premises: Premises, request: Request) -> Result<Answer, Failure> {
    let runtime = runtime()?;
    let notary = Notary::new(premises.desk.clone(), audit_settings(config)?);
    let clerk = Clerk::new(premises.desk.clone(), Arc::new(notary), config, premises.end);
    let answer = runtime.block_on(clerk.answer(request, Box::new(|row| show_progress(&row))));
    drop(runtime);
    premises.close(Duration::from_secs(10));
    Ok(answer)
}

/// Shows how far long work is, on a terminal only, in one line that the next one replaces.
pub(in crate::cli) fn show_progress(row: &ProgressRow) {
    let mut out = io::stderr().lock();
    if out.is_terminal() {
        let percent = row.done.saturating_mul(100).checked_div(row.of).unwrap_or(100);
        // Nobody is left to tell if standard error is closed.
        let _ = write!(out, "\r\u{1b}[K{}: {percent} %", row.doing);
        if row.done >= row.of {
            let _ = write!(out, "\r\u{1b}[K");
        }
        let _ = out.flush();
    }
}

/// The runtime of a command.
pub(in crate::cli) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::later(format!("the system gives no threads: {error}")))
}
