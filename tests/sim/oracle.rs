//! What must hold: a second, plain account of what was acknowledged, written without a look at `decide` or `evolve`.
//!
//! It is told of each attempt and of its answer. Before the answer it says what may come of it; after it, what follows.
//! It takes names (ids that the house drew) from the house, never facts.

use std::collections::{BTreeMap, BTreeSet};

use keyledger::domain::{MailKind, Purpose, Role, password_policy::PasswordPolicy};
use keyledger::types::{
    ApiKeyId, CredentialId, Locale, MailId, Position, SessionId, Span, Timestamp, TokenId, UserId, WebOrigins,
};

use super::addresses::Further;
use super::attempt::{Address, Attempt, Presented, Shown};
use super::management::FlowsMade;

/// What may come of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Expect {
    /// Yes: no limit stands before it.
    Yes,
    /// Yes, unless a limit says otherwise.
    Perhaps,
    /// No, whatever else.
    No,
    /// No, and it has consequences.
    Punished,
}

/// Whether somebody may sign in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Access {
    Open,
    Banned,
    ClosingAt(Timestamp),
}

/// Somebody's account.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) address: Address,
    pub(super) role: Role,
    /// What an administrator had them called last, and in which language.
    pub(super) edited: Option<(String, Locale)>,
    pub(super) password: Option<String>,
    pub(super) credential: Option<CredentialId>,
    pub(super) banned: bool,
    /// When it is erased, unless its owner says no.
    pub(super) closing: Option<Timestamp>,
    pub(super) verified: bool,
    /// Whether the password lets nobody in before the mailbox was proven: keys were stolen since.
    pub(super) distrusted: bool,
    pub(super) further: Further,
    /// The last time step whose code their authenticator app showed; none without an app.
    pub(super) app: Option<u64>,
    /// The session that began to add an app, and until when it may confirm it.
    pub(super) begun: Option<(SessionId, Timestamp)>,
    /// Sessions that nobody ended, in the order they began; they may have run out.
    pub(super) sessions: Vec<(SessionId, Stay)>,
}

impl Account {
    /// Whether they may sign in.
    pub(super) fn access(&self) -> Access {
        match (self.banned, self.closing) {
            (true, _) => Access::Banned,
            (false, Some(until)) => Access::ClosingAt(until),
            (false, None) => Access::Open,
        }
    }

    /// What comes of what is shown where an app is asked for: it is no, or no and remembered, unless a limit says otherwise.
    pub(super) fn of_shown(&self, shown: Shown) -> Expect {
        match (self.app, shown) {
            (None, _) => Expect::Yes,
            (Some(_), Shown::Nothing) => Expect::No,
            (Some(last), Shown::Right(step)) if step > last => Expect::Perhaps,
            (Some(_), Shown::Right(_) | Shown::Wrong) => Expect::Punished,
        }
    }

    /// Whether there is something that a proof of the address would change.
    pub(super) fn wants_proof(&self) -> bool {
        !self.verified || self.distrusted
    }
}

/// A session.
#[derive(Clone, Debug)]
pub(super) struct Stay {
    pub(super) counter: u32,
    pub(super) active: Timestamp,
    pub(super) idle_until: Timestamp,
    pub(super) ends: Timestamp,
    pub(super) epoch: u32,
}

/// A proof that was issued.
#[derive(Clone, Debug)]
pub(super) struct Proof {
    pub(super) user: UserId,
    pub(super) purpose: Purpose,
    pub(super) expires: Timestamp,
    /// It was used, or a newer one took its place, or what it was for changed.
    pub(super) dead: bool,
    pub(super) epoch: u32,
    pub(super) by_administrator: bool,
}

impl Proof {
    /// Whether it shows for the first time that the address is the user's: whoever added an app never did.
    pub(super) fn clears_apps(&self, account: &Account) -> bool {
        !account.verified && !self.by_administrator
    }
}

/// A request that waits for its mail.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) user: UserId,
    pub(super) purpose: Purpose,
    pub(super) epoch: u32,
}

/// What an API key is good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct KeyStanding {
    pub(super) secret: bool,
    /// It was not revoked.
    pub(super) lives: bool,
    /// It opens nothing until a person says that it is in good hands.
    pub(super) waits: bool,
}

/// A mail that is due.
#[derive(Clone, Debug)]
pub(super) struct DueMail {
    pub(super) user: UserId,
    pub(super) token: Option<TokenId>,
    pub(super) epoch: u32,
}

/// Names in the house that the oracle has not met.
#[derive(Clone, Default, Debug)]
pub(super) struct News {
    pub(super) users: Vec<UserId>,
    pub(super) sessions: Vec<SessionId>,
    pub(super) tokens: Vec<TokenId>,
    pub(super) requests: Vec<Position>,
    pub(super) mails: Vec<(MailId, MailKind, UserId, Option<TokenId>)>,
    pub(super) keys: Vec<ApiKeyId>,
    pub(super) credentials: BTreeMap<UserId, CredentialId>,
    pub(super) epoch: u32,
}

/// The second account.
#[derive(Clone, Debug)]
pub(super) struct Oracle {
    pub(super) accounts: BTreeMap<UserId, Account>,
    pub(super) erased: BTreeSet<UserId>,
    /// Users whose password was guessed at: limits may stand before the right one.
    pub(super) guessed_at: BTreeSet<UserId>,
    pub(super) proofs: BTreeMap<TokenId, Proof>,
    /// Sessions that ended: none of them opens anything again.
    pub(super) ended: BTreeSet<SessionId>,
    pub(super) waiting: BTreeMap<Position, Waiting>,
    pub(super) mails: BTreeMap<MailId, DueMail>,
    pub(super) keys: BTreeMap<ApiKeyId, KeyStanding>,
    /// The pages that may call with a key.
    pub(super) origins: BTreeMap<ApiKeyId, WebOrigins>,
    pub(super) flows: FlowsMade,
    pub(super) policy: PasswordPolicy,
    pub(super) epoch: u32,
    pub(super) idle: Span,
    pub(super) absolute: Span,
    pub(super) grace: Span,
    pub(super) closing: Span,
    pub(super) mailed_for: Span,
    pub(super) stays_max: usize,
}

impl Oracle {
    pub(super) fn live(&self, token: TokenId, now: Timestamp) -> bool {
        let Some(proof) = self.proofs.get(&token) else {
            return false;
        };
        let fits = self
            .accounts
            .get(&proof.user)
            .is_some_and(|account| match proof.purpose {
                Purpose::Recovery | Purpose::VerifyEmail => account.access() == Access::Open,
                Purpose::Reopen => matches!(account.access(), Access::ClosingAt(_)),
                Purpose::AddAddress => account.access() == Access::Open && account.further.named.is_some(),
                // Nobody here has a mailbox as second factor, or an invitation.
                Purpose::SignInCode | Purpose::EnrolMailbox | Purpose::Invitation => false,
            });
        fits && self.is_fresh(proof, now)
    }

    fn is_fresh(&self, proof: &Proof, now: Timestamp) -> bool {
        !proof.dead && proof.epoch == self.epoch && now < proof.expires
    }

    /// Whether the mail with a proof may leave: whoever is banned while their account closes is told of that, although the
    /// proof opens nothing before they are let in again.
    pub(super) fn may_be_mailed(&self, token: TokenId, now: Timestamp) -> bool {
        let closes = self.proofs.get(&token).is_some_and(|proof| {
            let account = self.accounts.get(&proof.user);
            proof.purpose == Purpose::Reopen
                && account.is_some_and(|account| account.closing.is_some())
                && self.is_fresh(proof, now)
        });
        closes || self.live(token, now)
    }

    pub(super) fn stays(&self, user: UserId, stay: &Stay, now: Timestamp) -> bool {
        let open = self
            .accounts
            .get(&user)
            .is_some_and(|account| account.access() == Access::Open);
        open && stay.epoch == self.epoch && now < stay.idle_until && now < stay.ends
    }

    /// Whether an account closes whose owner cannot say no, because an epoch voided the proof.
    pub(super) fn closes_without_proof(&self, user: UserId) -> bool {
        let closes = self
            .accounts
            .get(&user)
            .is_some_and(|account| account.closing.is_some());
        closes
            && self.proofs.values().any(|proof| {
                let voided = !proof.dead && proof.epoch < self.epoch;
                proof.user == user && proof.purpose == Purpose::Reopen && voided
            })
    }

    pub(super) fn owner(&self, address: Address) -> Option<(UserId, &Account)> {
        let mut all = self.accounts.iter();
        all.find(|(_, account)| account.address == address)
            .map(|(user, account)| (*user, account))
    }

    pub(super) fn session(&self, session: SessionId) -> Option<(UserId, &Stay)> {
        self.accounts.iter().find_map(|(user, account)| {
            let found = account.sessions.iter().find(|(id, _)| *id == session);
            found.map(|(_, stay)| (*user, stay))
        })
    }

    pub(super) fn signed_in(&self, session: SessionId, now: Timestamp) -> Option<UserId> {
        let (user, stay) = self.session(session)?;
        self.stays(user, stay, now).then_some(user)
    }

    pub(super) fn presented(
        &self,
        proof: Presented,
        purpose: Purpose,
        now: Timestamp,
    ) -> Option<(UserId, &Proof)> {
        let token = proof.token()?;
        let found = self.proofs.get(&token)?;
        (found.purpose == purpose && self.live(token, now)).then_some((found.user, found))
    }

    /// What may come of an attempt.
    pub(super) fn expects(&self, attempt: &Attempt, now: Timestamp) -> Expect {
        let when = |holds: bool, then: Expect| if holds { then } else { Expect::No };
        let by_link = |proof: Presented| match proof {
            Presented::Link(_) => Expect::Yes,
            Presented::Code(_) | Presented::Nonsense => Expect::Perhaps,
        };
        match attempt {
            Attempt::SignUp { address, password } => when(
                self.owner(*address).is_none() && self.fits(password),
                Expect::Perhaps,
            ),
            Attempt::Create { address } => when(self.owner(*address).is_none(), Expect::Yes),
            Attempt::SignIn {
                address,
                password,
                shown,
            } => match self.owner(*address) {
                Some((user, account)) if account.password.as_ref() == Some(password) => when(
                    account.access() == Access::Open,
                    match (account.distrusted, account.of_shown(*shown)) {
                        (true, _) => Expect::Punished,
                        (false, Expect::Yes) if self.guessed_at.contains(&user) => Expect::Perhaps,
                        (false, of_shown) => of_shown,
                    },
                ),
                Some(_) | None => Expect::No,
            },
            Attempt::BeginApp { session, password } => {
                let account = self.signed_in(*session, now).map(|user| &self.accounts[&user]);
                let may = account.is_some_and(|account| {
                    account.app.is_none() && account.password.as_ref() == Some(password)
                });
                when(may, Expect::Perhaps)
            }
            Attempt::ConfirmApp { session, shown } => {
                let account = self.signed_in(*session, now).map(|user| &self.accounts[&user]);
                let begun = account.and_then(|account| account.begun);
                let waits = begun.is_some_and(|(by, until)| by == *session && now < until);
                when(waits && matches!(shown, Shown::Right(_)), Expect::Perhaps)
            }
            Attempt::RemoveApp {
                session,
                password,
                shown,
            } => {
                let account = self.signed_in(*session, now).map(|user| &self.accounts[&user]);
                let account = account
                    .filter(|account| account.app.is_some() && account.password.as_ref() == Some(password));
                account.map_or(Expect::No, |account| match account.of_shown(*shown) {
                    // A session that showed one lately need not show it again.
                    Expect::No | Expect::Yes => Expect::Perhaps,
                    of_shown @ (Expect::Perhaps | Expect::Punished) => of_shown,
                })
            }
            Attempt::RevokeFactors(user) => when(
                self.accounts
                    .get(user)
                    .is_some_and(|account| account.app.is_some()),
                Expect::Yes,
            ),
            Attempt::Ask { .. } => Expect::Perhaps,
            Attempt::Answer { request } => when(self.waiting.contains_key(request), Expect::Yes),
            Attempt::Confirm {
                proof,
                address,
                password,
                shown,
            } => match self.presented(*proof, Purpose::Recovery, now) {
                Some((user, found)) if self.accounts[&user].address == *address => {
                    let account = &self.accounts[&user];
                    let fits = self.fits(password) && account.password.as_ref() != Some(password);
                    match account.of_shown(*shown) {
                        _ if found.clears_apps(account) => when(fits, by_link(*proof)),
                        Expect::Yes => when(fits, by_link(*proof)),
                        Expect::Perhaps => when(fits, Expect::Perhaps),
                        refused @ (Expect::No | Expect::Punished) => refused,
                    }
                }
                Some(_) | None => Expect::No,
            },
            Attempt::Verify { proof, address } => {
                let found = self.presented(*proof, Purpose::VerifyEmail, now);
                let account = found.map(|(user, _)| &self.accounts[&user]);
                when(
                    account.is_some_and(|account| account.address == *address && account.wants_proof()),
                    by_link(*proof),
                )
            }
            Attempt::Disown { proof } => {
                let found = self.presented(*proof, Purpose::VerifyEmail, now);
                when(
                    found.is_some_and(|(user, _)| !self.accounts[&user].verified),
                    Expect::Yes,
                )
            }
            Attempt::Reopen { proof } => when(
                self.presented(*proof, Purpose::Reopen, now).is_some(),
                Expect::Yes,
            ),
            Attempt::Change {
                session,
                current,
                password,
            } => match self.signed_in(*session, now) {
                Some(user) => {
                    let known = self.accounts[&user].password.as_ref();
                    let right = known == Some(current) && known != Some(password);
                    when(right && self.fits(password), Expect::Perhaps)
                }
                None => Expect::No,
            },
            Attempt::Refresh { session, counter } => self.expects_of_refresh(*session, *counter, now),
            Attempt::EndSession { session, user } | Attempt::SignOut { session, user } => when(
                self.session(*session).is_some_and(|(owner, _)| owner == *user),
                Expect::Yes,
            ),
            Attempt::EndSessions { user, .. }
            | Attempt::Ban(user)
            | Attempt::Unban(user)
            | Attempt::RenewClosing(user)
            | Attempt::RevokePassword(user)
            | Attempt::Erase(user) => when(self.accounts.contains_key(user), Expect::Yes),
            Attempt::EraseDue(user) => {
                let account = self.accounts.get(user);
                let due = account
                    .and_then(|account| account.closing)
                    .is_some_and(|until| now >= until);
                when(due && !self.closes_without_proof(*user), Expect::Yes)
            }
            Attempt::Withdraw { session } => when(self.signed_in(*session, now).is_some(), Expect::Yes),
            Attempt::AdminRecovery(user) => {
                let open = self
                    .accounts
                    .get(user)
                    .is_some_and(|account| account.access() == Access::Open);
                when(open, Expect::Yes)
            }
            Attempt::NewKey(_) | Attempt::SavePolicy(_) | Attempt::NewEpoch | Attempt::AcceptClock => {
                Expect::Yes
            }
            Attempt::TouchKey(key) | Attempt::ConfirmKey(key) => {
                when(self.keys.get(key).is_some_and(|key| key.lives), Expect::Yes)
            }
            Attempt::RevokeKey(key) => when(self.keys.contains_key(key), Expect::Yes),
            Attempt::Address(addressed) => self.expects_of_addresses(addressed, now),
            Attempt::Manage(managed) => self.expects_of_management(managed),
            Attempt::Delivered { mail, .. }
            | Attempt::Deferred { mail, .. }
            | Attempt::Ended { mail, .. } => when(self.mails.contains_key(mail), Expect::Yes),
        }
    }

    fn expects_of_refresh(&self, session: SessionId, counter: u32, now: Timestamp) -> Expect {
        let held = self.session(session);
        let Some((_, stay)) = held.filter(|(user, stay)| self.stays(*user, stay, now)) else {
            return Expect::No;
        };
        let in_grace = counter + 1 == stay.counter && now < stay.active + self.grace;
        if counter == stay.counter || in_grace {
            Expect::Yes
        } else if counter > stay.counter {
            Expect::No
        } else {
            Expect::Punished
        }
    }

    /// Whether a password meets the policy: those of the simulation differ in length alone.
    fn fits(&self, password: &str) -> bool {
        password.len() >= usize::from(self.policy.settings().length_min)
    }
}
