//! A user's sessions.

use serde_json::json;

use super::house::{BEGINNING, BO, House, JI, OLD};

const CHROME: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/126.0.0.0 Safari/537.36";

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_newest_first_in_pages() {
    let house = House::open().await;
    let first = house.sign_up(JI).await;
    let call = house.sign_in(JI, OLD).from("198.51.100.7");
    call.header("user-agent", CHROME).ok().await;
    house.sign_up(BO).await;
    let list = |query: &str| {
        let call = house.get(&format!("/v1/auth/sessions{query}"));
        call.bearer(&first.access)
    };
    let all = list("").ok().await.value();
    let items = all["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(items[0]["ipAddress"], "198.51.100.7");
    assert_eq!(items[0]["deviceInfo"], "Chrome on macOS");
    assert_eq!(items[0]["userId"], house.user_id(JI).to_string());
    assert_eq!(items[0]["createdAt"], BEGINNING);
    assert_eq!(items[0]["lastActivityAt"], BEGINNING);
    assert_eq!(
        (&items[0]["current"], &items[1]["current"]),
        (&json!(false), &json!(true))
    );
    assert!(CHROME.starts_with(items[0]["userAgent"].as_str().unwrap()));
    assert_eq!(
        all["pagination"],
        json!({"total": 2, "page": 1, "limit": 10, "totalPages": 1, "hasNext": false, "hasPrev": false})
    );
    let second = list("?page=2&limit=1").ok().await.value();
    assert_eq!(second["items"][0]["id"], items[1]["id"]);
    assert_eq!(second["pagination"]["hasPrev"], true);
    for bad in ["?page=0", "?limit=101", "?limit=x", "?page=1&page=2", "?limit=-1"] {
        list(bad).refused(400, "common/invalid-parameters").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s_11_an_ended_session_is_out_at_the_very_next_call() {
    let house = House::open().await;
    let own = house.sign_up(JI).await;
    let other = house.sign_in(JI, OLD).ok().await.tokens();
    house.get("/v1/auth/me").bearer(&other.access).ok().await;
    let listed = house
        .get("/v1/auth/sessions")
        .bearer(&own.access)
        .ok()
        .await
        .value();
    let id = listed["items"][0]["id"].as_str().unwrap();
    let end = |token: &str| house.delete(&format!("/v1/auth/sessions/{id}")).bearer(token);
    end(&own.access).ok().await;
    let me = house.get("/v1/auth/me").bearer(&other.access);
    me.refused(401, "auth/session-expired").await;
    end(&own.access).refused(404, "auth/session-not-found").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_users_session_is_answered_like_none() {
    let house = House::open().await;
    let own = house.sign_up(JI).await;
    let other = house.sign_up(BO).await;
    let listed = house
        .get("/v1/auth/sessions")
        .bearer(&other.access)
        .ok()
        .await
        .value();
    let theirs = listed["items"][0]["id"].as_str().unwrap().to_owned();
    let mut faces = vec![];
    for id in [theirs.as_str(), "00000000-0000-0000-0000-000000000000", "x"] {
        let call = house
            .delete(&format!("/v1/auth/sessions/{id}"))
            .bearer(&own.access);
        faces.push(call.refused(404, "auth/session-not-found").await.face());
    }
    assert!(faces.iter().all(|face| *face == faces[0]));
    house.get("/v1/auth/me").bearer(&other.access).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_or_all_others_are_ended_at_once() {
    let house = House::open().await;
    let own = house.sign_up(JI).await;
    house.sign_in(JI, OLD).ok().await;
    let end = |query: &str| {
        let call = house.delete(&format!("/v1/auth/sessions{query}"));
        call.bearer(&own.access)
    };
    end("?except=others")
        .refused(400, "common/invalid-parameters")
        .await;
    assert_eq!(end("?except=current").ok().await.field("ended"), 1);
    assert_eq!(end("?except=current").ok().await.field("ended"), 0);
    assert_eq!(end("").ok().await.field("ended"), 1);
    end("").refused(401, "auth/session-expired").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s_02_every_sign_in_begins_a_session_of_its_own_and_adopts_none() {
    let house = House::open().await;
    let own = house.sign_up(JI).await;
    let body = json!({
        "email": JI, "password": OLD, "sessionId": "00000000-0000-0000-0000-000000000001",
        "refreshToken": own.refresh, "accessToken": own.access,
    });
    let call = house.post("/v1/auth/email/signin", &body).bearer(&own.access);
    let next = call.ok().await.tokens();
    assert_ne!((&next.access, &next.refresh), (&own.access, &own.refresh));
    assert_eq!(house.user(JI, |user| user.sessions.len()), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn s_03_s_17_signing_out_ends_the_session_at_once_and_nothing_is_cached() {
    let house = House::open().await;
    let own = house.sign_up(JI).await;
    let me = || house.get("/v1/auth/me").bearer(&own.access);
    assert_eq!(me().ok().await.header("cache-control"), "no-store");
    let out = house.call("POST", "/v1/auth/signout").bearer(&own.access);
    let out = out.ok().await;
    assert_eq!(out.header("clear-site-data"), "\"cache\"");
    assert_eq!(out.header("cache-control"), "no-store");
    let refused = me().refused(401, "auth/session-expired").await;
    assert_eq!(refused.header("cache-control"), "no-store");
}

#[tokio::test(flavor = "multi_thread")]
async fn s_10_one_session_too_many_displaces_the_oldest() {
    let house = House::open_with(|plan| plan.limits.sessions_per_user = 2).await;
    let first = house.sign_up(JI).await;
    let second = house.sign_in(JI, OLD).ok().await.tokens();
    house.sign_in(JI, OLD).ok().await;
    let me = house.get("/v1/auth/me").bearer(&first.access);
    me.refused(401, "auth/session-expired").await;
    house.get("/v1/auth/me").bearer(&second.access).ok().await;
}
