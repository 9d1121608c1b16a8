//! What follows from an attempt that succeeded (or was punished), in the oracle's account.

use keyledger::domain::{ApiKeyKind, MailKind, Purpose, Role};
use keyledger::types::{SessionId, Span, Timestamp, TokenId, UserId};

use super::addresses::Further;
use super::attempt::{Attempt, Shown};
use super::oracle::{Access, Account, DueMail, KeyStanding, News, Oracle, Proof, Stay, Waiting};

/// How long an administrator's recovery lives in a simulation.
pub(super) const ADMIN_RECOVERY: Span = Span::hours(2);

/// How long an app waits for its first code.
const ENROLMENT: Span = Span::minutes(10);

/// Which proofs of a user die.
#[derive(Clone, Copy)]
pub(super) enum Void {
    All,
    /// Taking a closing back is not about password or ban.
    AllButReopen,
    Only(Purpose),
}

/// What the house should have done, in words.
pub(super) type Followed = Result<(), String>;

impl Oracle {
    /// Notes what an attempt led to; `news` has the names for it, and what is missing there was not done.
    pub(super) fn follow(&mut self, attempt: &Attempt, news: &News, now: Timestamp) -> Followed {
        match attempt {
            Attempt::SignUp { address, password } => {
                let user = self.register(*address, Some(password), news)?;
                self.issued(user, Purpose::VerifyEmail, news, now + self.mailed_for, false)?;
                self.mailed(user, MailKind::EmailVerification, news)?;
                self.begin_session(user, news, now)
            }
            Attempt::Create { address } => self.register(*address, None, news).map(drop),
            Attempt::SignIn { address, shown, .. } => {
                let (user, _) = self
                    .owner(*address)
                    .ok_or("nobody of this address can be signed in")?;
                self.shown(user, *shown);
                self.begin_session(user, news, now)?;
                self.told_of_a_new_place(user, news)
            }
            Attempt::BeginApp { session, .. } => {
                let account = self.account_of(*session)?;
                account.begun = Some((*session, now + ENROLMENT));
                Ok(())
            }
            Attempt::ConfirmApp { session, shown } => {
                let (user, _) = self.session(*session).ok_or("nobody has this session")?;
                let account = self.account_of(*session)?;
                let Shown::Right(step) = shown else {
                    return Err("an app was confirmed without its code".to_owned());
                };
                (account.app, account.begun) = (Some(*step), None);
                self.mailed(user, MailKind::FactorChanged, news)
            }
            Attempt::RemoveApp { session, .. } => {
                let (user, _) = self.session(*session).ok_or("nobody has this session")?;
                self.account_of(*session)?.app = None;
                self.mailed(user, MailKind::FactorChanged, news)
            }
            Attempt::RevokeFactors(user) => {
                self.accounts.get_mut(user).ok_or("their account is gone")?.app = None;
                self.mailed(*user, MailKind::FactorChanged, news)
            }
            Attempt::Ask { address, purpose } => self.asked(*address, *purpose, news),
            Attempt::Answer { request } => {
                let waited = self.waiting.remove(request).ok_or("this request did not wait")?;
                let account = self.accounts.get(&waited.user);
                let wanted = account.is_some_and(|account| {
                    account.access() == Access::Open
                        && (waited.purpose == Purpose::Recovery || account.wants_proof())
                });
                if waited.epoch != self.epoch || !wanted {
                    return Ok(());
                }
                self.issued(waited.user, waited.purpose, news, now + self.mailed_for, false)?;
                let kind = match waited.purpose {
                    Purpose::Recovery => MailKind::PasswordReset,
                    Purpose::VerifyEmail | Purpose::Reopen => MailKind::EmailVerification,
                    Purpose::SignInCode
                    | Purpose::EnrolMailbox
                    | Purpose::AddAddress
                    | Purpose::Invitation => {
                        return Err("nobody asks for this proof without a session".to_owned());
                    }
                };
                self.mailed(waited.user, kind, news)
            }
            Attempt::Confirm {
                proof,
                password,
                shown,
                ..
            } => {
                let token = proof.token().ok_or("nonsense is no proof")?;
                let found = self
                    .proofs
                    .get(&token)
                    .ok_or("this proof was never issued")?
                    .clone();
                self.shown(found.user, *shown);
                if let Some(account) = self.accounts.get_mut(&found.user) {
                    if found.clears_apps(account) {
                        account.app = None;
                    }
                    account.verified |= !found.by_administrator;
                    account.distrusted = false;
                }
                self.new_password(found.user, password, news)
            }
            Attempt::Verify { proof, .. } => {
                let token = proof.token().ok_or("nonsense is no proof")?;
                let found = self.proofs.get_mut(&token).ok_or("this proof was never issued")?;
                found.dead = true;
                let user = found.user;
                let account = self.accounts.get_mut(&user).ok_or("their account is gone")?;
                (account.verified, account.distrusted) = (true, false);
                Ok(())
            }
            Attempt::Disown { proof } => {
                let token = proof.token().ok_or("nonsense is no proof")?;
                let user = self.proofs.get(&token).ok_or("this proof was never issued")?.user;
                self.erase(user);
                Ok(())
            }
            Attempt::Reopen { proof } => {
                let token = proof.token().ok_or("nonsense is no proof")?;
                let found = self.proofs.get_mut(&token).ok_or("this proof was never issued")?;
                found.dead = true;
                let user = found.user;
                self.accounts
                    .get_mut(&user)
                    .ok_or("their account is gone")?
                    .closing = None;
                Ok(())
            }
            Attempt::Change {
                session, password, ..
            } => {
                let (user, _) = self.session(*session).ok_or("nobody has this session")?;
                self.new_password(user, password, news)
            }
            Attempt::Refresh { session, counter } => self.refreshed(*session, *counter, now),
            Attempt::EndSession { session, .. } | Attempt::SignOut { session, .. } => {
                self.end(|id| id == *session);
                Ok(())
            }
            Attempt::EndSessions { user, except } => {
                self.end_of(*user, *except);
                Ok(())
            }
            Attempt::Withdraw { session } => {
                let (user, _) = self.session(*session).ok_or("nobody has this session")?;
                self.void(user, Void::All);
                self.end_of(user, None);
                let until = now + self.closing;
                self.accounts
                    .get_mut(&user)
                    .ok_or("their account is gone")?
                    .closing = Some(until);
                self.issued(user, Purpose::Reopen, news, until, false)?;
                self.mailed(user, MailKind::AccountClosing, news)
            }
            Attempt::Ban(user) => {
                if let Some(account) = self.accounts.get_mut(user) {
                    account.banned = true;
                }
                self.void(*user, Void::AllButReopen);
                self.end_of(*user, None);
                Ok(())
            }
            Attempt::Unban(user) => {
                if let Some(account) = self.accounts.get_mut(user) {
                    account.banned = false;
                }
                Ok(())
            }
            Attempt::RevokePassword(user) => {
                if self.accounts[user].password.is_some() {
                    self.void(*user, Void::AllButReopen);
                    self.end_of(*user, None);
                }
                if let Some(account) = self.accounts.get_mut(user) {
                    (account.password, account.credential) = (None, None);
                }
                Ok(())
            }
            Attempt::Erase(user) | Attempt::EraseDue(user) => {
                self.erase(*user);
                Ok(())
            }
            Attempt::RenewClosing(user) => {
                if !self.closes_without_proof(*user) {
                    return Ok(());
                }
                let until = now + self.closing;
                if let Some(account) = self.accounts.get_mut(user) {
                    account.closing = account.closing.max(Some(until));
                }
                self.issued(*user, Purpose::Reopen, news, until, false)?;
                self.mailed(*user, MailKind::AccountClosing, news)
            }
            Attempt::AdminRecovery(user) => {
                self.issued(*user, Purpose::Recovery, news, now + ADMIN_RECOVERY, true)?;
                self.mailed(*user, MailKind::AdminRecovery, news)
            }
            Attempt::NewKey(kind) => {
                let [key] = news.keys[..] else {
                    return Err(format!("one new API key, not {}", news.keys.len()));
                };
                let secret = *kind == ApiKeyKind::Secret;
                let made = KeyStanding {
                    secret,
                    lives: true,
                    waits: false,
                };
                self.keys.insert(key, made);
                Ok(())
            }
            Attempt::ConfirmKey(key) => {
                self.keys.get_mut(key).ok_or("this key was never made")?.waits = false;
                Ok(())
            }
            Attempt::RevokeKey(key) => {
                let found = self.keys.get_mut(key).ok_or("this key was never made")?;
                (found.lives, found.waits) = (false, false);
                Ok(())
            }
            Attempt::SavePolicy(policy) => {
                self.policy = policy.clone();
                Ok(())
            }
            Attempt::Address(addressed) => self.follow_addresses(addressed, news, now),
            Attempt::Manage(managed) => self.follow_management(managed, news),
            Attempt::NewEpoch => {
                self.begin_epoch();
                for account in self.accounts.values_mut() {
                    account.distrusted = true;
                }
                for key in self.keys.values_mut() {
                    key.waits = key.secret && key.lives;
                }
                Ok(())
            }
            Attempt::AcceptClock => {
                if news.epoch > self.epoch {
                    self.begin_epoch();
                }
                Ok(())
            }
            Attempt::Delivered { mail, .. } | Attempt::Ended { mail, .. } => {
                self.mails.remove(mail);
                Ok(())
            }
            Attempt::TouchKey(_) | Attempt::Deferred { .. } => Ok(()),
        }
    }

    /// Notes what a refusal led to: a refresh token that came back ends every session of its user; the right password of
    /// a distrusted account has a proof of the mailbox sent, unless one is under way.
    pub(super) fn punish(&mut self, attempt: &Attempt, news: &News) -> Followed {
        if let Attempt::SignIn { address, .. } | Attempt::Confirm { address, .. } = attempt {
            let (user, account) = self.owner(*address).ok_or("nobody has this address")?;
            let is_sign_in = matches!(attempt, Attempt::SignIn { .. });
            return if is_sign_in && account.distrusted {
                self.asked(*address, Purpose::VerifyEmail, news)
            } else {
                self.warned(user, news)
            };
        }
        let again = if let Attempt::RemoveApp { session, .. } = attempt {
            Some(*session)
        } else if let Attempt::Address(addressed) = attempt {
            addressed.session()
        } else {
            None
        };
        if let Some(session) = again {
            let (user, _) = self.session(session).ok_or("nobody has this session")?;
            return self.warned(user, news);
        }
        let Attempt::Refresh { session, .. } = attempt else {
            return Err(
                "only a replay, a wrong factor and a distrusted password have consequences".to_owned(),
            );
        };
        let (user, _) = self.session(*session).ok_or("nobody has this session")?;
        self.end_of(user, None);
        self.mailed(user, MailKind::SessionsRevoked, news)
    }

    /// A right code is spent.
    pub(super) fn shown(&mut self, user: UserId, shown: Shown) {
        if let (Some(account), Shown::Right(step)) = (self.accounts.get_mut(&user), shown)
            && account.app.is_some()
        {
            account.app = Some(step);
        }
    }

    pub(super) fn account_of(&mut self, session: SessionId) -> Result<&mut Account, String> {
        let (user, _) = self.session(session).ok_or("nobody has this session")?;
        Ok(self.accounts.get_mut(&user).ok_or("their account is gone")?)
    }

    /// A sign-in from where the user did not sign in lately is told, so many times an hour.
    fn told_of_a_new_place(&mut self, user: UserId, news: &News) -> Followed {
        match news.mails.len() {
            0 => Ok(()),
            _ => self.mailed(user, MailKind::NewSignIn, news),
        }
    }

    /// A wrong factor after a right password or proof is told to its owner, unless that was told lately.
    fn warned(&mut self, user: UserId, news: &News) -> Followed {
        match news.mails.len() {
            0 => Ok(()),
            _ => self.mailed(user, MailKind::SecondFactorFailed, news),
        }
    }

    fn register(&mut self, address: usize, password: Option<&String>, news: &News) -> Result<UserId, String> {
        let [user] = news.users[..] else {
            return Err(format!("one new user, not {}", news.users.len()));
        };
        let account = Account {
            address,
            role: Role::User,
            edited: None,
            password: password.cloned(),
            credential: news.credentials.get(&user).copied(),
            banned: false,
            closing: None,
            verified: false,
            distrusted: false,
            further: Further::default(),
            app: None,
            begun: None,
            sessions: vec![],
        };
        self.accounts.insert(user, account);
        Ok(user)
    }

    pub(super) fn asked(&mut self, address: usize, purpose: Purpose, news: &News) -> Followed {
        let [request] = news.requests[..] else {
            return match news.requests.len() {
                0 => Ok(()),
                several => Err(format!("one request waits at most, not {several}")),
            };
        };
        let (user, account) = self.owner(address).ok_or("a request for nobody waits")?;
        if account.access() != Access::Open || (purpose == Purpose::VerifyEmail && !account.wants_proof()) {
            return Err("a request waits that must not be answered".to_owned());
        }
        let epoch = self.epoch;
        self.waiting.insert(request, Waiting { user, purpose, epoch });
        Ok(())
    }

    fn begin_session(&mut self, user: UserId, news: &News, now: Timestamp) -> Followed {
        let [session] = news.sessions[..] else {
            return Err(format!("one new session, not {}", news.sessions.len()));
        };
        let stay = Stay {
            counter: 0,
            active: now,
            idle_until: now + self.idle,
            ends: now + self.absolute,
            epoch: self.epoch,
        };
        let most = self.stays_max;
        let account = self.accounts.get_mut(&user).ok_or("their account is gone")?;
        let excess = (account.sessions.len() + 1).saturating_sub(most);
        let displaced: Vec<_> = account.sessions.drain(..excess).map(|(id, _)| id).collect();
        self.ended.extend(displaced);
        let (over, kept): (Vec<_>, _) = std::mem::take(&mut account.sessions)
            .into_iter()
            .partition(|(_, stay)| now >= stay.idle_until || now >= stay.ends);
        self.ended.extend(over.into_iter().map(|(id, _)| id));
        account.sessions = kept;
        account.sessions.push((session, stay));
        Ok(())
    }

    fn refreshed(&mut self, session: SessionId, counter: u32, now: Timestamp) -> Followed {
        let idle = self.idle;
        let mut all = self
            .accounts
            .values_mut()
            .flat_map(|account| &mut account.sessions);
        let found = all.find(|(id, _)| *id == session);
        let (_, stay) = found.ok_or("nobody has this session")?;
        if counter == stay.counter {
            stay.counter += 1;
            stay.active = now;
            stay.idle_until = now + idle;
        }
        Ok(())
    }

    fn new_password(&mut self, user: UserId, password: &str, news: &News) -> Followed {
        self.void(user, Void::All);
        self.end_of(user, None);
        let account = self.accounts.get_mut(&user).ok_or("their account is gone")?;
        let credential = news.credentials.get(&user).copied();
        if credential == account.credential {
            return Err("the password in force is the old one".to_owned());
        }
        account.credential = credential;
        account.password = Some(password.to_owned());
        self.mailed(user, MailKind::PasswordChanged, news)
    }

    pub(super) fn issued(
        &mut self,
        user: UserId,
        purpose: Purpose,
        news: &News,
        expires: Timestamp,
        by_administrator: bool,
    ) -> Followed {
        let [token] = news.tokens[..] else {
            return Err(format!("one new proof, not {}", news.tokens.len()));
        };
        self.void(user, Void::Only(purpose));
        let proof = Proof {
            user,
            purpose,
            expires,
            dead: false,
            epoch: self.epoch,
            by_administrator,
        };
        self.proofs.insert(token, proof);
        Ok(())
    }

    pub(super) fn mailed(&mut self, user: UserId, kind: MailKind, news: &News) -> Followed {
        // Notices go to every address, proofs to the one that is meant.
        let account = self.accounts.get(&user).ok_or("their account is gone")?;
        let everywhere = 1 + account.further.proven.len();
        let (carries, count): (Option<TokenId>, usize) = match kind {
            MailKind::PasswordReset | MailKind::EmailVerification => (news.tokens.first().copied(), 1),
            MailKind::AccountClosing => (news.tokens.first().copied(), everywhere),
            MailKind::PasswordChanged
            | MailKind::AccountExists
            | MailKind::AdminRecovery
            | MailKind::SessionsRevoked
            | MailKind::FactorChanged
            | MailKind::SecondFactorFailed
            | MailKind::NewSignIn
            | MailKind::AddressChanged
            | MailKind::Test => (None, everywhere),
            MailKind::EmailOtp
            | MailKind::BackupFailed
            | MailKind::Checkpoint
            | MailKind::Invitation
            | MailKind::ObjectionRaised => {
                let here = "nobody here has a mailbox as factor, objects, makes backups, invites, or is mailed checkpoints";
                return Err(here.to_owned());
            }
        };
        let fitting = || news.mails.iter().filter(|mail| (mail.1, mail.2) == (kind, user));
        if fitting().count() != count {
            let (due, name) = (fitting().count(), kind.name());
            return Err(format!("{count} {name} mails must be due, not {due}"));
        }
        let epoch = self.epoch;
        for (mail, _, _, token) in fitting() {
            // What a notice offers to object to is no proof.
            let token = token.filter(|_| kind.carries_proof());
            if token != carries {
                return Err(format!("the {} mail carries another proof", kind.name()));
            }
            self.mails.insert(*mail, DueMail { user, token, epoch });
        }
        Ok(())
    }
}
