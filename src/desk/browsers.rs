//! Sessions of browsers: begun by a sign-in like every session, carried by a cookie instead of tokens.

use secrecy::SecretString;

use super::sessions::Caller;
use super::{Command, Desk, Fault, Visitor};
use crate::crypto::{self, BrowserUse};
use crate::domain::{Notices, live_session};
use crate::engine::Lane;
use crate::types::{CredentialId, EmailAddress, SessionId, Span, Timestamp};

/// A session is put off its idle end at most so often in the time until then: each time costs an event.
const PROLONGED_PARTS: i64 = 24;

impl Desk {
    /// How long after a sign-in nobody is asked who they are again (S-08).
    pub const FRESH_FOR: Span = Span::minutes(10);

    /// Signs somebody in at a browser, with a second factor if they have one. The session is a new one always, so that
    /// nobody can have laid one out for them (S-02, A24).
    pub async fn sign_in_browser(
        &self,
        address: &EmailAddress,
        password: &SecretString,
        code: Option<&SecretString>,
        visitor: &Visitor,
    ) -> Result<Caller, Fault> {
        let (caller, _) = self.begin_session(address, password, code, visitor).await?;
        Ok(caller)
    }

    /// The secret of a session for one use in a browser.
    pub fn browser_secret(&self, usage: BrowserUse, session: SessionId) -> SecretString {
        let ring = self.engine().keyring().current();
        let (key, _) = ring.active(crypto::Purpose::Refresh);
        let secret = crypto::browser_secret(&ring, key, usage, session);
        secret.expect("the active key of a ring is in the ring")
    }

    /// Whose a cookie is, if its session holds at this moment (S-03, S-11).
    pub fn browser_caller(&self, cookie: &str) -> Option<Caller> {
        let ring = self.engine().keyring().current();
        self.live_caller(crypto::open_browser_secret(&ring, BrowserUse::Cookie, cookie)?)
    }

    /// Whose a session is, if it holds at this moment.
    pub(super) fn live_caller(&self, session: SessionId) -> Option<Caller> {
        let now = self.now();
        self.engine().read(|state| {
            let user = state.sessions.get(&session)?.user;
            let (owner, _) = live_session(state, user, session, now).ok()?;
            Some(Caller {
                user,
                session,
                role: owner.role,
            })
        })
    }

    /// Whether a form was made for a session (S-09).
    pub fn is_form_of(&self, session: SessionId, shown: &str) -> bool {
        let ring = self.engine().keyring().current();
        crypto::open_browser_secret(&ring, BrowserUse::Form, shown) == Some(session)
    }

    /// Whether somebody signed in so lately that what is dangerous may be done without asking them again: with the second
    /// factor, if they have one; that one was shown at their browser before is not enough here.
    pub fn is_fresh(&self, caller: Caller) -> bool {
        self.fresh_credential(caller).is_some()
    }

    /// The password that a fresh session began with: the current one, because a new one ends every session.
    pub(super) fn fresh_credential(&self, caller: Caller) -> Option<CredentialId> {
        let now = self.now();
        self.engine().read(|state| {
            let (owner, session) = live_session(state, caller.user, caller.session, now).ok()?;
            let factors = state.factors.get(&caller.user);
            let has_shown =
                factors.is_none_or(|factors| !factors.is_enrolled() || factors.is_fresh(caller.session, now));
            let is_fresh = now < session.created + Self::FRESH_FOR && has_shown;
            owner.credential_id().filter(|_| is_fresh)
        })
    }

    /// When a session ends whatever happens.
    pub fn session_end(&self, session: SessionId) -> Option<Timestamp> {
        self.engine()
            .read(|state| Some(state.sessions.get(&session)?.ends))
    }

    /// Notes that a browser's session is in use, if that was not noted lately, so that it does not end as idle. Nothing
    /// depends on its success, and whoever comes meanwhile does not wait.
    pub async fn prolong(&self, caller: Caller, visitor: &Visitor) {
        let Ok(_only) = self.inner.prolonging.try_lock() else {
            return;
        };
        let every = Span(self.limits().lifetimes.session_idle.0 / PROLONGED_PARTS);
        let now = self.now();
        let due = self.engine().read(|state| {
            let session = state.sessions.get(&caller.session)?;
            (session.active + every <= now).then_some(session.counter)
        });
        let (Some(counter), Some(client)) = (due, self.client_of(caller.user, visitor)) else {
            return;
        };
        // The counter is the current one, because nobody else counts this session: its browser has no refresh token.
        let command = Command::Refresh {
            session: caller.session,
            counter,
            refresh_key: self.refresh_key(),
            mails: Notices::none(),
            origin: client.origin,
        };
        if let Err(fault) = self.carry_out(Lane::Proof, command, vec![]).await {
            tracing::debug!(?fault, "a browser's session was not prolonged");
        }
    }
}
