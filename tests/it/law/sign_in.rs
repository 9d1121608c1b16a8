//! Signing in, and being kept from it.

use keyledger::domain::{
    Actor, Command, Event, FailCause, LimitKind, Outcome, PasswordVerdict, Refusal, Subject, SuppressedClass,
};
use keyledger::types::Span;

use super::scene::{Scene, given};
use crate::people::{ADA, BOB, ELSEWHERE, HOME, NOBODY, NOON, Net, Person, net, origin};

fn failed(subject: Subject, cause: FailCause) -> Event {
    Event::SignInFailed {
        subject,
        network: ELSEWHERE.tag(),
        cause,
        origin: origin(),
    }
}

fn ada() -> Scene {
    given(ADA.account())
}

#[test]
fn the_right_password_begins_a_session() {
    let decided = ada()
        .when(ADA.signs_in(HOME, 1))
        .then([ADA.signed_in(1)])
        .answered(&Outcome::Session(Some(ADA.session(1))));
    let user = &decided.scene.state.users[&ADA.user()];
    assert_eq!(user.last_login, Some(NOON));
    assert_eq!(user.known[..], [(HOME.tag(), NOON)]);
}

#[test]
fn a16_a_wrong_password_is_remembered_for_known_and_unknown_addresses() {
    ada()
        .when(ADA.fails_to_sign_in(ELSEWHERE))
        .refused_and_remembered(
            [failed(Subject::Address(ADA.address()), FailCause::WrongPassword)],
            Refusal::InvalidCredentials,
        );
    ada()
        .when(NOBODY.fails_to_sign_in(ELSEWHERE))
        .refused_and_remembered(
            [failed(
                Subject::Stranger(NOBODY.stranger()),
                FailCause::WrongPassword,
            )],
            Refusal::InvalidCredentials,
        );
}

#[test]
fn a22_s_03_the_right_password_of_a_banned_user_opens_nothing() {
    ada()
        .done(ADA.is_banned())
        .when(ADA.signs_in(ELSEWHERE, 1))
        .refused_and_remembered(
            [failed(Subject::Address(ADA.address()), FailCause::Banned)],
            Refusal::Banned,
        );
}

#[test]
fn a_wrong_password_of_a_banned_user_does_not_tell_of_the_ban() {
    ada()
        .done(ADA.is_banned())
        .when(ADA.fails_to_sign_in(ELSEWHERE))
        .refused_and_remembered(
            [failed(Subject::Address(ADA.address()), FailCause::WrongPassword)],
            Refusal::InvalidCredentials,
        );
}

#[test]
fn a_closing_account_is_answered_like_a_wrong_password() {
    ada()
        .and([ADA.signed_in(1)])
        .done(ADA.withdraws(1, 1))
        .when(ADA.signs_in(ELSEWHERE, 2))
        .refused_and_remembered(
            [failed(Subject::Address(ADA.address()), FailCause::Closing)],
            Refusal::InvalidCredentials,
        );
}

#[test]
fn an_unproven_address_keeps_its_owner_out_only_where_settings_say_so() {
    let strict = |mut command: Command| {
        if let Command::SignIn { require_verified, .. } = &mut command {
            *require_verified = true;
        }
        command
    };
    let unproven = || given(ADA.unproven_account());
    unproven()
        .when(strict(ADA.signs_in(ELSEWHERE, 1)))
        .refused_and_remembered(
            [failed(Subject::Address(ADA.address()), FailCause::Unverified)],
            Refusal::EmailNotVerified,
        );
    unproven()
        .when(strict(ADA.fails_to_sign_in(ELSEWHERE)))
        .refused_with_kinds(&["SignInFailed"], Refusal::InvalidCredentials);
    unproven()
        .when(ADA.signs_in(ELSEWHERE, 1))
        .then_kinds(&["SignedIn"]);
    ada()
        .when(strict(ADA.signs_in(ELSEWHERE, 1)))
        .then_kinds(&["SignedIn"]);
}

#[test]
fn r_39_a_verdict_against_a_password_that_is_gone_is_refused() {
    ada()
        .when(ADA.signs_in_with(HOME, PasswordVerdict::Right(ADA.password(9)), 1))
        .refused(Refusal::InvalidCredentials);
    ada()
        .when(ADA.signs_in_with(HOME, PasswordVerdict::Right(BOB.password(1)), 1))
        .refused(Refusal::InvalidCredentials);
}

#[test]
fn a_user_without_a_password_cannot_sign_in() {
    given([])
        .done(ADA.is_created())
        .when(ADA.fails_to_sign_in(ELSEWHERE))
        .refused_with_kinds(&["SignInFailed"], Refusal::InvalidCredentials);
}

#[test]
fn r_03_a12_waits_after_wrong_passwords_are_the_same_for_known_and_unknown_addresses() {
    let waits = |person: Person| -> Vec<i64> {
        let mut scene = ada().tried(5, |_| person.fails_to_sign_in(ELSEWHERE));
        let mut waits = vec![];
        for _ in 0..9 {
            let wait = scene
                .clone()
                .when(person.fails_to_sign_in(ELSEWHERE))
                .limited(LimitKind::SignIns)
                .wait();
            waits.push(wait.0 / 1_000_000);
            scene = scene.after(wait);
            scene = scene
                .when(person.fails_to_sign_in(ELSEWHERE))
                .refused_with_kinds(&["SignInFailed"], Refusal::InvalidCredentials)
                .scene;
        }
        waits
    };
    assert_eq!(waits(ADA), [10, 20, 40, 80, 160, 320, 640, 900, 900]);
    assert_eq!(waits(ADA), waits(NOBODY));
}

#[test]
fn r_03_a12_the_limit_of_an_hour_is_the_same_for_known_and_unknown_addresses() {
    for person in [ADA, NOBODY] {
        let scene = ada().tried(100, |n| person.fails_to_sign_in(net(100 + n)));
        let decided = scene
            .when(person.fails_to_sign_in(Net(300)))
            .limited(LimitKind::SignIns);
        assert_eq!(decided.wait(), Span::hours(1));
        let later = decided.scene.after(Span::hours(1));
        later
            .when(person.fails_to_sign_in(Net(300)))
            .refused_with_kinds(&["SignInFailed"], Refusal::InvalidCredentials);
    }
}

#[test]
fn r_03_counts_end_at_midnight_for_known_and_unknown_addresses() {
    for person in [ADA, NOBODY] {
        ada()
            .tried(5, |_| person.fails_to_sign_in(ELSEWHERE))
            .after(Span::hours(12))
            .when(person.fails_to_sign_in(ELSEWHERE))
            .refused_with_kinds(&["SignInFailed"], Refusal::InvalidCredentials);
    }
}

#[test]
fn a19_ten_thousand_wrong_sign_ins_from_everywhere_leave_the_owners_network_open() {
    let mut scene = ada().and([ADA.signed_in(1)]);
    for n in 0..10_000_u16 {
        scene = scene.tried(1, |_| ADA.fails_to_sign_in(Net(10 + n)));
    }
    scene
        .clone()
        .when(ADA.signs_in(HOME, 2))
        .then_kinds(&["SignedIn"]);
    scene.when(ADA.signs_in(ELSEWHERE, 2)).limited(LimitKind::SignIns);
}

#[test]
fn a19_a_network_is_known_for_thirty_days() {
    let busy = |scene: Scene| {
        scene
            .tried(100, |n| ADA.fails_to_sign_in(net(100 + n)))
            .when(ADA.signs_in(HOME, 2))
    };
    let scene = ada().and([ADA.signed_in(1)]);
    busy(scene.clone().after(Span(Span::days(30).0 - 1))).then_kinds(&["SignedIn"]);
    busy(scene.after(Span::days(30))).limited(LimitKind::SignIns);
}

#[test]
fn a15_a_limited_sign_in_does_not_say_whether_its_password_was_right() {
    let scene = ada().tried(5, |_| ADA.fails_to_sign_in(ELSEWHERE));
    scene
        .clone()
        .when(ADA.signs_in(ELSEWHERE, 1))
        .limited(LimitKind::SignIns);
    scene
        .when(ADA.fails_to_sign_in(ELSEWHERE))
        .limited(LimitKind::SignIns);
}

#[test]
fn a_sign_in_clears_the_count_of_its_network_only() {
    let scene = ada()
        .tried(4, |_| ADA.fails_to_sign_in(ELSEWHERE))
        .tried(5, |_| ADA.fails_to_sign_in(Net(3)))
        .done(ADA.signs_in(ELSEWHERE, 1));
    scene
        .clone()
        .tried(4, |_| ADA.fails_to_sign_in(ELSEWHERE))
        .when(ADA.signs_in(ELSEWHERE, 2))
        .then_kinds(&["SignedIn"]);
    scene.when(ADA.signs_in(Net(3), 2)).limited(LimitKind::SignIns);
}

#[test]
fn r_03_a12_other_networks_do_not_push_a_count_out() {
    // Five from one network, then one from each of 65 others: the first still waits, as it would for nobody's address,
    // whose counts lie in sets that nobody can aim at without the day's key.
    let scene = ada().tried(5, |_| ADA.fails_to_sign_in(Net(100)));
    let scene = scene.tried(65, |n| ADA.fails_to_sign_in(net(200 + n)));
    scene
        .when(ADA.fails_to_sign_in(Net(100)))
        .limited(LimitKind::SignIns);
}

#[test]
fn r_03_a12_a_full_budget_does_not_tell_known_from_unknown() {
    for who in [&ADA, &NOBODY] {
        let full = ada().under(|limits| limits.stranger_bytes_burst = 0);
        let scene = full.tried(5, |_| who.fails_to_sign_in(ELSEWHERE));
        scene
            .when(who.fails_to_sign_in(ELSEWHERE))
            .limited(LimitKind::SignIns);
    }
}

#[test]
fn law_8_beyond_the_budget_sign_ins_for_nobody_are_counted_and_not_written() {
    let full = ada().under(|limits| limits.stranger_bytes_burst = 0);
    full.clone()
        .when(NOBODY.fails_to_sign_in(ELSEWHERE))
        .refused(Refusal::InvalidCredentials)
        .counted_as(SuppressedClass::SignIns);
    full.clone()
        .when(ADA.fails_to_sign_in(ELSEWHERE))
        .refused_with_kinds(&["SignInFailed"], Refusal::InvalidCredentials);
    full.when(ADA.signs_in(ELSEWHERE, 1)).then_kinds(&["SignedIn"]);
}

#[test]
fn s_10_the_oldest_session_makes_room_when_a_user_has_too_many() {
    let scene = ada().under(|limits| limits.sessions_per_user = 2);
    let scene = scene.done(ADA.signs_in(HOME, 1)).done(ADA.signs_in(HOME, 2));
    let decided = scene.when(ADA.signs_in(HOME, 3)).then([
        Event::SessionEnded {
            user: ADA.user(),
            session: ADA.session(1),
            cause: keyledger::domain::EndCause::Displaced,
            by: Actor::System,
            origin: Some(crate::people::origin()),
        },
        ADA.signed_in(3),
    ]);
    let held = &decided.scene.state.users[&ADA.user()].sessions;
    assert_eq!(held[..], [ADA.session(2), ADA.session(3)]);
}

#[test]
fn s_10_a_lowered_limit_is_reached_at_the_next_sign_in() {
    let scene = ada()
        .and((1..=5).map(|n| ADA.signed_in(n)))
        .under(|limits| limits.sessions_per_user = 2)
        .done(ADA.signs_in(HOME, 6));
    let held = &scene.state.users[&ADA.user()].sessions;
    assert_eq!(held[..], [ADA.session(5), ADA.session(6)]);
    assert_eq!(scene.state.sessions.len(), 2);
}

#[test]
fn a_stronger_verifier_is_taken_only_for_the_password_it_was_made_of() {
    let upgrade = |person: Person, number| Command::UpgradeVerifier {
        user: person.user(),
        credential: person.credential(number),
    };
    ada().when(upgrade(ADA, 1)).then_kinds(&["VerifierUpgraded"]);
    ada().when(upgrade(ADA, 2)).refused(Refusal::Outdated);
    ada().when(upgrade(NOBODY, 1)).refused(Refusal::UserNotFound);
}
