//! The outbox: mails that are due.

use crate::types::{AddressId, Locale, MailId, Position, Sealed, Timestamp, TokenId, UserId};

use super::command::{NewMail, Outcome};
use super::decide::Decision;
use super::event::Event;
use super::factor::sealed_address;
use super::mail_kind::MailKind;
use super::refusal::Refusal;
use super::state::{Standing, TokenStanding};
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
                token.standing == TokenStanding::Live
                    && now < token.expires
                    && (user.standing == Standing::Active || matches!(user.standing, Standing::Closing(_)))
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

/// What became of a mail that a worker tried.
pub(super) fn settle(world: &impl World, queued: Position, event: Event) -> Decision {
    if world.outbox().look(&queued).is_none() {
        return Decision::refused(Refusal::NoSuchMail);
    }
    Decision::accepted(vec![event], Outcome::Done)
}
