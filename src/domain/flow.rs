//! Flows: which stages a person walks to sign in, get back in, sign up or set something up, and the policies on the way.
//!
//! The configuration is one value, [`Flows`], that events change. It begins with the objects that ship. What people do
//! in a flow is not here; here is what administrators decide.

mod change;
mod configuration;
mod defaults;
mod fault;
mod law;
mod objects;
mod policy;
mod problems;
mod references;
mod refused;
mod stage;
mod words;

pub(super) use change::edited;
pub use change::{EDITS_MAX, Edit, FlowChange, Naming, Presence};
pub use configuration::{BoundFlow, Flows, Placed, Step};
pub use fault::FieldFault;
pub(super) use law::{allows, password_policy};
pub use objects::{Binding, BoundPolicy, DeniedAction, Designation, Flow, InvalidResponse, Requirement};
pub use policy::{ExpressionPolicy, Policy};
pub use problems::{GlobalMail, Problem, ProblemKind};
pub use references::ObjectKey;
pub use refused::{ChangeFault, ChangeRefused};
pub use stage::{
    AuthenticatorValidation, Deny, EmailAuthenticatorSetup, EmailStage, FieldKind, Identification,
    MailServer, MailTemplate, NotConfigured, PasswordStage, Prompt, PromptField, Stage, StageKind,
    StageSecret, StageSettings, StaticAuthenticatorSetup, TotpAuthenticatorSetup, UserCreation, UserField,
    UserLogin, UserWrite,
};
