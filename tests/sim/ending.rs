//! What ends in a simulation: proofs, sessions, accounts, epochs.

use keyledger::domain::Purpose;
use keyledger::types::{SessionId, UserId};

use super::follow::Void;
use super::oracle::Oracle;

impl Oracle {
    /// Proofs of a user are dead from now on.
    pub(super) fn void(&mut self, user: UserId, which: Void) {
        for proof in self.proofs.values_mut().filter(|proof| proof.user == user) {
            proof.dead |= match which {
                Void::All => true,
                Void::AllButReopen => proof.purpose != Purpose::Reopen,
                Void::Only(purpose) => proof.purpose == purpose,
            };
        }
    }

    pub(super) fn end(&mut self, which: impl Fn(SessionId) -> bool) {
        for account in self.accounts.values_mut() {
            let (ended, kept): (Vec<_>, _) = std::mem::take(&mut account.sessions)
                .into_iter()
                .partition(|(id, _)| which(*id));
            self.ended.extend(ended.into_iter().map(|(id, _)| id));
            account.sessions = kept;
        }
    }

    pub(super) fn end_of(&mut self, user: UserId, except: Option<SessionId>) {
        let theirs: Vec<SessionId> = self
            .accounts
            .get(&user)
            .map(|account| account.sessions.iter().map(|(id, _)| *id).collect())
            .unwrap_or_default();
        self.end(|id| theirs.contains(&id) && Some(id) != except);
    }

    pub(super) fn erase(&mut self, user: UserId) {
        self.end_of(user, None);
        self.void(user, Void::All);
        self.accounts.remove(&user);
        self.erased.insert(user);
    }

    pub(super) fn begin_epoch(&mut self) {
        self.epoch += 1;
    }
}
