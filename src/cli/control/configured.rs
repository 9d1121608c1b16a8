//! What the ledger held of the configuration, as rows.

use std::collections::BTreeMap;

use super::past::{BindingRow, ConfigurationShown, FlowRow, PastKeyRow, PolicyRow, StageRow};
use super::rows::kind_word;
use crate::desk::{PastConfiguration, Tree, policy_settings, stage_settings};
use crate::domain::flow::{Binding, BoundFlow, Placed, Policy, Stage};
use crate::domain::{ApiKey, Epoch};
use crate::types::{ApiKeyId, Timestamp};

pub(super) fn configuration_shown(
    held: &PastConfiguration,
    at: Timestamp,
    epoch: Epoch,
) -> ConfigurationShown {
    let keys = held.api_keys.iter();
    ConfigurationShown {
        flows: held.flows.flows().map(flow_row).collect(),
        stages: held.flows.stages().map(stage_row).collect(),
        policies: held.flows.policies().map(policy_row).collect(),
        api_keys: keys.map(|(id, key)| key_row(*id, key, at, epoch)).collect(),
        checkpoint_key: held.checkpoint_key.map(|key| key.public.to_string()),
    }
}

fn flow_row(bound: &BoundFlow) -> FlowRow {
    let flow = &bound.flow;
    FlowRow {
        slug: flow.slug.to_string(),
        title: flow.title.to_string(),
        designation: flow.designation.word().to_owned(),
        authentication: flow.authentication.word().to_owned(),
        bindings: bound.bindings.values().map(binding_row).collect(),
        changed: bound.changed.0,
    }
}

fn binding_row(binding: &Binding) -> BindingRow {
    let asked = binding.policies.iter().filter(|bound| bound.enabled);
    let word = |negate| if negate { "!" } else { "" };
    BindingRow {
        order: binding.order,
        stage: binding.stage.to_string(),
        policies: asked
            .map(|bound| format!("{}{}", word(bound.negate), bound.policy))
            .collect(),
    }
}

fn stage_row(placed: &Placed<Stage>) -> StageRow {
    StageRow {
        name: placed.value.name().to_string(),
        kind: placed.value.kind().word().to_owned(),
        changed: placed.changed.0,
        settings: written(stage_settings(&placed.value)),
    }
}

fn policy_row(placed: &Placed<Policy>) -> PolicyRow {
    PolicyRow {
        name: placed.value.name().to_string(),
        kind: placed.value.kind().to_owned(),
        changed: placed.changed.0,
        settings: written(policy_settings(&placed.value)),
    }
}

/// Settings by their names, as text; lists and tables as JSON. Secrets are masked where they are shown.
fn written(settings: Tree) -> BTreeMap<String, String> {
    let Tree::Table(fields) = settings else {
        return BTreeMap::new();
    };
    let text = |tree: &Tree| match tree {
        Tree::Text(text) => text.to_string(),
        Tree::Null => String::new(),
        Tree::Flag(_) | Tree::Whole(_) | Tree::List(_) | Tree::Table(_) | Tree::Other => {
            serde_json::to_string(tree).unwrap_or_default()
        }
    };
    fields
        .into_iter()
        .map(|(name, node)| (name, text(&node.tree)))
        .collect()
}

fn key_row(id: ApiKeyId, key: &ApiKey, at: Timestamp, epoch: Epoch) -> PastKeyRow {
    let state = if key.revoked.is_some() {
        "revoked"
    } else if key.expires.is_some_and(|expires| at >= expires) {
        "expired"
    } else if key.awaits_confirmation(epoch) {
        "waiting"
    } else {
        "good"
    };
    PastKeyRow {
        id: id.to_string(),
        kind: kind_word(key.kind).to_owned(),
        label: key.label.clone(),
        state: state.to_owned(),
        created: key.created.rfc3339(),
        expires: key.expires.map(Timestamp::rfc3339),
        revoked: key.revoked.map(Timestamp::rfc3339),
    }
}
