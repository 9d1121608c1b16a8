//! The English words of what happens to receivers of events.

use super::super::teller::printable;
use super::English;
use crate::domain::WebhookEvent;

impl English<'_> {
    /// Tells an event of a receiver. Of its address only the host is told: a path may be a secret.
    pub(super) fn webhook(&self, event: &WebhookEvent) -> String {
        let webhook = event.webhook().short();
        match event {
            WebhookEvent::WebhookCreated { form, by, .. } => format!(
                "webhook {webhook} ({}) made by {}: it gets chosen events at {}",
                printable(form.name.as_str()),
                self.actor(*by),
                form.url.origin()
            ),
            WebhookEvent::WebhookChanged { form, by, .. } => {
                let state = if form.enabled { "enabled" } else { "disabled" };
                format!(
                    "webhook {webhook} ({}) changed by {}: {state}, at {}",
                    printable(form.name.as_str()),
                    self.actor(*by),
                    form.url.origin()
                )
            }
            WebhookEvent::WebhookRemoved { by, .. } => {
                format!("webhook {webhook} removed by {}", self.actor(*by))
            }
            WebhookEvent::WebhookSecretRotated { old_until, by, .. } => format!(
                "webhook {webhook} got another secret by {}; the old one signs too until {}",
                self.actor(*by),
                old_until.rfc3339()
            ),
            WebhookEvent::WebhookAdvanced {
                cursor, delivered, ..
            } => {
                format!(
                    "webhook {webhook} has got {delivered} more events, and all it chose before position {cursor}"
                )
            }
            WebhookEvent::WebhookGivenUp {
                event,
                attempts,
                status,
                ..
            } => {
                let answer = match status {
                    0 => "no answer".to_owned(),
                    status => format!("status {status}"),
                };
                format!(
                    "webhook {webhook} did not get the event at position {event}: given up after {attempts} tries ({answer})"
                )
            }
            WebhookEvent::WebhookRedelivered { event, by, .. } => format!(
                "webhook {webhook} got the event at position {event} after all, by {}",
                self.actor(*by)
            ),
            WebhookEvent::WebhookStopped { .. } => {
                format!("webhook {webhook} said that it is gone for good, and is disabled")
            }
        }
    }
}
