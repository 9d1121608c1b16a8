//! The configuration of flows: every object with the place of its last change, and what is asked about them.

use std::collections::BTreeMap;

use super::super::password_policy::PasswordPolicy;
use super::objects::{Binding, Flow};
use super::policy::Policy;
use super::references::ObjectKey;
use super::stage::Stage;
use crate::types::{ObjectName, Position, Slug};

/// Flows, stages, bindings and policies.
///
/// They begin as [`Flows::default`], in every ledger from its first event on; events change them. What that default
/// holds never changes (a test holds its hash), because every ledger is folded from it: a release that ships other
/// objects must have an event bring them.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Flows {
    pub(super) by_slug: BTreeMap<Slug, BoundFlow>,
    pub(super) stages: BTreeMap<ObjectName, Placed<Stage>>,
    pub(super) policies: BTreeMap<ObjectName, Placed<Policy>>,
    pub(super) changed: Position,
}

/// An object, and where it last changed (0: as it ships).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Placed<T> {
    /// The object.
    pub value: T,
    /// The place of its last change.
    pub changed: Position,
}

/// A flow and its bindings.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct BoundFlow {
    /// The flow.
    pub flow: Flow,
    /// Its bindings, by their order.
    pub bindings: BTreeMap<u16, Binding>,
    /// Where it or a binding of it last changed (0: as it ships).
    pub changed: Position,
}

/// A step of a plan: a binding and its stage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step<'a> {
    /// The binding.
    pub binding: &'a Binding,
    /// The stage that it names.
    pub stage: &'a Stage,
}

impl Flows {
    /// The flow in which people sign in.
    pub const SIGN_IN: &str = "default-authentication-flow";
    /// The flow in which people get back in, unless that of [`Self::SIGN_IN`] names another.
    pub const RECOVERY: &str = "default-recovery-flow";
    /// The flows that pages lead to by their slugs, whatever is configured: they neither go nor change their slugs.
    pub const LED_TO: [&str; 2] = [Self::SIGN_IN, Self::RECOVERY];
    /// Flows there may be.
    pub const FLOWS_MAX: usize = 100;
    /// Stages there may be.
    pub const STAGES_MAX: usize = 250;
    /// Policies there may be.
    pub const POLICIES_MAX: usize = 250;
    /// Bindings one flow may have.
    pub const BINDINGS_MAX: usize = 30;

    /// The configuration that a snapshot kept.
    pub fn kept(
        flows: Vec<BoundFlow>,
        stages: Vec<Placed<Stage>>,
        policies: Vec<Placed<Policy>>,
        changed: Position,
    ) -> Self {
        let flows = flows.into_iter().map(|bound| (bound.flow.slug.clone(), bound));
        let stages = stages
            .into_iter()
            .map(|placed| (placed.value.name().clone(), placed));
        let policies = policies.into_iter().map(|placed| (placed.value.name(), placed));
        Self {
            by_slug: flows.collect(),
            stages: stages.collect(),
            policies: policies.collect(),
            changed,
        }
    }

    /// The flow of a slug.
    pub fn flow(&self, slug: &str) -> Option<&BoundFlow> {
        self.by_slug.get(slug)
    }

    /// All flows, by slug.
    pub fn flows(&self) -> impl Iterator<Item = &BoundFlow> + Clone {
        self.by_slug.values()
    }

    /// The stage of a name.
    pub fn stage(&self, name: &str) -> Option<&Stage> {
        self.placed_stage(name).map(|placed| &placed.value)
    }

    /// The stage of a name, and where it last changed.
    pub fn placed_stage(&self, name: &str) -> Option<&Placed<Stage>> {
        self.stages.get(name)
    }

    /// All stages, by name.
    pub fn stages(&self) -> impl Iterator<Item = &Placed<Stage>> + Clone {
        self.stages.values()
    }

    /// The policy of a name.
    pub fn policy(&self, name: &str) -> Option<&Policy> {
        self.placed_policy(name).map(|placed| &placed.value)
    }

    /// The policy of a name, and where it last changed.
    pub fn placed_policy(&self, name: &str) -> Option<&Placed<Policy>> {
        self.policies.get(name)
    }

    /// All policies of both kinds, by name.
    pub fn policies(&self) -> impl Iterator<Item = &Placed<Policy>> + Clone {
        self.policies.values()
    }

    /// The password policy of a name.
    pub fn password_policy(&self, name: &str) -> Option<&PasswordPolicy> {
        match self.policy(name)? {
            Policy::Password(policy) => Some(policy),
            Policy::Expression(_) => None,
        }
    }

    /// Where anything last changed: what an edit that was computed outside names as its ground.
    pub fn changed(&self) -> Position {
        self.changed
    }

    /// The steps of a flow in their order. A binding without its stage cannot be.
    pub fn plan(&self, slug: &str) -> Option<Vec<Step<'_>>> {
        let bound = self.flow(slug)?;
        let steps = bound.bindings.values().filter_map(|binding| {
            let stage = self.stage(binding.stage.as_str())?;
            Some(Step { binding, stage })
        });
        Some(steps.collect())
    }

    /// Whether nothing of a flow was ever changed: neither it and its bindings nor its stages.
    pub fn is_as_shipped(&self, slug: &str) -> bool {
        let is_unchanged = |step: &Step<'_>| {
            let placed = self.placed_stage(step.stage.name().as_str());
            placed.is_some_and(|placed| placed.changed == Position(0))
        };
        let plan = self.plan(slug).unwrap_or_default();
        self.flow(slug)
            .is_some_and(|bound| bound.changed == Position(0) && plan.iter().all(is_unchanged))
    }

    /// The version of a flow: where it, a binding, a stage, or a policy that it leads through last changed. An execution
    /// that began on another version begins anew.
    pub fn version(&self, slug: &str) -> Option<Position> {
        let mut version = self.flow(slug)?.changed;
        for step in self.plan(slug)? {
            let near = step.stage.settings().references();
            let stage = ObjectKey::Stage(step.binding.stage.clone());
            let bound = step.binding.policies.iter();
            let bound = bound.map(|bound| ObjectKey::Policy(bound.policy.clone()));
            let keys = near.into_iter().map(|(_, key)| key).chain([stage]).chain(bound);
            for key in keys {
                let changed = match &key {
                    // A link to another flow leads out of this one.
                    ObjectKey::Flow(_) => None,
                    ObjectKey::Stage(name) => self.stages.get(name).map(|placed| placed.changed),
                    ObjectKey::Policy(name) => self.policies.get(name).map(|placed| placed.changed),
                };
                version = version.max(changed.unwrap_or_default());
            }
        }
        Some(version)
    }
}
