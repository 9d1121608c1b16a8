//! Receivers of events: what reaches them, in which order, signed how, and what never leaves.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on fails")]

mod delivering;
mod leaving;
mod managing;
mod receiver;

use std::time::Duration;

use keyledger::desk::WebhookSettings;
use keyledger::outgoing::{Neighbours, Outgoing};
use keyledger::system::tls_client;
use keyledger::types::Span;
use serde_json::{Value, json};

use crate::support::{Call, House, Plan};
use receiver::Receiver;

const ADA: &str = "ada@example.org";
const BEN: &str = "ben@example.org";
const PASSWORD: &str = "Lost-and-forgotten-1";
const WEBHOOKS: &str = "/v1/admin/webhooks";

fn settings(neighbours: Neighbours) -> WebhookSettings {
    WebhookSettings {
        outgoing: Outgoing::new(tls_client(None).unwrap(), neighbours),
        // A conversation within the machine: only a receiver that is told to be silent makes anybody wait.
        time_max: Duration::from_mins(1),
        give_up_after: Span::hours(24),
    }
}

/// A house whose receivers may be on this machine.
async fn house() -> House {
    House::with(|plan: &mut Plan| plan.desk.webhooks = settings(Neighbours::Allowed)).await
}

fn by_key(house: &House, method: &str, target: &str) -> Call {
    house.call(method, target).header("X-API-Key", &house.secret)
}

/// A webhook that was made.
struct Hook {
    id: String,
    secret: String,
}

impl Hook {
    async fn made(house: &House, receiver: &Receiver, events: &[&str]) -> Self {
        let body = json!({ "name": "the shop", "url": receiver.url(), "events": events });
        let made = by_key(house, "POST", WEBHOOKS).json(&body).await.expect(201);
        Self {
            id: made.text("id"),
            secret: made.text("secret"),
        }
    }

    fn path(&self, rest: &str) -> String {
        format!("{WEBHOOKS}/{}{rest}", self.id)
    }

    async fn deliveries(&self, house: &House) -> Value {
        by_key(house, "GET", &self.path("/deliveries"))
            .await
            .expect(200)
            .json
    }
}
