//! Second factors as the law sees them: enrolled, shown once, counted, taken away.

use keyledger::domain::{
    Actor, Command, EpochReason, Event, FactorKind, FactorVerdict, LimitKind, Outcome, PasswordVerdict,
    Purpose, Refusal,
};
use keyledger::types::Span;

use super::scene::{Decided, Scene, given};
use crate::people::{ADA, ELSEWHERE, HOME, code, link};

/// Ada in session 1.
fn ada() -> Scene {
    given(ADA.account()).and([ADA.signed_in(1)])
}

/// Ada with an app, whose code of step 100 was the first.
fn with_app() -> Scene {
    ada()
        .done(ADA.begins_app(1, FactorVerdict::Absent))
        .done(ADA.confirms_app(1, Some(100)))
}

/// Ada with codes by mail, to her own address or another.
fn with_mailbox(is_own: bool) -> Scene {
    ada()
        .done(ADA.begins_mailbox(1, is_own, 1, FactorVerdict::Absent))
        .done(ADA.confirms_mailbox(1, 1, true))
}

/// So much later that no session counts as having proved a factor.
fn later(scene: Scene) -> Scene {
    scene.after(Span::minutes(11))
}

fn kinds(scene: &Scene) -> Vec<FactorKind> {
    let factors = scene.state.factors.get(&ADA.user());
    factors
        .map(|factors| factors.kinds(scene.state.epoch()))
        .unwrap_or_default()
}

#[test]
fn m_05_a14_without_the_second_factor_there_is_no_session() {
    with_app()
        .when(ADA.signs_in(HOME, 2))
        .refused_with_kinds(&["SignInFailed"], Refusal::FactorRequired);
    with_app()
        .when(ADA.signs_in_showing(HOME, FactorVerdict::Wrong, 2))
        .refused_with_kinds(&["FactorRefused", "MailQueued"], Refusal::FactorWrong);
    with_app()
        .when(ADA.signs_in_showing(HOME, ADA.app_code(101), 2))
        .then_kinds(&["FactorAccepted", "SignedIn"]);
    let recorded = keyledger::domain::Recorded {
        position: with_app().state.next(),
        time: with_app().now,
        command: keyledger::types::CommandId([0; 16]),
        event: ADA.signed_in(2),
    };
    let fault = keyledger::domain::lawful(&with_app().state, &recorded).unwrap_err();
    assert_eq!(fault.fault, "a sign-in without the second factor");
}

#[test]
fn m_01_a20_a_code_is_taken_once_and_so_is_every_older_one() {
    let used = with_app().done(ADA.signs_in_showing(HOME, ADA.app_code(102), 2));
    for step in [102, 101, 100] {
        used.clone()
            .when(ADA.signs_in_showing(HOME, ADA.app_code(step), 3))
            .refused_with_kinds(&["FactorRefused", "MailQueued"], Refusal::FactorWrong);
    }
    used.done(ADA.signs_in_showing(HOME, ADA.app_code(103), 3));
    // The first code confirmed the app, and is spent by that.
    with_app()
        .when(ADA.signs_in_showing(HOME, ADA.app_code(100), 2))
        .refused_with_kinds(&["FactorRefused", "MailQueued"], Refusal::FactorWrong);
}

#[test]
fn m_04_a15_five_wrong_ones_in_a_quarter_of_an_hour_close_every_door_also_for_right_ones() {
    let tried = with_app()
        .and([ADA.issued(7, Purpose::Recovery)])
        .tried(3, |_| ADA.signs_in_showing(ELSEWHERE, FactorVerdict::Wrong, 9))
        .tried(2, |_| {
            ADA.recovers_showing(link(ADA.token(7)), FactorVerdict::Wrong)
        });
    let limited = |command: Command| tried.clone().when(command).limited(LimitKind::SecondFactor);
    limited(ADA.signs_in_showing(HOME, ADA.app_code(101), 2));
    limited(ADA.recovers_showing(link(ADA.token(7)), ADA.app_code(101)));
    limited(ADA.removes(1, None, ADA.app_code(101)));
    let over = tried.after(Span::minutes(15));
    over.when(ADA.signs_in_showing(HOME, ADA.app_code(101), 2))
        .then_kinds(&["FactorAccepted", "SignedIn"]);
}

#[test]
fn r_45_a_recovery_code_is_for_one_use_and_its_use_is_told() {
    let used = with_app()
        .when(ADA.signs_in_showing(HOME, ADA.paper_code(3), 2))
        .then_kinds(&["FactorAccepted", "ObjectionOffered", "MailQueued", "SignedIn"])
        .scene;
    used.clone()
        .when(ADA.signs_in_showing(HOME, ADA.paper_code(3), 3))
        .refused_with_kinds(&["FactorRefused", "MailQueued"], Refusal::FactorWrong);
    used.clone()
        .done(ADA.signs_in_showing(HOME, ADA.paper_code(4), 3));
    let reissued = used.done(Command::IssueRecoveryCodes {
        who: ADA.reauthenticated(2, FactorVerdict::Absent),
        codes: ADA.codes(5),
        mails: ADA.notices(),
    });
    reissued
        .when(ADA.signs_in_showing(HOME, ADA.paper_code(4), 3))
        .refused(Refusal::Outdated);
    with_app()
        .when(ADA.signs_in_showing(HOME, FactorVerdict::Exhausted, 2))
        .refused_with_kinds(&["FactorRefused", "MailQueued"], Refusal::CodesExhausted);
}

#[test]
fn law_15_a_new_epoch_voids_recovery_codes_and_challenges_and_keeps_the_app() {
    let began = |scene: Scene| {
        scene.done(Command::StartEpoch {
            reason: EpochReason::ClockReset,
            erase: vec![],
        })
    };
    let scene = began(with_app());
    assert_eq!(kinds(&scene), [FactorKind::Totp]);
    scene
        .clone()
        .when(ADA.signs_in_showing(HOME, ADA.paper_code(0), 2))
        .refused(Refusal::Outdated);
    scene.done(ADA.signs_in_showing(HOME, ADA.app_code(101), 2));
    began(with_mailbox(true).done(ADA.asks_for_code(HOME, 2)))
        .when(ADA.signs_in_showing(HOME, ADA.mailed_code(2), 2))
        .refused_with_kinds(&["FactorRefused", "MailQueued"], Refusal::FactorWrong);
}

#[test]
fn m_06_a_newer_challenge_kills_the_one_before() {
    let twice = with_mailbox(true)
        .done(ADA.asks_for_code(HOME, 2))
        .done(ADA.asks_for_code(HOME, 3));
    twice
        .clone()
        .when(ADA.signs_in_showing(HOME, ADA.mailed_code(2), 2))
        .refused_with_kinds(&["FactorRefused", "MailQueued"], Refusal::FactorWrong);
    let inside = twice.done(ADA.signs_in_showing(HOME, ADA.mailed_code(3), 2));
    inside
        .when(ADA.signs_in_showing(HOME, ADA.mailed_code(3), 3))
        .refused_with_kinds(&["FactorRefused", "MailQueued"], Refusal::FactorWrong);
}

#[test]
fn m_03_a_mailed_code_is_for_its_purpose_its_session_and_its_time_only() {
    let asked = with_mailbox(true).done(ADA.asks_for_code(HOME, 2));
    later(asked.clone())
        .when(ADA.removes(1, None, ADA.mailed_code(2)))
        .refused_with_kinds(&["FactorRefused", "MailQueued"], Refusal::FactorWrong);
    asked
        .after(Span::minutes(30))
        .when(ADA.signs_in_showing(HOME, ADA.mailed_code(2), 2))
        .refused_with_kinds(&["FactorRefused", "MailQueued"], Refusal::FactorWrong);
    let begun = ada()
        .and([ADA.signed_in(2)])
        .done(ADA.begins_mailbox(1, true, 1, FactorVerdict::Absent));
    begun
        .clone()
        .when(ADA.confirms_mailbox(2, 1, true))
        .refused(Refusal::FactorNotEnabled);
    begun
        .after(Span::minutes(30))
        .when(ADA.confirms_mailbox(1, 1, true))
        .refused(Refusal::SetupExpired);
    let app = ada()
        .and([ADA.signed_in(2)])
        .done(ADA.begins_app(1, FactorVerdict::Absent));
    app.clone()
        .when(ADA.confirms_app(2, Some(100)))
        .refused(Refusal::FactorNotEnabled);
    app.after(Span::minutes(10))
        .when(ADA.confirms_app(1, Some(100)))
        .refused(Refusal::SetupExpired);
}

#[test]
fn r_29_five_wrong_codes_end_a_challenge_and_twenty_a_day_all_of_them() {
    let mut scene = with_mailbox(true).done(ADA.asks_for_code(HOME, 2));
    scene.limits.factor_tries = 100;
    let five = scene.tried(5, |_| ADA.signs_in_showing(HOME, FactorVerdict::Wrong, 9));
    let refused = |scene: Scene, token| {
        scene
            .when(ADA.signs_in_showing(HOME, ADA.mailed_code(token), 2))
            .decision
            .verdict
    };
    assert_eq!(refused(five.clone(), 2), Err(Refusal::FactorWrong));
    let second = five.done(ADA.asks_for_code(HOME, 3));
    let fifteen = second.tried(15, |_| ADA.signs_in_showing(HOME, FactorVerdict::Wrong, 9));
    fifteen
        .when(ADA.asks_for_code(HOME, 4))
        .then_kinds(&["FactorCodeRequested"]);
}

#[test]
fn r_30_a13_the_mailbox_that_got_the_recovery_counts_once_and_other_factors_are_asked_for() {
    let recovery = |scene: Scene| scene.and([ADA.issued(7, Purpose::Recovery)]);
    let bare = |scene: Scene| recovery(scene).when(ADA.recovers(link(ADA.token(7)), 1, 2));
    bare(with_mailbox(true)).then_kinds(&["RecoveryCompleted", "PasswordSet", "SessionsEnded", "MailQueued"]);
    bare(with_app()).refused(Refusal::FactorRequired);
    // A mailbox that recoveries do not go to came with recovery codes, and those are asked for.
    bare(with_mailbox(false)).refused(Refusal::FactorRequired);
    let mailed = recovery(with_mailbox(true).done(ADA.asks_for_code(HOME, 2)));
    assert_eq!(kinds(&mailed), [FactorKind::Email]);
    let both = recovery(
        with_app()
            .done(ADA.begins_mailbox(1, true, 1, FactorVerdict::Absent))
            .done(ADA.confirms_mailbox(1, 1, true))
            .done(ADA.asks_for_code(HOME, 2)),
    );
    both.clone()
        .when(ADA.recovers_showing(link(ADA.token(7)), ADA.mailed_code(2)))
        .refused_with_kinds(&["FactorRefused", "MailQueued"], Refusal::FactorWrong);
    both.when(ADA.recovers_showing(link(ADA.token(7)), ADA.app_code(101)))
        .then_kinds(&[
            "FactorAccepted",
            "RecoveryCompleted",
            "PasswordSet",
            "SessionsEnded",
            "MailQueued",
        ]);
}

#[test]
fn r_31_a_recovery_neither_removes_nor_enrols_a_factor() {
    let before = with_app().and([ADA.issued(7, Purpose::Recovery)]);
    let had = kinds(&before);
    let after = before.done(ADA.recovers_showing(code(ADA.token(7)), ADA.paper_code(0)));
    assert_eq!(kinds(&after), had);
    let right = PasswordVerdict::Right(ADA.password(2));
    after
        .when(ADA.signs_in_with(HOME, right, 3))
        .refused_with_kinds(&["SignInFailed"], Refusal::FactorRequired);
}

#[test]
fn a26_a_first_recovery_on_an_address_that_was_never_proven_clears_what_somebody_else_enrolled() {
    let squatted = given(ADA.unproven_account())
        .and([ADA.signed_in(1)])
        .done(ADA.begins_app(1, FactorVerdict::Absent))
        .done(ADA.confirms_app(1, Some(100)))
        .and([ADA.issued(7, Purpose::Recovery)]);
    let owned = squatted
        .when(ADA.recovers(link(ADA.token(7)), 1, 2))
        .then_kinds(&[
            "RecoveryCompleted",
            "FactorRemoved",
            "FactorRemoved",
            "AddressVerified",
            "PasswordSet",
            "SessionsEnded",
            "MailQueued",
        ])
        .scene;
    assert!(kinds(&owned).is_empty());
}

#[test]
fn m_07_s_08_changing_factors_takes_the_password_and_a_factor_that_is_there() {
    let scene = later(with_app());
    let mailbox = |verdict| ADA.begins_mailbox(1, true, 1, verdict);
    scene
        .clone()
        .when(mailbox(FactorVerdict::Absent))
        .refused(Refusal::FactorRequired);
    scene
        .clone()
        .when(ADA.removes(1, None, FactorVerdict::Absent))
        .refused(Refusal::FactorRequired);
    scene.clone().when(mailbox(ADA.app_code(101))).then_kinds(&[
        "FactorAccepted",
        "FactorCodeRequested",
        "MailboxBegun",
        "TokenIssued",
        "MailQueued",
    ]);
    scene
        .clone()
        .when(ADA.removes(1, None, ADA.app_code(101)))
        .then_kinds(&[
            "FactorAccepted",
            "FactorRemoved",
            "FactorRemoved",
            "ObjectionOffered",
            "MailQueued",
        ]);
    // A session that proved a factor a short while ago need not show one again.
    with_app()
        .when(ADA.removes(1, None, FactorVerdict::Absent))
        .then_kinds(&["FactorRemoved", "FactorRemoved", "ObjectionOffered", "MailQueued"]);
    with_app()
        .when(ADA.begins_app(1, FactorVerdict::Absent))
        .refused(Refusal::FactorEnabled);
    ada()
        .when(ADA.removes(1, None, FactorVerdict::Absent))
        .refused(Refusal::FactorNotEnabled);
    let right = PasswordVerdict::Right(ADA.password(1));
    let stale = ada().done(ADA.changes_password(1, right, Some(2)));
    stale
        .when(ADA.begins_app(1, FactorVerdict::Absent))
        .refused(Refusal::SessionOver);
}

#[test]
fn m_09_a_factor_that_is_taken_away_downgrades_the_sessions_that_proved_it() {
    let both = with_app()
        .done(ADA.begins_mailbox(1, true, 1, FactorVerdict::Absent))
        .done(ADA.signs_in_showing(HOME, ADA.app_code(101), 2));
    let revoked = both.done(Command::RevokeFactors {
        user: ADA.user(),
        kind: Some(FactorKind::Totp),
        mails: ADA.notices(),
        by: Actor::Operator,
    });
    let factors = revoked.state.factors.get(&ADA.user());
    assert!(factors.is_some_and(|factors| !factors.is_fresh(ADA.session(2), revoked.now)));
    let confirmed = revoked.done(ADA.confirms_mailbox(1, 1, true));
    confirmed
        .when(ADA.removes(2, None, FactorVerdict::Absent))
        .refused(Refusal::FactorRequired);
    ada()
        .when(Command::RevokeFactors {
            user: ADA.user(),
            kind: None,
            mails: ADA.notices(),
            by: Actor::Operator,
        })
        .refused(Refusal::FactorNotEnabled);
}

#[test]
fn m_08_a_sign_in_left_alone_before_its_second_factor_is_told_once_an_hour() {
    let tell = || Command::TellUnfinished {
        user: ADA.user(),
        mails: ADA.notices(),
    };
    let left: Decided = with_app().when(ADA.signs_in(ELSEWHERE, 2));
    let left = left.scene;
    left.clone().when(tell()).refused(Refusal::UserNotFound);
    let finished = left
        .clone()
        .done(ADA.signs_in_showing(HOME, ADA.app_code(101), 2));
    later(finished).when(tell()).refused(Refusal::UserNotFound);
    let told = later(left).when(tell()).then_kinds(&["MailQueued"]).scene;
    told.clone().when(tell()).refused(Refusal::UserNotFound);
    told.clone()
        .when(ADA.signs_in_showing(ELSEWHERE, FactorVerdict::Wrong, 2))
        .refused_with_kinds(&["FactorRefused"], Refusal::FactorWrong);
    told.after(Span::hours(1))
        .when(ADA.signs_in_showing(ELSEWHERE, FactorVerdict::Wrong, 2))
        .refused_with_kinds(&["FactorRefused", "MailQueued"], Refusal::FactorWrong);
}

#[test]
fn r_01_a_code_by_mail_is_answered_alike_whoever_asks_and_costs_a_guess_what_a_sign_in_costs() {
    let mut wrong = ADA.asks_for_code(HOME, 2);
    if let Command::ChallengeMailbox { verdict, .. } = &mut wrong {
        *verdict = PasswordVerdict::Wrong;
    }
    let mut nobody = crate::people::NOBODY.asks_for_code(HOME, 2);
    if let Command::ChallengeMailbox { verdict, mail, .. } = &mut nobody {
        (*verdict, *mail) = (PasswordVerdict::Wrong, None);
    }
    for (command, kinds) in [
        (wrong.clone(), &["SignInFailed"][..]),
        (nobody, &["SignInFailed"][..]),
        (
            ADA.asks_for_code(HOME, 2),
            &["FactorCodeRequested", "TokenIssued", "MailQueued"][..],
        ),
    ] {
        with_mailbox(true)
            .when(command)
            .then_kinds(kinds)
            .answered(&Outcome::Done);
    }
    with_app()
        .when(ADA.asks_for_code(HOME, 2))
        .then_kinds(&["FactorCodeRequested"])
        .answered(&Outcome::Done);
    with_mailbox(true)
        .tried(5, |_| wrong.clone())
        .when(wrong.clone())
        .limited(LimitKind::SignIns);
}

#[test]
fn the_law_refuses_factors_that_were_not_begun_or_not_proven() {
    let fault = |scene: &Scene, event: Event| {
        let recorded = keyledger::domain::Recorded {
            position: scene.state.next(),
            time: scene.now,
            command: keyledger::types::CommandId([0; 16]),
            event,
        };
        keyledger::domain::lawful(&scene.state, &recorded)
            .unwrap_err()
            .fault
    };
    let confirmed = Event::FactorConfirmed {
        user: ADA.user(),
        session: ADA.session(1),
        factor: ADA.factor(1),
        kind: FactorKind::Totp,
        step: 1,
        origin: crate::people::origin(),
    };
    assert_eq!(
        fault(&ada(), confirmed),
        "a second factor was confirmed that did not wait for it"
    );
    let codes = Event::RecoveryCodesIssued {
        user: ADA.user(),
        set: ADA.factor(1),
        hashes: crate::people::sealed("hashes"),
        origin: crate::people::origin(),
    };
    assert_eq!(
        fault(&ada(), codes),
        "recovery codes for a user without a second factor"
    );
    let FactorVerdict::Right(proof) = ADA.app_code(100) else {
        panic!("a right code")
    };
    let again = Event::FactorAccepted {
        user: ADA.user(),
        proof,
        action: keyledger::domain::FactorUse::SignIn,
        session: None,
        origin: crate::people::origin(),
    };
    assert_eq!(
        fault(&with_app(), again),
        "a second factor was accepted that was spent, or not the user's"
    );
}
