//! The past, as an auditor sees it: who there was, who could sign in, what was alive, what changed.
//!
//! Sealed values are opened with the keys that are there today: whoever was erased since stays unreadable in every past.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::backup::aside;
use super::sessions::SessionView;
use super::{Desk, Enumeration};
use crate::crypto::{self, Field};
use crate::domain::flow::Flows;
use crate::domain::{
    Actor, ApiKey, Change, CheckpointKey, Epoch, Event, FactorKind, Outline, Outlook, Purpose, Role,
    Standing, Unverified, is_token_alive, live_session, sign_in_outlook,
};
use crate::engine::{Moment, PastFault, StateThen};
use crate::ledger::StoreError;
use crate::types::{ApiKeyId, DataKeyId, Locale, Position, Sealed, SessionId, Timestamp, TokenId, UserId};

/// Hears how far a fold is: the position it has come to, and where it ends at the latest. Must be quick.
pub type TellPast = Box<dyn Fn(Position, Position) + Send>;

/// The state of a moment, and a desk that can read it. While there is one, nobody else is given any.
pub struct PastView {
    desk: Desk,
    past: StateThen,
}

/// Which moment it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MomentView {
    /// What had expired by then had.
    pub at: Timestamp,
    /// The last event before it.
    pub position: Position,
    /// The epoch that was running.
    pub epoch: Epoch,
    /// The root of the Merkle tree over everything up to that event.
    pub root: [u8; 32],
}

/// How much there was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PastCounts {
    /// Users.
    pub users: usize,
    /// Live sessions.
    pub sessions: usize,
    /// Mailed proofs that opened something.
    pub tokens: usize,
    /// Mails that waited.
    pub mails: usize,
}

/// A user as they were.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PastUser {
    /// Their id.
    pub id: UserId,
    /// The address they signed in with; none if its key is gone since.
    pub email: Option<String>,
    /// When it was proven.
    pub email_verified: Option<Timestamp>,
    /// Their name; none if there was none, or its key is gone since.
    pub name: Option<String>,
    /// What they might do.
    pub role: Role,
    /// Whether they were kept out.
    pub standing: Standing,
    /// Whether they had a password.
    pub has_password: bool,
    /// Their second factors.
    pub factors: Vec<FactorKind>,
    /// How many live sessions they had.
    pub sessions: usize,
    /// Their language.
    pub locale: Locale,
    /// When they came to be.
    pub created: Timestamp,
    /// When they had last changed.
    pub updated: Timestamp,
    /// When they had last signed in.
    pub last_login: Option<Timestamp>,
}

/// A mailed proof that opened something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PastToken {
    /// Its id.
    pub id: TokenId,
    /// Whose.
    pub user: UserId,
    /// Their address, masked; none if its key is gone since.
    pub address: Option<String>,
    /// What it opened.
    pub purpose: Purpose,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it ended.
    pub expires: Timestamp,
    /// Who had it issued.
    pub by: Actor,
}

/// Whether somebody could sign in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PastSignIn {
    /// Who.
    pub user: UserId,
    /// Whether, and what was in the way.
    pub outlook: Outlook,
    /// When their password was taken away, if that is why there was none.
    pub password_revoked: Option<Timestamp>,
}

/// What the ledger holds of the configuration. Settings of files and variables are not part of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PastConfiguration {
    /// Flows, stages, bindings and policies.
    pub flows: Arc<Flows>,
    /// API keys.
    pub api_keys: Vec<(ApiKeyId, ApiKey)>,
    /// The key that signed checkpoints, once one was named.
    pub checkpoint_key: Option<CheckpointKey>,
}

/// Why a user of that name is none of that moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotThere {
    /// Nobody has that id, address or name today, and nobody had that id then.
    Unknown,
    /// They came to be later.
    NotYet(Timestamp),
    /// They had been erased, at that position.
    Erased(Position),
}

/// What changed between two moments.
pub struct ChangesView {
    /// The earlier one.
    pub from: MomentView,
    /// The later one.
    pub to: MomentView,
    /// All changes, sorted by kind.
    pub changes: Vec<Change>,
}

/// Ends a fold when whoever asked for it goes away.
#[derive(Default)]
struct StopWhenDropped(Arc<AtomicBool>);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Desk {
    /// Looks at a moment of the past, on a thread of its own that steps back behind the others; one look at a time.
    pub async fn look_back(&self, moment: Moment, tell: TellPast) -> Result<PastView, PastFault> {
        let (desk, stop) = (self.clone(), StopWhenDropped::default());
        let stopped = Arc::clone(&stop.0);
        let folded = aside("past", move || desk.engine().past(moment, &stopped, &tell));
        let past = folded.await.unwrap_or(Err(PastFault::Stopped))?;
        let desk = self.clone();
        Ok(PastView { desk, past })
    }

    /// What changed from one moment to a later one.
    pub async fn changes_between(
        &self,
        from: Moment,
        to: Moment,
        tell: TellPast,
    ) -> Result<ChangesView, PastFault> {
        let (desk, stop) = (self.clone(), StopWhenDropped::default());
        let stopped = Arc::clone(&stop.0);
        let compared = aside("past", move || {
            let outline = |past: &StateThen| Outline::of(&past.state, past.at, desk.limits());
            let past = desk.engine().past(from, &stopped, &tell)?;
            let (from, before) = (moment_view(&past), outline(&past));
            let past = desk.engine().past_later(past, to, &stopped, &tell)?;
            Ok(ChangesView {
                from,
                to: moment_view(&past),
                changes: before.changes_to(&outline(&past)),
            })
        });
        compared.await.unwrap_or(Err(PastFault::Stopped))
    }
}

fn moment_view(past: &StateThen) -> MomentView {
    MomentView {
        at: past.at,
        position: past.position(),
        epoch: past.state.epoch(),
        root: past.root(),
    }
}

impl PastView {
    /// Which moment it is.
    pub fn moment(&self) -> MomentView {
        moment_view(&self.past)
    }

    /// How much there was.
    pub fn counts(&self) -> PastCounts {
        let state = &self.past.state;
        PastCounts {
            users: state.users.len(),
            sessions: self.live_sessions(None).len(),
            tokens: self.live_tokens().len(),
            mails: state.outbox.len(),
        }
    }

    /// How many users there were, and a page of them, oldest first.
    pub fn users(&self, skip: usize, take: usize) -> (usize, Vec<PastUser>) {
        let users = &self.past.state.users;
        let mut all: Vec<_> = users.iter().map(|(id, user)| (user.created, *id)).collect();
        all.sort_unstable();
        let shown = all.iter().skip(skip).take(take);
        (all.len(), shown.filter_map(|(_, id)| self.user(*id)).collect())
    }

    /// A user as they were.
    pub fn user(&self, id: UserId) -> Option<PastUser> {
        let state = &self.past.state;
        let user = state.users.get(&id)?;
        let address = user.addresses.first();
        let key = self.desk.engine().vault().key(DataKeyId::User(id));
        let text = |field, sealed: Option<&Sealed>| {
            let clear = crypto::open(key.as_ref()?, field, id.0, sealed?)?;
            Some(std::str::from_utf8(&clear).ok()?.to_owned())
        };
        let factors = state.factors.get(&id);
        Some(PastUser {
            id,
            email: text(Field::UserAddress, address.map(|address| &address.sealed)),
            email_verified: address.and_then(|address| address.verified),
            name: text(Field::UserName, user.name.as_ref()),
            role: user.role,
            standing: user.standing,
            has_password: user.credential.is_some(),
            factors: factors.map_or(vec![], |factors| factors.kinds(state.epoch())),
            sessions: self.live_sessions(Some(id)).len(),
            locale: user.locale,
            created: user.created,
            updated: user.updated,
            last_login: user.last_login,
        })
    }

    /// Finds a user of that moment by id, or by the address or user name that they have today.
    pub fn find_user(&self, text: &str) -> Result<UserId, NotThere> {
        let id = text.parse().ok().or_else(|| self.desk.find_user(text));
        let id = id.ok_or(NotThere::Unknown)?;
        let state = &self.past.state;
        if state.users.contains_key(&id) {
            return Ok(id);
        }
        if let Some(position) = state.erased.get(&id) {
            return Err(NotThere::Erased(*position));
        }
        let came = self
            .desk
            .engine()
            .read(|state| state.users.get(&id).map(|user| user.created));
        Err(came.map_or(NotThere::Unknown, NotThere::NotYet))
    }

    /// How many live sessions there were, of one user or of all, and a page of them, newest first.
    pub fn sessions(&self, user: Option<UserId>, skip: usize, take: usize) -> (usize, Vec<SessionView>) {
        let mut live = self.live_sessions(user);
        live.sort_unstable_by(|one, other| other.cmp(one));
        let shown = live.iter().skip(skip).take(take).filter_map(|(_, id)| {
            let session = self.past.state.sessions.get(id)?;
            Some(self.desk.session_view(*id, session))
        });
        (live.len(), shown.collect())
    }

    fn live_sessions(&self, user: Option<UserId>) -> Vec<(Position, SessionId)> {
        let (state, at) = (&self.past.state, self.past.at);
        let live = |(owner, id): (UserId, SessionId)| {
            let (_, session) = live_session(state, owner, id, at).ok()?;
            Some((session.position, id))
        };
        if let Some(user) = user {
            let held = state.users.get(&user).map(|user| &user.sessions);
            let held = held.into_iter().flatten();
            return held.filter_map(|id| live((user, *id))).collect();
        }
        let all = state.sessions.iter();
        all.filter_map(|(id, session)| live((session.user, *id)))
            .collect()
    }

    /// How many mailed proofs opened something, and a page of them, newest first.
    pub fn tokens(&self, skip: usize, take: usize) -> (usize, Vec<PastToken>) {
        let mut live = self.live_tokens();
        live.sort_unstable_by(|one, other| other.cmp(one));
        let shown = live.iter().skip(skip).take(take).filter_map(|(_, id)| {
            let token = self.past.state.tokens.get(id)?;
            let user = self.past.state.users.get(&token.user);
            let address = user.and_then(|user| user.address(token.address));
            Some(PastToken {
                id: *id,
                user: token.user,
                address: address.and_then(|address| self.desk.masked(token.user, &address.sealed)),
                purpose: token.purpose,
                issued: token.issued,
                expires: token.expires,
                by: token.by,
            })
        });
        (live.len(), shown.collect())
    }

    fn live_tokens(&self) -> Vec<(Position, TokenId)> {
        let (state, at, limits) = (&self.past.state, self.past.at, self.desk.limits());
        let all = state.tokens.iter();
        all.filter(|(id, _)| is_token_alive(state, **id, at, limits))
            .map(|(id, token)| (token.position, *id))
            .collect()
    }

    /// Whether a user could sign in with the right password, by the limits and settings of today.
    pub fn sign_in(&self, id: UserId) -> Result<Option<PastSignIn>, StoreError> {
        let settings = self.desk.settings();
        let is_asked = settings.require_verified_email || settings.enumeration == Enumeration::Strict;
        let unverified = if is_asked {
            Unverified::KeptOut
        } else {
            Unverified::LetIn
        };
        let (state, at) = (&self.past.state, self.past.at);
        let Some(outlook) = sign_in_outlook(state, id, at, self.desk.limits(), unverified) else {
            return Ok(None);
        };
        // Taking a password away voids what is before it, and so does the end of all sessions right behind it; and so does
        // a ban that came later.
        let mut revoked = None;
        if let Some(user) = state.users.get(&id) {
            let voided = user.valid_from;
            for at in [Some(voided), voided.0.checked_sub(1).map(Position)]
                .into_iter()
                .flatten()
            {
                let recorded = self.desk.event_at(at)?;
                let is_it =
                    |event: &Event| matches!(event, Event::PasswordRevoked { user, .. } if *user == id);
                revoked = revoked.or(recorded.filter(|recorded| is_it(&recorded.event)));
            }
        }
        Ok(Some(PastSignIn {
            user: id,
            outlook,
            password_revoked: revoked.map(|recorded| recorded.time),
        }))
    }

    /// What the ledger held of the configuration.
    pub fn configuration(&self) -> PastConfiguration {
        let state = &self.past.state;
        let keys: BTreeMap<_, _> = state
            .api_keys
            .iter()
            .map(|(id, key)| ((key.created, *id), key.clone()))
            .collect();
        PastConfiguration {
            flows: Arc::clone(state.flows()),
            api_keys: keys.into_iter().map(|((_, id), key)| (id, key)).collect(),
            checkpoint_key: state.small.checkpoint_key,
        }
    }
}
