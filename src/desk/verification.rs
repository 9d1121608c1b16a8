//! Proving an address, and saying that an account made with it is not one's own.

use secrecy::{ExposeSecret, SecretString};

use super::greeting::Greeting;
use super::{Command, Desk, Fault, Refusal, Visitor};
use crate::crypto::{SecretLabel, parse_mail_secret};
use crate::domain::{ProofFound, Purpose, Via};
use crate::engine::Lane;
use crate::types::EmailAddress;

impl Desk {
    /// Asks for a verification mail, whose link is to lead to `callback` in the end. The answer is the same for every
    /// valid address.
    pub async fn request_verification(
        &self,
        address: &EmailAddress,
        callback: Option<&str>,
        visitor: &Visitor,
    ) -> Result<(), Fault> {
        self.request_proof(address.as_typed(), visitor, Purpose::VerifyEmail, callback)
            .await
    }

    /// Proves an address by what was mailed to it; gives back where the request for the mail wanted its link to lead. That
    /// is to be held against the configured list again, which may have changed since.
    pub async fn confirm_verification(
        &self,
        address: &EmailAddress,
        presented: &SecretString,
        visitor: &Visitor,
    ) -> Result<Option<String>, Fault> {
        Self::until_current(|| self.try_confirm_verification(address, presented, visitor))
            .await
            .map_err(|fault| self.unless_repeated(fault, presented))
    }

    async fn try_confirm_verification(
        &self,
        address: &EmailAddress,
        presented: &SecretString,
        visitor: &Visitor,
    ) -> Result<Option<String>, Fault> {
        let greeting = self.greet(address, visitor)?;
        let proof = self.prove(&greeting, presented, Purpose::VerifyEmail).await?;
        let Greeting { ask, keys, .. } = greeting;
        let origin = ask.client.origin.clone();
        let verified = self
            .carry_out(
                Lane::Proof,
                Command::VerifyAddress {
                    proof,
                    client: ask.client,
                },
                keys,
            )
            .await;
        match verified {
            Ok(_) => Ok(self.callback_of(proof.token)),
            Err(fault) => {
                self.note_dead_proof(&fault, proof, &origin).await?;
                Err(fault)
            }
        }
    }

    /// Takes back the closing of an account.
    pub async fn cancel_withdraw(&self, secret: &SecretString, visitor: &Visitor) -> Result<(), Fault> {
        let parsed = parse_mail_secret(secret.expose_secret()).ok_or(Refusal::TokenNotFound)?;
        let holder = self.link_holder(&parsed, SecretLabel::Reopen, Purpose::Reopen);
        let (user, _) = holder.ok_or(Refusal::TokenNotFound)?;
        let client = self.client_of(user, visitor).ok_or(Refusal::TokenNotFound)?;
        let proof = ProofFound {
            token: parsed.token(),
            via: Via::Link,
        };
        let command = Command::CancelWithdraw {
            proof,
            origin: client.origin.clone(),
        };
        let cancelled = self.carry_out(Lane::Proof, command, vec![]).await;
        if let Err(fault) = cancelled {
            self.note_dead_proof(&fault, proof, &client.origin).await?;
            return Err(self.unless_repeated(fault, secret));
        }
        Ok(())
    }
}
