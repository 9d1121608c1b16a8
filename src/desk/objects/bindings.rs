//! The bindings of a flow, one by one.

use super::plan::{self, About};
use super::planned::{ObjectKind, ObjectPlan, Phase};
use super::reading::{ObjectFault, Reading, Secrets, Table, Value};
use super::tree::{Node, Tree};
use super::{ObjectsFault, is_of};
use crate::desk::Desk;
use crate::domain::Actor;
use crate::domain::flow::{Binding, Edit, Flows, InvalidResponse, ObjectKey, Presence};
use crate::types::{ObjectName, Position, Slug};

/// Which way a binding moves among those of its flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// Before the one before it.
    Earlier,
    /// Behind the one behind it.
    Later,
}

impl Desk {
    /// The bindings of a flow in their order.
    pub fn bindings(&self, flow: &Slug) -> Option<Vec<Tree>> {
        let flows = self.flows();
        let bound = flows.flow(flow.as_str())?;
        Some(bound.bindings.values().map(Value::show).collect())
    }

    /// One binding of a flow.
    pub fn binding(&self, flow: &Slug, order: u16) -> Option<Tree> {
        self.flows()
            .flow(flow.as_str())?
            .bindings
            .get(&order)
            .map(Value::show)
    }

    /// Binds a stage to a flow: one that there is, by its name, or a new one, by its fields.
    pub async fn make_binding(&self, flow: &Slug, fields: Tree, by: Actor) -> Result<Tree, ObjectsFault> {
        self.save_binding(flow, None, fields, None, by).await
    }

    /// Changes the given fields of a binding, its order among them.
    pub async fn change_binding(
        &self,
        flow: &Slug,
        order: u16,
        fields: Tree,
        version: Option<Position>,
        by: Actor,
    ) -> Result<Tree, ObjectsFault> {
        self.save_binding(flow, Some(order), fields, version, by).await
    }

    async fn save_binding(
        &self,
        flow: &Slug,
        known: Option<u16>,
        fields: Tree,
        version: Option<Position>,
        by: Actor,
    ) -> Result<Tree, ObjectsFault> {
        let key = ObjectKey::Flow(flow.clone());
        let plans = |flows: &Flows| {
            is_of(flows, &key, version)?;
            let bound = flows.flow(flow.as_str()).ok_or(ObjectsFault::Unknown)?;
            let known = match known {
                Some(order) => Some(bound.bindings.get(&order).ok_or(ObjectsFault::Unknown)?),
                None => None,
            };
            let plan = planned(flows, flow, known, fields.clone().into(), self);
            Ok(vec![plan.map_err(ObjectsFault::Fields)?])
        };
        let done = self.change(plans, by).await?;
        let saved = done.first().and_then(|plan| plan.after.clone());
        saved.ok_or(ObjectsFault::Unknown)
    }

    /// Has a binding and the one beside it change places. At the end of its flow it stays where it is.
    pub async fn move_binding(
        &self,
        flow: &Slug,
        order: u16,
        way: Way,
        version: Option<Position>,
        by: Actor,
    ) -> Result<(), ObjectsFault> {
        let key = ObjectKey::Flow(flow.clone());
        let plans = |flows: &Flows| {
            is_of(flows, &key, version)?;
            let bound = flows.flow(flow.as_str()).ok_or(ObjectsFault::Unknown)?;
            let one = bound.bindings.get(&order).ok_or(ObjectsFault::Unknown)?;
            let mut plan = ObjectPlan::empty(key.clone());
            let beside = match way {
                Way::Earlier => bound.bindings.range(..order).next_back(),
                Way::Later => bound.bindings.range(order.saturating_add(1)..).next(),
            };
            for (from, to) in beside
                .into_iter()
                .flat_map(|(_, other)| [(one, other), (other, one)])
            {
                let removal = Edit::RemoveBinding {
                    flow: flow.clone(),
                    order: from.order,
                };
                plan.add(Phase::RemoveBinding, removal);
                let moved = Edit::SaveBinding {
                    flow: flow.clone(),
                    binding: Binding {
                        order: to.order,
                        ..from.clone()
                    },
                    presence: Presence::New,
                };
                plan.add(Phase::SaveBinding, moved);
            }
            Ok(vec![plan])
        };
        self.change(plans, by).await.map(|_| ())
    }

    /// Takes a binding away.
    pub async fn remove_binding(
        &self,
        flow: &Slug,
        order: u16,
        version: Option<Position>,
        by: Actor,
    ) -> Result<(), ObjectsFault> {
        let key = ObjectKey::Flow(flow.clone());
        let plans = |flows: &Flows| {
            is_of(flows, &key, version)?;
            let bound = flows.flow(flow.as_str()).ok_or(ObjectsFault::Unknown)?;
            bound.bindings.get(&order).ok_or(ObjectsFault::Unknown)?;
            let flow = flow.clone();
            let edit = Edit::RemoveBinding { flow, order };
            Ok(vec![ObjectPlan::of_one(key.clone(), Phase::RemoveBinding, edit)])
        };
        self.change(plans, by).await.map(|_| ())
    }
}

/// Reads what is written about a binding.
fn planned(
    flows: &Flows,
    flow: &Slug,
    known: Option<&Binding>,
    node: Node,
    secrets: &dyn Secrets,
) -> Result<ObjectPlan, Vec<ObjectFault>> {
    let mut reading = Reading::new(secrets, None);
    let mut plan = ObjectPlan::empty(ObjectKey::Flow(flow.clone()));
    let mut table = Table::open(node, "", &mut reading);
    let order: Option<u16> = match known {
        Some(known) => table.optional("order", &mut reading).or(Some(known.order)),
        None => table.required("order", &mut reading),
    };
    let stage = match table.take("stage") {
        Some(node) => stage(flows, node, &mut plan, &mut reading),
        None if known.is_none() => {
            let remedy = "name a stage that there is, or write the fields of a new one";
            reading.fault("stage", "required", remedy);
            None
        }
        None => known.map(|known| known.stage.clone()),
    };
    let policies = table.optional("policies", &mut reading);
    let action = table.optional("invalid_response_action", &mut reading);
    table.finish(&mut reading);
    let (Some(order), Some(stage), true) = (order, stage, reading.faults.is_empty()) else {
        return Err(reading.faults);
    };
    let policies = policies.or_else(|| known.map(|known| known.policies.clone()));
    let action = action.or(known.map(|known| known.invalid_response_action));
    let binding = Binding {
        order,
        stage,
        policies: policies.unwrap_or_default(),
        invalid_response_action: action.unwrap_or(InvalidResponse::Retry),
    };
    plan.after = Some(binding.show());
    let moved = known.filter(|known| known.order != order);
    if let Some(moved) = moved {
        let (flow, order) = (flow.clone(), moved.order);
        plan.add(Phase::RemoveBinding, Edit::RemoveBinding { flow, order });
    }
    let presence = if known.is_some() && moved.is_none() {
        Presence::Known
    } else {
        Presence::New
    };
    let flow = flow.clone();
    plan.add(
        Phase::SaveBinding,
        Edit::SaveBinding {
            flow,
            binding,
            presence,
        },
    );
    Ok(plan)
}

/// The stage that a binding names, or that is made for it.
fn stage(flows: &Flows, node: Node, plan: &mut ObjectPlan, reading: &mut Reading<'_>) -> Option<ObjectName> {
    if !matches!(node.tree, Tree::Table(_)) {
        return ObjectName::read(node, "stage", reading);
    }
    match plan::plan(flows, ObjectKind::Stage, &About::New, node, reading.secrets) {
        Ok(made) => {
            let name = made.stage_name()?.clone();
            plan.take_edits(made, "stage.");
            Some(name)
        }
        Err(faults) => {
            let within = |fault: ObjectFault| ObjectFault {
                field: format!("stage.{}", fault.field),
                ..fault
            };
            reading.faults.extend(faults.into_iter().map(within));
            None
        }
    }
}
