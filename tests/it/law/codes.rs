//! Typed codes: few, counted over all challenges, and never at the cost of the link.

use keyledger::domain::{
    Allowance, Command, Event, LimitKind, Outcome, Purpose, Refusal, Subject, SuppressedClass,
};
use keyledger::types::{Span, TokenId};

use super::scene::{Scene, given};
use crate::people::{ADA, ELSEWHERE, HOME, NOBODY, Net, code, link, origin};

fn refused_code(subject: Subject, token: Option<TokenId>, allowance: Allowance) -> Event {
    Event::CodeRefused {
        subject,
        purpose: Purpose::Recovery,
        token,
        allowance,
        origin: origin(),
    }
}

fn ada_with_code() -> Scene {
    given(ADA.account()).and([ADA.signed_in(1), ADA.issued(1, Purpose::Recovery)])
}

/// So many wrong codes, a new challenge after each five.
fn guessed(mut scene: Scene, times: u32, net: Net) -> Scene {
    for number in 0..times {
        if number % 5 == 0 {
            let fresh = u32::try_from(scene.state.next().0).unwrap();
            scene = scene.and([ADA.issued(100 + fresh, Purpose::Recovery)]);
        }
        scene = scene.tried(1, |_| ADA.guesses(net));
    }
    scene
}

#[test]
fn a16_a_wrong_code_is_remembered_before_it_is_refused() {
    ada_with_code()
        .when(ADA.guesses(ELSEWHERE))
        .refused_and_remembered(
            [refused_code(
                Subject::Address(ADA.address()),
                Some(ADA.token(1)),
                Allowance::General,
            )],
            Refusal::TokenNotFound,
        );
    ada_with_code()
        .when(NOBODY.guesses(ELSEWHERE))
        .refused_and_remembered(
            [refused_code(
                Subject::Stranger(NOBODY.stranger()),
                None,
                Allowance::General,
            )],
            Refusal::TokenNotFound,
        );
}

#[test]
fn r_29_a15_five_wrong_codes_kill_the_code_of_a_challenge_but_not_its_link() {
    let four = ada_with_code().tried(4, |_| ADA.guesses(ELSEWHERE));
    four.clone()
        .when(ADA.recovers(code(ADA.token(1)), 1, 2))
        .answered(&Outcome::Done);
    let five = four.tried(1, |_| ADA.guesses(ELSEWHERE));
    five.clone()
        .when(ADA.recovers(code(ADA.token(1)), 1, 2))
        .refused(Refusal::TokenNotFound);
    five.when(ADA.recovers(link(ADA.token(1)), 1, 2))
        .answered(&Outcome::Done);
}

#[test]
fn r_29_a_new_code_does_not_reset_the_count_of_the_day() {
    let scene = guessed(ada_with_code(), 20, ELSEWHERE).and([ADA.issued(2, Purpose::Recovery)]);
    assert_eq!(scene.state.tokens[&ADA.token(2)].tries, 0);
    scene
        .clone()
        .when(ADA.guesses(ELSEWHERE))
        .limited(LimitKind::Codes);
    let decided = scene
        .when(ADA.recovers(code(ADA.token(2)), 1, 2))
        .limited(LimitKind::Codes);
    assert_eq!(decided.wait(), Span::hours(12), "until midnight");
}

#[test]
fn r_29_the_day_of_codes_ends() {
    guessed(ada_with_code(), 20, ELSEWHERE)
        .after(Span::hours(12))
        .and([ADA.issued(2, Purpose::Recovery)])
        .when(ADA.recovers(code(ADA.token(2)), 1, 2))
        .answered(&Outcome::Done);
}

#[test]
fn r_29_a19_whatever_strangers_type_the_link_is_never_blocked() {
    guessed(ada_with_code(), 60, ELSEWHERE)
        .and([ADA.issued(2, Purpose::Recovery)])
        .when(ADA.recovers(link(ADA.token(2)), 1, 2))
        .answered(&Outcome::Done);
}

#[test]
fn r_29_law_10_networks_that_signed_in_lately_keep_a_reserve_of_five() {
    let spent = guessed(ada_with_code(), 20, ELSEWHERE).and([ADA.issued(2, Purpose::Recovery)]);
    spent
        .clone()
        .when(ADA.recovers_from(HOME, code(ADA.token(2)), Some(ADA.password(1)), 2))
        .answered(&Outcome::Done);
    let decided = spent.clone().when(ADA.guesses(HOME)).refused_and_remembered(
        [refused_code(
            Subject::Address(ADA.address()),
            Some(ADA.token(2)),
            Allowance::Reserve,
        )],
        Refusal::TokenNotFound,
    );
    decided
        .scene
        .tried(4, |_| ADA.guesses(HOME))
        .and([ADA.issued(3, Purpose::Recovery)])
        .when(ADA.recovers_from(HOME, code(ADA.token(3)), Some(ADA.password(1)), 2))
        .limited(LimitKind::Codes);
    let forgotten = spent.after(Span::days(31)).and([ADA.issued_at(
        4,
        Purpose::Recovery,
        crate::people::NOON + Span::days(31),
    )]);
    forgotten
        .tried(20, |_| ADA.guesses(ELSEWHERE))
        .when(ADA.guesses(HOME))
        .limited(LimitKind::Codes);
}

#[test]
fn r_29_codes_of_every_purpose_share_the_count_of_the_day() {
    let scene = given(ADA.unproven_account())
        .and([ADA.issued(1, Purpose::VerifyEmail)])
        .tried(20, |_| ADA.guesses_for(Purpose::Recovery, ELSEWHERE));
    scene
        .clone()
        .when(ADA.guesses_for(Purpose::VerifyEmail, ELSEWHERE))
        .limited(LimitKind::Codes);
    // Else whoever goes on typing would find the right one among answers that count nothing.
    scene
        .clone()
        .when(ADA.proves_address(code(ADA.token(1))))
        .limited(LimitKind::Codes);
    scene
        .when(ADA.proves_address(link(ADA.token(1))))
        .answered(&Outcome::Verified);
}

#[test]
fn r_03_a12_the_limit_on_codes_is_the_same_for_known_and_unknown_addresses() {
    for person in [ADA, NOBODY] {
        let scene = given(ADA.account()).tried(19, |_| person.guesses(ELSEWHERE));
        let twentieth = scene.when(person.guesses(ELSEWHERE));
        assert_eq!(twentieth.decision.verdict, Err(Refusal::TokenNotFound));
        let over = twentieth
            .scene
            .when(person.guesses(ELSEWHERE))
            .limited(LimitKind::Codes);
        assert_eq!(over.wait(), Span::hours(12));
    }
}

#[test]
fn a15_a_spent_proof_is_not_charged_and_a_dead_one_gets_no_tries() {
    let scene = ada_with_code()
        .done(ADA.recovers(code(ADA.token(1)), 1, 2))
        .tried(1, |_| ADA.guesses(ELSEWHERE));
    assert_eq!(scene.state.tokens[&ADA.token(1)].tries, 0);
}

#[test]
fn law_8_beyond_the_budget_codes_for_nobody_are_counted_and_not_written() {
    given(ADA.account())
        .under(|limits| limits.stranger_bytes_day = 0)
        .when(NOBODY.guesses(ELSEWHERE))
        .refused(Refusal::TokenNotFound)
        .counted_as(SuppressedClass::Codes);
    given(ADA.account())
        .under(|limits| limits.stranger_bytes_day = 0)
        .when(ADA.guesses(ELSEWHERE))
        .refused_with_kinds(&["CodeRefused"], Refusal::TokenNotFound);
}

#[test]
fn a_code_for_a_proof_that_is_not_there_is_not_found() {
    ada_with_code()
        .when(ADA.recovers(code(ADA.token(77)), 1, 2))
        .refused(Refusal::TokenNotFound);
    let command: Command = ADA.proves_address(code(ADA.token(77)));
    ada_with_code().when(command).refused(Refusal::TokenNotFound);
}
