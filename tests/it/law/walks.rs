//! What flows ask of the law on their way.

use keyledger::domain::{
    Command, FactorUse, FactorVerdict, LimitKind, OtherSessions, Outcome, PasswordVerdict, Refusal,
    SessionTerms, ShownBefore, Walk,
};
use keyledger::types::{Span, Timestamp};

use super::scene::{Scene, given};
use crate::people::{ADA, ELSEWHERE, HOME, NOBODY, NOON, Net, Person, origin};

fn ada() -> Scene {
    given(ADA.account())
}

fn with_app() -> Scene {
    ada()
        .and([ADA.signed_in(1)])
        .done(ADA.begins_app(1, FactorVerdict::Absent))
        .done(ADA.confirms_app(1, Some(100)))
}

impl Person {
    fn right(self) -> PasswordVerdict {
        PasswordVerdict::Right(self.password(1))
    }

    fn tries_password(self, net: Net, verdict: PasswordVerdict) -> Command {
        Command::Walk(Walk::TryPassword {
            ask: self.ask(net),
            verdict,
            require_verified: false,
        })
    }

    fn tries_factor(self, verdict: FactorVerdict) -> Command {
        Command::Walk(Walk::TryFactor {
            user: self.user(),
            factor: self.shows(verdict),
            action: FactorUse::SignIn,
            session: None,
            origin: origin(),
        })
    }

    fn ends_flow(
        self,
        number: u32,
        proven: Timestamp,
        factor: FactorVerdict,
        others: OtherSessions,
    ) -> Command {
        Command::Walk(Walk::SignIn {
            ask: self.ask(HOME),
            verdict: self.right(),
            factor: self.shows(factor),
            session: self.new_session(number),
            terms: SessionTerms {
                proven,
                idle: Span::hours(1),
                absolute: Span::hours(2),
                others,
                shown_before: None,
            },
            require_verified: false,
        })
    }
}

#[test]
fn a_right_password_on_the_way_changes_nothing_and_a_wrong_one_is_remembered() {
    ada()
        .when(ADA.tries_password(HOME, ADA.right()))
        .then([])
        .answered(&Outcome::Done);
    for person in [ADA, NOBODY] {
        ada()
            .when(person.tries_password(ELSEWHERE, PasswordVerdict::Wrong))
            .refused_with_kinds(&["SignInFailed"], Refusal::InvalidCredentials);
    }
    ada()
        .tried(5, |_| ADA.tries_password(ELSEWHERE, PasswordVerdict::Wrong))
        .when(ADA.tries_password(ELSEWHERE, ADA.right()))
        .limited(LimitKind::SignIns);
}

#[test]
fn m_08_a_right_password_of_somebody_with_a_factor_waits_for_it_and_is_told_if_left_alone() {
    let waiting = with_app().when(ADA.tries_password(HOME, ADA.right()));
    let waiting = waiting.refused_with_kinds(&["SignInFailed"], Refusal::FactorRequired);
    assert!(waiting.scene.state.unfinished.contains_key(&ADA.user()));
}

#[test]
fn m_01_m_04_a_factor_is_told_right_within_the_limit_and_spent_by_the_sign_in() {
    let scene = with_app();
    let tried = scene.clone().when(ADA.tries_factor(ADA.app_code(101)));
    tried.then([]).answered(&Outcome::Done);
    scene
        .clone()
        .when(ADA.tries_factor(FactorVerdict::Wrong))
        .refused_with_kinds(&["FactorRefused", "MailQueued"], Refusal::FactorWrong);
    scene
        .clone()
        .tried(5, |_| ADA.tries_factor(FactorVerdict::Wrong))
        .when(ADA.tries_factor(ADA.app_code(101)))
        .limited(LimitKind::SecondFactor);
    let ends = |number| {
        ADA.ends_flow(
            number,
            NOON + Span::hours(1),
            ADA.app_code(101),
            OtherSessions::Stay,
        )
    };
    scene
        .after(Span::hours(1))
        .done(ends(2))
        .when(ends(3))
        .refused_with_kinds(&["FactorRefused", "MailQueued"], Refusal::FactorWrong);
}

#[test]
fn a24_what_was_proven_before_a_later_sign_in_opens_nothing() {
    let ends = |number| ADA.ends_flow(number, NOON, FactorVerdict::Absent, OtherSessions::Stay);
    ada()
        .after(Span::seconds(1))
        .done(ends(1))
        .when(ends(2))
        .refused(Refusal::Outdated);
}

#[test]
fn m_05_a_flow_cannot_leave_the_factor_out() {
    let ends = ADA.ends_flow(2, NOON, FactorVerdict::Absent, OtherSessions::Stay);
    with_app()
        .when(ends)
        .refused_with_kinds(&["SignInFailed"], Refusal::FactorRequired);
}

#[test]
fn r_30_m_05_a_factor_that_was_shown_before_stands_for_itself_in_a_sign_in_for_a_while() {
    let scene = with_app();
    let app = scene.state.factors[&ADA.user()].totp.as_ref().unwrap().id;
    let ends = |factor, at, within, verdict| {
        let mut command = ADA.ends_flow(2, scene.now, verdict, OtherSessions::Stay);
        if let Command::Walk(Walk::SignIn { terms, .. }) = &mut command {
            terms.shown_before = Some(ShownBefore { factor, at, within });
        }
        command
    };
    let (now, day, none) = (scene.now, Span::days(1), FactorVerdict::Absent);
    let entered = scene.clone().when(ends(app, now - Span::hours(23), day, none));
    let entered = entered.then_kinds(&["FactorRemembered", "SignedIn"]).scene;
    // What the account is changed with is asked of the new session all the same (M-07).
    entered
        .when(ADA.removes(2, None, FactorVerdict::Absent))
        .refused(Refusal::FactorRequired);
    for (factor, at, within) in [
        (app, now - day, day),
        (app, now + Span::seconds(1), day),
        (app, now - Span::days(30), Span::days(400)),
        (ADA.factor(99), now, day),
        (app, now, Span(0)),
    ] {
        scene
            .clone()
            .when(ends(factor, at, within, none))
            .refused_with_kinds(&["SignInFailed"], Refusal::FactorRequired);
    }
    // One that is shown now is judged.
    scene
        .clone()
        .when(ends(app, now, day, FactorVerdict::Wrong))
        .refused_with_kinds(&["FactorRefused", "MailQueued"], Refusal::FactorWrong);
}

#[test]
fn s_04_a_flow_sets_how_long_a_session_lives_and_may_end_the_others() {
    let ends = ADA.ends_flow(2, NOON, FactorVerdict::Absent, OtherSessions::End);
    let decided = ada()
        .and([ADA.signed_in(1)])
        .when(ends)
        .then_kinds(&["SessionsEnded", "SignedIn"]);
    let state = &decided.scene.state;
    assert_eq!(state.users[&ADA.user()].sessions[..], [ADA.session(2)]);
    let session = &state.sessions[&ADA.session(2)];
    assert_eq!(
        (session.expires, session.ends),
        (NOON + Span::hours(1), NOON + Span::hours(2))
    );
}

#[test]
fn m_01_a_factor_shown_by_somebody_who_is_signed_in_is_spent_at_once() {
    let shows = |step| {
        Command::Walk(Walk::TryFactor {
            user: ADA.user(),
            factor: ADA.shows(ADA.app_code(step)),
            action: FactorUse::Change,
            session: Some(ADA.session(1)),
            origin: origin(),
        })
    };
    let scene = with_app();
    scene
        .clone()
        .when(shows(101))
        .then_kinds(&["FactorAccepted"])
        .scene
        .when(shows(101))
        .refused_with_kinds(&["FactorRefused", "MailQueued"], Refusal::FactorWrong);
}

#[test]
fn r_03_a_client_asks_about_as_many_user_names_in_an_hour_as_it_may_make_accounts_and_nothing_is_written() {
    let asks = |net: Net| {
        Command::Walk(Walk::TryUsername {
            client: net.client(),
            username: NOBODY.lookup(),
        })
    };
    let most = ada().limits.signups_per_client_hour;
    for taken in [false, true] {
        let mut scene = ada();
        scene.username_taken = taken;
        for _ in 0..most {
            let asked = scene.when(asks(HOME));
            scene = if taken {
                asked.refused_with_kinds(&[], Refusal::UsernameTaken).scene
            } else {
                asked.then([]).scene
            };
        }
        scene.clone().when(asks(HOME)).limited(LimitKind::ClientSignUps);
        scene.clone().when(asks(ELSEWHERE));
        let later = scene.clone().after(Span::hours(1)).when(asks(HOME));
        assert_eq!(later.decision.verdict.is_ok(), !taken);
        // Whoever needed many tries for a name still makes their account.
        scene.username_taken = false;
        scene.done(NOBODY.signs_up(HOME));
    }
}
