//! Every kind of command about receivers of events, each writing something.

use keyledger::domain::{Actor, Command, State, WebhookCommand, WebhookForm};
use keyledger::types::{ObjectName, Position, SealedConfig, Span, WebhookEvents, WebhookId, WebhookUrl};

const SHOP: WebhookId = WebhookId([0x51; 16]);
const BY: Actor = Actor::Operator;

fn form(name: &str) -> WebhookForm {
    WebhookForm {
        name: ObjectName::parse(name).unwrap(),
        url: WebhookUrl::parse("https://hooks.example.org/in").unwrap(),
        events: WebhookEvents::new(["*"]).unwrap(),
        enabled: true,
    }
}

fn secret(byte: u8) -> SealedConfig {
    SealedConfig(vec![byte; 95].into())
}

fn cursor(state: &State) -> Position {
    let webhook = state.webhooks().of(SHOP);
    webhook.map(|webhook| webhook.cursor).unwrap_or_default()
}

/// A step: what is done, as things are then.
type Step = fn(&State) -> Command;

/// The steps, without pauses.
pub fn story() -> Vec<(Span, Step)> {
    let steps: [Step; 8] = [
        |_| {
            Command::Webhook(WebhookCommand::Create {
                webhook: SHOP,
                form: form("the shop"),
                secret: secret(1),
                by: BY,
            })
        },
        |_| {
            Command::Webhook(WebhookCommand::Change {
                webhook: SHOP,
                form: form("another"),
                against: None,
                by: BY,
            })
        },
        |_| {
            Command::Webhook(WebhookCommand::RotateSecret {
                webhook: SHOP,
                secret: secret(2),
                against: None,
                by: BY,
            })
        },
        |state| {
            Command::Webhook(WebhookCommand::Advance {
                webhook: SHOP,
                cursor: cursor(state).next(),
                delivered: 1,
            })
        },
        |state| {
            Command::Webhook(WebhookCommand::GiveUp {
                webhook: SHOP,
                event: cursor(state),
                attempts: 3,
                status: 500,
            })
        },
        |state| {
            let webhook = state.webhooks().of(SHOP);
            Command::Webhook(WebhookCommand::Redelivered {
                webhook: SHOP,
                event: webhook.map_or(Position(0), |webhook| webhook.dead[0]),
                by: BY,
            })
        },
        |_| Command::Webhook(WebhookCommand::Stop { webhook: SHOP }),
        |_| {
            Command::Webhook(WebhookCommand::Remove {
                webhook: SHOP,
                against: None,
                by: BY,
            })
        },
    ];
    steps.map(|step| (Span(0), step)).into()
}
