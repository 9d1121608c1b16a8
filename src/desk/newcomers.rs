//! Users whom administrators bring: those whom another program knew, and those who are invited.

use secrecy::{ExposeSecret, SecretString};

use super::admin::NewPerson;
use super::greeting::NewKeys;
use super::passwords::PasswordOwner;
use super::{Command, Desk, Fault, Refusal, Visitor};
use crate::crypto::{self, DataKey, Field, ForeignHash, SecretLabel, parse_mail_secret};
use crate::domain::{
    Actor, INVITATION_USUAL, Invitation, Known, NewUser, NewcomerCommand, ProofFound, Purpose, Role,
    TokenStanding, Via, check_proof,
};
use crate::engine::{Directory, Lane};
use crate::system::random_id;
use crate::types::{CredentialId, DataKeyId, PersonName, Sealed, Span, Tag, Timestamp, UserId};

/// Somebody whom another program knew.
pub struct Incoming {
    /// Who it is.
    pub person: NewPerson,
    /// Whether that program had proven the address.
    pub verified: bool,
    /// Since when it knew them.
    pub since: Option<Timestamp>,
    /// What it had made of their password.
    pub hash: Option<ForeignHash>,
}

/// What is here already of somebody who is to be brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Met {
    /// Nothing.
    Nothing,
    /// Their address: they are here.
    Address,
    /// Only the user name, which is somebody else's.
    Username,
}

/// An invitation that waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InvitationView {
    /// Whom it invites.
    pub user: UserId,
    /// The address that it was mailed to.
    pub email: String,
    /// Their name.
    pub name: Option<String>,
    /// What they will be.
    pub role: Role,
    /// When they were invited first.
    pub since: Timestamp,
    /// When the link that was mailed last ends.
    pub expires: Timestamp,
    /// Whether that link still opens the account.
    pub is_open: bool,
    /// Who had it mailed.
    pub by: Actor,
}

/// A user who is to be registered, sealed, with what the directory will find them by.
struct Registration {
    key: DataKey,
    keys: NewKeys,
    lookup: Tag,
    username: Option<Tag>,
    new: NewUser,
    origin: Sealed,
}

impl Desk {
    /// Invitations that wait at one time; whoever does not come is taken back in the end.
    pub const INVITATIONS_MAX: usize = 10_000;

    fn registration(&self, person: &NewPerson, by: Actor) -> Registration {
        let ring = self.engine().keyring().current();
        let entropy = self.engine().entropy();
        let user = UserId(random_id(entropy));
        let (key, wrapped) = self.engine().vault().make(DataKeyId::User(user), entropy);
        let (address, username) = (&person.address, person.username.as_ref());
        let new = self.new_user(
            &key,
            user,
            person.role,
            address,
            person.name.as_ref(),
            username,
            person.locale,
        );
        let origin = Self::origin_of_administrator(by).to_bytes();
        Registration {
            lookup: Directory::address_tag(&ring, address),
            username: username.map(|username| Directory::username_tag(&ring, username)),
            new,
            origin: crypto::seal(&key, Field::EventClient, user.0, &origin, entropy),
            keys: vec![(DataKeyId::User(user), wrapped)],
            key,
        }
    }

    async fn bring(&self, command: NewcomerCommand, keys: NewKeys) -> Result<(), Fault> {
        let command = Command::Newcomer(Box::new(command));
        self.carry_out(Lane::Proof, command, keys).await.map(|_| ())
    }

    /// Whether somebody who is to be brought is here already.
    pub fn meets(&self, person: &NewPerson) -> Met {
        if self.find_user(person.address.as_typed()).is_some() {
            return Met::Address;
        }
        let taken = person.username.as_ref();
        if taken.is_some_and(|username| self.find_user(username.as_typed()).is_some()) {
            Met::Username
        } else {
            Met::Nothing
        }
    }

    /// Registers somebody whom another program knew, with the password that they had there. What that program made of it is
    /// kept under ours alone, and gives way to ours when they sign in first (P-12).
    pub async fn import_user(&self, incoming: Incoming, by: Actor) -> Result<UserId, Fault> {
        let Incoming {
            person,
            verified,
            since,
            hash,
        } = incoming;
        let Registration {
            mut keys,
            lookup,
            username,
            new,
            origin,
            ..
        } = self.registration(&person, by);
        let user = new.user;
        let mut credential = None;
        if let Some(hash) = hash {
            let verifier = self.passwords().layer(Lane::Proof, hash).await?;
            let id = CredentialId(random_id(self.engine().entropy()));
            let (sealed, credential_keys) = self.seal_verifier(id, &verifier);
            credential = Some(sealed);
            keys.extend(credential_keys);
        }
        let known = Known {
            verified,
            since,
            credential,
        };
        let command = NewcomerCommand::Import {
            lookup,
            username,
            new,
            known,
            origin,
            by,
        };
        self.bring(command, keys).await?;
        Ok(user)
    }

    /// Registers somebody, and mails them a link by which they choose their password, once and within the lifetime (7 days
    /// if none is given, 30 at most).
    pub async fn invite(
        &self,
        person: &NewPerson,
        lifetime: Option<Span>,
        by: Actor,
    ) -> Result<UserId, Fault> {
        if self.engine().read(|state| state.invitations.len()) >= Self::INVITATIONS_MAX {
            return Err(Refusal::TooManyInvitations.into());
        }
        let Registration {
            key,
            keys,
            lookup,
            username,
            new,
            origin,
        } = self.registration(person, by);
        let user = new.user;
        let command = NewcomerCommand::Invite {
            lookup,
            username,
            new,
            proof: self.new_proof(),
            mail: self.mail_telling(&key, user, &Self::origin_of_administrator(by)),
            lifetime: lifetime.unwrap_or(INVITATION_USUAL),
            origin,
            by,
        };
        self.bring(command, keys).await?;
        Ok(user)
    }

    /// Mails another link to somebody who was invited; the one before opens nothing any more.
    pub async fn invite_again(&self, user: UserId, lifetime: Option<Span>, by: Actor) -> Result<(), Fault> {
        let key = self.engine().vault().key(DataKeyId::User(user));
        let key = key.ok_or(Refusal::NotInvited)?;
        let command = NewcomerCommand::InviteAgain {
            user,
            proof: self.new_proof(),
            mail: self.mail_telling(&key, user, &Self::origin_of_administrator(by)),
            lifetime: lifetime.unwrap_or(INVITATION_USUAL),
            by,
        };
        self.bring(command, vec![]).await
    }

    /// Takes an invitation back: its link opens nothing any more, and what is held of the person is destroyed.
    pub async fn take_invitation_back(&self, user: UserId, by: Actor) -> Result<(), Fault> {
        self.bring(NewcomerCommand::TakeBack { user, by }, vec![]).await
    }

    /// How many invitations wait, and a page of them, the latest first.
    pub fn invitations(&self, skip: usize, take: usize) -> (usize, Vec<InvitationView>) {
        let mut all: Vec<(UserId, Invitation)> = self.engine().read(|state| {
            state
                .invitations
                .iter()
                .map(|(id, waits)| (*id, *waits))
                .collect()
        });
        all.sort_unstable_by_key(|(id, waits)| (std::cmp::Reverse(waits.since), *id));
        let page = all.iter().skip(skip).take(take);
        let views = page.filter_map(|(id, waits)| self.invitation_view(*id, *waits));
        (all.len(), views.collect())
    }

    /// The invitation of a user, if one waits.
    pub fn invitation(&self, user: UserId) -> Option<InvitationView> {
        let waits = self
            .engine()
            .read(|state| state.invitations.get(&user).copied())?;
        self.invitation_view(user, waits)
    }

    fn invitation_view(&self, user: UserId, waits: Invitation) -> Option<InvitationView> {
        let profile = self.profile(user)?;
        let now = self.now();
        let is_open = self.engine().read(|state| {
            let token = state.tokens.get(&waits.token);
            token.is_some_and(|token| {
                token.standing == TokenStanding::Live
                    && now < token.expires
                    && token.position > state.epoch().valid_from
            })
        });
        Some(InvitationView {
            user,
            email: profile.email,
            name: profile.name,
            role: profile.role,
            since: waits.since,
            expires: waits.expires,
            is_open,
            by: waits.by,
        })
    }

    /// Comes by an invitation: sets the first password, and another name if one is given; the address counts as proven.
    /// Order of the answers: link, format, leaked. A password that is not taken spends nothing.
    pub async fn accept_invitation(
        &self,
        secret: &SecretString,
        password: &SecretString,
        name: Option<&PersonName>,
        visitor: &Visitor,
    ) -> Result<(), Fault> {
        Self::until_current(|| self.try_accept(secret, password, name, visitor))
            .await
            .map_err(|fault| self.unless_repeated(fault, secret))
    }

    async fn try_accept(
        &self,
        secret: &SecretString,
        password: &SecretString,
        name: Option<&PersonName>,
        visitor: &Visitor,
    ) -> Result<(), Fault> {
        let none = || Fault::Refused(Refusal::TokenNotFound);
        let parsed = parse_mail_secret(secret.expose_secret()).ok_or_else(none)?;
        let purpose = Purpose::Invitation;
        let (id, address) = self
            .link_holder(&parsed, SecretLabel::Invitation, purpose)
            .ok_or_else(none)?;
        let client = self.client_of(id, visitor).ok_or_else(none)?;
        let proof = ProofFound {
            token: parsed.token(),
            via: Via::Link,
        };
        let checked = {
            let (context, network) = (self.context(Some(address)), client.network);
            self.engine()
                .read(|state| check_proof(state, &context, proof, purpose, network))
        };
        if let Err(refusal) = checked {
            let fault = refusal.into();
            self.note_dead_proof(&fault, proof, &client.origin).await?;
            return Err(fault);
        }
        let user = self.engine().read(|state| state.users.get(&id).cloned());
        let user = user.ok_or_else(none)?;
        let mut owner = PasswordOwner {
            mailed: self.secrets_of(proof.token),
            ..self.password_owner(id, &user)
        };
        owner.name = name.cloned().or(owner.name);
        if let Err(unfit) = self.test_password(Lane::Proof, password, owner).await {
            return Err(self.note_unfit(unfit, proof, &client.origin).await);
        }
        let (credential, keys) = self.new_credential(Lane::Proof, password.clone()).await?;
        let key = self.engine().vault().key(DataKeyId::User(id)).ok_or_else(none)?;
        let name = name.map(|name| {
            let clear = name.as_str().as_bytes();
            crypto::seal(&key, Field::UserName, id.0, clear, self.engine().entropy())
        });
        let command = NewcomerCommand::Accept {
            proof,
            client,
            credential,
            name,
        };
        self.bring(command, keys).await
    }
}
