//! Users whom administrators bring: imported with their passwords, and invited.

use keyledger::crypto::ForeignHash;
use keyledger::desk::{Incoming, NewPerson};
use keyledger::domain::{Actor, Role};
use keyledger::types::{EmailAddress, Locale, Span};
use serde_json::{Value, json};

use super::users::{by_key, id_of, token, two};
use super::*;

const CY: &str = "cy@example.net";

async fn import(house: &House, email: &str, hash: &str) {
    let incoming = Incoming {
        person: NewPerson {
            address: EmailAddress::parse(email).unwrap(),
            name: None,
            username: None,
            role: Role::User,
            locale: Locale::En,
        },
        verified: true,
        since: None,
        hash: Some(ForeignHash::parse(hash).unwrap()),
    };
    house.desk().import_user(incoming, Actor::Operator).await.unwrap();
}

fn upgrades(house: &House) -> usize {
    let names = house.event_names();
    names.iter().filter(|name| **name == "VerifierUpgraded").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn p_12_an_imported_password_signs_in_and_gives_way_to_one_of_ours_at_once() {
    let mut house = House::start().await;
    // MD5 and bcrypt of `abc`; what no policy would take is still what its owner knows.
    import(&house, BEN, "900150983cd24fb0d6963f7d28e17f72").await;
    import(
        &house,
        CY,
        "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i",
    )
    .await;
    house.restart().await;
    for (number, email) in [BEN, CY].into_iter().enumerate() {
        house
            .sign_in(email, "900150983cd24fb0d6963f7d28e17f72")
            .await
            .expect_code(401, "auth/invalid-credentials");
        house.sign_in(email, "abc").await.expect(200);
        house
            .until("the verifier is ours", |desk| {
                let seen = desk.events(&keyledger::desk::EventFilter::default()).unwrap();
                let named = seen.iter().map(|recorded| &recorded.event);
                named
                    .filter(|event| keyledger::ledger::codec::event_name(event) == "VerifierUpgraded")
                    .count()
                    > number
            })
            .await;
    }
    house.restart().await;
    for email in [BEN, CY] {
        house.sign_in(email, "abc").await.expect(200);
        house
            .sign_in(email, "abd")
            .await
            .expect_code(401, "auth/invalid-credentials");
    }
    assert_eq!(upgrades(&house), 2, "once each");
}

async fn invite(house: &House, by: &str, more: Value) -> Value {
    let mut body = json!({ "email": CY });
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let made = house.post("/v1/admin/invitations", body).bearer(by);
    made.await.expect(201).json
}

#[tokio::test(flavor = "multi_thread")]
async fn r_47_an_invitation_is_mailed_works_once_and_becomes_no_password() {
    let house = House::start().await;
    let (ada, ben) = two(&house).await;
    let made = invite(
        &house,
        &ada,
        json!({ "role": "guest", "name": "Cy", "locale": "ko" }),
    )
    .await;
    assert_eq!((&made["role"], &made["isOpen"]), (&json!("guest"), &json!(true)));
    let first = house.next_mail_of("invitation").await.token().unwrap();
    let id = made["userId"].as_str().unwrap();
    let again = house
        .post(
            &format!("/v1/admin/invitations/{id}/send"),
            json!({ "expiresInDays": 2 }),
        )
        .bearer(&ada);
    again.await.expect(200);
    let mail = house.next_mail_of("invitation").await;
    let second = mail.token().unwrap();
    let accept = |token: &str, password: &str| {
        let body = json!({ "token": token, "newPassword": password, "name": "Cy King" });
        house.post("/v1/auth/invitations/accept", body)
    };
    accept(&first, PASSWORD)
        .await
        .expect_code(404, "auth/verification-token-not-found");
    // What was mailed cannot become the password, and a refused one spends nothing.
    accept(&second, &second)
        .await
        .expect_code(400, "auth/invalid-password-format");
    accept(&second, "short")
        .await
        .expect_code(400, "auth/invalid-password-format");
    accept(&second, PASSWORD).await.expect(200);
    accept(&second, "Another-Passw0rd")
        .await
        .expect_code(404, "auth/verification-token-not-found");
    let token = house.sign_in(CY, PASSWORD).await.expect(200).text("accessToken");
    let me = house.me(&token).await.expect(200);
    assert_eq!(
        (me.text("role"), me.text("name")),
        ("guest".into(), "Cy King".into())
    );
    assert!(
        me.json["emailVerified"].is_string(),
        "whoever read the mail has the mailbox"
    );
    let listed = house.get("/v1/admin/invitations").bearer(&ada).await.expect(200);
    assert_eq!(listed.json["pagination"]["total"], 0);
    // Nobody else may look or invite.
    house
        .get("/v1/admin/invitations")
        .bearer(&ben)
        .await
        .expect_code(403, "user/forbidden");
    let by_ben = house.post("/v1/admin/invitations", json!({ "email": "dee@example.org" }));
    by_ben.bearer(&ben).await.expect_code(403, "user/forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn r_47_an_invitation_ends_and_is_taken_back() {
    let house = House::start().await;
    let (ada, _) = two(&house).await;
    let made = invite(&house, &ada, json!({})).await;
    let secret = house.next_mail_of("invitation").await.token().unwrap();
    let accept = || {
        let body = json!({ "token": secret, "newPassword": PASSWORD });
        house.post("/v1/auth/invitations/accept", body)
    };
    house.advance(Span::days(7));
    accept().await.expect_code(401, "auth/verification-token-expired");
    let ada = token(&house, ADA).await;
    let listed = house.get("/v1/admin/invitations").bearer(&ada).await.expect(200);
    assert_eq!(listed.json["items"][0]["isOpen"], false);
    let id = made["userId"].as_str().unwrap();
    let path = format!("/v1/admin/invitations/{id}");
    house.delete(&path).bearer(&ada).await.expect(200);
    house
        .delete(&path)
        .bearer(&ada)
        .await
        .expect_code(404, "common/not-found");
    accept()
        .await
        .expect_code(404, "auth/verification-token-not-found");
    assert!(
        house.desk().find_user(CY).is_none(),
        "nothing of them is held any more"
    );
    // The address is free again.
    invite(&house, &ada, json!({})).await;
    // A key is an administrator, and makes none.
    let by_key = by_key(&house, "POST", "/v1/admin/invitations");
    let admin = json!({ "email": "dee@example.org", "role": "admin" });
    by_key.json(&admin).await.expect_code(403, "user/forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn r_01_an_invited_address_answers_like_any_other() {
    let house = House::start().await;
    let (ada, _) = two(&house).await;
    invite(&house, &ada, json!({})).await;
    let mut answers = vec![];
    for email in [CY, "nobody@example.org"] {
        let reset = house.request_reset(email).await;
        let signed_in = house.sign_in(email, PASSWORD).await;
        answers.push([(reset.status, reset.json), (signed_in.status, signed_in.json)]);
    }
    for answer in answers.iter_mut().flatten() {
        if let Some(members) = answer.1.as_object_mut() {
            members.remove("requestId");
            if let Some(error) = members.get_mut("error").and_then(Value::as_object_mut) {
                error.remove("requestId");
            }
        }
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_made_mailed_again_accepted_and_taken_back_on_pages() {
    let house = House::start().await;
    let (ada, _) = two(&house).await;
    let seat = house.sit_down(ADA, PASSWORD).await;
    let new = [
        ("email", CY),
        ("role", "guest"),
        ("language", "en"),
        ("invite", "on"),
    ];
    house.form_of(&seat, "/admin/users/new", &new).await.expect(303);
    house.next_mail_of("invitation").await;
    let id = house.desk().find_user(CY).unwrap().to_string();
    let list = "/admin/users/invitations";
    for language in ["en", "ko"] {
        let page = house.page_of(&seat, &format!("{list}?lang={language}")).await;
        assert!(page.expect(200).markup().contains(CY));
    }
    let sent = house
        .form_of(&seat, &format!("{list}/send"), &[("user", &id)])
        .await;
    assert_eq!(sent.leads_to(), format!("{list}?notice=sent"));
    let secret = house.next_mail_of("invitation").await.token().unwrap();
    let page = |language: &str| {
        let shown = house.call("GET", &format!("/invitation?lang={language}"));
        shown.without("X-API-Key")
    };
    assert!(page("en").await.expect(200).markup().contains("You are invited."));
    assert!(
        page("ko")
            .await
            .expect(200)
            .markup()
            .contains("초대를 받으셨습니다")
    );
    let submit = |password: &str| {
        let body = format!("token={secret}&name=Cy&password={password}&repeat={password}");
        house
            .call("POST", "/invitation")
            .without("X-API-Key")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Origin", "null")
            .header("Sec-Fetch-Site", "same-origin")
            .body(body.into_bytes())
    };
    let refused = submit("short").await.expect(400).markup();
    assert!(refused.contains(&secret), "the link is kept for the next try");
    assert!(
        submit(PASSWORD)
            .await
            .expect(200)
            .markup()
            .contains("Your account is ready")
    );
    submit(PASSWORD).await.expect(404);
    house.sign_in(CY, PASSWORD).await.expect(200);
    let late = house
        .form_of(&seat, &format!("{list}/delete"), &[("user", &id)])
        .await;
    assert!(
        late.expect(404)
            .markup()
            .contains("No invitation of this user waits")
    );
    let made = house.post("/v1/admin/invitations", json!({ "email": "dee@example.org" }));
    let made = made.bearer(&ada).await.expect(201).text("userId");
    let gone = house
        .form_of(&seat, &format!("{list}/delete"), &[("user", &made)])
        .await;
    assert_eq!(gone.leads_to(), format!("{list}?notice=deleted"));
    assert!(id_of(&house, &ada).await != made);
}
