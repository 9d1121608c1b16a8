//! Samples of what happens to receivers of events.

use keyledger::domain::{Event, WebhookEvent, WebhookForm};
use keyledger::types::{ObjectName, Position, SealedConfig, Span, WebhookEvents, WebhookId, WebhookUrl};

use super::{ACTORS, later};

const WEBHOOK: WebhookId = WebhookId([0x6f; 16]);

fn secret() -> SealedConfig {
    SealedConfig((0..95).collect())
}

fn form(events: &[&str]) -> WebhookForm {
    WebhookForm {
        name: ObjectName::parse("the shop").unwrap(),
        url: WebhookUrl::parse("https://hooks.example.org:8443/in?shop=1").unwrap(),
        events: WebhookEvents::new(events.iter().copied()).unwrap(),
        enabled: events.len() > 1,
    }
}

pub(super) fn events() -> Vec<Event> {
    let webhook = WEBHOOK;
    let [_, by, operator, key, _] = ACTORS;
    let events = [
        WebhookEvent::WebhookCreated {
            webhook,
            form: form(&["PasswordSet", "authn_login_fail"]),
            secret: secret(),
            by,
        },
        WebhookEvent::WebhookChanged {
            webhook,
            form: form(&["*"]),
            by: operator,
        },
        WebhookEvent::WebhookRemoved { webhook, by: key },
        WebhookEvent::WebhookSecretRotated {
            webhook,
            secret: secret(),
            old_until: later(Span::hours(24)),
            by,
        },
        WebhookEvent::WebhookAdvanced {
            webhook,
            cursor: Position(900),
            delivered: 256,
        },
        WebhookEvent::WebhookGivenUp {
            webhook,
            event: Position(901),
            attempts: 52,
            status: 503,
        },
        WebhookEvent::WebhookRedelivered {
            webhook,
            event: Position(901),
            by: operator,
        },
        WebhookEvent::WebhookStopped { webhook },
    ];
    events.map(|event| Event::Webhook(Box::new(event))).into()
}
