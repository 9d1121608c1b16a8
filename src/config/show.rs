//! What people see of settings: the value and origin of each, and the reference table.

use std::fmt::Write as _;

use super::problem::Origin;
use super::spec::SETTINGS;

/// One line of `config show`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    /// The setting.
    pub name: &'static str,
    /// Its value; `••••••` for a secret that is set, `(none)` for nothing.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
    /// What it is for.
    pub doc: &'static str,
}

/// The reference of all settings as a Markdown table, which the README holds too.
pub fn reference() -> String {
    let mut table =
        "| Setting | Environment | Default | Takes | What it is |\n|---|---|---|---|---|\n".to_owned();
    for setting in SETTINGS {
        let alias = setting
            .alias()
            .map(|alias| format!(" or `{alias}`"))
            .unwrap_or_default();
        let file = setting
            .env_file()
            .map(|file| format!(" or `{file}`"))
            .unwrap_or_default();
        let default = match setting.default {
            "" => "none".to_owned(),
            default => format!("`{default}`"),
        };
        let (name, env, takes, doc) = (
            setting.name,
            setting.env(),
            setting.kind.expected(),
            setting.doc(),
        );
        let _ = writeln!(
            table,
            "| `{name}` | `{env}`{file}{alias} | {default} | {takes} | {doc} |"
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_has_a_row_for_every_setting() {
        let table = reference();
        assert_eq!(table.lines().count(), SETTINGS.len() + 2);
        for line in table.lines() {
            assert_eq!(line.matches('|').count(), 6, "{line}");
        }
        insta::assert_snapshot!(table.lines().find(|line| line.contains("`email.password`")).unwrap(), @"| `email.password` | `KEYLEDGER_EMAIL__PASSWORD` or `KEYLEDGER_EMAIL__PASSWORD_FILE` or `AUTHENTIK_EMAIL__PASSWORD` | none | text that stays secret | Password for the mail server; with `username`. |");
        insta::assert_snapshot!(table.lines().find(|line| line.contains("recovery_lifetime")).unwrap(), @"| `tokens.recovery_lifetime` | `KEYLEDGER_TOKENS__RECOVERY_LIFETIME` | `24h` | a length of time from 1m to 24h (units s, m, h, d; none: seconds) | Life of a recovery link and code; never above 24h. |");
    }
}
