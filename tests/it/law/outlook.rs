//! What a state means at a moment, and what differs between two.

use keyledger::domain::{
    Actor, Change, Command, EpochReason, Obstacle, Outline, Outlook, PasswordCause, Purpose, Refusal,
    Unverified, is_token_alive, sign_in_outlook,
};
use keyledger::types::Span;

use super::scene::{Scene, given};
use crate::people::{ADA, BOB, ELSEWHERE, HOME, NOON, link, net};

fn ada() -> Scene {
    given(ADA.account())
}

fn outlook(scene: &Scene, unverified: Unverified) -> Outlook {
    sign_in_outlook(&scene.state, ADA.user(), scene.now, &scene.limits, unverified).unwrap()
}

fn revoked() -> Command {
    Command::RevokePassword {
        user: ADA.user(),
        by: Actor::Operator,
    }
}

fn distrust() -> Command {
    Command::StartEpoch {
        reason: EpochReason::KeyTheft,
        erase: vec![],
    }
}

#[test]
fn a_sign_in_is_told_to_be_possible_exactly_where_the_law_would_take_it() {
    let guessed = |times| ada().tried(times, |number| ADA.fails_to_sign_in(net(100 + number)));
    let limit = ada().limits.signin_per_user_hour;
    let closing = ada().and([ADA.signed_in(1)]).done(ADA.withdraws(1, 9));
    let until = NOON + closing.limits.lifetimes.withdraw_delay;
    let hour = NOON + Span::hours(1);
    for (scene, obstacles) in [
        (ada(), vec![]),
        (ada().done(ADA.is_banned()), vec![Obstacle::Banned]),
        (closing, vec![Obstacle::Closing(until)]),
        (ada().done(revoked()), vec![Obstacle::NoPassword]),
        (ada().done(distrust()), vec![Obstacle::MailboxUnproven]),
        (
            ada().done(revoked()).done(ADA.is_banned()),
            vec![Obstacle::Banned, Obstacle::NoPassword],
        ),
        (guessed(limit - 1), vec![]),
        (guessed(limit), vec![Obstacle::TriedTooOften(hour)]),
        (guessed(limit).after(Span::hours(1)), vec![]),
    ] {
        let told = outlook(&scene, Unverified::LetIn);
        assert_eq!(told.obstacles, obstacles);
        // From a network that nobody has tried anything from.
        let decision = scene.decide(&ADA.signs_in(HOME, 7));
        assert_eq!(
            decision.verdict.is_ok(),
            told.is_open(),
            "{obstacles:?}: {:?}",
            decision.verdict
        );
    }
}

#[test]
fn networks_that_have_to_wait_are_counted_and_known_ones_go_on() {
    let limit = ada().limits.signin_per_user_hour;
    let scene = ada().and([ADA.signed_in_from(HOME, 1, NOON)]);
    let scene = scene.tried(limit, |number| ADA.fails_to_sign_in(net(100 + number)));
    let told = outlook(&scene, Unverified::LetIn);
    assert!(told.is_open());
    assert_eq!(told.known_networks_only, Some(NOON + Span::hours(1)));
    scene.clone().done(ADA.signs_in(HOME, 2));
    assert!(matches!(
        scene.decide(&ADA.signs_in(ELSEWHERE, 2)).verdict,
        Err(Refusal::Limited(_))
    ));

    let tries = ada().limits.signin_free;
    let scene = ada().tried(tries, |_| ADA.fails_to_sign_in(ELSEWHERE));
    let ready = NOON + scene.limits.signin_wait_first;
    assert_eq!(
        outlook(&scene, Unverified::LetIn).waiting_networks,
        Some((1, ready))
    );
    assert!(scene.decide(&ADA.signs_in(ELSEWHERE, 2)).verdict.is_err());
    let later = scene.after(ready.since(NOON));
    assert_eq!(outlook(&later, Unverified::LetIn).waiting_networks, None);
    later.done(ADA.signs_in(ELSEWHERE, 2));
}

#[test]
fn an_unverified_address_keeps_out_only_where_it_is_asked_for() {
    let scene = given(ADA.unproven_account());
    assert!(outlook(&scene, Unverified::LetIn).is_open());
    assert_eq!(
        outlook(&scene, Unverified::KeptOut).obstacles,
        [Obstacle::Unverified]
    );
    assert!(outlook(&ada(), Unverified::KeptOut).is_open());
    let nobody = sign_in_outlook(&scene.state, BOB.user(), NOON, &scene.limits, Unverified::LetIn);
    assert_eq!(nobody, None);
}

#[test]
fn a_proof_is_alive_exactly_as_long_as_it_opens_something() {
    let issued = ada().and([ADA.issued(1, Purpose::Recovery)]);
    let lifetime = issued.limits.lifetimes.recovery;
    for (scene, is_alive) in [
        (issued.clone(), true),
        (issued.clone().after(Span(lifetime.0 - 1)), true),
        (issued.clone().after(lifetime), false),
        (issued.clone().and([ADA.issued(2, Purpose::Recovery)]), false),
        (issued.clone().done(ADA.is_banned()), false),
        (issued.clone().done(distrust()), false),
        (issued.clone().done(ADA.recovers(link(ADA.token(1)), 1, 2)), false),
    ] {
        let told = is_token_alive(&scene.state, ADA.token(1), scene.now, &scene.limits);
        let decision = scene.decide(&ADA.recovers(link(ADA.token(1)), 1, 3));
        assert_eq!(
            (told, decision.verdict.is_ok()),
            (is_alive, is_alive),
            "{:?}",
            decision.verdict
        );
    }
}

#[test]
fn what_changed_between_two_moments_is_what_differs_in_the_end() {
    let outline = |scene: &Scene| Outline::of(&scene.state, scene.now, &scene.limits);
    let before = ada().and([
        ADA.signed_in(1),
        ADA.signed_in(2),
        ADA.issued(1, Purpose::Recovery),
    ]);
    let first = outline(&before);
    assert_eq!(first.changes_to(&first), []);

    let recovered = before.clone().done(ADA.recovers(link(ADA.token(1)), 1, 2));
    let changes = first.changes_to(&outline(&recovered));
    let (ada, token) = (ADA.user(), ADA.token(1));
    assert_eq!(
        changes,
        [
            Change::PasswordSet(ada),
            Change::SessionEnded(ada, ADA.session(1)),
            Change::SessionEnded(ada, ADA.session(2)),
            Change::TokenSpent(ada, token, Purpose::Recovery),
        ]
    );
    let closed = before.clone().done(ADA.withdraws(1, 9));
    let until = NOON + closed.limits.lifetimes.withdraw_delay;
    assert!(
        first
            .changes_to(&outline(&closed))
            .contains(&Change::ClosingBegan(ada, until))
    );
    let ended = before.clone().done(ADA.is_erased()).and(BOB.account());
    let changes = first.changes_to(&outline(&ended));
    assert_eq!(
        changes[..2],
        [Change::UserMade(BOB.user()), Change::UserErased(ada)]
    );
    assert!(changes.contains(&Change::PasswordSet(BOB.user())));
    assert!(changes.contains(&Change::TokenDied(ada, token, Purpose::Recovery)));

    // Time alone ends things too.
    let lifetime = before.limits.lifetimes.recovery;
    let changes = first.changes_to(&outline(&before.clone().after(lifetime)));
    assert_eq!(changes, [Change::TokenDied(ada, token, Purpose::Recovery)]);
    let stolen = first.changes_to(&outline(&before.done(distrust())));
    assert_eq!(stolen[0], Change::EpochBegan(2));
    assert_eq!(stolen.len(), 4, "two sessions and a proof: {stolen:?}");
    let fresh = given([]);
    let made = outline(&fresh).changes_to(&outline(
        &fresh.and([ADA.registered(), ADA.password_set(1, PasswordCause::SignUp)]),
    ));
    assert_eq!(made, [Change::UserMade(ada), Change::PasswordSet(ada)]);
}
