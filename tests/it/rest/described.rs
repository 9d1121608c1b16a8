//! The OpenAPI document against what the server really answers.

use keyledger::domain::{Actor, ApiKeyKind};
use keyledger::http::Envelope;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::house::{House, JI, NEW, NOBODY, OLD};

/// What of a value does not have the shape that a schema tells of, with its place; as much of JSON Schema as the document
/// uses.
fn misfits(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let wrong = |what: &str| vec![format!("{at}: {what}: {value}")];
    if let Some(place) = schema["$ref"].as_str() {
        let named = document.pointer(place.trim_start_matches('#'));
        return misfits(document, named.expect("the reference leads somewhere"), value, at);
    }
    if let Some(all) = schema["allOf"].as_array() {
        let parts = all.iter().flat_map(|part| misfits(document, part, value, at));
        return parts.collect();
    }
    if let Some(any) = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
        let fits = any.iter().any(|one| misfits(document, one, value, at).is_empty());
        return if fits {
            vec![]
        } else {
            wrong("fits none of several")
        };
    }
    if let Some(only) = schema.get("const") {
        return if only == value {
            vec![]
        } else {
            wrong("is not the one value")
        };
    }
    if let Some(some) = schema["enum"].as_array()
        && !some.contains(value)
    {
        return wrong("is none of the words");
    }
    let is_of = |kind: &str| match kind {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the document uses the type {other}"),
    };
    let fits = match &schema["type"] {
        Value::String(kind) => is_of(kind),
        Value::Array(kinds) => kinds.iter().any(|kind| is_of(kind.as_str().unwrap())),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
            panic!("{at}: {other} is no type")
        }
    };
    if !fits {
        return wrong("has another type");
    }
    let mut found = vec![];
    for name in schema["required"].as_array().into_iter().flatten() {
        let name = name.as_str().unwrap();
        if value.is_object() && value.get(name).is_none() {
            found.push(format!("{at}.{name} is missing"));
        }
    }
    for (name, shape) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(member) = value.get(name) {
            found.extend(misfits(document, shape, member, &format!("{at}.{name}")));
        }
    }
    for (at_item, item) in value.as_array().into_iter().flatten().enumerate() {
        found.extend(misfits(
            document,
            &schema["items"],
            item,
            &format!("{at}[{at_item}]"),
        ));
    }
    found
}

/// Holds an answer against what the document tells of it.
#[track_caller]
fn check(document: &Value, method: &str, pattern: &str, answer: &Answer) {
    let operation = &document["paths"][pattern][method.to_ascii_lowercase()];
    assert!(operation.is_object(), "{method} {pattern} is not described");
    let told = &operation["responses"][answer.status.to_string()];
    assert!(told.is_object(), "{method} {pattern} does not tell of {answer:?}");
    let kind = answer
        .header("content-type")
        .split(';')
        .next()
        .unwrap_or_default();
    let content = &told["content"][kind];
    assert!(content.is_object(), "{method} {pattern} does not tell of {kind}");
    if kind.ends_with("json") {
        let found = misfits(document, &content["schema"], &answer.value(), "");
        assert!(found.is_empty(), "{method} {pattern}: {found:#?}");
    }
}

async fn document(house: &House) -> Value {
    house.get("/openapi.json").without("x-api-key").ok().await.value()
}

async fn secret(house: &House) -> String {
    let made = house
        .desk()
        .create_api_key(ApiKeyKind::Secret, "s".into(), None, Actor::Operator)
        .await
        .unwrap();
    made.text.expose_secret().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_are_answered_has_the_described_shape() {
    for envelope in [Envelope::Hybrid, Envelope::Bare, Envelope::Wrapped] {
        let house = House::open_with(|plan| {
            let before = std::mem::replace(&mut plan.settings, Box::new(|_| {}));
            plan.settings = Box::new(move |settings| {
                before(settings);
                settings.envelope = envelope;
            });
        })
        .await;
        let document = document(&house).await;
        let post = |path: &'static str, body: Value| {
            let call = house.post(path, &body);
            let document = &document;
            async move {
                let answer = call.send().await;
                check(document, "POST", path, &answer);
                answer
            }
        };
        let signed_up = post(
            "/v1/auth/email/signup",
            json!({"email": JI, "password": OLD, "name": "Ji"}),
        )
        .await;
        signed_up.assert(201);
        let fields = signed_up.value();
        let fields = if envelope == Envelope::Wrapped {
            &fields["data"]
        } else {
            &fields
        };
        let access = fields["accessToken"].as_str().unwrap().to_owned();
        let refresh = fields["refreshToken"].as_str().unwrap().to_owned();
        for pattern in ["/v1/auth/me", "/v1/auth/sessions", "/v1/auth/addresses"] {
            let answer = house.get(pattern).bearer(&access).ok().await;
            check(&document, "GET", pattern, &answer);
            check(&document, "GET", pattern, &house.get(pattern).send().await);
        }
        post("/v1/auth/password/reset/request", json!({"email": NOBODY}))
            .await
            .assert(200);
        post("/v1/auth/password/reset/request", json!({"email": 7}))
            .await
            .assert(400);
        let mail = house.recovery(JI).await;
        let confirm = json!({"email": JI, "token": mail.secret, "newPassword": NEW});
        let weak = json!({"email": JI, "token": mail.secret, "newPassword": "short"});
        post("/v1/auth/password/reset/confirm", weak).await.assert(400);
        post("/v1/auth/password/reset/confirm", confirm.clone())
            .await
            .assert(200);
        post("/v1/auth/password/reset/confirm", confirm).await.assert(404);
        post("/v1/auth/refresh", json!({"refreshToken": refresh}))
            .await
            .assert(401);
        post("/v1/auth/email/signin", json!({"email": JI, "password": OLD}))
            .await
            .assert(401);
        post("/v1/auth/email/signin", json!({"email": JI, "password": NEW}))
            .await
            .assert(200);
        post("/v1/auth/email/verify/send", json!({"email": JI}))
            .await
            .assert(200);
        for path in ["/healthz", "/readyz"] {
            check(&document, "GET", path, &house.get(path).ok().await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_flows_services_and_administrators_are_answered_has_the_described_shape() {
    let house = House::open().await;
    let document = document(&house).await;
    house.resident(JI).await;
    let secret = secret(&house).await;
    let begun = house.call("POST", "/v1/flows/default-recovery-flow/executions");
    let begun = begun.send().await;
    begun.assert(201);
    check(&document, "POST", "/v1/flows/{slug}/executions", &begun);
    let execution = begun.field("executionId");
    let path = format!("/v1/flows/executions/{}", execution.as_str().unwrap());
    for body in [json!({}), json!({"identifier": JI})] {
        let went = house.post(&path, &body).send().await;
        check(&document, "POST", "/v1/flows/executions/{executionId}", &went);
    }
    let admin =
        |method: &'static str, target: &str| Call::new(&house, method, target).header("x-api-key", &secret);
    for pattern in [
        "/v1/admin/flows",
        "/v1/admin/stages",
        "/v1/admin/policies",
        "/v1/audit/events",
        "/v1/audit/checkpoint",
    ] {
        check(&document, "GET", pattern, &admin("GET", pattern).ok().await);
    }
    for (pattern, target) in [
        ("/v1/admin/flows/{slug}", "/v1/admin/flows/default-recovery-flow"),
        ("/v1/admin/flows/{slug}", "/v1/admin/flows/none"),
        (
            "/v1/admin/flows/{slug}/bindings",
            "/v1/admin/flows/default-recovery-flow/bindings",
        ),
        (
            "/v1/admin/flows/{slug}/bindings/{order}",
            "/v1/admin/flows/default-recovery-flow/bindings/10",
        ),
        ("/v1/audit/proof/{position}", "/v1/audit/proof/0"),
        ("/v1/audit/state", "/v1/audit/state?at=2027-01-15T08:00:00Z"),
    ] {
        check(&document, "GET", pattern, &admin("GET", target).send().await);
    }
    // The examples of the document are good calls.
    for pattern in ["/v1/admin/flows", "/v1/admin/stages", "/v1/admin/policies"] {
        let operation = &document["paths"][pattern]["post"];
        let example = &operation["requestBody"]["content"]["application/json"]["example"];
        let made = admin("POST", pattern).json(example).send().await;
        made.assert(201);
        check(&document, "POST", pattern, &made);
    }
    let problem = house
        .request("x")
        .header("accept", "application/problem+json")
        .send()
        .await;
    check(&document, "POST", "/v1/auth/password/reset/request", &problem);
    assert_eq!(problem.header("content-type"), "application/problem+json");
    let introspected = admin("POST", "/v1/introspect").body("application/x-www-form-urlencoded", "token=x");
    check(&document, "POST", "/v1/introspect", &introspected.ok().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_is_a_page_for_people_with_every_call_in_it() {
    let house = House::open().await;
    let document = document(&house).await;
    for (lang, title) in [("en", "API reference"), ("ko", "API 참조")] {
        let page = house
            .get(&format!("/docs?lang={lang}"))
            .without("x-api-key")
            .ok()
            .await;
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert!(
            page.header("content-security-policy")
                .contains("default-src 'none'")
        );
        assert!(page.text().contains(&format!("<h1>{title}</h1>")));
        for path in document["paths"].as_object().unwrap().keys() {
            let escaped = path.replace('/', "&#x2f;");
            assert!(page.text().contains(&escaped), "{path}");
        }
    }
}
