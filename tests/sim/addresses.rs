//! Further addresses in a simulation: named, proven, forgotten and taken away. Nobody signs in with them here.

use keyledger::desk::Reproof;
use keyledger::domain::{MailKind, Purpose, State};
use keyledger::types::{SessionId, Timestamp, UserId};
use secrecy::SecretString;

use super::attempt::{Address, Attempt, Presented, Shown};
use super::compare::same;
use super::follow::{Followed, Void};
use super::life::{Device, Life};
use super::oracle::{Account, Expect, News, Oracle};
use super::people::address;

/// The numbers of further addresses: few, so that two people name the same one.
const FURTHER: std::ops::Range<Address> = 10..13;
/// A user's addresses, at most.
const MOST: usize = 5;

/// What somebody does about their addresses.
#[derive(Clone, PartialEq, Debug)]
#[expect(
    clippy::enum_variant_names,
    reason = "they are told by these names beside all others"
)]
pub(super) enum Addressed {
    NameAddress {
        session: SessionId,
        password: String,
        shown: Shown,
        address: Address,
    },
    ProveAddress {
        proof: Presented,
        session: Option<SessionId>,
    },
    DropAddress {
        session: SessionId,
    },
    RemoveAddress {
        session: SessionId,
        password: String,
        shown: Shown,
        address: Address,
    },
}

impl Addressed {
    /// Where it may be told that a second factor was wrong.
    pub(super) fn session(&self) -> Option<SessionId> {
        match self {
            Self::NameAddress { session, .. }
            | Self::DropAddress { session }
            | Self::RemoveAddress { session, .. } => Some(*session),
            Self::ProveAddress { session, .. } => *session,
        }
    }
}

/// Addresses beside the first.
#[derive(Clone, Default, Debug)]
pub(super) struct Further {
    pub(super) proven: Vec<Address>,
    /// The one that waits for its proof.
    pub(super) named: Option<Address>,
    /// Those that were taken away: nobody else gets them for a while.
    pub(super) leaving: Vec<Address>,
}

impl Account {
    /// With the password and what is asked for beside it; a session that showed a factor lately need not show it again.
    fn again(&self, password: &str, shown: Shown) -> Expect {
        if self.password.as_deref() != Some(password) {
            return Expect::No;
        }
        match self.of_shown(shown) {
            Expect::No | Expect::Yes => Expect::Perhaps,
            of_shown @ (Expect::Perhaps | Expect::Punished) => of_shown,
        }
    }
}

impl Oracle {
    /// What may come of it.
    pub(super) fn expects_of_addresses(&self, addressed: &Addressed, now: Timestamp) -> Expect {
        let account = |session| self.signed_in(session, now).map(|user| &self.accounts[&user]);
        match addressed {
            Addressed::NameAddress {
                session,
                password,
                shown,
                address,
            } => account(*session).map_or(Expect::No, |account| {
                let again = account.again(password, *shown);
                let own = &account.further.proven;
                let may = account.verified && !own.contains(address) && own.len() + 1 < MOST;
                if may || again == Expect::Punished {
                    again
                } else {
                    Expect::No
                }
            }),
            Addressed::ProveAddress { proof, session } => {
                let Some((user, _)) = self.presented(*proof, Purpose::AddAddress, now) else {
                    return Expect::No;
                };
                let is_theirs = session.is_none_or(|session| self.signed_in(session, now) == Some(user));
                let named = self.accounts[&user].further.named;
                let is_free = named.is_some_and(|named| !self.is_somebody_elses(user, named));
                match proof {
                    _ if !is_theirs || !is_free => Expect::No,
                    Presented::Link(_) => Expect::Yes,
                    Presented::Code(_) | Presented::Nonsense => Expect::Perhaps,
                }
            }
            Addressed::DropAddress { session } => {
                let named = account(*session).and_then(|account| account.further.named);
                named.map_or(Expect::No, |_| Expect::Yes)
            }
            Addressed::RemoveAddress {
                session,
                password,
                shown,
                address,
            } => account(*session).map_or(Expect::No, |account| {
                let again = account.again(password, *shown);
                if account.further.proven.contains(address) || again == Expect::Punished {
                    again
                } else {
                    Expect::No
                }
            }),
        }
    }

    fn is_somebody_elses(&self, user: UserId, address: Address) -> bool {
        let mut others = self.accounts.iter().filter(|(id, _)| **id != user);
        others.any(|(_, other)| {
            let further = &other.further;
            further.proven.contains(&address) || further.leaving.contains(&address)
        })
    }

    /// Notes what it led to.
    pub(super) fn follow_addresses(
        &mut self,
        addressed: &Addressed,
        news: &News,
        now: Timestamp,
    ) -> Followed {
        match addressed {
            Addressed::NameAddress {
                session,
                shown,
                address,
                ..
            } => {
                let (user, _) = self.session(*session).ok_or("nobody has this session")?;
                self.shown(user, *shown);
                self.account_of(*session)?.further.named = Some(*address);
                self.issued(user, Purpose::AddAddress, news, now + self.mailed_for, false)?;
                self.mailed(user, MailKind::EmailVerification, news)
            }
            Addressed::ProveAddress { proof, .. } => {
                let token = proof.token().ok_or("nonsense is no proof")?;
                let found = self.proofs.get_mut(&token).ok_or("this proof was never issued")?;
                found.dead = true;
                let user = found.user;
                // Those are told who were there before.
                self.mailed(user, MailKind::AddressChanged, news)?;
                let account = self.accounts.get_mut(&user).ok_or("their account is gone")?;
                let named = account.further.named.take().ok_or("no address waited")?;
                account.further.leaving.retain(|left| *left != named);
                account.further.proven.push(named);
                Ok(())
            }
            Addressed::DropAddress { session } => {
                let (user, _) = self.session(*session).ok_or("nobody has this session")?;
                self.account_of(*session)?.further.named = None;
                self.void(user, Void::Only(Purpose::AddAddress));
                Ok(())
            }
            Addressed::RemoveAddress {
                session,
                shown,
                address,
                ..
            } => {
                let (user, _) = self.session(*session).ok_or("nobody has this session")?;
                self.shown(user, *shown);
                self.mailed(user, MailKind::AddressChanged, news)?;
                let further = &mut self.account_of(*session)?.further;
                further.proven.retain(|proven| proven != address);
                further.leaving.push(*address);
                Ok(())
            }
        }
    }
}

/// Whether house and oracle agree on a user's addresses beside the first.
pub(super) fn compare_further(state: &State, id: UserId, account: &Account) -> Result<(), String> {
    let further = &account.further;
    let safeguards = state.safeguards.get(&id);
    let waits = safeguards.is_some_and(|kept| kept.candidate.is_some());
    same("an address that waits", &waits, &further.named.is_some())?;
    let leaving = safeguards.map_or(0, |kept| kept.leaving.len());
    same("addresses that were taken away", &leaving, &further.leaving.len())?;
    let count = state.users[&id].addresses.len();
    same("their addresses", &count, &(1 + further.proven.len()))
}

impl Life {
    /// Mostly: nobody else may name a further address.
    fn a_device_of_somebody_proven(&mut self) -> Option<Device> {
        if self.chance.one_in(8) {
            return self.a_device();
        }
        let oracle = &self.oracle;
        let is_proven = |device: &&Device| {
            let held = oracle.session(device.session);
            held.is_some_and(|(user, _)| oracle.accounts[&user].verified)
        };
        let devices: Vec<_> = self.devices.iter().filter(is_proven).cloned().collect();
        self.chance.one_of(&devices)
    }

    pub(super) fn about_addresses(&mut self) -> Result<(), String> {
        if self.chance.one_in(2)
            && let Some(mail) = self.a_mail(Purpose::AddAddress)
        {
            let visitor = self.a_visitor();
            let (proof, text) = self.a_proof(&mail);
            let of = self.oracle.proofs.get(&mail.token).map(|proof| proof.user);
            let device = self.devices.iter().rev().find(|device| Some(device.user) == of);
            let device = device.cloned().filter(|_| !self.chance.one_in(3));
            let caller = device.and_then(|device| self.machine.desk().authenticate(&device.access).ok());
            let session = caller.as_ref().map(|caller| caller.session);
            let answer = self.machine.ask(|desk| async move {
                match caller {
                    Some(caller) => desk.confirm_address(caller, &text, &visitor).await,
                    None => desk.confirm_address_by_link(&text, &visitor).await,
                }
            });
            // Only a link is proof enough without a session.
            let proof = match (proof, session) {
                (Presented::Code(_), None) => Presented::Nonsense,
                (proof, _) => proof,
            };
            let attempt = Attempt::Address(Addressed::ProveAddress { proof, session });
            return self.note(&attempt, answer).map(drop);
        }
        let Some(device) = self.a_device_of_somebody_proven() else {
            return Ok(());
        };
        let Ok(caller) = self.machine.desk().authenticate(&device.access) else {
            return Ok(());
        };
        let (visitor, session, user) = (self.a_visitor(), device.session, device.user);
        let views = self.machine.desk().addresses(user);
        if self.chance.one_in(6) {
            let waits = views.iter().find(|view| view.expires.is_some());
            let Some(id) = waits.map(|view| view.id) else {
                return Ok(());
            };
            let answer = self
                .machine
                .ask(|desk| async move { desk.drop_address(caller, id, &visitor).await });
            let attempt = Attempt::Address(Addressed::DropAddress { session });
            return self.note(&attempt, answer).map(drop);
        }
        let account = self.oracle.accounts.get(&user);
        let right = account.and_then(|account| account.password.clone());
        let proven = account.map_or(vec![], |account| account.further.proven.clone());
        let password = match right {
            Some(right) if !self.chance.one_in(5) => right,
            Some(_) | None => self.a_password_of_user(user),
        };
        let (shown, code) = self.a_factor_of(Some(user));
        let typed = SecretString::from(password.clone());
        let one = self.chance.one_of(&proven).filter(|_| self.chance.one_in(2));
        let number = one.unwrap_or_else(|| FURTHER.start + self.chance.below(FURTHER.len()));
        let text = address(number);
        let own = views
            .iter()
            .find(|view| view.expires.is_none() && view.email.as_typed() == text.as_typed());
        let addressed = if let Some(id) = own.map(|view| view.id) {
            let removed = self.machine.ask(|desk| async move {
                let reproof = Reproof::Password(&typed);
                desk.remove_address(caller, reproof, id, code.as_ref(), &visitor)
                    .await
            });
            let addressed = Addressed::RemoveAddress {
                session,
                password,
                shown,
                address: number,
            };
            (addressed, removed)
        } else {
            let named = self.machine.ask(|desk| async move {
                let reproof = Reproof::Password(&typed);
                desk.add_address(caller, reproof, &text, code.as_ref(), &visitor)
                    .await
                    .map(drop)
            });
            let addressed = Addressed::NameAddress {
                session,
                password,
                shown,
                address: number,
            };
            (addressed, named)
        };
        self.note(&Attempt::Address(addressed.0), addressed.1).map(drop)
    }
}
