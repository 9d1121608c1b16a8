//! A new epoch voids what was issued, and keeps what people know.

use keyledger::domain::{
    Actor, ApiKeyKind, Command, DropCause, EpochReason, Event, MailStanding, Outcome, Purpose, Recorded,
    Refusal, SessionFault, Standing, closes_without_proof, lawful, live_session,
};
use keyledger::types::{ApiKeyId, Span};

use super::scene::{Decided, Scene, given};
use crate::people::{ADA, BOB, ELSEWHERE, HOME, code, link, origin, proof};

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
    scene
        .when(ADA.refreshes(1, 0))
        .refused_with_kinds(&["RefreshRefused"], Refusal::RefreshNotFound);
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
fn after_an_epoch_a_closing_waits_for_a_new_proof_and_begins_its_time_anew() {
    let renew = |number| Command::RenewClosing {
        user: ADA.user(),
        proof: proof(ADA.token(number)),
        mails: ADA.notices(),
    };
    let erase_due = || Command::EraseDue { user: ADA.user() };
    let takes_back = |number| Command::CancelWithdraw {
        proof: link(ADA.token(number)),
        origin: origin(),
    };
    let closing = given(ADA.account())
        .and([ADA.signed_in(1)])
        .done(ADA.withdraws(1, 1));
    closing.clone().when(renew(2)).then([]);
    let voided = closing.done(start_epoch()).after(Span::hours(80));
    assert!(closes_without_proof(&voided.state, ADA.user()));
    voided.clone().when(erase_due()).refused(Refusal::UserNotFound);
    let renewed = voided
        .when(renew(2))
        .then_kinds(&["TokenIssued", "MailQueued"])
        .scene;
    let until = renewed.now + Span::hours(72);
    assert_eq!(
        renewed.state.users[&ADA.user()].standing,
        Standing::Closing(until)
    );
    assert_eq!(renewed.state.closings[&ADA.user()], until);
    renewed.clone().when(renew(3)).then([]);
    renewed.clone().when(erase_due()).refused(Refusal::UserNotFound);
    renewed
        .clone()
        .when(takes_back(1))
        .refused(Refusal::TokenNotFound);
    renewed
        .clone()
        .when(takes_back(2))
        .then_kinds(&["WithdrawCancelled"]);
    renewed
        .after(Span::hours(72))
        .when(erase_due())
        .then_kinds(&["UserErased"]);
    given(ADA.account()).when(renew(2)).then([]);
    given([]).when(renew(2)).refused(Refusal::UserNotFound);
}

#[test]
fn r_42_a_new_proof_for_taking_a_closing_back_goes_to_every_address() {
    let mut mails = ADA.notices();
    let both = [ADA.address(), ADA.further(1)];
    mails.mails = both.map(|address| (address, crate::people::mail(900))).to_vec();
    given(ADA.account())
        .and([ADA.signed_in(1)])
        .done(ADA.names(1, 1, 21))
        .done(ADA.proves_further(1, link(ADA.token(21))))
        .done(ADA.withdraws(1, 22))
        .done(start_epoch())
        .when(Command::RenewClosing {
            user: ADA.user(),
            proof: proof(ADA.token(23)),
            mails,
        })
        .then_kinds(&["TokenIssued", "MailQueued", "MailQueued"]);
}

#[test]
fn law_15_a_closing_that_an_epoch_left_without_proof_waits_through_a_ban_too() {
    let renew = Command::RenewClosing {
        user: ADA.user(),
        proof: proof(ADA.token(2)),
        mails: ADA.notices(),
    };
    let erase_due = || Command::EraseDue { user: ADA.user() };
    let voided = given(ADA.account())
        .and([ADA.signed_in(1)])
        .done(ADA.withdraws(1, 1))
        .done(ADA.is_banned())
        .done(start_epoch())
        .after(Span::hours(80));
    voided.clone().when(erase_due()).refused(Refusal::UserNotFound);
    let renewed = voided
        .when(renew)
        .then_kinds(&["TokenIssued", "MailQueued"])
        .scene;
    let until = renewed.now + Span::hours(72);
    let state = &renewed.state;
    assert_eq!(state.users[&ADA.user()].standing, Standing::Banned);
    assert_eq!(state.closings[&ADA.user()], until);
    let (queued, due) = state.outbox.last_key_value().unwrap();
    assert_eq!(due.standing(*queued, state, renewed.now), MailStanding::Due);
    // Let in again, the owner can say no; banned for longer, the wish to be forgotten holds.
    renewed
        .clone()
        .done(Command::UnbanUser {
            user: ADA.user(),
            by: Actor::Operator,
        })
        .when(Command::CancelWithdraw {
            proof: link(ADA.token(2)),
            origin: origin(),
        })
        .then_kinds(&["WithdrawCancelled"]);
    renewed
        .after(Span::hours(72))
        .when(erase_due())
        .then_kinds(&["UserErased"]);
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

/// Epochs after which what people and programs know must be confirmed once.
const DISTRUST: [EpochReason; 3] = [
    EpochReason::Restored,
    EpochReason::RollbackAccepted,
    EpochReason::KeyTheft,
];

fn began(reason: EpochReason) -> Command {
    let erase = vec![];
    Command::StartEpoch { reason, erase }
}

/// Ada, who signed in before an epoch, signs in again with the right password.
fn returning() -> Decided {
    given(ADA.account())
        .and([ADA.signed_in(1)])
        .done(start_epoch())
        .when(ADA.signs_in(HOME, 2))
}

#[test]
fn law_15_after_distrust_a_right_password_mails_a_code_and_after_a_clock_reset_it_opens() {
    for reason in DISTRUST {
        given(ADA.account())
            .done(began(reason))
            .when(ADA.signs_in(HOME, 1))
            .refused_with_kinds(
                &["SignInFailed", "VerificationRequested"],
                Refusal::MailboxUnproven,
            );
    }
    given(ADA.account())
        .done(began(EpochReason::ClockReset))
        .when(ADA.signs_in(HOME, 1))
        .then_kinds(&["SignedIn"]);
    // A later reset of the clock does not forget what an earlier epoch asks for.
    given(ADA.account())
        .done(start_epoch())
        .done(began(EpochReason::ClockReset))
        .when(ADA.signs_in(HOME, 1))
        .refused_with_kinds(
            &["SignInFailed", "VerificationRequested"],
            Refusal::MailboxUnproven,
        );
}

#[test]
fn law_15_the_mailed_code_lifts_the_hold_although_the_address_was_proven_before() {
    let decided = returning();
    let request = *decided.scene.state.requests.keys().next().unwrap();
    let first_proven = decided.scene.state.users[&ADA.user()].addresses[0].verified;
    let mailed = decided.scene.done(ADA.issue(request.0, 2));
    mailed
        .clone()
        .when(ADA.signs_in(HOME, 2))
        .refused_with_kinds(&["SignInFailed"], Refusal::MailboxUnproven);
    let proven = mailed.done(ADA.proves_address(code(ADA.token(2))));
    let now_proven = proven.state.users[&ADA.user()].addresses[0].verified;
    assert_eq!(now_proven, first_proven, "when it was first proven is remembered");
    proven
        .clone()
        .when(ADA.proves_address(code(ADA.token(2))))
        .refused(Refusal::AlreadyVerified);
    let inside = proven.when(ADA.signs_in(HOME, 2)).then_kinds(&["SignedIn"]).scene;
    inside
        .done(start_epoch())
        .when(ADA.signs_in(HOME, 3))
        .refused_with_kinds(
            &["SignInFailed", "VerificationRequested"],
            Refusal::MailboxUnproven,
        );
}

#[test]
fn law_15_a_recovery_by_mail_lifts_the_hold_too() {
    let recovered = given(ADA.account())
        .done(start_epoch())
        .and([ADA.issued(2, Purpose::Recovery)])
        .done(ADA.recovers(link(ADA.token(2)), 1, 2));
    let right = keyledger::domain::PasswordVerdict::Right(ADA.password(2));
    recovered
        .when(ADA.signs_in_with(HOME, right, 2))
        .then_kinds(&["SignedIn"]);
}

#[test]
fn law_15_a_wrong_password_is_told_nothing_of_the_hold_and_newcomers_are_not_held() {
    given(ADA.account())
        .done(start_epoch())
        .when(ADA.fails_to_sign_in(HOME))
        .refused_with_kinds(&["SignInFailed"], Refusal::InvalidCredentials);
    given([])
        .done(start_epoch())
        .and(BOB.account())
        .when(BOB.signs_in(HOME, 1))
        .then_kinds(&["SignedIn"]);
}

#[test]
fn law_15_the_codes_of_the_hold_are_bounded_like_every_other_mail() {
    let limit = keyledger::domain::Limits::default().mails_per_address_hour;
    let mut scene = given(ADA.account()).done(start_epoch()).after(Span::hours(2));
    scene.limits.signin_free = 1_000;
    for _ in 0..limit {
        scene = scene
            .when(ADA.signs_in(ELSEWHERE, 2))
            .refused_with_kinds(
                &["SignInFailed", "VerificationRequested"],
                Refusal::MailboxUnproven,
            )
            .scene;
    }
    scene
        .when(ADA.signs_in(ELSEWHERE, 2))
        .refused_with_kinds(&["SignInFailed"], Refusal::MailboxUnproven);
}

#[test]
fn law_15_a_held_sign_in_is_unlawful() {
    let scene = given(ADA.account()).done(start_epoch());
    let recorded = Recorded {
        position: scene.state.next(),
        time: scene.now,
        command: keyledger::types::CommandId([0; 16]),
        event: ADA.signed_in(1),
    };
    let fault = lawful(&scene.state, &recorded).unwrap_err();
    assert!(fault.to_string().contains("mailbox"), "{fault}");
}

#[test]
fn law_15_secret_api_keys_wait_for_a_persons_word_and_publishable_ones_go_on() {
    let key = |number: u8, kind| Event::ApiKeyCreated {
        key: ApiKeyId([number; 16]),
        kind,
        hash: [number; 32],
        hash_key: 1,
        label: String::new(),
        expires: None,
        by: Actor::Operator,
    };
    let by = Actor::Operator;
    let (open, secret) = (ApiKeyId([1; 16]), ApiKeyId([2; 16]));
    let before = given([key(1, ApiKeyKind::Publishable), key(2, ApiKeyKind::Secret)]);
    let waits = |scene: &Scene, key| scene.state.api_keys[&key].awaits_confirmation(scene.state.epoch());
    let reset = before.clone().done(began(EpochReason::ClockReset));
    assert!(!waits(&reset, secret));
    let scene = before.done(start_epoch());
    assert!(waits(&scene, secret) && !waits(&scene, open));
    let confirm = |key| Command::ConfirmApiKey { key, by };
    scene.clone().when(confirm(open)).then([]);
    scene
        .clone()
        .when(confirm(ApiKeyId([9; 16])))
        .refused(Refusal::ApiKeyNotFound);
    let confirmed = scene
        .when(confirm(secret))
        .then([Event::ApiKeyConfirmed { key: secret, by }])
        .scene;
    assert!(!waits(&confirmed, secret));
    let fresh = confirmed.and([key(3, ApiKeyKind::Secret)]);
    assert!(
        !waits(&fresh, ApiKeyId([3; 16])),
        "a key of this time needs no word"
    );
}

#[test]
fn passwords_stay_and_so_do_counters() {
    before()
        .done(began(EpochReason::ClockReset))
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
        .and([ADA.verified()])
        .done(ADA.signs_in(HOME, 2))
        .after(Span::hours(1));
    let look = live_session(&scene.state, ADA.user(), ADA.session(2), scene.now);
    assert_eq!(look.map(|_| ()), Ok(()));
}
