//! From what is written about an object to edits of the configuration.

use super::planned::{ObjectKind, ObjectPlan, Phase, Planned};
use super::reading::{ObjectFault, Reading, Secrets, Table};
use super::settings::Settings as _;
use super::shown;
use super::tree::{Node, Tree};
use crate::desk::expressions::check_expression;
use crate::domain::flow::{
    Binding, BoundFlow, ChangeFault, DeniedAction, Designation, Edit, ExpressionPolicy, Flow, Flows, Naming,
    ObjectKey, Policy, Presence, Requirement, Stage, StageKind, StageSecret, StageSettings,
};
use crate::domain::password_policy::{PasswordPolicy, PasswordPolicySettings};
use crate::types::{ObjectName, Slug};

/// Which object a text is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum About {
    /// A new one.
    New,
    /// That of this name, which the text may change.
    This(ObjectKey),
    /// The one that the text names, there or not.
    Named,
}

/// Reads what is written about an object.
pub(super) fn plan(
    flows: &Flows,
    kind: ObjectKind,
    about: &About,
    node: Node,
    secrets: &dyn Secrets,
) -> Result<ObjectPlan, Vec<ObjectFault>> {
    let line = node.line;
    let mut reading = Reading::new(secrets, line);
    let table = Table::open(node, "", &mut reading);
    let planner = Planner {
        flows,
        about,
        presence: match about {
            About::New => Presence::New,
            About::This(_) => Presence::Known,
            About::Named => Presence::Either,
        },
        line,
    };
    let planned = match kind {
        ObjectKind::Flow => planner.flow(table, &mut reading),
        ObjectKind::Stage => planner.stage(table, &mut reading),
        ObjectKind::Policy => planner.policy(table, &mut reading),
    };
    match planned {
        Some(plan) if reading.faults.is_empty() => Ok(plan),
        Some(_) | None => Err(reading.faults),
    }
}

struct Planner<'a> {
    flows: &'a Flows,
    about: &'a About,
    presence: Presence,
    line: Option<u32>,
}

impl Planner<'_> {
    fn flow(&self, mut table: Table, reading: &mut Reading<'_>) -> Option<ObjectPlan> {
        let slug: Option<Slug> = table.optional("slug", reading);
        let name: Option<ObjectName> = table.optional("name", reading);
        let same_name = |name: &ObjectName| self.flows.flows().find(|bound| bound.flow.name == *name);
        let known = match (self.about, &slug) {
            (About::This(ObjectKey::Flow(slug)), _) | (About::Named, Some(slug)) => {
                self.flows.flow(slug.as_str())
            }
            (About::Named, None) => name.as_ref().and_then(same_name),
            (About::New | About::This(_), _) => None,
        };
        let own_slug = slug.or_else(|| known.map(|bound| bound.flow.slug.clone()));
        let slug = own_slug.or_else(|| name.as_ref().and_then(Slug::suggested));
        let Some(slug) = slug else {
            let remedy = "give the flow a slug: its name has no letters that can stand in an address";
            reading.fault(if name.is_some() { "slug" } else { "name" }, "required", remedy);
            return None;
        };
        reading.of(ObjectKind::Flow.label(slug.as_str()));
        let key = ObjectKey::Flow(slug.clone());
        if self.is_absent(&mut table, reading)? {
            table.finish(reading);
            return Some(self.removal(key, known.map(shown::flow)));
        }
        let title = table.optional("title", reading);
        let designation: Option<Designation> = match known {
            Some(bound) => table
                .optional("designation", reading)
                .or(Some(bound.flow.designation)),
            None => table.required("designation", reading),
        };
        let authentication = table.optional("authentication", reading);
        let denied_action = table.optional("denied_action", reading);
        let bindings: Option<Vec<Binding>> = table.optional("bindings", reading);
        table.finish(reading);
        let present = known.map(|bound| &bound.flow);
        let name = name.or_else(|| present.map(|flow| flow.name.clone()));
        let name = name.or_else(|| ObjectName::parse(slug.as_str()))?;
        let flow = Flow {
            title: title
                .or_else(|| present.map(|flow| flow.title.clone()))
                .unwrap_or_else(|| name.clone()),
            designation: designation?,
            authentication: authentication
                .or(present.map(|flow| flow.authentication))
                .unwrap_or(Requirement::None),
            denied_action: denied_action
                .or(present.map(|flow| flow.denied_action))
                .unwrap_or(DeniedAction::MessageContinue),
            slug: slug.clone(),
            name,
        };
        let presence = self.presence;
        let save = Edit::SaveFlow {
            flow: flow.clone(),
            presence,
        };
        let mut plan = self.object(key, known.map(shown::flow));
        plan.edits.extend(self.rename(&plan.key));
        plan.edits.push(Planned::new(Phase::SaveFlow, save, ""));
        let mut after = known.cloned().unwrap_or_else(|| BoundFlow {
            flow: flow.clone(),
            bindings: std::collections::BTreeMap::new(),
            changed: crate::types::Position(0),
        });
        after.flow = flow;
        if let Some(bindings) = bindings {
            bind(&mut after, bindings, &mut plan, reading);
        }
        plan.after = Some(shown::flow(&after));
        Some(plan)
    }

    fn stage(&self, mut table: Table, reading: &mut Reading<'_>) -> Option<ObjectPlan> {
        let name = self.name(ObjectKind::Stage, &mut table, reading);
        let known = self.known(&name).and_then(|name| self.flows.stage(name.as_str()));
        let key = ObjectKey::Stage(name.clone());
        if self.is_absent(&mut table, reading)? {
            table.finish(reading);
            return Some(self.removal(key, known.map(shown::stage)));
        }
        let kind: Option<StageKind> = match known {
            Some(stage) => table.optional("kind", reading).or(Some(stage.kind())),
            None => table.required("kind", reading),
        };
        let kind = kind?;
        let mut settings = match known {
            Some(stage) if stage.kind() == kind => stage.settings().clone(),
            Some(_) => {
                reading.fault("kind", "fixed", ChangeFault::KindChanged.remedy());
                return None;
            }
            None => StageSettings::of(kind),
        };
        let secret = |settings: &StageSettings| -> Option<StageSecret> {
            settings.mail_server().and_then(|server| server.password.clone())
        };
        let secret_before = secret(&settings);
        if let Some(node) = table.take("settings") {
            let mut inner = Table::open(node, "settings", reading);
            settings.patch_all(&mut inner, reading);
            inner.finish(reading);
        }
        table.finish(reading);
        if matches!(&settings, StageSettings::Identification(asks) if !asks.case_insensitive) {
            // Two people whose names differ in nothing but case would be taken for each other.
            let remedy =
                "leave it true: user names and addresses are the same in capitals, here and everywhere";
            reading.fault("settings.case_insensitive", "unsupported", remedy);
        }
        let stage = reading.take(Stage::new(name, settings), "")?;
        let mut plan = self.object(key, known.map(shown::stage));
        plan.has_new_secret = secret(stage.settings()) != secret_before;
        plan.after = Some(shown::stage(&stage));
        let names_stages = stage
            .settings()
            .references()
            .iter()
            .any(|(_, key)| matches!(key, ObjectKey::Stage(_)));
        let phase = if names_stages {
            Phase::SaveNamingStage
        } else {
            Phase::SaveStage
        };
        plan.edits.extend(self.rename(&plan.key));
        let edit = Edit::SaveStage {
            stage: Box::new(stage),
            presence: self.presence,
        };
        plan.edits.push(Planned::new(phase, edit, ""));
        Some(plan)
    }

    fn policy(&self, mut table: Table, reading: &mut Reading<'_>) -> Option<ObjectPlan> {
        let name = self.name(ObjectKind::Policy, &mut table, reading);
        let known = self
            .known(&name)
            .and_then(|name| self.flows.policy(name.as_str()));
        let key = ObjectKey::Policy(name.clone());
        if self.is_absent(&mut table, reading)? {
            table.finish(reading);
            return Some(self.removal(key, known.map(shown::policy)));
        }
        let kind: Option<String> = match known {
            Some(policy) => table
                .optional("kind", reading)
                .or_else(|| Some(policy.kind().to_owned())),
            None => table.required("kind", reading),
        };
        let settings = table.take("settings").unwrap_or_else(|| Tree::table([]).into());
        table.finish(reading);
        let mut inner = Table::open(settings, "settings", reading);
        let policy = match (kind?.as_str(), known) {
            ("password", None | Some(Policy::Password(_))) => {
                let mut settings = match known {
                    Some(Policy::Password(policy)) => policy.settings().clone(),
                    Some(Policy::Expression(_)) | None => PasswordPolicySettings::named(name.as_str()),
                };
                name.as_str().clone_into(&mut settings.name);
                settings.patch_all(&mut inner, reading);
                inner.finish(reading);
                match PasswordPolicy::checked(settings) {
                    Ok(policy) => Policy::Password(policy),
                    Err(fault) => {
                        reading.fault(&format!("settings.{}", fault.field), "invalid", fault.remedy);
                        return None;
                    }
                }
            }
            ("expression", None | Some(Policy::Expression(_))) => {
                let text = match known {
                    Some(Policy::Expression(policy)) => {
                        let present = policy.expression().to_owned();
                        inner.optional("expression", reading).unwrap_or(present)
                    }
                    Some(Policy::Password(_)) | None => inner.required("expression", reading)?,
                };
                inner.finish(reading);
                let policy = reading.take(ExpressionPolicy::new(name, text), "settings.")?;
                if let Err(fault) = check_expression(policy.expression()) {
                    reading.fault("settings.expression", "syntax", fault.to_string());
                    return None;
                }
                Policy::Expression(policy)
            }
            ("password" | "expression", Some(_)) => {
                reading.fault("kind", "fixed", ChangeFault::KindChanged.remedy());
                return None;
            }
            (_, _) => {
                reading.fault("kind", "form", "choose one of password, expression");
                return None;
            }
        };
        let mut plan = self.object(key, known.map(shown::policy));
        plan.after = Some(shown::policy(&policy));
        plan.edits.extend(self.rename(&plan.key));
        let edit = Edit::SavePolicy {
            policy: Box::new(policy),
            presence: self.presence,
        };
        plan.edits.push(Planned::new(Phase::SavePolicy, edit, ""));
        Some(plan)
    }

    /// The name that a text gives an object, or that it has. Without a good one the rest is read as well, so that all
    /// faults are told at once.
    fn name(&self, kind: ObjectKind, table: &mut Table, reading: &mut Reading<'_>) -> ObjectName {
        let name = match self.about {
            About::This(ObjectKey::Stage(name) | ObjectKey::Policy(name)) => {
                Some(table.optional("name", reading).unwrap_or_else(|| name.clone()))
            }
            About::This(ObjectKey::Flow(_)) | About::New | About::Named => table.required("name", reading),
        };
        if let Some(name) = &name {
            reading.of(kind.label(name.as_str()));
        }
        name.unwrap_or_else(|| ObjectName::parse("?").expect("a name of one character"))
    }

    /// The name of the object that is there already.
    fn known<'n>(&'n self, written: &'n ObjectName) -> Option<&'n ObjectName> {
        match self.about {
            About::New => None,
            About::This(ObjectKey::Stage(name) | ObjectKey::Policy(name)) => Some(name),
            About::This(ObjectKey::Flow(_)) | About::Named => Some(written),
        }
    }

    /// Whether a blueprint says that there shall be no such object.
    fn is_absent(&self, table: &mut Table, reading: &mut Reading<'_>) -> Option<bool> {
        if *self.about != About::Named {
            return Some(false);
        }
        let state: Option<String> = table.optional("state", reading);
        match state.as_deref() {
            None | Some("present") => Some(false),
            Some("absent") => Some(true),
            Some(_) => {
                reading.fault("state", "form", "choose one of present, absent");
                None
            }
        }
    }

    /// An object goes, if it is there.
    fn removal(&self, key: ObjectKey, before: Option<Tree>) -> ObjectPlan {
        if before.is_none() {
            return self.object(key, None);
        }
        ObjectPlan {
            before,
            line: self.line,
            ..ObjectPlan::removal(key, Naming::Keep)
        }
    }

    fn rename(&self, to: &ObjectKey) -> Option<Planned> {
        let About::This(from) = self.about else {
            return None;
        };
        let (from, to) = (from.clone(), to.clone());
        (from != to).then(|| Planned::new(Phase::Rename, Edit::Rename { from, to }, ""))
    }

    fn object(&self, key: ObjectKey, before: Option<Tree>) -> ObjectPlan {
        ObjectPlan {
            before,
            line: self.line,
            ..ObjectPlan::empty(key)
        }
    }
}

/// The edits that leave a flow with exactly these bindings.
fn bind(bound: &mut BoundFlow, bindings: Vec<Binding>, plan: &mut ObjectPlan, reading: &mut Reading<'_>) {
    let slug = bound.flow.slug.clone();
    let before = std::mem::take(&mut bound.bindings);
    for (nth, binding) in bindings.into_iter().enumerate() {
        let at = format!("bindings[{nth}].");
        let line = reading.line_of(at.trim_end_matches('.'));
        let (order, stage) = (binding.order, binding.clone());
        if bound.bindings.insert(order, binding).is_some() {
            reading.fault(
                &format!("{at}order"),
                "duplicate",
                "give each binding an order of its own",
            );
        }
        if before.get(&order) != Some(&stage) {
            let edit = Edit::SaveBinding {
                flow: slug.clone(),
                binding: stage,
                presence: Presence::Either,
            };
            plan.edits.push(Planned {
                line,
                ..Planned::new(Phase::SaveBinding, edit, &at)
            });
        }
    }
    let gone = before
        .into_keys()
        .filter(|order| !bound.bindings.contains_key(order));
    plan.edits.extend(gone.map(|order| {
        let flow = slug.clone();
        Planned::new(
            Phase::RemoveBinding,
            Edit::RemoveBinding { flow, order },
            "bindings.",
        )
    }));
}
