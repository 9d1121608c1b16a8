//! The Korean words of changes to flows, stages, bindings and policies.

use crate::desk::story::teller::printable;
use crate::domain::flow::FlowChange;
use crate::types::ObjectName;

/// What changed, without by whom.
pub(super) fn changed(change: &FlowChange) -> String {
    let shown = |name: &ObjectName| printable(name.as_str());
    match change {
        FlowChange::FlowSaved { flow } => {
            format!(
                "플로우 {}: 저장되었습니다, 용도 {}",
                flow.slug,
                flow.designation.word()
            )
        }
        FlowChange::FlowRemoved { slug } => format!("플로우 {slug}: 바인딩과 함께 삭제되었습니다"),
        FlowChange::FlowRenamed { from, to } => format!("플로우 {from}: 이름이 바뀌었습니다, 새 이름 {to}"),
        FlowChange::StageSaved { stage } => {
            let name = shown(stage.name());
            format!("{} 스테이지 {name}: 저장되었습니다", stage.kind().word())
        }
        FlowChange::StageRemoved { name } => format!("스테이지 {}: 삭제되었습니다", shown(name)),
        FlowChange::StageRenamed { from, to } => {
            format!(
                "스테이지 {}: 이름이 바뀌었습니다, 새 이름 {}",
                shown(from),
                shown(to)
            )
        }
        FlowChange::BindingSaved { flow, binding } => {
            let stage = shown(&binding.stage);
            format!(
                "플로우 {flow}의 {}번: 스테이지 {stage} 바인딩이 저장되었습니다",
                binding.order
            )
        }
        FlowChange::BindingRemoved { flow, order } => {
            format!("플로우 {flow}의 {order}번: 바인딩이 삭제되었습니다")
        }
        FlowChange::ExpressionSaved { policy } => {
            format!("표현식 정책 {}: 저장되었습니다", shown(policy.name()))
        }
        FlowChange::PolicyRemoved { name } => format!("정책 {}: 삭제되었습니다", shown(name)),
        FlowChange::PolicyRenamed { from, to } => {
            format!("정책 {}: 이름이 바뀌었습니다, 새 이름 {}", shown(from), shown(to))
        }
    }
}
