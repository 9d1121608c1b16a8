//! Blueprints: the configuration of flows as text, out and in.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::clerk::Clerk;
use crate::cli::exit::Failure;
use crate::desk::{BlueprintMode, Difference, ObjectFault, ObjectsFault};
use crate::domain::Actor;

/// What is asked about blueprints.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::cli) enum BlueprintForm {
    /// What is, as a blueprint.
    Export,
    /// What this one would change.
    Preview { text: String },
    /// Have it be so.
    Apply { text: String },
}

/// Says what is asked, and not the text: it may hold the password of a mail server.
impl fmt::Debug for BlueprintForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Export => "Export",
            Self::Preview { .. } => "Preview",
            Self::Apply { .. } => "Apply",
        })
    }
}

/// What comes back.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) enum BlueprintShown {
    /// A blueprint.
    Exported { blueprint: String },
    /// What changed, or would change.
    Told { applied: bool, changes: Vec<Difference> },
}

impl Clerk {
    pub(super) async fn blueprint(&self, form: BlueprintForm, by: Actor) -> Result<BlueprintShown, Failure> {
        let (text, mode) = match form {
            BlueprintForm::Export => {
                let blueprint = self.desk.blueprint();
                return Ok(BlueprintShown::Exported { blueprint });
            }
            BlueprintForm::Preview { text } => (text, BlueprintMode::Preview),
            BlueprintForm::Apply { text } => (text, BlueprintMode::Apply),
        };
        let changes = self
            .desk
            .apply_blueprint(&text, mode, by)
            .await
            .map_err(refused)?;
        let applied = mode == BlueprintMode::Apply;
        Ok(BlueprintShown::Told { applied, changes })
    }
}

fn refused(fault: ObjectsFault) -> Failure {
    match fault {
        ObjectsFault::Desk(fault) => fault.into(),
        ObjectsFault::Unknown | ObjectsFault::Changed => {
            Failure::later("somebody else changed the same thing at this moment").remedy("try again")
        }
        ObjectsFault::Fields(faults) => {
            let noun = if faults.len() == 1 { "fault" } else { "faults" };
            let mut failure = Failure::usage(format!(
                "the blueprint has {} {noun}; nothing was changed",
                faults.len()
            ));
            failure.problems = faults.iter().map(problem).collect();
            failure
        }
    }
}

/// `line 12, stage "x", settings.subject: use at most 200 characters`.
fn problem(fault: &ObjectFault) -> String {
    let line = fault.line.map(|line| format!("line {line}"));
    let field = (!fault.field.is_empty()).then(|| fault.field.clone());
    let place: Vec<String> = line
        .into_iter()
        .chain(fault.object.clone())
        .chain(field)
        .collect();
    format!("{}: {}", place.join(", "), fault.remedy)
}
