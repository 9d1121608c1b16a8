//! Registering.

use keyledger::domain::{
    Allowance, Event, LimitKind, MailKind, Outcome, PasswordCause, Purpose, Refusal, SuppressedClass,
};
use keyledger::types::{Locale, Span};

use super::scene::{Scene, given};
use crate::people::{ADA, BOB, ELSEWHERE, HOME, NOBODY, Net, Person, mail, net, origin};

fn collided(allowance: Allowance) -> Event {
    Event::SignUpCollided {
        address: ADA.address(),
        allowance,
        client: ELSEWHERE.day(),
        origin: origin(),
    }
}

fn account_exists() -> Event {
    Event::MailQueued {
        mail: mail(600).mail,
        kind: MailKind::AccountExists,
        user: ADA.user(),
        address: ADA.address(),
        token: None,
        locale: Locale::En,
        details: mail(600).details,
    }
}

#[test]
fn a_sign_up_makes_an_account_a_password_a_proof_and_its_mail_in_one_batch() {
    let mail = Event::MailQueued {
        mail: mail(1).mail,
        kind: MailKind::EmailVerification,
        user: ADA.user(),
        address: ADA.address(),
        token: Some(ADA.token(1)),
        locale: Locale::En,
        details: mail(1).details,
    };
    let batch = [
        ADA.registered(),
        ADA.password_set(1, PasswordCause::SignUp),
        ADA.issued(1, Purpose::VerifyEmail),
        mail,
    ];
    given([])
        .when(ADA.signs_up(HOME))
        .then(batch.iter().cloned().chain([ADA.signed_in(1)]))
        .answered(&Outcome::Session(Some(ADA.session(1))));
    given([])
        .when(ADA.signs_up_quietly(HOME, None))
        .then(batch)
        .answered(&Outcome::Session(None));
}

#[test]
fn where_a_taken_address_is_told_the_sign_up_is_refused_and_remembered() {
    given(ADA.account())
        .when(ADA.signs_up(ELSEWHERE))
        .refused_and_remembered([collided(Allowance::None)], Refusal::AddressTaken);
}

#[test]
fn a11_where_it_is_not_told_the_answer_is_that_of_a_free_address_and_the_owner_gets_a_mail() {
    given(ADA.account())
        .when(ADA.signs_up_quietly(ELSEWHERE, Some(mail(600))))
        .then([collided(Allowance::General), account_exists()])
        .answered(&Outcome::Session(None));
}

#[test]
fn r_05_mails_about_taken_addresses_come_out_of_the_owners_allowance() {
    let quietly = |n: u32| ADA.signs_up_quietly(net(50 + n), Some(mail(600)));
    let scene = given(ADA.account()).after(Span::days(1)).tried(5, quietly);
    assert_eq!(scene.state.outbox.len(), 5);
    let scene = scene
        .when(ADA.signs_up_quietly(ELSEWHERE, Some(mail(600))))
        .then([collided(Allowance::None)])
        .scene;
    let scene = scene.done(ADA.requests_reset(ELSEWHERE));
    assert!(scene.state.requests.is_empty(), "one allowance for every door");
}

#[test]
fn a_collision_with_a_banned_owner_or_without_a_prepared_mail_mails_nobody() {
    given(ADA.account())
        .done(ADA.is_banned())
        .when(ADA.signs_up_quietly(ELSEWHERE, Some(mail(600))))
        .then([collided(Allowance::None)]);
    // The address was taken between the desk's look and the commit.
    given(ADA.account())
        .when(ADA.signs_up_quietly(ELSEWHERE, None))
        .then([collided(Allowance::None)])
        .answered(&Outcome::Session(None));
}

fn person(n: u32) -> Person {
    crate::people::person(0x10 + n)
}

#[test]
fn sign_ups_of_one_client_are_limited_whether_their_addresses_are_free_or_taken() {
    let limit = |scene: Scene| {
        scene
            .when(BOB.signs_up(ELSEWHERE))
            .limited(LimitKind::ClientSignUps)
    };
    limit(given([]).tried(20, |n| person(n).signs_up(ELSEWHERE)));
    limit(given(ADA.account()).tried(20, |_| ADA.signs_up(ELSEWHERE)));
    limit(given(ADA.account()).tried(20, |_| ADA.signs_up_quietly(ELSEWHERE, None)));
    given([])
        .tried(20, |n| person(n).signs_up(ELSEWHERE))
        .when(BOB.signs_up(Net(9)))
        .answered(&Outcome::Session(Some(BOB.session(1))));
}

#[test]
fn r_05_mails_of_sign_up_and_of_requests_share_the_clients_limit() {
    let scene = given(ADA.account())
        .tried(15, |n| person(n).signs_up(ELSEWHERE))
        .tried(15, |_| NOBODY.requests_reset(ELSEWHERE));
    scene
        .clone()
        .when(NOBODY.requests_reset(ELSEWHERE))
        .limited(LimitKind::ClientMails);
    scene
        .when(BOB.signs_up(ELSEWHERE))
        .limited(LimitKind::ClientMails);
}

#[test]
fn an_exempt_network_has_no_limit_of_a_client() {
    let exempt = |person: Person| {
        let mut command = person.signs_up(ELSEWHERE);
        if let keyledger::domain::Command::SignUp { ask, .. } = &mut command {
            ask.client.exempt = true;
        }
        command
    };
    given([])
        .tried(40, |n| exempt(person(n)))
        .when(exempt(BOB))
        .answered(&Outcome::Session(Some(BOB.session(1))));
}

#[test]
fn a11_law_8_a_full_budget_answers_alike_for_free_and_taken_addresses() {
    for person in [ADA, NOBODY] {
        for command in [
            person.signs_up(ELSEWHERE),
            person.signs_up_quietly(ELSEWHERE, Some(mail(600))),
        ] {
            given(ADA.account())
                .under(|limits| limits.stranger_bytes_day = 0)
                .when(command)
                .refused(Refusal::Saturated)
                .counted_as(SuppressedClass::Requests);
        }
    }
}

#[test]
fn an_erased_users_address_is_free_again() {
    given(ADA.account())
        .done(ADA.is_erased())
        .when(BOB.signs_up(HOME))
        .answered(&Outcome::Session(Some(BOB.session(1))));
}

#[test]
fn an_account_is_not_proven_by_signing_up() {
    let scene = given([]).done(ADA.signs_up(HOME));
    assert_eq!(scene.state.users[&ADA.user()].addresses[0].verified, None);
}
