//! Whether an event may stand where it stands: asserted before every append, and run by auditors over a copy.

mod factors;
mod newcomers;
mod safeguards;

use super::access::ApiKeyKind;
use super::event::{Event, PasswordCause, Purpose, Recorded};
use super::factor::{FactorKind, Factors, sealed_address};
use super::flow::{allows, password_policy};
use super::newcomer::INVITATION_LONGEST;
use super::session::live_session;
use super::sign_in::ShownBefore;
use super::state::{Standing, TokenStanding};
use super::webhook;
use super::world::{Table, World};
use crate::types::{AddressId, Position, SessionId, Span, TokenId, UserId};

/// A transition that the law does not allow.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("position {position}: {fault}")]
pub struct Unlawful {
    /// Where.
    pub position: Position,
    /// What is wrong, in words.
    pub fault: &'static str,
}

/// Checks one event against the world before it.
pub fn lawful(world: &impl World, recorded: &Recorded) -> Result<(), Unlawful> {
    check(world, recorded).map_err(|fault| Unlawful {
        position: recorded.position,
        fault,
    })
}

fn ensure(holds: bool, fault: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(fault) }
}

#[expect(
    clippy::match_same_arms,
    reason = "the arms stand in the order of the events, topic by topic"
)]
fn check(world: &impl World, recorded: &Recorded) -> Result<(), &'static str> {
    let small = world.small();
    ensure(recorded.position == small.next, "positions are not gap-free")?;
    ensure(recorded.time >= small.last_time, "time runs backwards")?;
    if small.next == Position(0) {
        return ensure(
            matches!(recorded.event, Event::EpochStarted { number: 1, .. }),
            "a ledger begins with epoch 1",
        );
    }
    match &recorded.event {
        Event::EpochStarted { number, .. } => {
            ensure(*number == small.epoch.number + 1, "an epoch was skipped")
        }
        Event::KeyRotated { old, new, .. } => ensure(old < new, "a key made way for an older one"),
        Event::ClockAccepted { .. }
        | Event::MasterKeyReplaced { .. }
        | Event::ResetRequested { .. }
        | Event::VerificationRequested { .. }
        | Event::CodeRefused { .. }
        | Event::SignInFailed { .. }
        | Event::SignUpCollided { .. }
        | Event::Suppressed { .. } => Ok(()),
        Event::PolicySaved { policy, .. } => password_policy(&small.flows, policy)
            .map_err(|_| "a password policy has the name of another policy"),
        Event::FlowsChanged { change, .. } => {
            allows(&small.flows, change).map_err(|_| "flows were changed against their law")
        }
        Event::CheckpointKeyNamed { .. } => ensure(
            small
                .checkpoint_key
                .is_none_or(|known| known.epoch < small.epoch.number),
            "a checkpoint key was named in an epoch that had one",
        ),
        Event::CheckpointKeyRotated {
            old,
            old_public,
            new,
            new_public,
            ..
        } => {
            let known = small.checkpoint_key.map(|known| (known.id, known.public));
            ensure(
                known == Some((*old, *old_public)),
                "a checkpoint key was replaced that was not in force",
            )?;
            ensure(
                (old, old_public) != (new, new_public),
                "a checkpoint key was replaced by itself",
            )
        }
        Event::ApiKeyCreated { key, .. } => ensure(
            world.api_keys().look(key).is_none(),
            "an API key was created twice",
        ),
        Event::ApiKeyOriginsNamed { key, .. } => {
            let known = world.api_keys().look(key);
            ensure(
                known.is_some_and(|k| k.revoked.is_none() && k.kind == ApiKeyKind::Publishable),
                "no such live publishable API key",
            )
        }
        Event::ApiKeyRevoked { key, .. } | Event::ApiKeyUsed { key } | Event::ApiKeyConfirmed { key, .. } => {
            ensure(
                world.api_keys().look(key).is_some_and(|k| k.revoked.is_none()),
                "no such live API key",
            )
        }
        Event::UserRegistered { user, address, .. } => {
            ensure(world.users().look(user).is_none(), "a user was registered twice")?;
            ensure(world.erased().look(user).is_none(), "an erased user came back")?;
            ensure(
                world.addresses().look(address).is_none(),
                "an address belongs to two users",
            )
        }
        Event::PasswordSet { user, cause, .. } => {
            ensure(world.users().look(user).is_some(), "a password for nobody")?;
            match cause {
                PasswordCause::Recovered(token) => token_is(world, *token, *user, TokenStanding::Spent),
                PasswordCause::SignUp => {
                    let first = world.users().look(user).is_some_and(|u| u.credential.is_none());
                    ensure(first, "a first password after another")
                }
                PasswordCause::Changed => active(world, *user),
            }
        }
        Event::VerifierUpgraded { user, credential, .. } => ensure(
            world
                .users()
                .look(user)
                .is_some_and(|u| u.credential_id() == Some(*credential)),
            "a verifier for a password that is not the user's",
        ),
        Event::AddressVerified {
            user, address, token, ..
        } => {
            if let Some(token) = token {
                let found = world
                    .tokens()
                    .look(token)
                    .ok_or("an address was proven by no token")?;
                ensure(
                    found.address == *address,
                    "an address was proven by a token for another",
                )?;
                // A recovery that proves an address too has just spent its token.
                match found.purpose {
                    Purpose::Recovery | Purpose::Invitation => {
                        token_is(world, *token, *user, TokenStanding::Spent)?;
                    }
                    Purpose::VerifyEmail
                    | Purpose::Reopen
                    | Purpose::SignInCode
                    | Purpose::EnrolMailbox
                    | Purpose::AddAddress => {
                        proves(world, recorded, *token, *user, Purpose::VerifyEmail)?;
                    }
                }
            }
            owns(world, *user, *address)
        }
        Event::PasswordRevoked { user, .. }
        | Event::UserBanned { user, .. }
        | Event::UserUnbanned { user, .. }
        | Event::RoleChanged { user, .. }
        | Event::ProfileEdited { user, .. }
        | Event::UserErased { user, .. } => ensure(world.users().look(user).is_some(), "no such user"),
        Event::WithdrawRequested { user, .. }
        | Event::ProfileChanged { user, .. }
        | Event::RecoverySent { user, .. } => active(world, *user),
        Event::WithdrawCancelled { user, token, .. } => {
            let closing = world
                .users()
                .look(user)
                .is_some_and(|u| matches!(u.standing, Standing::Closing(_)));
            ensure(closing, "the account was not closing")?;
            proves(world, recorded, *token, *user, Purpose::Reopen)
        }
        Event::CallbackNamed { request, .. } => ensure(
            request.next() == recorded.position,
            "a way back without its request",
        ),
        Event::RefreshRefused { user, session, .. } => ensure(
            world
                .sessions()
                .look(session)
                .is_none_or(|s| Some(s.user) == *user),
            "a refused refresh token is said to be another user's",
        ),
        Event::RequestDropped { request, .. } => {
            ensure(world.requests().look(request).is_some(), "no such request waits")
        }
        Event::TokenIssued {
            token,
            user,
            address,
            purpose,
            credential,
            expires,
            ..
        } => {
            ensure(world.tokens().look(token).is_none(), "a token was issued twice")?;
            reaches(world, *user, *address)?;
            ensure(recorded.time < *expires, "a token was issued that has expired")?;
            let lives_longer = match purpose {
                Purpose::Reopen => true,
                // There is no account behind it yet.
                Purpose::Invitation => credential.is_none() && *expires <= recorded.time + INVITATION_LONGEST,
                Purpose::Recovery
                | Purpose::VerifyEmail
                | Purpose::SignInCode
                | Purpose::EnrolMailbox
                | Purpose::AddAddress => false,
            };
            let short = lives_longer || *expires <= recorded.time + Span::hours(24);
            ensure(short, "a token lives longer than 24 hours")?;
            let bound = world
                .users()
                .look(user)
                .is_some_and(|u| u.credential_id() == *credential);
            ensure(bound, "a token is bound to a password that is not the user's")
        }
        Event::ProofRefused { user, token, .. } => ensure(
            world.tokens().look(token).is_some_and(|t| t.user == *user),
            "no such token of this user",
        ),
        Event::RecoveryCompleted {
            user, token, address, ..
        } => {
            proves(world, recorded, *token, *user, Purpose::Recovery)?;
            let same = world.tokens().look(token).is_some_and(|t| t.address == *address);
            ensure(same, "a token for another address was used")?;
            active(world, *user)
        }
        Event::SignUpDisowned { user, token, .. } => {
            let verified = world
                .users()
                .look(user)
                .is_some_and(|u| u.addresses.iter().any(|a| a.verified.is_some()));
            ensure(!verified, "a verified account was disowned")?;
            proves(world, recorded, *token, *user, Purpose::VerifyEmail)
        }
        Event::SignedIn {
            user,
            session,
            credential,
            expires,
            ends,
            ..
        } => {
            ensure(world.sessions().look(session).is_none(), "a session began twice")?;
            active(world, *user)?;
            ensure(
                recorded.time < *expires && recorded.time < *ends,
                "a session was over before it began",
            )?;
            let found = world.users().look(user);
            let current = found.is_some_and(|u| u.credential_id() == Some(*credential));
            ensure(current, "a sign-in with a password that was replaced")?;
            let awaits = found.is_some_and(|u| u.awaits_proof(small.epoch));
            ensure(!awaits, "a sign-in before the mailbox was proven in this time")?;
            factors::signed_in(world, *user, *session, recorded.time)
        }
        Event::CurrentPasswordWrong { user, session, .. }
        | Event::PasswordRefused { user, session, .. }
        | Event::RefreshReplayed { user, session, .. }
        | Event::SessionEnded { user, session, .. } => session_of(world, *user, *session),
        Event::RefreshRotated {
            user,
            session,
            counter,
            ..
        } => {
            let Ok((_, found)) = live_session(world, *user, *session, recorded.time) else {
                return Err("a session that was over was refreshed");
            };
            ensure(
                *counter == found.counter + 1,
                "a refresh token was not followed by its successor",
            )
        }
        Event::SessionsEnded { user, .. } => ensure(world.users().look(user).is_some(), "no such user"),
        Event::MailQueued {
            kind,
            user,
            address,
            token,
            ..
        } => {
            match token {
                Some(proof) if kind.carries_proof() => token_is(world, *proof, *user, TokenStanding::Live)?,
                Some(objection) => safeguards::offers(world, *user, *objection)?,
                None => {}
            }
            reaches(world, *user, *address)
        }
        Event::MailDelivered { queued, .. }
        | Event::MailDeferred { queued, .. }
        | Event::MailCancelled { queued, .. }
        | Event::MailHastened { queued, .. }
        | Event::MailEnded { queued, .. } => {
            ensure(world.outbox().look(queued).is_some(), "no such mail waits")
        }
        Event::TotpBegun { user, session, .. } => {
            session_of(world, *user, *session)?;
            factors::is_new(world, *user, FactorKind::Totp)
        }
        Event::MailboxBegun {
            user,
            session,
            address,
            sealed,
            ..
        } => {
            session_of(world, *user, *session)?;
            factors::is_new(world, *user, FactorKind::Email)?;
            if sealed.is_none() {
                return owns(world, *user, *address);
            }
            let is_new = world.addresses().look(address).is_none();
            ensure(is_new, "a factor's own address is that of a user")
        }
        Event::FactorConfirmed {
            user,
            session,
            factor,
            kind,
            ..
        } => factors::confirmed(world, *user, *session, *factor, *kind, recorded.time),
        Event::FactorRemoved {
            user, factor, kind, ..
        } => factors::has(world, *user, *factor, *kind),
        Event::RecoveryCodesIssued { user, .. } => {
            let enrolled = world.factors().look(user).is_some_and(Factors::is_enrolled);
            ensure(enrolled, "recovery codes for a user without a second factor")
        }
        Event::FactorAccepted { user, proof, .. } => factors::accepted(world, *user, *proof, recorded.time),
        Event::FactorRemembered {
            user,
            factor,
            kind,
            shown,
            ..
        } => {
            let holds = (*shown..*shown + ShownBefore::LONGEST).contains(&recorded.time);
            ensure(holds, "a factor was shown too long before")?;
            factors::has(world, *user, *factor, *kind)
        }
        Event::FactorRefused { user, .. } | Event::FactorCodeRequested { user, .. } => {
            ensure(world.users().look(user).is_some(), "no such user")
        }
        Event::MailboxNamed { .. }
        | Event::AddressBegun { .. }
        | Event::AddressConfirmed { .. }
        | Event::AddressRemoved { .. }
        | Event::PrimaryChanged { .. }
        | Event::ObjectionOffered { .. }
        | Event::ObjectionRaised { .. }
        | Event::SafeguardsLapsed { .. } => safeguards::check(world, recorded),
        Event::Webhook(event) => webhook::check(world, recorded, event),
        Event::UserImported { .. }
        | Event::PasswordImported { .. }
        | Event::UserInvited { .. }
        | Event::InvitationAccepted { .. } => newcomers::check(world, recorded),
    }
}

/// Whether a token may be used now, for this purpose: live, fresh, of this epoch, and of the user's present password.
fn proves(
    world: &impl World,
    recorded: &Recorded,
    token: TokenId,
    user: UserId,
    purpose: Purpose,
) -> Result<(), &'static str> {
    token_is(world, token, user, TokenStanding::Live)?;
    let owner = world.users().look(&user);
    let holds = world.tokens().look(&token).is_some_and(|t| {
        t.purpose == purpose
            && recorded.time < t.expires
            && t.position > world.small().epoch.valid_from
            && owner.is_some_and(|owner| t.fits_password(owner))
    });
    ensure(holds, "a token was used that was too old, or for something else")
}

fn active(world: &impl World, user: UserId) -> Result<(), &'static str> {
    let holds = world
        .users()
        .look(&user)
        .is_some_and(|u| u.standing == Standing::Active);
    ensure(holds, "the user is not active")
}

fn owns(world: &impl World, user: UserId, address: AddressId) -> Result<(), &'static str> {
    let holds = world
        .users()
        .look(&user)
        .is_some_and(|u| u.address(address).is_some());
    ensure(holds, "the address is not the user's")
}

/// Whether mails of a user may go to an address: their own, or that of a factor of theirs.
fn reaches(world: &impl World, user: UserId, address: AddressId) -> Result<(), &'static str> {
    let holds = sealed_address(world, user, address).is_some();
    ensure(holds, "the address is not the user's")
}

fn session_of(world: &impl World, user: UserId, session: SessionId) -> Result<(), &'static str> {
    let holds = world.sessions().look(&session).is_some_and(|s| s.user == user);
    ensure(holds, "no such live session of this user")
}

fn token_is(
    world: &impl World,
    token: TokenId,
    user: UserId,
    standing: TokenStanding,
) -> Result<(), &'static str> {
    let holds = world
        .tokens()
        .look(&token)
        .is_some_and(|t| t.user == user && t.standing == standing);
    ensure(holds, "a token was used that was not this user's, or not live")
}
