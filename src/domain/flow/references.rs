//! Which objects an object names, and what becomes of those names when the objects are renamed or go.

use super::configuration::Flows;
use super::objects::Binding;
use super::stage::{StageKind, StageSettings};
use crate::types::{ObjectName, Slug};

/// What names an object.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum ObjectKey {
    /// A flow.
    Flow(Slug),
    /// A stage.
    Stage(ObjectName),
    /// A policy.
    Policy(ObjectName),
}

impl StageSettings {
    /// What these settings name: the field and the object.
    pub fn references(&self) -> Vec<(&'static str, ObjectKey)> {
        let flow = |field, slug: Option<&Slug>| slug.cloned().map(|slug| (field, ObjectKey::Flow(slug)));
        match self {
            Self::Identification(s) => {
                let stage = s.password_stage.clone();
                let stage = stage.map(|name| ("settings.password_stage", ObjectKey::Stage(name)));
                let flows = [
                    flow("settings.enrollment_flow", s.enrollment_flow.as_ref()),
                    flow("settings.recovery_flow", s.recovery_flow.as_ref()),
                ];
                stage.into_iter().chain(flows.into_iter().flatten()).collect()
            }
            Self::Password(s) => configure(s.configure_flow.as_ref()),
            Self::EmailAuthenticatorSetup(s) => configure(s.configure_flow.as_ref()),
            Self::TotpAuthenticatorSetup(s) => configure(s.configure_flow.as_ref()),
            Self::Prompt(s) => {
                let names = s.validation_policies.iter().cloned();
                names
                    .map(|name| ("settings.validation_policies", ObjectKey::Policy(name)))
                    .collect()
            }
            Self::AuthenticatorValidation(s) => {
                let names = s.configuration_stages.iter().cloned();
                names
                    .map(|name| ("settings.configuration_stages", ObjectKey::Stage(name)))
                    .collect()
            }
            Self::Email(_)
            | Self::UserWrite(_)
            | Self::UserLogin(_)
            | Self::UserLogout
            | Self::StaticAuthenticatorSetup(_)
            | Self::Deny(_) => vec![],
        }
    }

    /// Has every name of an object be another one, or go.
    pub(super) fn replace(&mut self, old: &ObjectKey, new: Option<&ObjectKey>) {
        match self {
            Self::Identification(s) => {
                replace_stage(&mut s.password_stage, old, new);
                replace_flow(&mut s.enrollment_flow, old, new);
                replace_flow(&mut s.recovery_flow, old, new);
            }
            Self::Password(s) => replace_flow(&mut s.configure_flow, old, new),
            Self::EmailAuthenticatorSetup(s) => replace_flow(&mut s.configure_flow, old, new),
            Self::TotpAuthenticatorSetup(s) => replace_flow(&mut s.configure_flow, old, new),
            Self::Prompt(s) => replace_in(&mut s.validation_policies, old, new, policy_name),
            Self::AuthenticatorValidation(s) => {
                replace_in(&mut s.configuration_stages, old, new, stage_name);
            }
            Self::Email(_)
            | Self::UserWrite(_)
            | Self::UserLogin(_)
            | Self::UserLogout
            | Self::StaticAuthenticatorSetup(_)
            | Self::Deny(_) => {}
        }
    }
}

fn configure(flow: Option<&Slug>) -> Vec<(&'static str, ObjectKey)> {
    let named = flow
        .cloned()
        .map(|slug| ("settings.configure_flow", ObjectKey::Flow(slug)));
    named.into_iter().collect()
}

fn flow_slug(key: &ObjectKey) -> Option<&Slug> {
    match key {
        ObjectKey::Flow(slug) => Some(slug),
        ObjectKey::Stage(_) | ObjectKey::Policy(_) => None,
    }
}

fn stage_name(key: &ObjectKey) -> Option<&ObjectName> {
    match key {
        ObjectKey::Stage(name) => Some(name),
        ObjectKey::Flow(_) | ObjectKey::Policy(_) => None,
    }
}

fn policy_name(key: &ObjectKey) -> Option<&ObjectName> {
    match key {
        ObjectKey::Policy(name) => Some(name),
        ObjectKey::Flow(_) | ObjectKey::Stage(_) => None,
    }
}

fn replace_flow(named: &mut Option<Slug>, old: &ObjectKey, new: Option<&ObjectKey>) {
    if named.is_some() && named.as_ref() == flow_slug(old) {
        *named = new.and_then(flow_slug).cloned();
    }
}

fn replace_stage(named: &mut Option<ObjectName>, old: &ObjectKey, new: Option<&ObjectKey>) {
    if named.is_some() && named.as_ref() == stage_name(old) {
        *named = new.and_then(stage_name).cloned();
    }
}

fn replace_in(
    names: &mut Vec<ObjectName>,
    old: &ObjectKey,
    new: Option<&ObjectKey>,
    name_of: fn(&ObjectKey) -> Option<&ObjectName>,
) {
    let Some(old) = name_of(old) else { return };
    match new.and_then(name_of) {
        Some(new) => names
            .iter_mut()
            .filter(|name| *name == old)
            .for_each(|name| *name = new.clone()),
        None => names.retain(|name| name != old),
    }
}

impl Binding {
    /// Whether it names an object.
    fn names(&self, key: &ObjectKey) -> bool {
        match key {
            ObjectKey::Flow(_) => false,
            ObjectKey::Stage(name) => self.stage == *name,
            ObjectKey::Policy(name) => self.policies.iter().any(|bound| bound.policy == *name),
        }
    }

    /// Has every name of an object be another one; says whether there was any.
    pub(super) fn rename(&mut self, from: &ObjectKey, to: &ObjectKey) -> bool {
        let is_named = self.names(from);
        if let (true, Some(to)) = (is_named, stage_name(to)) {
            self.stage = to.clone();
        }
        if let (true, Some(from), Some(to)) = (is_named, policy_name(from), policy_name(to)) {
            let named = self.policies.iter_mut().filter(|bound| bound.policy == *from);
            named.for_each(|bound| bound.policy = to.clone());
        }
        is_named
    }
}

impl Flows {
    /// Whether there is such an object.
    pub fn has(&self, key: &ObjectKey) -> bool {
        match key {
            ObjectKey::Flow(slug) => self.by_slug.contains_key(slug),
            ObjectKey::Stage(name) => self.stages.contains_key(name),
            ObjectKey::Policy(name) => self.policies.contains_key(name),
        }
    }

    /// The stages whose settings name an object.
    pub fn stages_that_name(&self, key: &ObjectKey) -> Vec<&ObjectName> {
        let stages = self.stages.iter();
        let naming = stages.filter(|(_, placed)| {
            let references = placed.value.settings().references();
            references.iter().any(|(_, named)| named == key)
        });
        naming.map(|(name, _)| name).collect()
    }

    /// The bindings that name an object: flow and order.
    pub fn bindings_that_name(&self, key: &ObjectKey) -> Vec<(&Slug, u16)> {
        let bound = self.by_slug.iter();
        bound
            .flat_map(|(slug, bound)| bound.bindings.values().map(move |binding| (slug, binding)))
            .filter(|(_, binding)| binding.names(key))
            .map(|(slug, binding)| (slug, binding.order))
            .collect()
    }

    /// Whether anything names an object.
    pub fn is_named(&self, key: &ObjectKey) -> bool {
        !self.stages_that_name(key).is_empty() || !self.bindings_that_name(key).is_empty()
    }
}

/// Whether a field may name a stage of a kind.
pub(super) fn fits(field: &str, kind: StageKind) -> bool {
    match kind {
        StageKind::Password => field == "settings.password_stage",
        StageKind::EmailAuthenticatorSetup
        | StageKind::TotpAuthenticatorSetup
        | StageKind::StaticAuthenticatorSetup => field == "settings.configuration_stages",
        StageKind::Identification
        | StageKind::Email
        | StageKind::Prompt
        | StageKind::UserWrite
        | StageKind::UserLogin
        | StageKind::UserLogout
        | StageKind::AuthenticatorValidation
        | StageKind::Deny => false,
    }
}
