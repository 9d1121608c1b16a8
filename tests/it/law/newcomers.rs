//! People whom administrators bring: imported with what another program knew, or invited.

use keyledger::domain::{
    Actor, Event, INVITATION_LONGEST, NewUser, Outcome, PasswordCause, Purpose, Refusal, Role, TokenStanding,
    Via,
};
use keyledger::types::{ApiKeyId, Locale, Position, Span};

use super::lawful::fault;
use super::scene::{Scene, given};
use crate::people::{ADA, BOB, ELSEWHERE, HOME, NOON, link, origin, sealed};

fn invited() -> Scene {
    given([])
        .when(ADA.is_invited(1, Span::days(7)))
        .then_kinds(&["UserRegistered", "TokenIssued", "UserInvited", "MailQueued"])
        .scene
}

#[test]
fn p_12_somebody_comes_along_with_their_password_and_their_past_once() {
    let long_ago = NOON + Span::days(-400);
    let came = given([]).when(ADA.is_imported(Some(long_ago))).then_kinds(&[
        "UserRegistered",
        "UserImported",
        "PasswordImported",
    ]);
    let user = &came.scene.state.users[&ADA.user()];
    assert_eq!(user.created, long_ago);
    assert_eq!(user.credential_id(), Some(ADA.password(1)));
    assert!(user.addresses[0].verified.is_some());
    // The same line once more changes nothing.
    let scene = came.scene;
    scene
        .clone()
        .when(ADA.is_imported(None))
        .refused(Refusal::AddressTaken);
    scene.when(ADA.signs_in(HOME, 1)).then_kinds(&["SignedIn"]);
    // Nobody was known from a time that is to come.
    let early = given([]).done(ADA.is_imported(Some(NOON + Span::days(1))));
    assert_eq!(early.state.users[&ADA.user()].created, NOON);
}

#[test]
fn p_12_no_password_is_imported_for_somebody_who_is_here() {
    let imported = Event::PasswordImported {
        user: ADA.user(),
        credential: ADA.password(9),
        verifier: sealed("verifier"),
        by: Actor::Operator,
    };
    let known = Event::UserImported {
        user: ADA.user(),
        address: ADA.address(),
        verified: true,
        since: NOON,
        by: Actor::Operator,
    };
    let here = "a password was imported for somebody who was here already";
    let without = given([ADA.registered()]).and(BOB.account());
    for scene in [given(ADA.account()), without] {
        assert_eq!(fault(&scene, imported.clone()), here);
        assert_eq!(
            fault(&scene, known.clone()),
            "somebody was imported who was here already"
        );
    }
}

#[test]
fn r_47_an_invitation_is_single_use_and_ends_and_a_newer_one_takes_its_place() {
    let scene = invited();
    let waits = scene.state.invitations[&ADA.user()];
    assert_eq!((waits.token, waits.expires), (ADA.token(1), NOON + Span::days(7)));
    let late = scene.clone().after(Span::days(7));
    late.when(ADA.accepts(ELSEWHERE, link(ADA.token(1)), 1))
        .refused(Refusal::TokenExpired);
    let again = scene
        .when(ADA.is_invited_again(2))
        .then_kinds(&["TokenIssued", "UserInvited", "MailQueued"])
        .scene;
    assert_eq!(
        again.state.tokens[&ADA.token(1)].standing,
        TokenStanding::Superseded
    );
    again
        .clone()
        .when(ADA.accepts(ELSEWHERE, link(ADA.token(1)), 1))
        .refused(Refusal::TokenNotFound);
    let accepted = again
        .when(ADA.accepts(ELSEWHERE, link(ADA.token(2)), 1))
        .then([
            Event::InvitationAccepted {
                user: ADA.user(),
                token: ADA.token(2),
                address: ADA.address(),
                origin: origin(),
            },
            Event::AddressVerified {
                user: ADA.user(),
                address: ADA.address(),
                token: Some(ADA.token(2)),
                via: Via::Link,
                origin: origin(),
            },
            ADA.password_set(1, PasswordCause::Recovered(ADA.token(2))),
            Event::ProfileChanged {
                user: ADA.user(),
                name: Some(sealed("another name")),
                locale: Locale::En,
                origin: origin(),
            },
        ])
        .answered(&Outcome::Done)
        .scene;
    assert!(accepted.state.invitations.is_empty());
    assert!(accepted.state.users[&ADA.user()].addresses[0].verified.is_some());
    let again = ADA.accepts(ELSEWHERE, link(ADA.token(2)), 2);
    accepted.clone().when(again).refused(Refusal::TokenNotFound);
    for command in [ADA.is_invited_again(3), ADA.is_uninvited()] {
        accepted.clone().when(command).refused(Refusal::NotInvited);
    }
    accepted.when(ADA.signs_in(HOME, 1)).then_kinds(&["SignedIn"]);
}

#[test]
fn a_stranger_who_asks_for_a_recovery_does_not_end_an_invitation() {
    let asked = invited().done(ADA.requests(Purpose::Recovery, ELSEWHERE));
    let request = asked.state.requests.keys().next().copied().unwrap_or(Position(0));
    let mailed = asked.done(ADA.issue(request.0, 5));
    assert_eq!(mailed.state.tokens[&ADA.token(1)].standing, TokenStanding::Live);
    mailed
        .clone()
        .when(ADA.accepts(ELSEWHERE, link(ADA.token(1)), 1))
        .answered(&Outcome::Done);
    // Whoever reads the mailbox may come that way too; then nothing waits any more.
    let recovered = mailed.done(ADA.recovers_from(HOME, link(ADA.token(5)), None, 1));
    assert!(recovered.state.invitations.is_empty());
    recovered
        .when(ADA.accepts(ELSEWHERE, link(ADA.token(1)), 2))
        .refused(Refusal::TokenNotFound);
}

#[test]
fn what_is_taken_back_is_gone_and_what_proves_something_else_invites_nobody() {
    let gone = invited()
        .when(ADA.is_uninvited())
        .then_kinds(&["UserErased"])
        .scene;
    assert!(gone.state.invitations.is_empty() && gone.state.users.is_empty());
    gone.when(ADA.accepts(HOME, link(ADA.token(1)), 1))
        .refused(Refusal::TokenNotFound);
    let recovery = given(ADA.account()).and([ADA.issued(1, Purpose::Recovery)]);
    recovery
        .clone()
        .when(ADA.accepts(HOME, link(ADA.token(1)), 2))
        .refused(Refusal::TokenNotFound);
    let by = Actor::Operator;
    let (user, token) = (ADA.user(), ADA.token(1));
    assert_eq!(
        fault(&recovery, Event::UserInvited { user, token, by }),
        "somebody was invited by a proof for something else"
    );
    // An invitation does not change the password of anybody either.
    invited()
        .when(ADA.recovers_from(HOME, link(ADA.token(1)), None, 1))
        .refused(Refusal::TokenNotFound);
}

#[test]
fn r_21_an_invitation_lives_thirty_days_at_most_and_only_without_a_password() {
    let long = given([]).done(ADA.is_invited(1, Span::days(400)));
    assert_eq!(
        long.state.invitations[&ADA.user()].expires,
        NOON + INVITATION_LONGEST
    );
    let mut issued = ADA.issued(2, Purpose::Invitation);
    if let Event::TokenIssued { expires, .. } = &mut issued {
        *expires = NOON + Span::days(2);
    }
    assert_eq!(
        fault(&given(ADA.account()), issued),
        "a token lives longer than 24 hours"
    );
}

#[test]
fn a_key_invites_no_administrator() {
    let by = Actor::ApiKey(ApiKeyId([1; 16]));
    let invite = |role| {
        let new = NewUser {
            role,
            ..ADA.new_user()
        };
        ADA.is_invited_as(new, 1, Span::days(7), by)
    };
    given([]).when(invite(Role::Admin)).refused(Refusal::NotAllowed);
    given([]).when(invite(Role::Guest)).answered(&Outcome::Done);
}
