//! Epochs: what the running one is, and who and what waits since.

use super::Desk;
use crate::domain::{Epoch, EpochReason, Event};
use crate::ledger::StoreError;
use crate::types::{Position, Timestamp};

/// The running epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EpochView {
    /// Its number and where it began.
    pub epoch: Epoch,
    /// When it began.
    pub began: Timestamp,
    /// Why.
    pub reason: EpochReason,
    /// Secret API keys that open nothing before they are confirmed.
    pub keys_waiting: usize,
    /// Users whose password lets nobody in before a mailbox of theirs is proven.
    pub users_waiting: usize,
}

impl Desk {
    /// Shows the running epoch. Reads the ledger, so it blocks.
    pub fn epoch(&self) -> Result<EpochView, StoreError> {
        let (epoch, keys_waiting, users_waiting, last) = self.engine().read(|state| {
            let epoch = state.epoch();
            let keys = state.api_keys.values();
            // Before the first epoch that begins in distrust nobody waits, and nobody need be counted.
            let users = (epoch.trusted_from > Position(0)).then(|| state.users.values());
            (
                epoch,
                keys.filter(|key| key.awaits_confirmation(epoch)).count(),
                users.map_or(0, |users| users.filter(|user| user.awaits_proof(epoch)).count()),
                state.last_time(),
            )
        });
        let began = self.event_at(epoch.valid_from)?;
        let (began, reason) = match began.map(|recorded| (recorded.time, recorded.event)) {
            Some((time, Event::EpochStarted { reason, .. })) => (time, reason),
            // The start folded it from there, so this is a ledger that was changed since.
            Some(_) | None => (last, EpochReason::Founded),
        };
        Ok(EpochView {
            epoch,
            began,
            reason,
            keys_waiting,
            users_waiting,
        })
    }
}
