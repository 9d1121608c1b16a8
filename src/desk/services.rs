//! What services behind Keyledger ask: whose a token is, and whose a browser.

use super::{Caller, Desk};
use crate::crypto::{self, BrowserUse};
use crate::domain::live_session;
use crate::types::{SessionId, Timestamp};

/// Which kind of token something is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenKind {
    /// What calls carry.
    Access,
    /// What new ones are asked for with.
    Refresh,
}

/// What is known of a token that is good at this moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenFacts {
    /// Which kind it is of.
    pub kind: TokenKind,
    /// Whose it is, and in which session.
    pub caller: Caller,
    /// Their main address, if it was proven: a service takes whoever has it for its owner.
    pub email: Option<String>,
    /// When it was issued; for a refresh token, when its session was last in use.
    pub issued: Timestamp,
    /// When it ends, if its session does not end before.
    pub expires: Timestamp,
}

/// Somebody as a service is told of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownPerson {
    /// Who, and in which session.
    pub caller: Caller,
    /// Their main address.
    pub email: String,
    /// Whether it was proven.
    pub is_verified: bool,
}

impl KnownPerson {
    /// Their main address, if it was proven.
    fn proven_address(self) -> Option<String> {
        self.is_verified.then_some(self.email)
    }
}

impl Desk {
    /// What is known of a token, if it is good now (RFC 7662): an access token, or the current refresh token of a session.
    /// Asking changes nothing, and is no use of the token.
    pub fn introspect(&self, token: &str) -> Option<TokenFacts> {
        self.access_facts(token).or_else(|| self.refresh_facts(token))
    }

    fn access_facts(&self, token: &str) -> Option<TokenFacts> {
        let caller = self.authenticate(token).ok()?;
        let ring = self.engine().keyring().current();
        let claims = crypto::jwt::verify(&ring, token, self.now()).ok()?;
        Some(TokenFacts {
            kind: TokenKind::Access,
            caller,
            email: self.known_person(caller)?.proven_address(),
            issued: claims.issued,
            expires: claims.expires,
        })
    }

    fn refresh_facts(&self, token: &str) -> Option<TokenFacts> {
        let parsed = crypto::parse_refresh_token(token)?;
        if !parsed.verify(&self.engine().keyring().current()) {
            return None;
        }
        let (session, now) = (parsed.session(), self.now());
        let (caller, issued, expires) = self.engine().read(|state| {
            let user = state.sessions.get(&session)?.user;
            let (owner, held) = live_session(state, user, session, now).ok()?;
            let caller = Caller {
                user,
                session,
                role: owner.role,
            };
            (held.counter == parsed.counter()).then_some((caller, held.active, held.expires.min(held.ends)))
        })?;
        Some(TokenFacts {
            kind: TokenKind::Refresh,
            caller,
            email: self.known_person(caller)?.proven_address(),
            issued,
            expires,
        })
    }

    /// Whose the cookie is that a browser carries to services behind Keyledger, if its session holds at this moment. It
    /// opens nothing here.
    pub fn service_caller(&self, cookie: &str) -> Option<Caller> {
        let ring = self.engine().keyring().current();
        let session: SessionId = crypto::open_browser_secret(&ring, BrowserUse::Service, cookie)?;
        self.live_caller(session)
    }

    /// What services are told of somebody.
    pub fn known_person(&self, caller: Caller) -> Option<KnownPerson> {
        let profile = self.profile(caller.user)?;
        Some(KnownPerson {
            caller,
            is_verified: profile.email_verified.is_some(),
            email: profile.email,
        })
    }
}
