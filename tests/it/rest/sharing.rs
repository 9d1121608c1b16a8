//! Which web pages may read answers: those that were named for the key they call with.

use keyledger::domain::{Actor, ApiKeyKind};
use keyledger::types::{ApiKeyId, Span, WebOrigin, WebOrigins};
use secrecy::ExposeSecret;
use serde_json::json;

use super::call::{Answer, Call};
use super::house::{House, NOBODY};

const APP: &str = "https://app.example.org";
const ELSEWHERE: &str = "https://elsewhere.example.org";

/// The house, the id of its publishable key, and a secret key.
async fn house() -> (House, ApiKeyId, String) {
    let house = House::open().await;
    let keys = house.desk().api_keys();
    let pages = keys.iter().find(|(_, key)| key.kind == ApiKeyKind::Publishable);
    let (pages, _) = *pages.unwrap();
    let made = house
        .desk()
        .create_api_key(ApiKeyKind::Secret, "s".into(), None, Actor::Operator)
        .await
        .unwrap();
    (house, pages, made.text.expose_secret().to_owned())
}

async fn name(house: &House, key: ApiKeyId, origins: &[&str]) {
    let origins = origins.iter().map(|text| WebOrigin::parse(text).unwrap());
    let origins = WebOrigins::new(origins.collect()).unwrap();
    let named = house.desk().name_api_key_origins(key, origins, Actor::Operator);
    named.await.unwrap();
}

fn shared_with(answer: &Answer) -> &str {
    answer.header("access-control-allow-origin")
}

/// What a browser asks before a call with a key.
fn preflight<'h>(house: &'h House, origin: &str, path: &str) -> Call<'h> {
    Call::new(house, "OPTIONS", path)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,x-api-key")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_reads_answers_only_where_its_origin_was_named_for_the_key() {
    let (house, pages, secret) = house().await;
    let ask = |origin: &str| house.request(NOBODY).header("origin", origin);
    let alone = ask(APP).ok().await;
    assert_eq!((shared_with(&alone), alone.header("vary")), ("", "Origin"));
    name(&house, pages, &[APP]).await;
    let shared = ask(APP).ok().await;
    assert_eq!(shared_with(&shared), APP);
    let exposed = shared.header("access-control-expose-headers");
    for field in ["X-Request-Id", "Retry-After", "X-RateLimit-Reset"] {
        assert!(exposed.contains(field), "{exposed}");
    }
    assert_eq!(shared.header("access-control-allow-credentials"), "");
    for other in [
        ELSEWHERE,
        "null",
        "https://app.example.org.evil.example",
        "http://app.example.org",
    ] {
        assert_eq!(shared_with(&ask(other).ok().await), "", "{other}");
    }
    assert_eq!(shared_with(&ask(APP).header("origin", APP).ok().await), "");
    // Refusals too, so that a page can tell its visitor what is wrong; but not to whoever has no key, or another's.
    let refused = house.request("no address").header("origin", APP).send().await;
    assert_eq!((refused.status, shared_with(&refused)), (400, APP));
    let keyless = ask(APP).without("x-api-key");
    assert_eq!(shared_with(&keyless.clone().send().await), "");
    let administrator = keyless.header("x-api-key", &secret).ok().await;
    assert_eq!(shared_with(&administrator), "");
    name(&house, pages, &[]).await;
    assert_eq!(shared_with(&ask(APP).ok().await), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_asks_first_is_told_what_a_named_page_may_send() {
    let (house, pages, _) = house().await;
    let path = "/v1/auth/password/reset/request";
    assert_eq!(shared_with(&preflight(&house, APP, path).ok().await), "");
    name(&house, pages, &[APP]).await;
    let told = preflight(&house, APP, path).ok().await;
    assert_eq!(shared_with(&told), APP);
    assert_eq!(told.header("access-control-allow-methods"), "OPTIONS, POST");
    let fields = told.header("access-control-allow-headers").to_ascii_lowercase();
    for field in ["authorization", "content-type", "idempotency-key", "x-api-key"] {
        assert!(fields.contains(field), "{fields}");
    }
    assert_eq!(told.header("access-control-max-age"), "600");
    assert_eq!(shared_with(&preflight(&house, ELSEWHERE, path).ok().await), "");
    // Pages of ours are for nobody else's scripts, whatever was named.
    assert_eq!(shared_with(&preflight(&house, APP, "/recover").send().await), "");
    let revoked = house.desk().revoke_api_key(pages, Actor::Operator);
    revoked.await.unwrap();
    assert_eq!(shared_with(&preflight(&house, APP, path).ok().await), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_names_the_origins_of_a_publishable_key_and_every_fault_is_told() {
    let (house, pages, secret) = house().await;
    let put = |id: &str, origins: serde_json::Value| {
        Call::new(&house, "PUT", &format!("/v1/admin/api-keys/{id}/origins"))
            .header("x-api-key", &secret)
            .json(&json!({ "origins": origins }))
    };
    let id = pages.to_string();
    let named = put(&id, json!(["https://App.example.org:443", APP])).ok().await;
    assert_eq!(named.value(), json!({"id": id, "origins": [APP]}));
    for (origins, reason) in [
        (json!("x"), "wrong-type"),
        (json!(["*"]), "scheme"),
        (json!(["https://a/b"]), "beyond-the-host"),
        (json!(["https://a:x"]), "port"),
        (
            json!((0..11).map(|n| format!("https://a{n}")).collect::<Vec<_>>()),
            "too-many",
        ),
    ] {
        let refused = put(&id, origins).refused(400, "common/invalid-parameters").await;
        let detail = refused.value()["details"][0].clone();
        assert_eq!(
            (&detail["field"], &detail["reason"]),
            (&json!("origins"), &json!(reason))
        );
    }
    let keys = house.desk().api_keys();
    let (backend, _) = keys
        .iter()
        .find(|(_, key)| key.kind == ApiKeyKind::Secret)
        .unwrap();
    let refused = put(&backend.to_string(), json!([APP])).refused(400, "common/invalid-parameters");
    assert_eq!(refused.await.value()["details"][0]["reason"], "secret-key");
    put("x", json!([])).refused(404, "common/not-found").await;
    put(&ApiKeyId([9; 16]).to_string(), json!([]))
        .refused(404, "common/not-found")
        .await;
    let unprivileged = put(&id, json!([]))
        .without("x-api-key")
        .header("x-api-key", house.key());
    unprivileged.refused(401, "auth/unauthorized").await;
    house.wait(Span::days(1));
    let shared = house.request(NOBODY).header("origin", APP).ok().await;
    assert_eq!(shared_with(&shared), APP);
}
