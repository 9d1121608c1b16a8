//! What the law says about receivers of events.

use keyledger::domain::{
    Actor, Change, Command, DEAD_LETTERS_MAX, Event, OLD_SECRET_LIFE, Outline, Recorded, Refusal,
    WEBHOOKS_MAX, WebhookCommand, WebhookEvent, WebhookForm, lawful,
};
use keyledger::types::{CommandId, ObjectName, Position, SealedConfig, WebhookEvents, WebhookId, WebhookUrl};

use super::scene::{Scene, given};
use crate::people::ADA;

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
    SealedConfig(vec![byte; 90].into())
}

fn making(webhook: WebhookId) -> Command {
    Command::Webhook(WebhookCommand::Create {
        webhook,
        form: form("the shop"),
        secret: secret(1),
        by: BY,
    })
}

fn advancing(cursor: Position) -> Command {
    Command::Webhook(WebhookCommand::Advance {
        webhook: SHOP,
        cursor,
        delivered: 1,
    })
}

fn giving_up(event: Position) -> Command {
    Command::Webhook(WebhookCommand::GiveUp {
        webhook: SHOP,
        event,
        attempts: 9,
        status: 500,
    })
}

fn event(event: WebhookEvent) -> Event {
    Event::Webhook(Box::new(event))
}

/// A receiver, and behind it some events.
fn scene() -> Scene {
    given([]).done(making(SHOP)).and(ADA.account())
}

fn cursor(scene: &Scene) -> Position {
    scene.state.webhooks().of(SHOP).unwrap().cursor
}

#[test]
fn a_receiver_begins_behind_its_making_and_its_cursor_only_goes_on() {
    let scene = scene();
    let begin = cursor(&scene);
    assert_eq!(begin, scene.state.webhooks().of(SHOP).unwrap().changed.next());
    let scene = scene.done(advancing(begin.next()));
    assert_eq!(cursor(&scene), begin.next());
    // One who is late changes nothing.
    let scene = scene.when(advancing(begin)).then([]).scene;
    assert_eq!(cursor(&scene), begin.next());
}

#[test]
fn what_is_given_up_is_a_dead_letter_until_it_is_taken() {
    let scene = scene();
    let first = cursor(&scene);
    let scene = scene.done(giving_up(first));
    let hook = scene.state.webhooks().of(SHOP).unwrap();
    assert_eq!((hook.cursor, &hook.dead[..]), (first.next(), &[first][..]));
    let taking = |event| {
        Command::Webhook(WebhookCommand::Redelivered {
            webhook: SHOP,
            event,
            by: BY,
        })
    };
    let scene = scene
        .when(taking(first.next()))
        .refused(Refusal::NoSuchDeadLetter)
        .scene
        .done(taking(first));
    assert!(scene.state.webhooks().of(SHOP).unwrap().dead.is_empty());
}

#[test]
fn the_oldest_dead_letter_makes_way() {
    let mut scene = scene();
    let first = cursor(&scene);
    for _ in 0..=DEAD_LETTERS_MAX {
        let next = cursor(&scene);
        scene = scene.done(giving_up(next));
    }
    let dead = &scene.state.webhooks().of(SHOP).unwrap().dead;
    assert_eq!((dead.len(), dead[0]), (DEAD_LETTERS_MAX, first.next()));
}

#[test]
fn a_secret_that_is_replaced_signs_for_a_day_more() {
    let scene = scene().done(Command::Webhook(WebhookCommand::RotateSecret {
        webhook: SHOP,
        secret: secret(2),
        against: None,
        by: BY,
    }));
    let hook = scene.state.webhooks().of(SHOP).unwrap();
    let until = scene.state.last_time() + OLD_SECRET_LIFE;
    assert_eq!(
        (&hook.secret, &hook.previous),
        (&secret(2), &Some((secret(1), until)))
    );
}

#[test]
fn nobody_undoes_what_they_have_not_seen() {
    let scene = scene();
    let seen = scene.state.webhooks().of(SHOP).unwrap().changed;
    let changing = |name: &str| {
        Command::Webhook(WebhookCommand::Change {
            webhook: SHOP,
            form: form(name),
            against: Some(seen),
            by: BY,
        })
    };
    let scene = scene.when(changing("the shop")).then([]).scene;
    let scene = scene.done(changing("other"));
    scene.when(changing("third")).refused(Refusal::Changed);
}

#[test]
fn there_are_so_many_receivers_and_no_more() {
    let mut scene = given([]);
    for number in 0..WEBHOOKS_MAX {
        scene = scene.done(making(WebhookId([u8::try_from(number).unwrap(); 16])));
    }
    scene
        .when(making(SHOP))
        .refused(Refusal::TooManyWebhooks)
        .scene
        .when(advancing(Position(1)))
        .refused(Refusal::NoSuchWebhook);
}

#[test]
fn what_changed_between_two_moments_names_receivers() {
    let outline = |scene: &Scene| Outline::of(&scene.state, scene.now, &scene.limits);
    let scene = given([]);
    let before = outline(&scene);
    let scene = scene.done(making(SHOP));
    let made = outline(&scene);
    assert_eq!(before.changes_to(&made), [Change::WebhookSaved(SHOP)]);
    assert_eq!(made.changes_to(&made), []);
    let scene = scene.done(Command::Webhook(WebhookCommand::Remove {
        webhook: SHOP,
        against: None,
        by: BY,
    }));
    let removed = outline(&scene);
    assert_eq!(made.changes_to(&removed), [Change::WebhookRemoved(SHOP)]);
    assert_eq!(before.changes_to(&removed), []);
}

#[test]
fn an_auditor_refuses_receivers_that_could_not_be() {
    let scene = scene();
    let (begin, next) = (cursor(&scene), scene.state.next());
    let fault = |what: WebhookEvent| {
        let recorded = Recorded {
            position: next,
            time: scene.now,
            command: CommandId([0; 16]),
            event: event(what),
        };
        lawful(&scene.state, &recorded)
            .err()
            .map(|unlawful| unlawful.fault)
    };
    let webhook = SHOP;
    let stranger = WebhookId([9; 16]);
    let advanced = |webhook, cursor| WebhookEvent::WebhookAdvanced {
        webhook,
        cursor,
        delivered: 0,
    };
    let given_up = |event| WebhookEvent::WebhookGivenUp {
        webhook,
        event,
        attempts: 1,
        status: 0,
    };
    assert_eq!(fault(advanced(webhook, next)), None);
    assert_eq!(fault(given_up(begin)), None);
    assert_eq!(fault(WebhookEvent::WebhookStopped { webhook }), None);
    for (what, why) in [
        (
            WebhookEvent::WebhookCreated {
                webhook,
                form: form("twice"),
                secret: secret(1),
                by: BY,
            },
            "a webhook was created twice",
        ),
        (advanced(stranger, next), "no such webhook"),
        (
            advanced(webhook, begin),
            "the cursor of a webhook went back, or beyond the end",
        ),
        (
            advanced(webhook, next.next()),
            "the cursor of a webhook went back, or beyond the end",
        ),
        (
            given_up(next),
            "a webhook gave up what was behind its cursor, or beyond the end",
        ),
        (
            WebhookEvent::WebhookRedelivered {
                webhook,
                event: begin,
                by: BY,
            },
            "a webhook took again what it had not given up",
        ),
    ] {
        assert_eq!(fault(what), Some(why));
    }
}
