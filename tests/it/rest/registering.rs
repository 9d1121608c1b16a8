//! Signing up.

use keyledger::desk::Enumeration;
use keyledger::types::Span;
use serde_json::{Value, json};

use super::house::{BEGINNING, House, JI, OLD};

fn form(email: &str) -> Value {
    json!({"method": "password", "email": email, "password": OLD, "name": "Ji"})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_is_answered_with_tokens_and_a_mail() {
    let house = House::open().await;
    let answer = house.post("/v1/auth/email/signup", &form(JI)).send().await;
    answer.assert(201);
    assert_eq!(answer.field("tokenType"), "Bearer");
    assert_eq!(answer.field("expiresIn"), 3600);
    let me = house
        .get("/v1/auth/me")
        .bearer(&answer.tokens().access)
        .ok()
        .await;
    let me = me.value();
    for (field, value) in [
        ("id", json!(house.user_id(JI).to_string())),
        ("role", json!("user")),
        ("name", json!("Ji")),
        ("nickname", json!(null)),
        ("email", json!(JI)),
        ("emailVerified", json!(null)),
        ("image", json!(null)),
        ("onboardingStatus", json!("completed")),
        ("locale", json!("en")),
        ("mfa", json!([])),
        ("lastLoginAt", json!(BEGINNING)),
    ] {
        assert_eq!(me[field], value, "{field}");
    }
    assert_eq!(house.mails("email_verification", JI).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_address_is_409_in_any_spelling() {
    let house = House::open().await;
    house.sign_up(JI).await;
    let refused = house
        .post("/v1/auth/email/signup", &form("JI@Example.org"))
        .refused(409, "auth/email-already-exists")
        .await;
    assert_eq!(refused.field("message"), "Email already exists.");
    assert_eq!(house.mails("account_exists", JI).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn strict_sign_up_answers_alike_and_mails_the_owner() {
    let house = House::open_with(|plan| plan.desk.enumeration = Enumeration::Strict).await;
    let face = |email: &'static str| {
        let call = house.post("/v1/auth/email/signup", &form(email));
        async move {
            let answer = call.send().await;
            answer.assert(201);
            assert_eq!(answer.field("email"), email);
            assert!(answer.field("accessToken").is_null());
            answer.face()
        }
    };
    let first = face(JI).await;
    assert_eq!(face(JI).await, first);
    assert_eq!(house.mails("email_verification", JI).await.len(), 1);
    assert_eq!(house.mails("account_exists", JI).await.len(), 1);
    // Else signing in with the password just chosen would tell a free address from a taken one (A11).
    house
        .sign_in(JI, OLD)
        .refused(401, "auth/invalid-credentials")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_is_checked() {
    let house = House::open().await;
    let sign_up = |change: Value| {
        let mut body = form(JI);
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        house.post("/v1/auth/email/signup", &body)
    };
    for method in ["oauth", "", "PASSWORD"] {
        let refused = sign_up(json!({"method": method}))
            .refused(400, "common/invalid-parameters")
            .await;
        assert_eq!(refused.details(), "method:unsupported");
    }
    for name in ["", "  ", &"x".repeat(101), "a\nb"] {
        sign_up(json!({"name": name}))
            .refused(400, "user/invalid-name")
            .await;
    }
    sign_up(json!({"locale": 7}))
        .refused(400, "common/invalid-parameters")
        .await;
    let context = json!({"email": "harborlight@example.org", "password": "Harborlight-1"});
    let refused = sign_up(context)
        .refused(400, "auth/invalid-password-format")
        .await;
    assert_eq!(refused.details(), "password:context");
    let answer = sign_up(json!({"method": null, "locale": "ko-KR"})).send().await;
    answer.assert(201);
    let me = house
        .get("/v1/auth/me")
        .bearer(&answer.tokens().access)
        .ok()
        .await;
    assert_eq!(me.field("locale"), "ko");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_sign_up_so_often_an_hour() {
    let house = House::open_with(|plan| plan.limits.signups_per_client_hour = 1).await;
    house.sign_up(JI).await;
    let refused = house
        .post("/v1/auth/email/signup", &form("b@example.org"))
        .refused(429, "auth/too-many-requests")
        .await;
    assert_eq!(refused.header("x-ratelimit-limit"), "1");
    house.wait(Span::hours(1));
    house.sign_up("b@example.org").await;
}
