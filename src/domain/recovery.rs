//! Getting back in: a request, a mailed proof, a new password.

use crate::types::{AddressId, CredentialId, Locale, Position, Sealed, Span, Tag, UserId};

use super::codes::codes_spent;
use super::command::{
    AddressProof, Ask, Client, Context, NewCredential, NewMail, Notices, Outcome, ProofFound,
};
use super::decide::Decision;
use super::event::{Actor, Allowance, DropCause, EndCause, Event, PasswordCause, Purpose, Subject};
use super::factor::{self, FactorShown, FactorUse, RecoveryFactors, proves_first, recovery_factors};
use super::mail_kind::MailKind;
use super::objection::{ObjectionAbout, is_barred, offered, told, told_about};
use super::proof::usable;
use super::refusal::{LimitKind, Refusal};
use super::state::{Guard, Standing, TokenStanding, User};
use super::strangers::{StrangerClass, SuppressedClass, tally};
use super::world::{Table, World};
use super::{mail, management, user};

/// A stranger's event is counted against the strangers' budget with this many bytes.
pub(super) const STRANGER_EVENT_BYTES: u32 = 512;
const HOUR: Span = Span::hours(1);
const DAY: Span = Span::days(1);

/// Whether strangers have used up what they may write.
pub(super) fn saturated(world: &impl World, context: &Context<'_>) -> bool {
    let small = world.small();
    let day = u64::from(small.stranger_day.count(context.now, DAY));
    let burst = u64::from(small.stranger_burst.count(context.now, Span::hours(6)));
    // Counted in units of STRANGER_EVENT_BYTES.
    let unit = u64::from(STRANGER_EVENT_BYTES);
    (day + 1) * unit > context.limits.stranger_bytes_day
        || (burst + 1) * unit > context.limits.stranger_bytes_burst
}

/// Whether the user signed in from this network lately.
pub(super) fn is_known(user: &User, network: Tag, context: &Context<'_>) -> bool {
    user.known
        .iter()
        .any(|(tag, last)| *tag == network && context.now < *last + context.limits.known_client)
}

/// Out of which allowance a mail to this user may be sent.
pub(super) fn mail_allowance(
    world: &impl World,
    (id, user): (UserId, &User),
    network: Tag,
    context: &Context<'_>,
) -> Allowance {
    let (now, limits) = (context.now, context.limits);
    let none = Guard::default();
    let guard = world.guards().look(&id).unwrap_or(&none);
    // The mail of the sign-up counts too, without a counter for each user who never meets a limit.
    let first = |length| u32::from(now < user.created + length);
    if guard.mails_hour.count(now, HOUR) + first(HOUR) < limits.mails_per_address_hour
        && guard.mails_day.count(now, DAY) + first(DAY) < limits.mails_per_address_day
    {
        Allowance::General
    } else if is_known(user, network, context)
        && guard.reserve_mails.count(now, DAY) < limits.reserve_mails_day
    {
        Allowance::Reserve
    } else {
        Allowance::None
    }
}

/// Whether a client caused as many mails as one may, through whichever door.
pub(super) fn client_limit(world: &impl World, context: &Context<'_>, client: &Client) -> Option<Decision> {
    let sent = tally(world, context, client.day, StrangerClass::ClientMails);
    (!client.exempt && sent.count >= context.limits.mails_per_client)
        .then(|| Decision::limited(LimitKind::ClientMails, context.limits.mails_per_client, sent.wait))
}

/// Somebody asks for a mail. The answer, the number and the size of events are the same for every valid address
/// whether a mail follows is in the event's allowance, which only the ledger sees.
pub(super) fn request(
    world: &impl World,
    context: &Context<'_>,
    ask: Ask,
    purpose: Purpose,
    callback: Option<Sealed>,
) -> Decision {
    if let Some(limited) = client_limit(world, context, &ask.client) {
        return limited;
    }
    let owner = context
        .found
        .and_then(|id| Some((id, user::of_address_with_id(world, id)?)));
    let allowance = match owner {
        Some((address, owner)) if wants_mail(world, context, owner, address, purpose) => {
            mail_allowance(world, owner, ask.client.network, context)
        }
        Some(_) | None => Allowance::None,
    };
    let saturated = saturated(world, context);
    if allowance == Allowance::None && saturated {
        return Decision::accepted(vec![], Outcome::Done).suppressing(SuppressedClass::Requests);
    }
    let subject = owner.map_or(Subject::Stranger(ask.stranger), |(address, _)| {
        Subject::Address(address)
    });
    let Ask {
        client: Client { day, origin, .. },
        locale,
        ..
    } = ask;
    // Beyond the budget requests for nobody's addresses are not written and so not counted against their client;
    // then neither are these, or the client's limit would tell one from the other.
    let client = if saturated { Tag([0; 16]) } else { day };
    let mut events = vec![match purpose {
        Purpose::Recovery => Event::ResetRequested {
            subject,
            allowance,
            client,
            origin,
            locale,
        },
        Purpose::VerifyEmail
        | Purpose::Reopen
        | Purpose::SignInCode
        | Purpose::EnrolMailbox
        | Purpose::AddAddress
        | Purpose::Invitation => Event::VerificationRequested {
            subject,
            allowance,
            client,
            origin,
            locale,
        },
    }];
    // For an address of nobody too: one request must not look shorter than the other.
    let request = world.small().next;
    events.extend(callback.map(|callback| Event::CallbackNamed { request, callback }));
    Decision::accepted(events, Outcome::Done)
}

fn wants_mail(
    world: &impl World,
    context: &Context<'_>,
    (id, user): (UserId, &User),
    address: AddressId,
    purpose: Purpose,
) -> bool {
    let unverified = user
        .address(address)
        .is_some_and(|address| address.verified.is_none());
    user.standing == Standing::Active
        && match purpose {
            Purpose::Recovery => !is_barred(world, id, address, context.now),
            Purpose::VerifyEmail => unverified || user.awaits_proof(world.small().epoch),
            Purpose::Reopen
            | Purpose::SignInCode
            | Purpose::EnrolMailbox
            | Purpose::AddAddress
            | Purpose::Invitation => false,
        }
}

/// The request for the mail that an owner with the right password needs once after an epoch that began in distrust;
/// none while an earlier one may still come back, or beyond a limit.
pub(super) fn code_for_owner(
    world: &impl World,
    context: &Context<'_>,
    owner: (UserId, &User),
    address: AddressId,
    client: Client,
    locale: Locale,
) -> Option<Event> {
    let epoch = world.small().epoch;
    let is_mailed = owner.1.tokens.iter().any(|id| {
        world.tokens().look(id).is_some_and(|token| {
            token.purpose == Purpose::VerifyEmail
                && token.standing == TokenStanding::Live
                && token.position > epoch.valid_from
                && context.now < token.expires
        })
    });
    if is_mailed || client_limit(world, context, &client).is_some() {
        return None;
    }
    let allowance = mail_allowance(world, owner, client.network, context);
    (allowance != Allowance::None).then_some(Event::VerificationRequested {
        subject: Subject::Address(address),
        allowance,
        client: client.day,
        origin: client.origin,
        locale,
    })
}

/// The worker answers a request.
pub(super) fn issue(
    world: &impl World,
    context: &Context<'_>,
    request: Position,
    proof: AddressProof,
    mail: &NewMail,
    lifetime: Option<Span>,
) -> Decision {
    let Some(due) = world.requests().look(&request) else {
        return Decision::refused(Refusal::NoSuchRequest);
    };
    let (address, purpose, locale) = (due.address, due.purpose, due.locale);
    let drop = |cause| Decision::accepted(vec![Event::RequestDropped { request, cause }], Outcome::Done);
    if request < world.small().epoch.valid_from {
        return drop(DropCause::EpochEnded);
    }
    let Some((id, user)) = user::of_address_with_id(world, address) else {
        return drop(DropCause::AccountNotActive);
    };
    if user.standing != Standing::Active {
        return drop(DropCause::AccountNotActive);
    }
    if !wants_mail(world, context, (id, user), address, purpose) {
        return drop(DropCause::NothingToDo);
    }
    let (usual, kind) = match purpose {
        Purpose::Recovery => (context.limits.lifetimes.recovery, MailKind::PasswordReset),
        Purpose::VerifyEmail
        | Purpose::Reopen
        | Purpose::SignInCode
        | Purpose::EnrolMailbox
        | Purpose::AddAddress
        | Purpose::Invitation => (context.limits.lifetimes.verification, MailKind::EmailVerification),
    };
    let events = vec![
        issued(
            context,
            id,
            user,
            address,
            purpose,
            proof,
            lifetime.map_or(usual, within_a_day),
            Some(request),
            Actor::Stranger,
        ),
        mail::queued(mail, kind, id, address, Some(proof.token), locale),
    ];
    Decision::accepted(events, Outcome::Issued(proof.token))
}

/// No mailed proof lives longer than a day.
pub(super) fn within_a_day(lifetime: Span) -> Span {
    Span(lifetime.0.clamp(Span::minutes(1).0, DAY.0))
}

#[expect(clippy::too_many_arguments, reason = "the fields of the event it makes")]
pub(super) fn issued(
    context: &Context<'_>,
    id: UserId,
    user: &User,
    address: AddressId,
    purpose: Purpose,
    proof: AddressProof,
    lifetime: Span,
    request: Option<Position>,
    by: Actor,
) -> Event {
    Event::TokenIssued {
        token: proof.token,
        user: id,
        address,
        purpose,
        credential: user.credential_id(),
        expires: context.now + lifetime,
        link_key: proof.link_key,
        code_key: proof.code_key,
        request,
        by,
    }
}

pub(super) fn drop_request(world: &impl World, request: Position, cause: DropCause) -> Decision {
    match world.requests().look(&request) {
        Some(_) => Decision::accepted(vec![Event::RequestDropped { request, cause }], Outcome::Done),
        None => Decision::refused(Refusal::NoSuchRequest),
    }
}

/// An administrator has a recovery issued, to be handed over by other means. All confirmed addresses are told.
pub(super) fn issue_by_administrator(
    world: &impl World,
    context: &Context<'_>,
    id: UserId,
    proof: AddressProof,
    lifetime: Span,
    mails: &Notices,
    by: Actor,
) -> Decision {
    let Some(user) = world.users().look(&id) else {
        return Decision::refused(Refusal::UserNotFound);
    };
    if management::is_key_against_administrator(user, by) {
        return Decision::refused(Refusal::NotAllowed);
    }
    if user.standing != Standing::Active {
        return Decision::refused(Refusal::UserNotActive);
    }
    let Some(address) = user.addresses.first().map(|address| address.id) else {
        return Decision::refused(Refusal::UserNotFound);
    };
    let lifetime = within_a_day(lifetime);
    let mut events = vec![issued(
        context,
        id,
        user,
        address,
        Purpose::Recovery,
        proof,
        lifetime,
        None,
        by,
    )];
    let objection = Some(proof.token);
    events.extend(told_about(user, id, MailKind::AdminRecovery, mails, objection));
    Decision::accepted(events, Outcome::Issued(proof.token))
}

#[expect(clippy::too_many_arguments, reason = "the fields of the command")]
/// Law 7: password set, token spent, the others void, every session and refresh token ended, notice due: one batch.
pub(super) fn complete(
    world: &impl World,
    context: &Context<'_>,
    proof: ProofFound,
    client: &Client,
    against: Option<CredentialId>,
    credential: NewCredential,
    shown: &FactorShown,
    mails: &Notices,
) -> Decision {
    if let Some(reached) = codes_spent(world, context, proof, client) {
        return Decision::limited(reached.kind, reached.limit, reached.wait);
    }
    let (token, user) = match usable(world, context, proof, Purpose::Recovery) {
        Ok(found) => found,
        Err(refusal) => return Decision::refused(refusal),
    };
    if against != user.credential_id() {
        return Decision::refused(Refusal::Outdated);
    }
    let (id, origin) = (token.user, &client.origin);
    let (mut events, cleared) = match recovery_factors(world, token) {
        RecoveryFactors::Nothing => (vec![], vec![]),
        RecoveryFactors::Clear => (
            vec![],
            factor::cleared(world, id, None, Actor::System, Some(origin)),
        ),
        RecoveryFactors::Demand => {
            match factor::present(world, context, id, shown, FactorUse::Recovery, None, origin) {
                Ok(accepted) => (accepted, vec![]),
                Err(refused) => return refused,
            }
        }
    };
    events.push(Event::RecoveryCompleted {
        user: id,
        token: proof.token,
        address: token.address,
        via: proof.via,
        origin: origin.clone(),
    });
    events.extend(cleared);
    if proves_first(world, token) {
        events.push(Event::AddressVerified {
            user: id,
            address: token.address,
            token: Some(proof.token),
            via: proof.via,
            origin: origin.clone(),
        });
    }
    let cause = PasswordCause::Recovered(proof.token);
    events.extend(new_password(
        context,
        id,
        user,
        credential,
        cause,
        EndCause::Recovered,
        origin,
        mails,
    ));
    Decision::accepted(events, Outcome::Done)
}

/// A new password with all that follows from it.
#[expect(clippy::too_many_arguments, reason = "what one set password means")]
pub(super) fn new_password(
    context: &Context<'_>,
    id: UserId,
    user: &User,
    credential: NewCredential,
    cause: PasswordCause,
    end: EndCause,
    origin: &Sealed,
    mails: &Notices,
) -> Vec<Event> {
    let count = u32::try_from(user.sessions.len()).unwrap_or(u32::MAX);
    let mut events = vec![
        Event::PasswordSet {
            user: id,
            credential: credential.id,
            verifier: credential.verifier,
            cause,
            history: credential.history,
            origin: origin.clone(),
        },
        Event::SessionsEnded {
            user: id,
            except: None,
            count,
            cause: end,
            by: Actor::User(id),
            origin: Some(origin.clone()),
        },
    ];
    let kind = MailKind::PasswordChanged;
    match cause {
        PasswordCause::Recovered(token) => events.extend(told_about(user, id, kind, mails, Some(token))),
        PasswordCause::Changed | PasswordCause::SignUp => {
            events.extend(offered(context, id, ObjectionAbout::Password, mails));
            events.extend(told(user, id, kind, mails));
        }
    }
    events
}
