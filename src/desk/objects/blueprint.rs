//! Blueprints: the whole configuration of flows as one file, or a part of it.
//!
//! A blueprint says how objects shall be. Fields that it leaves out stay as they are, or are the defaults of a new
//! object; objects that it leaves out stay; `state = "absent"` removes one. A flow's `bindings` are the whole list. So
//! applying one twice changes nothing the second time.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::difference::{Difference, difference};
use super::plan::{self, About};
use super::planned::{ObjectKind, ObjectPlan, label};
use super::reading::{ObjectFault, Reading, Table};
use super::toml_text;
use super::tree::{Node, Tree};
use super::{ObjectsFault, shown};
use crate::desk::Desk;
use crate::domain::Actor;
use crate::domain::flow::{Flows, ObjectKey};
use crate::types::{ObjectName, Slug};

/// Objects that one blueprint may be about.
const OBJECTS_MAX: usize = 400;

/// Whether a blueprint is carried out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BlueprintMode {
    /// It is only told what it would change.
    Preview,
    /// It is carried out.
    Apply,
}

impl Desk {
    /// The configuration as a blueprint; secrets are masked, and a mask that is applied keeps the secret that is there.
    pub fn blueprint(&self) -> String {
        let flows = self.flows();
        let mut out = String::from(
            "# The flows of this Keyledger. `keyledger blueprint apply FILE` makes another one like it: fields and objects that\n\
             # are left out stay as they are, and `state = \"absent\"` removes an object.\n\
             version = 1\n",
        );
        let _ = write!(out, "\n# --- Policies\n");
        toml_text::write(
            "policies",
            flows.policies().map(|placed| shown::policy(&placed.value)),
            &mut out,
        );
        let _ = write!(out, "\n# --- Stages\n");
        toml_text::write(
            "stages",
            flows.stages().map(|placed| shown::stage(&placed.value)),
            &mut out,
        );
        let _ = write!(out, "\n# --- Flows and their bindings\n");
        toml_text::write("flows", flows.flows().map(shown::flow), &mut out);
        out
    }

    /// One flow as a blueprint, with the stages that it leads through and the policies that they and its bindings name. Other
    /// flows that it leads to are named only.
    pub fn blueprint_of(&self, slug: &Slug) -> Option<String> {
        let flows = self.flows();
        let bound = flows.flow(slug.as_str())?;
        let mut names = Needed::default();
        for binding in bound.bindings.values() {
            names.stages.insert(binding.stage.clone());
            let policies = binding.policies.iter().map(|bound| bound.policy.clone());
            names.policies.extend(policies);
        }
        let near: Vec<ObjectName> = names.stages.iter().cloned().collect();
        for name in near {
            names.take_in(&flows, &name);
        }
        let mut out = format!(
            "# The flow `{slug}` of a Keyledger, with its stages and policies: `keyledger blueprint apply FILE`.\n\
             version = 1\n",
            slug = slug.as_str()
        );
        let policies = flows.policies().map(|placed| &placed.value);
        let policies = policies.filter(|policy| names.policies.contains(&policy.name()));
        toml_text::write("policies", policies.map(shown::policy), &mut out);
        let stages = flows.stages().map(|placed| &placed.value);
        let stages = stages.filter(|stage| names.stages.contains(stage.name()));
        toml_text::write("stages", stages.map(shown::stage), &mut out);
        toml_text::write("flows", std::iter::once(shown::flow(bound)), &mut out);
        Some(out)
    }

    /// Has objects be as a blueprint says, all or none, and tells what that changes. A fault names line and field.
    pub async fn apply_blueprint(
        &self,
        text: &str,
        mode: BlueprintMode,
        by: Actor,
    ) -> Result<Vec<Difference>, ObjectsFault> {
        let objects = objects(self, text).map_err(ObjectsFault::Fields)?;
        let plans = |flows: &Flows| self.planned(flows, &objects);
        let plans = match mode {
            BlueprintMode::Apply => self.change(plans, by).await?,
            BlueprintMode::Preview => self.rehearse(plans)?,
        };
        Ok(plans.iter().filter_map(difference).collect())
    }

    fn planned(
        &self,
        flows: &Flows,
        objects: &[(ObjectKind, Node)],
    ) -> Result<Vec<ObjectPlan>, ObjectsFault> {
        let (mut plans, mut faults) = (vec![], vec![]);
        let mut keys: BTreeSet<ObjectKey> = BTreeSet::new();
        for (kind, node) in objects {
            let line = node.line;
            match plan::plan(flows, *kind, &About::Named, node.clone(), self) {
                Ok(plan) if keys.insert(plan.key.clone()) => {
                    if plan.after.is_none() {
                        self.keep_rest_policy(&plan.key, None)?;
                    }
                    plans.push(plan);
                }
                Ok(plan) => faults.push(ObjectFault {
                    object: Some(label(&plan.key)),
                    line,
                    field: String::new(),
                    reason: "duplicate",
                    remedy: "the blueprint has this object twice: keep one".into(),
                }),
                Err(found) => faults.extend(found),
            }
        }
        if faults.is_empty() {
            Ok(plans)
        } else {
            Err(ObjectsFault::Fields(faults))
        }
    }
}

/// What a flow cannot do without.
#[derive(Default)]
struct Needed {
    stages: BTreeSet<ObjectName>,
    policies: BTreeSet<ObjectName>,
}

impl Needed {
    /// Adds what a stage names; stages that are named name none themselves.
    fn take_in(&mut self, flows: &Flows, name: &ObjectName) {
        let stage = flows.stage(name.as_str());
        for (_, key) in stage.iter().flat_map(|stage| stage.settings().references()) {
            match key {
                ObjectKey::Stage(name) => {
                    self.stages.insert(name);
                }
                ObjectKey::Policy(name) => {
                    self.policies.insert(name);
                }
                ObjectKey::Flow(_) => {}
            }
        }
    }
}

/// The objects that a blueprint is about.
fn objects(desk: &Desk, text: &str) -> Result<Vec<(ObjectKind, Node)>, Vec<ObjectFault>> {
    let mut reading = Reading::new(desk, Some(1));
    let mut table = Table::open(toml_text::read(text)?, "", &mut reading);
    let version: u32 = table.optional("version", &mut reading).unwrap_or(1);
    if version != 1 {
        reading.fault("version", "out-of-range", "this program knows version 1");
    }
    let mut objects = vec![];
    for (kind, list) in [
        (ObjectKind::Policy, "policies"),
        (ObjectKind::Stage, "stages"),
        (ObjectKind::Flow, "flows"),
    ] {
        match table.take(list) {
            None => {}
            Some(Node {
                tree: Tree::List(items),
                ..
            }) => objects.extend(items.into_iter().map(|item| (kind, item))),
            Some(node) => {
                reading.stands(list, node.line);
                let remedy = format!("write [[{list}]] above each object");
                reading.fault(list, "wrong-type", remedy);
            }
        }
    }
    table.finish(&mut reading);
    if objects.len() > OBJECTS_MAX {
        reading.fault(
            "",
            "too-many",
            "a blueprint is about at most 400 objects: split it",
        );
    }
    if reading.faults.is_empty() {
        Ok(objects)
    } else {
        Err(reading.faults)
    }
}
