//! What each object is made of, for whoever makes a form of it: every field by its path, with what it takes and what is in
//! it. The paths are those of the API, so that a fault finds its field.

use super::reading::Value;
use super::settings::{Described, Settings as _};
use super::tree::Tree;
use crate::desk::Desk;
use crate::domain::flow::{
    Binding, BoundPolicy, DeniedAction, Designation, InvalidResponse, ObjectKey, Policy, Requirement, Stage,
    StageKind, StageSettings,
};
use crate::domain::password_policy::PasswordPolicySettings;
use crate::types::{ObjectName, Position, Slug};

/// What a field takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Shape {
    /// A line.
    Text,
    /// A text of several lines.
    Lines,
    /// A secret, shown as a mask.
    Secret,
    /// A whole number.
    Whole,
    /// Yes or no.
    Flag,
    /// A length of time such as `12h`.
    Time,
    /// One of these words.
    Choice(Vec<&'static str>),
    /// Some of these words.
    Choices(Vec<&'static str>),
    /// An object's name.
    Object(Referred),
    /// An object's name, or nothing.
    MaybeObject(Referred),
    /// Names of objects.
    Objects(Referred),
    /// Rows of these cells; a row without its first cell is none.
    Rows(Vec<(&'static str, Shape)>),
}

/// What a field may name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Referred {
    /// A flow that is for this, by its slug.
    Flow(Designation),
    /// A stage.
    Stage,
    /// A stage that asks for the password.
    PasswordStage,
    /// A stage that sets a second factor up.
    SetUpStage,
    /// A password policy.
    PasswordPolicy,
    /// An expression policy.
    ExpressionPolicy,
}

impl Shape {
    /// The shape of several of these.
    pub(super) fn several(self) -> Self {
        match self {
            Self::Choice(words) => Self::Choices(words),
            Self::Object(of) => Self::Objects(of),
            Self::Text
            | Self::Lines
            | Self::Secret
            | Self::Whole
            | Self::Flag
            | Self::Time
            | Self::Choices(_)
            | Self::MaybeObject(_)
            | Self::Objects(_)
            | Self::Rows(_) => self,
        }
    }

    /// The shape of one of these, or of nothing.
    pub(super) fn or_none(self) -> Self {
        match self {
            Self::Object(of) => Self::MaybeObject(of),
            Self::Text
            | Self::Lines
            | Self::Secret
            | Self::Whole
            | Self::Flag
            | Self::Time
            | Self::Choice(_)
            | Self::Choices(_)
            | Self::MaybeObject(_)
            | Self::Objects(_)
            | Self::Rows(_) => self,
        }
    }
}

/// A field of an object.
#[derive(Clone, PartialEq, Debug)]
pub struct FormField {
    /// Its path, such as `settings.subject`.
    pub path: String,
    /// What it takes.
    pub shape: Shape,
    /// What is in it.
    pub value: Tree,
}

/// The fields of an object.
#[derive(Clone, PartialEq, Debug)]
pub struct ObjectForm {
    /// The word for its kind, of the objects that have kinds.
    pub kind: Option<&'static str>,
    /// The version that the values are of; none of an object that is not there yet.
    pub version: Option<Position>,
    /// The fields.
    pub fields: Vec<FormField>,
}

/// An object that is not there yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Blank {
    /// A flow.
    Flow,
    /// A stage of a kind.
    Stage(StageKind),
    /// A password policy.
    PasswordPolicy,
    /// An expression policy.
    ExpressionPolicy,
}

/// A field at the top of an object.
fn top<T: Value>(name: &'static str, value: Tree) -> FormField {
    FormField {
        path: name.to_owned(),
        shape: T::shape(name),
        value,
    }
}

fn below(described: Vec<Described>) -> impl Iterator<Item = FormField> {
    described.into_iter().map(|described| FormField {
        path: format!("settings.{}", described.name),
        shape: described.shape,
        value: described.value,
    })
}

fn named(
    kind: &'static str,
    name: Tree,
    mut settings: Vec<Described>,
    version: Option<Position>,
) -> ObjectForm {
    if kind == StageKind::EmailAuthenticatorSetup.word() {
        // As guides have it: over which server first, then what is mailed.
        let is_of_the_mail = ["subject", "token_expiry_minutes", "configure_flow"];
        settings.sort_by_key(|field| is_of_the_mail.contains(&field.name));
    }
    ObjectForm {
        kind: Some(kind),
        version,
        fields: std::iter::once(top::<ObjectName>("name", name))
            .chain(below(settings))
            .collect(),
    }
}

fn expression(text: &str) -> Vec<Described> {
    vec![Described {
        name: "expression",
        shape: Shape::Lines,
        value: Tree::text(text),
    }]
}

impl Blank {
    /// The fields, with what is in them unless something else is written.
    pub fn form(self) -> ObjectForm {
        let nothing = || Tree::text("");
        match self {
            Self::Flow => ObjectForm {
                kind: None,
                version: None,
                fields: vec![
                    top::<ObjectName>("name", nothing()),
                    top::<ObjectName>("title", nothing()),
                    top::<Slug>("slug", nothing()),
                    top::<Designation>("designation", Designation::Authentication.show()),
                    top::<Requirement>("authentication", Requirement::None.show()),
                    top::<DeniedAction>("denied_action", DeniedAction::MessageContinue.show()),
                ],
            },
            Self::Stage(kind) => named(kind.word(), nothing(), StageSettings::of(kind).described(), None),
            Self::PasswordPolicy => {
                let settings = PasswordPolicySettings::named("").described();
                named("password", nothing(), settings, None)
            }
            Self::ExpressionPolicy => named("expression", nothing(), expression(""), None),
        }
    }
}

fn of_stage(stage: &Stage, version: Position) -> ObjectForm {
    let settings = stage.settings().described();
    named(stage.kind().word(), stage.name().show(), settings, Some(version))
}

fn of_policy(policy: &Policy, version: Position) -> ObjectForm {
    let settings = match policy {
        Policy::Password(policy) => policy.settings().described(),
        Policy::Expression(policy) => expression(policy.expression()),
    };
    named(policy.kind(), policy.name().show(), settings, Some(version))
}

impl Desk {
    /// The fields of an object that is there.
    pub fn object_form(&self, key: &ObjectKey) -> Option<ObjectForm> {
        let flows = self.flows();
        Some(match key {
            ObjectKey::Flow(slug) => {
                let bound = flows.flow(slug.as_str())?;
                let flow = &bound.flow;
                ObjectForm {
                    kind: None,
                    version: Some(bound.changed),
                    fields: vec![
                        top::<ObjectName>("name", flow.name.show()),
                        top::<ObjectName>("title", flow.title.show()),
                        top::<Slug>("slug", flow.slug.show()),
                        top::<Designation>("designation", flow.designation.show()),
                        top::<Requirement>("authentication", flow.authentication.show()),
                        top::<DeniedAction>("denied_action", flow.denied_action.show()),
                    ],
                }
            }
            ObjectKey::Stage(name) => {
                let placed = flows.placed_stage(name.as_str())?;
                of_stage(&placed.value, placed.changed)
            }
            ObjectKey::Policy(name) => {
                let placed = flows.placed_policy(name.as_str())?;
                of_policy(&placed.value, placed.changed)
            }
        })
    }

    /// The fields of a binding of a flow, or of a new one behind the others.
    pub fn binding_form(&self, flow: &Slug, order: Option<u16>) -> Option<ObjectForm> {
        let flows = self.flows();
        let bound = flows.flow(flow.as_str())?;
        let binding = match order {
            Some(order) => Some(bound.bindings.get(&order)?),
            None => None,
        };
        let last = bound.bindings.keys().next_back().copied().unwrap_or(0);
        let behind = (last / 10 + 1).saturating_mul(10);
        let show = |binding: &Binding| {
            (
                binding.order.show(),
                binding.stage.show(),
                binding.policies.show(),
                binding.invalid_response_action.show(),
            )
        };
        let nothing = || {
            (
                behind.show(),
                Tree::text(""),
                Tree::list([]),
                InvalidResponse::Retry.show(),
            )
        };
        let (order, stage, policies, action) = binding.map_or_else(nothing, show);
        Some(ObjectForm {
            kind: None,
            version: Some(bound.changed),
            fields: vec![
                top::<ObjectName>("stage", stage),
                top::<u16>("order", order),
                top::<InvalidResponse>("invalid_response_action", action),
                top::<Vec<BoundPolicy>>("policies", policies),
            ],
        })
    }

    /// The names that a field may have without a fault, in their order.
    pub fn referable(&self, of: Referred) -> Vec<String> {
        let flows = self.flows();
        let policies = |wanted: &str| {
            let policies = flows.policies().map(|placed| &placed.value);
            policies
                .filter(|policy| policy.kind() == wanted)
                .map(|policy| policy.name().as_str().to_owned())
                .collect()
        };
        let stages = |kinds: &[StageKind]| {
            let stages = flows.stages().map(|placed| &placed.value);
            stages
                .filter(|stage| kinds.contains(&stage.kind()))
                .map(|stage| stage.name().as_str().to_owned())
                .collect()
        };
        match of {
            Referred::Flow(designation) => flows
                .flows()
                .filter(|bound| bound.flow.designation == designation)
                .map(|bound| bound.flow.slug.as_str().to_owned())
                .collect(),
            Referred::Stage => stages(StageKind::ALL),
            Referred::PasswordStage => stages(&[StageKind::Password]),
            Referred::SetUpStage => stages(&StageKind::SET_UPS),
            Referred::PasswordPolicy => policies("password"),
            Referred::ExpressionPolicy => policies("expression"),
        }
    }
}
