//! The house itself over the API: waiting mails, keys, settings, a mail to try, events as they happen.

use std::time::Duration;

use keyledger::http::site::SettingShown;
use keyledger::mail::sink::{Fault, SinkBehaviour, Step};
use keyledger::types::Span;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

fn by_key(house: &House, method: &str, target: &str) -> Call {
    house.call(method, target).header("X-API-Key", &house.secret)
}

#[tokio::test(flavor = "multi_thread")]
async fn a28_the_admin_api_is_for_administrators_and_refuses_unknown_fields() {
    let house = House::start().await;
    house.sign_up(BEN, PASSWORD).await;
    let ben = house.sign_in(BEN, PASSWORD).await.text("accessToken");
    for (method, path) in [
        ("GET", "/v1/admin/outbox"),
        ("GET", "/v1/admin/api-keys"),
        ("POST", "/v1/admin/api-keys"),
        ("GET", "/v1/admin/configuration"),
        ("POST", "/v1/admin/mail/test"),
        ("GET", "/v1/audit/events/stream"),
        ("POST", "/v1/admin/users/11111111-1111-1111-1111-111111111111/ban"),
        (
            "DELETE",
            "/v1/admin/users/11111111-1111-1111-1111-111111111111/factors",
        ),
    ] {
        house
            .call(method, path)
            .await
            .expect_code(401, "auth/unauthorized");
        let own = house.call(method, path).bearer(&ben);
        own.await.expect_code(403, "user/forbidden");
    }
    for (path, body) in [
        ("/v1/admin/api-keys", json!({ "kind": "secret", "hash": "00" })),
        (
            "/v1/admin/mail/test",
            json!({ "to": BEN, "from": "root@example.org" }),
        ),
    ] {
        let refused = by_key(&house, "POST", path).json(&body).await;
        let refused = refused.expect_code(400, "common/invalid-parameters");
        assert_eq!(refused.json["details"][0]["reason"], "unknown");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_key_is_shown_once_and_ends_when_it_is_revoked() {
    let house = House::start().await;
    let path = "/v1/admin/api-keys";
    let body = json!({ "kind": "secret", "label": "billing", "expiresInDays": 30 });
    let made = by_key(&house, "POST", path).json(&body).await.expect(201);
    let (id, text) = (made.text("id"), made.text("key"));
    assert!(text.starts_with("sk_"));
    let listed = house.get(path).header("X-API-Key", &text).await.expect(200);
    let shown = listed.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["id"] == json!(id))
        .unwrap();
    assert_eq!(
        (&shown["label"], &shown["state"]),
        (&json!("billing"), &json!("good"))
    );
    assert!(
        !String::from_utf8_lossy(&listed.bytes).contains(&text[3..]),
        "never again"
    );
    by_key(&house, "DELETE", &format!("{path}/{id}"))
        .await
        .expect(200);
    house
        .get(path)
        .header("X-API-Key", &text)
        .await
        .expect_code(401, "auth/invalid-api-key");
    by_key(&house, "DELETE", &format!("{path}/nonsense"))
        .await
        .expect_code(404, "common/not-found");
    // A key is not let in again by a key.
    by_key(&house, "POST", &format!("{path}/{id}/confirm"))
        .await
        .expect_code(403, "user/forbidden");
    for (body, field) in [
        (json!({ "kind": "golden" }), "kind"),
        (json!({ "kind": "secret", "expiresInDays": 0 }), "expiresInDays"),
        (json!({ "kind": "secret", "label": "a\nb" }), "label"),
    ] {
        let wrong = by_key(&house, "POST", path).json(&body).await;
        let wrong = wrong.expect_code(400, "common/invalid-parameters");
        assert_eq!(wrong.json["details"][0]["field"], field);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn effective_settings_are_shown_with_where_they_came_from() {
    let mut house = House::start().await;
    house.change_settings(|settings| {
        settings.site.shown = vec![SettingShown {
            name: "email.password",
            value: "••••••".to_owned(),
            origin: "env KEYLEDGER_EMAIL__PASSWORD".to_owned(),
            doc: "Password for the mail server.",
        }];
        settings.site.warnings = vec!["look here".to_owned()];
    });
    house.restart().await;
    let shown = by_key(&house, "GET", "/v1/admin/configuration")
        .await
        .expect(200)
        .json;
    assert_eq!(shown["settings"][0]["origin"], "env KEYLEDGER_EMAIL__PASSWORD");
    assert_eq!(shown["warnings"], json!(["look here"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_tried_step_by_step() {
    let house = House::start().await;
    let path = "/v1/admin/mail/test";
    let tried = by_key(&house, "POST", path).json(&json!({ "to": BEN, "locale": "ko" }));
    let tried = tried.await.expect(200).json;
    assert_eq!(tried["sent"], true, "{tried}");
    let steps: Vec<_> = tried["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["step"].clone())
        .collect();
    assert_eq!(steps.last(), Some(&json!("data")));
    assert_eq!(house.next_mail_of("test").await.to, [BEN]);
    by_key(&house, "POST", path)
        .json(&json!({ "to": "nonsense" }))
        .await
        .expect_code(400, "auth/invalid-email");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_waits_is_listed_tried_again_and_cancelled() {
    let house = House::with(|plan| {
        let later = Fault::answer(Step::RcptTo, 451, "later");
        plan.sink = SinkBehaviour::accepting().nodelay().fault(later);
    })
    .await;
    house.sign_up(BEN, PASSWORD).await;
    house
        .until("a try failed", |desk| {
            desk.engine()
                .read(|state| state.outbox.values().any(|mail| mail.attempts == 1))
        })
        .await;
    let path = "/v1/admin/outbox";
    let listed = by_key(&house, "GET", path).await.expect(200).json;
    assert_eq!(listed["pagination"]["total"], 1);
    let mail = &listed["items"][0];
    assert_eq!(
        (&mail["kind"], &mail["attempts"]),
        (&json!("email_verification"), &json!(1))
    );
    assert!(
        mail["to"].as_str().unwrap().contains('…') && mail["step"].is_string(),
        "{mail}"
    );
    let one = format!("{path}/{}", mail["id"].as_str().unwrap());
    by_key(&house, "POST", &format!("{one}/retry")).await.expect(200);
    house
        .until("it was tried again, without waiting", |desk| {
            desk.engine()
                .read(|state| state.outbox.values().any(|mail| mail.attempts == 2))
        })
        .await;
    by_key(&house, "DELETE", &one).await.expect(200);
    let listed = by_key(&house, "GET", path).await.expect(200).json;
    assert_eq!(listed["items"], json!([]));
    by_key(&house, "DELETE", &one)
        .await
        .expect_code(404, "common/not-found");
    let names = house.event_names();
    assert!(names.contains(&"MailHastened") && names.contains(&"MailCancelled"));
}

/// A stream of events that is being read.
struct Heard {
    socket: TcpStream,
    text: String,
}

impl Heard {
    async fn open(house: &House, target: &str, header: &str) -> Self {
        let mut socket = TcpStream::connect(house.addr_of(target)).await.unwrap();
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-API-Key: {}\r\n{header}\r\n",
            house.secret
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let text = String::new();
        let mut heard = Self { socket, text };
        heard.until("retry: 3000").await;
        heard
    }

    /// Reads until it has heard this.
    async fn until(&mut self, wanted: &str) {
        let mut part = [0; 4096];
        while !self.text.contains(wanted) {
            let read = tokio::time::timeout(Duration::from_mins(1), self.socket.read(&mut part));
            let read = read.await.unwrap().unwrap();
            assert_ne!(read, 0, "it ended before {wanted}: {}", self.text);
            self.text.push_str(&String::from_utf8_lossy(&part[..read]));
        }
    }

    /// Reads until it ends.
    async fn end(mut self) {
        let mut rest = vec![];
        let read = tokio::time::timeout(Duration::from_mins(1), self.socket.read_to_end(&mut rest));
        read.await.unwrap().unwrap();
    }

    fn last_id(&self) -> &str {
        let mut ids = self.text.lines().filter_map(|line| line.strip_prefix("id: "));
        ids.next_back().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l_01_events_are_told_as_they_happen_and_resumed_behind_the_last_one() {
    let mut house = House::start().await;
    let stream = "/v1/audit/events/stream";
    let mut heard = Heard::open(&house, stream, "").await;
    assert!(heard.text.contains("text/event-stream"));
    house.sign_up(BEN, PASSWORD).await;
    heard.until("\"type\":\"SignedIn\"").await;
    assert!(heard.text.contains("\"type\":\"UserRegistered\"") && !heard.text.contains("EpochStarted"));
    let last = heard.last_id().to_owned();
    drop(heard);
    house.sign_in(BEN, PASSWORD).await.expect(200);
    let resumed = format!("Last-Event-ID: {last}\r\n");
    let mut heard = Heard::open(&house, stream, &resumed).await;
    heard.until("\"type\":\"SignedIn\"").await;
    assert!(!heard.text.contains("UserRegistered"), "nothing twice");
    // Filters hold, and the beginning is a cursor too.
    let mut only = Heard::open(&house, &format!("{stream}?type=UserRegistered&after=0"), "").await;
    only.until("\"type\":\"UserRegistered\"").await;
    assert!(!only.text.contains("\"type\":\"SignedIn\""));
    for wrong in ["Last-Event-ID: x", "Last-Event-ID: 1:999999"] {
        let (name, value) = wrong.split_once(": ").unwrap();
        let refused = by_key(&house, "GET", stream).header(name, value).await;
        refused.expect_code(400, "common/invalid-parameters");
    }
    // A stop does not wait for who listens.
    house.stop().await;
    only.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s_03_a_stream_ends_with_the_session_that_asked_for_it() {
    let house = House::start().await;
    house.appoint(ADA, PASSWORD).await;
    let ada = house.sign_in(ADA, PASSWORD).await.expect(200).text("accessToken");
    let mut socket = TcpStream::connect(house.addr_of("/v1/audit/x")).await.unwrap();
    let request = format!(
        "GET /v1/audit/events/stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-API-Key: {}\r\nAuthorization: Bearer {ada}\r\n\r\n",
        house.publishable
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut heard = Heard {
        socket,
        text: String::new(),
    };
    heard.until("retry: 3000").await;
    house
        .call("POST", "/v1/auth/signout")
        .bearer(&ada)
        .await
        .expect(200);
    // What comes next is the reason to look who still may hear it.
    house.sign_up(BEN, PASSWORD).await;
    heard.end().await;
    house.advance(Span::seconds(1));
}
