//! Flows, stages, bindings and policies for administrators: shown, made, changed and removed, one by one or together as
//! a blueprint says. The API, the console and the command line end here, so that all three have one effect.

mod bindings;
mod blueprint;
mod difference;
mod form;
mod plan;
mod planned;
mod reading;
mod settings;
mod shown;
mod toml_text;
mod tree;
mod values;

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

pub use bindings::Way;
pub use blueprint::BlueprintMode;
pub use difference::{ChangeWord, Difference, FieldDifference};
pub use form::{Blank, FormField, ObjectForm, Referred, Shape};
pub use planned::ObjectKind;
pub use reading::{MASK, ObjectFault};
pub use shown::{policy_settings, stage_settings};
pub use toml_text::BLUEPRINT_BYTES_MAX;
pub use tree::{Node, Tree};

use super::{Desk, Fault};
use crate::crypto;
use crate::domain::flow::{ChangeRefused, Edit, Flows, Naming, ObjectKey, StageSecret};
use crate::domain::{Actor, Command, Refusal};
use crate::engine::Lane;
use crate::system::random_array;
use crate::types::{Locale, Position};
use plan::About;
use planned::ObjectPlan;
use reading::Secrets;

/// Why objects were not changed.
#[derive(Clone, PartialEq, Debug)]
pub enum ObjectsFault {
    /// There is no such object.
    Unknown,
    /// It has changed since it was looked at.
    Changed,
    /// Fields are not as they may be.
    Fields(Vec<ObjectFault>),
    /// As with any request.
    Desk(Fault),
}

impl From<Fault> for ObjectsFault {
    fn from(fault: Fault) -> Self {
        Self::Desk(fault)
    }
}

impl Desk {
    /// The configuration of flows as it is.
    pub fn flows(&self) -> Arc<Flows> {
        self.engine().read(|state| Arc::clone(state.flows()))
    }

    /// All objects of a kind, by name.
    pub fn list_objects(&self, kind: ObjectKind, locale: Locale) -> Vec<Tree> {
        let flows = self.flows();
        let keys: Vec<ObjectKey> = match kind {
            ObjectKind::Flow => flows
                .flows()
                .map(|bound| ObjectKey::Flow(bound.flow.slug.clone()))
                .collect(),
            ObjectKind::Stage => flows
                .stages()
                .map(|placed| ObjectKey::Stage(placed.value.name().clone()))
                .collect(),
            ObjectKind::Policy => flows
                .policies()
                .map(|placed| ObjectKey::Policy(placed.value.name()))
                .collect(),
        };
        keys.iter()
            .filter_map(|key| self.object_of(&flows, key, locale))
            .collect()
    }

    /// One object, with its version, and with what else an administrator wants to know of it.
    pub fn show_object(&self, key: &ObjectKey, locale: Locale) -> Option<Tree> {
        self.object_of(&self.flows(), key, locale)
    }

    fn object_of(&self, flows: &Flows, key: &ObjectKey, locale: Locale) -> Option<Tree> {
        let version = |tree: Tree, at: Position| {
            tree.with("version", Tree::Whole(i64::try_from(at.0).unwrap_or(i64::MAX)))
        };
        let names = Tree::list(
            flows
                .stages_that_name(key)
                .into_iter()
                .map(|name| Tree::text(name.as_str())),
        );
        let bound = Tree::list(flows.bindings_that_name(key).into_iter().map(|(slug, order)| {
            Tree::table([
                ("flow", Tree::text(slug.as_str())),
                ("order", Tree::Whole(i64::from(order))),
            ])
        }));
        Some(match key {
            ObjectKey::Flow(slug) => {
                let known = flows.flow(slug.as_str())?;
                let problems = flows.problems(slug.as_str(), self.settings().mail);
                let problems = problems.into_iter().map(|problem| {
                    let stage = problem.stage.map_or(Tree::Null, |name| Tree::text(name.as_str()));
                    Tree::table([
                        ("code", Tree::text(problem.kind.word())),
                        ("stage", stage),
                        ("message", Tree::text(problem.kind.sentence(locale))),
                    ])
                });
                version(shown::flow(known), known.changed)
                    .with("problems", Tree::list(problems))
                    .with("named_by_stages", names)
            }
            ObjectKey::Stage(name) => {
                let known = flows.placed_stage(name.as_str())?;
                version(shown::stage(&known.value), known.changed)
                    .with("bound_to", bound)
                    .with("named_by_stages", names)
            }
            ObjectKey::Policy(name) => {
                let known = flows.placed_policy(name.as_str())?;
                version(shown::policy(&known.value), known.changed)
                    .with("bound_to", bound)
                    .with("named_by_stages", names)
            }
        })
    }

    /// Makes an object and says what names it; fields may be left out where they have a default.
    pub async fn make_object(
        &self,
        kind: ObjectKind,
        fields: Tree,
        by: Actor,
    ) -> Result<ObjectKey, ObjectsFault> {
        let plans = |flows: &Flows| {
            let plan = plan::plan(flows, kind, &About::New, fields.clone().into(), self);
            Ok(vec![plan.map_err(ObjectsFault::Fields)?])
        };
        let done = self.change(plans, by).await?;
        let saved = done.into_iter().next().map(|plan| plan.key);
        saved.ok_or(ObjectsFault::Unknown)
    }

    /// Changes the given fields of an object, its name among them; what names it follows. With a version it must not
    /// have changed since that. Says what names it now.
    pub async fn change_object(
        &self,
        key: &ObjectKey,
        fields: Tree,
        version: Option<Position>,
        by: Actor,
    ) -> Result<ObjectKey, ObjectsFault> {
        let kind = match key {
            ObjectKey::Flow(_) => ObjectKind::Flow,
            ObjectKey::Stage(_) => ObjectKind::Stage,
            ObjectKey::Policy(_) => ObjectKind::Policy,
        };
        let plans = |flows: &Flows| {
            is_of(flows, key, version)?;
            let about = About::This(key.clone());
            let plan = plan::plan(flows, kind, &about, fields.clone().into(), self);
            let plan = plan.map_err(ObjectsFault::Fields)?;
            self.keep_rest_policy(key, Some(&plan.key))?;
            Ok(vec![plan])
        };
        let done = self.change(plans, by).await?;
        let saved = done.into_iter().next().map(|plan| plan.key);
        saved.ok_or(ObjectsFault::Unknown)
    }

    /// Removes an object; a flow with its bindings. What names it keeps it from that, unless it is to be detached.
    pub async fn remove_object(
        &self,
        key: &ObjectKey,
        naming: Naming,
        version: Option<Position>,
        by: Actor,
    ) -> Result<(), ObjectsFault> {
        let plans = |flows: &Flows| {
            is_of(flows, key, version)?;
            self.keep_rest_policy(key, None)?;
            Ok(vec![ObjectPlan::removal(key.clone(), naming)])
        };
        self.change(plans, by).await.map(|_| ())
    }

    /// The policy that the settings name for the REST routes must go on being there under that name.
    fn keep_rest_policy(&self, key: &ObjectKey, new: Option<&ObjectKey>) -> Result<(), ObjectsFault> {
        let named =
            matches!(key, ObjectKey::Policy(name) if name.as_str() == self.settings().password_policy);
        if !named || new == Some(key) {
            return Ok(());
        }
        Err(ObjectsFault::Fields(vec![ObjectFault {
            object: Some(planned::label(key)),
            line: None,
            field: "name".to_owned(),
            reason: "in-use",
            remedy: "the setting rest.password_policy names it: have that name another policy first".into(),
        }]))
    }

    /// Carries plans out, all or none, and makes them anew while the configuration changes under them.
    async fn change(
        &self,
        plans: impl Fn(&Flows) -> Result<Vec<ObjectPlan>, ObjectsFault>,
        by: Actor,
    ) -> Result<Vec<ObjectPlan>, ObjectsFault> {
        for _ in 0..Self::ATTEMPTS_MAX {
            let flows = self.flows();
            let plans = plans(&flows)?;
            let (planned, edits) = in_order(&plans);
            let command = Command::ChangeFlows {
                edits,
                against: Some(flows.changed()),
                by,
            };
            match self.carry_out(Lane::Proof, command, vec![]).await {
                Ok(_) => return Ok(plans),
                Err(Fault::Refused(Refusal::Outdated)) => {}
                Err(Fault::Refused(Refusal::FlowChange(refused))) => {
                    return Err(told(&plans, &planned, refused));
                }
                Err(fault) => return Err(fault.into()),
            }
        }
        Err(Fault::Refused(Refusal::Outdated).into())
    }

    /// Holds plans against the law, and carries nothing out.
    fn rehearse(
        &self,
        plans: impl Fn(&Flows) -> Result<Vec<ObjectPlan>, ObjectsFault>,
    ) -> Result<Vec<ObjectPlan>, ObjectsFault> {
        let flows = self.flows();
        let plans = plans(&flows)?;
        let (planned, edits) = in_order(&plans);
        flows
            .try_edits(edits)
            .map_err(|refused| told(&plans, &planned, refused))?;
        Ok(plans)
    }
}

/// Which edit comes from which plan: the number of the plan, and of the edit in it.
type Origins = Vec<(usize, usize)>;

/// The edits of all plans in an order in which they can be carried out.
fn in_order(plans: &[ObjectPlan]) -> (Origins, Vec<Edit>) {
    let numbered = plans.iter().enumerate().flat_map(|(at, plan)| {
        let edits = plan.edits.iter().enumerate();
        edits.map(move |(number, planned)| ((at, number), planned))
    });
    let mut all: Vec<_> = numbered.collect();
    all.sort_by_key(|(_, planned)| planned.phase);
    all.into_iter()
        .map(|(origin, planned)| (origin, planned.edit.clone()))
        .unzip()
}

/// A refusal in the words of the plan that it meets.
fn told(plans: &[ObjectPlan], origins: &[(usize, usize)], refused: ChangeRefused) -> ObjectsFault {
    let origin = origins.get(usize::from(refused.edit));
    let fault = origin.and_then(|(at, edit)| Some(plans.get(*at)?.fault(*edit, refused.fault)));
    let beyond = || ObjectFault {
        object: None,
        line: None,
        field: refused.fault.field().to_owned(),
        reason: refused.fault.reason(),
        remedy: refused.fault.remedy().into(),
    };
    ObjectsFault::Fields(vec![fault.unwrap_or_else(beyond)])
}

/// Refuses an object that is not there, or has changed.
fn is_of(flows: &Flows, key: &ObjectKey, version: Option<Position>) -> Result<(), ObjectsFault> {
    let changed = match key {
        ObjectKey::Flow(slug) => flows.flow(slug.as_str()).map(|bound| bound.changed),
        ObjectKey::Stage(name) => flows.placed_stage(name.as_str()).map(|placed| placed.changed),
        ObjectKey::Policy(name) => flows.placed_policy(name.as_str()).map(|placed| placed.changed),
    };
    let changed = changed.ok_or(ObjectsFault::Unknown)?;
    if version.is_some_and(|version| version != changed) {
        return Err(ObjectsFault::Changed);
    }
    Ok(())
}

impl Secrets for Desk {
    fn seal(&self, clear: &SecretString) -> StageSecret {
        let entropy = self.engine().entropy();
        let owner = random_array(entropy);
        let ring = self.engine().keyring().current();
        let sealed = crypto::seal_config(&ring, owner, clear, entropy);
        StageSecret { owner, sealed }
    }

    fn is(&self, sealed: &StageSecret, clear: &str) -> bool {
        let kept = self.stage_secret(sealed);
        kept.is_some_and(|kept| kept.expose_secret().as_bytes().ct_eq(clear.as_bytes()).into())
    }
}
