//! What an administrator does. Never among it: seeing, setting or choosing a password.

use std::net::{IpAddr, Ipv4Addr};

use secrecy::SecretString;

use super::account::Profile;
use super::{Command, Desk, Fault, Refusal, Visitor};
use crate::crypto::{self, Field, SecretLabel};
use crate::domain::{Actor, Role, Standing};
use crate::engine::{Directory, Lane};
use crate::system::random_id;
use crate::types::{DataKeyId, EmailAddress, Locale, PersonName, Span, Timestamp, UserId, Username};

/// Somebody to register.
pub struct NewPerson {
    /// Their address.
    pub address: EmailAddress,
    /// Their name.
    pub name: Option<PersonName>,
    /// Their user name.
    pub username: Option<Username>,
    /// What they may do.
    pub role: Role,
    /// Their language.
    pub locale: Locale,
}

/// A user as an administrator sees them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserView {
    /// What they see themselves.
    pub profile: Profile,
    /// Their user name.
    pub username: Option<String>,
    /// Whether they may sign in.
    pub standing: Standing,
    /// Whether they have a password.
    pub has_password: bool,
    /// How many live sessions they have.
    pub sessions: usize,
}

/// A recovery to be handed over. Shown once.
pub struct AdminRecovery {
    /// The secret of the link.
    pub secret: SecretString,
    /// The code to type.
    pub code: SecretString,
    /// When both end.
    pub expires: Timestamp,
}

impl Desk {
    /// The visitor that stands for the machine's own console.
    pub fn console() -> Visitor {
        let user_agent = "keyledger command line".to_owned();
        Visitor {
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            user_agent,
            locale: None,
            exempt: true,
        }
    }

    /// Registers somebody without a password; they set one by recovery.
    pub async fn create_user(&self, person: NewPerson, by: Actor) -> Result<UserId, Fault> {
        let NewPerson {
            address,
            name,
            username,
            role,
            locale,
        } = person;
        let ring = self.engine().keyring().current();
        let entropy = self.engine().entropy();
        let user = UserId(random_id(entropy));
        let (key, wrapped) = self.engine().vault().make(DataKeyId::User(user), entropy);
        let new = self.new_user(
            &key,
            user,
            role,
            &address,
            name.as_ref(),
            username.as_ref(),
            locale,
        );
        let origin = Self::origin_of_administrator(by).to_bytes();
        let command = Command::CreateUser {
            lookup: Directory::address_tag(&ring, &address),
            username: username
                .as_ref()
                .map(|username| Directory::username_tag(&ring, username)),
            new,
            origin: crypto::seal(&key, Field::EventClient, user.0, &origin, entropy),
            by,
        };
        self.carry_out(Lane::Proof, command, vec![(DataKeyId::User(user), wrapped)])
            .await?;
        Ok(user)
    }

    /// Finds a user by id, address or user name.
    pub fn find_user(&self, text: &str) -> Option<UserId> {
        if let Ok(id) = text.parse::<UserId>() {
            return self
                .engine()
                .read(|state| state.users.contains_key(&id).then_some(id));
        }
        let ring = self.engine().keyring().current();
        if let Ok(address) = EmailAddress::parse(text) {
            let tag = Directory::address_tag(&ring, &address);
            return self.engine().read(|state| {
                let id = self.engine().directory().address(tag, state)?;
                state.addresses.get(&id).copied()
            });
        }
        let username = Username::parse(text).ok()?;
        let id = self
            .engine()
            .directory()
            .username(Directory::username_tag(&ring, &username))?;
        self.engine()
            .read(|state| state.users.contains_key(&id).then_some(id))
    }

    /// Shows a user.
    pub fn view_user(&self, id: UserId) -> Option<UserView> {
        let profile = self.profile(id)?;
        let key = self.engine().vault().key(DataKeyId::User(id))?;
        let (username, standing, has_password) = self.engine().read(|state| {
            let user = state.users.get(&id)?;
            Some((user.username().cloned(), user.standing, user.credential.is_some()))
        })?;
        let username = username.and_then(|sealed| {
            let clear = crypto::open(&key, Field::Username, id.0, &sealed)?;
            Some(std::str::from_utf8(&clear).ok()?.to_owned())
        });
        Some(UserView {
            profile,
            username,
            standing,
            has_password,
            sessions: self.sessions(id).len(),
        })
    }

    /// The ids of all users, oldest first; a page of them.
    pub fn list_users(&self, skip: usize, take: usize) -> (usize, Vec<UserId>) {
        self.engine().read(|state| {
            let mut all: Vec<_> = state.users.iter().map(|(id, user)| (user.created, *id)).collect();
            all.sort_unstable();
            (
                all.len(),
                all.into_iter().skip(skip).take(take).map(|(_, id)| id).collect(),
            )
        })
    }

    /// Keeps a user from signing in, and ends their sessions.
    pub async fn ban_user(&self, user: UserId, by: Actor) -> Result<(), Fault> {
        self.carry_out(Lane::Proof, Command::BanUser { user, by }, vec![])
            .await
            .map(|_| ())
    }

    /// Lets a user sign in again.
    pub async fn unban_user(&self, user: UserId, by: Actor) -> Result<(), Fault> {
        self.carry_out(Lane::Proof, Command::UnbanUser { user, by }, vec![])
            .await
            .map(|_| ())
    }

    /// Takes away a password that others may know, and ends the user's sessions; recovery stays open.
    pub async fn revoke_password(&self, user: UserId, by: Actor) -> Result<(), Fault> {
        self.carry_out(Lane::Proof, Command::RevokePassword { user, by }, vec![])
            .await
            .map(|_| ())
    }

    /// Destroys a user's keys, at once and for good.
    pub async fn erase_user(&self, user: UserId, by: Actor) -> Result<(), Fault> {
        self.carry_out(Lane::Proof, Command::EraseUser { user, by }, vec![])
            .await
            .map(|_| ())
    }

    /// Makes a recovery that an administrator hands over; the user is told by mail that it happened.
    pub async fn admin_recovery(
        &self,
        user: UserId,
        lifetime: Span,
        by: Actor,
    ) -> Result<AdminRecovery, Fault> {
        let proof = self.new_proof();
        let mails = self.notices_of_change(user, &Self::origin_of_administrator(by), None);
        let command = Command::IssueRecovery {
            user,
            proof,
            lifetime,
            mails,
            by,
        };
        self.carry_out(Lane::Proof, command, vec![]).await?;
        let token = self
            .engine()
            .read(|state| state.tokens.get(&proof.token).cloned());
        let token = token.ok_or(Refusal::TokenNotFound)?;
        let secret = self
            .link_secret(proof.token, &token, SecretLabel::Recovery)
            .ok_or(Fault::Stopped)?;
        let code = self.typed_code(proof.token, &token).ok_or(Fault::Stopped)?;
        Ok(AdminRecovery {
            secret,
            code,
            expires: token.expires,
        })
    }
}
