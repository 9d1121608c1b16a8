//! What an administrator may do, and API keys.

use keyledger::domain::password_policy::PasswordPolicy;
use keyledger::domain::{
    Actor, ApiKeyKind, Command, EndCause, EpochReason, Event, NewApiKey, Outcome, Purpose, Refusal,
    SessionFault, Standing, live_session,
};
use keyledger::types::{ApiKeyId, Span, WebOrigin, WebOrigins};

use super::scene::{Scene, given};
use crate::people::{ADA, BOB, ELSEWHERE, HOME, NOBODY, Person, link};

fn new_key(n: u8) -> NewApiKey {
    NewApiKey {
        key: ApiKeyId([n; 16]),
        kind: ApiKeyKind::Secret,
        hash: [n; 32],
        hash_key: 1,
        label: "backend".to_owned(),
        expires: None,
    }
}

fn create(n: u8) -> Command {
    Command::CreateApiKey {
        key: new_key(n),
        by: Actor::Operator,
    }
}

fn revoke(n: u8) -> Command {
    Command::RevokeApiKey {
        key: ApiKeyId([n; 16]),
        by: Actor::Operator,
    }
}

fn touch(n: u8) -> Command {
    Command::TouchApiKey {
        key: ApiKeyId([n; 16]),
    }
}

fn unban(person: Person) -> Command {
    Command::UnbanUser {
        user: person.user(),
        by: Actor::Operator,
    }
}

fn revoke_password(person: Person) -> Command {
    Command::RevokePassword {
        user: person.user(),
        by: Actor::Operator,
    }
}

#[test]
fn r_46_an_administrator_registers_somebody_without_a_password() {
    let decided = given([]).when(ADA.is_created()).then_kinds(&["UserRegistered"]);
    let user = &decided.scene.state.users[&ADA.user()];
    assert_eq!(user.credential, None);
    assert_eq!(user.addresses[0].verified, None);
    decided
        .scene
        .when(ADA.is_created())
        .refused(Refusal::AddressTaken);
    let mut taken = given([]);
    taken.username_taken = true;
    taken.when(ADA.is_created()).refused(Refusal::UsernameTaken);
}

#[test]
fn a22_a_ban_ends_sessions_in_the_same_batch_and_is_lifted() {
    let scene = given(ADA.account()).and([ADA.signed_in(1)]);
    let banned = scene
        .when(ADA.is_banned())
        .then([
            Event::UserBanned {
                user: ADA.user(),
                by: Actor::Operator,
            },
            Event::SessionsEnded {
                user: ADA.user(),
                except: None,
                count: 1,
                cause: EndCause::Banned,
                by: Actor::Operator,
                origin: None,
            },
        ])
        .answered(&Outcome::Ended(1))
        .scene;
    banned
        .clone()
        .when(ADA.is_banned())
        .then([])
        .answered(&Outcome::Ended(0));
    let active = banned.when(unban(ADA)).then_kinds(&["UserUnbanned"]).scene;
    let look = live_session(&active.state, ADA.user(), ADA.session(1), active.now);
    assert_eq!(
        look.map(|_| ()),
        Err(SessionFault::Over),
        "what a ban ended stays ended"
    );
    active
        .clone()
        .when(ADA.refreshes(1, 0))
        .refused_with_kinds(&["RefreshRefused"], Refusal::RefreshNotFound);
    active.clone().when(unban(ADA)).then([]);
    active.when(ADA.signs_in(HOME, 2)).then_kinds(&["SignedIn"]);
}

#[test]
fn nobody_is_banned_who_is_not_there() {
    given([]).when(NOBODY.is_banned()).refused(Refusal::UserNotFound);
    given([]).when(unban(NOBODY)).refused(Refusal::UserNotFound);
    given([]).when(NOBODY.is_erased()).refused(Refusal::UserNotFound);
    given([])
        .when(revoke_password(NOBODY))
        .refused(Refusal::UserNotFound);
}

#[test]
fn p_05_a_revoked_password_opens_nothing_ends_sessions_and_leaves_recovery_open() {
    let scene = given(ADA.account())
        .and([ADA.signed_in(1), ADA.issued(1, Purpose::Recovery)])
        .when(revoke_password(ADA))
        .then_kinds(&["PasswordRevoked", "SessionsEnded"])
        .answered(&Outcome::Ended(1))
        .scene;
    scene
        .clone()
        .when(ADA.signs_in(HOME, 2))
        .refused(Refusal::InvalidCredentials);
    scene
        .clone()
        .when(ADA.refreshes(1, 0))
        .refused_with_kinds(&["RefreshRefused"], Refusal::RefreshNotFound);
    scene
        .clone()
        .when(ADA.recovers_from(ELSEWHERE, link(ADA.token(1)), None, 2))
        .refused(Refusal::TokenNotFound);
    scene
        .clone()
        .when(revoke_password(ADA))
        .then([])
        .answered(&Outcome::Ended(0));
    let asked = scene.done(ADA.requests_reset(ELSEWHERE));
    let request = *asked.state.requests.keys().next().unwrap();
    asked
        .done(ADA.issue(request.0, 2))
        .when(ADA.recovers_from(ELSEWHERE, link(ADA.token(2)), None, 2))
        .answered(&Outcome::Done);
}

#[test]
fn an_erased_user_leaves_no_row_but_the_note_of_the_erasure() {
    let scene = given(ADA.account())
        .and(BOB.account())
        .and([
            ADA.signed_in(1),
            ADA.issued(1, Purpose::Recovery),
            BOB.signed_in(1),
        ])
        .done(ADA.is_erased());
    assert!(!scene.state.users.contains_key(&ADA.user()));
    assert!(!scene.state.addresses.contains_key(&ADA.address()));
    assert!(scene.state.erased.contains_key(&ADA.user()));
    assert_eq!(scene.state.tokens.len(), 0);
    assert_eq!(scene.state.sessions.len(), 1, "Bob's");
    scene.when(ADA.is_erased()).refused(Refusal::UserNotFound);
}

fn with_key() -> Scene {
    given([]).done(create(1))
}

#[test]
fn an_api_key_is_made_and_revoked_once() {
    with_key()
        .when(revoke(1))
        .then([Event::ApiKeyRevoked {
            key: ApiKeyId([1; 16]),
            by: Actor::Operator,
        }])
        .scene
        .when(revoke(1))
        .then([]);
    with_key().when(revoke(2)).refused(Refusal::ApiKeyNotFound);
}

#[test]
fn the_use_of_an_api_key_is_noted_once_a_day() {
    let used = || {
        [Event::ApiKeyUsed {
            key: ApiKeyId([1; 16]),
        }]
    };
    let scene = with_key().when(touch(1)).then(used()).scene;
    let scene = scene.after(Span::hours(11)).when(touch(1)).then([]).scene;
    scene.after(Span::hours(1)).when(touch(1)).then(used());
    with_key().when(touch(2)).refused(Refusal::ApiKeyNotFound);
}

#[test]
fn the_use_of_a_key_that_was_revoked_meanwhile_is_no_bug_and_not_noted() {
    with_key()
        .done(revoke(1))
        .when(touch(1))
        .refused(Refusal::ApiKeyNotFound);
}

#[test]
fn the_origins_of_a_publishable_key_are_named_and_a_secret_one_has_none() {
    let key = ApiKeyId([1; 16]);
    let of = |texts: &[&str]| {
        let origins = texts.iter().map(|text| WebOrigin::parse(text).unwrap());
        WebOrigins::new(origins.collect()).unwrap()
    };
    let name = |key, origins: &WebOrigins| Command::NameApiKeyOrigins {
        key,
        origins: origins.clone(),
        by: Actor::Operator,
    };
    let named = |origins: &WebOrigins| {
        [Event::ApiKeyOriginsNamed {
            key,
            origins: origins.clone(),
            by: Actor::Operator,
        }]
    };
    let (one, none) = (of(&["https://app.example.org"]), of(&[]));
    let publishable = NewApiKey {
        kind: ApiKeyKind::Publishable,
        ..new_key(1)
    };
    let scene = given([]).done(Command::CreateApiKey {
        key: publishable,
        by: Actor::Operator,
    });
    let scene = scene.when(name(key, &none)).then([]).scene;
    let scene = scene.when(name(key, &one)).then(named(&one)).scene;
    let scene = scene.when(name(key, &one)).then([]).scene;
    assert_eq!(scene.state.api_keys[&key].origins, one);
    let scene = scene.when(name(key, &none)).then(named(&none)).scene;
    let unknown = name(ApiKeyId([2; 16]), &one);
    let scene = scene.when(unknown).refused(Refusal::ApiKeyNotFound).scene;
    let revoked = scene.done(revoke(1));
    revoked.when(name(key, &one)).refused(Refusal::ApiKeyNotFound);
    with_key()
        .when(name(key, &one))
        .refused(Refusal::SecretKeyInBrowser);
}

#[test]
fn a_policy_is_replaced_by_its_name() {
    let save = |policy| Command::SavePolicy {
        policy,
        by: Actor::Operator,
    };
    let scene = given([])
        .done(save(PasswordPolicy::classic()))
        .done(save(PasswordPolicy::nist()))
        .done(save(PasswordPolicy::classic()));
    assert_eq!(scene.state.flows().policies().count(), 2);
    assert_eq!(scene.state.policy("nist"), Some(&PasswordPolicy::nist()));
    assert_eq!(scene.state.policy("none"), None);
}

#[test]
fn a_ledger_is_founded_once_and_begins_with_epoch_one() {
    let found = Command::Found {
        policies: vec![PasswordPolicy::classic()],
        keys: vec![new_key(1)],
        checkpoint: None,
    };
    let mut empty = given([]);
    empty.state = keyledger::domain::State::default();
    let decided = empty
        .when(found.clone())
        .then_kinds(&["EpochStarted", "PolicySaved", "ApiKeyCreated"]);
    assert_eq!(
        decided.decision.events[0],
        Event::EpochStarted {
            number: 1,
            reason: EpochReason::Founded,
        }
    );
    decided.scene.when(found).refused(Refusal::AlreadyFounded);
}

#[test]
fn law_17_taking_the_wall_clocks_word_begins_an_epoch_in_the_same_command() {
    let kept = crate::people::NOON;
    given([]).when(Command::AcceptClock { kept }).then([
        Event::ClockAccepted { kept },
        Event::EpochStarted {
            number: 2,
            reason: EpochReason::ClockReset,
        },
    ]);
}

#[test]
fn a_ban_holds_a_closing_account_shut_and_takes_no_closing_back() {
    let takes_back = Command::CancelWithdraw {
        proof: link(ADA.token(1)),
        origin: crate::people::origin(),
    };
    let closing = given(ADA.account())
        .and([ADA.signed_in(1)])
        .done(ADA.withdraws(1, 1));
    let until = closing.state.closings[&ADA.user()];
    let banned = closing.done(ADA.is_banned());
    assert_eq!(banned.state.users[&ADA.user()].standing, Standing::Banned);
    banned
        .clone()
        .when(takes_back.clone())
        .refused(Refusal::TokenNotFound);
    // The owner's wish to be forgotten does not wait for the ban to end.
    banned
        .clone()
        .after(Span::hours(72))
        .when(Command::EraseDue { user: ADA.user() })
        .then_kinds(&["UserErased"]);
    let let_in = banned.done(unban(ADA));
    assert_eq!(let_in.state.users[&ADA.user()].standing, Standing::Closing(until));
    let kept = let_in.done(takes_back).state;
    assert_eq!(kept.users[&ADA.user()].standing, Standing::Active);
}

#[test]
fn p_05_a_revoked_password_leaves_the_proof_that_takes_a_closing_back() {
    given(ADA.account())
        .and([ADA.signed_in(1)])
        .done(ADA.withdraws(1, 1))
        .done(revoke_password(ADA))
        .when(Command::CancelWithdraw {
            proof: link(ADA.token(1)),
            origin: crate::people::origin(),
        })
        .then_kinds(&["WithdrawCancelled"]);
}
