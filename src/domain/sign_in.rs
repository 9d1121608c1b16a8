//! Signing in: by one call that brings everything, or at the end of a flow that asked for one thing after another.

use crate::types::{AddressId, CredentialId, FactorId, Sealed, Span, Tag, Timestamp, UserId};

use super::command::{Ask, Context, NewSession, Outcome, PasswordVerdict};
use super::decide::Decision;
use super::event::{Actor, EndCause, Event, FailCause, Subject};
use super::factor::{self, FactorKind, FactorShown, FactorUse, FactorVerdict, Factors};
use super::objection::tell_new_sign_in;
use super::refusal::Refusal;
use super::session::{sign_in_gate, wrong_password};
use super::state::{Standing, User};
use super::world::{Table, World};
use super::{recovery, user};

/// How a session begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionTerms {
    /// When the password was proven. What was proven before the user's latest sign-in opens nothing, so that a flow that
    /// came to its end cannot be ended once more.
    pub proven: Timestamp,
    /// How long it lives without a sign of life.
    pub idle: Span,
    /// How long it lives at most.
    pub absolute: Span,
    /// What becomes of the user's other sessions.
    pub others: OtherSessions,
    /// A second factor that was shown at the same browser before, where the flow is content with that.
    pub shown_before: Option<ShownBefore>,
}

/// A second factor that was shown at a browser before, as that browser can prove. It stands for the factor in a sign-in
/// with the password and in nothing else: no recovery and no change of the account takes it (R-30, M-07).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShownBefore {
    /// Which.
    pub factor: FactorId,
    /// When.
    pub at: Timestamp,
    /// For how long that is good.
    pub within: Span,
}

impl ShownBefore {
    /// Nothing is good for longer.
    pub const LONGEST: Span = Span::days(30);

    /// Which kind of factor it is, if somebody with these factors has it, and if it is good still.
    fn kind(self, factors: &Factors, now: Timestamp) -> Option<FactorKind> {
        let within = Span(self.within.0.min(Self::LONGEST.0));
        let is_good = (self.at..self.at + within).contains(&now);
        factors.kind_of(self.factor).filter(|_| is_good)
    }
}

/// What becomes of a user's other sessions when one begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OtherSessions {
    /// They go on.
    Stay,
    /// They end.
    End,
}

impl SessionTerms {
    /// Those of a sign-in in one call.
    pub(super) fn usual(context: &Context<'_>) -> Self {
        let lifetimes = &context.limits.lifetimes;
        Self {
            proven: context.now,
            idle: lifetimes.session_idle,
            absolute: lifetimes.session_absolute,
            others: OtherSessions::Stay,
            shown_before: None,
        }
    }
}

/// Somebody with the right password who may come in, but for a second factor.
struct Entrant<'w> {
    address: AddressId,
    id: UserId,
    user: &'w User,
    credential: CredentialId,
    network: Tag,
    origin: Sealed,
}

impl Entrant<'_> {
    fn refused(&self, cause: FailCause, refusal: Refusal) -> Decision {
        let event = Event::SignInFailed {
            subject: Subject::Address(self.address),
            network: self.network,
            cause,
            origin: self.origin.clone(),
        };
        Decision::refused_with(vec![event], refusal)
    }
}

/// Whether somebody with a password may come in: limits, password, standing, proven mailbox. What speaks against it is
/// remembered before it is told.
fn admit<'w>(
    world: &'w impl World,
    context: &Context<'_>,
    ask: Ask,
    verdict: PasswordVerdict,
    require_verified: bool,
) -> Result<Entrant<'w>, Decision> {
    if let Err(reached) = sign_in_gate(world, context, ask.stranger, ask.client.network) {
        return Err(Decision::limited(reached.kind, reached.limit, reached.wait));
    }
    let found = context
        .found
        .and_then(|id| Some((id, user::of_address_with_id(world, id)?)));
    let Some((address, (id, user))) = found else {
        return Err(wrong_password(world, context, ask));
    };
    let credential = match verdict {
        PasswordVerdict::Wrong => return Err(wrong_password(world, context, ask)),
        PasswordVerdict::Right(credential) if Some(credential) == user.credential_id() => credential,
        PasswordVerdict::Right(_) => return Err(Decision::refused(Refusal::InvalidCredentials)),
    };
    let entrant = Entrant {
        address,
        id,
        user,
        credential,
        network: ask.client.network,
        origin: ask.client.origin.clone(),
    };
    match user.standing {
        Standing::Active => {}
        Standing::Banned => return Err(entrant.refused(FailCause::Banned, Refusal::Banned)),
        Standing::Closing(_) => {
            return Err(entrant.refused(FailCause::Closing, Refusal::InvalidCredentials));
        }
    }
    if user.awaits_proof(world.small().epoch) {
        let mut refused = entrant.refused(FailCause::MailboxUnproven, Refusal::MailboxUnproven);
        let Ask { client, locale, .. } = ask;
        let mailed = recovery::code_for_owner(world, context, (id, user), address, client, locale);
        refused.events.extend(mailed);
        return Err(refused);
    }
    let verified = user
        .address(address)
        .is_some_and(|address| address.verified.is_some());
    if require_verified && !verified {
        return Err(entrant.refused(FailCause::Unverified, Refusal::EmailNotVerified));
    }
    Ok(entrant)
}

fn is_enrolled(world: &impl World, user: UserId) -> bool {
    world.factors().look(&user).is_some_and(Factors::is_enrolled)
}

/// What takes the place of a second factor that nobody need show now, because they did at this browser before. One that is
/// shown is judged.
fn remembered(
    world: &impl World,
    context: &Context<'_>,
    entrant: &Entrant<'_>,
    factor: &FactorShown,
    session: &NewSession,
    terms: SessionTerms,
) -> Option<Event> {
    let before = terms
        .shown_before
        .filter(|_| factor.verdict == FactorVerdict::Absent)?;
    let kind = before.kind(world.factors().look(&entrant.id)?, context.now)?;
    Some(Event::FactorRemembered {
        user: entrant.id,
        session: session.session,
        factor: before.factor,
        kind,
        shown: before.at,
        origin: entrant.origin.clone(),
    })
}

/// Tells whether a password is right; begins nothing. That of somebody with a second factor is a sign-in that waits for
/// it, and is told to its owner if it is left alone (M-08).
pub(super) fn try_password(
    world: &impl World,
    context: &Context<'_>,
    ask: Ask,
    verdict: PasswordVerdict,
    require_verified: bool,
) -> Decision {
    match admit(world, context, ask, verdict, require_verified) {
        Ok(entrant) if is_enrolled(world, entrant.id) => {
            entrant.refused(FailCause::FactorMissing, Refusal::FactorRequired)
        }
        Ok(_) => Decision::accepted(vec![], Outcome::Done),
        Err(refused) => refused,
    }
}

/// Begins a session for somebody with the right password, and the right second factor if they have one.
#[expect(clippy::too_many_arguments, reason = "the fields of the command")]
pub(super) fn sign_in(
    world: &impl World,
    context: &Context<'_>,
    ask: Ask,
    verdict: PasswordVerdict,
    factor: &FactorShown,
    session: &NewSession,
    terms: SessionTerms,
    require_verified: bool,
) -> Decision {
    let entrant = match admit(world, context, ask, verdict, require_verified) {
        Ok(entrant) => entrant,
        Err(refused) => return refused,
    };
    let (id, user) = (entrant.id, entrant.user);
    if user.last_login.is_some_and(|last| last > terms.proven) {
        return Decision::refused(Refusal::Outdated);
    }
    let remembered = remembered(world, context, &entrant, factor, session, terms);
    let enrolled = is_enrolled(world, id) && remembered.is_none();
    if enrolled && factor.verdict == FactorVerdict::Absent {
        return entrant.refused(FailCause::FactorMissing, Refusal::FactorRequired);
    }
    let mut events = match terms.others {
        OtherSessions::Stay => displaced(context, id, user, &entrant.origin),
        OtherSessions::End => ended(id, user, &entrant.origin),
    };
    if enrolled {
        let (begun, origin) = (Some(session.session), &entrant.origin);
        match factor::present(world, context, id, factor, FactorUse::SignIn, begun, origin) {
            Ok(accepted) => events.extend(accepted),
            Err(refused) => return refused,
        }
    }
    events.extend(remembered);
    let Entrant {
        credential,
        network,
        origin,
        ..
    } = entrant;
    let told = tell_new_sign_in(world, context, (id, user), network, &factor.mails, &events);
    events.push(signed_in(
        context, id, session, credential, network, terms, origin,
    ));
    events.extend(told);
    Decision::accepted(events, Outcome::Session(Some(session.session)))
}

/// One makes room for the new one; more of them if the limit was lowered since.
fn displaced(context: &Context<'_>, id: UserId, user: &User, origin: &Sealed) -> Vec<Event> {
    let excess = (user.sessions.len() + 1).saturating_sub(context.limits.sessions_per_user as usize);
    let oldest = user.sessions.iter().take(excess);
    oldest
        .map(|&session| Event::SessionEnded {
            user: id,
            session,
            cause: EndCause::Displaced,
            by: Actor::System,
            origin: Some(origin.clone()),
        })
        .collect()
}

fn ended(id: UserId, user: &User, origin: &Sealed) -> Vec<Event> {
    let count = u32::try_from(user.sessions.len()).unwrap_or(u32::MAX);
    let all = Event::SessionsEnded {
        user: id,
        except: None,
        count,
        cause: EndCause::EndedByUser,
        by: Actor::User(id),
        origin: Some(origin.clone()),
    };
    (count > 0).then_some(all).into_iter().collect()
}

pub(super) fn signed_in(
    context: &Context<'_>,
    user: UserId,
    session: &NewSession,
    credential: CredentialId,
    network: Tag,
    terms: SessionTerms,
    origin: Sealed,
) -> Event {
    Event::SignedIn {
        user,
        session: session.session,
        credential,
        network,
        refresh_key: session.refresh_key,
        expires: context.now + terms.idle,
        ends: context.now + terms.absolute,
        origin,
    }
}
