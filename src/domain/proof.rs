//! Mailed proofs that come back: whether they may be used now, and that they came in vain.

use crate::types::{AddressId, CredentialId, Sealed, Tag, TokenId, UserId};

use super::codes::code_gate;
use super::command::{Context, Outcome, ProofFound};
use super::decide::Decision;
use super::event::{Actor, Event, Purpose, RefusedCause, Via};
use super::objection::is_barred;
use super::refusal::Refusal;
use super::state::{Standing, Token, TokenStanding, User};
use super::strangers::SuppressedClass;
use super::world::{Table, World};

/// Refusals of one genuine proof that the ledger holds; more of them change nothing and tell nothing new.
const REFUSALS_RECORDED_MAX: u16 = 20;

/// The token a proof names, if it may be used now.
pub(super) fn usable<'w>(
    world: &'w impl World,
    context: &Context<'_>,
    proof: ProofFound,
    purpose: Purpose,
) -> Result<(&'w Token, &'w User), Refusal> {
    let token = world.tokens().look(&proof.token).ok_or(Refusal::TokenNotFound)?;
    let user = world.users().look(&token.user).ok_or(Refusal::TokenNotFound)?;
    let tried_out =
        proof.via == Via::Code && u32::from(token.tries) >= context.limits.code_tries_per_challenge;
    let bound = token.purpose == purpose
        && token.position > world.small().epoch.valid_from
        && token.fits_password(user)
        && fits_address(world, context, proof.token, token, user);
    if token.standing != TokenStanding::Live || tried_out || !bound {
        return Err(Refusal::TokenNotFound);
    }
    let standing_fits = match purpose {
        Purpose::Recovery
        | Purpose::VerifyEmail
        | Purpose::SignInCode
        | Purpose::EnrolMailbox
        | Purpose::AddAddress
        | Purpose::Invitation => user.standing == Standing::Active,
        Purpose::Reopen => matches!(user.standing, Standing::Closing(_)),
    };
    if !standing_fits {
        return Err(Refusal::TokenNotFound);
    }
    if context.now >= token.expires {
        return Err(Refusal::TokenExpired);
    }
    Ok((token, user))
}

/// Whether what a proof was mailed to is still what it was. Taking a closing back outlives its address; a further
/// address is none of the user's yet; and a mailbox that lost the account's trust recovers nothing alone.
fn fits_address(world: &impl World, context: &Context<'_>, id: TokenId, token: &Token, user: &User) -> bool {
    match token.purpose {
        Purpose::Reopen => true,
        Purpose::AddAddress => world
            .safeguards()
            .look(&token.user)
            .and_then(|found| found.candidate.as_ref())
            .is_some_and(|candidate| candidate.token == id),
        Purpose::Recovery => {
            let barred =
                token.by == Actor::Stranger && is_barred(world, token.user, token.address, context.now);
            user.address(token.address).is_some() && !barred
        }
        Purpose::VerifyEmail | Purpose::SignInCode | Purpose::EnrolMailbox | Purpose::Invitation => {
            user.address(token.address).is_some()
        }
    }
}

/// Whom a proof would let in, and against which password the verdicts about the new one are to be computed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProofHolder {
    /// The user.
    pub user: UserId,
    /// The address the proof was mailed to.
    pub address: AddressId,
    /// The generation of their password now.
    pub credential: Option<CredentialId>,
}

/// Checks limits and token of a proof that came back, in the order in which they are answered; spends nothing and
/// promises nothing, because `decide` checks again at the commit.
pub fn check_proof(
    world: &impl World,
    context: &Context<'_>,
    proof: ProofFound,
    purpose: Purpose,
    network: Tag,
) -> Result<ProofHolder, Refusal> {
    if proof.via == Via::Code {
        code_gate(world, context, Tag([0; 16]), network).map_err(Refusal::Limited)?;
    }
    let (token, user) = usable(world, context, proof, purpose)?;
    Ok(ProofHolder {
        user: token.user,
        address: token.address,
        credential: user.credential_id(),
    })
}

/// Remembers that a genuine proof came with something that may not be; spends nothing.
pub(super) fn refuse_proof(
    world: &impl World,
    proof: ProofFound,
    cause: RefusedCause,
    origin: Sealed,
) -> Decision {
    let Some(token) = world.tokens().look(&proof.token) else {
        return Decision::refused(Refusal::TokenNotFound);
    };
    if token.refusals >= REFUSALS_RECORDED_MAX {
        return Decision::accepted(vec![], Outcome::Done).suppressing(SuppressedClass::Limited);
    }
    let event = Event::ProofRefused {
        user: token.user,
        token: proof.token,
        cause,
        origin,
    };
    Decision::accepted(vec![event], Outcome::Done)
}

/// Checks the proof that takes back a closing.
pub(super) fn usable_reopen(
    world: &impl World,
    context: &Context<'_>,
    proof: ProofFound,
) -> Result<UserId, Refusal> {
    usable(world, context, proof, Purpose::Reopen).map(|(token, _)| token.user)
}
