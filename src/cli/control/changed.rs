//! What changed between two moments, as rows.

use std::collections::BTreeMap;

use super::clerk::page;
use super::looking_back::{moment_row, purpose_word};
use super::past::{ChangeRow, ChangesShown};
use crate::cli::exit::Failure;
use crate::desk::{ChangesView, Desk};
use crate::domain::{Change, Purpose};
use crate::types::UserId;

pub(super) fn changes_shown(desk: &Desk, view: ChangesView, take: usize) -> Result<ChangesShown, Failure> {
    let ChangesView { from, to, changes } = view;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for change in &changes {
        *counts.entry(described(change).what.to_owned()).or_default() += 1;
    }
    let rows = changes.iter().take(take).map(|change| change_row(desk, change));
    Ok(ChangesShown {
        from: moment_row(desk, &from)?,
        to: moment_row(desk, &to)?,
        counts,
        changes: page(changes.len(), rows.collect()),
    })
}

/// A change in words that follow the name of whoever it concerns.
struct Described {
    what: &'static str,
    user: Option<UserId>,
    id: Option<String>,
    text: String,
}

fn change_row(desk: &Desk, change: &Change) -> ChangeRow {
    let Described { what, user, id, text } = described(change);
    let address = user.and_then(|user| desk.masked_address(user));
    let whom = match (&address, user) {
        (Some(masked), _) => format!("{masked} "),
        (None, Some(user)) => format!("user {user} "),
        (None, None) => String::new(),
    };
    ChangeRow {
        what: what.to_owned(),
        user: user.map(|user| user.to_string()),
        address,
        id,
        text: whom + &text,
    }
}

fn described(change: &Change) -> Described {
    let about = |what, user: UserId, id: Option<String>, text: &str| Described {
        what,
        user: Some(user),
        id,
        text: text.to_owned(),
    };
    let of_house = |what, id: Option<String>, text: String| Described {
        what,
        user: None,
        id,
        text,
    };
    let proof = |what, user: UserId, id: String, purpose: Purpose, end: &str| {
        let text = format!("has a proof of {} that {end}", purpose_word(purpose));
        Described {
            what,
            user: Some(user),
            id: Some(id),
            text,
        }
    };
    match change {
        Change::EpochBegan(number) => of_house("epoch-began", None, format!("epoch {number} began")),
        Change::UserMade(user) => about("user-made", *user, None, "came to be"),
        Change::UserErased(user) => about("user-erased", *user, None, "was erased"),
        Change::UserBanned(user) => about("user-banned", *user, None, "was banned"),
        Change::UserUnbanned(user) => about("user-unbanned", *user, None, "was let in again"),
        Change::ClosingBegan(user, until) => about(
            "closing-began",
            *user,
            None,
            &format!("closes the account, final at {until}"),
        ),
        Change::ClosingTakenBack(user) => about("closing-taken-back", *user, None, "took the closing back"),
        Change::RoleChanged(user, role) => {
            about("role-changed", *user, None, &format!("became {}", role.word()))
        }
        Change::AddressAdded(user, id) => about(
            "address-added",
            *user,
            Some(id.to_string()),
            "has another address",
        ),
        Change::AddressRemoved(user, id) => about(
            "address-removed",
            *user,
            Some(id.to_string()),
            "has an address less",
        ),
        Change::AddressVerified(user, id) => about(
            "address-verified",
            *user,
            Some(id.to_string()),
            "proved an address",
        ),
        Change::PasswordSet(user) => about("password-set", *user, None, "has another password"),
        Change::PasswordRevoked(user) => about("password-revoked", *user, None, "has no password any more"),
        Change::FactorAdded(user, kind, id) => {
            let text = format!("has a second factor more: {}", kind.name());
            about("factor-added", *user, Some(id.to_string()), &text)
        }
        Change::FactorRemoved(user, kind, id) => {
            let text = format!("has a second factor less: {}", kind.name());
            about("factor-removed", *user, Some(id.to_string()), &text)
        }
        Change::SessionBegan(user, id) => {
            about("session-began", *user, Some(id.to_string()), "has a session more")
        }
        Change::SessionEnded(user, id) => about(
            "session-ended",
            *user,
            Some(id.to_string()),
            "has a session less: ended, expired or void",
        ),
        Change::TokenIssued(user, id, purpose) => {
            proof("token-issued", *user, id.to_string(), *purpose, "was issued")
        }
        Change::TokenSpent(user, id, purpose) => {
            proof("token-spent", *user, id.to_string(), *purpose, "was used")
        }
        Change::TokenDied(user, id, purpose) => proof(
            "token-died",
            *user,
            id.to_string(),
            *purpose,
            "opens nothing any more: superseded, expired or void",
        ),
        Change::FlowSaved(slug) => of_house("flow-saved", None, format!("flow {slug} was made or changed")),
        Change::FlowRemoved(slug) => of_house("flow-removed", None, format!("flow {slug} was removed")),
        Change::StageSaved(name) => {
            of_house("stage-saved", None, format!("stage {name} was made or changed"))
        }
        Change::StageRemoved(name) => of_house("stage-removed", None, format!("stage {name} was removed")),
        Change::PolicyRemoved(name) => of_house("policy-removed", None, format!("policy {name} was removed")),
        Change::PolicySaved(name) => {
            of_house("policy-saved", None, format!("policy {name} was made or changed"))
        }
        Change::ApiKeyMade(id) => of_house(
            "api-key-made",
            Some(id.to_string()),
            format!("API key {id} was made"),
        ),
        Change::ApiKeyRevoked(id) => of_house(
            "api-key-revoked",
            Some(id.to_string()),
            format!("API key {id} was revoked"),
        ),
        Change::ApiKeyConfirmed(id) => of_house(
            "api-key-confirmed",
            Some(id.to_string()),
            format!("API key {id} was confirmed"),
        ),
        Change::ApiKeyOriginsNamed(id) => of_house(
            "api-key-origins-named",
            Some(id.to_string()),
            format!("the origins of API key {id} were named anew"),
        ),
        Change::WebhookSaved(id) => of_house(
            "webhook-saved",
            Some(id.to_string()),
            format!("webhook {id} was made or changed"),
        ),
        Change::WebhookRemoved(id) => of_house(
            "webhook-removed",
            Some(id.to_string()),
            format!("webhook {id} was removed"),
        ),
        Change::CheckpointKeyChanged(key) => of_house(
            "checkpoint-key-changed",
            None,
            format!("checkpoints are signed with key {key}"),
        ),
    }
}
