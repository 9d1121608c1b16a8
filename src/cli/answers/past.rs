//! Answers about the past, in words for people.

use std::fmt::Write as _;

use super::{listing, sessions, some};
use crate::cli::control::{ChangesShown, ConfigurationShown, Found, MomentRow, PastShown, SignInRow};
use crate::cli::output::{sheet, table};

pub(super) fn past_words(shown: &PastShown) -> String {
    match shown {
        PastShown::Moment(shown) => {
            let found = match &shown.found {
                Found::Counts(counts) => sheet(&[
                    ("users", Some(counts.users.to_string())),
                    ("live sessions", Some(counts.sessions.to_string())),
                    ("live proofs", Some(counts.tokens.to_string())),
                    ("waiting mails", Some(counts.mails.to_string())),
                    ("tree root", Some(shown.moment.root.clone())),
                ]),
                Found::Users(page) => {
                    let head = [
                        "ID", "EMAIL", "ROLE", "STANDING", "PASSWORD", "FACTORS", "SESSIONS", "CREATED",
                    ];
                    listing(page, "There were no users.", &head, |user| {
                        vec![
                            user.id.clone(),
                            some(user.email.as_ref()),
                            user.role.clone(),
                            user.standing.clone(),
                            if user.has_password { "set" } else { "none" }.to_owned(),
                            if user.factors.is_empty() {
                                "-".to_owned()
                            } else {
                                user.factors.join(",")
                            },
                            user.sessions.to_string(),
                            user.created.clone(),
                        ]
                    })
                }
                Found::Sessions(page) => sessions(page),
                Found::SignIn(row) => sign_in(row),
                Found::Tokens(page) => {
                    let head = ["ID", "USER", "ADDRESS", "PURPOSE", "ISSUED", "EXPIRES"];
                    listing(page, "No mailed proof opened anything.", &head, |token| {
                        vec![
                            token.id.clone(),
                            token.user.clone(),
                            some(token.address.as_ref()),
                            token.purpose.clone(),
                            token.issued.clone(),
                            token.expires.clone(),
                        ]
                    })
                }
                Found::Configuration(shown) => configuration(shown),
            };
            format!("{}\n\n{found}", moment("As it was", &shown.moment))
        }
        PastShown::Changes(shown) => changes(shown),
    }
}

fn moment(what: &str, row: &MomentRow) -> String {
    let MomentRow {
        at, cursor, epoch, ..
    } = row;
    format!("{what} at {at}, after the event {cursor} (epoch {epoch})")
}

fn sign_in(row: &SignInRow) -> String {
    let mut text = if row.could {
        "Yes: with the right password they could sign in.".to_owned()
    } else {
        "No.".to_owned()
    };
    for reason in row.obstacles.iter().chain(&row.conditions) {
        let _ = write!(text, "\n- {}: {}", reason.code, reason.text);
    }
    text
}

fn configuration(shown: &ConfigurationShown) -> String {
    let mut text = String::new();
    for flow in &shown.flows {
        let _ = writeln!(text, "flow {} ({}): {}", flow.slug, flow.designation, flow.title);
        for binding in &flow.bindings {
            let asked = match binding.policies.as_slice() {
                [] => String::new(),
                policies => format!(" if {}", policies.join(" and ")),
            };
            let _ = writeln!(text, "  {:>4}  {}{asked}", binding.order, binding.stage);
        }
    }
    for stage in &shown.stages {
        let _ = writeln!(text, "stage {} ({})", stage.name, stage.kind);
        for (name, value) in &stage.settings {
            let _ = writeln!(text, "  {name} = {value}");
        }
    }
    for policy in &shown.policies {
        let _ = writeln!(text, "{} policy {}", policy.kind, policy.name);
        for (name, value) in &policy.settings {
            let _ = writeln!(text, "  {name} = {value}");
        }
    }
    let head = ["API KEY", "KIND", "LABEL", "CREATED", "STATE"];
    let rows = shown.api_keys.iter().map(|key| {
        vec![
            key.id.clone(),
            key.kind.clone(),
            key.label.clone(),
            key.created.clone(),
            key.state.clone(),
        ]
    });
    text += &table(&head, &rows.collect::<Vec<_>>());
    if let Some(key) = &shown.checkpoint_key {
        let _ = writeln!(text, "checkpoints signed by {key}");
    }
    text + "Settings of files and variables are not in the ledger; `config show` tells those of today."
}

fn changes(shown: &ChangesShown) -> String {
    let mut text = format!("{}\n{}\n\n", moment("From", &shown.from), moment("to", &shown.to));
    for (what, count) in &shown.counts {
        let _ = writeln!(text, "{count:>8}  {what}");
    }
    let head = ["WHAT", "ID", "IN WORDS"];
    let listed = listing(&shown.changes, "Nothing changed.", &head, |change| {
        vec![change.what.clone(), some(change.id.as_ref()), change.text.clone()]
    });
    if !shown.counts.is_empty() {
        text.push('\n');
    }
    text + &listed
}
