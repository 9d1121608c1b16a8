//! Flows and bindings: which stages a person walks, in which order, and when one is left out.

use crate::types::{ObjectName, Slug};

use super::words::worded;

worded! {
    /// What a flow is for.
    Designation {
        /// Signing in.
        Authentication = "authentication",
        /// Making an account.
        Enrollment = "enrollment",
        /// Getting back in without the password.
        Recovery = "recovery",
        /// Signing out.
        Invalidation = "invalidation",
        /// Setting something up: a factor, a new password.
        StageConfiguration = "stage_configuration",
    }
}

worded! {
    /// Who may begin a flow.
    Requirement {
        /// Anybody.
        None = "none",
        /// Only somebody who is signed in.
        RequireAuthenticated = "require_authenticated",
        /// Only somebody who is not.
        RequireUnauthenticated = "require_unauthenticated",
    }
}

worded! {
    /// What a person who may not go on sees.
    DeniedAction {
        /// The page they came from, if it is one of ours; otherwise the message.
        MessageContinue = "message_continue",
        /// The message.
        Message = "message",
        /// The page they came from, if it is one of ours; otherwise the sign-in page.
        Continue = "continue",
    }
}

worded! {
    /// What a wrong answer to a stage leads to.
    InvalidResponse {
        /// The same stage again.
        Retry = "retry",
        /// The flow from its beginning.
        Restart = "restart",
    }
}

/// A flow: what it is called, what it is for, and who may begin it. Its stages are its [`Binding`]s.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Flow {
    /// Its unique name in the address of its page, `/flow/{slug}`.
    pub slug: Slug,
    /// Its unique name for administrators.
    pub name: ObjectName,
    /// What its pages are headed with.
    pub title: ObjectName,
    /// What it is for.
    pub designation: Designation,
    /// Who may begin it.
    pub authentication: Requirement,
    /// What a person who may not go on sees.
    pub denied_action: DeniedAction,
}

/// A stage at its place in a flow.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Binding {
    /// Its place: stages are walked from the lowest number up. Unique within the flow; gaps are welcome.
    pub order: u16,
    /// The stage.
    pub stage: ObjectName,
    /// When the stage is walked: if every enabled policy says yes, which is always so without any. Else it is left out.
    pub policies: Vec<BoundPolicy>,
    /// What a wrong answer leads to.
    pub invalid_response_action: InvalidResponse,
}

impl Binding {
    /// Policies that one binding may have.
    pub const POLICIES_MAX: usize = 6;

    /// A stage that is always walked, and asked again after a wrong answer.
    pub fn plain(order: u16, stage: ObjectName) -> Self {
        Self {
            order,
            stage,
            policies: vec![],
            invalid_response_action: InvalidResponse::Retry,
        }
    }
}

/// An expression policy that decides about a binding.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct BoundPolicy {
    /// The expression policy.
    pub policy: ObjectName,
    /// Whether its yes is a no here, and its no a yes. An error stays a no.
    pub negate: bool,
    /// Whether it is asked at all.
    pub enabled: bool,
}
