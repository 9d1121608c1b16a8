//! What a snapshot is written from: state that is looked at piece by piece while it goes on.

use super::Frontier;
use crate::domain::{Preserved, Small, State};
use crate::types::{AddressId, IdTable, Tag, UserId};

/// Why a snapshot cannot be finished.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Halt {
    /// Somebody asked to stop.
    #[error("it was given up, because the server stops")]
    Stopped,
    /// What was there before the changes is no longer known.
    #[error("more than {} entries changed while it was written", Preserved::KEPT_MAX)]
    Overrun,
    /// The look-up tables are of another key now.
    #[error("the look-up key gave way while it was written")]
    Rekeyed,
}

/// State as it was at one moment, and what belongs to it. Each look is short: others wait for it.
pub trait Source {
    /// The few values that were not in a table.
    fn small(&self) -> &Small;
    /// The right edge of the Merkle tree over the records up to then.
    fn tree(&self) -> &Frontier;
    /// Looks at what is there now, and at what was there instead at that moment.
    fn state(&mut self, look: &mut dyn FnMut(&State, &mut Preserved)) -> Result<(), Halt>;
    /// Looks at the ids of addresses, which may know more than the state, never less.
    fn addresses(&mut self, look: &mut dyn FnMut(&IdTable<Tag, AddressId>)) -> Result<(), Halt>;
    /// Looks at the users of user names, of which the same holds.
    fn usernames(&mut self, look: &mut dyn FnMut(&IdTable<Tag, UserId>)) -> Result<(), Halt>;
}
