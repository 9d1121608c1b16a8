//! What a flow asks of the law on its way: whether a password or a second factor is right, and the sign-in at its end.
//!
//! A flow asks for one thing after another, and what was right stays with whoever gave it until the last step, where all
//! of it is presented at once. So a wrong answer is remembered before it is told, a right one changes nothing yet, and
//! the step that counts is one command: what was proven is held against what is current then.

use crate::types::{Sealed, SessionId, Tag, UserId};

use super::command::{Ask, Client, Context, NewSession, Outcome, PasswordVerdict};
use super::decide::Decision;
use super::factor::{self, FactorShown, FactorUse};
use super::refusal::{LimitKind, Refusal};
use super::session::signed_in_user;
use super::sign_in::{self, SessionTerms};
use super::strangers::{StrangerClass, tally};
use super::world::{Table, World};

/// What a flow asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are described by their types")]
pub enum Walk {
    /// Tell whether a password is right, and whether a second factor is needed beside it. Signs nobody in.
    TryPassword {
        ask: Ask,
        verdict: PasswordVerdict,
        require_verified: bool,
    },
    /// Tell whether a second factor is right. It is spent by the command that it is presented to later; for somebody who
    /// is signed in, at once.
    TryFactor {
        user: UserId,
        factor: FactorShown,
        action: FactorUse,
        session: Option<SessionId>,
        origin: Sealed,
    },
    /// Tell whether somebody has a user name already, which whoever makes an account has to know. Each time counts against
    /// the client, taken or free, or names could be tried without bound; in memory alone, so that no name that was only
    /// thought of is written.
    TryUsername { client: Client, username: Tag },
    /// Sign in with what was proven on the way.
    SignIn {
        ask: Ask,
        verdict: PasswordVerdict,
        factor: FactorShown,
        session: NewSession,
        terms: SessionTerms,
        require_verified: bool,
    },
}

impl Walk {
    /// The address this names, as the directory looks it up.
    pub fn address_lookup(&self) -> Option<Tag> {
        match self {
            Self::TryPassword { ask, .. } | Self::SignIn { ask, .. } => Some(ask.lookup),
            Self::TryFactor { .. } | Self::TryUsername { .. } => None,
        }
    }

    /// The user name this names, as the directory looks it up.
    pub fn username_lookup(&self) -> Option<Tag> {
        if let Self::TryUsername { username, .. } = self {
            Some(*username)
        } else {
            None
        }
    }
}

/// Decides what a flow asks for.
pub(super) fn decide(world: &impl World, context: &Context<'_>, walk: Walk) -> Decision {
    match walk {
        Walk::TryPassword {
            ask,
            verdict,
            require_verified,
        } => sign_in::try_password(world, context, ask, verdict, require_verified),
        Walk::TryFactor {
            user,
            factor,
            action,
            session,
            origin,
        } => try_factor(world, context, user, &factor, action, session, &origin),
        Walk::TryUsername { client, .. } => try_username(world, context, &client),
        Walk::SignIn {
            ask,
            verdict,
            factor,
            session,
            terms,
            require_verified,
        } => sign_in::sign_in(
            world,
            context,
            ask,
            verdict,
            &factor,
            &session,
            terms,
            require_verified,
        ),
    }
}

/// The limit is asked here, where commands are in a row: of many guesses at once none learns more than the limit allows.
fn try_factor(
    world: &impl World,
    context: &Context<'_>,
    user: UserId,
    shown: &FactorShown,
    action: FactorUse,
    session: Option<SessionId>,
    origin: &Sealed,
) -> Decision {
    if world.users().look(&user).is_none() {
        return Decision::refused(Refusal::UserNotFound);
    }
    if let Some(session) = session
        && let Err(refusal) = signed_in_user(world, context, user, session)
    {
        return Decision::refused(refusal);
    }
    match factor::present(world, context, user, shown, action, session, origin) {
        Ok(accepted) if session.is_some() => Decision::accepted(accepted, Outcome::Done),
        Ok(_) => Decision::accepted(vec![], Outcome::Done),
        Err(refused) => refused,
    }
}

/// The limit is that of sign-ups, in a count of its own: whoever needs many tries for a name has not used up their account.
fn try_username(world: &impl World, context: &Context<'_>, client: &Client) -> Decision {
    let limit = context.limits.signups_per_client_hour;
    let asked = tally(world, context, client.day, StrangerClass::Usernames);
    if !client.exempt && asked.count >= limit {
        return Decision::limited(LimitKind::ClientSignUps, limit, asked.wait);
    }
    let told = if context.username_taken {
        Decision::refused(Refusal::UsernameTaken)
    } else {
        Decision::accepted(vec![], Outcome::Done)
    };
    Decision {
        unwritten: vec![(client.day, StrangerClass::Usernames)],
        ..told
    }
}
