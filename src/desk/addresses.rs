//! The addresses of a signed-in user.

use secrecy::{ExposeSecret, SecretString};

use super::account::Reproof;
use super::proofs::{Telling, label};
use super::sessions::Caller;
use super::{Command, Desk, Fault, Refusal, Visitor};
use crate::crypto::{self, DataKey, Field, KeyId};
use crate::domain::{AddressCommand, Notices, ProofFound, Purpose, Safeguards, Token, Via};
use crate::engine::{Directory, Lane};
use crate::mail::templates::AddressChange;
use crate::system::random_id;
use crate::types::{AddressId, DataKeyId, EmailAddress, Sealed, Timestamp, TokenId, UserId};

/// An address as its owner sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddressView {
    /// Its id.
    pub id: AddressId,
    /// What it says.
    pub email: EmailAddress,
    /// Whether it is the one the user is known by.
    pub is_primary: bool,
    /// When it was proven.
    pub verified: Option<Timestamp>,
    /// Until when it waits for its proof; none if it is one of the user's.
    pub expires: Option<Timestamp>,
}

impl Desk {
    /// The addresses of a user: those that are theirs, the one they are known by first, and the one that waits for its
    /// proof. None if the user is gone.
    pub fn addresses(&self, user: UserId) -> Vec<AddressView> {
        let Some(key) = self.engine().vault().key(DataKeyId::User(user)) else {
            return vec![];
        };
        let now = self.now();
        let (own, candidate) = self.engine().read(|state| {
            let own = state.users.get(&user).map(|found| found.addresses.clone());
            let kept = state.safeguards.get(&user);
            let candidate = kept.and_then(|kept| kept.candidate.clone());
            (own.unwrap_or_default(), candidate)
        });
        let own = own.iter().enumerate().filter_map(|(number, address)| {
            Some(AddressView {
                id: address.id,
                email: open_address(&key, user, &address.sealed)?,
                is_primary: number == 0,
                verified: address.verified,
                expires: None,
            })
        });
        let candidate = candidate
            .filter(|candidate| now < candidate.expires)
            .and_then(|candidate| {
                Some(AddressView {
                    id: candidate.address,
                    email: open_address(&key, user, &candidate.sealed)?,
                    is_primary: false,
                    verified: None,
                    expires: Some(candidate.expires),
                })
            });
        own.chain(candidate).collect()
    }

    /// Names a further address for somebody who is signed in and shows it once more; a mail goes to it. Whether it has
    /// an account tells neither the answer nor the time it takes.
    pub async fn add_address(
        &self,
        caller: Caller,
        reproof: Reproof<'_>,
        address: &EmailAddress,
        code: Option<&SecretString>,
        visitor: &Visitor,
    ) -> Result<AddressView, Fault> {
        let who = self.reauthenticated(caller, reproof, code, visitor).await?;
        let user = caller.user;
        let key = self.user_key(user)?;
        let client = self.client_of(user, visitor).ok_or(Refusal::UserNotFound)?;
        let id = self.id_for(user, &key, address)?;
        let (day_key, _) = self.day_key();
        let entropy = self.engine().entropy();
        let clear = address.as_typed().as_bytes();
        let proof = self.new_proof();
        let begin = AddressCommand::Begin {
            who,
            address: id,
            sealed: crypto::seal(&key, Field::UserAddress, user.0, clear, entropy),
            mailbox: Self::stranger_tag(&day_key, address.canonical()),
            proof,
            mail: self.mail_under(&key, user, visitor),
            client,
        };
        self.carry_out(Lane::Proof, Command::Address(begin), vec![])
            .await?;
        let begun = self.addresses(user).into_iter();
        begun
            .rev()
            .find(|view| view.id == id && view.expires.is_some())
            // Another call took its place meanwhile.
            .ok_or(Fault::Overloaded)
    }

    /// The id for an address that a user names: a mailbox that is known of them already keeps its own, so that one
    /// mailbox never counts as two.
    fn id_for(&self, user: UserId, key: &DataKey, wanted: &EmailAddress) -> Result<AddressId, Fault> {
        let own = self.own_addresses(user, key);
        if own.iter().any(|(_, own)| own.canonical() == wanted.canonical()) {
            return Err(Refusal::AddressTaken.into());
        }
        let (leaving, mailbox) = self.engine().read(|state| {
            let kept = state.safeguards.get(&user);
            let mailbox = state.factors.get(&user).and_then(|found| found.mailbox.clone());
            (kept.map(|kept| kept.leaving.clone()).unwrap_or_default(), mailbox)
        });
        let left = leaving.iter().find(|left| {
            open_address(key, user, &left.sealed).is_some_and(|text| text.canonical() == wanted.canonical())
        });
        let of_factor = mailbox.filter(|mailbox| {
            let clear = mailbox
                .sealed
                .as_ref()
                .and_then(|sealed| crypto::open(key, Field::FactorAddress, user.0, sealed));
            let text = clear.and_then(|clear| parsed(&clear));
            text.is_some_and(|text| text.canonical() == wanted.canonical())
        });
        let known = left
            .map(|left| left.address)
            .or(of_factor.map(|mailbox| mailbox.address));
        Ok(known.unwrap_or_else(|| AddressId(random_id(self.engine().entropy()))))
    }

    /// Confirms the caller's further address by what was mailed to it: the secret of its link, or its typed code. A
    /// wrong code is counted before its answer leaves.
    pub async fn confirm_address(
        &self,
        caller: Caller,
        presented: &SecretString,
        visitor: &Visitor,
    ) -> Result<(), Fault> {
        let user = caller.user;
        let text = presented.expose_secret();
        if crypto::parse_mail_secret(text).is_some() {
            let (proof, of) = self.link_of_address(presented).ok_or(Refusal::TokenNotFound)?;
            if of != user {
                return Err(Refusal::TokenNotFound.into());
            }
            return self.prove_address(proof, user, Some(caller), visitor).await;
        }
        let typed = crypto::normalise_code(text).ok_or(Refusal::TokenNotFound)?;
        let candidate = self.candidate_proof(user);
        let ring = self.engine().keyring().current();
        let genuine = candidate.filter(|(id, token)| {
            let (key, label) = (KeyId(token.code_key), label(Purpose::AddAddress));
            crypto::code_matches(&ring, key, label, *id, user, token.address, &typed)
        });
        if let Some((token, _)) = genuine {
            let via = Via::Code;
            return self
                .prove_address(ProofFound { token, via }, user, Some(caller), visitor)
                .await;
        }
        let wrong = AddressCommand::RefuseCode {
            user,
            session: caller.session,
            client: self.client_of(user, visitor).ok_or(Refusal::UserNotFound)?,
        };
        // The law never accepts a wrong code: what comes back is its refusal, or that of a limit.
        self.carry_out(Lane::Proof, Command::Address(wrong), vec![])
            .await?;
        Err(Refusal::TokenNotFound.into())
    }

    /// Confirms a further address by the secret of its link alone, wherever it is opened.
    pub async fn confirm_address_by_link(
        &self,
        secret: &SecretString,
        visitor: &Visitor,
    ) -> Result<(), Fault> {
        let (proof, user) = self.link_of_address(secret).ok_or(Refusal::TokenNotFound)?;
        let proven = self.prove_address(proof, user, None, visitor).await;
        proven.map_err(|fault| self.unless_repeated(fault, secret))
    }

    fn link_of_address(&self, secret: &SecretString) -> Option<(ProofFound, UserId)> {
        let parsed = crypto::parse_mail_secret(secret.expose_secret())?;
        let purpose = Purpose::AddAddress;
        let (user, _) = self.link_holder(&parsed, label(purpose), purpose)?;
        let (token, via) = (parsed.token(), Via::Link);
        Some((ProofFound { token, via }, user))
    }

    fn candidate_proof(&self, user: UserId) -> Option<(TokenId, Token)> {
        self.engine().read(|state| {
            let candidate = state.safeguards.get(&user)?.candidate.as_ref()?;
            Some((candidate.token, (**state.tokens.get(&candidate.token)?).clone()))
        })
    }

    async fn prove_address(
        &self,
        proof: ProofFound,
        user: UserId,
        caller: Option<Caller>,
        visitor: &Visitor,
    ) -> Result<(), Fault> {
        Self::until_current(|| self.try_prove_address(proof, user, caller, visitor)).await
    }

    async fn try_prove_address(
        &self,
        proof: ProofFound,
        user: UserId,
        caller: Option<Caller>,
        visitor: &Visitor,
    ) -> Result<(), Fault> {
        let key = self.user_key(user).map_err(|_| Refusal::TokenNotFound)?;
        let client = self.client_of(user, visitor).ok_or(Refusal::TokenNotFound)?;
        let sealed = self.engine().read(|state| {
            let address = state.tokens.get(&proof.token)?.address;
            let kept: &Safeguards = state.safeguards.get(&user)?;
            Some(
                kept.candidate
                    .as_ref()
                    .filter(|found| found.address == address)?
                    .sealed
                    .clone(),
            )
        });
        let address = sealed.and_then(|sealed| open_address(&key, user, &sealed));
        let Some(address) = address else {
            let fault = Fault::Refused(Refusal::TokenNotFound);
            self.note_dead_proof(&fault, proof, &client.origin).await?;
            return Err(fault);
        };
        let ring = self.engine().keyring().current();
        let origin = client.origin.clone();
        let confirm = AddressCommand::Confirm {
            lookup: Directory::address_tag(&ring, &address),
            proof,
            session: caller.map(|caller| (caller.user, caller.session)),
            client,
            mails: self.notices_telling(
                user,
                &visitor.origin(),
                Telling::Address(AddressChange::Added, &address),
            ),
        };
        match self
            .carry_out(Lane::Proof, Command::Address(confirm), vec![])
            .await
        {
            Ok(_) => Ok(()),
            Err(fault) => {
                self.note_dead_proof(&fault, proof, &origin).await?;
                Err(fault)
            }
        }
    }

    /// Forgets the caller's address that waits for its proof; says whether there was one of that id.
    pub async fn drop_address(
        &self,
        caller: Caller,
        address: AddressId,
        visitor: &Visitor,
    ) -> Result<(), Fault> {
        let client = self.client_of(caller.user, visitor);
        let drop = AddressCommand::Drop {
            user: caller.user,
            session: caller.session,
            address,
            origin: client.ok_or(Refusal::UserNotFound)?.origin,
        };
        self.carry_out(Lane::Proof, Command::Address(drop), vec![])
            .await
            .map(|_| ())
    }

    /// Takes an address of the caller away. Nobody else gets it, and an objection brings it back, for 72 hours.
    pub async fn remove_address(
        &self,
        caller: Caller,
        reproof: Reproof<'_>,
        address: AddressId,
        code: Option<&SecretString>,
        visitor: &Visitor,
    ) -> Result<(), Fault> {
        let who = self.reauthenticated(caller, reproof, code, visitor).await?;
        let mails = self.notices_of_address(caller.user, address, AddressChange::Removed, visitor)?;
        let remove = AddressCommand::Remove { who, address, mails };
        self.carry_out(Lane::Proof, Command::Address(remove), vec![])
            .await
            .map(|_| ())
    }

    /// Makes an address of the caller the one they are known by.
    pub async fn make_primary(
        &self,
        caller: Caller,
        reproof: Reproof<'_>,
        address: AddressId,
        code: Option<&SecretString>,
        visitor: &Visitor,
    ) -> Result<(), Fault> {
        let who = self.reauthenticated(caller, reproof, code, visitor).await?;
        let mails = self.notices_of_address(caller.user, address, AddressChange::Primary, visitor)?;
        let make = AddressCommand::MakePrimary { who, address, mails };
        self.carry_out(Lane::Proof, Command::Address(make), vec![])
            .await
            .map(|_| ())
    }

    /// Prepares what every address of a user is told about one of them.
    fn notices_of_address(
        &self,
        user: UserId,
        address: AddressId,
        change: AddressChange,
        visitor: &Visitor,
    ) -> Result<Notices, Fault> {
        let key = self.user_key(user)?;
        let own = self.own_addresses(user, &key);
        let found = own.iter().find(|(id, _)| *id == address);
        let (_, text) = found.ok_or(Refusal::AddressNotFound)?;
        Ok(self.notices_telling(user, &visitor.origin(), Telling::Address(change, text)))
    }

    /// Whether an address waits for its proof.
    pub fn is_candidate(&self, user: UserId, address: AddressId) -> bool {
        self.engine().read(|state| {
            let candidate = state
                .safeguards
                .get(&user)
                .and_then(|kept| kept.candidate.as_ref());
            candidate.is_some_and(|candidate| candidate.address == address)
        })
    }
}

fn parsed(clear: &[u8]) -> Option<EmailAddress> {
    EmailAddress::parse(std::str::from_utf8(clear).ok()?).ok()
}

/// What an address of a user says.
pub(super) fn open_address(key: &DataKey, user: UserId, sealed: &Sealed) -> Option<EmailAddress> {
    parsed(&crypto::open(key, Field::UserAddress, user.0, sealed)?)
}
