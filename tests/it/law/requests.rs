//! Asking for a way back in, and what the worker makes of it.

use keyledger::domain::{
    Actor, Allowance, Command, DropCause, Event, MailKind, Outcome, Purpose, Refusal, Subject,
    SuppressedClass, TokenStanding,
};
use keyledger::types::{Locale, Position, Span};

use super::scene::given;
use crate::people::{ADA, ELSEWHERE, HOME, NOBODY, origin};

fn requested(subject: Subject, allowance: Allowance) -> Event {
    Event::ResetRequested {
        subject,
        allowance,
        client: ELSEWHERE.day(),
        origin: origin(),
        locale: Locale::En,
    }
}

#[test]
fn r_01_a_request_is_answered_alike_for_known_and_unknown_addresses() {
    given(ADA.account())
        .when(ADA.requests_reset(ELSEWHERE))
        .then([requested(Subject::Address(ADA.address()), Allowance::General)])
        .answered(&Outcome::Done);
    given(ADA.account())
        .when(NOBODY.requests_reset(ELSEWHERE))
        .then([requested(Subject::Stranger(NOBODY.stranger()), Allowance::None)])
        .answered(&Outcome::Done);
}

#[test]
fn r_01_a_request_for_a_banned_or_closing_user_is_answered_alike_and_leads_to_no_mail() {
    let session = [ADA.signed_in(1)];
    let banned = given(ADA.account()).done(ADA.is_banned());
    let closing = given(ADA.account()).and(session).done(ADA.withdraws(1, 1));
    for scene in [banned, closing] {
        let before = scene.state.requests.len();
        let decided = scene
            .when(ADA.requests_reset(ELSEWHERE))
            .then([requested(Subject::Address(ADA.address()), Allowance::None)])
            .answered(&Outcome::Done);
        assert_eq!(decided.scene.state.requests.len(), before);
    }
}

#[test]
fn r_08_a_request_changes_nothing_for_the_user() {
    let scene = given(ADA.account()).and([ADA.signed_in(1)]);
    let before = scene.state.users[&ADA.user()].clone();
    let after = scene.done(ADA.requests_reset(ELSEWHERE));
    let now = &after.state.users[&ADA.user()];
    assert_eq!(
        (&now.credential, now.standing, &now.sessions),
        (&before.credential, before.standing, &before.sessions)
    );
    after.when(ADA.signs_in(HOME, 2)).then_kinds(&["SignedIn"]);
}

#[test]
fn r_14_a_request_for_nobody_writes_one_event_that_names_no_address() {
    let decided = given(ADA.account()).when(NOBODY.requests_reset(ELSEWHERE));
    assert!(matches!(
        decided.decision.events[..],
        [Event::ResetRequested {
            subject: Subject::Stranger(_),
            ..
        }]
    ));
    assert_eq!(decided.scene.state.requests.len(), 0);
}

#[test]
fn r_14_beyond_the_budget_a_request_for_nobody_writes_nothing_and_is_counted() {
    given(ADA.account())
        .under(|limits| limits.stranger_bytes_burst = 0)
        .when(NOBODY.requests_reset(ELSEWHERE))
        .then([])
        .answered(&Outcome::Done)
        .counted_as(SuppressedClass::Requests);
}

#[test]
fn a_worker_answers_a_request_with_a_proof_and_its_mail() {
    let scene = given(ADA.account()).done(ADA.requests_reset(ELSEWHERE));
    let request = *scene.state.requests.keys().next().unwrap();
    let decided = scene.when(ADA.issue(request.0, 1));
    let Event::TokenIssued {
        expires,
        credential,
        request: answers,
        by,
        ..
    } = decided.decision.events[0]
    else {
        panic!("a proof comes first");
    };
    assert_eq!(expires, decided.scene.now + Span::hours(24));
    assert_eq!(credential, Some(ADA.password(1)));
    assert_eq!((answers, by), (Some(request), Actor::Stranger));
    let decided = decided
        .then_kinds(&["TokenIssued", "MailQueued"])
        .answered(&Outcome::Issued(ADA.token(1)));
    assert!(decided.scene.state.requests.is_empty());
    let outbox: Vec<_> = decided.scene.state.outbox.values().collect();
    assert_eq!(
        (outbox[0].kind, outbox[0].token),
        (MailKind::PasswordReset, Some(ADA.token(1)))
    );
    decided
        .scene
        .when(ADA.issue(request.0, 2))
        .refused(Refusal::NoSuchRequest);
}

#[test]
fn a_request_that_came_to_nothing_is_dropped_with_its_cause() {
    let asked = || given(ADA.account()).done(ADA.requests_reset(ELSEWHERE));
    let request = Position(4);
    assert!(asked().state.requests.contains_key(&request));
    let dropped = |cause| [Event::RequestDropped { request, cause }];
    asked()
        .done(ADA.is_banned())
        .when(ADA.issue(4, 1))
        .then(dropped(DropCause::AccountNotActive));
    asked()
        .done(ADA.is_erased())
        .when(ADA.issue(4, 1))
        .then(dropped(DropCause::AccountNotActive));
    let unproven = given(ADA.unproven_account()).done(ADA.requests(Purpose::VerifyEmail, ELSEWHERE));
    let request_now = *unproven.state.requests.keys().next().unwrap();
    unproven
        .and([ADA.verified()])
        .when(ADA.issue(request_now.0, 1))
        .then([Event::RequestDropped {
            request: request_now,
            cause: DropCause::NothingToDo,
        }]);
    let drop = Command::DropRequest {
        request,
        cause: DropCause::AccountNotActive,
    };
    asked()
        .when(drop.clone())
        .then(dropped(DropCause::AccountNotActive))
        .scene
        .when(drop)
        .refused(Refusal::NoSuchRequest);
}

#[test]
fn r_15_a_request_over_a_limit_supersedes_nothing() {
    let scene = given(ADA.account())
        .and([ADA.issued(1, Purpose::Recovery)])
        .under(|limits| limits.mails_per_address_hour = 0)
        .done(ADA.requests_reset(ELSEWHERE));
    assert!(scene.state.requests.is_empty());
    assert_eq!(scene.state.tokens[&ADA.token(1)].standing, TokenStanding::Live);
}
