//! What differs between two moments: both in outline, and compared.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::types::{
    AddressId, ApiKeyId, CredentialId, FactorId, Position, SessionId, Timestamp, TokenId, UserId, WebOrigins,
    WebhookId,
};

use super::event::Purpose;
use super::factor::{FactorKind, Factors};
use super::flow::Flows;
use super::limits::Limits;
use super::outlook::is_token_alive;
use super::session::live_session;
use super::state::{ApiKey, CheckpointKey, Epoch, Role, Standing, State, TokenStanding, User};
use super::webhook::Webhooks;

/// What changed for whom. Only what differs in the end is one: what came and went between the two moments is told by the
/// events.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Change {
    /// An epoch began; its number.
    EpochBegan(u32),
    /// A user came to be.
    UserMade(UserId),
    /// A user was erased.
    UserErased(UserId),
    /// A user was banned.
    UserBanned(UserId),
    /// A ban ended.
    UserUnbanned(UserId),
    /// An account began to close, or closes at another time.
    ClosingBegan(UserId, Timestamp),
    /// A closing was taken back.
    ClosingTakenBack(UserId),
    /// A user may do other things.
    RoleChanged(UserId, Role),
    /// A user got an address.
    AddressAdded(UserId, AddressId),
    /// A user lost an address.
    AddressRemoved(UserId, AddressId),
    /// An address was proven.
    AddressVerified(UserId, AddressId),
    /// A user has another password, or a first one.
    PasswordSet(UserId),
    /// A user has no password any more.
    PasswordRevoked(UserId),
    /// A user has a second factor that they did not have.
    FactorAdded(UserId, FactorKind, FactorId),
    /// A user does not have it any more.
    FactorRemoved(UserId, FactorKind, FactorId),
    /// A session is alive that was not.
    SessionBegan(UserId, SessionId),
    /// A session is not alive any more: ended, expired or void.
    SessionEnded(UserId, SessionId),
    /// A mailed proof was issued.
    TokenIssued(UserId, TokenId, Purpose),
    /// A mailed proof was used.
    TokenSpent(UserId, TokenId, Purpose),
    /// A mailed proof opens nothing any more, although nobody used it: superseded, expired or void.
    TokenDied(UserId, TokenId, Purpose),
    /// A flow was made or changed, or a binding of it; its slug.
    FlowSaved(String),
    /// A flow was removed; its slug.
    FlowRemoved(String),
    /// A stage was made or changed; its name.
    StageSaved(String),
    /// A stage was removed; its name.
    StageRemoved(String),
    /// A policy was made or changed; its name.
    PolicySaved(String),
    /// A policy was removed; its name.
    PolicyRemoved(String),
    /// An API key was made.
    ApiKeyMade(ApiKeyId),
    /// An API key was revoked.
    ApiKeyRevoked(ApiKeyId),
    /// An API key was confirmed.
    ApiKeyConfirmed(ApiKeyId),
    /// The origins of an API key were named anew.
    ApiKeyOriginsNamed(ApiKeyId),
    /// A receiver of events was made or changed.
    WebhookSaved(WebhookId),
    /// A receiver of events was removed.
    WebhookRemoved(WebhookId),
    /// Another key signs checkpoints; its number.
    CheckpointKeyChanged(u32),
}

/// What is compared of a user.
#[derive(PartialEq, Eq)]
struct UserOutline {
    standing: Standing,
    role: Role,
    credential: Option<CredentialId>,
    addresses: Vec<(AddressId, bool)>,
    factors: Vec<(FactorKind, FactorId)>,
}

struct KeyOutline {
    is_revoked: bool,
    /// Where it was last confirmed.
    confirmed: Position,
    origins: WebOrigins,
}

struct TokenOutline {
    user: UserId,
    purpose: Purpose,
    standing: TokenStanding,
    is_alive: bool,
}

/// What is compared of a state at a moment. Much smaller than the state: no verifiers, no counters, nothing sealed.
pub struct Outline {
    epoch: Epoch,
    users: BTreeMap<UserId, UserOutline>,
    sessions: BTreeMap<SessionId, UserId>,
    tokens: BTreeMap<TokenId, TokenOutline>,
    flows: Arc<Flows>,
    api_keys: BTreeMap<ApiKeyId, KeyOutline>,
    webhooks: Arc<Webhooks>,
    checkpoint_key: Option<CheckpointKey>,
}

impl Outline {
    /// The outline of a state as it was at a moment; what had expired by then is not alive.
    pub fn of(state: &State, now: Timestamp, limits: &Limits) -> Self {
        let users = state.users.iter().map(|(id, user)| {
            let factors = state.factors.get(id).map(Box::as_ref);
            (*id, UserOutline::of(user, factors, state.epoch()))
        });
        let sessions = state.sessions.iter().filter_map(|(id, session)| {
            let is_live = live_session(state, session.user, *id, now).is_ok();
            is_live.then_some((*id, session.user))
        });
        let tokens = state.tokens.iter().map(|(id, token)| {
            let outline = TokenOutline {
                user: token.user,
                purpose: token.purpose,
                standing: token.standing,
                is_alive: is_token_alive(state, *id, now, limits),
            };
            (*id, outline)
        });
        let api_keys = state.api_keys.iter();
        Self {
            epoch: state.epoch(),
            users: users.collect(),
            sessions: sessions.collect(),
            tokens: tokens.collect(),
            flows: Arc::clone(state.flows()),
            api_keys: api_keys.map(|(id, key)| (*id, KeyOutline::of(key))).collect(),
            webhooks: Arc::clone(state.webhooks()),
            checkpoint_key: state.small.checkpoint_key,
        }
    }

    /// What changed from this moment to a later one, sorted by kind and then by id.
    pub fn changes_to(&self, later: &Self) -> Vec<Change> {
        let mut changes = vec![];
        if self.epoch.number != later.epoch.number {
            changes.push(Change::EpochBegan(later.epoch.number));
        }
        for (id, now) in &later.users {
            match self.users.get(id) {
                None => {
                    changes.push(Change::UserMade(*id));
                    UserOutline::fresh(now).changes_to(*id, now, &mut changes);
                }
                Some(before) => before.changes_to(*id, now, &mut changes),
            }
        }
        let erased = self.users.keys().filter(|id| !later.users.contains_key(id));
        changes.extend(erased.map(|id| Change::UserErased(*id)));
        let begun = later
            .sessions
            .iter()
            .filter(|(id, _)| !self.sessions.contains_key(id));
        changes.extend(begun.map(|(id, user)| Change::SessionBegan(*user, *id)));
        let ended = self
            .sessions
            .iter()
            .filter(|(id, _)| !later.sessions.contains_key(id));
        changes.extend(ended.map(|(id, user)| Change::SessionEnded(*user, *id)));
        self.token_changes(later, &mut changes);
        self.house_changes(later, &mut changes);
        changes.sort_unstable();
        changes
    }

    fn token_changes(&self, later: &Self, changes: &mut Vec<Change>) {
        for (id, now) in &later.tokens {
            let before = self.tokens.get(id);
            let TokenOutline { user, purpose, .. } = *now;
            if before.is_none() {
                changes.push(Change::TokenIssued(user, *id, purpose));
            }
            let was_unspent = before.is_none_or(|before| before.standing != TokenStanding::Spent);
            if now.standing == TokenStanding::Spent {
                if was_unspent {
                    changes.push(Change::TokenSpent(user, *id, purpose));
                }
            } else if before.is_none_or(|before| before.is_alive) && !now.is_alive {
                changes.push(Change::TokenDied(user, *id, purpose));
            }
        }
        let gone = self
            .tokens
            .iter()
            .filter(|(id, _)| !later.tokens.contains_key(id));
        changes.extend(
            gone.filter(|(_, before)| before.is_alive)
                .map(|(id, before)| Change::TokenDied(before.user, *id, before.purpose)),
        );
    }

    fn flow_changes(&self, later: &Self, changes: &mut Vec<Change>) {
        let (before, now) = (&*self.flows, &*later.flows);
        for bound in now.flows() {
            let slug = &bound.flow.slug;
            if before.flow(slug.as_str()) != Some(bound) {
                changes.push(Change::FlowSaved(slug.to_string()));
            }
        }
        let gone = before.flows().map(|bound| &bound.flow.slug);
        let gone = gone.filter(|slug| now.flow(slug.as_str()).is_none());
        changes.extend(gone.map(|slug| Change::FlowRemoved(slug.to_string())));
        for placed in now.stages() {
            let name = placed.value.name();
            if before.stage(name.as_str()) != Some(&placed.value) {
                changes.push(Change::StageSaved(name.to_string()));
            }
        }
        let gone = before.stages().map(|placed| placed.value.name());
        let gone = gone.filter(|name| now.stage(name.as_str()).is_none());
        changes.extend(gone.map(|name| Change::StageRemoved(name.to_string())));
        for placed in now.policies() {
            let name = placed.value.name();
            if before.policy(name.as_str()) != Some(&placed.value) {
                changes.push(Change::PolicySaved(name.to_string()));
            }
        }
        let gone = before.policies().map(|placed| placed.value.name());
        let gone = gone.filter(|name| now.policy(name.as_str()).is_none());
        changes.extend(gone.map(|name| Change::PolicyRemoved(name.to_string())));
    }

    fn house_changes(&self, later: &Self, changes: &mut Vec<Change>) {
        self.flow_changes(later, changes);
        for (id, now) in &later.api_keys {
            let before = self.api_keys.get(id);
            match before {
                None => changes.push(Change::ApiKeyMade(*id)),
                Some(before) if before.confirmed != now.confirmed => {
                    changes.push(Change::ApiKeyConfirmed(*id));
                }
                Some(_) => {}
            }
            if before.map_or(!now.origins.is_empty(), |before| before.origins != now.origins) {
                changes.push(Change::ApiKeyOriginsNamed(*id));
            }
            if now.is_revoked && before.is_none_or(|before| !before.is_revoked) {
                changes.push(Change::ApiKeyRevoked(*id));
            }
        }
        let (before, now) = (self.webhooks.all(), later.webhooks.all());
        for (id, webhook) in now {
            if before
                .get(id)
                .is_none_or(|before| before.changed != webhook.changed)
            {
                changes.push(Change::WebhookSaved(*id));
            }
        }
        let gone = before.keys().filter(|id| !now.contains_key(id));
        changes.extend(gone.map(|id| Change::WebhookRemoved(*id)));
        let id = |key: &Option<CheckpointKey>| key.map(|key| (key.id, key.public));
        if let Some(key) = &later.checkpoint_key
            && id(&self.checkpoint_key) != id(&later.checkpoint_key)
        {
            changes.push(Change::CheckpointKeyChanged(key.id));
        }
    }
}

impl KeyOutline {
    fn of(key: &ApiKey) -> Self {
        Self {
            is_revoked: key.revoked.is_some(),
            confirmed: key.confirmed,
            origins: key.origins.clone(),
        }
    }
}

impl UserOutline {
    fn of(user: &User, factors: Option<&Factors>, epoch: Epoch) -> Self {
        let held = factors.map(|factors| {
            let totp = factors.totp.as_ref().map(|totp| (FactorKind::Totp, totp.id));
            let mailbox = factors.mailbox.as_ref();
            let mailbox = mailbox.map(|mailbox| (FactorKind::Email, mailbox.id));
            let codes = factors.codes_in(epoch);
            let codes = codes.map(|codes| (FactorKind::RecoveryCodes, codes.set));
            [totp, mailbox, codes].into_iter().flatten().collect()
        });
        let addresses = user.addresses.iter();
        Self {
            standing: user.standing,
            role: user.role,
            credential: user.credential_id(),
            addresses: addresses
                .map(|address| (address.id, address.verified.is_some()))
                .collect(),
            factors: held.unwrap_or_default(),
        }
    }

    /// What somebody is who has just come to be; the addresses and the role they come with are no changes.
    fn fresh(now: &Self) -> Self {
        Self {
            standing: Standing::Active,
            role: now.role,
            credential: None,
            addresses: now.addresses.iter().map(|(id, _)| (*id, false)).collect(),
            factors: vec![],
        }
    }

    fn changes_to(&self, user: UserId, now: &Self, changes: &mut Vec<Change>) {
        if self.standing != now.standing {
            changes.push(match (self.standing, now.standing) {
                (_, Standing::Banned) => Change::UserBanned(user),
                (_, Standing::Closing(until)) => Change::ClosingBegan(user, until),
                (Standing::Closing(_), Standing::Active) => Change::ClosingTakenBack(user),
                (Standing::Banned | Standing::Active, Standing::Active) => Change::UserUnbanned(user),
            });
        }
        if self.role != now.role {
            changes.push(Change::RoleChanged(user, now.role));
        }
        match now.credential {
            Some(_) if self.credential != now.credential => changes.push(Change::PasswordSet(user)),
            None if self.credential.is_some() => changes.push(Change::PasswordRevoked(user)),
            Some(_) | None => {}
        }
        for (id, is_verified) in &now.addresses {
            let before = self.addresses.iter().find(|(known, _)| known == id);
            if before.is_none() {
                changes.push(Change::AddressAdded(user, *id));
            }
            if *is_verified && before.is_none_or(|(_, was_verified)| !was_verified) {
                changes.push(Change::AddressVerified(user, *id));
            }
        }
        let gone = self.addresses.iter().map(|(id, _)| *id);
        let gone = gone.filter(|id| now.addresses.iter().all(|(known, _)| known != id));
        changes.extend(gone.map(|id| Change::AddressRemoved(user, id)));
        let added = now.factors.iter().filter(|held| !self.factors.contains(held));
        changes.extend(added.map(|(kind, id)| Change::FactorAdded(user, *kind, *id)));
        let removed = self.factors.iter().filter(|held| !now.factors.contains(held));
        changes.extend(removed.map(|(kind, id)| Change::FactorRemoved(user, *kind, *id)));
    }
}
