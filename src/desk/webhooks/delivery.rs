//! One delivery: an event put in words as the API has it, signed, and sent.
//!
//! What is sent is made anew for each try: whoever was erased since is not in it (law 13), and nothing of it is kept.

use std::ops::ControlFlow;

use bytes::Bytes;
use secrecy::SecretString;
use serde::Serialize;
use tokio::task::spawn_blocking;

use super::WebhookSettings;
use crate::crypto::{self, webhook_signature};
use crate::desk::story::{EventTold, vocabulary};
use crate::desk::{Cursor, Desk};
use crate::domain::Webhook;
use crate::ledger::StoreError;
use crate::ledger::codec::event_name;
use crate::outgoing::{Channel, Destination, Message, OutgoingFault};
use crate::system::random_id;
use crate::types::{CommandId, Locale, Position, Timestamp, WebhookEvents, WebhookId};

/// Bytes of a body; an event in words has a twentieth of that.
const BODY_BYTES_MAX: usize = 64 << 10;
/// Bytes of an answer: only its status says something.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Events that are looked at while a receiver's next are sought.
const LOOKED_AT_MAX: usize = 4_096;
/// The status of what is gone for good (RFC 9110 §15.5.11).
const GONE: u16 = 410;

/// How a delivery went.
#[derive(Debug)]
pub enum Sent {
    /// It was taken (2xx).
    Taken(u16),
    /// It was answered with another status; redirects too, which are not followed.
    Refused(u16),
    /// The receiver is gone for good.
    Gone,
    /// There was no answer.
    Unreached(OutgoingFault),
    /// Nothing was sent: the keyring does not hold the key of the secret.
    Unsealed,
    /// Nothing was sent: the event cannot be read.
    Unread,
    /// Nothing was sent: there is no such receiver, or it is disabled.
    Over,
}

impl Sent {
    /// The status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Taken(status) | Self::Refused(status) => Some(*status),
            Self::Gone => Some(GONE),
            Self::Unreached(_) | Self::Unsealed | Self::Unread | Self::Over => None,
        }
    }

    /// What went wrong, in English; none if nothing did.
    pub fn trouble(&self) -> Option<String> {
        Some(match self {
            Self::Taken(_) => return None,
            Self::Refused(status) if (300..400).contains(status) => {
                format!("it answers with status {status}, and redirects are not followed: name the final address")
            }
            Self::Refused(status) => format!("it answers with status {status}"),
            Self::Gone => "it says that it is gone for good (status 410)".to_owned(),
            Self::Unreached(OutgoingFault::Private) => {
                "its name leads to this machine or into a private network; set webhooks.allow_private if it is meant to be there"
                    .to_owned()
            }
            Self::Unreached(fault) => fault.to_string(),
            Self::Unsealed => "the key of its secret is not in the keyring: give it another secret".to_owned(),
            Self::Unread => "the event cannot be read from the ledger: run `keyledger verify`".to_owned(),
            Self::Over => "there is no such webhook, or it is disabled".to_owned(),
        })
    }
}

/// What comes next for a receiver.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upcoming {
    /// Chosen events, in their order.
    pub events: Vec<Position>,
    /// Everything before this was looked at.
    pub looked: Position,
}

impl WebhookSettings {
    pub(super) fn are_neighbours_allowed(&self) -> bool {
        self.outgoing.neighbours() == crate::outgoing::Neighbours::Allowed
    }
}

/// What a receiver gets: the form that Standard Webhooks recommends.
#[derive(Serialize)]
struct Payload<'a, D> {
    #[serde(rename = "type")]
    kind: &'a str,
    timestamp: String,
    data: D,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Trial {
    webhook_id: String,
    text: &'static str,
}

/// The id of an event's message: the same at every try, and at no other event of this ledger or of what it forks into.
fn message_id(cursor: Cursor) -> String {
    format!("evt_{}", cursor.to_string().replace(':', "-"))
}

fn seconds(at: Timestamp) -> i64 {
    at.0.div_euclid(1_000_000)
}

impl Desk {
    /// The next events that a receiver chose, from a position on: so many at most, among a bounded number. Blocks.
    pub fn upcoming(
        &self,
        events: &WebhookEvents,
        from: Position,
        most: usize,
    ) -> Result<Upcoming, StoreError> {
        let (mut chosen, mut looked, mut count) = (vec![], from, 0);
        self.scan_events(from, &mut |recorded| {
            if chosen.len() >= most || count >= LOOKED_AT_MAX {
                return ControlFlow::Break(());
            }
            count += 1;
            looked = recorded.position.next();
            let event = &recorded.event;
            if !event.is_about_delivery() && events.choose(event_name(event), vocabulary(event)) {
                chosen.push(recorded.position);
            }
            ControlFlow::Continue(())
        })?;
        Ok(Upcoming {
            events: chosen,
            looked,
        })
    }

    /// Sends a receiver one event, if it is enabled now.
    pub async fn deliver(&self, id: WebhookId, event: Position) -> Sent {
        let webhook = self.engine().read(|state| state.webhooks().of(id).cloned());
        match webhook {
            Some(webhook) if webhook.form.enabled => self.send_event(id, &webhook, event).await,
            Some(_) | None => Sent::Over,
        }
    }

    pub(super) async fn send_event(&self, id: WebhookId, webhook: &Webhook, event: Position) -> Sent {
        let desk = self.clone();
        let told = spawn_blocking(move || desk.event_in_json(event)).await;
        match told {
            Ok(Ok(Some((message, body)))) => self.send_signed(id, webhook, &message, body).await,
            Ok(Ok(None)) | Err(_) => Sent::Unread,
            Ok(Err(error)) => {
                tracing::error!(%error, "an event could not be read for who is to get it");
                Sent::Unread
            }
        }
    }

    pub(super) async fn send_trial(&self, id: WebhookId, webhook: &Webhook) -> Sent {
        let entropy = self.engine().entropy();
        let message = format!("test_{}", CommandId(random_id(entropy)));
        let payload = Payload {
            kind: "keyledger.test",
            timestamp: self.now().rfc3339(),
            data: Trial {
                webhook_id: id.to_string(),
                text: "This is a test: nothing happened.",
            },
        };
        let body = serde_json::to_vec(&payload).unwrap_or_default();
        self.send_signed(id, webhook, &message, body.into()).await
    }

    /// An event's message id and body; none if there is no such event. Blocks.
    fn event_in_json(&self, event: Position) -> Result<Option<(String, Bytes)>, StoreError> {
        let Some(recorded) = self.event_at(event)? else {
            return Ok(None);
        };
        let cursor = self.cursor(event)?;
        let payload = Payload {
            kind: event_name(&recorded.event),
            timestamp: recorded.time.rfc3339(),
            data: EventTold::new(cursor, self.describe(&recorded, Locale::En)),
        };
        let body = serde_json::to_vec(&payload).ok();
        let body = body.filter(|body| body.len() <= BODY_BYTES_MAX);
        Ok(body.map(|body| (message_id(cursor), body.into())))
    }

    /// The signatures that a message has now: by the secret, and by the one before while it goes on signing.
    fn signatures(
        &self,
        id: WebhookId,
        webhook: &Webhook,
        now: Timestamp,
        message: &str,
        body: &[u8],
    ) -> Option<String> {
        let ring = self.engine().keyring().current();
        let sign = |sealed| {
            let secret: SecretString = crypto::open_config(&ring, id.0, sealed)?;
            webhook_signature(&secret, message, seconds(now), body)
        };
        let mut signatures = sign(&webhook.secret)?;
        let previous = webhook.previous.as_ref().filter(|(_, until)| now < *until);
        if let Some(old) = previous.and_then(|(sealed, _)| sign(sealed)) {
            signatures.push(' ');
            signatures.push_str(&old);
        }
        Some(signatures)
    }

    async fn send_signed(&self, id: WebhookId, webhook: &Webhook, message: &str, body: Bytes) -> Sent {
        let now = self.now();
        let Some(signatures) = self.signatures(id, webhook, now, message, &body) else {
            return Sent::Unsealed;
        };
        let url = &webhook.form.url;
        let to = Destination {
            channel: if url.origin().is_https() {
                Channel::Tls
            } else {
                Channel::Plain
            },
            host: url.origin().host(),
            port: url.origin().port(),
            authority: url.origin().authority(),
            target: url.target(),
        };
        let sent_at = seconds(now).to_string();
        let fields = [
            ("content-type", "application/json"),
            ("webhook-id", message),
            ("webhook-timestamp", &sent_at),
            ("webhook-signature", &signatures),
        ];
        let said = Message {
            body: Some(body),
            fields: &fields,
            answer_bytes_max: ANSWER_BYTES_MAX,
        };
        let settings = &self.settings().webhooks;
        match settings.outgoing.send(to, said, settings.time_max).await {
            Ok(answer) => match answer.status {
                200..300 => Sent::Taken(answer.status),
                GONE => Sent::Gone,
                status => Sent::Refused(status),
            },
            Err(fault) => Sent::Unreached(fault),
        }
    }
}
