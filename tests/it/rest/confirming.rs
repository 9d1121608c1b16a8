//! Taking a way back in by its link.

use keyledger::domain::Actor;
use keyledger::types::Span;
use secrecy::ExposeSecret;
use serde_json::json;

use super::call::together;
use super::house::{BEGINNING, BO, House, JI, NEW, NOBODY, OLD};

const NOT_FOUND: &str = "auth/verification-token-not-found";

#[tokio::test(flavor = "multi_thread")]
async fn a_link_sets_a_new_password_once() {
    let house = House::open().await;
    house.resident(JI).await;
    let mail = house.recovery(JI).await;
    house.confirm(JI, &mail.secret, NEW).ok().await;
    house.confirm(JI, &mail.secret, OLD).refused(404, NOT_FOUND).await;
    house
        .sign_in(JI, OLD)
        .refused(401, "auth/invalid-credentials")
        .await;
    house.sign_in(JI, NEW).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_36_completion_signs_nobody_in() {
    let house = House::open().await;
    house.resident(JI).await;
    let mail = house.recovery(JI).await;
    let done = house.confirm(JI, &mail.secret, NEW).ok().await;
    assert_eq!(
        done.value()["data"].as_object().unwrap().len(),
        1,
        "a message, no more"
    );
    assert_eq!(done.header("set-cookie"), "");
    assert_eq!(house.user(JI, |user| user.sessions.len()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_38_a21_every_session_and_refresh_token_ends_whatever_the_client_asks() {
    let house = House::open().await;
    let first = house.resident(JI).await;
    let second = house.sign_in(JI, OLD).from("198.51.100.7").ok().await.tokens();
    let mail = house.recovery(JI).await;
    let body = json!({
        "email": JI, "token": mail.secret, "newPassword": NEW,
        "deviceId": "d1", "keepSessions": true, "logoutOtherSessions": false,
    });
    let call = house.post("/v1/auth/password/reset/confirm", &body);
    call.bearer(&first.access).ok().await;
    for tokens in [first, second] {
        let me = house.get("/v1/auth/me").bearer(&tokens.access);
        me.refused(401, "auth/session-expired").await;
        house
            .refresh(&tokens.refresh)
            .refused(401, "auth/invalid-refresh-token")
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r_15_a_new_request_supersedes_what_was_asked_for_before() {
    let house = House::open().await;
    house.resident(JI).await;
    let first = house.recovery(JI).await;
    let second = house.recovery(JI).await;
    house
        .confirm(JI, &first.secret, NEW)
        .refused(404, NOT_FOUND)
        .await;
    house.confirm(JI, &first.code, NEW).refused(404, NOT_FOUND).await;
    house.confirm(JI, &second.secret, NEW).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_20_a5_of_many_at_once_exactly_one_wins() {
    let house = House::open().await;
    house.resident(JI).await;
    let mail = house.recovery(JI).await;
    let calls = (0..64).map(|n| {
        let password = format!("{NEW}-{n}");
        let token = if n % 2 == 0 { &mail.secret } else { &mail.code };
        let call = house.confirm(JI, token, &password);
        async move { (call.send().await, password) }
    });
    let mut winners = vec![];
    for (answer, password) in together(calls).await {
        if answer.status == 200 {
            winners.push(password);
        } else {
            assert_eq!((answer.status, answer.code().as_str()), (404, NOT_FOUND));
        }
    }
    assert_eq!(winners.len(), 1);
    house.sign_in(JI, &winners[0]).ok().await;
    assert_eq!(house.mails("password_changed", JI).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_26_a8_a_token_is_good_for_one_user_and_one_purpose_only() {
    let house = House::open().await;
    house.sign_up(JI).await;
    let verify = house.mail("email_verification", JI).await;
    house.resident(BO).await;
    let mail = house.recovery(JI).await;
    for (email, token) in [
        (BO, &mail.secret),
        (BO, &mail.code),
        (NOBODY, &mail.secret),
        (JI, &verify.secret),
        (JI, &verify.code),
        (JI, &verify.disown),
    ] {
        house.confirm(email, token, NEW).refused(404, NOT_FOUND).await;
    }
    let body = json!({"email": JI, "token": mail.secret});
    let call = house.post("/v1/auth/email/verify/confirm", &body);
    call.refused(404, NOT_FOUND).await;
    let call = house.post("/v1/auth/withdraw/cancel", &json!({"token": mail.secret}));
    call.refused(404, NOT_FOUND).await;
    house.confirm(JI, &mail.secret, NEW).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_26_a_token_dies_with_the_password_it_was_issued_under_and_with_the_account() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    let mail = house.recovery(JI).await;
    let body = json!({"currentPassword": OLD, "newPassword": NEW});
    let call = house.post("/v1/auth/password/change", &body);
    call.bearer(&tokens.access).ok().await;
    house.confirm(JI, &mail.secret, OLD).refused(404, NOT_FOUND).await;
    let mail = house.recovery(JI).await;
    let id = house.user_id(JI);
    house.desk().ban_user(id, Actor::Operator).await.unwrap();
    house.confirm(JI, &mail.secret, OLD).refused(404, NOT_FOUND).await;
    house.desk().unban_user(id, Actor::Operator).await.unwrap();
    let mail = house.recovery(JI).await;
    house.confirm(JI, &mail.secret, OLD).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_27_a6_what_is_no_token_is_refused_whoever_has_one() {
    let house = House::open().await;
    house.resident(JI).await;
    for email in [JI, NOBODY] {
        for token in ["", " ", "\t\n", "null", "undefined", "0", "*", "[]"] {
            house.confirm(email, token, NEW).refused(404, NOT_FOUND).await;
        }
        for token in [
            json!(null),
            json!([]),
            json!([""]),
            json!({}),
            json!(0),
            json!(false),
        ] {
            let body = json!({"email": email, "token": token, "newPassword": NEW});
            let call = house.post("/v1/auth/password/reset/confirm", &body);
            call.refused(400, "common/invalid-parameters").await;
        }
        let body = json!({"email": email, "newPassword": NEW});
        let call = house.post("/v1/auth/password/reset/confirm", &body);
        call.refused(400, "common/invalid-parameters").await;
    }
    let mail = house.recovery(JI).await;
    let (secret, len) = (&mail.secret, mail.secret.len());
    for token in [
        &secret[..len - 1],
        &secret[..len / 2],
        &secret[1..],
        &format!("{secret}A"),
        &format!("{secret} "),
        &secret.to_lowercase(),
    ] {
        house.confirm(JI, token, NEW).refused(404, NOT_FOUND).await;
    }
    house.confirm(JI, secret, NEW).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_39_a_session_begun_under_the_old_password_does_not_outlive_it() {
    let house = House::open().await;
    house.resident(JI).await;
    let mail = house.recovery(JI).await;
    let sign_ins = (0..6).map(|n| {
        let call = house.sign_in(JI, OLD).from(&format!("198.51.100.{n}"));
        async move { call.send().await }
    });
    let confirm = async { house.confirm(JI, &mail.secret, NEW).ok().await };
    let (answers, _) = tokio::join!(together(sign_ins), confirm);
    for answer in answers {
        if answer.status == 200 {
            let me = house.get("/v1/auth/me").bearer(&answer.tokens().access);
            me.refused(401, "auth/session-expired").await;
        } else {
            assert_eq!(answer.code(), "auth/invalid-credentials");
        }
    }
    let fresh = house.sign_in(JI, NEW).ok().await.tokens();
    house.get("/v1/auth/me").bearer(&fresh.access).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_42_the_owner_is_told_in_their_language_and_without_a_way_in() {
    let house = House::open().await;
    let body = json!({"email": JI, "password": OLD, "name": "지우", "locale": "ko"});
    house
        .post("/v1/auth/email/signup", &body)
        .send()
        .await
        .assert(201);
    let mail = house.recovery(JI).await;
    assert!(mail.text.contains("비밀번호"), "{}", mail.text);
    let call = house.confirm(JI, &mail.secret, NEW).from("198.51.100.7");
    call.header("user-agent", "curl/8.5.0").ok().await;
    let notices = house.mails("password_changed", JI).await;
    assert_eq!(notices.len(), 1);
    let told = &notices[0];
    for word in [
        "비밀번호가 변경되어",
        "2027",
        "198.51.100.7",
        "curl",
        "본인이 변경하지 않았다면",
    ] {
        assert!(told.text.contains(word), "{word} in {}", told.text);
    }
    assert_eq!((told.secret.as_str(), told.code.as_str()), ("", ""));
    assert!(!told.text.contains(NEW));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_genuine_token_that_is_too_old_says_so_and_ends_in_429() {
    let house = House::open().await;
    house.resident(JI).await;
    let mail = house.recovery(JI).await;
    house.wait(Span(Span::hours(24).0 - 1));
    house
        .confirm(JI, &mail.secret, "short")
        .refused(400, "auth/invalid-password-format")
        .await;
    house.wait(Span(1));
    house.confirm(BO, &mail.secret, NEW).refused(404, NOT_FOUND).await;
    for _ in 0..9 {
        house
            .confirm(JI, &mail.secret, NEW)
            .refused(401, "auth/verification-token-expired")
            .await;
    }
    house
        .confirm(JI, &mail.secret, NEW)
        .refused(429, "auth/too-many-requests")
        .await;
    house.sign_in(JI, OLD).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a26_recovery_of_an_account_that_was_never_verified_throws_its_maker_out() {
    let house = House::open().await;
    let intruder = house.sign_up(JI).await;
    let mail = house.recovery(JI).await;
    house.confirm(JI, &mail.secret, NEW).ok().await;
    let me = house.get("/v1/auth/me").bearer(&intruder.access);
    me.refused(401, "auth/session-expired").await;
    house
        .sign_in(JI, OLD)
        .refused(401, "auth/invalid-credentials")
        .await;
    let owner = house.sign_in(JI, NEW).ok().await.tokens();
    let me = house.get("/v1/auth/me").bearer(&owner.access).ok().await;
    assert_eq!(me.field("emailVerified"), BEGINNING);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_47_an_administrators_secret_expires_works_once_and_never_becomes_the_password() {
    let house = House::open().await;
    house.resident(JI).await;
    let issue = async || {
        let user = house.user_id(JI);
        let hour = Span::hours(1);
        let issued = house
            .desk()
            .admin_recovery(user, hour, Actor::Operator)
            .await
            .unwrap();
        [issued.secret, issued.code].map(|secret| secret.expose_secret().to_owned())
    };
    // It becomes no password, by itself or with something around it, and the refusal spends nothing.
    let [link, code] = issue().await;
    for password in [
        format!("{link}-aA1!"),
        format!("{code}-aA1!"),
        format!("a!{}", code.replace('-', " ")),
        format!("aA1!{}", code.to_lowercase()),
    ] {
        for token in [&link, &code] {
            let refused = house.confirm(JI, token, &password);
            let refused = refused.refused(400, "auth/invalid-password-format").await;
            assert!(refused.details().contains("newPassword:mailed"), "{refused:?}");
        }
    }
    // Either spends both.
    house.confirm(JI, &code, NEW).ok().await;
    for token in [&link, &code] {
        let call = house.confirm(JI, token, "Third-Harbor-31");
        call.refused(404, "auth/verification-token-not-found").await;
    }
    let [link, code] = issue().await;
    house.wait(Span::hours(1));
    for token in [&link, &code] {
        let call = house.confirm(JI, token, "Third-Harbor-31");
        call.refused(401, "auth/verification-token-expired").await;
    }
    house.sign_in(JI, NEW).ok().await;
}
