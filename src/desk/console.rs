//! What the machine's own console asks beside what administrators do: keys, whose a session is, the clock.

use super::{Command, Desk, Fault};
use crate::domain::{Actor, ApiKey};
use crate::engine::Lane;
use crate::system::ClockStatus;
use crate::types::{ApiKeyId, SessionId, UserId};

impl Desk {
    /// All API keys, oldest first; revoked ones too.
    pub fn api_keys(&self) -> Vec<(ApiKeyId, ApiKey)> {
        let mut keys: Vec<_> = self.engine().read(|state| {
            state
                .api_keys
                .iter()
                .map(|(id, key)| (*id, key.clone()))
                .collect()
        });
        keys.sort_by_key(|(id, key)| (key.created, *id));
        keys
    }

    /// Whose a session is, if it has not ended.
    pub fn session_owner(&self, session: SessionId) -> Option<UserId> {
        self.engine()
            .read(|state| state.sessions.get(&session).map(|session| session.user))
    }

    /// Believes the wall clock from now on, and returns what was thought of it before. If it was doubted, lifetimes jump,
    /// so that everything issued before ends with the epoch.
    pub async fn accept_clock(&self) -> Result<ClockStatus, Fault> {
        let clock = self.engine().clock();
        let before = clock.status();
        if let ClockStatus::Suspect { kept, .. } = before {
            // First, so that what is issued in the new epoch is made under keys of its own. The old ones are kept: killed in
            // between, nothing has ended that the epoch did not end.
            let desk = self.clone();
            let rotating = tokio::task::spawn_blocking(move || desk.rotate_token_keys(Actor::Operator));
            // Where it broke down, the panic hook has told.
            if let Ok(Err(fault)) = rotating.await {
                tracing::error!(%fault, "the keys of tokens could not be rotated");
            }
            self.carry_out(Lane::Proof, Command::AcceptClock { kept }, vec![])
                .await?;
        }
        // Last: killed before, the next start doubts the wall again; and what was issued since has only aged.
        clock.accept();
        Ok(before)
    }
}
