//! Stored forms of receivers of events.

use super::Stored;
use crate::domain::WebhookForm;
use crate::types::{ObjectName, WebhookEvents, WebhookId, WebhookUrl};

impl Stored for WebhookId {
    type Form = [u8; 16];

    fn store(&self) -> Self::Form {
        self.0
    }

    fn load(form: Self::Form) -> Option<Self> {
        Some(Self(form))
    }
}

impl Stored for WebhookForm {
    /// Name, address, events, and whether it is enabled.
    type Form = (String, String, Vec<String>, bool);

    fn store(&self) -> Self::Form {
        let events = self.events.iter().map(str::to_owned).collect();
        (self.name.to_string(), self.url.to_string(), events, self.enabled)
    }

    fn load(form: Self::Form) -> Option<Self> {
        let (name, url, words, enabled) = &form;
        let read = Self {
            name: ObjectName::parse(name)?,
            url: WebhookUrl::parse(url).ok()?,
            events: WebhookEvents::new(words.iter().map(String::as_str)).ok()?,
            enabled: *enabled,
        };
        (read.store() == form).then_some(read)
    }
}
