//! "This was not me", said by whoever reads a mailbox of the account.

use secrecy::{ExposeSecret, SecretString};

use super::{Command, Desk, Fault, Outcome, Refusal, Visitor};
use crate::crypto::{ParsedMailSecret, SecretLabel, parse_mail_secret};
use crate::domain::{FactorShown, Objected, ObjectionCommand, ProofFound, Purpose, Via, objector};
use crate::engine::Lane;
use crate::types::{AddressId, Tag, UserId};

/// What was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotMe {
    /// An account was deleted that somebody made with another person's address, and that was never verified.
    SignUpDeleted,
    /// What happened was objected to.
    Objected(Objected),
}

impl Desk {
    /// Takes a person's word that something was not them. The secret comes from the mail that told of it, and is good
    /// for that alone, and once.
    pub async fn not_me(&self, secret: &SecretString, visitor: &Visitor) -> Result<NotMe, Fault> {
        let parsed = parse_mail_secret(secret.expose_secret()).ok_or(Refusal::TokenNotFound)?;
        let id = parsed.token();
        let proof = self.engine().read(|state| state.tokens.get(&id).cloned());
        let said = match proof.filter(|proof| proof.purpose == Purpose::VerifyEmail) {
            Some(_) => self.disown_sign_up(&parsed, visitor).await,
            None => self.object(&parsed, visitor).await.map(NotMe::Objected),
        };
        said.map_err(|fault| self.unless_repeated(fault, secret))
    }

    async fn disown_sign_up(&self, parsed: &ParsedMailSecret, visitor: &Visitor) -> Result<NotMe, Fault> {
        let holder = self.link_holder(parsed, SecretLabel::NotMe, Purpose::VerifyEmail);
        let (user, _) = holder.ok_or(Refusal::TokenNotFound)?;
        let client = self.client_of(user, visitor).ok_or(Refusal::TokenNotFound)?;
        let proof = ProofFound {
            token: parsed.token(),
            via: Via::Link,
        };
        let command = Command::DisownSignUp {
            token: proof.token,
            origin: client.origin.clone(),
        };
        match self.carry_out(Lane::Proof, command, vec![]).await {
            Ok(_) => Ok(NotMe::SignUpDeleted),
            Err(fault) => {
                self.note_dead_proof(&fault, proof, &client.origin).await?;
                Err(fault)
            }
        }
    }

    async fn object(&self, parsed: &ParsedMailSecret, visitor: &Visitor) -> Result<Objected, Fault> {
        let objection = parsed.token();
        let (user, address) = self.reader_of(parsed).ok_or(Refusal::TokenNotFound)?;
        let client = self.client_of(user, visitor).ok_or(Refusal::TokenNotFound)?;
        let raise = ObjectionCommand::Raise {
            user,
            objection,
            address,
            mails: self.notices(user, visitor),
            origin: client.origin,
        };
        match self
            .carry_out(Lane::Proof, Command::Objection(raise), vec![])
            .await?
        {
            Outcome::Objected(objected) => Ok(objected),
            Outcome::Done
            | Outcome::Session(_)
            | Outcome::Refreshed { .. }
            | Outcome::Issued(_)
            | Outcome::Ended(_)
            | Outcome::Verified
            | Outcome::Enrolled { .. } => Err(Refusal::TokenNotFound.into()),
        }
    }

    /// Prepares the notices of a sign-in from where a user did not sign in before; for any other there are none.
    pub(super) fn prepare_sign_in_notice(
        &self,
        user: UserId,
        network: Tag,
        shown: &mut FactorShown,
        visitor: &Visitor,
    ) {
        let is_known = self.engine().read(|state| {
            let known = state.users.get(&user).map(|found| &found.known);
            known.is_none_or(|known| known.iter().any(|(tag, _)| *tag == network))
        });
        if !is_known && shown.mails.mails.is_empty() {
            shown.mails = self.notices(user, visitor);
        }
    }

    /// Whose link it is, and to which of their addresses it was mailed: each got one of its own.
    fn reader_of(&self, parsed: &ParsedMailSecret) -> Option<(UserId, AddressId)> {
        let ring = self.engine().keyring().current();
        let (user, addresses) = self.engine().read(|state| {
            let user = objector(state, parsed.token())?;
            let own = state.users.get(&user)?.addresses.iter().map(|address| address.id);
            let kept = state.safeguards.get(&user).into_iter();
            let kept = kept.flat_map(|kept| kept.leaving.iter().map(|leaving| leaving.address));
            Some((user, own.chain(kept).collect::<Vec<_>>()))
        })?;
        let mut addresses = addresses.into_iter();
        let reader = addresses.find(|address| parsed.verify(&ring, SecretLabel::NotMe, user, *address))?;
        Some((user, reader))
    }
}
