//! What a blueprint would change, told before it does.

use serde::{Deserialize, Serialize};

use super::planned::ObjectPlan;
use super::reading::MASK;
use super::toml_text;
use super::tree::Tree;

/// Bytes of a value that are shown.
const SHOWN_MAX: usize = 200;

/// What becomes of one object.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The object, such as `stage "email recovery stage"`.
    pub object: String,
    /// What becomes of it.
    pub change: ChangeWord,
    /// The fields that change; none for an object that goes.
    pub fields: Vec<FieldDifference>,
}

/// What becomes of an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChangeWord {
    /// It comes to be.
    Made,
    /// It changes.
    Changed,
    /// It goes.
    Removed,
}

/// One field of an object that changes, in the form of a blueprint; none is nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldDifference {
    /// Its path.
    pub field: String,
    /// What it is.
    pub from: Option<String>,
    /// What it will be.
    pub to: Option<String>,
}

/// What a plan changes; none if nothing.
pub(super) fn difference(plan: &ObjectPlan) -> Option<Difference> {
    let (change, mut fields) = match (&plan.before, &plan.after) {
        (None, None) => return None,
        (Some(_), None) => (ChangeWord::Removed, vec![]),
        (None, Some(after)) => (ChangeWord::Made, fields(None, Some(after))),
        (Some(before), Some(after)) => (ChangeWord::Changed, fields(Some(before), Some(after))),
    };
    let secret = "settings.password";
    if plan.has_new_secret && change == ChangeWord::Changed && fields.iter().all(|one| one.field != secret) {
        fields.push(FieldDifference {
            field: secret.to_owned(),
            from: Some(format!("\"{MASK}\"")),
            to: Some(format!("another \"{MASK}\"")),
        });
    }
    let is_same = change == ChangeWord::Changed && fields.is_empty();
    (!is_same).then(|| Difference {
        object: plan.label.clone(),
        change,
        fields,
    })
}

fn fields(before: Option<&Tree>, after: Option<&Tree>) -> Vec<FieldDifference> {
    let mut found = vec![];
    compare("", before, after, &mut found);
    found
}

/// Goes down through tables; anything else is one value.
fn compare(path: &str, before: Option<&Tree>, after: Option<&Tree>, found: &mut Vec<FieldDifference>) {
    let tables = [before, after].map(|tree| match tree {
        Some(Tree::Table(fields)) => Some(fields),
        Some(_) | None => None,
    });
    let [one, other] = tables;
    if before == after {
        return;
    }
    if one.is_none() && other.is_none() {
        found.push(FieldDifference {
            field: path.to_owned(),
            from: before.map(value),
            to: after.map(value),
        });
        return;
    }
    let mut names: Vec<&String> = vec![];
    for (name, _) in one.into_iter().chain(other).flatten() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    for name in names {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        compare(
            &path,
            before.and_then(|tree| tree.field(name)),
            after.and_then(|tree| tree.field(name)),
            found,
        );
    }
}

fn value(tree: &Tree) -> String {
    let mut text = String::new();
    toml_text::inline(tree, &mut text);
    if text.len() > SHOWN_MAX {
        let end = (0..=SHOWN_MAX)
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}
