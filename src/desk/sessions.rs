//! Signing in, staying in, and leaving.

use std::net::IpAddr;

use secrecy::{ExposeSecret, SecretString};

use super::greeting::Greeting;
use super::repeats::Repeat;
use super::{AccessFault, Command, Desk, Enumeration, Fault, Outcome, Refusal, Visitor};
use crate::crypto::{self, Claims, JwtFault, KeyId, Purpose, Verdict};
use crate::domain::{
    Actor, Ask, NewSession, Notices, PasswordVerdict, Role, Session, SessionFault, SuppressedClass, User,
    live_session, sign_in_gate,
};
use crate::engine::Lane;
use crate::system::random_id;
use crate::types::{AddressId, EmailAddress, SessionId, Span, Timestamp, UserId};

/// What a client that signed in is given.
pub struct Tokens {
    /// The access token: a JWT.
    pub access: String,
    /// The refresh token: opaque.
    pub refresh: SecretString,
    /// How long the access token lives.
    pub expires_in: Span,
}

/// Somebody whose access token held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caller {
    /// Who.
    pub user: UserId,
    /// In which session.
    pub session: SessionId,
    /// What they may do.
    pub role: Role,
}

/// A session as its owner sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// The program it began from.
    pub user_agent: Option<String>,
    /// The address it began from.
    pub ip: Option<IpAddr>,
    /// When it was last refreshed.
    pub active: Timestamp,
    /// When it began.
    pub created: Timestamp,
}

const REFRESH_SCOPE: &str = "refresh";
const BEARER_SCOPE: &str = "bearer";

impl Desk {
    /// Whether a password may be tried at the door now; asked before a hash is spent.
    pub(super) fn may_sign_in(&self, found: Option<(AddressId, UserId)>, ask: &Ask) -> Result<(), Fault> {
        let context = self.context(found.map(|(address, _)| address));
        let (stranger, network) = (ask.stranger, ask.client.network);
        self.engine()
            .read(|state| sign_in_gate(state, &context, stranger, network))
            .map_err(|reached| {
                self.engine().count_suppressed(SuppressedClass::Limited);
                Fault::Refused(Refusal::Limited(reached))
            })
    }

    /// Signs somebody in, with a second factor if they have one, and gives them tokens.
    pub async fn sign_in(
        &self,
        address: &EmailAddress,
        password: &SecretString,
        code: Option<&SecretString>,
        visitor: &Visitor,
    ) -> Result<Tokens, Fault> {
        let (caller, refresh_key) = self.begin_session(address, password, code, visitor).await?;
        self.tokens(caller.user, caller.role, caller.session, 0, refresh_key)
            .ok_or(Fault::Stopped)
    }

    /// Signs somebody in, with a second factor if they have one; says in which session, and which key its tokens have.
    pub(super) async fn begin_session(
        &self,
        address: &EmailAddress,
        password: &SecretString,
        code: Option<&SecretString>,
        visitor: &Visitor,
    ) -> Result<(Caller, u32), Fault> {
        Self::until_current(|| self.try_begin_session(address, password, code, visitor)).await
    }

    async fn try_begin_session(
        &self,
        address: &EmailAddress,
        password: &SecretString,
        code: Option<&SecretString>,
        visitor: &Visitor,
    ) -> Result<(Caller, u32), Fault> {
        let Greeting { found, ask, keys } = self.greet(address, visitor)?;
        self.may_sign_in(found, &ask)?;
        let user = found.and_then(|(_, id)| self.engine().read(|state| state.users.get(&id).cloned()));
        let (verdict, checked) = self.judge_password(user.as_deref(), password).await?;
        let refresh_key = self.refresh_key();
        let session = NewSession {
            session: SessionId(random_id(self.engine().entropy())),
            refresh_key,
        };
        let lane = if verdict == PasswordVerdict::Wrong {
            Lane::Stranger
        } else {
            Lane::Proof
        };
        // Where sign-up keeps silent about taken addresses, signing in with what was just chosen must not tell either.
        let silent = self.settings().enumeration == Enumeration::Strict;
        let require_verified = self.settings().require_verified_email || silent;
        // Only whoever knows the password learns whether the code is right.
        let code = code.filter(|_| verdict != PasswordVerdict::Wrong);
        let mut factor = self.shown_factor(found.map(|(_, id)| id), code, visitor);
        if let Some((_, id)) = found.filter(|_| verdict != PasswordVerdict::Wrong) {
            self.prepare_sign_in_notice(id, ask.client.network, &mut factor, visitor);
        }
        let command = Command::SignIn {
            ask,
            verdict,
            factor,
            session,
            require_verified,
        };
        let outcome = match self.carry_out(lane, command, keys).await {
            Err(Fault::Refused(Refusal::EmailNotVerified)) if silent => {
                return Err(Refusal::InvalidCredentials.into());
            }
            outcome => outcome?,
        };
        let (Outcome::Session(Some(session)), Some((_, id)), Some(user)) = (outcome, found, user) else {
            return Err(Refusal::InvalidCredentials.into());
        };
        self.upgrade_if_due(id, verdict, checked, password);
        let caller = Caller {
            user: id,
            session,
            role: user.role,
        };
        Ok((caller, refresh_key))
    }

    /// Holds a password against that of whoever was named; one hash, also for nobody (P-13).
    pub(super) async fn judge_password(
        &self,
        user: Option<&User>,
        password: &SecretString,
    ) -> Result<(PasswordVerdict, Verdict), Fault> {
        let credential = user.and_then(|user| user.credential.as_ref());
        let verifier = credential.and_then(|credential| self.verifier(credential));
        let checked = self.is_password(Lane::Stranger, password, verifier).await?;
        let verdict = match credential {
            Some(credential) if checked.matches() => PasswordVerdict::Right(credential.id),
            Some(_) | None => PasswordVerdict::Wrong,
        };
        Ok((verdict, checked))
    }

    /// Puts a right password under the present parameters, if it is under weaker ones.
    pub(super) fn upgrade_if_due(
        &self,
        user: UserId,
        verdict: PasswordVerdict,
        checked: Verdict,
        password: &SecretString,
    ) {
        let is_due = checked
            == Verdict::Right {
                rehash: crypto::Rehash::Due,
            };
        if let PasswordVerdict::Right(credential) = verdict
            && is_due
        {
            self.upgrade(user, credential, password.clone());
        }
    }

    /// Puts the password under the present parameters, beside the request and only if hashing has room.
    fn upgrade(&self, user: UserId, credential: crate::types::CredentialId, password: SecretString) {
        let desk = self.clone();
        tokio::spawn(async move {
            let Ok(verifier) = desk.passwords().hash(Lane::Proof, password).await else {
                return;
            };
            // The same generation keeps its key: only the verifier is new.
            let Some(key) = desk
                .engine()
                .vault()
                .key(crate::types::DataKeyId::Credential(credential))
            else {
                return;
            };
            let bytes = verifier.expose_secret().as_bytes();
            let entropy = desk.engine().entropy();
            let sealed = crypto::seal(&key, crypto::Field::Verifier, credential.0, bytes, entropy);
            let new = crate::domain::NewCredential {
                id: credential,
                verifier: sealed,
                history: 0,
            };
            // If the password has changed meanwhile, the law refuses, and nothing is lost.
            let _ = desk
                .carry_out(
                    Lane::Proof,
                    Command::UpgradeVerifier {
                        user,
                        credential: new,
                    },
                    vec![],
                )
                .await;
        });
    }

    pub(super) fn refresh_key(&self) -> u32 {
        self.engine().keyring().current().active(Purpose::Refresh).0.0
    }

    /// Tokens of a session. `None` if the key of its refresh token is gone.
    pub(super) fn tokens(
        &self,
        user: UserId,
        role: Role,
        session: SessionId,
        counter: u32,
        refresh_key: u32,
    ) -> Option<Tokens> {
        let ring = self.engine().keyring().current();
        let issued = self.now();
        let expires_in = self.limits().lifetimes.access;
        let claims = Claims {
            user,
            role: role.word().to_owned(),
            session,
            issued,
            expires: issued + expires_in,
        };
        let access = crypto::jwt::issue(&ring, &claims);
        let refresh = crypto::refresh_token(&ring, KeyId(refresh_key), session, counter)?;
        Some(Tokens {
            access,
            refresh,
            expires_in,
        })
    }

    /// Whose an access token is, if its session holds at this moment.
    pub fn authenticate(&self, bearer: &str) -> Result<Caller, AccessFault> {
        let now = self.now();
        let ring = self.engine().keyring().current();
        let claims = crypto::jwt::verify(&ring, bearer, now).map_err(|fault| match fault {
            JwtFault::Invalid => AccessFault::Invalid,
            JwtFault::Expired => AccessFault::Expired,
        })?;
        let (user, session) = (claims.user, claims.session);
        self.engine()
            .read(|state| match live_session(state, user, session, now) {
                Ok((owner, _)) => Ok(Caller {
                    user,
                    session,
                    role: owner.role,
                }),
                Err(SessionFault::Over) => Err(AccessFault::SessionOver),
                Err(SessionFault::AccountGone) => Err(AccessFault::AccountGone),
            })
    }

    /// Counts a bearer token that opened nothing; the tenth time it is told to stop.
    pub fn refused_bearer(&self, bearer: &str, fault: AccessFault, visitor: &Visitor) -> Result<(), Fault> {
        let class = match fault {
            AccessFault::Invalid => SuppressedClass::ForeignTokens,
            AccessFault::Expired | AccessFault::SessionOver | AccessFault::AccountGone => {
                SuppressedClass::DeadTokens
            }
        };
        self.count_refused(class, visitor);
        self.count_repeat(BEARER_SCOPE, bearer)
    }

    /// Counts credentials that are no token of any server.
    pub fn refused_scheme(&self, visitor: &Visitor) {
        self.count_refused(SuppressedClass::ForeignTokens, visitor);
    }

    /// Counts a value that was refused with a 401; the tenth time it is told to stop.
    pub(super) fn count_repeat(&self, scope: &str, value: &str) -> Result<(), Fault> {
        let now = self.now();
        match self.inner.repeats.look(scope, b"", value, now) {
            Repeat::New => {
                self.inner.repeats.wrong(scope, b"", value, now);
                Ok(())
            }
            Repeat::KnownWrong => Ok(()),
            Repeat::TooOften => Err(Fault::Repeated),
        }
    }

    /// Exchanges a refresh token for its successor.
    pub async fn refresh(&self, presented: &SecretString, visitor: &Visitor) -> Result<Tokens, Fault> {
        let refreshed = self.try_refresh(presented, visitor).await;
        if refreshed.as_ref().err() == Some(&Fault::Refused(Refusal::RefreshNotFound)) {
            self.count_repeat(REFRESH_SCOPE, presented.expose_secret())?;
        }
        refreshed
    }

    async fn try_refresh(&self, presented: &SecretString, visitor: &Visitor) -> Result<Tokens, Fault> {
        let none = || Fault::Refused(Refusal::RefreshNotFound);
        let parsed = crypto::parse_refresh_token(presented.expose_secret()).ok_or_else(none)?;
        let ring = self.engine().keyring().current();
        if !parsed.verify(&ring) {
            return Err(none());
        }
        let (session, counter) = (parsed.session(), parsed.counter());
        let now = self.now();
        let owner = self.engine().read(|state| {
            let id = state.sessions.get(&session)?.user;
            let (user, _) = live_session(state, id, session, now).ok()?;
            Some((id, user.role))
        });
        let refresh_key = self.refresh_key();
        let Some((user, role)) = owner else {
            self.note_dead_refresh(presented, session, counter, visitor)
                .await?;
            return Err(none());
        };
        let client = self.client_of(user, visitor).ok_or_else(none)?;
        let command = Command::Refresh {
            session,
            counter,
            refresh_key,
            mails: self.notices(user, visitor),
            origin: client.origin,
        };
        match self.carry_out(Lane::Proof, command, vec![]).await? {
            Outcome::Refreshed { counter, refresh_key } => self
                .tokens(user, role, session, counter, refresh_key)
                .ok_or_else(none),
            Outcome::Done
            | Outcome::Session(_)
            | Outcome::Issued(_)
            | Outcome::Ended(_)
            | Outcome::Verified
            | Outcome::Enrolled { .. }
            | Outcome::Objected(_) => Err(none()),
        }
    }

    /// Has a token of a session that is over refused by the law, which remembers it; the same one again within the time
    /// that repeats are counted is refused without that.
    async fn note_dead_refresh(
        &self,
        presented: &SecretString,
        session: SessionId,
        counter: u32,
        visitor: &Visitor,
    ) -> Result<(), Fault> {
        if self
            .inner
            .repeats
            .knows(REFRESH_SCOPE, b"", presented.expose_secret(), self.now())
        {
            return Ok(());
        }
        let owner = self
            .engine()
            .read(|state| state.sessions.get(&session).map(|found| found.user));
        let (day_key, keys) = self.day_key();
        let origin = match owner.and_then(|user| self.client_of(user, visitor)) {
            Some(client) => client.origin,
            None => self.seal_origin(&day_key, [0; 16], visitor),
        };
        let command = Command::Refresh {
            session,
            counter,
            refresh_key: self.refresh_key(),
            mails: Notices::none(),
            origin,
        };
        self.carry_out(Lane::Stranger, command, keys).await.map(|_| ())
    }

    /// The live sessions of a user, newest first.
    pub fn sessions(&self, user: UserId) -> Vec<SessionView> {
        let now = self.now();
        let live: Vec<_> = self.engine().read(|state| {
            let held = state
                .users
                .get(&user)
                .map(|user| user.sessions.clone())
                .unwrap_or_default();
            held.into_iter()
                .rev()
                .filter_map(|id| Some((id, live_session(state, user, id, now).ok()?.1.clone())))
                .collect()
        });
        live.iter()
            .map(|(id, session)| self.session_view(*id, session))
            .collect()
    }

    /// A session as its owner sees it.
    pub(super) fn session_view(&self, id: SessionId, session: &Session) -> SessionView {
        let origin = self.open_origin(Some(session.user), &session.origin);
        SessionView {
            id,
            user: session.user,
            ip: origin.as_ref().map(|origin| origin.ip),
            user_agent: origin.map(|origin| origin.user_agent),
            active: session.active,
            created: session.created,
        }
    }

    /// Ends the session that a user is in.
    pub async fn sign_out(&self, caller: Caller, visitor: &Visitor) -> Result<(), Fault> {
        let Caller { user, session, .. } = caller;
        let command = Command::SignOut {
            user,
            session,
            origin: self.origin_of(user, visitor),
        };
        self.carry_out(Lane::Proof, command, vec![]).await.map(|_| ())
    }

    /// Ends one session of a user. There is a visitor where a request asks for it.
    pub async fn end_session(
        &self,
        user: UserId,
        session: SessionId,
        by: Actor,
        visitor: Option<&Visitor>,
    ) -> Result<(), Fault> {
        let command = Command::EndSession {
            user,
            session,
            by,
            origin: visitor.and_then(|visitor| self.origin_of(user, visitor)),
        };
        self.carry_out(Lane::Proof, command, vec![]).await.map(|_| ())
    }

    /// Ends all sessions of a user, but for one perhaps; says how many. There is a visitor where a request asks for it.
    pub async fn end_sessions(
        &self,
        user: UserId,
        except: Option<SessionId>,
        by: Actor,
        visitor: Option<&Visitor>,
    ) -> Result<u32, Fault> {
        let command = Command::EndSessions {
            user,
            except,
            by,
            origin: visitor.and_then(|visitor| self.origin_of(user, visitor)),
        };
        match self.carry_out(Lane::Proof, command, vec![]).await? {
            Outcome::Ended(count) => Ok(count),
            Outcome::Done
            | Outcome::Session(_)
            | Outcome::Refreshed { .. }
            | Outcome::Issued(_)
            | Outcome::Verified
            | Outcome::Enrolled { .. }
            | Outcome::Objected(_) => Ok(0),
        }
    }
}
