//! What an administrator does about one user: back in, out, sessions, factors.

use keyledger::types::UserId;
use serde_json::json;

use super::users::{by_key, id_of, token, two};
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn r_46_a_handed_over_recovery_is_shown_once_told_to_the_user_and_works_once() {
    let house = House::start().await;
    let (ada, ben) = two(&house).await;
    let (ada_id, ben_id) = (id_of(&house, &ada).await, id_of(&house, &ben).await);
    let path = |id: &str| format!("/v1/admin/users/{id}/recovery");
    let made = house.post(&path(&ben_id), json!({ "kind": "link", "expiresInMinutes": 30 }));
    let made = made.bearer(&ada).await.expect(201);
    let link = made.text("link");
    assert!(made.json["code"].is_null() && made.json["success"].is_null());
    let (_, secret) = link
        .split_once("/recover#t=")
        .expect("it opens the page of recoveries");
    let told = house.next_mail_of("admin_recovery").await;
    assert_eq!(told.to, [BEN]);
    assert!(
        !told.text_part().unwrap().contains(secret),
        "the mail tells, and opens nothing"
    );
    let names = house.event_names();
    assert!(!names.contains(&"PasswordRevoked"));
    house
        .confirm_reset(BEN, secret, "Brand-new-Passw0rd")
        .await
        .expect(200);
    house
        .confirm_reset(BEN, secret, "Brand-new-Passw0rd-2")
        .await
        .expect_code(404, "auth/verification-token-not-found");
    let code = house.post(&path(&ben_id), json!({ "kind": "code" })).bearer(&ada);
    let code = code.await.expect(201);
    assert!(code.json["link"].is_null() && code.text("code").len() == 11);
    for (body, field) in [
        (json!({}), "kind"),
        (
            json!({ "kind": "link", "expiresInMinutes": 1441 }),
            "expiresInMinutes",
        ),
        (json!({ "kind": "link", "password": "x" }), "password"),
    ] {
        let wrong = house.post(&path(&ben_id), body).bearer(&ada).await;
        let wrong = wrong.expect_code(400, "common/invalid-parameters");
        assert_eq!(wrong.json["details"][0]["field"], field);
    }
    // A key is no way to become an administrator.
    let by_key = by_key(&house, "POST", &path(&ada_id)).json(&json!({ "kind": "link" }));
    by_key.await.expect_code(403, "user/forbidden");
    house
        .post(&path(&UserId([7; 16]).to_string()), json!({ "kind": "link" }))
        .bearer(&ada)
        .await
        .expect_code(404, "user/not-found");
    let sent = house
        .post(&format!("{}/send", path(&ben_id)), json!({}))
        .bearer(&ada);
    sent.await.expect(200);
    assert_eq!(house.next_mail_of("password_reset").await.to, [BEN]);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_49_the_line_of_a_recovery_never_says_mailed_of_what_was_handed_over() {
    let house = House::start().await;
    let (ada, ben) = two(&house).await;
    let path = format!("/v1/admin/users/{}/recovery", id_of(&house, &ben).await);
    let hand_over = || {
        let made = house.post(&path, json!({ "kind": "link" })).bearer(&ada);
        async { made.await.expect(201).text("link") }
    };
    let line = async || {
        let completed = house.get("/v1/audit/events?type=RecoveryCompleted&limit=1000");
        let listed = completed.bearer(&ada).await.expect(200);
        let items = listed.json["items"].as_array().unwrap();
        items.last().unwrap()["text"].as_str().unwrap().to_owned()
    };
    let link = hand_over().await;
    let (_, secret) = link.split_once("#t=").unwrap();
    let reset = house.confirm_reset(BEN, secret, "Brand-new-Passw0rd");
    reset.await.expect(200);
    let told = line().await;
    assert!(
        told.ends_with("recovers by the link that was handed over"),
        "{told}"
    );
    // Newer proofs take its place, and with it goes what is known of the way it took.
    for _ in 0..12 {
        hand_over().await;
    }
    let told = line().await;
    assert!(told.ends_with("recovers by a link"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s_07_an_administrator_ends_one_session_or_all_and_bans() {
    let house = House::start().await;
    let (ada, ben) = two(&house).await;
    let other = token(&house, BEN).await;
    let (ada_id, ben_id) = (id_of(&house, &ada).await, id_of(&house, &ben).await);
    let sessions = format!("/v1/admin/users/{ben_id}/sessions");
    let listed = house.get(&sessions).bearer(&ada).await.expect(200).json;
    // One began with the sign-up.
    assert_eq!(listed["pagination"]["total"], 3);
    let newest = listed["items"][0]["id"].as_str().unwrap();
    let one = format!("{sessions}/{newest}");
    house.delete(&one).bearer(&ada).await.expect(200);
    house.me(&other).await.expect_code(401, "auth/session-expired");
    house.me(&ben).await.expect(200);
    house
        .delete(&one)
        .bearer(&ada)
        .await
        .expect_code(404, "auth/session-not-found");
    let all = house.delete(&sessions).bearer(&ada).await.expect(200);
    assert_eq!(all.json["ended"], 2);
    house.me(&ben).await.expect_code(401, "auth/session-expired");
    let user = format!("/v1/admin/users/{ben_id}");
    let banned = house
        .call("POST", &format!("{user}/ban"))
        .bearer(&ada)
        .await
        .expect(200);
    assert_eq!(banned.text("standing"), "banned");
    house
        .sign_in(BEN, PASSWORD)
        .await
        .expect_code(403, "auth/account-banned");
    house
        .call("POST", &format!("{user}/recovery/send"))
        .bearer(&ada)
        .await
        .expect_code(409, "user/not-active");
    let unbanned = house.call("POST", &format!("{user}/unban")).bearer(&ada);
    assert_eq!(unbanned.await.expect(200).text("standing"), "active");
    let ben = token(&house, BEN).await;
    house
        .call("POST", &format!("/v1/admin/users/{ada_id}/ban"))
        .bearer(&ada)
        .await
        .expect_code(403, "user/forbidden");
    house
        .delete(&format!("{user}/password"))
        .bearer(&ada)
        .await
        .expect(200);
    house.me(&ben).await.expect_code(401, "auth/session-expired");
    house
        .sign_in(BEN, PASSWORD)
        .await
        .expect_code(401, "auth/invalid-credentials");
    let events = house
        .get(&format!("{user}/events?limit=1000"))
        .bearer(&ada)
        .await
        .expect(200);
    let types: Vec<_> = events.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["type"].clone())
        .collect();
    for wanted in [
        "UserRegistered",
        "SessionsEnded",
        "UserBanned",
        "UserUnbanned",
        "PasswordRevoked",
    ] {
        assert!(types.contains(&json!(wanted)), "{wanted}: {types:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m_09_an_administrator_takes_a_second_factor_away_and_the_user_is_told() {
    let house = House::start().await;
    let (ada, ben) = two(&house).await;
    let ben_id = id_of(&house, &ben).await;
    house.next_mail_of("email_verification").await;
    let begun = house.post("/v1/auth/mfa/email/enable", json!({ "password": PASSWORD }));
    let challenge = begun.bearer(&ben).await.expect(200).text("challengeId");
    let text = house.next_mail_of("email_otp").await.text_part().unwrap();
    let code = text
        .lines()
        .find(|line| line.len() == 6 && line.parse::<u32>().is_ok())
        .unwrap();
    let confirm = house.post(
        "/v1/auth/mfa/email/confirm",
        json!({ "challengeId": challenge, "code": code }),
    );
    confirm.bearer(&ben).await.expect(200);
    house
        .sign_in(BEN, PASSWORD)
        .await
        .expect_code(403, "auth/mfa-required");
    let factors = format!("/v1/admin/users/{ben_id}/factors");
    let listed = house.get(&factors).bearer(&ada).await.expect(200).json;
    let kinds: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["kind"].clone())
        .collect();
    assert!(kinds.contains(&json!("email")), "{kinds:?}");
    house
        .delete(&format!("{factors}?kind=magic"))
        .bearer(&ada)
        .await
        .expect_code(400, "common/invalid-parameters");
    let seat = house.sit_down(ADA, PASSWORD).await;
    let form = format!("/admin/users/{ben_id}/factors");
    let slip = house.form_of(&seat, &form, &[("kind", "emial")]).await;
    slip.expect(400);
    let still = house.get(&factors).bearer(&ada).await.expect(200).json;
    assert_eq!(still["items"], listed["items"], "no slip takes all of them");
    let left = house.delete(&factors).bearer(&ada).await.expect(200).json;
    assert_eq!(left["items"], json!([]));
    house.sign_in(BEN, PASSWORD).await.expect(200);
    assert_eq!(house.next_mail_of("factor_changed").await.to, [BEN]);
}
