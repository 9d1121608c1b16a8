//! What reaches a receiver: in order, signed, at least once, over restarts and failures.

use std::collections::BTreeSet;

use super::*;

const CHOSEN: [&str; 2] = ["UserRegistered", "SignedIn"];

#[tokio::test(flavor = "multi_thread")]
async fn chosen_events_arrive_signed_in_their_order_and_as_the_audit_api_shows_them() {
    let (house, receiver) = (house().await, Receiver::start().await);
    house.sign_up("before@example.org", PASSWORD).await;
    let hook = Hook::made(&house, &receiver, &CHOSEN).await;
    house.sign_up(ADA, PASSWORD).await;
    house.sign_up(BEN, PASSWORD).await;
    house.sign_in(ADA, PASSWORD).await.expect(200);
    house.until("all arrived", |_| receiver.got().len() >= 5).await;
    let got = receiver.got();
    assert_eq!(
        receiver.kinds(),
        [
            "UserRegistered",
            "SignedIn",
            "UserRegistered",
            "SignedIn",
            "SignedIn"
        ]
    );
    let told = by_key(&house, "GET", "/v1/audit/events?limit=1000")
        .await
        .expect(200)
        .json;
    let told = told["items"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    for one in &got {
        assert_eq!(one.path, "/in?shop=1");
        assert_eq!(one.header("content-type"), "application/json");
        assert_eq!(one.signed_by(&hook.secret), [true]);
        let json = one.json();
        let same = told
            .iter()
            .find(|item| item["position"] == json["data"]["position"]);
        assert_eq!(Some(&json["data"]), same, "as the API shows it");
        assert_eq!(json["timestamp"], json["data"]["time"]);
        assert!(ids.insert(one.id().to_owned()), "each has an id of its own");
    }
    let seconds: i64 = got[0].header("webhook-timestamp").parse().unwrap();
    assert_eq!(seconds, house.desk().now().0 / 1_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_the_vocabulary_choose_and_what_deliveries_lead_to_is_never_delivered() {
    let (house, receiver, all) = (house().await, Receiver::start().await, Receiver::start().await);
    Hook::made(&house, &receiver, &["user_created"]).await;
    Hook::made(&house, &all, &["*"]).await;
    house.sign_up(ADA, PASSWORD).await;
    house
        .until("both got something", |_| {
            receiver.got().len() == 1 && !all.got().is_empty()
        })
        .await;
    house.advance(Span::seconds(11));
    house
        .until("it was noted how far they are", |desk| {
            desk.webhooks()
                .iter()
                .all(|hook| hook.cursor.0 > hook.version.0 + 1)
        })
        .await;
    house.sign_up(BEN, PASSWORD).await;
    house
        .until("both arrived", |_| {
            receiver.got().len() == 2 && all.kinds().len() > 8
        })
        .await;
    assert_eq!(receiver.kinds(), ["UserRegistered", "UserRegistered"]);
    let kinds = all.kinds();
    assert!(kinds.contains(&"MailQueued".to_owned()));
    assert!(house.event_names().contains(&"WebhookAdvanced"));
    assert!(
        !kinds.contains(&"WebhookAdvanced".to_owned()),
        "or it would never end"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_where_the_receiver_was() {
    let (mut house, receiver) = (house().await, Receiver::start().await);
    let hook = Hook::made(&house, &receiver, &CHOSEN).await;
    house.sign_up(ADA, PASSWORD).await;
    house.until("both arrived", |_| receiver.got().len() == 2).await;
    house.restart().await;
    assert_eq!(hook.deliveries(&house).await["deadLetters"], json!([]));
    house.sign_up(BEN, PASSWORD).await;
    house
        .until("those behind too", |_| receiver.got().len() >= 4)
        .await;
    let ids: Vec<String> = receiver.got().iter().map(|got| got.id().to_owned()).collect();
    let each: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(
        (ids.len(), each.len()),
        (4, 4),
        "nothing twice: the stop noted how far it was"
    );
    assert!(house.event_names().contains(&"WebhookAdvanced"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_not_taken_is_tried_again_and_those_behind_it_wait() {
    let (house, receiver) = (house().await, Receiver::start().await);
    let hook = Hook::made(&house, &receiver, &CHOSEN).await;
    receiver.answers_once("500 Internal Server Error");
    receiver.answers_once("503 Service Unavailable");
    house.sign_up(ADA, PASSWORD).await;
    house.until("it was refused", |_| receiver.got().len() == 1).await;
    house
        .until("that is known", |desk| desk.webhooks()[0].standing.attempts == 1)
        .await;
    let shown = hook.deliveries(&house).await;
    assert_eq!(
        (&shown["lastStatus"], &shown["attempts"]),
        (&json!(500), &json!(1))
    );
    assert!(shown["nextAttemptAt"].is_string() && shown["failingSince"].is_string());
    // Not before its time.
    house.advance(Span::seconds(20));
    house.sign_in(ADA, PASSWORD).await.expect(200);
    assert_eq!(receiver.got().len(), 1);
    house.advance(Span::seconds(20));
    house
        .until("it was refused again", |_| receiver.got().len() == 2)
        .await;
    house
        .until("that is known", |desk| desk.webhooks()[0].standing.attempts == 2)
        .await;
    house.advance(Span::minutes(2));
    house.until("all arrived", |_| receiver.got().len() == 5).await;
    let got = receiver.got();
    assert_eq!(got[0].id(), got[1].id());
    assert_eq!(got[0].id(), got[2].id());
    assert_eq!(got[0].json(), got[2].json());
    assert_ne!(
        got[0].header("webhook-timestamp"),
        got[2].header("webhook-timestamp"),
        "each try is signed at its time"
    );
    assert_eq!(got[2].signed_by(&hook.secret), [true]);
    assert_eq!(receiver.kinds()[2..], ["UserRegistered", "SignedIn", "SignedIn"]);
    house
        .until("nothing waits", |desk| desk.webhooks()[0].standing.attempts == 0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_never_taken_becomes_a_dead_letter_and_can_be_delivered_after_all() {
    let (house, receiver) = (house().await, Receiver::start().await);
    let hook = Hook::made(&house, &receiver, &CHOSEN).await;
    receiver.answers("500 Internal Server Error");
    house.sign_up(ADA, PASSWORD).await;
    house
        .until("it was refused", |desk| desk.webhooks()[0].standing.attempts == 1)
        .await;
    house.advance(Span::hours(25));
    house
        .until("it was given up", |desk| desk.webhooks()[0].dead.len() == 1)
        .await;
    receiver.answers("200 OK");
    house.advance(Span::hours(1));
    house
        .until("the next one arrived", |_| {
            receiver.kinds().last().map(String::as_str) == Some("SignedIn")
        })
        .await;
    let shown = hook.deliveries(&house).await;
    let letter = &shown["deadLetters"][0];
    assert_eq!(letter["type"], "UserRegistered");
    let body = json!({ "position": letter["position"] });
    let redeliver = || by_key(&house, "POST", &hook.path("/redeliver")).json(&body);
    // One that fails again stays where it is.
    receiver.answers_once("500 Internal Server Error");
    let failed = redeliver().await.expect(200).json;
    assert_eq!(
        (&failed["delivered"], &failed["status"]),
        (&json!(false), &json!(500))
    );
    let sent = redeliver().await.expect(200).json;
    assert_eq!(
        (&sent["delivered"], &sent["trouble"]),
        (&json!(true), &json!(null))
    );
    let got = receiver.got();
    assert_eq!(got.last().unwrap().id(), got[0].id(), "the same message");
    assert_eq!(hook.deliveries(&house).await["deadLetters"], json!([]));
    redeliver().await.expect_code(404, "common/not-found");
    let names = house.event_names();
    for name in ["WebhookGivenUp", "WebhookRedelivered"] {
        assert!(names.contains(&name), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_says_it_is_gone_is_disabled_and_goes_on_when_it_is_enabled() {
    let (house, receiver) = (house().await, Receiver::start().await);
    let hook = Hook::made(&house, &receiver, &CHOSEN).await;
    receiver.answers_once("410 Gone");
    house.sign_up(ADA, PASSWORD).await;
    house
        .until("it was disabled", |desk| !desk.webhooks()[0].form.enabled)
        .await;
    assert!(house.event_names().contains(&"WebhookStopped"));
    house.advance(Span::hours(1));
    assert_eq!(receiver.got().len(), 1);
    let body = json!({ "enabled": true });
    by_key(&house, "PATCH", &hook.path(""))
        .json(&body)
        .await
        .expect(200);
    house.until("it got both", |_| receiver.got().len() == 3).await;
    assert_eq!(receiver.kinds()[1..], ["UserRegistered", "SignedIn"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_holds_up_no_other() {
    let (house, broken, sound) = (house().await, Receiver::start().await, Receiver::start().await);
    broken.answers("500 Internal Server Error");
    Hook::made(&house, &broken, &CHOSEN).await;
    Hook::made(&house, &sound, &CHOSEN).await;
    house.sign_up(ADA, PASSWORD).await;
    house.until("it arrived", |_| sound.got().len() == 2).await;
    assert_eq!(sound.kinds(), CHOSEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_secret_signs_beside_the_old_one_for_a_day() {
    let (house, receiver) = (house().await, Receiver::start().await);
    let hook = Hook::made(&house, &receiver, &CHOSEN).await;
    let changed = by_key(&house, "POST", &hook.path("/secret")).await.expect(200);
    let new = changed.text("secret");
    assert!(changed.json["oldSecretUntil"].is_string());
    let test = || by_key(&house, "POST", &hook.path("/test"));
    assert_eq!(test().await.expect(200).json["delivered"], true);
    house.advance(Span::hours(24));
    assert_eq!(test().await.expect(200).json["delivered"], true);
    let got = receiver.got();
    assert_eq!(got[0].kind(), "keyledger.test");
    assert_eq!(got[0].signed_by(&new), [true, false]);
    assert_eq!(got[0].signed_by(&hook.secret), [false, true]);
    assert_eq!(got[1].signed_by(&new), [true]);
}
