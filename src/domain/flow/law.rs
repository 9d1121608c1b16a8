//! Which change of the configuration may follow on what there is: asked before a change is decided, and by auditors.

use std::collections::BTreeSet;

use super::super::password_policy::PasswordPolicy;
use super::change::FlowChange;
use super::configuration::Flows;
use super::objects::{Binding, Flow};
use super::policy::{ExpressionPolicy, Policy};
use super::references::{ObjectKey, fits};
use super::refused::ChangeFault;
use super::stage::Stage;
use crate::types::{ObjectName, Slug};

/// Whether a change may happen.
pub(in super::super) fn allows(flows: &Flows, change: &FlowChange) -> Result<(), ChangeFault> {
    match change {
        FlowChange::FlowSaved { flow } => save_flow(flows, flow),
        FlowChange::FlowRemoved { slug } => gone(flows, &ObjectKey::Flow(slug.clone())),
        FlowChange::FlowRenamed { from, to } => moved(
            flows,
            &ObjectKey::Flow(from.clone()),
            &ObjectKey::Flow(to.clone()),
        ),
        FlowChange::StageSaved { stage } => save_stage(flows, stage),
        FlowChange::StageRemoved { name } => gone(flows, &ObjectKey::Stage(name.clone())),
        FlowChange::StageRenamed { from, to } => moved(
            flows,
            &ObjectKey::Stage(from.clone()),
            &ObjectKey::Stage(to.clone()),
        ),
        FlowChange::BindingSaved { flow, binding } => save_binding(flows, flow, binding),
        FlowChange::BindingRemoved { flow, order } => {
            let bound = flows.flow(flow.as_str()).ok_or(ChangeFault::NoSuchFlow("flow"))?;
            ensure(bound.bindings.contains_key(order), ChangeFault::Unknown)
        }
        FlowChange::ExpressionSaved { policy } => save_expression(flows, policy),
        FlowChange::PolicyRemoved { name } => gone(flows, &ObjectKey::Policy(name.clone())),
        FlowChange::PolicyRenamed { from, to } => moved(
            flows,
            &ObjectKey::Policy(from.clone()),
            &ObjectKey::Policy(to.clone()),
        ),
    }
}

/// Whether what is known by a name may be taken away from there: not a flow that the pages themselves lead to. Asked of
/// wishes alone; a ledger in which one went before there was this rule stays lawful.
pub(super) fn may_go(flows: &Flows, key: &ObjectKey) -> Result<(), ChangeFault> {
    let is_led_to = matches!(key, ObjectKey::Flow(slug) if Flows::LED_TO.contains(&slug.as_str()));
    ensure(!is_led_to || !flows.has(key), ChangeFault::LedTo)
}

/// Whether a password policy may be saved.
pub(in super::super) fn password_policy(flows: &Flows, policy: &PasswordPolicy) -> Result<(), ChangeFault> {
    match flows.policy(&policy.settings().name) {
        Some(Policy::Expression(_)) => Err(ChangeFault::KindChanged),
        Some(Policy::Password(_)) => Ok(()),
        None => ensure(flows.policies.len() < Flows::POLICIES_MAX, ChangeFault::TooMany),
    }
}

fn ensure(holds: bool, fault: ChangeFault) -> Result<(), ChangeFault> {
    if holds { Ok(()) } else { Err(fault) }
}

fn save_flow(flows: &Flows, flow: &Flow) -> Result<(), ChangeFault> {
    let is_known = flows.by_slug.contains_key(&flow.slug);
    ensure(
        is_known || flows.by_slug.len() < Flows::FLOWS_MAX,
        ChangeFault::TooMany,
    )?;
    let mut others = flows.flows().filter(|other| other.flow.slug != flow.slug);
    ensure(
        others.all(|other| other.flow.name != flow.name),
        ChangeFault::NameTaken,
    )
}

fn save_stage(flows: &Flows, stage: &Stage) -> Result<(), ChangeFault> {
    match flows.stage(stage.name().as_str()) {
        Some(known) => ensure(known.kind() == stage.kind(), ChangeFault::KindChanged)?,
        None => ensure(flows.stages.len() < Flows::STAGES_MAX, ChangeFault::TooMany)?,
    }
    for (field, key) in stage.settings().references() {
        match &key {
            ObjectKey::Flow(_) => ensure(flows.has(&key), ChangeFault::NoSuchFlow(field))?,
            ObjectKey::Stage(name) => {
                let named = flows
                    .stage(name.as_str())
                    .ok_or(ChangeFault::NoSuchStage(field))?;
                ensure(fits(field, named.kind()), ChangeFault::WrongKind(field))?;
            }
            ObjectKey::Policy(name) => {
                let named = flows
                    .policy(name.as_str())
                    .ok_or(ChangeFault::NoSuchPolicy(field))?;
                ensure(
                    matches!(named, Policy::Password(_)),
                    ChangeFault::WrongKind(field),
                )?;
            }
        }
    }
    Ok(())
}

fn save_binding(flows: &Flows, flow: &Slug, binding: &Binding) -> Result<(), ChangeFault> {
    let bound = flows.flow(flow.as_str()).ok_or(ChangeFault::NoSuchFlow("flow"))?;
    let is_known = bound.bindings.contains_key(&binding.order);
    ensure(
        is_known || bound.bindings.len() < Flows::BINDINGS_MAX,
        ChangeFault::TooMany,
    )?;
    ensure(
        flows.stages.contains_key(&binding.stage),
        ChangeFault::NoSuchStage("stage"),
    )?;
    for policy in &binding.policies {
        let named = flows.policy(policy.policy.as_str());
        let named = named.ok_or(ChangeFault::NoSuchPolicy("policies"))?;
        ensure(
            matches!(named, Policy::Expression(_)),
            ChangeFault::WrongKind("policies"),
        )?;
    }
    let names: BTreeSet<&ObjectName> = binding.policies.iter().map(|bound| &bound.policy).collect();
    let is_list = names.len() == binding.policies.len() && names.len() <= Binding::POLICIES_MAX;
    ensure(is_list, ChangeFault::List("policies"))
}

fn save_expression(flows: &Flows, policy: &ExpressionPolicy) -> Result<(), ChangeFault> {
    match flows.policy(policy.name().as_str()) {
        Some(Policy::Password(_)) => Err(ChangeFault::KindChanged),
        Some(Policy::Expression(_)) => Ok(()),
        None => ensure(flows.policies.len() < Flows::POLICIES_MAX, ChangeFault::TooMany),
    }
}

fn gone(flows: &Flows, key: &ObjectKey) -> Result<(), ChangeFault> {
    ensure(flows.has(key), ChangeFault::Unknown)?;
    ensure(!flows.is_named(key), ChangeFault::InUse)
}

fn moved(flows: &Flows, from: &ObjectKey, to: &ObjectKey) -> Result<(), ChangeFault> {
    ensure(flows.has(from), ChangeFault::Unknown)?;
    ensure(!flows.has(to), ChangeFault::Taken)
}
