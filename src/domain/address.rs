//! A user's addresses: named with the password, proven from the mailbox, removed so that it can be undone.
//!
//! A further address counts for nothing before its proof came back, and naming one tells nothing about it: the same
//! events follow whether it is somebody's or nobody's. Whose it is is asked when the proof is there (A27, R-43).

use crate::types::{AddressId, Sealed, SessionId, Span, Tag, UserId};

use super::codes::code_gate;
use super::command::{AddressProof, Client, Context, NewMail, Notices, Outcome, ProofFound};
use super::decide::Decision;
use super::event::{Actor, Allowance, Event, Purpose, Subject, Via};
use super::factor::{Reauthenticated, reauthenticated};
use super::mail;
use super::mail_kind::MailKind;
use super::objection::{OBJECTION_LIFE, ObjectionAbout, held, offered, told};
use super::proof::usable;
use super::recovery::{client_limit, issued, mail_allowance};
use super::refusal::{LimitKind, LimitReached, Refusal};
use super::safeguard::Safeguards;
use super::session::signed_in_user;
use super::state::User;
use super::strangers::{StrangerClass, tally};
use super::world::{Table, World};

/// Addresses of one user.
pub const ADDRESSES_MAX: usize = 5;
/// Removed addresses of one user that can still come back.
pub(super) const LEAVING_MAX: usize = 8;

/// What a user wants done with their addresses.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are described by their types")]
pub enum AddressCommand {
    /// Name a further address, which then waits for its proof. `mailbox` is what it says under the day's key.
    Begin {
        who: Reauthenticated,
        address: AddressId,
        sealed: Sealed,
        mailbox: Tag,
        proof: AddressProof,
        mail: NewMail,
        client: Client,
    },
    /// The proof of a further address came back: by its link alone, or in a session of its user.
    Confirm {
        lookup: Tag,
        proof: ProofFound,
        session: Option<(UserId, SessionId)>,
        client: Client,
        mails: Notices,
    },
    /// A wrong code was typed for a further address.
    RefuseCode {
        user: UserId,
        session: SessionId,
        client: Client,
    },
    /// Forget a further address that waits for its proof.
    Drop {
        user: UserId,
        session: SessionId,
        address: AddressId,
        origin: Sealed,
    },
    /// Take an address away.
    Remove {
        who: Reauthenticated,
        address: AddressId,
        mails: Notices,
    },
    /// Make an address the first one.
    MakePrimary {
        who: Reauthenticated,
        address: AddressId,
        mails: Notices,
    },
}

impl AddressCommand {
    /// The address this names, as the directory looks it up.
    pub fn address_lookup(&self) -> Option<Tag> {
        match self {
            Self::Confirm { lookup, .. } => Some(*lookup),
            Self::Begin { .. }
            | Self::RefuseCode { .. }
            | Self::Drop { .. }
            | Self::Remove { .. }
            | Self::MakePrimary { .. } => None,
        }
    }
}

pub(super) fn decide(world: &impl World, context: &Context<'_>, command: AddressCommand) -> Decision {
    let decided = match command {
        AddressCommand::Begin {
            who,
            address,
            sealed,
            mailbox,
            proof,
            mail,
            client,
        } => begin(
            world, context, who, address, sealed, mailbox, proof, &mail, &client,
        ),
        AddressCommand::Confirm {
            proof,
            session,
            client,
            mails,
            ..
        } => confirm(world, context, proof, session, client, &mails),
        AddressCommand::RefuseCode {
            user,
            session,
            client,
        } => refuse_code(world, context, user, session, client),
        AddressCommand::Drop {
            user,
            session,
            address,
            origin,
        } => forget(world, context, user, session, address, origin),
        AddressCommand::Remove { who, address, mails } => remove(world, context, who, address, &mails),
        AddressCommand::MakePrimary { who, address, mails } => {
            make_primary(world, context, who, address, &mails)
        }
    };
    decided.unwrap_or_else(|refused| refused)
}

/// A decision, or the refusal that came first.
type Decided = Result<Decision, Decision>;

fn refused<T>(refusal: Refusal) -> Result<T, Decision> {
    Err(Decision::refused(refusal))
}

fn limited<T>(reached: LimitReached) -> Result<T, Decision> {
    Err(Decision::limited(reached.kind, reached.limit, reached.wait))
}

/// Whether a mailbox that somebody names may get one more mail today; from everybody together, because whose it is
/// nobody has shown.
pub(super) fn mailbox_limit(
    world: &impl World,
    context: &Context<'_>,
    mailbox: Tag,
) -> Result<(), LimitReached> {
    let named = tally(world, context, mailbox, StrangerClass::NamedMailbox);
    let limit = context.limits.mails_per_address_day;
    if named.count < limit {
        return Ok(());
    }
    Err(LimitReached {
        kind: LimitKind::ClientMails,
        limit,
        wait: named.wait,
    })
}

/// Out of which allowance a user may have a code mailed to a mailbox they name.
pub(super) fn naming_allowance(
    world: &impl World,
    context: &Context<'_>,
    owner: (UserId, &User),
    mailbox: Option<Tag>,
    client: &Client,
) -> Result<Allowance, Decision> {
    if let Some(over) = client_limit(world, context, client) {
        return Err(over);
    }
    if let Some(Err(reached)) = mailbox.map(|mailbox| mailbox_limit(world, context, mailbox)) {
        return limited(reached);
    }
    match mail_allowance(world, owner, client.network, context) {
        Allowance::None => limited(LimitReached {
            kind: LimitKind::ClientMails,
            limit: context.limits.mails_per_address_hour,
            wait: Span::hours(1),
        }),
        given @ (Allowance::General | Allowance::Reserve) => Ok(given),
    }
}

#[expect(clippy::too_many_arguments, reason = "the fields of the command")]
fn begin(
    world: &impl World,
    context: &Context<'_>,
    who: Reauthenticated,
    address: AddressId,
    sealed: Sealed,
    mailbox: Tag,
    proof: AddressProof,
    mail: &NewMail,
    client: &Client,
) -> Decided {
    let (user, mut events) = reauthenticated(world, context, &who)?;
    // Else whoever signed up with another's address could keep a way in that the other never sees (A26).
    if user
        .addresses
        .first()
        .is_none_or(|first| first.verified.is_none())
    {
        return refused(Refusal::EmailNotVerified);
    }
    if user.addresses.len() >= ADDRESSES_MAX {
        return refused(Refusal::TooManyAddresses);
    }
    let (id, session) = (who.user, who.session);
    let held = world.addresses().look(&address);
    if user.address(address).is_some() || held.is_some_and(|of| *of != id) {
        return refused(Refusal::AddressTaken);
    }
    let allowance = naming_allowance(world, context, (id, user), Some(mailbox), client)?;
    let life = context.limits.lifetimes.verification;
    let (purpose, by) = (Purpose::AddAddress, Actor::User(id));
    events.extend([
        Event::MailboxNamed {
            user: id,
            mailbox,
            allowance,
            client: client.day,
            origin: who.origin.clone(),
        },
        Event::AddressBegun {
            user: id,
            session,
            address,
            sealed,
            token: proof.token,
            expires: context.now + life,
            origin: who.origin,
        },
        issued(context, id, user, address, purpose, proof, life, None, by),
        mail::queued(
            mail,
            MailKind::EmailVerification,
            id,
            address,
            Some(proof.token),
            user.locale,
        ),
    ]);
    Ok(Decision::accepted(events, Outcome::Issued(proof.token)))
}

/// Whether codes for a further address may be typed, and out of which allowance: they count with those for the
/// addresses that the user has (M-04).
fn gate(
    world: &impl World,
    context: &Context<'_>,
    id: UserId,
    network: Tag,
) -> Result<(AddressId, Allowance), Decision> {
    let first = world.users().look(&id).and_then(|user| user.addresses.first());
    let Some(first) = first.map(|first| first.id) else {
        return refused(Refusal::UserNotFound);
    };
    let context = Context {
        found: Some(first),
        ..*context
    };
    code_gate(world, &context, Tag([0; 16]), network).map_or_else(limited, |allowance| Ok((first, allowance)))
}

fn confirm(
    world: &impl World,
    context: &Context<'_>,
    proof: ProofFound,
    session: Option<(UserId, SessionId)>,
    client: Client,
    mails: &Notices,
) -> Decided {
    if let Some((user, session)) = session {
        signed_in_user(world, context, user, session).map_err(Decision::refused)?;
    }
    if let (Via::Code, Some(token)) = (proof.via, world.tokens().look(&proof.token)) {
        gate(world, context, token.user, client.network)?;
    }
    let (token, user) = usable(world, context, proof, Purpose::AddAddress).map_err(Decision::refused)?;
    let (id, address) = (token.user, token.address);
    if session.is_some_and(|(of, _)| of != id) {
        return refused(Refusal::TokenNotFound);
    }
    // An address that this user removed a short while ago comes back under its own id.
    if context.found.is_some_and(|taken| taken != address) {
        return refused(Refusal::AddressTaken);
    }
    if user.addresses.len() >= ADDRESSES_MAX {
        return refused(Refusal::TooManyAddresses);
    }
    let mut events = Vec::from_iter(offered(context, id, ObjectionAbout::Addresses, mails));
    events.push(Event::AddressConfirmed {
        user: id,
        address,
        token: proof.token,
        via: proof.via,
        origin: client.origin,
    });
    events.extend(told(user, id, MailKind::AddressChanged, mails));
    Ok(Decision::accepted(events, Outcome::Verified))
}

fn refuse_code(
    world: &impl World,
    context: &Context<'_>,
    id: UserId,
    session: SessionId,
    client: Client,
) -> Decided {
    signed_in_user(world, context, id, session).map_err(Decision::refused)?;
    let (first, allowance) = gate(world, context, id, client.network)?;
    let event = Event::CodeRefused {
        subject: Subject::Address(first),
        purpose: Purpose::AddAddress,
        token: candidate(world, id).map(|candidate| candidate.token),
        allowance,
        origin: client.origin,
    };
    Ok(Decision::refused_with(vec![event], Refusal::TokenNotFound))
}

fn candidate(world: &impl World, id: UserId) -> Option<&super::safeguard::Candidate> {
    world.safeguards().look(&id)?.candidate.as_ref()
}

fn forget(
    world: &impl World,
    context: &Context<'_>,
    id: UserId,
    session: SessionId,
    address: AddressId,
    origin: Sealed,
) -> Decided {
    signed_in_user(world, context, id, session).map_err(Decision::refused)?;
    if candidate(world, id).is_none_or(|candidate| candidate.address != address) {
        return refused(Refusal::AddressNotFound);
    }
    let event = Event::AddressRemoved {
        user: id,
        address,
        until: context.now,
        origin,
    };
    Ok(Decision::accepted(vec![event], Outcome::Done))
}

fn remove(
    world: &impl World,
    context: &Context<'_>,
    who: Reauthenticated,
    address: AddressId,
    mails: &Notices,
) -> Decided {
    let (user, mut events) = reauthenticated(world, context, &who)?;
    let id = who.user;
    match user.addresses.iter().position(|known| known.id == address) {
        None => return refused(Refusal::AddressNotFound),
        Some(0) => return refused(Refusal::AddressIsPrimary),
        Some(_) => {}
    }
    let codes = world.factors().look(&id).and_then(|found| found.mailbox.as_ref());
    if codes.is_some_and(|mailbox| mailbox.address == address) {
        return refused(Refusal::AddressInUse);
    }
    held(world, context, id).map_err(Decision::refused)?;
    let none = Safeguards::default();
    let leaving = &world.safeguards().look(&id).unwrap_or(&none).leaving;
    if let Some(oldest) = leaving.first().filter(|_| leaving.len() >= LEAVING_MAX) {
        return limited(LimitReached {
            kind: LimitKind::AddressChanges,
            limit: u32::try_from(LEAVING_MAX).unwrap_or(u32::MAX),
            wait: oldest.until.since(context.now),
        });
    }
    events.extend(offered(context, id, ObjectionAbout::Addresses, mails));
    events.push(Event::AddressRemoved {
        user: id,
        address,
        until: context.now + OBJECTION_LIFE,
        origin: who.origin,
    });
    events.extend(told(user, id, MailKind::AddressChanged, mails));
    Ok(Decision::accepted(events, Outcome::Done))
}

fn make_primary(
    world: &impl World,
    context: &Context<'_>,
    who: Reauthenticated,
    address: AddressId,
    mails: &Notices,
) -> Decided {
    let (user, mut events) = reauthenticated(world, context, &who)?;
    let id = who.user;
    match user.addresses.iter().position(|known| known.id == address) {
        None => return refused(Refusal::AddressNotFound),
        Some(0) => return Ok(Decision::accepted(events, Outcome::Done)),
        Some(_) => {}
    }
    events.extend(offered(context, id, ObjectionAbout::Addresses, mails));
    events.push(Event::PrimaryChanged {
        user: id,
        address,
        origin: who.origin,
    });
    events.extend(told(user, id, MailKind::AddressChanged, mails));
    Ok(Decision::accepted(events, Outcome::Done))
}
