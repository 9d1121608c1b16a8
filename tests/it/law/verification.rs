//! Proving an address, and saying that an account made with it is not one's own.

use keyledger::domain::{Actor, Allowance, Command, Event, Outcome, Purpose, Refusal, Subject, Via};
use keyledger::types::{Locale, Span};

use super::scene::{Scene, given};
use crate::people::{ADA, BOB, ELSEWHERE, HOME, NOBODY, Person, code, link, origin, sealed};

fn unproven() -> Scene {
    given(ADA.unproven_account()).and([ADA.issued(1, Purpose::VerifyEmail)])
}

fn disown(number: u32) -> Command {
    Command::DisownSignUp {
        token: ADA.token(number),
        origin: origin(),
    }
}

#[test]
fn a_proof_proves_the_address_and_keeps_the_password_and_the_sessions() {
    let scene = unproven().and([ADA.signed_in(1)]);
    let decided = scene
        .when(ADA.proves_address(link(ADA.token(1))))
        .then([Event::AddressVerified {
            user: ADA.user(),
            address: ADA.address(),
            token: Some(ADA.token(1)),
            via: Via::Link,
            origin: origin(),
        }])
        .answered(&Outcome::Verified);
    let user = &decided.scene.state.users[&ADA.user()];
    assert!(user.addresses[0].verified.is_some());
    assert_eq!(user.credential_id(), Some(ADA.password(1)));
    assert_eq!(user.sessions[..], [ADA.session(1)]);
}

#[test]
fn r_20_an_address_is_proven_once() {
    let scene = unproven().done(ADA.proves_address(code(ADA.token(1))));
    for proof in [link(ADA.token(1)), code(ADA.token(1))] {
        scene
            .clone()
            .when(ADA.proves_address(proof))
            .refused(Refusal::AlreadyVerified);
    }
}

#[test]
fn r_26_a_recovery_proof_proves_no_address_and_an_unknown_one_nothing() {
    given(ADA.unproven_account())
        .and([ADA.issued(1, Purpose::Recovery)])
        .when(ADA.proves_address(link(ADA.token(1))))
        .refused(Refusal::TokenNotFound);
    unproven()
        .when(ADA.proves_address(link(ADA.token(9))))
        .refused(Refusal::TokenNotFound);
}

#[test]
fn r_23_an_old_proof_is_expired_at_use() {
    unproven()
        .after(Span::hours(24))
        .when(ADA.proves_address(link(ADA.token(1))))
        .refused(Refusal::TokenExpired);
}

#[test]
fn r_29_five_wrong_codes_kill_a_verification_code_but_not_its_link() {
    let tried = unproven().tried(5, |_| ADA.guesses_for(Purpose::VerifyEmail, ELSEWHERE));
    tried
        .clone()
        .when(ADA.proves_address(code(ADA.token(1))))
        .refused(Refusal::TokenNotFound);
    tried
        .when(ADA.proves_address(link(ADA.token(1))))
        .answered(&Outcome::Verified);
}

#[test]
fn a_banned_user_proves_nothing() {
    unproven()
        .done(ADA.is_banned())
        .when(ADA.proves_address(link(ADA.token(1))))
        .refused(Refusal::TokenNotFound);
}

#[test]
fn r_01_asking_for_a_verification_is_answered_alike_for_proven_unproven_and_unknown_addresses() {
    let asked = |subject, allowance| Event::VerificationRequested {
        subject,
        allowance,
        client: ELSEWHERE.day(),
        origin: origin(),
        locale: Locale::En,
    };
    let ada = Subject::Address(ADA.address());
    for (scene, person, subject, allowance) in [
        (given(ADA.account()), ADA, ada, Allowance::None),
        (unproven(), ADA, ada, Allowance::General),
        (
            unproven(),
            NOBODY,
            Subject::Stranger(NOBODY.stranger()),
            Allowance::None,
        ),
    ] {
        scene
            .when(person.requests(Purpose::VerifyEmail, ELSEWHERE))
            .then([asked(subject, allowance)])
            .answered(&Outcome::Done);
    }
}

#[test]
fn nobody_can_ask_by_mail_to_reopen_an_account() {
    let scene = given(ADA.account())
        .and([ADA.signed_in(1)])
        .done(ADA.withdraws(1, 1))
        .done(ADA.requests(Purpose::Reopen, ELSEWHERE));
    assert!(scene.state.requests.is_empty());
}

#[test]
fn a26_the_owner_of_a_mailbox_deletes_an_account_that_was_made_with_it() {
    let decided = unproven().and([ADA.signed_in(1)]).when(disown(1)).then([
        Event::SignUpDisowned {
            user: ADA.user(),
            token: ADA.token(1),
            origin: origin(),
        },
        Event::UserErased {
            user: ADA.user(),
            by: Actor::Stranger,
        },
    ]);
    let scene = decided.scene;
    assert!(scene.state.users.is_empty() && scene.state.sessions.is_empty() && scene.state.tokens.is_empty());
    assert!(scene.state.addresses.is_empty());
    scene.clone().when(disown(1)).refused(Refusal::TokenNotFound);
    scene
        .when(BOB.signs_up(HOME))
        .answered(&Outcome::Session(Some(BOB.session(1))));
}

#[test]
fn a_proven_account_cannot_be_disowned() {
    unproven()
        .and([ADA.issued(2, Purpose::VerifyEmail)])
        .and([ADA.verified()])
        .when(disown(2))
        .refused(Refusal::AlreadyVerified);
    given(ADA.account())
        .and([ADA.issued(1, Purpose::Recovery)])
        .when(disown(1))
        .refused(Refusal::TokenNotFound);
    unproven()
        .after(Span::hours(24))
        .when(disown(1))
        .refused(Refusal::TokenExpired);
}

#[test]
fn where_a_request_wants_its_link_to_lead_stays_with_the_proof_and_is_written_for_nobody_too() {
    let asks = |person: Person| Command::RequestProof {
        ask: person.ask(ELSEWHERE),
        purpose: Purpose::VerifyEmail,
        callback: Some(sealed("callback")),
    };
    let kinds = ["VerificationRequested", "CallbackNamed"];
    given([]).when(asks(NOBODY)).then_kinds(&kinds);
    let scene = given(ADA.unproven_account())
        .when(asks(ADA))
        .then_kinds(&kinds)
        .scene;
    let request = *scene.state.requests.keys().next().unwrap();
    let issued = scene.done(ADA.issue(request.0, 2)).state;
    let callback = issued.tokens[&ADA.token(2)].callback.as_deref();
    assert_eq!(callback, Some(&sealed("callback")));
}
