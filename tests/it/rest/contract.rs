//! What holds for every call: methods, bodies, envelopes, health.

use serde_json::json;

use super::house::{BEGINNING, BO, Door, House, JI, NOBODY, OLD};

#[tokio::test(flavor = "multi_thread")]
async fn health_needs_no_key_and_is_not_counted() {
    let house = House::open_with(|plan| {
        let door = Door {
            calls: Some(1),
            ..Door::default()
        };
        door.put(plan);
    })
    .await;
    for _ in 0..3 {
        let alive = house.get("/healthz").without("x-api-key").ok().await;
        assert_eq!(alive.field("status"), "alive");
        let ready = house.get("/readyz").without("x-api-key").ok().await;
        assert_eq!(ready.field("status"), "ready");
    }
    house.desk().engine().stop(std::time::Duration::from_secs(5));
    house.get("/healthz").ok().await;
    let busy = house.get("/readyz").refused(503, "common/overloaded").await;
    assert_eq!(busy.header("retry-after"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn path_comes_before_method_and_method_before_credentials() {
    let house = House::open().await;
    let call = |method, path| house.call(method, path).without("x-api-key");
    call("POST", "/v1/auth/organisations")
        .refused(404, "common/not-found")
        .await;
    let refused = call("GET", "/v1/auth/email/signin")
        .refused(405, "common/method-not-allowed")
        .await;
    assert_eq!(refused.header("allow"), "OPTIONS, POST");
    call("POST", "/v1/auth/email/signin")
        .refused(401, "auth/invalid-api-key")
        .await;
    call("OPTIONS", "/v1/auth/me").ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_must_be_declared_as_json_also_where_none_is_asked_for() {
    let house = House::open().await;
    let text = json!({"email": JI}).to_string();
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
    ] {
        let call = house.call("POST", "/v1/auth/password/reset/request");
        call.body(kind, &text)
            .refused(415, "common/unsupported-media-type")
            .await;
    }
    let call = house.call("POST", "/v1/auth/password/reset/request");
    call.refused(415, "common/unsupported-media-type").await;
    let tokens = house.sign_up(JI).await;
    let call = house.call("POST", "/v1/auth/signout").bearer(&tokens.access);
    call.clone()
        .body("text/plain", "x")
        .refused(415, "common/unsupported-media-type")
        .await;
    call.ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faulty_fields_are_reported_together_and_no_value_is_repeated() {
    let house = House::open().await;
    let body = r#"{"email":["hunter2"],"token":7,"token":8}"#;
    let call = house.call("POST", "/v1/auth/password/reset/confirm");
    let refused = call
        .body("application/json", body)
        .refused(400, "common/invalid-parameters")
        .await;
    assert_eq!(
        refused.details(),
        "token:duplicate email:wrong-type token:wrong-type newPassword:required"
    );
    assert!(!refused.text().contains("hunter2"));
    for bad in ["", "{", "[]", "null", "\"x\""] {
        let call = house.call("POST", "/v1/auth/refresh");
        call.body("application/json", bad)
            .refused(400, "common/invalid-parameters")
            .await;
    }
    let long = json!({"email": JI, "padding": "x".repeat(16 * 1024)});
    let call = house.post("/v1/auth/password/reset/request", &long);
    let refused = call.refused(400, "common/invalid-parameters").await;
    assert_eq!(refused.details(), "body:too-large");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_carry_both_envelopes_and_the_request_id() {
    let house = House::open().await;
    let asked = house.request(NOBODY).header("x-request-id", "story-1").ok().await;
    assert_eq!(asked.header("x-request-id"), "story-1");
    assert_eq!(asked.header("cache-control"), "no-store");
    let value = asked.value();
    assert_eq!(value["success"], true);
    assert_eq!(value["data"]["message"], value["message"]);
    let call = house.request("no address").header("accept-language", "ko");
    let refused = call.refused(400, "auth/invalid-email").await.value();
    assert_eq!(refused["statusCode"], 400);
    assert_eq!(refused["message"], "This is not a valid e-mail address.");
    assert_eq!(refused["error"]["message"], "올바른 이메일 주소가 아닙니다.");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_that_takes_an_address_refuses_a_malformed_one_alike() {
    let house = House::open().await;
    for path in [
        "/v1/auth/password/reset/request",
        "/v1/auth/password/reset/confirm",
        "/v1/auth/email/signup",
        "/v1/auth/email/signin",
        "/v1/auth/email/verify/send",
        "/v1/auth/email/verify/resend",
        "/v1/auth/email/verify/confirm",
        "/v1/auth/signup/email/resend",
        "/v1/auth/signup/email/confirm",
    ] {
        let body =
            json!({"email": "a@b,c@d", "token": "t", "newPassword": "p", "password": "p", "name": "n"});
        let refused = house.post(path, &body).refused(400, "auth/invalid-email").await;
        assert_eq!(refused.details(), "email:several_addresses", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a28_fields_that_nobody_asked_for_have_no_effect() {
    let house = House::open().await;
    let more = json!({
        "email": JI, "password": OLD, "name": "Ji", "role": "admin", "emailVerified": true, "id": "1",
        "passwordHash": "x", "standing": "banned", "verified": true, "mfa": ["totp"], "createdAt": "2001-01-01",
    });
    let signed_up = house.post("/v1/auth/email/signup", &more).send().await;
    signed_up.assert(201);
    house.sign_up(BO).await;
    let me = house
        .get("/v1/auth/me")
        .bearer(&signed_up.tokens().access)
        .ok()
        .await
        .value();
    assert_eq!(
        (&me["role"], &me["emailVerified"]),
        (&json!("user"), &json!(null))
    );
    assert_eq!(me["createdAt"], BEGINNING);
    let more = json!({"email": JI, "verified": true, "to": BO, "userId": "1", "token": "chosen"});
    house.post("/v1/auth/password/reset/request", &more).ok().await;
    let mails = house.mails("password_reset", JI).await;
    assert_eq!(mails.len(), 1);
    assert_ne!(mails[0].secret, "chosen");
    let change = json!({
        "email": JI, "token": mails[0].secret, "newPassword": super::house::NEW, "role": "admin", "keepSessions": true,
    });
    house.post("/v1/auth/password/reset/confirm", &change).ok().await;
    assert_eq!(house.user(JI, |user| user.role), keyledger::domain::Role::User);
    assert_eq!(house.user(JI, |user| user.sessions.len()), 0);
}
