//! Objects as trees.

use super::reading::Value as _;
use super::settings::Settings as _;
use super::tree::Tree;
use crate::domain::flow::{BoundFlow, Policy, Stage};

/// A flow with its bindings.
pub(super) fn flow(bound: &BoundFlow) -> Tree {
    let flow = &bound.flow;
    Tree::table([
        ("slug", flow.slug.show()),
        ("name", flow.name.show()),
        ("title", flow.title.show()),
        ("designation", flow.designation.show()),
        ("authentication", flow.authentication.show()),
        ("denied_action", flow.denied_action.show()),
        (
            "bindings",
            Tree::list(bound.bindings.values().map(super::reading::Value::show)),
        ),
    ])
}

/// A stage; secrets are masked.
pub(super) fn stage(stage: &Stage) -> Tree {
    Tree::table([
        ("name", stage.name().show()),
        ("kind", stage.kind().show()),
        ("settings", stage_settings(stage)),
    ])
}

/// What a stage is set to; secrets are masked.
pub fn stage_settings(stage: &Stage) -> Tree {
    Tree::table(stage.settings().fields())
}

/// A policy of either kind.
pub(super) fn policy(policy: &Policy) -> Tree {
    Tree::table([
        ("name", policy.name().show()),
        ("kind", Tree::text(policy.kind())),
        ("settings", policy_settings(policy)),
    ])
}

/// What a policy is set to.
pub fn policy_settings(policy: &Policy) -> Tree {
    Tree::table(match policy {
        Policy::Password(policy) => policy.settings().fields(),
        Policy::Expression(policy) => vec![("expression", Tree::text(policy.expression()))],
    })
}
