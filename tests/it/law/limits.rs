//! How much of anything strangers may cause, and that limits tell nothing.

use keyledger::domain::{Allowance, Command, Event, LimitKind, Outcome, SuppressedClass};
use keyledger::types::Span;

use super::scene::{Scene, given};
use crate::people::{ADA, BOB, ELSEWHERE, HOME, NOBODY, Net, Person, net, person};

/// Out of which allowance a request was taken.
fn allowance(scene: Scene, person: Person, net: Net) -> (Allowance, Scene) {
    let decided = scene.when(person.requests_reset(net));
    match decided.decision.events[..] {
        [Event::ResetRequested { allowance, .. }] => (allowance, decided.scene),
        ref other => panic!("one request: {other:?}"),
    }
}

/// Ada registered yesterday, so that the mail of her sign-up is out of every window.
fn ada() -> Scene {
    given(ADA.account()).after(Span::days(1))
}

fn nets(n: u32) -> Net {
    net(100 + n)
}

#[test]
fn r_05_an_address_gets_five_mails_an_hour_and_ten_a_day() {
    let mut scene = ada();
    let mut mailed = vec![];
    for hour in 0..3 {
        for n in 0..7 {
            let (from, next) = allowance(scene, ADA, nets(hour * 10 + n));
            mailed.push(from == Allowance::General);
            scene = next;
        }
        scene = scene.after(Span::hours(1));
    }
    let an_hour = [true, true, true, true, true, false, false];
    assert_eq!(mailed[..7], an_hour);
    assert_eq!(mailed[7..14], an_hour);
    assert_eq!(mailed[14..], [false; 7]);
    let (next_day, _) = allowance(scene.after(Span::hours(9)), ADA, ELSEWHERE);
    assert_eq!(next_day, Allowance::General);
}

#[test]
fn r_05_the_mail_of_the_sign_up_is_one_of_the_first_hours() {
    let scene = given([])
        .done(ADA.signs_up(HOME))
        .tried(9, |n| ADA.requests_reset(nets(n)));
    assert_eq!(scene.state.requests.len(), 4);
}

#[test]
fn law_10_a_known_network_keeps_a_reserve_of_three_mails_a_day() {
    let mut scene = given(ADA.account()).and([ADA.signed_in(1)]).after(Span::days(1));
    for n in 0..9 {
        scene = allowance(scene, ADA, nets(n)).1;
    }
    let mut from = vec![];
    for _ in 0..4 {
        let (next, after) = allowance(scene, ADA, HOME);
        from.push(next);
        scene = after;
    }
    assert_eq!(from[..3], [Allowance::Reserve; 3]);
    assert_eq!(from[3], Allowance::None);
    assert_eq!(scene.state.requests.len(), 5 + 3);
    let (stranger, _) = allowance(scene, ADA, ELSEWHERE);
    assert_eq!(stranger, Allowance::None);
}

#[test]
fn r_03_a12_the_limit_of_a_client_is_the_same_for_known_and_unknown_addresses() {
    for person in [ADA, NOBODY] {
        let scene = given(ADA.account()).tried(30, |_| person.requests_reset(ELSEWHERE));
        let decided = scene
            .clone()
            .when(person.requests_reset(ELSEWHERE))
            .limited(LimitKind::ClientMails);
        assert_eq!(decided.wait(), Span::minutes(10));
        scene
            .clone()
            .when(person.requests_reset(Net(9)))
            .answered(&Outcome::Done);
        scene
            .after(Span::minutes(10))
            .when(person.requests_reset(ELSEWHERE))
            .answered(&Outcome::Done);
    }
}

#[test]
fn a18_the_count_of_a_client_does_not_depend_on_which_address_is_asked_about() {
    given(ADA.account())
        .and(BOB.account())
        .tried(30, |n| {
            [ADA, BOB, NOBODY][n as usize % 3].requests_reset(ELSEWHERE)
        })
        .when(BOB.requests_reset(ELSEWHERE))
        .limited(LimitKind::ClientMails);
}

#[test]
fn an_exempt_client_has_no_limit_of_its_own_and_an_address_still_has() {
    let exempt = |_| {
        let mut command = ADA.requests_reset(ELSEWHERE);
        if let Command::RequestProof { ask, .. } = &mut command {
            ask.client.exempt = true;
        }
        command
    };
    let scene = ada().tried(60, exempt);
    assert_eq!(scene.state.requests.len(), 5);
}

/// The budget is used up by strangers.
fn full() -> Scene {
    ada()
        .under(|limits| limits.stranger_bytes_burst = 512 * 50)
        .tried(60, |n| NOBODY.requests_reset(nets(n)))
}

#[test]
fn law_8_strangers_share_a_budget_beyond_which_only_known_addresses_append() {
    let scene = full();
    assert_eq!(scene.state.next().0, 4 + 50);
    scene
        .clone()
        .when(NOBODY.requests_reset(ELSEWHERE))
        .then([])
        .counted_as(SuppressedClass::Requests);
    let (known, scene) = allowance(scene, ADA, ELSEWHERE);
    assert_eq!(known, Allowance::General);
    assert_eq!(scene.state.requests.len(), 1);
    let over = scene.tried(10, |_| ADA.requests_reset(ELSEWHERE));
    assert_eq!(over.state.requests.len(), 5, "within their limits");
    over.clone()
        .when(ADA.requests_reset(ELSEWHERE))
        .then([])
        .counted_as(SuppressedClass::Requests);
    over.after(Span::hours(6))
        .when(NOBODY.requests_reset(ELSEWHERE))
        .then_kinds(&["ResetRequested"]);
}

#[test]
fn r_03_law_8_beyond_the_budget_a_clients_limit_does_not_tell_known_from_unknown() {
    let verdicts = |person: Person| -> Vec<bool> {
        let mut scene = full().under(|limits| limits.mails_per_client = 3);
        let mut verdicts = vec![];
        for _ in 0..8 {
            let decided = scene.when(person.requests_reset(ELSEWHERE));
            verdicts.push(decided.decision.verdict.is_ok());
            scene = decided.scene;
        }
        verdicts
    };
    assert_eq!(verdicts(ADA), verdicts(NOBODY));
}

#[test]
fn law_8_the_budget_of_a_day_is_one_too() {
    let scene = given([])
        .under(|limits| {
            limits.stranger_bytes_day = 512 * 10;
            limits.stranger_bytes_burst = u64::MAX;
        })
        .tried(10, |n| NOBODY.requests_reset(nets(n)));
    scene
        .clone()
        .after(Span(Span::hours(12).0 - 1))
        .when(NOBODY.requests_reset(ELSEWHERE))
        .then([])
        .counted_as(SuppressedClass::Requests);
    scene
        .after(Span::hours(12))
        .when(NOBODY.requests_reset(ELSEWHERE))
        .then_kinds(&["ResetRequested"]);
}

#[test]
fn law_8_a_sign_up_counts_as_what_it_writes() {
    let scene = given([])
        .under(|limits| limits.stranger_bytes_burst = 512 * 8)
        .tried(2, |n| person(0x20 + n).signs_up(nets(n)));
    assert_eq!(scene.state.users.len(), 2);
    scene
        .when(NOBODY.requests_reset(ELSEWHERE))
        .then([])
        .counted_as(SuppressedClass::Requests);
}

#[test]
fn law_8_what_was_not_written_is_written_down_as_a_count_that_no_decision_reads() {
    let suppressed = Event::Suppressed {
        class: SuppressedClass::Requests,
        count: 1_000_000,
        first: None,
    };
    let command = Command::RecordSuppressed {
        class: SuppressedClass::Requests,
        count: 1_000_000,
        first: None,
    };
    given(ADA.account())
        .when(command)
        .then([suppressed])
        .scene
        .when(NOBODY.requests_reset(ELSEWHERE))
        .then_kinds(&["ResetRequested"]);
}
