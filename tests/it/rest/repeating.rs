//! Calls that are sent again with the same `Idempotency-Key`.

use keyledger::types::Span;
use serde_json::json;

use super::call::{Call, together};
use super::house::{BO, House, JI, NEW, OLD};

fn sign_up<'h>(house: &'h House, email: &str, key: &str) -> Call<'h> {
    let body = json!({"email": email, "password": OLD, "name": "Somebody"});
    house
        .post("/v1/auth/email/signup", &body)
        .header("idempotency-key", key)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_sent_again_has_one_effect_and_the_same_answer_for_a_day() {
    let house = House::open().await;
    let first = sign_up(&house, JI, "k-1").send().await;
    first.assert(201);
    assert_eq!(first.header("idempotency-replayed"), "");
    let events = house.events();
    let again = sign_up(&house, JI, "k-1").send().await;
    assert_eq!((again.status, &again.bytes), (201, &first.bytes));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
    assert_eq!(house.events(), events);
    sign_up(&house, JI, "k-2")
        .refused(409, "auth/email-already-exists")
        .await;
    house.wait(Span::hours(24));
    sign_up(&house, JI, "k-1")
        .refused(409, "auth/email-already-exists")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_with_another_body_is_refused_and_tells_nobody_else_anything() {
    let house = House::open().await;
    sign_up(&house, JI, "k").send().await.assert(201);
    let refused = sign_up(&house, BO, "k").refused(422, "common/idempotency-key-reused");
    refused.await;
    sign_up(&house, BO, "k")
        .from("192.0.2.99")
        .send()
        .await
        .assert(201);
    // Another route is another call.
    house.sign_in(JI, OLD).header("idempotency-key", "k").ok().await;
    let long = "k".repeat(256);
    for key in ["", &long] {
        let refused = sign_up(&house, BO, key).refused(400, "common/invalid-parameters");
        assert_eq!(
            refused.await.details(),
            "Idempotency-Key:not-1-to-255-visible-characters"
        );
    }
    let twice = sign_up(&house, BO, "a").header("idempotency-key", "b");
    twice.refused(400, "common/invalid-parameters").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_is_carried_out() {
    let house = House::open().await;
    let calls = (0..8).map(|_| sign_up(&house, JI, "k").send());
    let answers = together(calls).await;
    let made = answers.iter().filter(|answer| answer.status == 201);
    let bodies: Vec<_> = made.map(|answer| &answer.bytes).collect();
    assert!(!bodies.is_empty() && bodies.iter().all(|body| *body == bodies[0]));
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!(
            (answer.status, &*answer.code()),
            (409, "common/idempotency-in-progress")
        );
    }
    let events = house.events();
    assert_eq!(events.iter().filter(|name| **name == "UserRegistered").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_signed_in_no_more_is_not_told_an_earlier_answer_and_a_401_is_decided_anew() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    let change = || {
        let body = json!({"currentPassword": OLD, "newPassword": NEW});
        house
            .post("/v1/auth/password/change", &body)
            .bearer(&tokens.access)
            .header("idempotency-key", "k")
    };
    change().ok().await;
    change().refused(401, "auth/session-expired").await;
    let sign_in = |password: &str| house.sign_in(JI, password).header("idempotency-key", "s");
    let wrong = "Wrong-Harbor-19";
    for _ in 0..5 {
        sign_in(wrong).refused(401, "auth/invalid-credentials").await;
    }
    // A client that repeats after every 401 is told to stop, with the header as without.
    sign_in(wrong).refused(429, "auth/too-many-login-attempts").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s_12_an_old_refresh_token_is_noticed_whatever_key_comes_with_it() {
    let house = House::open().await;
    let tokens = house.sign_up(JI).await;
    let refresh = || house.refresh(&tokens.refresh).header("idempotency-key", "k");
    let next = refresh().ok().await.tokens();
    assert_eq!(
        refresh().ok().await.tokens().refresh,
        next.refresh,
        "within the grace"
    );
    house.refresh(&next.refresh).ok().await;
    house.wait(Span::seconds(11));
    refresh().refused(401, "auth/invalid-refresh-token").await;
    assert!(house.events().contains(&"RefreshReplayed"));
}
