//! Asking for a way back in, and taking it.

use secrecy::{ExposeSecret, SecretString};

use super::greeting::{Greeting, NewKeys};
use super::passwords::{PasswordOwner, Unfit};
use super::proofs::{Found, label};
use super::{Command, Desk, Fault, Refusal, Visitor};
use crate::crypto::parse_mail_secret;
use crate::domain::{Client, ProofFound, Purpose, RefusedCause, SuppressedClass, Via, check_proof};
use crate::engine::Lane;
use crate::types::{AddressId, EmailAddress};

const PROOF_SCOPE: &str = "proof";

/// A genuine proof of a way back in, and who brought it; what it is worth now is still to be asked.
struct Claim {
    proof: ProofFound,
    found: Option<AddressId>,
    client: Client,
    keys: NewKeys,
}

impl Desk {
    /// Asks for a recovery mail. The answer is the same for every valid address.
    pub async fn request_reset(&self, address: &EmailAddress, visitor: &Visitor) -> Result<(), Fault> {
        self.request_proof(address, visitor, Purpose::Recovery, None)
            .await
    }

    pub(super) async fn request_proof(
        &self,
        address: &EmailAddress,
        visitor: &Visitor,
        purpose: Purpose,
        callback: Option<&str>,
    ) -> Result<(), Fault> {
        let work = async {
            let Greeting { found, ask, keys } = self.greet(address, visitor)?;
            let callback = match callback {
                Some(url) => Some(self.seal_callback(found.map(|(_, user)| user), url)?),
                None => None,
            };
            let command = Command::RequestProof {
                ask,
                purpose,
                callback,
            };
            self.carry_out(Lane::Stranger, command, keys).await.map(|_| ())
        };
        self.on_step(work).await
    }

    /// Sets a new password by a mailed proof. Order of the answers: limits, token, format, same, leaked.
    pub async fn confirm_reset(
        &self,
        address: &EmailAddress,
        proof: &SecretString,
        password: SecretString,
        visitor: &Visitor,
    ) -> Result<(), Fault> {
        for _ in 0..Self::ATTEMPTS_MAX {
            match self.try_confirm(address, proof, &password, visitor).await {
                Err(Fault::Refused(Refusal::Outdated)) => {}
                Err(fault) => return Err(self.unless_repeated(fault, proof)),
                Ok(()) => return Ok(()),
            }
        }
        Err(Fault::Overloaded)
    }

    async fn try_confirm(
        &self,
        address: &EmailAddress,
        presented: &SecretString,
        password: &SecretString,
        visitor: &Visitor,
    ) -> Result<(), Fault> {
        let greeting = self.greet(address, visitor)?;
        let proof = self.prove(&greeting, presented, Purpose::Recovery).await?;
        let Greeting { found, ask, keys } = greeting;
        let claim = Claim {
            proof,
            found: found.map(|(address, _)| address),
            client: ask.client,
            keys,
        };
        self.complete(claim, password, visitor).await
    }

    /// Sets a new password by the secret of a mailed link alone: its token names user and address, so nobody has to
    /// type one. Order of the answers as in [`Desk::confirm_reset`]; a link is never counted as a guess.
    pub async fn confirm_reset_by_link(
        &self,
        secret: &SecretString,
        password: SecretString,
        visitor: &Visitor,
    ) -> Result<(), Fault> {
        for _ in 0..Self::ATTEMPTS_MAX {
            let claim = self.claim_by_link(secret, visitor)?;
            match self.complete(claim, &password, visitor).await {
                Err(Fault::Refused(Refusal::Outdated)) => {}
                Err(fault) => return Err(self.unless_repeated(fault, secret)),
                Ok(()) => return Ok(()),
            }
        }
        Err(Fault::Overloaded)
    }

    fn claim_by_link(&self, secret: &SecretString, visitor: &Visitor) -> Result<Claim, Fault> {
        let parsed = parse_mail_secret(secret.expose_secret()).ok_or(Refusal::TokenNotFound)?;
        let purpose = Purpose::Recovery;
        let holder = self.link_holder(&parsed, label(purpose), purpose);
        let (user, address) = holder.ok_or(Refusal::TokenNotFound)?;
        Ok(Claim {
            proof: ProofFound {
                token: parsed.token(),
                via: Via::Link,
            },
            found: Some(address),
            client: self.client_of(user, visitor).ok_or(Refusal::TokenNotFound)?,
            keys: vec![],
        })
    }

    async fn complete(&self, claim: Claim, password: &SecretString, visitor: &Visitor) -> Result<(), Fault> {
        let Claim {
            proof,
            found,
            client,
            keys,
        } = claim;
        let holder = {
            let (context, network) = (self.context(found), client.network);
            self.engine()
                .read(|state| check_proof(state, &context, proof, Purpose::Recovery, network))
        };
        let holder = match holder {
            Ok(holder) => holder,
            Err(refusal) => {
                if refusal == Refusal::TokenExpired {
                    self.refuse_proof(proof, RefusedCause::Expired, &client.origin)
                        .await?;
                } else if refusal == Refusal::TokenNotFound {
                    self.refuse_proof(proof, RefusedCause::Reused, &client.origin)
                        .await?;
                } else {
                    self.engine().count_suppressed(SuppressedClass::Limited);
                }
                return Err(refusal.into());
            }
        };
        let Some(user) = self.engine().read(|state| state.users.get(&holder.user).cloned()) else {
            return Err(Refusal::TokenNotFound.into());
        };
        let owner = PasswordOwner {
            mailed: self.secrets_of(proof.token),
            ..self.password_owner(holder.user, &user)
        };
        if let Err(unfit) = self.test_password(Lane::Proof, password, owner).await {
            let cause = match &unfit {
                Unfit::Format(_) => Some(RefusedCause::Format),
                Unfit::Same => Some(RefusedCause::SameAsPrevious),
                Unfit::Leaked => Some(RefusedCause::Leaked),
                Unfit::Busy => None,
            };
            if let Some(cause) = cause {
                self.refuse_proof(proof, cause, &client.origin).await?;
            }
            return Err(unfit.into());
        }
        let (credential, credential_keys) = self.new_credential(Lane::Proof, password.clone()).await?;
        let command = Command::CompleteRecovery {
            proof,
            client,
            against: holder.credential,
            credential,
            mails: self.notices(holder.user, visitor),
        };
        let keys = keys.into_iter().chain(credential_keys).collect();
        self.carry_out(Lane::Proof, command, keys).await.map(|_| ())
    }

    /// Finds a proof; a wrong code is counted before its answer leaves.
    pub(super) async fn prove(
        &self,
        greeting: &Greeting,
        presented: &SecretString,
        purpose: Purpose,
    ) -> Result<ProofFound, Fault> {
        match self.find_proof(greeting, presented, purpose) {
            Found::Proof(proof) => Ok(proof),
            Found::Nothing => Err(Refusal::TokenNotFound.into()),
            Found::WrongCode => {
                let command = Command::RefuseCode {
                    ask: greeting.ask.clone(),
                    purpose,
                };
                // The law never accepts a wrong code: what comes back is its refusal, or that of a limit.
                self.carry_out(Lane::Stranger, command, greeting.keys.clone())
                    .await?;
                Err(Refusal::TokenNotFound.into())
            }
        }
    }

    /// Remembers that a genuine proof came too late or again; what is refused for another reason is told elsewhere.
    pub(super) async fn note_dead_proof(
        &self,
        fault: &Fault,
        proof: ProofFound,
        origin: &crate::types::Sealed,
    ) -> Result<(), Fault> {
        match fault {
            Fault::Refused(Refusal::TokenExpired) => {
                self.refuse_proof(proof, RefusedCause::Expired, origin).await
            }
            Fault::Refused(Refusal::TokenNotFound | Refusal::AlreadyVerified) => {
                self.refuse_proof(proof, RefusedCause::Reused, origin).await
            }
            Fault::Refused(_)
            | Fault::PasswordFormat(_)
            | Fault::SameAsPrevious
            | Fault::WeakPassword
            | Fault::Repeated
            | Fault::Overloaded
            | Fault::Stopped => Ok(()),
        }
    }

    /// Puts an end to a client that repeats its call after every 401: the tenth time an expired proof comes back, its
    /// sender is told to stop.
    pub(super) fn unless_repeated(&self, fault: Fault, presented: &SecretString) -> Fault {
        if fault != Fault::Refused(Refusal::TokenExpired) {
            return fault;
        }
        let counted = self.count_repeat(PROOF_SCOPE, presented.expose_secret());
        counted.err().unwrap_or(fault)
    }

    pub(super) async fn refuse_proof(
        &self,
        proof: ProofFound,
        cause: RefusedCause,
        origin: &crate::types::Sealed,
    ) -> Result<(), Fault> {
        let command = Command::RefuseProof {
            proof,
            cause,
            origin: origin.clone(),
        };
        self.carry_out(Lane::Proof, command, vec![]).await.map(|_| ())
    }
}
