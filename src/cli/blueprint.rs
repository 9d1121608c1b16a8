//! `keyledger blueprint …`: flows, stages, bindings and policies as a file.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::context::Context;
use super::control::{Answer, BlueprintForm, BlueprintShown, Request, ask};
use super::exit::{Exit, Failure};
use super::logs;
use super::output::Form;
use super::setting_flags::SettingFlags;
use crate::config::Config;
use crate::desk::{BLUEPRINT_BYTES_MAX, ChangeWord, Difference};

/// What to do with blueprints.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Write all flows, stages, bindings and policies as TOML; secrets are masked
    Export(Export),
    /// Have objects be as a file says, all or none; what changes is shown before it does
    Apply(Apply),
}

/// Where to.
#[derive(Args, Debug)]
pub struct Export {
    /// A file that is not there yet [default: standard output]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Which one.
#[derive(Args, Debug)]
pub struct Apply {
    /// The blueprint
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Only show what would change
    #[arg(long)]
    pub dry_run: bool,
}

pub(super) fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    logs::open_quiet()?;
    let config = context.config(SettingFlags::default())?;
    match command {
        Command::Export(Export { file }) => export(&config, file.as_deref(), context),
        Command::Apply(Apply { file, dry_run }) => apply(&config, &file, dry_run, context),
    }
}

fn export(config: &Config, file: Option<&Path>, context: &Context) -> Result<Exit, Failure> {
    let shown = asked(config, "keyledger blueprint export", BlueprintForm::Export)?;
    let BlueprintShown::Exported { blueprint } = shown else {
        return Err(strange());
    };
    let Some(file) = file else {
        context
            .output
            .result(&json!({ "blueprint": blueprint }), &blueprint);
        return Ok(Exit::Done);
    };
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let written = options
        .open(file)
        .and_then(|mut out| out.write_all(blueprint.as_bytes()));
    let shown = file.display();
    written.map_err(|error| Failure::usage(format!("{shown} cannot be written: {error}")).field("FILE"))?;
    let words = format!("Written to {shown}. `keyledger blueprint apply {shown}` has it all be so again.");
    context
        .output
        .result(&json!({ "file": shown.to_string() }), &words);
    Ok(Exit::Done)
}

fn apply(config: &Config, file: &Path, dry_run: bool, context: &Context) -> Result<Exit, Failure> {
    let text = read(file)?;
    let command = "keyledger blueprint apply";
    let preview = BlueprintForm::Preview { text: text.clone() };
    let BlueprintShown::Told { changes, .. } = asked(config, command, preview)? else {
        return Err(strange());
    };
    let body = |applied: bool, changes: &[Difference]| json!({ "applied": applied, "changes": changes });
    if dry_run || changes.is_empty() {
        context
            .output
            .result(&body(false, &changes), &words(&changes, "would change"));
        return Ok(Exit::Done);
    }
    if context.output.form() == Form::Text {
        context.output.result(&(), &words(&changes, "change"));
    }
    let BlueprintShown::Told { changes, .. } = asked(config, command, BlueprintForm::Apply { text })? else {
        return Err(strange());
    };
    let done = format!("\nDone: {}.", counted(changes.len(), "object"));
    context.output.result(&body(true, &changes), &done);
    Ok(Exit::Done)
}

fn read(file: &Path) -> Result<String, Failure> {
    let trouble = |fault: String| Failure::usage(format!("{}: {fault}", file.display())).field("FILE");
    let length = std::fs::metadata(file)
        .map_err(|error| trouble(error.to_string()))?
        .len();
    if length > BLUEPRINT_BYTES_MAX as u64 {
        return Err(trouble("a blueprint has at most 256 KiB".to_owned()).remedy("split it"));
    }
    std::fs::read_to_string(file).map_err(|error| trouble(error.to_string()))
}

fn asked(config: &Config, command: &str, form: BlueprintForm) -> Result<BlueprintShown, Failure> {
    match ask(config, command, Request::Blueprint(form)) {
        Ok(Answer::Blueprint(shown)) => Ok(shown),
        Ok(Answer::Failed(failure)) => Err(failure),
        Ok(_) => Err(strange()),
        Err(unanswered) => Err(unanswered.failure()),
    }
}

fn strange() -> Failure {
    Failure::unavailable("the running server answered something else")
        .remedy("restart it: it may be of another version")
}

fn counted(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// What changes, as people read differences: `+` comes, `-` goes, `~` changes.
fn words(changes: &[Difference], verb: &str) -> String {
    if changes.is_empty() {
        return "Nothing to change: everything is as the blueprint says.".to_owned();
    }
    let mut text = format!("{} {verb}:\n", counted(changes.len(), "object"));
    for change in changes {
        let sign = match change.change {
            ChangeWord::Made => '+',
            ChangeWord::Changed => '~',
            ChangeWord::Removed => '-',
        };
        let _ = writeln!(text, "{sign} {}", change.object);
        for field in &change.fields {
            let _ = match (&field.from, &field.to) {
                (Some(from), Some(to)) => writeln!(text, "    {}: {from} -> {to}", field.field),
                (None, Some(to)) => writeln!(text, "    {}: {to}", field.field),
                (Some(from), None) => writeln!(text, "    {}: {from} -> nothing", field.field),
                (None, None) => Ok(()),
            };
        }
    }
    text
}
