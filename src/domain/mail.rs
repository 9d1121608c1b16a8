//! The outbox: mails that are due.

use crate::types::{AddressId, Locale, MailId, Position, Sealed, Span, Timestamp, TokenId, UserId};

use super::command::{Context, NewMail, Outcome};
use super::decide::Decision;
use super::event::{Event, Purpose};
use super::factor::sealed_address;
use super::mail_kind::MailKind;
use super::refusal::Refusal;
use super::state::{Role, Standing, TokenStanding};
use super::world::{Table, World};

/// How a mail's life ended without delivery.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MailEnd {
    /// The server said no for good.
    Refused,
    /// It was tried for as long as it may be.
    GaveUp,
    /// Its token no longer lives.
    Superseded,
    /// Its user is gone.
    UserGone,
    /// An epoch ended in between.
    EpochEnded,
}

/// A mail that is neither delivered nor given up.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Mail {
    /// Its id, from which its Message-ID comes, so that a repeat can be recognised.
    pub id: MailId,
    /// Which template.
    pub kind: MailKind,
    /// To whom.
    pub user: UserId,
    /// To which address of theirs.
    pub address: AddressId,
    /// The proof it carries, or what it offers to object to.
    pub token: Option<TokenId>,
    /// In which language.
    pub locale: Locale,
    /// What it tells, sealed.
    pub details: Sealed,
    /// When it became due.
    pub queued: Timestamp,
    /// How often it was tried.
    pub attempts: u16,
    /// When to try next.
    pub next: Timestamp,
    /// What the server said to the last try (RFC 5321 §4.2); 0 before it, or if it said nothing.
    pub status: u16,
}

/// Whether a mail should leave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MailStanding {
    /// Yes.
    Due,
    /// Not before that time.
    Waiting(Timestamp),
    /// No, and never.
    Over(MailEnd),
}

impl Mail {
    /// Looks at what the mail is about: a mail whose proof is void must not leave.
    pub fn standing(&self, queued: Position, world: &impl World, now: Timestamp) -> MailStanding {
        let epoch = world.small().epoch;
        if queued < epoch.valid_from {
            return MailStanding::Over(MailEnd::EpochEnded);
        }
        let Some(user) = world.users().look(&self.user) else {
            return MailStanding::Over(MailEnd::UserGone);
        };
        if sealed_address(world, self.user, self.address).is_none() {
            return MailStanding::Over(MailEnd::UserGone);
        }
        if let Some(id) = self.token.filter(|_| self.kind.carries_proof()) {
            let live = world.tokens().look(&id).is_some_and(|token| {
                // Whoever is banned while their account closes is told how long it can be taken back.
                let reaches = user.standing != Standing::Banned || token.purpose == Purpose::Reopen;
                token.standing == TokenStanding::Live && now < token.expires && reaches
            });
            if !live {
                return MailStanding::Over(MailEnd::Superseded);
            }
        }
        if now < self.next {
            MailStanding::Waiting(self.next)
        } else {
            MailStanding::Due
        }
    }
}

/// The event that makes a mail due.
pub(super) fn queued(
    new: &NewMail,
    kind: MailKind,
    user: UserId,
    address: AddressId,
    token: Option<TokenId>,
    locale: Locale,
) -> Event {
    Event::MailQueued {
        mail: new.mail,
        kind,
        user,
        address,
        token,
        locale,
        details: new.details.clone(),
    }
}

/// How long nobody is told again that scheduled backups fail.
pub const BACKUP_TOLD_EVERY: Span = Span::days(1);

/// Tells administrators that scheduled backups fail, once a day at most.
pub(super) fn tell_backup_failed(
    world: &impl World,
    context: &Context<'_>,
    mails: &[(UserId, AddressId, NewMail)],
) -> Decision {
    let told = world.small().backup_told;
    if told.is_some_and(|at| context.now < at + BACKUP_TOLD_EVERY) {
        return Decision::accepted(vec![], Outcome::Done);
    }
    Decision::accepted(
        to_administrators(world, MailKind::BackupFailed, mails),
        Outcome::Done,
    )
}

/// Mails administrators a signed checkpoint, unless that was done within this time.
pub(super) fn mail_checkpoint(
    world: &impl World,
    context: &Context<'_>,
    every: Span,
    mails: &[(UserId, AddressId, NewMail)],
) -> Decision {
    let mailed = world.small().checkpoint_mailed;
    if mailed.is_some_and(|at| context.now < at + every) {
        return Decision::accepted(vec![], Outcome::Done);
    }
    Decision::accepted(
        to_administrators(world, MailKind::Checkpoint, mails),
        Outcome::Done,
    )
}

/// The mails of a kind that go to those who are administrators now.
fn to_administrators(
    world: &impl World,
    kind: MailKind,
    mails: &[(UserId, AddressId, NewMail)],
) -> Vec<Event> {
    let queued = mails.iter().filter_map(|(id, address, new)| {
        let user = world.users().look(id)?;
        let may_know = user.role == Role::Admin && user.standing == Standing::Active;
        user.address(*address).filter(|_| may_know)?;
        Some(queued(new, kind, *id, *address, None, user.locale))
    });
    queued.collect()
}

/// What became of a mail that a worker tried.
pub(super) fn settle(world: &impl World, queued: Position, event: Event) -> Decision {
    if world.outbox().look(&queued).is_none() {
        return Decision::refused(Refusal::NoSuchMail);
    }
    Decision::accepted(vec![event], Outcome::Done)
}
