//! Asking for a way back in, and taking it.

use secrecy::{ExposeSecret, SecretString};

use super::greeting::{Greeting, NewKeys};
use super::passwords::{PasswordOwner, Unfit};
use super::proofs::{Found, label};
use super::{Command, Desk, Fault, Refusal, Visitor};
use crate::crypto::parse_mail_secret;
use crate::domain::{
    Client, FactorShown, FactorUse, FactorVerdict, ProofFound, ProofHolder, Purpose, RecoveryFactors,
    RefusedCause, SuppressedClass, Via, Walk, check_proof, recovery_factors,
};
use crate::engine::Lane;
use crate::types::{AddressId, EmailAddress, Sealed, TokenId, UserId};

const PROOF_SCOPE: &str = "proof";

/// A genuine proof of a way back in, and who brought it; what it is worth now is still to be asked.
pub(super) struct Claim {
    pub(super) proof: ProofFound,
    pub(super) found: Option<AddressId>,
    pub(super) client: Client,
    pub(super) keys: NewKeys,
}

impl Desk {
    /// Asks for a recovery mail. The answer is the same for every valid address.
    pub async fn request_reset(&self, address: &EmailAddress, visitor: &Visitor) -> Result<(), Fault> {
        self.request_proof(address.as_typed(), visitor, Purpose::Recovery, None)
            .await
    }

    /// Asks for a mail for whoever is called so, by an address or by a user name.
    pub(super) async fn request_proof(
        &self,
        who: &str,
        visitor: &Visitor,
        purpose: Purpose,
        callback: Option<&str>,
    ) -> Result<(), Fault> {
        let work = || async move {
            let Greeting { found, ask, keys } = self.greet_by_name(who, visitor)?;
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
        self.on_step(Self::until_current(work)).await
    }

    /// Sets a new password by a mailed proof. Order of the answers: limits, token, second factor, format, same,
    /// leaked.
    pub async fn confirm_reset(
        &self,
        address: &EmailAddress,
        proof: &SecretString,
        password: SecretString,
        code: Option<&SecretString>,
        visitor: &Visitor,
    ) -> Result<(), Fault> {
        Self::until_current(|| self.try_confirm(address, proof, &password, code, visitor))
            .await
            .map_err(|fault| self.unless_repeated(fault, proof))
    }

    async fn try_confirm(
        &self,
        address: &EmailAddress,
        presented: &SecretString,
        password: &SecretString,
        code: Option<&SecretString>,
        visitor: &Visitor,
    ) -> Result<(), Fault> {
        let claim = self
            .claim_by_code(self.greet(address, visitor)?, presented)
            .await?;
        self.complete(claim, password, code, visitor).await
    }

    /// What somebody presented for an address: a typed code, or the secret of a link to that address.
    pub(super) async fn claim_by_code(
        &self,
        greeting: Greeting,
        presented: &SecretString,
    ) -> Result<Claim, Fault> {
        let proof = self.prove(&greeting, presented, Purpose::Recovery).await?;
        let Greeting { found, ask, keys } = greeting;
        Ok(Claim {
            proof,
            found: found.map(|(address, _)| address),
            client: ask.client,
            keys,
        })
    }

    /// Sets a new password by the secret of a mailed link alone: its token names user and address, so nobody has to
    /// type one. Order of the answers as in [`Desk::confirm_reset`]; a link is never counted as a guess.
    pub async fn confirm_reset_by_link(
        &self,
        secret: &SecretString,
        password: SecretString,
        code: Option<&SecretString>,
        visitor: &Visitor,
    ) -> Result<(), Fault> {
        let password = &password;
        let attempt = || async move {
            let claim = self.claim_by_link(secret, visitor)?;
            self.complete(claim, password, code, visitor).await
        };
        Self::until_current(attempt)
            .await
            .map_err(|fault| self.unless_repeated(fault, secret))
    }

    /// What the secret of a link is, whoever brings it.
    pub(super) fn claim_by_link(&self, secret: &SecretString, visitor: &Visitor) -> Result<Claim, Fault> {
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

    /// Who a genuine proof would let in now; one that came too late or again is remembered.
    pub(super) async fn holder_of(&self, claim: &Claim) -> Result<ProofHolder, Fault> {
        let (proof, client) = (claim.proof, &claim.client);
        let found = {
            let (context, network) = (self.context(claim.found), client.network);
            self.engine()
                .read(|state| check_proof(state, &context, proof, Purpose::Recovery, network))
        };
        let refusal = match found {
            Ok(holder) => return Ok(holder),
            Err(refusal) => refusal,
        };
        if refusal == Refusal::TokenExpired {
            self.refuse_proof(proof, RefusedCause::Expired, &client.origin)
                .await?;
        } else if refusal == Refusal::TokenNotFound {
            self.refuse_proof(proof, RefusedCause::Reused, &client.origin)
                .await?;
        } else {
            self.engine().count_suppressed(SuppressedClass::Limited);
        }
        Err(refusal.into())
    }

    async fn complete(
        &self,
        claim: Claim,
        password: &SecretString,
        code: Option<&SecretString>,
        visitor: &Visitor,
    ) -> Result<(), Fault> {
        let holder = self.holder_of(&claim).await?;
        let Claim {
            proof, client, keys, ..
        } = claim;
        let Some(user) = self.engine().read(|state| state.users.get(&holder.user).cloned()) else {
            return Err(Refusal::TokenNotFound.into());
        };
        let factor = self
            .demanded_factor(proof.token, holder.user, code, &client.origin, visitor)
            .await?;
        let owner = PasswordOwner {
            mailed: self.secrets_of(proof.token),
            ..self.password_owner(holder.user, &user)
        };
        if let Err(unfit) = self.test_password(Lane::Proof, password, owner).await {
            return Err(self.note_unfit(unfit, proof, &client.origin).await);
        }
        let (credential, credential_keys) = self.new_credential(Lane::Proof, password.clone()).await?;
        let command = Command::CompleteRecovery {
            proof,
            client,
            against: holder.credential,
            credential,
            factor,
            mails: self.notices(holder.user, visitor),
        };
        let keys = keys.into_iter().chain(credential_keys).collect();
        self.carry_out(Lane::Proof, command, keys).await.map(|_| ())
    }

    /// Remembers that a genuine proof came with a password that may not be.
    pub(super) async fn note_unfit(&self, unfit: Unfit, proof: ProofFound, origin: &Sealed) -> Fault {
        let cause = match &unfit {
            Unfit::Format(_) => RefusedCause::Format,
            Unfit::Same => RefusedCause::SameAsPrevious,
            Unfit::Leaked => RefusedCause::Leaked,
            Unfit::Busy => return unfit.into(),
        };
        let noted = self.refuse_proof(proof, cause, origin).await;
        noted.err().unwrap_or_else(|| unfit.into())
    }

    /// The second factor that a recovery asks for; a wrong one is counted before its answer leaves, and an absent one
    /// spends nothing.
    async fn demanded_factor(
        &self,
        proof: TokenId,
        user: UserId,
        code: Option<&SecretString>,
        origin: &Sealed,
        visitor: &Visitor,
    ) -> Result<FactorShown, Fault> {
        let demand = self.engine().read(|state| {
            let token = state.tokens.get(&proof);
            token.map_or(RecoveryFactors::Nothing, |token| recovery_factors(state, token))
        });
        if demand != RecoveryFactors::Demand {
            return Ok(self.shown_factor(None, None, visitor));
        }
        let factor = self.shown_factor(Some(user), code, visitor);
        match factor.verdict {
            FactorVerdict::Absent => Err(Refusal::FactorRequired.into()),
            FactorVerdict::Right(_) => Ok(factor),
            FactorVerdict::Wrong | FactorVerdict::Exhausted => {
                let command = Command::Walk(Walk::TryFactor {
                    user,
                    factor,
                    action: FactorUse::Recovery,
                    session: None,
                    origin: origin.clone(),
                });
                // The law never accepts it: what comes back is its refusal, or that of the limit.
                self.carry_out(Lane::Proof, command, vec![]).await?;
                Err(Refusal::FactorWrong.into())
            }
        }
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
