//! Refresh tokens: rotation, a short grace, and what a replay costs.

use keyledger::domain::{
    Actor, Command, EndCause, Event, MailKind, Outcome, Refusal, SessionFault, SuppressedClass, live_session,
};
use keyledger::types::Span;

use super::scene::{Scene, given};
use crate::people::{ADA, origin};

fn ada_signed_in() -> Scene {
    given(ADA.account()).and([ADA.signed_in(1), ADA.signed_in(2)])
}

fn rotated(counter: u32) -> Outcome {
    Outcome::Refreshed {
        counter,
        refresh_key: 4,
    }
}

#[test]
fn s_12_a_refresh_token_becomes_its_successor() {
    ada_signed_in()
        .when(ADA.refreshes(1, 0))
        .then([Event::RefreshRotated {
            user: ADA.user(),
            session: ADA.session(1),
            counter: 1,
            refresh_key: 4,
            idle: Span::days(7),
            origin: Some(origin()),
        }])
        .answered(&rotated(1))
        .scene
        .when(ADA.refreshes(1, 1))
        .answered(&rotated(2));
}

#[test]
fn s_14_within_the_grace_the_token_just_replaced_gives_the_same_successor_and_writes_nothing() {
    ada_signed_in()
        .done(ADA.refreshes(1, 0))
        .after(Span(Span::seconds(10).0 - 1))
        .when(ADA.refreshes(1, 0))
        .then([])
        .answered(&rotated(1))
        .scene
        .when(ADA.refreshes(1, 1))
        .answered(&rotated(2));
}

#[test]
fn s_13_after_the_grace_a_replaced_token_ends_every_session_of_the_user_and_tells_them() {
    let decided = ada_signed_in()
        .done(ADA.refreshes(1, 0))
        .after(Span::seconds(10))
        .when(ADA.refreshes(1, 0))
        .refused_with_kinds(
            &["RefreshReplayed", "SessionsEnded", "MailQueued"],
            Refusal::RefreshNotFound,
        );
    assert_eq!(
        decided.decision.events[..2],
        [
            Event::RefreshReplayed {
                user: ADA.user(),
                session: ADA.session(1),
                counter: 0,
                origin: origin(),
            },
            Event::SessionsEnded {
                user: ADA.user(),
                except: None,
                count: 2,
                cause: EndCause::Replayed,
                by: Actor::System,
                origin: Some(origin()),
            },
        ]
    );
    let scene = decided.scene;
    assert_eq!(
        scene.state.outbox.values().next().unwrap().kind,
        MailKind::SessionsRevoked
    );
    for session in [1, 2] {
        let look = live_session(&scene.state, ADA.user(), ADA.session(session), scene.now);
        assert_eq!(look.map(|_| ()), Err(SessionFault::Over));
    }
    // The successor is of the same family.
    for (session, counter) in [(1, 1), (1, 0), (2, 0)] {
        scene
            .clone()
            .when(ADA.refreshes(session, counter))
            .refused_with_kinds(&["RefreshRefused"], Refusal::RefreshNotFound);
    }
}

#[test]
fn s_13_a_token_two_steps_old_is_a_replay_even_within_the_grace() {
    ada_signed_in()
        .done(ADA.refreshes(1, 0))
        .done(ADA.refreshes(1, 1))
        .when(ADA.refreshes(1, 0))
        .refused_with_kinds(
            &["RefreshReplayed", "SessionsEnded", "MailQueued"],
            Refusal::RefreshNotFound,
        );
}

#[test]
fn a_number_that_was_never_given_out_ends_nothing() {
    ada_signed_in()
        .when(ADA.refreshes(1, 1))
        .refused(Refusal::RefreshNotFound);
    ada_signed_in()
        .when(ADA.refreshes(7, 0))
        .refused_with_kinds(&["RefreshRefused"], Refusal::RefreshNotFound);
}

#[test]
fn s_15_a_refresh_token_dies_of_idleness_and_in_any_case() {
    ada_signed_in()
        .after(Span::days(7))
        .when(ADA.refreshes(1, 0))
        .refused_with_kinds(&["RefreshRefused"], Refusal::RefreshNotFound);
    let mut scene = ada_signed_in();
    for counter in 0..4 {
        scene = scene.after(Span::days(6)).done(ADA.refreshes(1, counter));
    }
    scene
        .after(Span::days(6))
        .when(ADA.refreshes(1, 4))
        .refused_with_kinds(&["RefreshRefused"], Refusal::RefreshNotFound);
}

#[test]
fn s_16_a23_an_ended_sessions_token_stays_dead_whatever_follows() {
    let ended = Event::SessionEnded {
        user: ADA.user(),
        session: ADA.session(1),
        cause: EndCause::EndedByUser,
        by: Actor::User(ADA.user()),
        origin: None,
    };
    ada_signed_in()
        .and([ended])
        .done(ADA.refreshes(2, 0))
        .done(ADA.signs_in(crate::people::HOME, 3))
        .when(ADA.refreshes(1, 0))
        .refused_with_kinds(&["RefreshRefused"], Refusal::RefreshNotFound);
}

#[test]
fn l_01_a_token_of_a_session_that_is_over_is_remembered_within_what_strangers_may_write() {
    let refused = |user| {
        [Event::RefreshRefused {
            user,
            session: ADA.session(1),
            origin: origin(),
        }]
    };
    let signed_out = Command::SignOut {
        user: ADA.user(),
        session: ADA.session(1),
        origin: Some(origin()),
    };
    ada_signed_in()
        .done(signed_out)
        .when(ADA.refreshes(1, 0))
        .refused_and_remembered(refused(None), Refusal::RefreshNotFound);
    let expired = ada_signed_in().after(Span::days(7));
    expired
        .clone()
        .when(ADA.refreshes(1, 0))
        .refused_and_remembered(refused(Some(ADA.user())), Refusal::RefreshNotFound);
    expired
        .under(|limits| limits.stranger_bytes_day = 0)
        .when(ADA.refreshes(1, 0))
        .refused(Refusal::RefreshNotFound)
        .counted_as(SuppressedClass::SignIns);
}
