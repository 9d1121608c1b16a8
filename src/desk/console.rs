//! What the machine's own console asks beside what administrators do: keys, waiting mails, whose a session is, the clock.

use super::{Command, Desk, Fault};
use crate::domain::{Actor, ApiKey, Mail};
use crate::engine::Lane;
use crate::system::ClockStatus;
use crate::types::{ApiKeyId, Position, SessionId, UserId};

/// A mail that is neither delivered nor given up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WaitingMail {
    /// Where it was queued.
    pub queued: Position,
    /// What is known of it.
    pub mail: Mail,
    /// The address, masked; none if its key is gone.
    pub to: Option<String>,
}

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

    /// How many mails wait, and the first `take` of them, oldest first.
    pub fn waiting_mails(&self, take: usize) -> (usize, Vec<WaitingMail>) {
        let (count, first) = self.engine().read(|state| {
            let first: Vec<_> = state
                .outbox
                .iter()
                .take(take)
                .map(|(queued, mail)| {
                    let address = state
                        .users
                        .get(&mail.user)
                        .and_then(|user| user.address(mail.address));
                    (
                        *queued,
                        mail.clone(),
                        address.map(|address| address.sealed.clone()),
                    )
                })
                .collect();
            (state.outbox.len(), first)
        });
        let mails = first
            .into_iter()
            .map(|(queued, mail, sealed)| {
                let to = sealed.and_then(|sealed| self.masked(mail.user, &sealed));
                WaitingMail { queued, mail, to }
            })
            .collect();
        (count, mails)
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
