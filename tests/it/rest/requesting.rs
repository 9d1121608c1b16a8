//! Asking for a recovery mail: the answer tells nothing, and the mail goes to the owner.

use keyledger::domain::Actor;
use keyledger::mail::sink::{Fault, Step};
use keyledger::types::Span;
use serde_json::json;

use super::house::{BO, Door, House, JI, NOBODY, OLD};

/// A client that never signed in: it has no reserve.
const STRANGER: &str = "198.51.100.66";

#[tokio::test(flavor = "multi_thread")]
async fn r_01_every_valid_address_is_answered_with_the_same_bytes() {
    let house = House::open().await;
    house.resident(JI).await;
    house.sign_up("unverified@example.org").await;
    house.sign_up("banned@example.org").await;
    let banned = house.user_id("banned@example.org");
    house.desk().ban_user(banned, Actor::Operator).await.unwrap();
    let closing = house.sign_up("closing@example.org").await;
    let withdraw = house.delete("/v1/auth/withdraw").bearer(&closing.access);
    withdraw.ok().await;
    let face = house.request(NOBODY).ok().await.face();
    for email in [
        JI,
        "unverified@example.org",
        "banned@example.org",
        "closing@example.org",
        "x@nowhere.example",
    ] {
        assert_eq!(house.request(email).ok().await.face(), face, "{email}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r_03_a12_the_limits_of_an_address_show_nothing_and_those_of_a_client_are_blind() {
    let house = House::open_with(|plan| plan.limits.mails_per_client = 9).await;
    house.resident(JI).await;
    house.wait(Span::hours(1));
    let mut faces = vec![];
    for (email, ip) in [(JI, "198.51.100.1"), (NOBODY, "198.51.100.2")] {
        let mut seen = vec![];
        for _ in 0..11 {
            let before = house.events().len();
            let face = house.request(email).from(ip).send().await.face();
            seen.push((face, house.events()[before..].to_vec()));
            house.inner.settled().await;
        }
        faces.push(seen);
    }
    assert_eq!(faces[0], faces[1]);
    assert!(faces[0][8].0.starts_with("200") && faces[0][8].1 == ["ResetRequested"]);
    assert!(faces[0][9].0.starts_with("429") && faces[0][9].1.is_empty());
    assert_eq!(
        house.mails("password_reset", JI).await.len(),
        5,
        "five an hour, and the rest in silence"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r_04_a_mail_that_cannot_leave_changes_no_answer() {
    let house = House::open().await;
    house.resident(JI).await;
    let face = house.request(NOBODY).ok().await.face();
    let sink = &house.inner.sink;
    sink.add_fault(Fault::disconnect(Step::Connect));
    sink.add_fault(Fault::answer(Step::MailFrom, 550, "no"));
    for _ in 0..6 {
        assert_eq!(house.request(JI).ok().await.face(), face);
    }
    house.inner.settled().await;
    assert_eq!(house.request(JI).ok().await.face(), face);
    assert!(house.mails("password_reset", JI).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn r_08_a_request_changes_nothing_until_it_is_completed() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    house.recovery(JI).await;
    house.get("/v1/auth/me").bearer(&tokens.access).ok().await;
    house.sign_in(JI, OLD).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_09_a2_the_address_is_one_text_or_nothing() {
    let house = House::open().await;
    house.resident(JI).await;
    let path = "/v1/auth/password/reset/request";
    for value in [
        json!([JI]),
        json!([JI, BO]),
        json!({"a": JI}),
        json!(null),
        json!(7),
        json!(true),
    ] {
        let call = house.post(path, &json!({"email": value}));
        call.refused(400, "common/invalid-parameters").await;
    }
    let twice = format!("{{\"email\":\"{JI}\",\"email\":\"{BO}\"}}");
    let call = house.call("POST", path);
    call.body("application/json", &twice)
        .refused(400, "common/invalid-parameters")
        .await;
    let long = format!("{}@example.org", "a".repeat(250));
    for text in [
        "",
        " ",
        "ji",
        "ji@example.org,bo@example.org",
        "ji@example.org;bo@example.org",
        "ji@example.org bo@example.org",
        "ji@example.org\nBcc: bo@example.org",
        "ji@example.org\r\n",
        "ji@example.org\0",
        "Ji <ji@example.org>",
        "\"ji\"@example.org",
        "ji@[192.0.2.1]",
        "ji@example.org.",
        &long,
    ] {
        house.request(text).refused(400, "auth/invalid-email").await;
    }
    assert!(house.mails("password_reset", JI).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn r_10_a2_the_mail_goes_to_the_stored_address_and_never_to_the_submitted_bytes() {
    let house = House::open().await;
    house.sign_up("Ji.Kim@Example.org").await;
    house.request("JI.KIM@EXAMPLE.ORG").ok().await;
    house.inner.settled().await;
    house.request(" ji.kim@example.org\t").ok().await;
    let mails = house.mails("password_reset", "Ji.Kim@example.org").await;
    assert_eq!(mails.len(), 2);
    // Look-alikes and relatives are other addresses.
    for other in ["jikim@example.org", "ji.kim+x@example.org", "jı.kim@example.org"] {
        house.request(other).ok().await;
    }
    house
        .request("ｊi.kim@example.org")
        .refused(400, "auth/invalid-email")
        .await;
    let mails = house.mails("password_reset", "Ji.Kim@example.org").await;
    assert_eq!(mails.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_05_a18_the_limit_of_an_address_counts_every_spelling_and_every_mail() {
    let house = House::open().await;
    house.sign_up(JI).await;
    for spelling in [JI, "JI@EXAMPLE.ORG", " ji@Example.org", "Ji@example.ORG"] {
        house.request(spelling).from(STRANGER).ok().await;
        house.inner.settled().await;
        let body = json!({"email": spelling});
        let call = house.post("/v1/auth/email/verify/send", &body);
        call.from(STRANGER).ok().await;
        house.inner.settled().await;
    }
    let reset = house.mails("password_reset", JI).await.len();
    let verify = house.mails("email_verification", JI).await.len();
    assert_eq!(reset + verify, 5, "with the mail of the sign-up");
    house.wait(Span::hours(1));
    house.request(JI).from(STRANGER).ok().await;
    assert_eq!(house.mails("password_reset", JI).await.len(), reset + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_05_r_06_a17_the_limit_of_a_client_counts_its_whole_network_over_all_routes() {
    let house = House::open_with(|plan| plan.limits.mails_per_client = 4).await;
    for n in 1..=2 {
        let ip = format!("2001:db8:0:7::{n}");
        house.request(&format!("a{n}@example.org")).from(&ip).ok().await;
        let body = json!({"email": format!("b{n}@example.org")});
        house
            .post("/v1/auth/email/verify/send", &body)
            .from(&ip)
            .ok()
            .await;
    }
    let refused = house
        .request(NOBODY)
        .from("2001:db8:0:7:ffff::1")
        .refused(429, "auth/too-many-requests")
        .await;
    assert_eq!(refused.header("x-ratelimit-limit"), "4");
    assert_eq!(refused.header("retry-after"), "600");
    house.request(NOBODY).from("2001:db8:0:8::1").ok().await;
    for ip in ["198.51.100.4", "::ffff:198.51.100.4"] {
        house.request(NOBODY).from(ip).ok().await;
        house.request(NOBODY).from(ip).ok().await;
    }
    house
        .request(NOBODY)
        .from("198.51.100.4")
        .refused(429, "auth/too-many-requests")
        .await;
    house.wait(Span::minutes(10));
    house.request(NOBODY).from("198.51.100.4").ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exempt_network_has_no_limit_of_clients_but_those_of_addresses() {
    let house = House::open_with(|plan| {
        let door = Door {
            exempt: Some("192.0.2.0/24"),
            ..Door::default()
        };
        door.put(plan);
        plan.limits.mails_per_client = 1;
    })
    .await;
    house.sign_up(JI).await;
    for _ in 0..8 {
        house.request(JI).ok().await;
        house.inner.settled().await;
    }
    // Four, because the sign-up's was the first of five; this client is known, so its reserve of three follows.
    assert_eq!(house.mails("password_reset", JI).await.len(), 4 + 3);
}
