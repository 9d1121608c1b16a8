//! Getting back in.

use keyledger::domain::{
    Actor, Command, EndCause, Event, MailKind, Notices, Outcome, PasswordCause, PasswordVerdict, ProofHolder,
    Purpose, Refusal, RefusedCause, Standing, SuppressedClass, TokenStanding, Via, check_proof,
};
use keyledger::types::{Locale, Span};

use super::scene::{Scene, given};
use crate::people::{ADA, BOB, ELSEWHERE, HOME, NOBODY, code, link, mail, origin, proof};

/// Ada has a recovery in her mailbox.
fn ada_with_recovery() -> Scene {
    given(ADA.account()).and([ADA.issued(1, Purpose::Recovery)])
}

#[test]
fn r_15_a_newer_proof_supersedes_the_earlier_ones_of_its_kind_only() {
    let scene = ada_with_recovery()
        .and([ADA.issued(2, Purpose::VerifyEmail)])
        .and([ADA.issued(3, Purpose::Recovery)]);
    let standing = |n| scene.state.tokens[&ADA.token(n)].standing;
    assert_eq!(standing(1), TokenStanding::Superseded);
    assert_eq!(standing(2), TokenStanding::Live);
    assert_eq!(standing(3), TokenStanding::Live);
    scene
        .clone()
        .when(ADA.recovers(link(ADA.token(1)), 1, 2))
        .refused(Refusal::TokenNotFound);
    scene
        .when(ADA.recovers(link(ADA.token(3)), 1, 2))
        .answered(&Outcome::Done);
}

#[test]
fn r_37_law_7_a_recovery_is_one_batch_password_proof_sessions_and_notice() {
    let decided = ada_with_recovery()
        .and([ADA.signed_in(1), ADA.signed_in(2)])
        .when(ADA.recovers(link(ADA.token(1)), 1, 2))
        .then([
            Event::RecoveryCompleted {
                user: ADA.user(),
                token: ADA.token(1),
                address: ADA.address(),
                via: Via::Link,
                origin: origin(),
            },
            ADA.password_set(2, PasswordCause::Recovered(ADA.token(1))),
            Event::SessionsEnded {
                user: ADA.user(),
                except: None,
                count: 2,
                cause: EndCause::Recovered,
                by: Actor::User(ADA.user()),
                origin: Some(origin()),
            },
            Event::MailQueued {
                mail: mail(900).mail,
                kind: MailKind::PasswordChanged,
                user: ADA.user(),
                address: ADA.address(),
                token: Some(ADA.token(1)),
                locale: Locale::En,
                details: mail(900).details,
            },
        ])
        .answered(&Outcome::Done);
    let user = &decided.scene.state.users[&ADA.user()];
    assert_eq!(user.credential_id(), Some(ADA.password(2)));
    assert!(user.sessions.is_empty() && decided.scene.state.sessions.is_empty());
}

#[test]
fn r_20_a5_a_proof_is_spent_by_its_first_completion_and_a_replay_changes_nothing() {
    let scene = ada_with_recovery().done(ADA.recovers(link(ADA.token(1)), 1, 2));
    for via in [link(ADA.token(1)), code(ADA.token(1))] {
        for against in [1, 2] {
            scene
                .clone()
                .when(ADA.recovers(via, against, 3))
                .refused(Refusal::TokenNotFound);
        }
    }
}

#[test]
fn r_23_a9_expiry_is_decided_at_use_to_the_microsecond() {
    let almost = Span(Span::hours(24).0 - 1);
    ada_with_recovery()
        .after(almost)
        .when(ADA.recovers(link(ADA.token(1)), 1, 2))
        .answered(&Outcome::Done);
    ada_with_recovery()
        .after(Span::hours(24))
        .when(ADA.recovers(link(ADA.token(1)), 1, 2))
        .refused(Refusal::TokenExpired);
}

#[test]
fn r_25_a_proof_that_was_checked_and_then_superseded_is_refused_at_the_commit() {
    let scene = ada_with_recovery();
    let context = keyledger::domain::Context {
        unwritten: &keyledger::domain::Unwritten::default(),
        now: scene.now,
        limits: &scene.limits,
        found: Some(ADA.address()),
        username_taken: false,
    };
    let holder = check_proof(
        &scene.state,
        &context,
        link(ADA.token(1)),
        Purpose::Recovery,
        ELSEWHERE.tag(),
    );
    let expected = ProofHolder {
        user: ADA.user(),
        address: ADA.address(),
        credential: Some(ADA.password(1)),
    };
    assert_eq!(holder, Ok(expected));
    for after in [
        scene.clone().and([ADA.issued(2, Purpose::Recovery)]),
        scene.clone().done(ADA.is_banned()),
        scene.clone().done(ADA.is_erased()),
    ] {
        after
            .when(ADA.recovers(link(ADA.token(1)), 1, 2))
            .refused(Refusal::TokenNotFound);
    }
    scene
        .after(Span::hours(24))
        .when(ADA.recovers(link(ADA.token(1)), 1, 2))
        .refused(Refusal::TokenExpired);
}

#[test]
fn r_26_a_verdict_against_a_password_that_is_no_longer_current_is_outdated() {
    ada_with_recovery()
        .when(ADA.recovers(link(ADA.token(1)), 7, 2))
        .refused(Refusal::Outdated);
    ada_with_recovery()
        .when(ADA.recovers_from(ELSEWHERE, link(ADA.token(1)), None, 2))
        .refused(Refusal::Outdated);
}

#[test]
fn r_26_a_proof_of_another_purpose_or_user_or_of_nobody_opens_nothing() {
    let scene = given(ADA.account())
        .and(BOB.account())
        .and([ADA.issued(1, Purpose::VerifyEmail)])
        .and([BOB.issued(1, Purpose::Recovery)]);
    scene
        .clone()
        .when(ADA.recovers(link(ADA.token(1)), 1, 2))
        .refused(Refusal::TokenNotFound);
    scene
        .clone()
        .when(ADA.recovers(link(ADA.token(42)), 1, 2))
        .refused(Refusal::TokenNotFound);
    // Bob's proof opens Bob's account, whatever Ada's verdict was computed against.
    scene
        .when(ADA.recovers(link(BOB.token(1)), 1, 2))
        .refused(Refusal::Outdated);
}

#[test]
fn r_26_a_proof_is_bound_to_the_password_it_was_issued_under() {
    let mut scene = ada_with_recovery();
    scene.state.tokens.get_mut(&ADA.token(1)).unwrap().credential = Some(ADA.password(7));
    scene
        .when(ADA.recovers(link(ADA.token(1)), 1, 2))
        .refused(Refusal::TokenNotFound);
}

#[test]
fn r_26_ban_withdrawal_and_every_kind_of_new_password_kill_a_proof() {
    let scene = ada_with_recovery().and([ADA.signed_in(1)]);
    let right = PasswordVerdict::Right(ADA.password(1));
    let revoked = Command::RevokePassword {
        user: ADA.user(),
        by: Actor::Operator,
    };
    let killers = [
        ADA.is_banned(),
        ADA.withdraws(1, 5),
        ADA.changes_password(1, right, Some(2)),
        revoked,
        ADA.is_erased(),
    ];
    for killer in killers {
        let dead = scene.clone().done(killer);
        for against in [1, 2] {
            dead.clone()
                .when(ADA.recovers(link(ADA.token(1)), against, 3))
                .refused(Refusal::TokenNotFound);
        }
    }
}

#[test]
fn r_26_a_ban_that_is_lifted_does_not_bring_a_proof_back() {
    let unban = Command::UnbanUser {
        user: ADA.user(),
        by: Actor::Operator,
    };
    let scene = ada_with_recovery().done(ADA.is_banned()).done(unban);
    assert_eq!(scene.state.users[&ADA.user()].standing, Standing::Active);
    scene
        .when(ADA.recovers(link(ADA.token(1)), 1, 2))
        .refused(Refusal::TokenNotFound);
}

#[test]
fn a_stronger_verifier_of_the_same_password_leaves_a_proof_alive() {
    let upgrade = Command::UpgradeVerifier {
        user: ADA.user(),
        credential: ADA.credential(1),
    };
    ada_with_recovery()
        .done(upgrade)
        .when(ADA.recovers(link(ADA.token(1)), 1, 2))
        .answered(&Outcome::Done);
}

#[test]
fn r_38_a21_a_recovery_ends_every_session_and_refresh_token() {
    let scene = ada_with_recovery()
        .and([ADA.signed_in(1), ADA.signed_in(2)])
        .done(ADA.refreshes(1, 0))
        .done(ADA.recovers(link(ADA.token(1)), 1, 2));
    for (session, counter) in [(1, 1), (1, 0), (2, 0)] {
        scene
            .clone()
            .when(ADA.refreshes(session, counter))
            .refused_with_kinds(&["RefreshRefused"], Refusal::RefreshNotFound);
    }
}

#[test]
fn r_39_a_sign_in_with_the_password_that_was_replaced_meanwhile_is_refused() {
    ada_with_recovery()
        .done(ADA.recovers(link(ADA.token(1)), 1, 2))
        .when(ADA.signs_in(HOME, 1))
        .refused(Refusal::InvalidCredentials);
}

#[test]
fn r_36_a_recovery_opens_no_session() {
    let scene = ada_with_recovery().done(ADA.recovers(link(ADA.token(1)), 1, 2));
    assert!(scene.state.sessions.is_empty());
    assert_eq!(scene.state.users[&ADA.user()].last_login, None);
}

#[test]
fn r_42_notices_go_only_to_addresses_the_user_still_has() {
    let mut command = ADA.recovers(link(ADA.token(1)), 1, 2);
    if let Command::CompleteRecovery { mails, .. } = &mut command {
        mails.mails = vec![(BOB.address(), mail(1)), (ADA.address(), mail(2))];
    }
    let decided = ada_with_recovery().when(command);
    let told: Vec<_> = decided
        .scene
        .state
        .outbox
        .values()
        .map(|mail| mail.address)
        .collect();
    assert_eq!(told, [ADA.address()]);
}

#[test]
fn a26_a_recovery_proves_an_address_that_was_not_and_ends_what_a_hijacker_prepared() {
    let decided = given(ADA.unproven_account())
        .and([ADA.signed_in(1), ADA.issued(1, Purpose::Recovery)])
        .when(ADA.recovers(link(ADA.token(1)), 1, 2))
        .then_kinds(&[
            "RecoveryCompleted",
            "AddressVerified",
            "PasswordSet",
            "SessionsEnded",
            "MailQueued",
        ]);
    let user = &decided.scene.state.users[&ADA.user()];
    assert!(user.addresses[0].verified.is_some() && user.sessions.is_empty());
    decided
        .scene
        .when(ADA.signs_in(HOME, 2))
        .refused(Refusal::InvalidCredentials);
}

#[test]
fn a_recovery_that_an_administrator_handed_over_proves_no_mailbox() {
    given(ADA.unproven_account())
        .done(ADA.gets_recovery(1, Span::hours(1)))
        .when(ADA.recovers(link(ADA.token(1)), 1, 2))
        .then_kinds(&["RecoveryCompleted", "PasswordSet", "SessionsEnded", "MailQueued"]);
}

#[test]
fn a_user_without_a_password_sets_the_first_one_by_recovery() {
    let scene = given([])
        .done(ADA.is_created())
        .done(ADA.gets_recovery(1, Span::hours(1)))
        .done(ADA.recovers_from(ELSEWHERE, link(ADA.token(1)), None, 1));
    assert_eq!(
        scene.state.users[&ADA.user()].credential_id(),
        Some(ADA.password(1))
    );
    scene.when(ADA.signs_in(HOME, 1)).then_kinds(&["SignedIn"]);
}

#[test]
fn r_49_a_genuine_proof_with_an_unfit_password_is_remembered_and_stays_good() {
    let refuse = |cause| Command::RefuseProof {
        proof: link(ADA.token(1)),
        cause,
        origin: origin(),
    };
    let mut scene = ada_with_recovery();
    for cause in [
        RefusedCause::Expired,
        RefusedCause::Format,
        RefusedCause::SameAsPrevious,
        RefusedCause::Leaked,
    ] {
        scene = scene
            .when(refuse(cause))
            .then([Event::ProofRefused {
                user: ADA.user(),
                token: ADA.token(1),
                cause,
                origin: origin(),
            }])
            .scene;
    }
    scene
        .clone()
        .tried(16, |_| refuse(RefusedCause::Format))
        .when(refuse(RefusedCause::Format))
        .then([])
        .counted_as(SuppressedClass::Limited);
    scene
        .when(ADA.recovers(link(ADA.token(1)), 1, 2))
        .answered(&Outcome::Done);
    let unknown = Command::RefuseProof {
        proof: link(ADA.token(9)),
        cause: RefusedCause::Format,
        origin: origin(),
    };
    ada_with_recovery().when(unknown).refused(Refusal::TokenNotFound);
}

#[test]
fn only_twelve_proofs_are_remembered_of_a_user_and_a_forgotten_one_opens_nothing() {
    let scene = given(ADA.account()).and((1..=13).map(|n| ADA.issued(n, Purpose::Recovery)));
    assert_eq!(scene.state.users[&ADA.user()].tokens.len(), 12);
    assert_eq!(scene.state.tokens.len(), 12);
    scene
        .when(ADA.recovers(link(ADA.token(1)), 1, 2))
        .refused(Refusal::TokenNotFound);
}

#[test]
fn the_history_keeps_as_many_earlier_passwords_as_the_policy_asks_for() {
    let set = |n, history| {
        let mut event = ADA.password_set(n, PasswordCause::Changed);
        if let Event::PasswordSet { history: kept, .. } = &mut event {
            *kept = history;
        }
        event
    };
    let scene = given(ADA.account()).and([set(2, 2), set(3, 2), set(4, 2)]);
    let past = |scene: &Scene| -> Vec<_> {
        scene.state.users[&ADA.user()]
            .past()
            .iter()
            .map(|old| old.id)
            .collect()
    };
    assert_eq!(past(&scene), [ADA.password(3), ADA.password(2)]);
    assert_eq!(past(&scene.and([set(5, 0)])), []);
}

#[test]
fn r_46_an_administrators_recovery_lives_a_day_at_most() {
    let scene = given(ADA.account()).done(ADA.gets_recovery(1, Span::days(30)));
    assert_eq!(
        scene.state.tokens[&ADA.token(1)].expires,
        scene.now + Span::hours(24)
    );
    let notice: Vec<_> = scene
        .state
        .outbox
        .values()
        .map(|mail| (mail.kind, mail.token))
        .collect();
    // It opens nothing: by its token, whoever did not ask for it makes it useless.
    assert_eq!(notice, [(MailKind::AdminRecovery, Some(ADA.token(1)))]);
    let unknown = Command::IssueRecovery {
        user: NOBODY.user(),
        proof: proof(ADA.token(2)),
        lifetime: Span::hours(1),
        mails: Notices::none(),
        by: Actor::Operator,
    };
    scene.clone().when(unknown).refused(Refusal::UserNotFound);
    scene
        .done(ADA.is_banned())
        .when(ADA.gets_recovery(2, Span::hours(1)))
        .refused(Refusal::UserNotActive);
}
