//! The outbox: what is due, what became of it, and what must not leave any more.

use keyledger::domain::{Command, Event, MailEnd, MailStanding, PasswordVerdict, Purpose, Refusal};
use keyledger::types::{Position, Span};

use super::scene::{Scene, given};
use crate::people::{ADA, ELSEWHERE, NOON, link};

/// Ada's recovery mail waits; it is the only one.
fn mail_waits() -> (Scene, Position) {
    let scene = given(ADA.account())
        .and([ADA.signed_in(1)])
        .done(ADA.requests_reset(ELSEWHERE));
    let request = *scene.state.requests.keys().next().unwrap();
    let scene = scene.done(ADA.issue(request.0, 1));
    let queued = *scene.state.outbox.keys().next().unwrap();
    (scene, queued)
}

fn standing(scene: &Scene, queued: Position) -> MailStanding {
    scene.state.outbox[&queued].standing(queued, &scene.state, scene.now)
}

fn deferred(queued: Position, attempt: u16) -> Command {
    Command::MailDeferred {
        queued,
        attempt,
        status: 451,
        step: 3,
        next: NOON + Span::minutes(1),
    }
}

#[test]
fn a_mail_is_due_at_once_and_waits_after_a_failure() {
    let (scene, queued) = mail_waits();
    assert_eq!(standing(&scene, queued), MailStanding::Due);
    let scene = scene
        .when(deferred(queued, 1))
        .then_kinds(&["MailDeferred"])
        .scene;
    assert_eq!(
        standing(&scene, queued),
        MailStanding::Waiting(NOON + Span::minutes(1))
    );
    assert_eq!(scene.state.outbox[&queued].attempts, 1);
    assert_eq!(
        standing(&scene.after(Span::minutes(1)), queued),
        MailStanding::Due
    );
}

#[test]
fn a_delivered_or_ended_mail_leaves_the_outbox_once() {
    let (scene, queued) = mail_waits();
    let delivered = Command::MailDelivered {
        queued,
        attempt: 1,
        status: 250,
    };
    let ended = Command::MailEnded {
        queued,
        attempt: 1,
        status: 550,
        step: 4,
        cause: MailEnd::Refused,
    };
    for command in [delivered.clone(), ended.clone()] {
        let after = scene.clone().done(command);
        assert!(after.state.outbox.is_empty());
        for again in [delivered.clone(), ended.clone(), deferred(queued, 2)] {
            after.clone().when(again).refused(Refusal::NoSuchMail);
        }
    }
}

#[test]
fn r_25_a_mail_whose_proof_is_void_must_not_leave() {
    let (scene, queued) = mail_waits();
    let right = PasswordVerdict::Right(ADA.password(1));
    for killer in [
        ADA.recovers(link(ADA.token(1)), 1, 2),
        ADA.changes_password(1, right, Some(2)),
        ADA.is_banned(),
        ADA.withdraws(1, 7),
    ] {
        let after = scene.clone().done(killer);
        assert_eq!(standing(&after, queued), MailStanding::Over(MailEnd::Superseded));
    }
    let newer = scene.clone().and([ADA.issued(2, Purpose::Recovery)]);
    assert_eq!(standing(&newer, queued), MailStanding::Over(MailEnd::Superseded));
    let old = scene.clone().after(Span::hours(24));
    assert_eq!(standing(&old, queued), MailStanding::Over(MailEnd::Superseded));
    let gone = scene.clone().done(ADA.is_erased());
    assert_eq!(standing(&gone, queued), MailStanding::Over(MailEnd::UserGone));
    let epoch = Command::StartEpoch {
        reason: keyledger::domain::EpochReason::Restored,
        erase: vec![],
    };
    let voided = scene.done(epoch);
    assert_eq!(standing(&voided, queued), MailStanding::Over(MailEnd::EpochEnded));
}

#[test]
fn a_notice_leaves_whatever_became_of_the_proof() {
    let (scene, _) = mail_waits();
    let scene = scene
        .done(ADA.recovers(link(ADA.token(1)), 1, 2))
        .done(ADA.is_banned());
    let notice = *scene.state.outbox.keys().next_back().unwrap();
    assert_eq!(standing(&scene, notice), MailStanding::Due);
}

#[test]
fn the_mail_that_takes_a_closing_back_leaves_while_the_account_closes() {
    let scene = given(ADA.account())
        .and([ADA.signed_in(1)])
        .done(ADA.withdraws(1, 1));
    let queued = *scene.state.outbox.keys().next().unwrap();
    assert_eq!(standing(&scene, queued), MailStanding::Due);
    assert_eq!(
        standing(&scene.after(Span::hours(72)), queued),
        MailStanding::Over(MailEnd::Superseded)
    );
}

#[test]
fn mail_events_carry_what_the_worker_saw() {
    let (scene, queued) = mail_waits();
    scene.when(deferred(queued, 3)).then([Event::MailDeferred {
        queued,
        attempt: 3,
        status: 451,
        step: 3,
        next: NOON + Span::minutes(1),
    }]);
}
