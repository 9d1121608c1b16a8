//! Proving an address, and saying that an account made with it is not one's own.

use secrecy::{ExposeSecret, SecretString};

use super::greeting::Greeting;
use super::{Command, Desk, Fault, Refusal, Visitor};
use crate::crypto::{SecretLabel, parse_mail_secret};
use crate::domain::{ProofFound, Purpose, RefusedCause, Via};
use crate::engine::Lane;
use crate::types::EmailAddress;

impl Desk {
    /// Asks for a verification mail. The answer is the same for every valid address.
    pub async fn request_verification(&self, address: &EmailAddress, visitor: &Visitor) -> Result<(), Fault> {
        self.request_proof(address, visitor, Purpose::VerifyEmail).await
    }

    /// Proves an address by what was mailed to it.
    pub async fn confirm_verification(
        &self,
        address: &EmailAddress,
        presented: &SecretString,
        visitor: &Visitor,
    ) -> Result<(), Fault> {
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
        if verified == Err(Fault::Refused(Refusal::TokenExpired)) {
            self.refuse_proof(proof, RefusedCause::Expired, &origin).await?;
        }
        verified
            .map(|_| ())
            .map_err(|fault| self.unless_repeated(fault, presented))
    }

    /// Deletes an account that somebody made with another person's address and that was never verified. The secret
    /// comes from the mail to that address.
    pub async fn disown_sign_up(&self, secret: &SecretString, visitor: &Visitor) -> Result<(), Fault> {
        let parsed = parse_mail_secret(secret.expose_secret()).ok_or(Refusal::TokenNotFound)?;
        let holder = self.link_holder(&parsed, SecretLabel::DisownSignUp, Purpose::VerifyEmail);
        let (user, _) = holder.ok_or(Refusal::TokenNotFound)?;
        let client = self.client_of(user, visitor).ok_or(Refusal::TokenNotFound)?;
        let command = Command::DisownSignUp {
            token: parsed.token(),
            origin: client.origin,
        };
        self.carry_out(Lane::Proof, command, vec![]).await.map(|_| ())
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
            origin: client.origin,
        };
        let cancelled = self.carry_out(Lane::Proof, command, vec![]).await;
        cancelled
            .map(|_| ())
            .map_err(|fault| self.unless_repeated(fault, secret))
    }
}
