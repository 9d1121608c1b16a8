//! `keyledger breach …`: lists of leaked passwords.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::context::{Context, refuse_foreign_root};
use super::control::{OnlineCheckForm, Request, ask_and_print};
use super::exit::{Exit, Failure};
use super::logs;
use super::output::{Form, Output, table};
use super::setting_flags::SettingFlags;
use super::unechoed::Unechoed;
use crate::breach::{
    FALSE_POSITIVES_MAX, Import, ImportFault, LeakedHash, LeakedSet, Progress, SetFault, SetName, Shelf,
    Source,
};
use crate::domain::common_passwords;
use crate::domain::password_policy::{BYTES_MAX, spellings};
use crate::system::{Clock as _, SystemClock};

/// What to do about leaked passwords.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make a set out of a list; new passwords that are in it are refused from then on, by a running server too
    Import(ImportArguments),
    /// Ask for a password, or read it from standard input, and tell whether it is listed: 0 no, 1 yes, 2 could not tell
    Check,
    /// Show the built-in list and the imported sets: 0 all good, 1 a set is damaged
    Show(Show),
    /// Remove an imported set
    Remove(Remove),
    /// Have a password policy ask a range service such as Have I Been Pwned, which learns 20 bits of each hash
    #[command(subcommand)]
    Online(Online),
}

/// Which list.
#[derive(Args, Debug)]
pub struct ImportArguments {
    /// The list, `-` for standard input: lines of SHA-1:count, as Have I Been Pwned can be downloaded, in any order
    pub file: PathBuf,
    /// Leave out what was seen fewer times
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "plain")]
    pub min_count: u64,
    /// The list holds passwords, one a line, in UTF-8
    #[arg(long)]
    pub plain: bool,
    /// What to call the set; one of the same name is replaced [default: hibp, or plain with --plain]
    #[arg(long)]
    pub name: Option<SetName>,
}

/// How closely to look.
#[derive(Args, Debug)]
pub struct Show {
    /// Read every page of every set
    #[arg(long)]
    pub verify: bool,
}

/// Which set.
#[derive(Args, Debug)]
pub struct Remove {
    /// Its name, as `breach show` tells it
    pub name: SetName,
}

/// Whether to ask.
#[derive(Subcommand, Debug)]
pub enum Online {
    /// Ask, whenever somebody sets a password under the policy
    On(OnlineOn),
    /// Do not ask
    Off(OnlineOff),
}

/// Whom to ask.
#[derive(Args, Debug)]
pub struct OnlineOn {
    /// The policy [default: that of rest.password_policy]
    #[arg(long)]
    pub policy: Option<String>,
    /// The service, such as https://host:port/path [default: the one named before, at first Have I Been Pwned]
    #[arg(long)]
    pub url: Option<String>,
    /// Take passwords that the service saw at most so many times
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub allowed_count: u32,
}

/// Whom not to ask.
#[derive(Args, Debug)]
pub struct OnlineOff {
    /// The policy [default: that of rest.password_policy]
    #[arg(long)]
    pub policy: Option<String>,
}

pub(super) fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Import(arguments) => import(arguments, context),
        Command::Check => check(context),
        Command::Show(Show { verify }) => show(verify, context),
        Command::Remove(Remove { name }) => remove(&name, context),
        Command::Online(online) => {
            let form = match online {
                Online::On(OnlineOn {
                    policy,
                    url,
                    allowed_count,
                }) => OnlineCheckForm {
                    policy,
                    ask: true,
                    url,
                    allowed_count,
                },
                Online::Off(OnlineOff { policy }) => OnlineCheckForm {
                    policy,
                    ask: false,
                    url: None,
                    allowed_count: 0,
                },
            };
            ask_and_print(context, "keyledger breach online", Request::SetOnlineCheck(form))
        }
    }
}

fn shelf(context: &Context) -> Result<Shelf, Failure> {
    logs::open_quiet()?;
    let config = context.config(SettingFlags::default())?;
    refuse_foreign_root(&config.data)?;
    Ok(Shelf::at(config.breach.directory))
}

fn import(arguments: ImportArguments, context: &Context) -> Result<Exit, Failure> {
    let ImportArguments {
        file,
        min_count,
        plain,
        name,
    } = arguments;
    let shelf = shelf(context)?;
    let (source, usual) = if plain {
        (Source::Passwords, "plain")
    } else {
        (Source::Hashes, "hibp")
    };
    let name = match name {
        Some(name) => name,
        None => usual.parse().map_err(|fault| Failure::value("--name", fault))?,
    };
    let (input, length) = open(&file)?;
    let import = Import {
        name,
        source,
        min_count,
        now: SystemClock::start(None).now(),
    };
    let mut teller = Teller::new(context.output, length);
    let imported = import.run(&shelf, input, &mut |progress| teller.tell(progress))?;
    let set = shelf.open(&import.name)?;
    let row = SetRow::of(&import.name, &set);
    let mut words = format!(
        "Imported {} entries from {} lines as the set `{}` ({}). A running server uses it from now on.\nA password that is \
         not in it is refused by mistake once in {} look-ups, of which each password takes two at most.",
        imported.entries,
        imported.lines,
        import.name,
        size(imported.bytes),
        once_in(row.false_positives),
    );
    if imported.unusable > 0 {
        let _ = write!(
            words,
            "\n{} lines were left out, because no password can be like them: not UTF-8, or longer than 4,096 bytes.",
            imported.unusable
        );
    }
    let json = json!({ "set": row, "unusableLines": imported.unusable });
    context.output.result(&json, &words);
    Ok(Exit::Done)
}

/// The list, and how long it is if that is known.
fn open(path: &Path) -> Result<(Box<dyn BufRead>, Option<u64>), Failure> {
    const BUFFER: usize = 1 << 20;
    if path.as_os_str() == "-" {
        return Ok((Box::new(BufReader::with_capacity(BUFFER, io::stdin())), None));
    }
    let cannot = |error: io::Error| {
        Failure::usage(format!("{} cannot be read: {error}", path.display())).field("FILE")
    };
    let file = File::open(path).map_err(cannot)?;
    let found = file.metadata().map_err(cannot)?;
    if found.is_dir() {
        return Err(Failure::usage(format!("{} is a folder: name a list", path.display())).field("FILE"));
    }
    let length = found.is_file().then_some(found.len());
    Ok((Box::new(BufReader::with_capacity(BUFFER, file)), length))
}

/// Tells on standard error how far an import is, for people, every two seconds.
struct Teller {
    form: Form,
    length: Option<u64>,
    told: Instant,
}

impl Teller {
    const EVERY: Duration = Duration::from_secs(2);

    fn new(output: Output, length: Option<u64>) -> Self {
        Self {
            form: output.form(),
            length,
            told: Instant::now(),
        }
    }

    fn tell(&mut self, progress: Progress) {
        if self.form == Form::Json || self.told.elapsed() < Self::EVERY {
            return;
        }
        self.told = Instant::now();
        let words = match progress {
            Progress::Reading { lines, bytes } => {
                let of = self
                    .length
                    .map_or_else(String::new, |length| format!(" of {}", size(length)));
                format!("read {lines} lines, {}{of}", size(bytes))
            }
            Progress::Writing { shards } => format!("sorted and wrote {shards} of 256 parts"),
            Progress::Verifying => "reading the set once more".to_owned(),
        };
        // Nobody is left to tell if standard error is closed.
        let _ = writeln!(io::stderr().lock(), "{words}");
    }
}

fn check(context: &Context) -> Result<Exit, Failure> {
    let shelf = shelf(context)?;
    let password = ask_password()?;
    let spellings = spellings(&password);
    if spellings.first().is_none_or(|typed| typed.is_empty()) {
        return Err(Failure::usage(format!(
            "there is no password to look for: give one of 1 to {BYTES_MAX} bytes"
        )));
    }
    let built_in = spellings.iter().any(|one| common_passwords::is_common(one));
    let hashes: Vec<LeakedHash> = spellings.iter().map(|one| LeakedHash::of(one)).collect();
    let (found, faults) = shelf.look_up(&hashes);
    let listed = built_in || !found.is_empty();
    if !listed && let Some(fault) = faults.into_iter().next() {
        return Err(Failure::usage(format!("could not tell: {fault}")));
    }
    let sets: Vec<String> = found.iter().map(ToString::to_string).collect();
    let mut places: Vec<String> = sets.iter().map(|set| format!("the set `{set}`")).collect();
    if built_in {
        places.insert(0, "the built-in list".to_owned());
    }
    let words = if listed {
        format!(
            "This password is known to have leaked: it is in {}.",
            places.join(" and ")
        )
    } else {
        "This password is neither in the built-in list nor in an imported set.".to_owned()
    };
    let json = json!({ "leaked": listed, "builtIn": built_in, "sets": sets });
    context.output.result(&json, &words);
    Ok(if listed { Exit::No } else { Exit::Done })
}

/// Reads one line; on a terminal after a prompt, and without showing what is typed.
fn ask_password() -> Result<Zeroizing<String>, Failure> {
    let stdin = io::stdin();
    let unreadable = |error: io::Error| {
        Failure::usage(format!(
            "the password cannot be read from standard input: {error}"
        ))
    };
    let _unechoed = if stdin.is_terminal() {
        let _ = write!(io::stderr().lock(), "Password: ");
        Some(Unechoed::begin().map_err(unreadable)?)
    } else {
        None
    };
    let mut line = Zeroizing::new(Vec::with_capacity(BYTES_MAX + 3));
    let most = BYTES_MAX as u64 + 2;
    stdin
        .lock()
        .take(most)
        .read_until(b'\n', &mut line)
        .map_err(unreadable)?;
    let text = str::from_utf8(&line).map_err(|_| unreadable(io::Error::other("it is not UTF-8")))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(Zeroizing::new(text.strip_suffix('\r').unwrap_or(text).to_owned()))
}

/// A set, as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SetRow {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    source: &'static str,
    entries: u64,
    lines: u64,
    min_count: u64,
    imported: String,
    bytes: u64,
    /// How often a look-up of a password that is not in the set finds it there, about.
    false_positives: f64,
}

impl SetRow {
    fn of(name: &SetName, set: &LeakedSet) -> Self {
        Self {
            name: name.to_string(),
            problem: None,
            source: match set.source() {
                Source::Hashes => "hashes",
                Source::Passwords => "passwords",
            },
            entries: set.entries(),
            lines: set.lines(),
            min_count: set.min_count(),
            imported: set.imported().rfc3339(),
            bytes: set.bytes(),
            false_positives: set.false_positives(),
        }
    }

    fn faulty(name: &SetName, fault: &SetFault) -> Self {
        Self {
            name: name.to_string(),
            problem: Some(fault.to_string()),
            source: "unknown",
            entries: 0,
            lines: 0,
            min_count: 0,
            imported: String::new(),
            bytes: 0,
            false_positives: 0.0,
        }
    }
}

fn show(verify: bool, context: &Context) -> Result<Exit, Failure> {
    let shelf = shelf(context)?;
    let names = shelf.names().map_err(|error| unusable(&shelf, &error))?;
    let rows: Vec<SetRow> = names
        .iter()
        .map(|name| {
            let looked = shelf.open(name).and_then(|set| {
                if verify {
                    set.verify()?;
                }
                Ok(SetRow::of(name, &set))
            });
            looked.unwrap_or_else(|fault| SetRow::faulty(name, &fault))
        })
        .collect();
    let built_in = common_passwords::count();
    let mut words = format!("The built-in list has {built_in} passwords.\n");
    if rows.is_empty() {
        words += "No set is imported; `keyledger breach import` makes one.";
    } else {
        let head = [
            "SET",
            "ENTRIES",
            "IMPORTED",
            "SIZE",
            "REFUSED BY MISTAKE, A LOOK-UP",
        ];
        let cells = |row: &SetRow| match &row.problem {
            Some(problem) => vec![row.name.clone(), problem.clone()],
            None => vec![
                row.name.clone(),
                row.entries.to_string(),
                row.imported.clone(),
                size(row.bytes),
                format!("1 in {}", once_in(row.false_positives)),
            ],
        };
        words += &table(&head, &rows.iter().map(cells).collect::<Vec<_>>());
    }
    let is_whole = rows.iter().all(|row| row.problem.is_none());
    let json = json!({ "builtIn": built_in, "sets": rows, "falsePositivesMax": FALSE_POSITIVES_MAX });
    context.output.result(&json, &words);
    Ok(if is_whole { Exit::Done } else { Exit::No })
}

fn remove(name: &SetName, context: &Context) -> Result<Exit, Failure> {
    let shelf = shelf(context)?;
    if !shelf.remove(name).map_err(|error| unusable(&shelf, &error))? {
        return Err(Failure::refused(format!("there is no set `{name}`"))
            .field("NAME")
            .remedy("`keyledger breach show` shows all"));
    }
    let words = format!("The set `{name}` is removed; its passwords are taken from now on.");
    context
        .output
        .result(&json!({ "removed": name.to_string() }), &words);
    Ok(Exit::Done)
}

fn unusable(shelf: &Shelf, error: &io::Error) -> Failure {
    let folder = shelf.folder().display();
    Failure::unavailable(format!("{folder} cannot be used: {error}"))
        .field("breach.directory")
        .remedy("run the command as the user that the server runs as")
}

impl From<ImportFault> for Failure {
    fn from(fault: ImportFault) -> Self {
        let message = fault.to_string();
        match fault {
            ImportFault::Input(_)
            | ImportFault::Line { .. }
            | ImportFault::Empty { .. }
            | ImportFault::Crowded { .. } => Self::usage(message).field("FILE"),
            ImportFault::TooManySets => Self::refused(message),
            ImportFault::Busy { .. } => Self::later(message),
            ImportFault::Unwritable { .. } | ImportFault::Verification(_) => Self::unavailable(message),
        }
    }
}

impl From<SetFault> for Failure {
    fn from(fault: SetFault) -> Self {
        Self::unavailable(fault.to_string())
    }
}

/// Bytes, for people.
#[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
fn size(bytes: u64) -> String {
    let mib = bytes as f64 / f64::from(1 << 20);
    if mib < 1024.0 {
        format!("{mib:.1} MiB")
    } else {
        format!("{:.1} GiB", mib / 1024.0)
    }
}

fn once_in(rate: f64) -> String {
    format!("{:.0}", 1.0 / rate.max(f64::MIN_POSITIVE))
}
