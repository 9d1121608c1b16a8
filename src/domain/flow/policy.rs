//! Policies: what a new password must meet, and expressions that decide whether a binding applies.

use crate::types::ObjectName;

use super::super::password_policy::PasswordPolicy;
use super::fault::{Faults, FieldFault};

/// A policy; names are unique over both kinds.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Policy {
    /// What a new password must meet: for the `validation_policies` of prompts and for the REST routes.
    Password(PasswordPolicy),
    /// Whether a binding applies.
    Expression(ExpressionPolicy),
}

impl Policy {
    /// Its unique name.
    pub fn name(&self) -> ObjectName {
        match self {
            Self::Password(policy) => {
                ObjectName::parse(&policy.settings().name).expect("a password policy's name is a line")
            }
            Self::Expression(policy) => policy.name.clone(),
        }
    }

    /// The word for its kind in JSON and in blueprints.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Password(_) => "password",
            Self::Expression(_) => "expression",
        }
    }
}

/// An expression over the context of a flow, in the language of the template engine; it is compiled before it is saved.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ExpressionPolicy {
    name: ObjectName,
    expression: String,
}

impl ExpressionPolicy {
    /// Bytes that an expression may have.
    pub const BYTES_MAX: usize = 2_000;

    /// A policy of this text; whether the text is an expression is for the room that compiles it.
    pub fn new(name: ObjectName, expression: String) -> Result<Self, Vec<FieldFault>> {
        let mut faults = Faults::default();
        faults.ensure(
            !expression.trim().is_empty(),
            "expression",
            "required",
            "write an expression that is true when the binding applies, such as user.email_verified",
        );
        faults.ensure(
            expression.len() <= Self::BYTES_MAX,
            "expression",
            "too-long",
            "use at most 2000 bytes",
        );
        faults.ensure(
            !expression.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t')),
            "expression",
            "control-character",
            "remove the control characters; line breaks and tabs may stay",
        );
        faults.or(Self { name, expression })
    }

    /// Its name.
    pub fn name(&self) -> &ObjectName {
        &self.name
    }

    /// Its text.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// The same under another name.
    #[must_use]
    pub(super) fn renamed(self, name: ObjectName) -> Self {
        Self { name, ..self }
    }
}
