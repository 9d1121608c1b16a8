//! What an administrator types about a receiver, read.

use crate::desk::story::TERMS;
use crate::desk::{Desk, Fault};
use crate::domain::WebhookForm;
use crate::ledger::codec::EVENT_NAMES;
use crate::types::{ObjectName, WebhookEvents, WebhookUrl};

/// What was typed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WebhookText {
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// What it gets: names of events, words of the vocabulary, or `*`.
    pub events: Vec<String>,
    /// Whether it gets anything now.
    pub enabled: bool,
}

/// A field that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebhookWrong {
    /// Which.
    pub field: &'static str,
    /// Why, as a stable code.
    pub reason: &'static str,
    /// What to do about it, in English.
    pub remedy: String,
}

/// Why a receiver was not made or changed.
#[derive(Clone, PartialEq, Debug)]
pub enum WebhookFault {
    /// Fields are wrong: all of them that are.
    Wrong(Vec<WebhookWrong>),
    /// The desk says no.
    Desk(Fault),
}

impl From<Fault> for WebhookFault {
    fn from(fault: Fault) -> Self {
        Self::Desk(fault)
    }
}

/// Events that delivering leads to, and that no receiver gets.
const ABOUT_DELIVERY: [&str; 3] = ["WebhookAdvanced", "WebhookGivenUp", "WebhookRedelivered"];

impl From<&WebhookForm> for WebhookText {
    fn from(form: &WebhookForm) -> Self {
        Self {
            name: form.name.to_string(),
            url: form.url.to_string(),
            events: form.events.iter().map(str::to_owned).collect(),
            enabled: form.enabled,
        }
    }
}

impl Desk {
    /// The words that name events, those of the vocabulary first.
    pub fn webhook_words() -> impl Iterator<Item = &'static str> {
        let names = EVENT_NAMES.iter().copied();
        let names = names.filter(|name| !ABOUT_DELIVERY.contains(name));
        TERMS.iter().copied().chain(names)
    }

    /// Reads what was typed; tells all that is wrong at once.
    pub(super) fn webhook_form(&self, text: &WebhookText) -> Result<WebhookForm, WebhookFault> {
        let mut wrong = vec![];
        let mut fault = |field, reason, remedy: String| {
            wrong.push(WebhookWrong {
                field,
                reason,
                remedy,
            });
        };
        let name = ObjectName::parse(&text.name);
        if name.is_none() {
            fault(
                "name",
                "not-a-name",
                "write 1 to 100 characters on one line".to_owned(),
            );
        }
        let url = WebhookUrl::parse(text.url.trim())
            .map_err(|error| fault("url", error.reason(), error.to_string()));
        let url = url.ok().filter(|url| {
            let may = url.origin().is_https() || self.settings().webhooks.are_neighbours_allowed();
            if !may {
                let remedy = "write https://; http:// is for receivers on this machine, once webhooks.allow_private is set";
                fault("url", "not-https", remedy.to_owned());
            }
            may
        });
        let events = WebhookEvents::new(text.events.iter().map(|word| word.trim()))
            .map_err(|error| fault("events", error.reason(), error.to_string()));
        let events = events.ok().filter(|events| {
            let unknown = events.iter().find(|word| {
                *word != WebhookEvents::ALL && !Self::webhook_words().any(|known| known == *word)
            });
            if let Some(word) = unknown {
                let (reason, remedy) = if ABOUT_DELIVERY.contains(&word) {
                    (
                        "never-sent",
                        format!("{word} is what deliveries lead to, and is not delivered: leave it out"),
                    )
                } else {
                    (
                        "not-an-event",
                        format!("there is no event {word}: write the name as the log of events has it"),
                    )
                };
                fault("events", reason, remedy);
            }
            unknown.is_none()
        });
        match (name, url, events) {
            (Some(name), Some(url), Some(events)) => Ok(WebhookForm {
                name,
                url,
                events,
                enabled: text.enabled,
            }),
            _ => Err(WebhookFault::Wrong(wrong)),
        }
    }
}
