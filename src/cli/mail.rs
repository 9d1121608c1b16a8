//! `keyledger mail …`: do mails leave, and which ones wait?

use clap::{Args, Subcommand};
use serde_json::json;

use super::context::Context;
use super::control::{Request, ask_and_print, runtime};
use super::exit::{Exit, Failure};
use super::logs;
use super::setting_flags::SettingFlags;
use crate::app::mail_settings;
use crate::mail::probe::StepReport;
use crate::mail::templates::{TemplateFault, Templates};
use crate::mail::trial::Trial;
use crate::system::{Clock as _, OsEntropy, SystemClock, random_id};
use crate::types::{EmailAddress, Locale, MailId};

/// What to do with mails.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Send a mail, and show each step of the conversation with the mail server
    Test(Test),
    /// Show the mails that are neither delivered nor given up
    Outbox(Outbox),
}

/// Where to.
#[derive(Args, Debug)]
pub struct Test {
    /// The address that gets the mail
    #[arg(long, value_name = "ADDR")]
    pub to: String,
    /// The language of the mail: en or ko
    #[arg(long, default_value = "en")]
    pub locale: String,
    /// Settings.
    #[command(flatten)]
    pub settings: SettingFlags,
}

/// How many.
#[derive(Args, Debug)]
pub struct Outbox {
    /// How many to show
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
}

pub(super) fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Test(arguments) => test(arguments, context),
        Command::Outbox(Outbox { limit }) => {
            ask_and_print(context, "keyledger mail outbox", Request::Outbox { take: limit })
        }
    }
}

fn test(arguments: Test, context: &Context) -> Result<Exit, Failure> {
    logs::open_quiet()?;
    let config = context.config(arguments.settings)?;
    let to = EmailAddress::parse(&arguments.to).map_err(|fault| Failure::value("--to", fault))?;
    let locale =
        Locale::parse(&arguments.locale).ok_or_else(|| Failure::value("--locale", "there are en and ko"))?;
    let settings = mail_settings(&config)?;
    let folder = config.data.join("templates/mail");
    let fault = |fault: TemplateFault| Failure::usage(fault.to_string());
    let templates = Templates::load(Some(&folder)).map_err(fault)?;
    let public_url = config.public_url.as_ref();
    let clock = SystemClock::start(None);
    let trial = Trial {
        settings: &settings,
        templates: &templates,
        brand: &config.brand_name,
        public_url: public_url.map_or("http://localhost", |url| url.as_str().trim_end_matches('/')),
        to: &to,
        locale,
        id: MailId(random_id(&OsEntropy)),
        now: clock.now(),
    };
    let begun = clock.monotonic();
    let elapsed = || clock.monotonic().saturating_sub(begun);
    let steps = runtime()?.block_on(trial.go(&elapsed)).map_err(fault)?;
    let sent = steps.last().is_some_and(|step| step.outcome.is_ok());
    let text = steps
        .iter()
        .map(step_words)
        .chain([if sent {
            format!("The mail to {} is on its way.", to.as_typed())
        } else {
            "The mail was not sent.".to_owned()
        }])
        .collect::<Vec<_>>()
        .join("\n");
    let rows: Vec<_> = steps.iter().map(step_json).collect();
    context
        .output
        .result(&json!({ "sent": sent, "steps": rows }), &text);
    Ok(if sent { Exit::Done } else { Exit::No })
}

fn step_words(step: &StepReport) -> String {
    let took = step.took.as_millis();
    match &step.outcome {
        Ok(words) => format!("ok      {:<10} {words} ({took} ms)", step.step.code()),
        Err(error) => {
            let status = error
                .status
                .map_or_else(String::new, |status| format!("{status} "));
            let hint = step
                .hint
                .map_or_else(String::new, |hint| format!("\n        {hint}"));
            let code = step.step.code();
            format!("failed  {code:<10} {status}{} ({took} ms){hint}", error.words)
        }
    }
}

fn step_json(step: &StepReport) -> serde_json::Value {
    let took = u64::try_from(step.took.as_millis()).unwrap_or(u64::MAX);
    match &step.outcome {
        Ok(words) => json!({ "step": step.step.code(), "ok": true, "words": words, "tookMs": took }),
        Err(error) => json!({
            "step": step.step.code(), "ok": false, "status": error.status, "words": error.words,
            "tookMs": took, "hint": step.hint,
        }),
    }
}
