//! Events in words: whom they are about, and in which language.

use super::english::English;
use super::korean::Korean;
use super::recoveries::{Ending, Step};
use crate::domain::{Event, MailKind};
use crate::types::{AddressId, Locale, Position, TokenId, UserId};

/// What can be looked up about what an event names.
pub(super) trait Names {
    /// A user's address, masked, if it is to be told.
    fn person(&self, user: UserId) -> Option<String>;
    /// Which mail was queued at a position.
    fn mail_at(&self, queued: Position) -> Option<MailKind>;
    /// By which way a proof came to whoever showed it.
    fn way_of(&self, proof: TokenId) -> Way;
}

/// By which way a proof came to somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// By mail.
    Mailed,
    /// By whoever issued it.
    HandedOver,
    /// That is forgotten: newer proofs took its place.
    Forgotten,
}

/// Whom an event is about, as far as that is to be told.
pub(super) enum Whom {
    /// Somebody by their masked address.
    Masked(String),
    /// Somebody by their id.
    User(UserId),
    /// Whoever has that address.
    Address(AddressId),
    /// Whomever the earlier event is about that this one names.
    OfEarlier,
    /// Nobody who has an account.
    Nobody,
}

/// Tells an event in a language. Each has words for every event: one that lacks some does not compile.
pub(super) fn tell(locale: Locale, names: &dyn Names, whom: &Whom, event: &Event) -> String {
    match locale {
        Locale::En => English::about(names, whom).tell(event),
        Locale::Ko => Korean::about(names, whom).tell(event),
    }
}

/// Tells a step of a recovery.
pub(super) fn tell_step(locale: Locale, names: &dyn Names, whom: &Whom, step: &Step) -> String {
    match locale {
        Locale::En => English::about(names, whom).step(step),
        Locale::Ko => Korean::about(names, whom).step(step),
    }
}

/// Tells whose recovery it is, and how it ended.
pub(super) fn tell_ending(locale: Locale, names: &dyn Names, whom: &Whom, ending: Ending) -> String {
    match locale {
        Locale::En => English::about(names, whom).ending(ending),
        Locale::Ko => Korean::about(names, whom).ending(ending),
    }
}

/// The first eight characters of an id: enough to tell lines apart.
pub(super) fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// Without what could move a terminal's cursor (L-02).
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
