//! The words of changes to flows, stages, bindings and policies.

use crate::desk::story::teller::printable;
use crate::domain::flow::FlowChange;
use crate::types::ObjectName;

/// What changed, without by whom.
pub(super) fn changed(change: &FlowChange) -> String {
    let shown = |name: &ObjectName| printable(name.as_str());
    match change {
        FlowChange::FlowSaved { flow } => {
            format!("flow {} saved, for {}", flow.slug, flow.designation.word())
        }
        FlowChange::FlowRemoved { slug } => format!("flow {slug} removed with its bindings"),
        FlowChange::FlowRenamed { from, to } => format!("flow {from} renamed to {to}"),
        FlowChange::StageSaved { stage } => {
            format!("{} stage {} saved", stage.kind().word(), shown(stage.name()))
        }
        FlowChange::StageRemoved { name } => format!("stage {} removed", shown(name)),
        FlowChange::StageRenamed { from, to } => format!("stage {} renamed to {}", shown(from), shown(to)),
        FlowChange::BindingSaved { flow, binding } => {
            let stage = shown(&binding.stage);
            format!("stage {stage} bound to flow {flow} at {}", binding.order)
        }
        FlowChange::BindingRemoved { flow, order } => format!("binding {order} of flow {flow} removed"),
        FlowChange::ExpressionSaved { policy } => {
            format!("expression policy {} saved", shown(policy.name()))
        }
        FlowChange::PolicyRemoved { name } => format!("policy {} removed", shown(name)),
        FlowChange::PolicyRenamed { from, to } => {
            format!("policy {} renamed to {}", shown(from), shown(to))
        }
    }
}
