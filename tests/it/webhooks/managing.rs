//! Receivers over the API: made, changed by who has seen the last change, and what is refused.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_made_shown_changed_and_removed() {
    let (house, receiver) = (house().await, Receiver::start().await);
    let hook = Hook::made(&house, &receiver, &["SignedIn", "PasswordSet"]).await;
    let shown = by_key(&house, "GET", &hook.path("")).await.expect(200);
    assert_eq!(shown.json["events"], json!(["PasswordSet", "SignedIn"]));
    assert_eq!(shown.json["url"], json!(receiver.url()));
    assert_eq!(shown.json["enabled"], true);
    assert!(shown.json.get("secret").is_none());
    let tag = shown.header("etag").unwrap().to_owned();
    let body = json!({ "name": "another", "enabled": false });
    let changed = by_key(&house, "PATCH", &hook.path(""))
        .header("If-Match", &tag)
        .json(&body);
    let changed = changed.await.expect(200);
    assert_eq!(changed.json["name"], "another");
    assert_eq!(changed.json["url"], json!(receiver.url()), "the rest stays");
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
    // Who has not seen that changes nothing.
    for method in ["PATCH", "DELETE"] {
        let late = by_key(&house, method, &hook.path("")).header("If-Match", &tag);
        late.json(&body).await.expect(412);
    }
    let listed = by_key(&house, "GET", WEBHOOKS).await.expect(200).json;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    by_key(&house, "DELETE", &hook.path("")).await.expect(200);
    for (method, rest) in [
        ("GET", ""),
        ("GET", "/deliveries"),
        ("DELETE", ""),
        ("POST", "/test"),
        ("POST", "/secret"),
    ] {
        let gone = by_key(&house, method, &hook.path(rest)).await;
        gone.expect_code(404, "common/not-found");
    }
    let names = house.event_names();
    for name in ["WebhookCreated", "WebhookChanged", "WebhookRemoved"] {
        assert!(names.contains(&name), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_that_is_wrong_is_named_with_what_to_do() {
    let house = house().await;
    let good = json!({ "name": "shop", "url": "https://hooks.example.org/", "events": ["*"] });
    for (field, value, reason) in [
        ("name", json!(""), "not-a-name"),
        ("name", json!("a\nb"), "not-a-name"),
        ("url", json!("hooks.example.org"), "scheme"),
        ("url", json!("ftp://hooks.example.org"), "scheme"),
        ("url", json!("https://u:p@hooks.example.org/"), "beyond-the-host"),
        ("url", json!("https://hooks.example.org/a b"), "path"),
        ("events", json!([]), "required"),
        ("events", json!(["NoSuchEvent"]), "not-an-event"),
        ("events", json!(["a b"]), "not-an-event"),
        ("events", json!(["WebhookAdvanced"]), "never-sent"),
        ("events", json!("SignedIn"), "wrong-type"),
        ("secret", json!("whsec_own"), "unknown"),
    ] {
        let mut body = good.clone();
        body[field] = value.clone();
        let wrong = by_key(&house, "POST", WEBHOOKS).json(&body).await;
        let wrong = wrong.expect_code(400, "common/invalid-parameters");
        let detail = &wrong.json["details"][0];
        assert_eq!(
            (&detail["field"], &detail["reason"]),
            (&json!(field), &json!(reason)),
            "{value}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_sixteen_webhooks_at_most() {
    let house = house().await;
    let body =
        json!({ "name": "shop", "url": "https://hooks.example.org/", "events": ["*"], "enabled": false });
    for _ in 0..16 {
        by_key(&house, "POST", WEBHOOKS).json(&body).await.expect(201);
    }
    let one_more = by_key(&house, "POST", WEBHOOKS).json(&body).await;
    let one_more = one_more.expect_code(400, "common/invalid-parameters");
    assert_eq!(one_more.json["details"][0]["reason"], "too-many");
}

#[tokio::test(flavor = "multi_thread")]
async fn a28_webhooks_are_for_administrators() {
    let house = house().await;
    house.sign_up(BEN, PASSWORD).await;
    let ben = house.sign_in(BEN, PASSWORD).await.text("accessToken");
    for (method, path) in [("GET", WEBHOOKS), ("POST", WEBHOOKS)] {
        house
            .call(method, path)
            .await
            .expect_code(401, "auth/unauthorized");
        let own = house.call(method, path).bearer(&ben);
        own.await.expect_code(403, "user/forbidden");
    }
}
