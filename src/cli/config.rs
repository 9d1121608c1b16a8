//! `keyledger config …`: what is set, whether it is right, and what there is to set.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::context::Context;
use super::exit::{Exit, Failure};
use super::output::{Form, table};
use super::setting_flags::SettingFlags;
use crate::app::{exposed_folders, master_key_problem, unusable_sets};
use crate::config::{Config, Origin, SETTINGS, check, reference};

/// What to do with the configuration.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Show every setting, where it came from, and secrets only as dots
    Show(Settings),
    /// Name everything that would keep the server from starting
    Check(Settings),
    /// Print the reference of all settings as a Markdown table
    Reference,
}

/// Settings as flags.
#[derive(Args, Debug)]
pub struct Settings {
    /// Settings.
    #[command(flatten)]
    pub settings: SettingFlags,
}

pub(super) fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Show(Settings { settings }) => show(context, settings),
        Command::Check(Settings { settings }) => Ok(examine(context, settings)),
        Command::Reference => {
            refer(context);
            Ok(Exit::Done)
        }
    }
}

fn show(context: &Context, settings: SettingFlags) -> Result<Exit, Failure> {
    let config = context.config(settings)?;
    let shown = config.resolved();
    let warnings: Vec<String> = config.warnings().iter().map(ToString::to_string).collect();
    let row = |shown: &crate::config::Shown| json!({ "setting": shown.name, "value": shown.value, "origin": shown.origin.to_string() });
    let json = json!({ "settings": shown.iter().map(row).collect::<Vec<_>>(), "warnings": warnings });
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|shown| {
            let origin = if shown.origin == Origin::Default {
                String::new()
            } else {
                shown.origin.to_string()
            };
            vec![shown.name.to_owned(), shown.value.clone(), origin]
        })
        .collect();
    let mut text = table(&["SETTING", "VALUE", "FROM"], &rows);
    for warning in warnings {
        text.push_str("warning: ");
        text.push_str(&warning);
        text.push('\n');
    }
    context.output.result(&json, &text);
    Ok(Exit::Done)
}

/// Exits with 1 if there is a problem: the check is what was asked for, and it failed.
fn examine(context: &Context, settings: SettingFlags) -> Exit {
    let sources = context.sources(settings);
    let mut problems: Vec<String> = check(&sources).iter().map(ToString::to_string).collect();
    let mut warnings = vec![];
    if let Ok(config) = Config::load(&sources) {
        problems.extend(master_key_problem(&config));
        warnings.extend(config.warnings().iter().map(ToString::to_string));
        warnings.extend(exposed_folders(&config));
        warnings.extend(unusable_sets(&config));
    }
    let good = problems.is_empty();
    let mut lines = problems.clone();
    if good {
        lines.push("The configuration is right.".to_owned());
    }
    lines.extend(warnings.iter().map(|warning| format!("warning: {warning}")));
    context.output.result(
        &json!({ "good": good, "problems": problems, "warnings": warnings }),
        &lines.join("\n"),
    );
    if good { Exit::Done } else { Exit::No }
}

fn refer(context: &Context) {
    let rows: Vec<Value> = match context.output.form() {
        Form::Text => vec![],
        Form::Json => SETTINGS
            .iter()
            .map(|setting| {
                json!({
                    "setting": setting.name, "environment": setting.env(), "flag": setting.flag(),
                    "default": setting.default, "takes": setting.kind.expected(), "doc": setting.doc(),
                })
            })
            .collect(),
    };
    context.output.result(&json!({ "settings": rows }), &reference());
}
