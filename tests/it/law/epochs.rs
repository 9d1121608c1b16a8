//! A new epoch voids what was issued, and keeps what people know.

use keyledger::domain::{
    Actor, Command, DropCause, EpochReason, Event, Outcome, Purpose, Refusal, SessionFault, live_session,
};
use keyledger::types::Span;

use super::scene::{Scene, given};
use crate::people::{ADA, BOB, ELSEWHERE, HOME, code, link, origin};

fn start_epoch() -> Command {
    Command::StartEpoch {
        reason: EpochReason::RollbackAccepted,
        erase: vec![],
    }
}

fn before() -> Scene {
    given(ADA.account())
        .and([ADA.signed_in(1), ADA.issued(1, Purpose::Recovery)])
        .done(ADA.requests_reset(ELSEWHERE))
}

#[test]
fn an_epoch_has_the_next_number_and_a_reason() {
    let decided = before().when(start_epoch()).then([Event::EpochStarted {
        number: 2,
        reason: EpochReason::RollbackAccepted,
    }]);
    assert_eq!(decided.scene.state.epoch().number, 2);
}

#[test]
fn l_11_who_must_stay_erased_is_erased_before_anything_else_in_an_epoch() {
    let by = Actor::System;
    let restored = Command::StartEpoch {
        reason: EpochReason::Restored,
        erase: vec![ADA.user(), BOB.user()],
    };
    before().when(restored).then([
        Event::EpochStarted {
            number: 2,
            reason: EpochReason::Restored,
        },
        Event::UserErased { user: ADA.user(), by },
    ]);
}

#[test]
fn s_16_sessions_and_refresh_tokens_of_an_earlier_epoch_are_over() {
    let scene = before().done(start_epoch());
    let look = live_session(&scene.state, ADA.user(), ADA.session(1), scene.now);
    assert_eq!(look.map(|_| ()), Err(SessionFault::Over));
    scene.when(ADA.refreshes(1, 0)).refused(Refusal::RefreshNotFound);
}

#[test]
fn proofs_of_an_earlier_epoch_open_nothing_and_new_ones_do() {
    let scene = before().done(start_epoch());
    for proof in [link(ADA.token(1)), code(ADA.token(1))] {
        scene
            .clone()
            .when(ADA.recovers(proof, 1, 2))
            .refused(Refusal::TokenNotFound);
    }
    scene
        .and([ADA.issued(2, Purpose::Recovery)])
        .when(ADA.recovers(link(ADA.token(2)), 1, 2))
        .answered(&Outcome::Done);
}

#[test]
fn a_proof_that_takes_a_closing_back_is_void_too() {
    given(ADA.account())
        .and([ADA.signed_in(1)])
        .done(ADA.withdraws(1, 1))
        .done(start_epoch())
        .when(Command::CancelWithdraw {
            proof: link(ADA.token(1)),
            origin: origin(),
        })
        .refused(Refusal::TokenNotFound);
}

#[test]
fn requests_of_an_earlier_epoch_lead_to_no_mail() {
    let scene = before().done(start_epoch());
    let request = *scene.state.requests.keys().next().unwrap();
    scene.when(ADA.issue(request.0, 2)).then([Event::RequestDropped {
        request,
        cause: DropCause::EpochEnded,
    }]);
}

#[test]
fn passwords_stay_and_so_do_counters() {
    before()
        .done(start_epoch())
        .when(ADA.signs_in(HOME, 2))
        .then_kinds(&["SignedIn"]);
    before()
        .tried(5, |_| ADA.fails_to_sign_in(ELSEWHERE))
        .done(start_epoch())
        .when(ADA.signs_in(ELSEWHERE, 2))
        .limited(keyledger::domain::LimitKind::SignIns);
}

#[test]
fn a_session_begun_in_the_new_epoch_holds() {
    let scene = before()
        .done(start_epoch())
        .done(ADA.signs_in(HOME, 2))
        .after(Span::hours(1));
    let look = live_session(&scene.state, ADA.user(), ADA.session(2), scene.now);
    assert_eq!(look.map(|_| ()), Ok(()));
}
