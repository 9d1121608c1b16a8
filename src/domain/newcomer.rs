//! Users whom administrators bring: those whom another program knew, and those who are invited.

use crate::types::{Sealed, Span, Tag, Timestamp, TokenId, UserId};

use super::command::{AddressProof, Client, Context, NewCredential, NewMail, NewUser, Outcome, ProofFound};
use super::decide::Decision;
use super::event::{Actor, Event, PasswordCause, Purpose};
use super::mail_kind::MailKind;
use super::proof::usable;
use super::refusal::Refusal;
use super::state::{Standing, User};
use super::world::{Table, World};
use super::{mail, management, recovery, user};

/// How long an invitation is good if nobody says otherwise, and how long at most.
pub const INVITATION_USUAL: Span = Span::days(7);
/// See [`INVITATION_USUAL`].
pub const INVITATION_LONGEST: Span = Span::days(30);

/// What another program knew of a user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    /// Whether it had proven the address.
    pub verified: bool,
    /// Since when it knew them.
    pub since: Option<Timestamp>,
    /// A verifier of the password that they had there.
    pub credential: Option<NewCredential>,
}

/// Somebody who was invited and has not come yet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Invitation {
    /// The proof that was mailed last.
    pub token: TokenId,
    /// When they were invited first.
    pub since: Timestamp,
    /// When that proof ends.
    pub expires: Timestamp,
    /// Who had it mailed.
    pub by: Actor,
}

/// What administrators want done about people who are new, and what those do themselves.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are described by their types")]
pub enum NewcomerCommand {
    /// Register a user whom another program knew.
    Import {
        lookup: Tag,
        username: Option<Tag>,
        new: NewUser,
        known: Known,
        origin: Sealed,
        by: Actor,
    },
    /// Register a user who is mailed a way in.
    Invite {
        lookup: Tag,
        username: Option<Tag>,
        new: NewUser,
        proof: AddressProof,
        mail: NewMail,
        lifetime: Span,
        origin: Sealed,
        by: Actor,
    },
    /// Mail another way in to somebody who was invited; the one before is void.
    InviteAgain {
        user: UserId,
        proof: AddressProof,
        mail: NewMail,
        lifetime: Span,
        by: Actor,
    },
    /// Take an invitation back: the account that waits goes.
    TakeBack { user: UserId, by: Actor },
    /// Come: with a password, and with another name perhaps.
    Accept {
        proof: ProofFound,
        client: Client,
        credential: NewCredential,
        name: Option<Sealed>,
    },
}

impl NewcomerCommand {
    /// The address this names, as the directory looks it up.
    pub(super) fn address_lookup(&self) -> Option<Tag> {
        match self {
            Self::Import { lookup, .. } | Self::Invite { lookup, .. } => Some(*lookup),
            Self::InviteAgain { .. } | Self::TakeBack { .. } | Self::Accept { .. } => None,
        }
    }

    /// The user name this names, as the directory looks it up.
    pub(super) fn username_lookup(&self) -> Option<Tag> {
        match self {
            Self::Import { username, .. } | Self::Invite { username, .. } => *username,
            Self::InviteAgain { .. } | Self::TakeBack { .. } | Self::Accept { .. } => None,
        }
    }
}

pub(super) fn decide(world: &impl World, context: &Context<'_>, command: NewcomerCommand) -> Decision {
    match command {
        NewcomerCommand::Import {
            lookup: _,
            username: _,
            new,
            known,
            origin,
            by,
        } => import(context, new, known, origin, by),
        NewcomerCommand::Invite {
            lookup: _,
            username: _,
            new,
            proof,
            mail,
            lifetime,
            origin,
            by,
        } => invite(context, new, proof, &mail, lifetime, origin, by),
        NewcomerCommand::InviteAgain {
            user,
            proof,
            mail,
            lifetime,
            by,
        } => invite_again(world, context, user, proof, &mail, lifetime, by),
        NewcomerCommand::TakeBack { user, by } => take_back(world, user, by),
        NewcomerCommand::Accept {
            proof,
            client,
            credential,
            name,
        } => accept(world, context, proof, client, credential, name),
    }
}

/// What is there is left as it is, so that the same file can be brought once more.
fn import(context: &Context<'_>, new: NewUser, known: Known, origin: Sealed, by: Actor) -> Decision {
    let (id, address) = (new.user, new.address);
    let mut registered = user::create(context, new, origin, by);
    if registered.verdict.is_err() {
        return registered;
    }
    registered.events.push(Event::UserImported {
        user: id,
        address,
        verified: known.verified,
        since: known.since.map_or(context.now, |since| since.min(context.now)),
        by,
    });
    registered
        .events
        .extend(known.credential.map(|credential| Event::PasswordImported {
            user: id,
            credential: credential.id,
            verifier: credential.verifier,
            by,
        }));
    registered
}

fn invite(
    context: &Context<'_>,
    new: NewUser,
    proof: AddressProof,
    mail: &NewMail,
    lifetime: Span,
    origin: Sealed,
    by: Actor,
) -> Decision {
    let (id, address, locale) = (new.user, new.address, new.locale);
    let mut registered = user::create(context, new, origin, by);
    if registered.verdict.is_err() {
        return registered;
    }
    registered.events.extend([
        Event::TokenIssued {
            token: proof.token,
            user: id,
            address,
            purpose: Purpose::Invitation,
            credential: None,
            expires: context.now + bounded(lifetime),
            link_key: proof.link_key,
            code_key: proof.code_key,
            request: None,
            by,
        },
        Event::UserInvited {
            user: id,
            token: proof.token,
            by,
        },
        mail::queued(mail, MailKind::Invitation, id, address, Some(proof.token), locale),
    ]);
    registered
}

fn bounded(lifetime: Span) -> Span {
    Span(lifetime.0.clamp(Span::minutes(1).0, INVITATION_LONGEST.0))
}

/// Somebody whose invitation waits.
fn invited(world: &impl World, id: UserId) -> Result<&User, Refusal> {
    let waits = world.invitations().look(&id).is_some();
    let user = world.users().look(&id).filter(|_| waits);
    user.ok_or(Refusal::NotInvited)
}

fn invite_again(
    world: &impl World,
    context: &Context<'_>,
    id: UserId,
    proof: AddressProof,
    mail: &NewMail,
    lifetime: Span,
    by: Actor,
) -> Decision {
    let user = match invited(world, id) {
        Ok(user) => user,
        Err(refusal) => return Decision::refused(refusal),
    };
    if management::is_key_against_administrator(user, by) {
        return Decision::refused(Refusal::NotAllowed);
    }
    if user.standing != Standing::Active {
        return Decision::refused(Refusal::UserNotActive);
    }
    let Some(address) = user.addresses.first().map(|address| address.id) else {
        return Decision::refused(Refusal::AddressNotFound);
    };
    let (purpose, token) = (Purpose::Invitation, proof.token);
    let lifetime = bounded(lifetime);
    let events = vec![
        recovery::issued(context, id, user, address, purpose, proof, lifetime, None, by),
        Event::UserInvited { user: id, token, by },
        mail::queued(mail, MailKind::Invitation, id, address, Some(token), user.locale),
    ];
    Decision::accepted(events, Outcome::Done)
}

fn take_back(world: &impl World, id: UserId, by: Actor) -> Decision {
    match invited(world, id) {
        Ok(user) if management::may_not_remove(id, user, by) => Decision::refused(Refusal::NotAllowed),
        Ok(_) => Decision::accepted(vec![Event::UserErased { user: id, by }], Outcome::Done),
        Err(refusal) => Decision::refused(refusal),
    }
}

/// The password is the first, the address is proven, and the invitation is spent: one batch.
fn accept(
    world: &impl World,
    context: &Context<'_>,
    proof: ProofFound,
    client: Client,
    credential: NewCredential,
    name: Option<Sealed>,
) -> Decision {
    let (token, user) = match usable(world, context, proof, Purpose::Invitation) {
        Ok(found) => found,
        Err(refusal) => return Decision::refused(refusal),
    };
    let (id, address, origin) = (token.user, token.address, client.origin);
    let mut events = vec![
        Event::InvitationAccepted {
            user: id,
            token: proof.token,
            address,
            origin: origin.clone(),
        },
        Event::AddressVerified {
            user: id,
            address,
            token: Some(proof.token),
            via: proof.via,
            origin: origin.clone(),
        },
        Event::PasswordSet {
            user: id,
            credential: credential.id,
            verifier: credential.verifier,
            cause: PasswordCause::Recovered(proof.token),
            history: credential.history,
            origin: origin.clone(),
        },
    ];
    events.extend(name.map(|name| Event::ProfileChanged {
        user: id,
        name: Some(name),
        locale: user.locale,
        origin,
    }));
    Decision::accepted(events, Outcome::Done)
}
