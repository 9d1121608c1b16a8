//! Changing a password that one knows.

use keyledger::types::Span;
use serde_json::json;

use super::call::{Call, Tokens};
use super::house::{Door, House, JI, NEW, OLD};

fn change<'h>(house: &'h House, tokens: &Tokens, current: &str, new: &str) -> Call<'h> {
    let body = json!({"currentPassword": current, "newPassword": new});
    house
        .post("/v1/auth/password/change", &body)
        .bearer(&tokens.access)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_ends_every_session_and_tells_the_owner() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    let other = house.sign_in(JI, OLD).ok().await.tokens();
    change(&house, &tokens, OLD, NEW).ok().await;
    for ended in [&tokens, &other] {
        let me = house.get("/v1/auth/me").bearer(&ended.access);
        me.refused(401, "auth/session-expired").await;
        house
            .refresh(&ended.refresh)
            .refused(401, "auth/invalid-refresh-token")
            .await;
    }
    house.sign_in(JI, NEW).ok().await;
    assert_eq!(house.mails("password_changed", JI).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn p_08_a_change_needs_the_current_password_before_anything_else_is_said() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    change(&house, &tokens, "Wrong-Harbor-19", "a")
        .refused(401, "auth/invalid-password")
        .await;
    change(&house, &tokens, "", NEW)
        .refused(401, "auth/invalid-password")
        .await;
    let body = json!({"newPassword": NEW});
    let call = house
        .post("/v1/auth/password/change", &body)
        .bearer(&tokens.access);
    call.refused(400, "common/invalid-parameters").await;
    let call = house.post("/v1/auth/password/change", &body);
    call.refused(401, "auth/unauthorized").await;
    house.get("/v1/auth/me").bearer(&tokens.access).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p_08_five_wrong_ones_in_fifteen_minutes_are_enough_even_without_limits_of_clients() {
    let house = House::open_with(|plan| {
        let door = Door {
            exempt: Some("192.0.2.0/24"),
            ..Door::default()
        };
        door.put(plan);
    })
    .await;
    let tokens = house.resident(JI).await;
    let other = house.sign_in(JI, OLD).ok().await.tokens();
    for n in 0..5 {
        let session = if n % 2 == 0 { &tokens } else { &other };
        change(&house, session, &format!("Wrong-Harbor-{n}"), NEW)
            .refused(401, "auth/invalid-password")
            .await;
    }
    let refused = change(&house, &other, OLD, NEW)
        .refused(429, "auth/too-many-requests")
        .await;
    assert_eq!(refused.header("x-ratelimit-limit"), "5");
    assert_eq!(refused.header("retry-after"), "900");
    house.wait(Span::minutes(15));
    change(&house, &other, OLD, NEW).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_wrong_one_is_counted_once_and_its_tenth_time_is_the_last() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    let wrong = || change(&house, &tokens, "Wrong-Harbor-19", NEW);
    wrong().refused(401, "auth/invalid-password").await;
    let events = house.events().len();
    for _ in 2..10 {
        wrong().refused(401, "auth/invalid-password").await;
    }
    wrong().refused(429, "auth/too-many-requests").await;
    assert_eq!(
        house.events().len(),
        events,
        "repeats are not counted against the user"
    );
    change(&house, &tokens, OLD, NEW).ok().await;
}
