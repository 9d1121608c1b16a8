//! `keyledger user import`: users of another program.

use std::path::PathBuf;

use clap::Args;

use crate::cli::answers;
use crate::cli::context::Context;
use crate::cli::control::{Answer, ImportForm, Request, ask};
use crate::cli::exit::{Exit, Failure};
use crate::cli::logs;
use crate::cli::output::body;
use crate::cli::setting_flags::SettingFlags;

/// What `--help` says about files.
pub(super) const AFTER_HELP: &str = "\
A line of the file is an object of JSON with the fields email, email_verified (true or false),
username, name, role (admin, user, guest), locale (en, ko), created_at (RFC 3339) and
password_hash; only email must be there. Or the first line names these as columns of
comma-separated values.

password_hash is what the other program kept: a PHC string of argon2, scrypt or pbkdf2; bcrypt;
what Django wrote (so does authentik); {SSHA} and its kin; or the hexadecimal digits of MD5,
SHA-1, SHA-256 or SHA-512. It is kept under Argon2id only, and gives way to one of ours when
its owner signs in first. Whoever comes without one sets a password by recovery.

A line whose address is here already is skipped, so the same file can be run again. Lines that
cannot be taken are told, and the others go on: exit code 1.";

/// Which file.
#[derive(Args, Debug)]
pub struct Import {
    /// The file, which a running server must be able to read
    pub file: PathBuf,
    /// Only tell what would become of each line
    #[arg(long)]
    pub dry_run: bool,
}

pub(super) fn run(import: &Import, context: &Context) -> Result<Exit, Failure> {
    logs::open_quiet()?;
    let config = context.config(SettingFlags::default())?;
    let shown = import.file.display();
    let file = std::path::absolute(&import.file)
        .map_err(|error| Failure::usage(format!("{shown}: {error}")).field("FILE"))?;
    let file = file
        .into_os_string()
        .into_string()
        .map_err(|_| Failure::usage(format!("{shown} has a name that is not UTF-8")).field("FILE"))?;
    let form = ImportForm {
        file,
        dry_run: import.dry_run,
    };
    let answer = match ask(&config, "keyledger user import", Request::ImportUsers(form)) {
        Ok(Answer::Failed(failure)) => return Err(failure),
        Ok(answer) => answer,
        Err(unanswered) => return Err(unanswered.failure()),
    };
    let words = answers::words(&answer, &context.data_words());
    context.output.result(&body(&answer), &words);
    let is_whole = matches!(&answer, Answer::Imported(shown) if shown.refused == 0);
    Ok(if is_whole { Exit::Done } else { Exit::No })
}
