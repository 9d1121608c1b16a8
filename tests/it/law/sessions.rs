//! Being signed in, and how it ends.

use keyledger::domain::password_policy::BrokenRules;
use keyledger::domain::{
    Actor, Command, EndCause, Event, LimitKind, MailKind, Outcome, PasswordCause, PasswordVerdict, Purpose,
    Refusal, SessionFault, SuppressedClass, TokenStanding, live_session,
};
use keyledger::types::Span;

use super::scene::{Scene, given};
use crate::people::{ADA, BOB, NOBODY, Person, origin};

fn ada_signed_in() -> Scene {
    given(ADA.account()).and([ADA.signed_in(1), ADA.signed_in(2)])
}

fn holds(scene: &Scene, person: Person, session: u32) -> Result<(), SessionFault> {
    live_session(&scene.state, person.user(), person.session(session), scene.now).map(|_| ())
}

fn end(person: Person, session: u32, by: Actor) -> Command {
    Command::EndSession {
        user: person.user(),
        session: person.session(session),
        by,
        origin: Some(origin()),
    }
}

#[test]
fn s_03_a_session_holds_until_it_is_ended_and_not_one_call_longer() {
    let scene = ada_signed_in();
    assert_eq!(holds(&scene, ADA, 1), Ok(()));
    let decided = scene
        .when(end(ADA, 1, Actor::User(ADA.user())))
        .then([Event::SessionEnded {
            user: ADA.user(),
            session: ADA.session(1),
            cause: EndCause::EndedByUser,
            by: Actor::User(ADA.user()),
            origin: Some(origin()),
        }])
        .answered(&Outcome::Ended(1));
    assert_eq!(holds(&decided.scene, ADA, 1), Err(SessionFault::Over));
    assert_eq!(holds(&decided.scene, ADA, 2), Ok(()));
    decided
        .scene
        .when(end(ADA, 1, Actor::User(ADA.user())))
        .refused(Refusal::SessionNotFound);
}

#[test]
fn s_03_signing_out_ends_the_own_session_and_says_so() {
    let sign_out = |person: Person| Command::SignOut {
        user: person.user(),
        session: ADA.session(1),
        origin: Some(origin()),
    };
    let decided = ada_signed_in().when(sign_out(ADA)).then([Event::SessionEnded {
        user: ADA.user(),
        session: ADA.session(1),
        cause: EndCause::SignedOut,
        by: Actor::User(ADA.user()),
        origin: Some(origin()),
    }]);
    assert_eq!(holds(&decided.scene, ADA, 1), Err(SessionFault::Over));
    decided
        .scene
        .when(sign_out(ADA))
        .refused(Refusal::SessionNotFound);
    ada_signed_in()
        .and(BOB.account())
        .when(sign_out(BOB))
        .refused(Refusal::SessionNotFound);
}

#[test]
fn nobody_ends_a_session_of_another_user() {
    let scene = ada_signed_in().and(BOB.account()).and([BOB.signed_in(1)]);
    let command = Command::EndSession {
        user: ADA.user(),
        session: BOB.session(1),
        by: Actor::User(ADA.user()),
        origin: None,
    };
    scene.when(command).refused(Refusal::SessionNotFound);
}

#[test]
fn a_session_belongs_to_its_user() {
    let scene = ada_signed_in().and(BOB.account()).and([BOB.signed_in(1)]);
    let look = live_session(&scene.state, ADA.user(), BOB.session(1), scene.now);
    assert_eq!(look.map(|_| ()), Err(SessionFault::Over));
    assert_eq!(holds(&scene, NOBODY, 1), Err(SessionFault::AccountGone));
}

#[test]
fn s_04_a_session_ends_by_idleness_and_in_any_case() {
    let scene = ada_signed_in();
    assert_eq!(
        holds(&scene.clone().after(Span(Span::days(7).0 - 1)), ADA, 1),
        Ok(())
    );
    assert_eq!(
        holds(&scene.clone().after(Span::days(7)), ADA, 1),
        Err(SessionFault::Over)
    );
    let mut kept = scene;
    for day in 0..5 {
        kept = kept.after(Span::days(6)).tried(1, |_| ADA.refreshes(1, day));
        if day < 4 {
            assert_eq!(holds(&kept, ADA, 1), Ok(()), "day {}", (day + 1) * 6);
        }
    }
    assert_eq!(
        holds(&kept, ADA, 1),
        Err(SessionFault::Over),
        "thirty days are the end, refreshed or not"
    );
}

#[test]
fn s_07_an_administrator_ends_all_sessions_of_a_user() {
    let all = Command::EndSessions {
        user: ADA.user(),
        except: None,
        by: Actor::Operator,
        origin: None,
    };
    let decided = ada_signed_in()
        .when(all.clone())
        .then([Event::SessionsEnded {
            user: ADA.user(),
            except: None,
            count: 2,
            cause: EndCause::EndedByAdmin,
            by: Actor::Operator,
            origin: None,
        }])
        .answered(&Outcome::Ended(2));
    assert_eq!(holds(&decided.scene, ADA, 2), Err(SessionFault::Over));
    decided.scene.when(all).then([]).answered(&Outcome::Ended(0));
    let nobody = Command::EndSessions {
        user: NOBODY.user(),
        except: None,
        by: Actor::Operator,
        origin: None,
    };
    given([]).when(nobody).refused(Refusal::UserNotFound);
}

#[test]
fn a_user_ends_all_sessions_but_the_one_they_sit_in() {
    let others = |except| Command::EndSessions {
        user: ADA.user(),
        except: Some(except),
        by: Actor::User(ADA.user()),
        origin: None,
    };
    let scene = ada_signed_in()
        .when(others(ADA.session(2)))
        .answered(&Outcome::Ended(1))
        .scene;
    assert_eq!(holds(&scene, ADA, 1), Err(SessionFault::Over));
    assert_eq!(holds(&scene, ADA, 2), Ok(()));
    // A session that is not the user's is no reason to spare any.
    let scene = ada_signed_in()
        .when(others(BOB.session(2)))
        .answered(&Outcome::Ended(2))
        .scene;
    assert_eq!(holds(&scene, ADA, 2), Err(SessionFault::Over));
}

#[test]
fn ending_sessions_leaves_a_recovery_open() {
    let scene = ada_signed_in()
        .and([ADA.issued(1, Purpose::Recovery)])
        .done(Command::EndSessions {
            user: ADA.user(),
            except: None,
            by: Actor::Operator,
            origin: None,
        });
    assert_eq!(scene.state.tokens[&ADA.token(1)].standing, TokenStanding::Live);
    scene
        .when(ADA.recovers(crate::people::link(ADA.token(1)), 1, 2))
        .answered(&Outcome::Done);
}

#[test]
fn s_03_ban_withdrawal_and_erasure_end_sessions_at_once() {
    for (ending, fault) in [
        (ADA.is_banned(), SessionFault::Over),
        (ADA.withdraws(1, 1), SessionFault::Over),
        (ADA.is_erased(), SessionFault::AccountGone),
    ] {
        let scene = ada_signed_in().done(ending);
        assert_eq!(holds(&scene, ADA, 1), Err(fault));
        assert_eq!(holds(&scene, ADA, 2), Err(fault));
        scene
            .when(ADA.refreshes(1, 0))
            .refused_with_kinds(&["RefreshRefused"], Refusal::RefreshNotFound);
    }
}

#[test]
fn p_08_a_changed_password_is_one_batch_and_ends_every_session() {
    let right = PasswordVerdict::Right(ADA.password(1));
    let decided = ada_signed_in()
        .when(ADA.changes_password(1, right, Some(2)))
        .then_kinds(&["PasswordSet", "SessionsEnded", "ObjectionOffered", "MailQueued"]);
    assert_eq!(
        decided.decision.events[0],
        ADA.password_set(2, PasswordCause::Changed)
    );
    assert_eq!(
        decided.scene.state.outbox.values().next().unwrap().kind,
        MailKind::PasswordChanged
    );
    assert_eq!(holds(&decided.scene, ADA, 1), Err(SessionFault::Over));
    decided
        .scene
        .when(ADA.refreshes(2, 0))
        .refused_with_kinds(&["RefreshRefused"], Refusal::RefreshNotFound);
}

#[test]
fn p_08_a_right_password_alone_changes_nothing() {
    let right = PasswordVerdict::Right(ADA.password(1));
    ada_signed_in()
        .when(ADA.changes_password(1, right, None))
        .then([])
        .answered(&Outcome::Done);
}

#[test]
fn p_08_a_verdict_against_an_earlier_password_is_outdated() {
    let old = PasswordVerdict::Right(ADA.password(7));
    ada_signed_in()
        .when(ADA.changes_password(1, old, Some(2)))
        .refused(Refusal::Outdated);
}

#[test]
fn p_08_only_a_session_that_holds_changes_the_password() {
    let right = PasswordVerdict::Right(ADA.password(1));
    ada_signed_in()
        .when(ADA.changes_password(9, right, Some(2)))
        .refused(Refusal::SessionOver);
    given([])
        .when(ADA.changes_password(1, right, Some(2)))
        .refused(Refusal::UserNotFound);
}

#[test]
fn p_08_five_wrong_current_passwords_in_a_quarter_of_an_hour_are_the_limit() {
    let wrong = || ADA.changes_password(1, PasswordVerdict::Wrong, None);
    let right = PasswordVerdict::Right(ADA.password(1));
    let scene = ada_signed_in()
        .when(wrong())
        .refused_and_remembered(
            [Event::CurrentPasswordWrong {
                user: ADA.user(),
                session: ADA.session(1),
                origin: origin(),
            }],
            Refusal::CurrentPasswordWrong,
        )
        .scene
        .tried(4, |_| wrong());
    // From any session of the user, and the right one too.
    let limited = scene
        .when(ADA.changes_password(2, right, Some(2)))
        .limited(LimitKind::CurrentPassword);
    assert_eq!(limited.wait(), Span::minutes(15));
    limited
        .scene
        .after(Span::minutes(15))
        .when(ADA.changes_password(2, right, Some(2)))
        .answered(&Outcome::Done);
}

#[test]
fn expired_sessions_are_forgotten_at_the_next_sign_in() {
    let scene = ada_signed_in()
        .after(Span::days(8))
        .done(ADA.signs_in(crate::people::HOME, 3));
    assert_eq!(scene.state.users[&ADA.user()].sessions[..], [ADA.session(3)]);
    assert_eq!(scene.state.sessions.len(), 1);
}

#[test]
fn l_01_a_refused_new_password_is_remembered_twenty_times_in_fifteen_minutes_and_then_counted() {
    let right = PasswordVerdict::Right(ADA.password(1));
    let refused = || ADA.is_refused_a_password(1, right);
    let scene = ada_signed_in()
        .when(refused())
        .then([Event::PasswordRefused {
            user: ADA.user(),
            session: ADA.session(1),
            rules: BrokenRules::breached(),
            origin: origin(),
        }])
        .answered(&Outcome::Done)
        .scene
        .tried(19, |_| refused());
    scene
        .clone()
        .when(refused())
        .then([])
        .counted_as(SuppressedClass::Limited);
    scene
        .after(Span::minutes(15))
        .when(refused())
        .then_kinds(&["PasswordRefused"]);
    // Whoever does not know the current one learns nothing of the new one, and is remembered for that.
    ada_signed_in()
        .when(ADA.is_refused_a_password(1, PasswordVerdict::Wrong))
        .refused_with_kinds(&["CurrentPasswordWrong"], Refusal::CurrentPasswordWrong);
}
