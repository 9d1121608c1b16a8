//! How the configuration changes: edits that somebody asks for, changes that happened, and the law between them.

use super::super::event::{Actor, Event};
use super::super::password_policy::PasswordPolicy;
use super::configuration::{BoundFlow, Flows, Placed};
use super::law;
use super::objects::{Binding, Flow};
use super::policy::{ExpressionPolicy, Policy};
use super::references::ObjectKey;
use super::refused::{ChangeFault, ChangeRefused};
use super::stage::Stage;
use crate::types::{ObjectName, Position, Slug};

/// What must hold of an object that is saved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    /// It is new.
    New,
    /// It is there already.
    Known,
    /// Either.
    Either,
}

/// What becomes of what names an object that is removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Naming {
    /// Nothing may name it.
    Keep,
    /// Its bindings go, and its name goes from stages and bindings.
    Detach,
}

/// One wish for the configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are described by their types")]
pub enum Edit {
    /// Make or change a flow; its bindings stay.
    SaveFlow { flow: Flow, presence: Presence },
    /// Make or change a stage; its kind stays.
    SaveStage { stage: Box<Stage>, presence: Presence },
    /// Make or change a policy; its kind stays.
    SavePolicy { policy: Box<Policy>, presence: Presence },
    /// Bind a stage at a place of a flow, or change what is bound there.
    SaveBinding {
        flow: Slug,
        binding: Binding,
        presence: Presence,
    },
    /// Take a binding away.
    RemoveBinding { flow: Slug, order: u16 },
    /// Take an object away; a flow with its bindings.
    Remove { key: ObjectKey, naming: Naming },
    /// Call an object by another name; what names it follows.
    Rename { from: ObjectKey, to: ObjectKey },
}

/// What happened to the configuration; a password policy's change is [`Event::PolicySaved`].
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are described by their types")]
pub enum FlowChange {
    /// A flow was made or changed.
    FlowSaved { flow: Flow },
    /// A flow is gone, and its bindings with it.
    FlowRemoved { slug: Slug },
    /// A flow has another slug.
    FlowRenamed { from: Slug, to: Slug },
    /// A stage was made or changed.
    StageSaved { stage: Stage },
    /// A stage is gone.
    StageRemoved { name: ObjectName },
    /// A stage has another name.
    StageRenamed { from: ObjectName, to: ObjectName },
    /// A stage was bound, or what is bound there changed.
    BindingSaved { flow: Slug, binding: Binding },
    /// A binding is gone.
    BindingRemoved { flow: Slug, order: u16 },
    /// An expression policy was made or changed.
    ExpressionSaved { policy: ExpressionPolicy },
    /// A policy of either kind is gone.
    PolicyRemoved { name: ObjectName },
    /// A policy of either kind has another name.
    PolicyRenamed { from: ObjectName, to: ObjectName },
}

/// The most edits in one command.
pub const EDITS_MAX: usize = 1_000;

/// The events that edits lead to, all or none; an edit that changes nothing has none.
pub(in super::super) fn edited(
    flows: &Flows,
    edits: Vec<Edit>,
    by: Actor,
) -> Result<Vec<Event>, ChangeRefused> {
    let mut draft = Draft {
        flows: flows.clone(),
        events: vec![],
        by,
    };
    let refused = |edit: usize, fault| {
        let edit = u16::try_from(edit).unwrap_or(u16::MAX);
        ChangeRefused { edit, fault }
    };
    if edits.len() > EDITS_MAX {
        return Err(refused(EDITS_MAX, ChangeFault::TooMany));
    }
    let mut emptied = None;
    for (number, edit) in edits.into_iter().enumerate() {
        let before = draft.bound();
        draft.edit(edit).map_err(|fault| refused(number, fault))?;
        if draft.bound() < before {
            emptied = Some(number);
        }
    }
    // Asked at the end: what goes may come back in the same command, in another order.
    match emptied.filter(|_| draft.bound() < bound_of(flows)) {
        Some(number) => Err(refused(number, ChangeFault::Emptied)),
        None => Ok(draft.events),
    }
}

/// How many of the flows that the pages lead to have a stage. Wishes alone are held against it; a ledger in which one was
/// emptied before there was this rule stays lawful.
fn bound_of(flows: &Flows) -> usize {
    let led_to = Flows::LED_TO.iter().filter_map(|slug| flows.flow(slug));
    led_to.filter(|bound| !bound.bindings.is_empty()).count()
}

/// The configuration as it will be, while edits are taken in.
struct Draft {
    flows: Flows,
    events: Vec<Event>,
    by: Actor,
}

impl Draft {
    fn bound(&self) -> usize {
        bound_of(&self.flows)
    }

    fn edit(&mut self, edit: Edit) -> Result<(), ChangeFault> {
        match edit {
            Edit::SaveFlow { flow, presence } => {
                let known = self.flows.flow(flow.slug.as_str()).map(|bound| &bound.flow);
                if present(known, presence)? != Some(&flow) {
                    self.happen(FlowChange::FlowSaved { flow })?;
                }
            }
            Edit::SaveStage { stage, presence } => {
                let known = self.flows.stage(stage.name().as_str());
                if present(known, presence)? != Some(&*stage) {
                    self.happen(FlowChange::StageSaved { stage: *stage })?;
                }
            }
            Edit::SavePolicy { policy, presence } => {
                let known = self.flows.policy(policy.name().as_str());
                if present(known, presence)? != Some(&*policy) {
                    self.save_policy(*policy)?;
                }
            }
            Edit::SaveBinding {
                flow,
                binding,
                presence,
            } => {
                let bound = self
                    .flows
                    .flow(flow.as_str())
                    .ok_or(ChangeFault::NoSuchFlow("flow"))?;
                let known = bound.bindings.get(&binding.order);
                if present(known, presence)? != Some(&binding) {
                    self.happen(FlowChange::BindingSaved { flow, binding })?;
                }
            }
            Edit::RemoveBinding { flow, order } => {
                self.happen(FlowChange::BindingRemoved { flow, order })?;
            }
            Edit::Remove { key, naming } => {
                law::may_go(&self.flows, &key)?;
                self.remove(key, naming)?;
            }
            Edit::Rename { from, to } => {
                if from != to {
                    law::may_go(&self.flows, &from)?;
                    self.happen(renamed(from, to).ok_or(ChangeFault::KindChanged)?)?;
                }
            }
        }
        Ok(())
    }

    fn save_policy(&mut self, policy: Policy) -> Result<(), ChangeFault> {
        match policy {
            Policy::Expression(policy) => self.happen(FlowChange::ExpressionSaved { policy }),
            Policy::Password(policy) => {
                law::password_policy(&self.flows, &policy)?;
                self.flows.save_password_policy(policy.clone(), Position(0));
                self.events.push(Event::PolicySaved {
                    policy: Box::new(policy),
                    by: self.by,
                });
                Ok(())
            }
        }
    }

    fn remove(&mut self, key: ObjectKey, naming: Naming) -> Result<(), ChangeFault> {
        if naming == Naming::Detach {
            self.detach(&key)?;
        }
        self.happen(match key {
            ObjectKey::Flow(slug) => FlowChange::FlowRemoved { slug },
            ObjectKey::Stage(name) => FlowChange::StageRemoved { name },
            ObjectKey::Policy(name) => FlowChange::PolicyRemoved { name },
        })
    }

    /// Takes an object's name out of everything that names it.
    fn detach(&mut self, key: &ObjectKey) -> Result<(), ChangeFault> {
        let stages: Vec<Stage> = self
            .flows
            .stages_that_name(key)
            .into_iter()
            .filter_map(|name| self.flows.stage(name.as_str()).cloned())
            .collect();
        for mut stage in stages {
            stage.settings_mut().replace(key, None);
            self.happen(FlowChange::StageSaved { stage })?;
        }
        let named = self.flows.bindings_that_name(key).into_iter();
        let named: Vec<(Slug, u16)> = named.map(|(slug, order)| (slug.clone(), order)).collect();
        for (flow, order) in named {
            let change = match key {
                ObjectKey::Policy(name) => {
                    let bound = self.flows.flow(flow.as_str());
                    let Some(mut binding) = bound.and_then(|bound| bound.bindings.get(&order)).cloned()
                    else {
                        continue;
                    };
                    binding.policies.retain(|bound| bound.policy != *name);
                    FlowChange::BindingSaved { flow, binding }
                }
                ObjectKey::Flow(_) | ObjectKey::Stage(_) => FlowChange::BindingRemoved { flow, order },
            };
            self.happen(change)?;
        }
        Ok(())
    }

    fn happen(&mut self, change: FlowChange) -> Result<(), ChangeFault> {
        law::allows(&self.flows, &change)?;
        self.flows.apply(&change, Position(0));
        self.events.push(Event::FlowsChanged {
            change: Box::new(change),
            by: self.by,
        });
        Ok(())
    }
}

fn present<T>(known: Option<T>, presence: Presence) -> Result<Option<T>, ChangeFault> {
    match (presence, &known) {
        (Presence::New, Some(_)) => Err(ChangeFault::Taken),
        (Presence::Known, None) => Err(ChangeFault::Unknown),
        (Presence::New | Presence::Known | Presence::Either, _) => Ok(known),
    }
}

fn renamed(from: ObjectKey, to: ObjectKey) -> Option<FlowChange> {
    match (from, to) {
        (ObjectKey::Flow(from), ObjectKey::Flow(to)) => Some(FlowChange::FlowRenamed { from, to }),
        (ObjectKey::Stage(from), ObjectKey::Stage(to)) => Some(FlowChange::StageRenamed { from, to }),
        (ObjectKey::Policy(from), ObjectKey::Policy(to)) => Some(FlowChange::PolicyRenamed { from, to }),
        (ObjectKey::Flow(_) | ObjectKey::Stage(_) | ObjectKey::Policy(_), _) => None,
    }
}

impl Flows {
    /// Whether edits could be carried out now.
    pub fn try_edits(&self, edits: Vec<Edit>) -> Result<(), ChangeRefused> {
        edited(self, edits, Actor::System).map(|_| ())
    }

    /// Takes a change in; it never fails.
    pub(in super::super) fn apply(&mut self, change: &FlowChange, position: Position) {
        self.changed = position;
        match change.clone() {
            FlowChange::FlowSaved { flow } => self.save_flow(flow, position),
            FlowChange::FlowRemoved { slug } => {
                self.by_slug.remove(&slug);
            }
            FlowChange::FlowRenamed { from, to } => {
                if let Some(mut bound) = self.by_slug.remove(&from) {
                    bound.flow.slug = to.clone();
                    bound.changed = position;
                    self.by_slug.insert(to.clone(), bound);
                    self.follow(&ObjectKey::Flow(from), &ObjectKey::Flow(to), position);
                }
            }
            FlowChange::StageSaved { stage } => {
                self.stages.insert(stage.name().clone(), placed(stage, position));
            }
            FlowChange::StageRemoved { name } => {
                self.stages.remove(&name);
            }
            FlowChange::StageRenamed { from, to } => {
                if let Some(old) = self.stages.remove(&from) {
                    let stage = old.value.renamed(to.clone());
                    self.stages.insert(to.clone(), placed(stage, position));
                    self.follow(&ObjectKey::Stage(from), &ObjectKey::Stage(to), position);
                }
            }
            FlowChange::BindingSaved { flow, binding } => {
                if let Some(bound) = self.by_slug.get_mut(&flow) {
                    bound.bindings.insert(binding.order, binding);
                    bound.changed = position;
                }
            }
            FlowChange::BindingRemoved { flow, order } => {
                if let Some(bound) = self.by_slug.get_mut(&flow) {
                    bound.bindings.remove(&order);
                    bound.changed = position;
                }
            }
            FlowChange::ExpressionSaved { policy } => {
                let name = policy.name().clone();
                self.policies
                    .insert(name, placed(Policy::Expression(policy), position));
            }
            FlowChange::PolicyRemoved { name } => {
                self.policies.remove(&name);
            }
            FlowChange::PolicyRenamed { from, to } => {
                if let Some(old) = self.policies.remove(&from) {
                    let policy = match old.value {
                        Policy::Password(policy) => Policy::Password(policy.renamed(to.as_str())),
                        Policy::Expression(policy) => Policy::Expression(policy.renamed(to.clone())),
                    };
                    self.policies.insert(to.clone(), placed(policy, position));
                    self.follow(&ObjectKey::Policy(from), &ObjectKey::Policy(to), position);
                }
            }
        }
    }

    /// Takes a password policy in.
    pub(in super::super) fn save_password_policy(&mut self, policy: PasswordPolicy, position: Position) {
        self.changed = position;
        let policy = Policy::Password(policy);
        self.policies.insert(policy.name(), placed(policy, position));
    }

    fn save_flow(&mut self, flow: Flow, position: Position) {
        let bound = self
            .by_slug
            .entry(flow.slug.clone())
            .or_insert_with(|| BoundFlow {
                flow: flow.clone(),
                bindings: std::collections::BTreeMap::new(),
                changed: position,
            });
        bound.flow = flow;
        bound.changed = position;
    }

    /// What named an object goes on naming it.
    fn follow(&mut self, from: &ObjectKey, to: &ObjectKey, position: Position) {
        for placed in self.stages.values_mut() {
            let named = placed.value.settings().references();
            if named.iter().any(|(_, key)| key == from) {
                placed.value.settings_mut().replace(from, Some(to));
                placed.changed = position;
            }
        }
        for bound in self.by_slug.values_mut() {
            for binding in bound.bindings.values_mut() {
                if binding.rename(from, to) {
                    bound.changed = position;
                }
            }
        }
    }
}

fn placed<T>(value: T, changed: Position) -> Placed<T> {
    Placed { value, changed }
}
