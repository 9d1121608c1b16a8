//! What the ledger held of the configuration, as rows.

use super::past::{BindingRow, ConfigurationShown, FlowRow, PastKeyRow, PolicyRow, StageRow};
use super::rows::kind_word;
use crate::desk::PastConfiguration;
use crate::domain::flow::{Binding, BoundFlow, Placed, Policy, Stage};
use crate::domain::password_policy::PasswordPolicy;
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
    }
}

fn policy_row(placed: &Placed<Policy>) -> PolicyRow {
    let settings = match &placed.value {
        Policy::Password(policy) => password_settings(policy),
        Policy::Expression(policy) => vec![("expression", policy.expression().to_owned())],
    };
    PolicyRow {
        name: placed.value.name().to_string(),
        kind: placed.value.kind().to_owned(),
        changed: placed.changed.0,
        settings: settings
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    }
}

fn password_settings(policy: &PasswordPolicy) -> Vec<(&'static str, String)> {
    let held = policy.settings();
    vec![
        ("length_min", held.length_min.to_string()),
        ("length_max", held.length_max.to_string()),
        ("amount_uppercase", held.amount_uppercase.to_string()),
        ("amount_lowercase", held.amount_lowercase.to_string()),
        ("amount_digits", held.amount_digits.to_string()),
        ("amount_symbols", held.amount_symbols.to_string()),
        ("symbol_charset", held.symbol_charset.clone()),
        ("error_message", held.error_message.clone()),
        ("check_static_rules", held.check_static_rules.to_string()),
        ("check_breached", held.check_breached.to_string()),
        (
            "check_have_i_been_pwned",
            held.check_have_i_been_pwned.to_string(),
        ),
        ("hibp_url", held.hibp_url.clone()),
        ("hibp_allowed_count", held.hibp_allowed_count.to_string()),
        ("check_zxcvbn", held.check_zxcvbn.to_string()),
        ("zxcvbn_score_threshold", held.zxcvbn_score_threshold.to_string()),
        ("check_context", held.check_context.to_string()),
        ("history", held.history.to_string()),
    ]
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
