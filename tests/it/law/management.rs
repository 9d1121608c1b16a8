//! What administrators change about users and mails.

use keyledger::domain::{Actor, Allowance, Command, Event, Outcome, Refusal, Role, Subject, TokenStanding};
use keyledger::types::{ApiKeyId, Locale, Position, Span, Tag, UserId};

use super::scene::{Scene, given};
use crate::people::{ADA, BOB, HOME, NOBODY, cancel_mail, hasten_mail, origin, sealed};

const KEY: Actor = Actor::ApiKey(ApiKeyId([9; 16]));

/// Ada, and Bob, who is an administrator.
fn scene() -> Scene {
    given(ADA.account())
        .and(BOB.account())
        .done(BOB.is_made(Role::Admin, Actor::Operator))
}

fn bob() -> Actor {
    Actor::User(BOB.user())
}

#[test]
fn a_role_is_changed_once_and_by_somebody_else() {
    let by = bob();
    let changed = scene()
        .when(ADA.is_made(Role::Guest, by))
        .then([Event::RoleChanged {
            user: ADA.user(),
            role: Role::Guest,
            by,
        }]);
    assert_eq!(changed.scene.state.users[&ADA.user()].role, Role::Guest);
    changed.scene.when(ADA.is_made(Role::Guest, by)).then([]);
    scene()
        .when(BOB.is_made(Role::User, by))
        .refused(Refusal::NotAllowed);
    scene()
        .when(NOBODY.is_made(Role::User, by))
        .refused(Refusal::UserNotFound);
}

#[test]
fn nobody_bans_or_erases_themself_as_administrator() {
    let (user, by) = (BOB.user(), bob());
    for command in [Command::BanUser { user, by }, Command::EraseUser { user, by }] {
        scene().when(command).refused(Refusal::NotAllowed);
    }
}

#[test]
fn r_46_a_secret_key_makes_no_recovery_for_an_administrator_and_takes_no_role_from_one() {
    let by_key = |mut command: Command| {
        if let Command::IssueRecovery { by, .. } = &mut command {
            *by = KEY;
        }
        command
    };
    let issue = |person: crate::people::Person| by_key(person.gets_recovery(1, Span::hours(1)));
    scene().when(issue(BOB)).refused(Refusal::NotAllowed);
    scene()
        .when(BOB.is_made(Role::User, KEY))
        .refused(Refusal::NotAllowed);
    scene().when(issue(ADA)).answered(&Outcome::Issued(ADA.token(1)));
    // A person may, for another one.
    scene()
        .when(BOB.gets_recovery(1, Span::hours(1)))
        .answered(&Outcome::Issued(BOB.token(1)));
}

#[test]
fn r_46_a_secret_key_is_neither_rid_of_administrators_nor_makes_any() {
    let (user, by) = (BOB.user(), KEY);
    let against = [
        Command::BanUser { user, by },
        Command::EraseUser { user, by },
        Command::RevokePassword { user, by },
        Command::RevokeFactors {
            user,
            kind: None,
            mails: BOB.notices(),
            by,
        },
        ADA.is_made(Role::Admin, by),
        NOBODY.is_created_as(Role::Admin, by),
    ];
    for command in against {
        scene().when(command).refused(Refusal::NotAllowed);
    }
    scene()
        .when(NOBODY.is_created_as(Role::User, by))
        .then_kinds(&["UserRegistered"]);
    let user = ADA.user();
    scene()
        .when(Command::BanUser { user, by })
        .then_kinds(&["UserBanned", "SessionsEnded"]);
}

#[test]
fn r_26_what_was_handed_over_opens_nothing_of_a_new_role() {
    let handed = scene().done(ADA.gets_recovery(1, Span::hours(1)));
    let standing = |scene: &Scene| scene.state.tokens[&ADA.token(1)].standing;
    assert_eq!(standing(&handed), TokenStanding::Live);
    let raised = handed.done(ADA.is_made(Role::Admin, bob()));
    assert_eq!(standing(&raised), TokenStanding::Superseded);
}

#[test]
fn a_lost_update_of_a_profile_is_refused() {
    let seen = scene().state.users[&ADA.user()].updated;
    let later = scene().after(Span::hours(1));
    let edited = later
        .when(ADA.is_renamed(Some(seen)))
        .then([Event::ProfileEdited {
            user: ADA.user(),
            name: Some(sealed("a name that somebody gave")),
            locale: Locale::Ko,
            by: Actor::Operator,
        }]);
    let ada = &edited.scene.state.users[&ADA.user()];
    assert_eq!(
        (ada.locale, &ada.name),
        (Locale::Ko, &Some(sealed("a name that somebody gave")))
    );
    let scene = edited.scene;
    scene
        .clone()
        .when(ADA.is_renamed(Some(seen)))
        .refused(Refusal::Changed);
    scene.when(ADA.is_renamed(None)).then_kinds(&["ProfileEdited"]);
    given([])
        .when(ADA.is_renamed(None))
        .refused(Refusal::UserNotFound);
}

#[test]
fn r_46_a_recovery_that_an_administrator_sends_is_one_that_the_user_could_have_asked_for() {
    let by = bob();
    let sent = scene().when(ADA.is_sent_recovery(by)).then([
        Event::RecoverySent { user: ADA.user(), by },
        Event::ResetRequested {
            subject: Subject::Address(ADA.address()),
            allowance: Allowance::General,
            client: Tag([0; 16]),
            origin: origin(),
            locale: Locale::En,
        },
    ]);
    let scene = sent.scene;
    let request = scene.state.requests.keys().next().copied().unwrap();
    scene
        .done(ADA.issue(request.0, 5))
        .when(ADA.recovers_from(HOME, crate::people::link(ADA.token(5)), Some(ADA.password(1)), 2))
        .answered(&Outcome::Done);
    let banned = self::scene().done(ADA.is_banned());
    banned
        .when(ADA.is_sent_recovery(by))
        .refused(Refusal::UserNotActive);
    let gone = Command::Manage(keyledger::domain::ManagementCommand::SendRecovery {
        user: UserId([0; 16]),
        origin: origin(),
        by,
    });
    self::scene().when(gone).refused(Refusal::UserNotFound);
}

#[test]
fn a_waiting_mail_is_hastened_or_cancelled_and_others_are_not_there() {
    let scene = given(ADA.account()).done(ADA.gets_recovery(1, Span::hours(1)));
    let queued = scene.state.outbox.keys().next().copied().unwrap();
    let put_off = Command::MailDeferred {
        queued,
        attempt: 1,
        status: 451,
        step: 2,
        next: scene.now + Span::hours(2),
    };
    let scene = scene.done(put_off).after(Span::minutes(1));
    let now = scene.now;
    let hastened = scene
        .when(hasten_mail(queued))
        .then_kinds(&["MailHastened"])
        .scene;
    assert_eq!(hastened.state.outbox[&queued].next, now);
    let cancelled = hastened
        .when(cancel_mail(queued))
        .then_kinds(&["MailCancelled"])
        .scene;
    assert!(!cancelled.state.outbox.contains_key(&queued));
    for command in [cancel_mail(queued), hasten_mail(queued), cancel_mail(Position(7))] {
        cancelled.clone().when(command).refused(Refusal::NoSuchMail);
    }
}
