//! What came of an import, and who is invited, in words for people.

use std::fmt::Write as _;

use super::listing;
use crate::cli::control::{ImportShown, InvitationRow, Page};

pub(super) fn imported(shown: &ImportShown) -> String {
    let (imported, skipped) = if shown.dry_run {
        ("would be imported", "would be skipped")
    } else {
        ("imported", "skipped")
    };
    let mut text = format!(
        "{imported:<18}{:>9}\n{skipped:<18}{:>9}   their address is here already\n{:<18}{:>9}",
        shown.imported, shown.skipped, "refused", shown.refused
    );
    if !shown.skipped_lines.is_empty() {
        let lines: Vec<String> = shown.skipped_lines.iter().map(u64::to_string).collect();
        let _ = write!(text, "\n\nSkipped lines: {}", lines.join(", "));
        more(&mut text, shown.skipped, lines.len());
    }
    if !shown.refusals.is_empty() {
        text.push_str("\n\nRefused lines:");
        for refused in &shown.refusals {
            let field = refused.field.as_deref().unwrap_or("the line");
            let _ = write!(text, "\n{:>9}  {field} {}", refused.line, refused.problem);
        }
        more(&mut text, shown.refused, shown.refusals.len());
    }
    text
}

fn more(text: &mut String, of: u64, told: usize) {
    let left = of.saturating_sub(told as u64);
    if left > 0 {
        let _ = write!(text, "\n(and {left} more)");
    }
}

pub(super) fn invited(row: &InvitationRow) -> String {
    format!(
        "An invitation to {} ({}) is mailed, id {}. Its link opens the account once, until {}.",
        row.email, row.role, row.id, row.expires
    )
}

pub(super) fn invitations(page: &Page<InvitationRow>) -> String {
    let head = ["ID", "EMAIL", "ROLE", "INVITED", "EXPIRES"];
    listing(page, "No invitation waits.", &head, |row| {
        let expires = if row.open { &row.expires } else { "expired" };
        vec![
            row.id.clone(),
            row.email.clone(),
            row.role.clone(),
            row.invited.clone(),
            expires.to_owned(),
        ]
    })
}
