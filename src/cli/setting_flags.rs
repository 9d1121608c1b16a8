//! A flag for every setting, taken from the table of settings, so that none is missing and none is written twice.

use std::collections::BTreeMap;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use crate::config::{Kind, SETTINGS};

/// Settings given as flags: `--email-host mail.example.com`. A secret is only taken as a file, `--email-password-file`,
/// because other users can read command lines.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SettingFlags(pub BTreeMap<String, String>);

/// The flag's name in the configuration, and its argument.
fn flags() -> impl Iterator<Item = (String, Arg)> {
    // `data` is an argument of every command.
    SETTINGS
        .iter()
        .filter(|setting| setting.name != "data")
        .map(|setting| {
            let (name, long, value) = if setting.is_secret() {
                (
                    format!("{}_file", setting.name),
                    format!("{}-file", setting.flag()),
                    "FILE",
                )
            } else {
                (setting.name.to_owned(), setting.flag(), "VALUE")
            };
            let everyday = matches!(setting.name, "listen" | "public_url");
            let mut arg = Arg::new(name.clone())
                .long(long.trim_start_matches('-').to_owned())
                .value_name(value)
                .help(setting.doc().trim_end_matches('.'))
                .help_heading("Settings")
                .hide_short_help(!everyday);
            if setting.kind == Kind::Flag {
                arg = arg.num_args(0..=1).default_missing_value("true");
            }
            (name, arg)
        })
}

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        flags().fold(command, |command, (_, arg)| command.arg(arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given = Self::default();
        given.update_from_arg_matches(matches)?;
        Ok(given)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for (name, _) in flags() {
            if let Some(value) = matches.get_one::<String>(&name) {
                self.0.insert(name, value.clone());
            }
        }
        Ok(())
    }
}
