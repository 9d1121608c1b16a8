//! What a recovery does, and what it leaves alone.

use keyledger::domain::{
    Actor, Event, MailKind, Outcome, PasswordCause, Purpose,
    Refusal, RefusedCause, SuppressedClass,
};
use keyledger::domain::Command;
use keyledger::types::Span;

use super::recovery::ada_with_recovery;
use super::scene::{Scene, given};
use crate::people::{ADA, BOB, ELSEWHERE, HOME, NOBODY, link, mail, origin, proof};

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
            .refused(Refusal::RefreshNotFound);
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
        *mails = vec![(BOB.address(), mail(1)), (ADA.address(), mail(2))];
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
    assert_eq!(notice, [(MailKind::AdminRecovery, None)]);
    let unknown = Command::IssueRecovery {
        user: NOBODY.user(),
        proof: proof(ADA.token(2)),
        lifetime: Span::hours(1),
        mails: vec![],
        by: Actor::Operator,
    };
    scene.clone().when(unknown).refused(Refusal::UserNotFound);
    scene
        .done(ADA.is_banned())
        .when(ADA.gets_recovery(2, Span::hours(1)))
        .refused(Refusal::UserNotActive);
}
