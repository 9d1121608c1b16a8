//! Users out of another program's file: read a line at a time, whoever cannot be taken told by line, the others brought.
//!
//! What was brought stays when the command ends early, and a line whose address is here already is skipped: so the same
//! file is run again until nothing is left to do.

mod lines;
mod row;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::fs::File;
use tokio::io::BufReader;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::clerk::{Clerk, Tell};
use super::request::{Answer, ProgressRow};
use crate::cli::exit::Failure;
use crate::desk::{Desk, Fault, Incoming, Met};
use crate::domain::{Actor, Refusal};
use lines::{LineRead, Lines};
use row::{Row, Table};

/// Lines of one file. A larger one is cut in parts.
const LINES_MAX: u64 = 1_000_000;
/// Refused and skipped lines that are told one by one; more are counted.
const TOLD_MAX: usize = 1_000;
/// Users who are brought at one time: enough for every core, and few enough that nobody who signs in waits long.
const AT_ONCE: usize = 4;
/// How often, and how long each time, room in the writer or for hashing is waited for.
const TRIES_MAX: u32 = 300;
const PAUSE: Duration = Duration::from_millis(100);

/// What to bring.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::cli) struct ImportForm {
    /// Absolute; read by whoever answers.
    pub(in crate::cli) file: String,
    /// Only tell what would become of each line.
    pub(in crate::cli) dry_run: bool,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct ImportShown {
    pub(in crate::cli) dry_run: bool,
    /// Users who are here now, or would be.
    pub(in crate::cli) imported: u64,
    /// Lines whose address is here already.
    pub(in crate::cli) skipped: u64,
    /// Lines that were not taken.
    pub(in crate::cli) refused: u64,
    /// The first of those that were skipped.
    pub(in crate::cli) skipped_lines: Vec<u64>,
    /// The first of those that were not taken.
    pub(in crate::cli) refusals: Vec<LineRefused>,
}

/// Why a line was not taken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct LineRefused {
    pub(in crate::cli) line: u64,
    /// The field at fault; none if it is the whole line.
    pub(in crate::cli) field: Option<String>,
    /// What is wrong with it. Says nothing of what it holds.
    pub(in crate::cli) problem: String,
}

/// What became of a line.
enum Fate {
    Brought,
    Skipped,
    Refused(row::RowFault),
    /// The writer is stopping, or stays too busy: nothing more is tried.
    Ended(Failure),
}

impl Clerk {
    pub(super) async fn import_users(&self, form: ImportForm, tell: Tell) -> Result<Answer, Failure> {
        let path = PathBuf::from(&form.file);
        if !path.is_absolute() {
            return Err(Failure::value("FILE", "the path must be absolute"));
        }
        let unread = |error| unreadable(&path, &error);
        let file = File::open(&path).await.map_err(unread)?;
        let size = file.metadata().await.map_err(unread)?.len();
        let mut lines = Lines::new(BufReader::with_capacity(64 << 10, file));
        let mut import = Import {
            desk: self.desk.clone(),
            table: Table::default(),
            seen: Names::default(),
            running: JoinSet::new(),
            under_way: vec![],
            shown: ImportShown {
                dry_run: form.dry_run,
                ..ImportShown::default()
            },
        };
        let mut number = 0;
        while let Some(read) = lines.next().await.map_err(unread)? {
            number += 1;
            if number > LINES_MAX {
                return Err(
                    Failure::refused(format!("the file has more than {LINES_MAX} lines"))
                        .field("FILE")
                        .remedy(
                            "cut it in parts; what was imported stays, and is skipped when it comes again",
                        ),
                );
            }
            import.take(number, read).await?;
            if number.is_multiple_of(64) {
                let doing = if form.dry_run { "checking" } else { "importing" }.to_owned();
                let (done, of) = (lines.bytes(), size.max(lines.bytes()));
                tell(ProgressRow { doing, done, of });
            }
        }
        while import.settle_one().await? {}
        import.shown.skipped_lines.sort_unstable();
        import.shown.refusals.sort_by_key(|refused| refused.line);
        Ok(Answer::Imported(import.shown))
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("{} cannot be read: {error}", path.display()))
        .field("FILE")
        .remedy("where a server runs, it is the server that reads the file: put it where the server's user can read it")
}

/// Addresses and user names of lines, as they are looked up.
#[derive(Default)]
struct Names {
    addresses: HashSet<String>,
    usernames: HashSet<String>,
}

/// The same of one line.
struct Name {
    line: u64,
    address: String,
    username: Option<String>,
}

impl Name {
    fn of(line: u64, incoming: &Incoming) -> Self {
        let username = incoming.person.username.as_ref();
        Self {
            line,
            address: incoming.person.address.canonical().to_owned(),
            username: username.map(|username| username.canonical().to_owned()),
        }
    }

    fn meets(&self, other: &Self) -> bool {
        self.address == other.address || (self.username.is_some() && self.username == other.username)
    }
}

/// An import that runs.
struct Import {
    desk: Desk,
    table: Table,
    /// Those of all lines before, where nothing is brought that would be found.
    seen: Names,
    running: JoinSet<(u64, Fate)>,
    /// Whom those that run bring.
    under_way: Vec<Name>,
    shown: ImportShown,
}

impl Import {
    async fn take(&mut self, number: u64, read: LineRead) -> Result<(), Failure> {
        let row = match read {
            LineRead::Whole(line) => self.table.row(&line),
            LineRead::TooLong => Err(row::RowFault::of_line(format!(
                "is longer than {} bytes",
                lines::LINE_BYTES_MAX
            ))),
        };
        match row {
            // The names of columns, or nothing.
            Ok(None) => Ok(()),
            Ok(Some(row)) if self.shown.dry_run => {
                let fate = self.foresee(&row);
                self.settle(number, fate)
            }
            Ok(Some(row)) => self.begin(number, row).await,
            Err(fault) => self.settle(number, Fate::Refused(fault)),
        }
    }

    /// Brings a row beside others; of two that name the same, the first in the file comes first.
    async fn begin(&mut self, number: u64, row: Row) -> Result<(), Failure> {
        let name = match row.incoming() {
            Ok(incoming) => Name::of(number, &incoming),
            Err(fault) => return self.settle(number, Fate::Refused(fault)),
        };
        while self.running.len() >= AT_ONCE || self.under_way.iter().any(|other| other.meets(&name)) {
            self.settle_one().await?;
        }
        self.under_way.push(name);
        let desk = self.desk.clone();
        self.running
            .spawn(async move { (number, bring(&desk, &row).await) });
        Ok(())
    }

    /// Waits for one that runs; tells whether there was one.
    async fn settle_one(&mut self) -> Result<bool, Failure> {
        match self.running.join_next().await {
            None => Ok(false),
            Some(Ok((number, fate))) => {
                self.under_way.retain(|name| name.line != number);
                self.settle(number, fate).map(|()| true)
            }
            Some(Err(_)) => Err(Failure::later("an import ended by a bug; the log says which")),
        }
    }

    fn settle(&mut self, line: u64, fate: Fate) -> Result<(), Failure> {
        let shown = &mut self.shown;
        match fate {
            Fate::Brought => shown.imported += 1,
            Fate::Skipped => {
                shown.skipped += 1;
                if shown.skipped_lines.len() < TOLD_MAX {
                    shown.skipped_lines.push(line);
                }
            }
            Fate::Refused(row::RowFault { field, problem }) => {
                shown.refused += 1;
                if shown.refusals.len() < TOLD_MAX {
                    shown.refusals.push(LineRefused { line, field, problem });
                }
            }
            Fate::Ended(failure) => return Err(failure),
        }
        Ok(())
    }

    /// What would become of a row.
    fn foresee(&mut self, row: &Row) -> Fate {
        let incoming = match row.incoming() {
            Ok(incoming) => incoming,
            Err(fault) => return Fate::Refused(fault),
        };
        let Name {
            address, username, ..
        } = Name::of(0, &incoming);
        if self.seen.addresses.contains(&address) {
            return Fate::Skipped;
        }
        match self.desk.meets(&incoming.person) {
            Met::Address => return Fate::Skipped,
            Met::Username => return Fate::Refused(row::RowFault::taken()),
            Met::Nothing => {}
        }
        if let Some(username) = username
            && !self.seen.usernames.insert(username)
        {
            return Fate::Refused(row::RowFault::taken());
        }
        self.seen.addresses.insert(address);
        Fate::Brought
    }
}

/// Brings one; waits for room where there is none.
async fn bring(desk: &Desk, row: &Row) -> Fate {
    for _ in 0..TRIES_MAX {
        let incoming = match row.incoming() {
            Ok(incoming) => incoming,
            Err(fault) => return Fate::Refused(fault),
        };
        // Before anything is hashed: a file that comes once more is soon done with.
        match desk.meets(&incoming.person) {
            Met::Address => return Fate::Skipped,
            Met::Username => return Fate::Refused(row::RowFault::taken()),
            Met::Nothing => {}
        }
        match desk.import_user(incoming, Actor::Operator).await {
            Ok(_) => return Fate::Brought,
            Err(Fault::Refused(Refusal::AddressTaken)) => return Fate::Skipped,
            Err(Fault::Refused(Refusal::UsernameTaken)) => return Fate::Refused(row::RowFault::taken()),
            Err(Fault::Overloaded) => sleep(PAUSE).await,
            Err(fault) => return Fate::Ended(again(fault.into())),
        }
    }
    Fate::Ended(again(Failure::later("there is no room for more at this time")))
}

fn again(failure: Failure) -> Failure {
    failure.remedy("run the command again later: what was imported stays, and is skipped then")
}
