//! What never leaves: to private networks, behind redirects, about who was erased, and no secret.

use keyledger::domain::Actor;
use tokio::net::TcpListener;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a32_a_name_that_leads_to_this_machine_is_not_connected_to() {
    let house = House::start().await;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in [
        "localhost",
        "127.0.0.1",
        "[::ffff:127.0.0.1]",
        "0x7f.1",
        "2130706433",
    ] {
        let url = format!("https://{host}:{port}/in");
        let body = json!({ "name": "inside", "url": url, "events": ["*"], "enabled": false });
        let made = by_key(&house, "POST", WEBHOOKS).json(&body).await.expect(201);
        let path = format!("{WEBHOOKS}/{}", made.text("id"));
        let tried = by_key(&house, "POST", &format!("{path}/test"))
            .await
            .expect(200)
            .json;
        assert_eq!(tried["delivered"], false, "{url}");
        assert_eq!(tried["status"], json!(null), "{url}");
        by_key(&house, "DELETE", &path).await.expect(200);
    }
    let knocked = tokio::time::timeout(Duration::ZERO, listener.accept()).await;
    assert!(knocked.is_err(), "nobody knocked");
    let body = json!({ "name": "inside", "url": format!("http://127.0.0.1:{port}/"), "events": ["*"] });
    let refused = by_key(&house, "POST", WEBHOOKS).json(&body).await;
    let refused = refused.expect_code(400, "common/invalid-parameters");
    assert_eq!(refused.json["details"][0]["field"], "url");
    assert_eq!(refused.json["details"][0]["reason"], "not-https");
}

#[tokio::test(flavor = "multi_thread")]
async fn a32_a_redirect_is_not_followed() {
    let (house, receiver, other) = (house().await, Receiver::start().await, Receiver::start().await);
    let hook = Hook::made(&house, &receiver, &["*"]).await;
    for status in ["302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        receiver.answers(&format!("{status}\r\nLocation: http://{}/", other.addr()));
        let tried = by_key(&house, "POST", &hook.path("/test")).await.expect(200).json;
        assert_eq!(tried["delivered"], false);
        assert!(tried["trouble"].as_str().unwrap().contains("redirect"), "{tried}");
    }
    assert_eq!(other.got().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a32_an_answer_that_is_too_long_is_no_answer() {
    let (house, receiver) = (house().await, Receiver::start().await);
    let hook = Hook::made(&house, &receiver, &["*"]).await;
    // Longer than it says, and than anybody reads.
    receiver.answers(&format!(
        "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20000\r\n{}",
        "x".repeat(0x2_0000)
    ));
    let tried = by_key(&house, "POST", &hook.path("/test")).await.expect(200).json;
    assert_eq!(tried["delivered"], false, "{tried}");
}

#[tokio::test(flavor = "multi_thread")]
async fn law_13_who_was_erased_is_in_nothing_that_leaves_afterwards() {
    let (house, receiver) = (house().await, Receiver::start().await);
    let events = [
        "UserRegistered",
        "PasswordSet",
        "SignedIn",
        "MailQueued",
        "UserErased",
    ];
    Hook::made(&house, &receiver, &events).await;
    receiver.answers("500 Internal Server Error");
    house.sign_up(ADA, PASSWORD).await;
    house
        .until("it failed", |desk| desk.webhooks()[0].standing.attempts == 1)
        .await;
    let before = receiver.got().len();
    let masked = house
        .desk()
        .find_user(ADA)
        .and_then(|user| house.desk().masked_address(user));
    let masked = masked.unwrap();
    assert!(receiver.got()[0].text().contains(&masked), "before it is there");
    let user = house.desk().find_user(ADA).unwrap();
    house.desk().erase_user(user, Actor::Operator).await.unwrap();
    receiver.answers("200 OK");
    house.advance(Span::minutes(1));
    house
        .until("all arrived", |_| {
            receiver.kinds().contains(&"UserErased".to_owned())
        })
        .await;
    for got in &receiver.got()[before..] {
        let text = got.text();
        assert!(!text.contains(&masked) && !text.contains(ADA), "{text}");
        let of_user = got.json()["data"]["userId"] == json!(user.to_string());
        assert!(
            !of_user || got.json()["data"]["ipAddress"] == json!(null),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn law_12_the_secret_is_shown_once_and_lies_nowhere_in_the_clear() {
    let (house, receiver) = (house().await, Receiver::start().await);
    let hook = Hook::made(&house, &receiver, &["*"]).await;
    house.sign_up(ADA, PASSWORD).await;
    house
        .until("something arrived", |_| !receiver.got().is_empty())
        .await;
    let encoded = hook.secret.strip_prefix("whsec_").unwrap();
    let is_in = |bytes: &[u8]| {
        bytes
            .windows(encoded.len())
            .any(|part| part == encoded.as_bytes())
    };
    for path in [
        WEBHOOKS.to_owned(),
        hook.path(""),
        hook.path("/deliveries"),
        "/v1/audit/events?limit=1000".to_owned(),
        "/v1/audit/export".to_owned(),
    ] {
        let reply = by_key(&house, "GET", &path).await.expect(200);
        assert!(!is_in(&reply.bytes), "{path}");
    }
    for got in receiver.got() {
        assert!(!got.text().contains(encoded));
    }
}
