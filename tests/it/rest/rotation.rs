//! Keys are rotated while the server runs, and nothing that is alive ends.

use keyledger::desk::{Fault, NewPerson};
use keyledger::domain::{Actor, Event, KeyPurpose, Refusal, Role};
use keyledger::types::{EmailAddress, Locale};
use serde_json::json;

use super::house::{BO, House, JI, NEW, OLD};

/// Every purpose that is rotated like others.
fn purposes() -> impl Iterator<Item = KeyPurpose> {
    let all = KeyPurpose::ALL.into_iter();
    all.filter(|purpose| *purpose != KeyPurpose::Signing)
}

#[tokio::test(flavor = "multi_thread")]
async fn l_10_every_key_and_the_master_key_are_rotated_and_nothing_that_is_alive_ends() {
    let house = House::open().await;
    house.resident(JI).await;
    house.sign_up(BO).await;
    let tokens = house.sign_in(JI, OLD).ok().await.tokens();
    let verification = house.mail("email_verification", BO).await;
    let recovery = house.recovery(JI).await;
    let desk = house.desk();
    for purpose in purposes() {
        let rotated = desk.rotate_key(purpose, Actor::Operator).unwrap();
        assert!(rotated.new > rotated.old, "{purpose:?}");
    }
    desk.replace_master_key(Actor::Operator).unwrap();

    let me = house.get("/v1/auth/me").bearer(&tokens.access).ok().await;
    assert_eq!(me.field("email"), JI);
    let renewed = house.refresh(&tokens.refresh).ok().await.tokens();
    house.get("/v1/auth/me").bearer(&renewed.access).ok().await;
    house.sign_in(JI, OLD).ok().await;
    let body = json!({ "email": BO, "token": verification.code });
    house.post("/v1/auth/email/verify/confirm", &body).ok().await;
    house.confirm(JI, &recovery.secret, NEW).ok().await;
    house.sign_in(JI, NEW).ok().await;
    let again = json!({ "email": JI, "password": OLD, "name": "Somebody" });
    house
        .post("/v1/auth/email/signup", &again)
        .refused(409, "auth/email-already-exists")
        .await;
    let secret = house.inner.secret.clone();
    let with_secret = house.get("/v1/auth/me").without("x-api-key");
    let with_secret = with_secret.header("x-api-key", &secret);
    with_secret.refused(401, "auth/unauthorized").await;
    house.inner.settled().await;
    let told = house
        .inner
        .event_names()
        .into_iter()
        .filter(|name| *name == "KeyRotated");
    // The wrapping key twice: replacing the master key takes another.
    assert_eq!(told.count(), purposes().count() + 1);
    assert_eq!(desk.verify().unwrap().agrees, Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn l_10_a_rotation_that_a_crash_left_unrecorded_is_recorded_by_the_next_start() {
    let mut house = House::open().await;
    // The keyring is written; the process ends before the ledger is told.
    let rotate = |house: &House| {
        let (engine, purpose) = (house.desk().engine(), KeyPurpose::MailToken);
        let now = engine.clock().now();
        let keyring = engine.keyring();
        keyring.change(now, engine.entropy(), |ring| {
            ring.rotate(purpose, now, engine.entropy())
        })
    };
    let new = rotate(&house).unwrap();
    house.inner.restart().await;
    house.inner.restart().await;
    let told: Vec<_> = house
        .inner
        .events()
        .into_iter()
        .filter(|event| matches!(event, Event::KeyRotated { .. }))
        .collect();
    let purpose = KeyPurpose::MailToken;
    assert_eq!(
        told,
        [Event::KeyRotated {
            purpose,
            old: keyledger::crypto::Keyring::first(purpose).0,
            new: new.0,
            by: Actor::System,
        }],
        "once, whatever the number of starts"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn l_10_a_hash_key_that_only_revoked_api_keys_need_is_forgotten_and_the_others_go_on() {
    let house = House::open().await;
    let desk = house.desk();
    let by = Actor::Operator;
    let between = desk.rotate_key(KeyPurpose::ApiKey, by).unwrap();
    let kind = keyledger::domain::ApiKeyKind::Secret;
    let made = desk.create_api_key(kind, String::new(), None, by).await.unwrap();
    desk.revoke_api_key(made.id, by).await.unwrap();
    for _ in 0..2 {
        desk.rotate_key(KeyPurpose::ApiKey, by).unwrap();
    }
    let kept: Vec<_> = desk.keys().into_iter().map(|key| key.id).collect();
    assert!(kept.contains(&between.old) && !kept.contains(&between.new));
    house.get("/v1/auth/me").refused(401, "auth/unauthorized").await;
}

fn person(number: usize) -> NewPerson {
    NewPerson {
        address: EmailAddress::parse(&format!("p{number}@example.org")).unwrap(),
        name: None,
        username: None,
        role: Role::User,
        locale: Locale::En,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l_10_while_the_look_up_key_and_the_wrapping_key_change_no_address_gets_two_users() {
    const PEOPLE: usize = 60;
    let house = House::open().await;
    let desk = house.desk().clone();
    let rotating = {
        let desk = desk.clone();
        tokio::task::spawn_blocking(move || {
            for _ in 0..4 {
                desk.rotate_key(KeyPurpose::Lookup, Actor::Operator).unwrap();
                desk.rotate_key(KeyPurpose::UserWrap, Actor::Operator).unwrap();
            }
        })
    };
    let registering: Vec<_> = (0..3)
        .map(|_| {
            let desk = desk.clone();
            tokio::spawn(async move {
                for number in 0..PEOPLE {
                    loop {
                        match desk.create_user(person(number), Actor::Operator).await {
                            Ok(_) | Err(Fault::Refused(Refusal::AddressTaken)) => break,
                            Err(Fault::Refused(Refusal::Outdated)) => {}
                            Err(fault) => panic!("{fault:?}"),
                        }
                    }
                }
            })
        })
        .collect();
    for registered in registering {
        registered.await.unwrap();
    }
    rotating.await.unwrap();
    let (count, _) = desk.list_users(0, 1);
    assert_eq!(count, PEOPLE);
    for number in 0..PEOPLE {
        let address = format!("p{number}@example.org");
        let id = desk.find_user(&address).expect("everybody is found");
        assert_eq!(desk.profile(id).expect("and can be read").email, address);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l_10_a_sign_in_that_a_new_look_up_key_overtakes_is_computed_again() {
    let house = House::open().await;
    house.resident(JI).await;
    let (desk, address) = (house.desk(), EmailAddress::parse(JI).unwrap());
    let (password, visitor) = (secrecy::SecretString::from(OLD), crate::rig::visitor("192.0.2.1"));
    let mut signing_in = std::pin::pin!(desk.sign_in(&address, &password, None, &visitor));
    // It has looked the address up, and the password is being hashed.
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(signing_in.as_mut().poll(&mut context).is_pending());
    desk.rotate_key(KeyPurpose::Lookup, Actor::Operator).unwrap();
    let signed_in = signing_in.await;
    assert!(signed_in.is_ok(), "{:?}", signed_in.err());
}
