//! What is to become of objects: edits, each with the part of a text that it comes from.

use super::reading::ObjectFault;
use super::tree::Tree;
use crate::domain::flow::{ChangeFault, Edit, Naming, ObjectKey};
use crate::types::{ObjectName, Slug};

/// The kinds of objects with a name of their own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ObjectKind {
    /// Flows, named by their slug.
    Flow,
    /// Stages.
    Stage,
    /// Policies.
    Policy,
}

impl ObjectKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Flow, Self::Stage, Self::Policy];

    /// What an object of a name is called in messages.
    pub fn label(self, name: &str) -> String {
        let kind = match self {
            Self::Flow => "flow",
            Self::Stage => "stage",
            Self::Policy => "policy",
        };
        format!("{kind} {name:?}")
    }

    /// What names the object of a text, if it can be a name of this kind.
    pub fn key(self, text: &str) -> Option<ObjectKey> {
        match self {
            Self::Flow => Slug::parse(text).map(ObjectKey::Flow),
            Self::Stage => ObjectName::parse(text).map(ObjectKey::Stage),
            Self::Policy => ObjectName::parse(text).map(ObjectKey::Policy),
        }
    }
}

/// In which order edits are carried out, so that what is named is there and what goes is named no more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Phase {
    Rename,
    SaveFlow,
    SavePolicy,
    /// Stages that name no other stage.
    SaveStage,
    SaveNamingStage,
    RemoveBinding,
    SaveBinding,
    RemoveFlow,
    RemoveStage,
    RemovePolicy,
}

/// What is to become of one object.
pub(super) struct ObjectPlan {
    pub(super) key: ObjectKey,
    pub(super) label: String,
    /// As it is, and as it will be; none where there is none.
    pub(super) before: Option<Tree>,
    pub(super) after: Option<Tree>,
    /// Whether a secret changes, which both trees show masked.
    pub(super) has_new_secret: bool,
    pub(super) edits: Vec<Planned>,
    /// Where it stands.
    pub(super) line: Option<u32>,
}

/// One edit, and which part of the text it comes from.
pub(super) struct Planned {
    pub(super) phase: Phase,
    pub(super) edit: Edit,
    /// What its fields' paths begin with.
    pub(super) at: String,
    pub(super) line: Option<u32>,
}

impl Planned {
    /// An edit of the part that these paths begin with.
    pub(super) fn new(phase: Phase, edit: Edit, at: &str) -> Self {
        Self {
            phase,
            edit,
            at: at.to_owned(),
            line: None,
        }
    }
}

impl ObjectPlan {
    /// Nothing is to become of an object yet.
    pub(super) fn empty(key: ObjectKey) -> Self {
        Self {
            label: label(&key),
            key,
            before: None,
            after: None,
            has_new_secret: false,
            edits: vec![],
            line: None,
        }
    }

    /// One edit.
    pub(super) fn of_one(key: ObjectKey, phase: Phase, edit: Edit) -> Self {
        let mut plan = Self::empty(key);
        plan.add(phase, edit);
        plan
    }

    /// An object goes.
    pub(super) fn removal(key: ObjectKey, naming: Naming) -> Self {
        let phase = match &key {
            ObjectKey::Flow(_) => Phase::RemoveFlow,
            ObjectKey::Stage(_) => Phase::RemoveStage,
            ObjectKey::Policy(_) => Phase::RemovePolicy,
        };
        Self::of_one(key.clone(), phase, Edit::Remove { key, naming })
    }

    /// Adds an edit that is about the whole object.
    pub(super) fn add(&mut self, phase: Phase, edit: Edit) {
        self.edits.push(Planned::new(phase, edit, ""));
    }

    /// Takes over the edits of a part, whose fields stand under a path.
    pub(super) fn take_edits(&mut self, part: Self, at: &str) {
        self.edits.extend(part.edits.into_iter().map(|planned| Planned {
            at: format!("{at}{}", planned.at),
            ..planned
        }));
    }

    /// The name, if it is about a stage.
    pub(super) fn stage_name(&self) -> Option<&ObjectName> {
        match &self.key {
            ObjectKey::Stage(name) => Some(name),
            ObjectKey::Flow(_) | ObjectKey::Policy(_) => None,
        }
    }

    /// What the law says about an edit, in the words of the text it comes from.
    pub(super) fn fault(&self, planned: usize, fault: ChangeFault) -> ObjectFault {
        let planned = self.edits.get(planned);
        let at = planned.map_or("", |planned| planned.at.as_str());
        let field = match (planned.map(|planned| &planned.edit), fault) {
            // A binding is named by its order, and a flow by its slug.
            (
                Some(Edit::SaveBinding { .. } | Edit::RemoveBinding { .. }),
                ChangeFault::Taken | ChangeFault::Unknown | ChangeFault::TooMany,
            ) => "order",
            (Some(Edit::SaveFlow { .. }), ChangeFault::Taken) => "slug",
            (Some(_) | None, fault) => fault.field(),
        };
        ObjectFault {
            object: Some(self.label.clone()),
            line: planned.and_then(|planned| planned.line).or(self.line),
            field: format!("{at}{field}"),
            reason: fault.reason(),
            remedy: fault.remedy().into(),
        }
    }
}

/// What an object is called in messages.
pub(super) fn label(key: &ObjectKey) -> String {
    match key {
        ObjectKey::Flow(slug) => ObjectKind::Flow.label(slug.as_str()),
        ObjectKey::Stage(name) => ObjectKind::Stage.label(name.as_str()),
        ObjectKey::Policy(name) => ObjectKind::Policy.label(name.as_str()),
    }
}
