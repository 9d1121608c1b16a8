//! API keys, access tokens, and how often one may call.

use keyledger::domain::{Actor, ApiKeyKind};
use keyledger::system::Clock;
use keyledger::types::Span;
use secrecy::ExposeSecret;

use super::house::{Door, House, JI, NOBODY};

#[tokio::test(flavor = "multi_thread")]
async fn a_call_needs_a_key_that_is_good_now() {
    let house = House::open().await;
    let until = house.inner.clock.now() + Span::hours(1);
    let (kind, by) = (ApiKeyKind::Secret, Actor::Operator);
    let short = house
        .desk()
        .create_api_key(kind, "short".into(), Some(until), by)
        .await
        .unwrap();
    let text = short.text.expose_secret();
    let bare = || house.request(NOBODY).without("x-api-key");
    bare().refused(401, "auth/invalid-api-key").await;
    let pk = house.key();
    let other = format!("pk_{}", "0".repeat(64));
    for wrong in ["", "pk_", &other, &pk[..pk.len() - 1], &pk.to_uppercase()] {
        bare()
            .header("x-api-key", wrong)
            .refused(401, "auth/invalid-api-key")
            .await;
    }
    bare()
        .header("x-api-key", pk)
        .header("x-api-key", pk)
        .refused(401, "auth/invalid-api-key")
        .await;
    bare().bearer(pk).refused(401, "auth/invalid-api-key").await;
    bare().bearer(text).ok().await;
    bare().header("x-api-key", text).ok().await;
    house.wait(Span::hours(1));
    bare().bearer(text).refused(401, "auth/invalid-api-key").await;
    house.desk().revoke_api_key(short.id, by).await.unwrap();
    bare()
        .header("x-api-key", text)
        .refused(401, "auth/invalid-api-key")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_of_not_being_signed_in_has_a_code_of_its_own() {
    let house = House::open().await;
    let tokens = house.sign_up(JI).await;
    let me = || house.get("/v1/auth/me");
    me().refused(401, "auth/unauthorized").await;
    me().header("authorization", "Bearer ")
        .refused(401, "auth/unauthorized")
        .await;
    me().header("authorization", "Basic eDp5")
        .refused(401, "auth/invalid-token")
        .await;
    me().bearer("x").refused(401, "auth/invalid-token").await;
    let (head, _) = tokens.access.rsplit_once('.').unwrap();
    me().bearer(&format!("{head}.{}", "A".repeat(43)))
        .refused(401, "auth/invalid-token")
        .await;
    me().bearer(&tokens.refresh)
        .refused(401, "auth/invalid-token")
        .await;
    me().bearer(&tokens.access).ok().await;
    house.wait(Span::hours(1));
    me().bearer(&tokens.access)
        .refused(401, "auth/token-expired")
        .await;
    let next = house.refresh(&tokens.refresh).ok().await.tokens();
    me().bearer(&next.access).ok().await;
    let out = house.call("POST", "/v1/auth/signout");
    out.bearer(&next.access).ok().await;
    me().bearer(&next.access)
        .refused(401, "auth/session-expired")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_repeats_a_bad_token_is_told_to_stop_even_without_limits() {
    let house = House::open_with(|plan| {
        let door = Door {
            exempt: Some("192.0.2.0/24"),
            ..Door::default()
        };
        door.put(plan);
    })
    .await;
    let me = || house.get("/v1/auth/me").bearer("bad");
    for _ in 0..9 {
        me().refused(401, "auth/invalid-token").await;
    }
    let refused = me().refused(429, "auth/too-many-requests").await;
    assert_eq!(refused.header("retry-after"), "600");
    assert_eq!(refused.header("x-ratelimit-limit"), "10");
    assert_eq!(refused.header("x-ratelimit-remaining"), "0");
    house
        .get("/v1/auth/me")
        .bearer("another")
        .refused(401, "auth/invalid-token")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_counted_for_each_client_and_key_before_the_body_is_read() {
    let house = House::open_with(|plan| {
        let door = Door {
            calls: Some(3),
            exempt: Some("203.0.113.0/24"),
            ..Door::default()
        };
        door.put(plan);
    })
    .await;
    let bad = || house.request("not an address");
    for _ in 0..3 {
        bad().refused(400, "auth/invalid-email").await;
    }
    let refused = bad().refused(429, "auth/too-many-requests").await;
    assert_eq!(refused.field("message"), "Too many requests (429).");
    assert_eq!(refused.header("retry-after"), "20");
    assert_eq!(refused.header("x-ratelimit-limit"), "3");
    assert_eq!(refused.header("x-ratelimit-reset"), "60");
    bad().from("192.0.2.2").refused(400, "auth/invalid-email").await;
    for _ in 0..9 {
        bad().from("203.0.113.7").refused(400, "auth/invalid-email").await;
    }
    // Whoever has no key is counted too: keys cannot be guessed faster.
    for _ in 0..3 {
        let call = bad().without("x-api-key");
        call.refused(401, "auth/invalid-api-key").await;
    }
    bad()
        .header("x-api-key", "pk_wrong")
        .refused(429, "auth/too-many-requests")
        .await;
    house.wait(Span::seconds(20));
    bad().refused(400, "auth/invalid-email").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_07_a_field_of_the_request_does_not_make_another_client() {
    let house = House::open_with(|plan| {
        let door = Door {
            calls: Some(2),
            trusts_nobody: true,
            ..Door::default()
        };
        door.put(plan);
    })
    .await;
    for n in 0..2 {
        let call = house.request("x").from(&format!("10.0.0.{n}"));
        call.refused(400, "auth/invalid-email").await;
    }
    let call = house.request("x").from("10.0.0.9");
    call.header("x-real-ip", "10.0.0.9")
        .refused(429, "auth/too-many-requests")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l_06_nobody_can_sign_in_before_somebody_was_made() {
    let house = House::open().await;
    assert_eq!(house.desk().list_users(0, 10), (0, vec![]));
}
