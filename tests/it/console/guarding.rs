//! What the console must not do unasked, and whom it tells.

use std::collections::BTreeSet;

use keyledger::types::Span;
use serde_json::json;

use super::users::{id_of, token, two};
use super::*;

const OTHER: &str = "ben@elsewhere.example";

/// The code of a mail: six digits on a line of their own.
fn digits(text: &str) -> String {
    let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
    text.lines().find(is_code).unwrap().to_owned()
}

/// Gives Ben, who has just signed up, two confirmed addresses.
async fn confirmed_twice(house: &House, ben: &str) {
    let code = house.next_mail_of("email_verification").await.code().unwrap();
    let proof = json!({ "email": BEN, "token": code });
    house
        .post("/v1/auth/email/verify/confirm", proof)
        .await
        .expect(200);
    let further = json!({ "email": OTHER, "password": PASSWORD });
    house
        .post("/v1/auth/addresses", further)
        .bearer(ben)
        .await
        .expect(200);
    let code = house.next_mail_of("email_verification").await.code().unwrap();
    house
        .post("/v1/auth/addresses/confirm", json!({ "token": code }))
        .bearer(ben)
        .await
        .expect(200);
}

/// Whom the next mails of a kind go to.
async fn told(house: &House, kind: &str, count: usize) -> BTreeSet<String> {
    let mut to = BTreeSet::new();
    for _ in 0..count {
        to.extend(house.next_mail_of(kind).await.to.iter().cloned());
    }
    to
}

#[tokio::test(flavor = "multi_thread")]
async fn r_44_every_address_is_told_of_factors_that_the_console_takes_away() {
    let house = House::start().await;
    let (_, ben) = two(&house).await;
    confirmed_twice(&house, &ben).await;
    let both: BTreeSet<String> = [BEN, OTHER].map(str::to_owned).into();
    let begun = house.post("/v1/auth/mfa/email/enable", json!({ "password": PASSWORD }));
    let challenge = begun.bearer(&ben).await.expect(200).text("challengeId");
    let code = digits(&house.next_mail_of("email_otp").await.text_part().unwrap());
    let confirm = json!({ "challengeId": challenge, "code": code });
    house
        .post("/v1/auth/mfa/email/confirm", confirm)
        .bearer(&ben)
        .await
        .expect(200);
    assert_eq!(told(&house, "factor_changed", 2).await, both, "of the new one");
    let seat = house.sit_down(ADA, PASSWORD).await;
    let path = format!("/admin/users/{}/factors", id_of(&house, &ben).await);
    let removed = house.form_of(&seat, &path, &[("kind", "")]).await;
    removed.expect(303);
    assert_eq!(told(&house, "factor_changed", 2).await, both, "and of its end");
    house.sign_in(BEN, PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a31_no_page_of_the_console_changes_where_somebodys_mails_go() {
    let house = House::start().await;
    let (_, ben) = two(&house).await;
    let id = id_of(&house, &ben).await;
    let seat = house.sit_down(ADA, PASSWORD).await;
    for act in ["edit", "role", "send", "sessions"] {
        let fields = [
            ("name", "Ben"),
            ("language", "en"),
            ("role", "user"),
            ("email", "mallory@example.org"),
            ("address", "mallory@example.org"),
            ("primary", "mallory@example.org"),
        ];
        house
            .form_of(&seat, &format!("/admin/users/{id}/{act}"), &fields)
            .await;
    }
    let me = house.me(&token(&house, BEN).await).await.expect(200);
    assert_eq!(me.text("email"), BEN);
    assert!(house.desk().find_user("mallory@example.org").is_none());
    for path in ["addresses", "email", "address", "primary"] {
        let nothing = house
            .form_of(&seat, &format!("/admin/users/{id}/{path}"), &[])
            .await;
        assert!([404, 405].contains(&nothing.status), "{path}: {}", nothing.status);
    }
    // Nor do the pages of one's own account without the cookie, or with another session's form.
    let further = [("email", "mallory@example.org")];
    let stranger = house
        .form_of(&seat, "/account/addresses", &further)
        .without("Cookie");
    let stranger = stranger.await;
    assert!(
        stranger.status == 303 || stranger.status == 403,
        "{}",
        stranger.status
    );
    assert!(house.desk().find_user("mallory@example.org").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn s_06_sessions_are_listed_and_ended_one_or_all_after_a_fresh_sign_in() {
    let house = House::start().await;
    let (_, ben) = two(&house).await;
    let again = token(&house, BEN).await;
    let id = id_of(&house, &ben).await;
    let person = format!("/admin/users/{id}");
    let mut seat = house.sit_down(ADA, PASSWORD).await;
    let sessions = house.desk().sessions(id.parse().unwrap());
    let page = house.page_of(&seat, &person).await.expect(200).markup();
    for session in &sessions {
        assert!(
            page.contains(&session.id.to_string()),
            "each is there to be ended"
        );
    }
    assert!(page.contains("127.0.0.1"), "and says where it began");
    house.advance(Span::minutes(11));
    let one = [("session", sessions[0].id.to_string())];
    let one: Vec<(&str, &str)> = one.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let stale = house.form_of(&seat, &format!("{person}/sessions"), &one).await;
    assert_eq!(stale.leads_to(), format!("/account/confirm?next={person}"));
    house.me(&again).await.expect(200);
    seat = house.sit_down(ADA, PASSWORD).await;
    house
        .form_of(&seat, &format!("{person}/sessions"), &one)
        .await
        .expect(303);
    let left = house.desk().sessions(id.parse().unwrap());
    assert_eq!(left.len(), sessions.len() - 1);
    house
        .form_of(&seat, &format!("{person}/sessions"), &[("session", "")])
        .await
        .expect(303);
    assert!(house.desk().sessions(id.parse().unwrap()).is_empty());
    house.me(&ben).await.expect_code(401, "auth/session-expired");
}
