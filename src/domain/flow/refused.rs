//! Why an edit of the configuration was not carried out.

/// Which edit of a command, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChangeRefused {
    /// The number of the edit in the command, from 0.
    pub edit: u16,
    /// Why.
    pub fault: ChangeFault,
}

/// Why one edit cannot be.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ChangeFault {
    /// There is no such object.
    Unknown,
    /// There is one already, and a new one was asked for.
    Taken,
    /// Another flow has this name, or a policy of the other kind.
    NameTaken,
    /// The kind of an object cannot change.
    KindChanged,
    /// A field names a flow that there is not.
    NoSuchFlow(&'static str),
    /// A field names a stage that there is not.
    NoSuchStage(&'static str),
    /// A field names a policy that there is not.
    NoSuchPolicy(&'static str),
    /// A field names a stage or a policy of a kind that does not belong there.
    WrongKind(&'static str),
    /// Something names the object.
    InUse,
    /// The pages lead to the flow by its slug.
    LedTo,
    /// The pages lead to the flow, and without a stage nobody gets through it.
    Emptied,
    /// There are as many as there may be.
    TooMany,
    /// A list of this field is too long, or names something twice.
    List(&'static str),
}

impl ChangeFault {
    /// One of each.
    pub const ALL: [Self; 13] = [
        Self::Unknown,
        Self::Taken,
        Self::NameTaken,
        Self::KindChanged,
        Self::NoSuchFlow("flow"),
        Self::NoSuchStage("stage"),
        Self::NoSuchPolicy("policies"),
        Self::WrongKind("policies"),
        Self::InUse,
        Self::LedTo,
        Self::Emptied,
        Self::TooMany,
        Self::List("policies"),
    ];

    /// The field it is about, as in JSON and in blueprints, seen from the object.
    pub fn field(self) -> &'static str {
        match self {
            Self::Unknown | Self::Taken | Self::NameTaken | Self::InUse | Self::TooMany => "name",
            Self::KindChanged => "kind",
            Self::LedTo => "slug",
            Self::Emptied => "order",
            Self::NoSuchFlow(field)
            | Self::NoSuchStage(field)
            | Self::NoSuchPolicy(field)
            | Self::WrongKind(field)
            | Self::List(field) => field,
        }
    }

    /// A stable word for programs.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Unknown | Self::NoSuchFlow(_) | Self::NoSuchStage(_) | Self::NoSuchPolicy(_) => "not-found",
            Self::Taken | Self::NameTaken => "taken",
            Self::KindChanged | Self::LedTo => "fixed",
            Self::WrongKind(_) => "wrong-kind",
            Self::InUse => "in-use",
            Self::Emptied => "needed",
            Self::TooMany => "too-many",
            Self::List(_) => "list",
        }
    }

    /// What to do about it, for people.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Unknown => "there is no such object: list them to see their names",
            Self::Taken => "it is taken: choose another, or update what is there",
            Self::NameTaken => "it is taken: choose another",
            Self::KindChanged => "the kind of an object stays: make a new one",
            Self::NoSuchFlow(_) => "there is no such flow: make it first, or name another by its slug",
            Self::NoSuchStage(_) => "there is no such stage: make it first, or name another",
            Self::NoSuchPolicy(_) => "there is no such policy: make it first, or name another",
            Self::WrongKind(_) => {
                "it is of a kind that does not belong here: password_stage takes a password stage, configuration_stages \
                 take set-up stages, validation_policies password policies, bindings expression policies"
            }
            Self::InUse => "something still names it: detach it first, or ask to have it detached",
            Self::LedTo => {
                "the pages lead to it by this slug, and nobody gets in without it: change its bindings instead"
            }
            Self::Emptied => {
                "people sign in or get back in by this flow, and this is its last stage: bind another one first"
            }
            Self::TooMany => "there are as many as there may be: remove one first",
            Self::List(_) => "it has too many entries, or one twice",
        }
    }
}
