//! Receivers of chosen events: made, changed, shown, tried; and what their deliverer asks for.

mod delivery;
mod form;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::Semaphore;

use super::{Command, Desk, Fault, Refusal};
use crate::crypto;
use crate::domain::{Actor, Webhook, WebhookCommand, WebhookForm};
use crate::engine::Lane;
use crate::ledger::StoreError;
use crate::ledger::codec::event_name;
use crate::outgoing::{Neighbours, Outgoing};
use crate::system::{random_id, tls_client};
use crate::types::{Position, Span, Timestamp, WebhookId};

pub use delivery::{Sent, Upcoming};
pub use form::{WebhookFault, WebhookText, WebhookWrong};

/// Deliveries that administrators have tried at one time.
const TRIALS_MAX: usize = 4;

/// What configuration says about receivers.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// How they are reached.
    pub outgoing: Outgoing,
    /// How long one delivery may take.
    pub time_max: Duration,
    /// How long an event that is not taken is tried again.
    pub give_up_after: Span,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        let tls = tls_client(None).expect("the public authorities are compiled in");
        Self {
            outgoing: Outgoing::new(tls, Neighbours::Refused),
            time_max: Duration::from_secs(10),
            give_up_after: Span::hours(24),
        }
    }
}

/// What is known of deliveries since this process began; nothing of it decides anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WebhookStanding {
    /// When something was last sent.
    pub tried: Option<Timestamp>,
    /// What it was answered with; none for no answer.
    pub status: Option<u16>,
    /// How often the event was tried that waits; 0 while all goes well.
    pub attempts: u16,
    /// Since when it waits.
    pub failing_since: Option<Timestamp>,
    /// When it is tried again.
    pub next: Option<Timestamp>,
}

impl WebhookStanding {
    /// The same with nothing that waits to be tried again.
    #[must_use]
    pub fn settled(self) -> Self {
        Self {
            tried: self.tried,
            status: self.status,
            ..Self::default()
        }
    }
}

/// A receiver as administrators see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebhookView {
    /// Its id.
    pub id: WebhookId,
    /// What an administrator says about it.
    pub form: WebhookForm,
    /// When it was made.
    pub created: Timestamp,
    /// Where it last changed: the version that an edit names.
    pub version: Position,
    /// Until when the secret before this one signs too.
    pub old_secret_until: Option<Timestamp>,
    /// All that it chose before this was delivered or given up.
    pub cursor: Position,
    /// How many events, chosen or not, happened since.
    pub behind: u64,
    /// What was given up and not delivered since, oldest first.
    pub dead: Vec<Position>,
    /// How deliveries go.
    pub standing: WebhookStanding,
}

/// An event that a receiver did not get before it was given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeadLetter {
    /// Where it stands.
    pub event: Position,
    /// Its name.
    pub name: &'static str,
    /// When it happened.
    pub time: Timestamp,
}

/// What the desk keeps in memory about receivers.
pub(super) struct WebhookDesk {
    standings: Mutex<BTreeMap<WebhookId, WebhookStanding>>,
    trials: Semaphore,
}

impl Default for WebhookDesk {
    fn default() -> Self {
        Self {
            standings: Mutex::default(),
            trials: Semaphore::new(TRIALS_MAX),
        }
    }
}

impl Desk {
    /// All receivers, oldest first.
    pub fn webhooks(&self) -> Vec<WebhookView> {
        let (all, next) = self
            .engine()
            .read(|state| (std::sync::Arc::clone(state.webhooks()), state.next()));
        let view = |(id, webhook): (&WebhookId, &Webhook)| self.webhook_view(*id, webhook, next);
        let mut views: Vec<WebhookView> = all.all().iter().map(view).collect();
        views.sort_by_key(|view| (view.created, view.id));
        views
    }

    /// The receiver of an id.
    pub fn webhook(&self, id: WebhookId) -> Option<WebhookView> {
        let (webhook, next) = self
            .engine()
            .read(|state| (state.webhooks().of(id).cloned(), state.next()));
        Some(self.webhook_view(id, &webhook?, next))
    }

    fn webhook_view(&self, id: WebhookId, webhook: &Webhook, next: Position) -> WebhookView {
        let now = self.now();
        let old_until = webhook.previous.as_ref().map(|(_, until)| *until);
        WebhookView {
            id,
            form: webhook.form.clone(),
            created: webhook.created,
            version: webhook.changed,
            old_secret_until: old_until.filter(|until| now < *until),
            cursor: webhook.cursor,
            behind: next.0.saturating_sub(webhook.cursor.0),
            dead: webhook.dead.clone(),
            standing: self.standings().get(&id).copied().unwrap_or_default(),
        }
    }

    fn standings(&self) -> std::sync::MutexGuard<'_, BTreeMap<WebhookId, WebhookStanding>> {
        let standings = &self.inner.webhooks.standings;
        standings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers how deliveries go, for who looks.
    pub fn note_webhook(&self, id: WebhookId, standing: WebhookStanding) {
        self.standings().insert(id, standing);
    }

    /// What a receiver did not get: where each stands, its name, and when it happened. Blocks.
    pub fn dead_letters(&self, view: &WebhookView) -> Result<Vec<DeadLetter>, StoreError> {
        let letter = |event: &Position| {
            let recorded = self.event_at(*event)?;
            Ok(recorded.map(|recorded| DeadLetter {
                event: *event,
                name: event_name(&recorded.event),
                time: recorded.time,
            }))
        };
        let letters = view.dead.iter().map(letter);
        letters.filter_map(Result::transpose).collect()
    }

    /// Forgets how deliveries went to receivers that are gone.
    pub fn keep_standings_of(&self, holds: impl Fn(WebhookId) -> bool) {
        self.standings().retain(|id, _| holds(*id));
    }

    fn sealed_webhook_secret(&self, id: WebhookId) -> (SecretString, crate::types::SealedConfig) {
        let entropy = self.engine().entropy();
        let secret = crypto::fresh_webhook_secret(entropy);
        let ring = self.engine().keyring().current();
        let sealed = crypto::seal_config(&ring, id.0, &secret, entropy);
        (secret, sealed)
    }

    /// Makes a receiver, which gets what happens from now on. Its secret is shown this once.
    pub async fn create_webhook(
        &self,
        text: &WebhookText,
        by: Actor,
    ) -> Result<(WebhookId, SecretString), WebhookFault> {
        let form = self.webhook_form(text)?;
        let webhook = WebhookId(random_id(self.engine().entropy()));
        let (shown, secret) = self.sealed_webhook_secret(webhook);
        let command = WebhookCommand::Create {
            webhook,
            form,
            secret,
            by,
        };
        self.about_webhook(command).await?;
        Ok((webhook, shown))
    }

    /// Changes a receiver. One that is enabled again gets what happened meanwhile.
    pub async fn change_webhook(
        &self,
        webhook: WebhookId,
        text: &WebhookText,
        against: Option<Position>,
        by: Actor,
    ) -> Result<(), WebhookFault> {
        let form = self.webhook_form(text)?;
        let command = WebhookCommand::Change {
            webhook,
            form,
            against,
            by,
        };
        Ok(self.about_webhook(command).await?)
    }

    /// Removes a receiver.
    pub async fn remove_webhook(
        &self,
        webhook: WebhookId,
        against: Option<Position>,
        by: Actor,
    ) -> Result<(), Fault> {
        self.about_webhook(WebhookCommand::Remove { webhook, against, by })
            .await
    }

    /// Has another secret sign, shown this once; the one before signs beside it for a day.
    pub async fn rotate_webhook_secret(
        &self,
        webhook: WebhookId,
        against: Option<Position>,
        by: Actor,
    ) -> Result<SecretString, Fault> {
        let (shown, secret) = self.sealed_webhook_secret(webhook);
        let command = WebhookCommand::RotateSecret {
            webhook,
            secret,
            against,
            by,
        };
        self.about_webhook(command).await?;
        Ok(shown)
    }

    /// Sends a receiver a message that says nothing, so that an administrator sees whether it arrives. Nothing is noted.
    pub async fn try_webhook(&self, id: WebhookId) -> Result<Sent, Fault> {
        let _one = self.webhook_trial()?;
        let webhook = self.known_webhook(id)?;
        Ok(self.send_trial(id, &webhook).await)
    }

    /// Sends a receiver an event once more that was given up. It comes behind later ones, under the same id.
    pub async fn redeliver(&self, id: WebhookId, event: Position, by: Actor) -> Result<Sent, Fault> {
        let _one = self.webhook_trial()?;
        let webhook = self.known_webhook(id)?;
        if !webhook.dead.contains(&event) {
            return Err(Refusal::NoSuchDeadLetter.into());
        }
        let sent = self.send_event(id, &webhook, event).await;
        if let Sent::Taken(_) = sent {
            let webhook = id;
            self.about_webhook(WebhookCommand::Redelivered { webhook, event, by })
                .await?;
        }
        Ok(sent)
    }

    fn webhook_trial(&self) -> Result<tokio::sync::SemaphorePermit<'_>, Fault> {
        self.inner
            .webhooks
            .trials
            .try_acquire()
            .map_err(|_| Fault::Overloaded)
    }

    fn known_webhook(&self, id: WebhookId) -> Result<Webhook, Fault> {
        let webhook = self.engine().read(|state| state.webhooks().of(id).cloned());
        webhook.ok_or(Refusal::NoSuchWebhook.into())
    }

    /// Has the law decide about a receiver.
    pub async fn about_webhook(&self, command: WebhookCommand) -> Result<(), Fault> {
        self.carry_out(Lane::Proof, Command::Webhook(command), vec![])
            .await
            .map(|_| ())
    }
}
