//! "This was not me": what a mail about an account carries for whoever reads it and did not do what it tells of.
//!
//! Before a recovery is completed, an objection voids its proof. For [`OBJECTION_LIFE`] after a change it takes the
//! password away, ends every session, and makes the addresses what they were before, and before any earlier change of them
//! that can be objected to and may be a stranger's. It opens nothing. A mailbox that
//! recovered the account alone is then no proof before that time is over; and while it is not, what such a recovery let
//! somebody in to take away stays.

use crate::types::{AddressId, Few, Position, Sealed, Span, Tag, Timestamp, TokenId, UserId};

use super::command::{Context, Notices, Outcome};
use super::decide::Decision;
use super::event::{Actor, EndCause, Event, Purpose};
use super::factor::{FactorKind, FactorMailbox};
use super::mail;
use super::mail_kind::MailKind;
use super::recovery::is_known;
use super::refusal::Refusal;
use super::safeguard::{Objection, Safeguards};
use super::state::{Token, TokenStanding, User};
use super::world::{Table, World};

/// So long something can be objected to, and so long a recovery that only a mailbox proved is not settled.
pub const OBJECTION_LIFE: Span = Span::hours(72);
/// So many sign-ins from new places are told in a window.
const NEW_SIGN_INS_TOLD: u32 = 5;
/// That window.
pub(super) const NEW_SIGN_INS_WINDOW: Span = Span::hours(1);
/// Objections of one user.
pub(super) const OBJECTIONS_MAX: usize = 8;

/// What can be objected to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ObjectionAbout {
    /// A recovery.
    Recovery,
    /// A password that was changed by somebody who knew the old one.
    Password,
    /// Second factors.
    Factors,
    /// Addresses.
    Addresses,
    /// A sign-in.
    SignIn,
}

/// What somebody wants done about objections.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are described by their types")]
pub enum ObjectionCommand {
    /// Say that it was not oneself; the link came to this address of the user. All of their addresses are told.
    Raise {
        user: UserId,
        objection: TokenId,
        address: AddressId,
        mails: Notices,
        origin: Sealed,
    },
    /// Stop keeping what has been kept for long enough.
    Lapse { user: UserId },
}

/// What an objection did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Objected {
    /// A proof of recovery is void; nothing else was changed.
    Burned,
    /// What happened is undone as far as it can be.
    Undone {
        /// Whether the password was taken away, so that a new one must be set by recovery.
        locked: bool,
        /// Until when the mailbox that recovered the account is no proof alone.
        contested: Option<Timestamp>,
    },
}

pub(super) fn decide(world: &impl World, context: &Context<'_>, command: ObjectionCommand) -> Decision {
    match command {
        ObjectionCommand::Raise {
            user,
            objection,
            address,
            mails,
            origin,
        } => raise(world, context, user, objection, address, &mails, origin),
        ObjectionCommand::Lapse { user } => lapse(world, context, user),
    }
}

/// The event after which notices can say how to object to what comes next; none if nobody would get one.
pub(super) fn offered(
    context: &Context<'_>,
    user: UserId,
    about: ObjectionAbout,
    notices: &Notices,
) -> Option<Event> {
    let offered = Event::ObjectionOffered {
        user,
        objection: notices.objection.id,
        about,
        link_key: notices.objection.link_key,
        expires: context.now + OBJECTION_LIFE,
    };
    (!notices.mails.is_empty()).then_some(offered)
}

/// Notices that say how to object: to those of their addresses that the user (still) has.
pub(super) fn told(user: &User, id: UserId, kind: MailKind, notices: &Notices) -> Vec<Event> {
    told_about(user, id, kind, notices, Some(notices.objection.id))
}

/// The same, about what is named.
pub(super) fn told_about(
    user: &User,
    id: UserId,
    kind: MailKind,
    notices: &Notices,
    objection: Option<TokenId>,
) -> Vec<Event> {
    let known = notices.mails.iter();
    known
        .filter(|(address, _)| user.address(*address).is_some())
        .map(|(address, new)| mail::queued(new, kind, id, *address, objection, user.locale))
        .collect()
}

/// Tells of a sign-in from where the user did not sign in before, so many times an hour; not of the first one at all, and
/// not where the same mailboxes are told of a used recovery code.
pub(super) fn tell_new_sign_in(
    world: &impl World,
    context: &Context<'_>,
    (id, user): (UserId, &User),
    network: Tag,
    notices: &Notices,
    accepted: &[Event],
) -> Vec<Event> {
    let guard = world.guards().look(&id);
    let told = guard.map_or(0, |guard| {
        guard.new_sign_ins.count(context.now, NEW_SIGN_INS_WINDOW)
    });
    let is_told = |event: &Event| matches!(event, Event::ObjectionOffered { .. });
    let is_first = user.last_login.is_none();
    if is_first
        || told >= NEW_SIGN_INS_TOLD
        || is_known(user, network, context)
        || accepted.iter().any(is_told)
    {
        return vec![];
    }
    let mut events = Vec::from_iter(offered(context, id, ObjectionAbout::SignIn, notices));
    events.extend(told_about(
        user,
        id,
        MailKind::NewSignIn,
        notices,
        Some(notices.objection.id),
    ));
    events
}

/// Refuses to take addresses and factors away while a recovery that only a mailbox proved is not settled.
pub(super) fn held(world: &impl World, context: &Context<'_>, user: UserId) -> Result<(), Refusal> {
    let recovered = world
        .safeguards()
        .look(&user)
        .and_then(|found| found.recovered.as_ref());
    match recovered.filter(|recovered| recovered.alone && context.now < recovered.settles()) {
        Some(recovered) => Err(Refusal::Held(recovered.settles())),
        None => Ok(()),
    }
}

/// Whether a mailbox is no proof alone now, and there is no other: then it recovers nothing.
pub(super) fn is_barred(world: &impl World, user: UserId, address: AddressId, now: Timestamp) -> bool {
    let contested = world
        .safeguards()
        .look(&user)
        .and_then(|found| found.contested.as_ref());
    let has_other = || {
        let factors = world.factors().look(&user);
        factors
            .is_some_and(|factors| factors.totp.is_some() || factors.codes_in(world.small().epoch).is_some())
    };
    contested.is_some_and(|contested| contested.address == address && now < contested.until) && !has_other()
}

/// Whose something is that can be objected to; before a recovery is completed that is its proof.
pub fn objector(world: &impl World, objection: TokenId) -> Option<UserId> {
    let offered = world.objections().look(&objection).copied();
    offered.or_else(|| {
        let proof = world.tokens().look(&objection)?;
        (proof.purpose == Purpose::Recovery).then_some(proof.user)
    })
}

/// The addresses that an objection takes away again: those that were added after what it is about. None if no earlier one
/// is left, because an account without an address would be nobody's.
pub fn added_since(world: &impl World, user: UserId, objection: TokenId) -> Vec<AddressId> {
    let kept = world.safeguards().look(&user);
    let before = kept.and_then(|kept| Some((kept, kept.objection(objection)?)));
    let (Some((kept, before)), Some(user)) = (before, world.users().look(&user)) else {
        return vec![];
    };
    let is_left = |id: &AddressId| {
        user.address(*id).is_some() || kept.leaving.iter().any(|leaving| leaving.address == *id)
    };
    if !before.addresses.iter().any(is_left) {
        return vec![];
    }
    let now = user.addresses.iter().map(|address| address.id);
    now.filter(|id| !before.addresses.contains(id)).collect()
}

fn raise(
    world: &impl World,
    context: &Context<'_>,
    id: UserId,
    objection: TokenId,
    address: AddressId,
    mails: &Notices,
    origin: Sealed,
) -> Decision {
    let raised = Event::ObjectionRaised {
        user: id,
        objection,
        address,
        origin: origin.clone(),
    };
    let Some(user) = world.users().look(&id) else {
        return Decision::refused(Refusal::TokenNotFound);
    };
    let none = Safeguards::default();
    let safeguards = world.safeguards().look(&id).unwrap_or(&none);
    let epoch = world.small().epoch.valid_from;
    let Some(found) = safeguards.objection(objection) else {
        return match world.tokens().look(&objection) {
            Some(proof) if is_pending(proof, id) && proof.position > epoch => {
                if context.now >= proof.expires {
                    return Decision::refused(Refusal::TokenExpired);
                }
                let mut events = vec![raised];
                events.extend(told_about(user, id, MailKind::ObjectionRaised, mails, None));
                Decision::accepted(events, Outcome::Objected(Objected::Burned))
            }
            Some(_) | None => Decision::refused(Refusal::TokenNotFound),
        };
    };
    if found.position <= epoch {
        return Decision::refused(Refusal::TokenNotFound);
    }
    if context.now >= found.expires {
        return Decision::refused(Refusal::TokenExpired);
    }
    let mut events = vec![raised];
    let back = reaches_back(safeguards, found, epoch, context.now);
    events.extend(back.map(|earliest| Event::ObjectionRaised {
        user: id,
        objection: earliest.id,
        address,
        origin: origin.clone(),
    }));
    let added = added_since(world, id, back.unwrap_or(found).id);
    let is_latest = !is_settled_since(safeguards, found, &added);
    events.extend(factors_undone(
        world, safeguards, found, is_latest, &added, id, &origin,
    ));
    let locked = is_latest && user.credential.is_some();
    if locked {
        let by = Actor::User(id);
        let count = u32::try_from(user.sessions.len()).unwrap_or(u32::MAX);
        events.push(Event::PasswordRevoked { user: id, by });
        events.push(Event::SessionsEnded {
            user: id,
            except: None,
            count,
            cause: EndCause::PasswordRevoked,
            by,
            origin: Some(origin),
        });
    }
    // What goes again is not told.
    let mails = mails.without(&added);
    events.extend(told_about(user, id, MailKind::ObjectionRaised, &mails, None));
    let contested = found.mailbox.map(|_| found.expires);
    Decision::accepted(events, Outcome::Objected(Objected::Undone { locked, contested }))
}

/// How far an objection goes back: to the earliest change of addresses that is open and may have been made by whoever is
/// objected to. Else whoever adds their own address and then makes it the first, removes the owner's or changes the
/// password would keep it when the newest of the mails is answered, and recover by it.
fn reaches_back<'a>(
    safeguards: &'a Safeguards,
    objection: &Objection,
    epoch: Position,
    now: Timestamp,
) -> Option<&'a Objection> {
    let is_open = |known: &&Objection| known.position > epoch && now < known.expires;
    let open = || safeguards.objections.iter().filter(is_open);
    let since = strangers_since(safeguards, objection);
    let is_theirs = |change: &Objection| match (objection.about, objection.mailbox) {
        // Whoever did that was in the account, or had what lets them in.
        (ObjectionAbout::Password | ObjectionAbout::Factors | ObjectionAbout::Addresses, _)
        | (ObjectionAbout::Recovery, None) => true,
        // Who comes from a new place may have come from one before.
        (ObjectionAbout::SignIn, _) => since.is_some_and(|since| change.at >= since),
        // Who came by a mailbox alone was outside, unless it came with that change, or they had come the same way before.
        // An address that the owner added meanwhile is their way back while that mailbox is none.
        (ObjectionAbout::Recovery, Some(mailbox)) => {
            let came_before = |known: &Objection| {
                known.about == ObjectionAbout::Recovery && known.position < change.position
            };
            !change.addresses.contains(&mailbox) || open().any(came_before)
        }
    };
    open().find(|known| {
        known.about == ObjectionAbout::Addresses && known.position < objection.position && is_theirs(known)
    })
}

/// Whether somebody recovered the account after what is objected to, set the password that is in force, and said so to
/// every mailbox. Who did it by an address that goes again, or by none that is known, is no owner.
fn is_settled_since(safeguards: &Safeguards, objection: &Objection, added: &[AddressId]) -> bool {
    let recovered = safeguards.recovered.as_ref();
    recovered
        .filter(|recovered| recovered.position > objection.position)
        .is_some_and(|recovered| {
            let mut known = safeguards.objections.iter();
            let proof = known.find(|known| known.position == recovered.position);
            let mailbox = proof.and_then(|proof| proof.mailbox);
            added.is_empty() || mailbox.is_some_and(|mailbox| !added.contains(&mailbox))
        })
}

/// Whether a proof of recovery can be objected to before it is used.
fn is_pending(proof: &Token, user: UserId) -> bool {
    proof.user == user && proof.purpose == Purpose::Recovery && proof.standing == TokenStanding::Live
}

/// From when on a factor may be a stranger's, so that an objection takes it along: since a recovery that a mailbox alone let
/// somebody in by, or since the first sign-in from a new place, at or before what is objected to, that was told and can
/// still be objected to itself. Else a stranger's factor would lock the owner out for ever.
fn strangers_since(safeguards: &Safeguards, objection: &Objection) -> Option<Timestamp> {
    let is_told =
        |known: &&Objection| known.about == ObjectionAbout::SignIn && known.position <= objection.position;
    let signed_in = safeguards.objections.iter().filter(is_told).map(|known| known.at);
    let recovered = objection.mailbox.map(|_| objection.at);
    signed_in.chain(recovered).min()
}

/// Factors that go: those that may be a stranger's; a mailbox for codes that is none of the user's addresses any more; and
/// codes on paper that would stand in for nothing. Any other factor stays, those of before always, or a mailbox would be a
/// way around it (A13).
fn factors_undone(
    world: &impl World,
    safeguards: &Safeguards,
    objection: &Objection,
    is_latest: bool,
    added: &[AddressId],
    id: UserId,
    origin: &Sealed,
) -> Vec<Event> {
    let Some(factors) = world.factors().look(&id) else {
        return vec![];
    };
    let strangers = strangers_since(safeguards, objection).filter(|_| is_latest);
    let is_undone = |since: Timestamp| strangers.is_some_and(|from| since >= from);
    let is_gone = |mailbox: &&FactorMailbox| {
        is_undone(mailbox.since) || mailbox.sealed.is_none() && added.contains(&mailbox.address)
    };
    let totp = factors.totp.as_ref().filter(|totp| is_undone(totp.since));
    let mailbox = factors.mailbox.as_ref().filter(is_gone);
    let is_last = totp.is_some() == factors.totp.is_some() && mailbox.is_some() == factors.mailbox.is_some();
    let codes = factors.codes.as_ref();
    let codes = codes.filter(|codes| is_last || is_undone(codes.since));
    let totp = totp.map(|totp| (FactorKind::Totp, totp.id));
    let mailbox = mailbox.map(|mailbox| (FactorKind::Email, mailbox.id));
    let codes = codes.map(|codes| (FactorKind::RecoveryCodes, codes.set));
    let removed = |(kind, factor)| Event::FactorRemoved {
        user: id,
        factor,
        kind,
        by: Actor::User(id),
        origin: Some(origin.clone()),
    };
    totp.into_iter()
        .chain(mailbox)
        .chain(codes)
        .map(removed)
        .collect()
}

fn lapse(world: &impl World, context: &Context<'_>, id: UserId) -> Decision {
    let lapses = world.safeguards().look(&id).and_then(Safeguards::lapses);
    match lapses.filter(|at| context.now >= *at) {
        Some(_) => Decision::accepted(vec![Event::SafeguardsLapsed { user: id }], Outcome::Done),
        None => Decision::refused(Refusal::UserNotFound),
    }
}

/// A new objection among those of a user. Where there are as many as may be, it takes the place of the latest and goes
/// back as far as that one, so that nobody can push out what an earlier one knows.
pub(super) fn keep(all: &mut Few<Objection>, mut new: Objection) -> Option<TokenId> {
    let mut gone = None;
    if all.len() >= OBJECTIONS_MAX {
        let latest = all.change(Vec::pop);
        gone = latest.map(|latest| {
            new.addresses = latest.addresses;
            latest.id
        });
    }
    all.push(new);
    gone
}
