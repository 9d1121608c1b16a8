//! Receivers of chosen events: who they are, how far each of them is, and what was given up.
//!
//! Delivering is no part of the law. The ledger holds what must outlive a restart: up to where a receiver has got what it
//! chose (its cursor), and which events it did not get before somebody gave up (its dead letters).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::types::{
    ObjectName, Position, SealedConfig, Span, Timestamp, WebhookEvents, WebhookId, WebhookUrl,
};

use super::command::{Context, Outcome};
use super::decide::Decision;
use super::event::{Actor, Event, Recorded};
use super::refusal::Refusal;
use super::world::World;

/// Receivers of a ledger.
pub const WEBHOOKS_MAX: usize = 16;
/// Dead letters that are kept of one receiver; the oldest makes way.
pub const DEAD_LETTERS_MAX: usize = 100;
/// How long a replaced secret signs beside the one that took its place.
pub const OLD_SECRET_LIFE: Span = Span::hours(24);

/// What an administrator says about a receiver.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct WebhookForm {
    /// What they call it.
    pub name: ObjectName,
    /// Where it is.
    pub url: WebhookUrl,
    /// What it gets.
    pub events: WebhookEvents,
    /// Whether it gets anything now; what happens meanwhile waits for it.
    pub enabled: bool,
}

/// A receiver.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Webhook {
    /// What an administrator says about it.
    pub form: WebhookForm,
    /// What signs, sealed.
    pub secret: SealedConfig,
    /// What signed before, sealed, and until when it goes on signing.
    pub previous: Option<(SealedConfig, Timestamp)>,
    /// When it was made.
    pub created: Timestamp,
    /// Where an administrator last changed it, or it said that it is gone.
    pub changed: Position,
    /// Every chosen event before this was delivered or given up.
    pub cursor: Position,
    /// Events that were given up and not delivered since, oldest first.
    pub dead: Vec<Position>,
}

/// All receivers, by their ids.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct Webhooks(BTreeMap<WebhookId, Webhook>);

impl Webhooks {
    /// As a snapshot kept them.
    pub fn kept(all: BTreeMap<WebhookId, Webhook>) -> Self {
        Self(all)
    }

    /// All, by their ids.
    pub fn all(&self) -> &BTreeMap<WebhookId, Webhook> {
        &self.0
    }

    fn have_room(&self) -> Result<(), Refusal> {
        if self.0.len() < WEBHOOKS_MAX {
            Ok(())
        } else {
            Err(Refusal::TooManyWebhooks)
        }
    }

    /// The receiver of an id.
    pub fn of(&self, id: WebhookId) -> Option<&Webhook> {
        self.0.get(&id)
    }
}

/// What happens to receivers.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are described by their types")]
pub enum WebhookEvent {
    /// One was made. It gets what happens from here on.
    WebhookCreated {
        webhook: WebhookId,
        form: WebhookForm,
        secret: SealedConfig,
        by: Actor,
    },
    /// It is this now.
    WebhookChanged {
        webhook: WebhookId,
        form: WebhookForm,
        by: Actor,
    },
    /// It is gone.
    WebhookRemoved { webhook: WebhookId, by: Actor },
    /// Another secret signs; the one before signs beside it until then.
    WebhookSecretRotated {
        webhook: WebhookId,
        secret: SealedConfig,
        old_until: Timestamp,
        by: Actor,
    },
    /// It has got all that it chose before `cursor`: so many since the last such note.
    WebhookAdvanced {
        webhook: WebhookId,
        cursor: Position,
        delivered: u32,
    },
    /// An event was tried so often, last with that status (0: no answer), and will not be tried by itself any more.
    WebhookGivenUp {
        webhook: WebhookId,
        event: Position,
        attempts: u16,
        status: u16,
    },
    /// It took an event that had been given up.
    WebhookRedelivered {
        webhook: WebhookId,
        event: Position,
        by: Actor,
    },
    /// It answered that it is gone for good (410), and is disabled.
    WebhookStopped { webhook: WebhookId },
}

impl WebhookEvent {
    /// Which receiver it is about.
    pub fn webhook(&self) -> WebhookId {
        match self {
            Self::WebhookCreated { webhook, .. }
            | Self::WebhookChanged { webhook, .. }
            | Self::WebhookRemoved { webhook, .. }
            | Self::WebhookSecretRotated { webhook, .. }
            | Self::WebhookAdvanced { webhook, .. }
            | Self::WebhookGivenUp { webhook, .. }
            | Self::WebhookRedelivered { webhook, .. }
            | Self::WebhookStopped { webhook } => *webhook,
        }
    }
}

impl Event {
    /// Whether no receiver is ever sent this: it is what delivering leads to, and would lead to itself.
    pub fn is_about_delivery(&self) -> bool {
        let Self::Webhook(event) = self else { return false };
        match **event {
            WebhookEvent::WebhookAdvanced { .. }
            | WebhookEvent::WebhookGivenUp { .. }
            | WebhookEvent::WebhookRedelivered { .. } => true,
            WebhookEvent::WebhookCreated { .. }
            | WebhookEvent::WebhookChanged { .. }
            | WebhookEvent::WebhookRemoved { .. }
            | WebhookEvent::WebhookSecretRotated { .. }
            | WebhookEvent::WebhookStopped { .. } => false,
        }
    }
}

/// What is to be done about a receiver.
///
/// `against` is where it had last changed when the administrator looked; if that is no longer so, somebody else was faster,
/// and nothing is done.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are described by their types")]
pub enum WebhookCommand {
    /// Make one.
    Create {
        webhook: WebhookId,
        form: WebhookForm,
        secret: SealedConfig,
        by: Actor,
    },
    /// Make it this.
    Change {
        webhook: WebhookId,
        form: WebhookForm,
        against: Option<Position>,
        by: Actor,
    },
    /// Be rid of it.
    Remove {
        webhook: WebhookId,
        against: Option<Position>,
        by: Actor,
    },
    /// Have another secret sign.
    RotateSecret {
        webhook: WebhookId,
        secret: SealedConfig,
        against: Option<Position>,
        by: Actor,
    },
    /// Note how far it is.
    Advance {
        webhook: WebhookId,
        cursor: Position,
        delivered: u32,
    },
    /// Give an event up, and go on behind it.
    GiveUp {
        webhook: WebhookId,
        event: Position,
        attempts: u16,
        status: u16,
    },
    /// Note that it took an event that had been given up.
    Redelivered {
        webhook: WebhookId,
        event: Position,
        by: Actor,
    },
    /// Disable it, because it is gone for good.
    Stop { webhook: WebhookId },
}

pub(super) fn decide(world: &impl World, context: &Context<'_>, command: WebhookCommand) -> Decision {
    match decided(&world.small().webhooks, context, command) {
        Ok(event) => Decision::accepted(
            event
                .into_iter()
                .map(|event| Event::Webhook(Box::new(event)))
                .collect(),
            Outcome::Done,
        ),
        Err(refusal) => Decision::refused(refusal),
    }
}

fn decided(
    webhooks: &Webhooks,
    context: &Context<'_>,
    command: WebhookCommand,
) -> Result<Option<WebhookEvent>, Refusal> {
    let known = |webhook| webhooks.of(webhook).ok_or(Refusal::NoSuchWebhook);
    let unchanged = |webhook, against: Option<Position>| {
        let known = known(webhook)?;
        if against.is_some_and(|against| against != known.changed) {
            return Err(Refusal::Changed);
        }
        Ok(known)
    };
    Ok(Some(match command {
        WebhookCommand::Create {
            webhook,
            form,
            secret,
            by,
        } => {
            webhooks.have_room()?;
            WebhookEvent::WebhookCreated {
                webhook,
                form,
                secret,
                by,
            }
        }
        WebhookCommand::Change {
            webhook,
            form,
            against,
            by,
        } => {
            let is_new = unchanged(webhook, against)?.form != form;
            return Ok(is_new.then_some(WebhookEvent::WebhookChanged { webhook, form, by }));
        }
        WebhookCommand::Remove { webhook, against, by } => {
            unchanged(webhook, against)?;
            WebhookEvent::WebhookRemoved { webhook, by }
        }
        WebhookCommand::RotateSecret {
            webhook,
            secret,
            against,
            by,
        } => {
            unchanged(webhook, against)?;
            WebhookEvent::WebhookSecretRotated {
                webhook,
                secret,
                old_until: context.now + OLD_SECRET_LIFE,
                by,
            }
        }
        WebhookCommand::Advance {
            webhook,
            cursor,
            delivered,
        } => {
            if known(webhook)?.cursor >= cursor {
                return Ok(None);
            }
            WebhookEvent::WebhookAdvanced {
                webhook,
                cursor,
                delivered,
            }
        }
        WebhookCommand::GiveUp {
            webhook,
            event,
            attempts,
            status,
        } => {
            if known(webhook)?.cursor > event {
                return Ok(None);
            }
            WebhookEvent::WebhookGivenUp {
                webhook,
                event,
                attempts,
                status,
            }
        }
        WebhookCommand::Redelivered { webhook, event, by } => {
            if !known(webhook)?.dead.contains(&event) {
                return Err(Refusal::NoSuchDeadLetter);
            }
            WebhookEvent::WebhookRedelivered { webhook, event, by }
        }
        WebhookCommand::Stop { webhook } => {
            let is_running = known(webhook)?.form.enabled;
            return Ok(is_running.then_some(WebhookEvent::WebhookStopped { webhook }));
        }
    }))
}

/// Folds an event of a receiver.
pub(super) fn evolve(world: &mut impl World, position: Position, time: Timestamp, event: &WebhookEvent) {
    let all = &mut Arc::make_mut(&mut world.small_mut().webhooks).0;
    let id = event.webhook();
    match event {
        WebhookEvent::WebhookCreated { form, secret, .. } => {
            let made = Webhook {
                form: form.clone(),
                secret: secret.clone(),
                previous: None,
                created: time,
                changed: position,
                cursor: position.next(),
                dead: vec![],
            };
            all.insert(id, made);
        }
        WebhookEvent::WebhookRemoved { .. } => {
            all.remove(&id);
        }
        WebhookEvent::WebhookChanged { .. }
        | WebhookEvent::WebhookSecretRotated { .. }
        | WebhookEvent::WebhookAdvanced { .. }
        | WebhookEvent::WebhookGivenUp { .. }
        | WebhookEvent::WebhookRedelivered { .. }
        | WebhookEvent::WebhookStopped { .. } => {
            if let Some(known) = all.get_mut(&id) {
                change(known, position, event);
            }
        }
    }
}

fn change(known: &mut Webhook, position: Position, event: &WebhookEvent) {
    match event {
        WebhookEvent::WebhookChanged { form, .. } => {
            known.form = form.clone();
            known.changed = position;
        }
        WebhookEvent::WebhookSecretRotated {
            secret, old_until, ..
        } => {
            let old = std::mem::replace(&mut known.secret, secret.clone());
            known.previous = Some((old, *old_until));
            known.changed = position;
        }
        WebhookEvent::WebhookAdvanced { cursor, .. } => known.cursor = *cursor,
        WebhookEvent::WebhookGivenUp { event, .. } => {
            known.cursor = event.next();
            if known.dead.len() >= DEAD_LETTERS_MAX {
                known.dead.remove(0);
            }
            known.dead.push(*event);
        }
        WebhookEvent::WebhookRedelivered { event, .. } => known.dead.retain(|dead| dead != event),
        WebhookEvent::WebhookStopped { .. } => {
            known.form.enabled = false;
            known.changed = position;
        }
        WebhookEvent::WebhookCreated { .. } | WebhookEvent::WebhookRemoved { .. } => {}
    }
}

/// Whether an event of a receiver may stand where it stands.
pub(super) fn check(
    world: &impl World,
    recorded: &Recorded,
    event: &WebhookEvent,
) -> Result<(), &'static str> {
    let webhooks = &world.small().webhooks;
    let known = webhooks.of(event.webhook());
    if let WebhookEvent::WebhookCreated { .. } = event {
        return match known {
            Some(_) => Err("a webhook was created twice"),
            None if webhooks.0.len() >= WEBHOOKS_MAX => Err("there are more webhooks than may be"),
            None => Ok(()),
        };
    }
    let known = known.ok_or("no such webhook")?;
    let (holds, fault) = match event {
        WebhookEvent::WebhookAdvanced { cursor, .. } => (
            known.cursor < *cursor && *cursor <= recorded.position,
            "the cursor of a webhook went back, or beyond the end",
        ),
        WebhookEvent::WebhookGivenUp { event, .. } => (
            known.cursor <= *event && *event < recorded.position,
            "a webhook gave up what was behind its cursor, or beyond the end",
        ),
        WebhookEvent::WebhookRedelivered { event, .. } => (
            known.dead.contains(event),
            "a webhook took again what it had not given up",
        ),
        WebhookEvent::WebhookStopped { .. } => (known.form.enabled, "a webhook stopped that was not running"),
        WebhookEvent::WebhookCreated { .. }
        | WebhookEvent::WebhookChanged { .. }
        | WebhookEvent::WebhookRemoved { .. }
        | WebhookEvent::WebhookSecretRotated { .. } => (true, ""),
    };
    if holds { Ok(()) } else { Err(fault) }
}
