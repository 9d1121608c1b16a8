//! Refresh tokens: rotation, replay, grace, age.

use keyledger::desk::EventFilter;
use keyledger::types::{Locale, Span};
use serde_json::json;

use super::house::{House, JI, OLD, Storage};

const INVALID: &str = "auth/invalid-refresh-token";

#[tokio::test(flavor = "multi_thread")]
async fn s_01_a_refresh_token_is_opaque_long_and_always_another() {
    let house = House::open().await;
    let first = house.sign_up(JI).await.refresh;
    let second = house.sign_in(JI, OLD).ok().await.tokens().refresh;
    assert_ne!(first, second);
    assert!(
        first.len() >= 43
            && first
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    );
    assert!(!first.contains(&house.user_id(JI).to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn s_12_a_refresh_rotates_and_answers_with_all_four_fields() {
    let house = House::open().await;
    let tokens = house.sign_up(JI).await;
    house.wait(Span::minutes(1));
    let answer = house.refresh(&tokens.refresh).ok().await;
    assert_eq!(answer.field("tokenType"), "Bearer");
    assert_eq!(answer.field("expiresIn"), 3600);
    let next = answer.tokens();
    assert_ne!((&next.refresh, &next.access), (&tokens.refresh, &tokens.access));
    house.get("/v1/auth/me").bearer(&next.access).ok().await;
    house.refresh(&next.refresh).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s_14_a_lost_answer_may_be_asked_for_again_shortly() {
    let house = House::open().await;
    let tokens = house.sign_up(JI).await;
    let next = house.refresh(&tokens.refresh).ok().await.tokens();
    house.wait(Span::seconds(9));
    let again = house.refresh(&tokens.refresh).ok().await.tokens();
    assert_eq!(again.refresh, next.refresh);
    house.refresh(&next.refresh).ok().await;
    house.get("/v1/auth/me").bearer(&again.access).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s_13_s_14_a_replay_after_the_grace_ends_every_session() {
    let house = House::open().await;
    let tokens = house.sign_up(JI).await;
    let other = house.sign_in(JI, OLD).ok().await.tokens();
    let next = house.refresh(&tokens.refresh).ok().await.tokens();
    house.wait(Span::seconds(10));
    house.refresh(&tokens.refresh).refused(401, INVALID).await;
    for ended in [&next, &other] {
        let me = house.get("/v1/auth/me").bearer(&ended.access);
        me.refused(401, "auth/session-expired").await;
        house.refresh(&ended.refresh).refused(401, INVALID).await;
    }
    assert_eq!(house.mails("sessions_revoked", JI).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn s_13_a_replay_is_one_within_the_grace_too_once_the_successor_was_used() {
    let house = House::open().await;
    let first = house.sign_up(JI).await;
    let second = house.refresh(&first.refresh).ok().await.tokens();
    let third = house.refresh(&second.refresh).ok().await.tokens();
    house.refresh(&first.refresh).refused(401, INVALID).await;
    let me = house.get("/v1/auth/me").bearer(&third.access);
    me.refused(401, "auth/session-expired").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s_13_a_token_of_an_ended_session_is_a_plain_refusal() {
    let house = House::open().await;
    let tokens = house.sign_up(JI).await;
    let other = house.sign_in(JI, OLD).ok().await.tokens();
    let out = house.call("POST", "/v1/auth/signout");
    out.bearer(&tokens.access).ok().await;
    house.refresh(&tokens.refresh).refused(401, INVALID).await;
    house.get("/v1/auth/me").bearer(&other.access).ok().await;
    assert!(house.mails("sessions_revoked", JI).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn s_16_r_29_a_restart_revives_nothing_and_forgets_no_count() {
    let mut house = House::open_with(|plan| plan.storage = Storage::Disk).await;
    let out = house.resident(JI).await;
    let kept = house.sign_in(JI, OLD).ok().await.tokens();
    let call = house.call("POST", "/v1/auth/signout");
    call.bearer(&out.access).ok().await;
    let spent = house.refresh(&kept.refresh).ok().await.tokens();
    let mail = house.recovery(JI).await;
    for n in 0..5 {
        let call = house
            .sign_in(JI, &format!("Wrong-Harbor-{n}"))
            .from("198.51.100.1");
        call.refused(401, "auth/invalid-credentials").await;
    }
    for _ in 0..5 {
        let call = house.confirm(JI, "00000-00000", OLD).from("198.51.100.1");
        call.refused(404, "auth/verification-token-not-found").await;
    }
    house.inner.restart().await;
    house.refresh(&out.refresh).refused(401, INVALID).await;
    let me = house.get("/v1/auth/me").bearer(&out.access);
    me.refused(401, "auth/session-expired").await;
    house.get("/v1/auth/me").bearer(&spent.access).ok().await;
    house
        .sign_in(JI, OLD)
        .from("198.51.100.1")
        .refused(429, "auth/too-many-login-attempts")
        .await;
    house
        .confirm(JI, &mail.code, OLD)
        .refused(404, "auth/verification-token-not-found")
        .await;
    house.wait(Span::seconds(10));
    house.refresh(&kept.refresh).refused(401, INVALID).await;
    let me = house.get("/v1/auth/me").bearer(&spent.access);
    me.refused(401, "auth/session-expired").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s_04_s_15_a_session_ends_idle_after_seven_days_and_in_any_case_after_thirty() {
    let house = House::open().await;
    let idle = house.sign_up(JI).await;
    let mut busy = house.sign_in(JI, OLD).ok().await.tokens();
    for _ in 0..4 {
        house.wait(Span(Span::days(7).0 - 1));
        busy = house.refresh(&busy.refresh).ok().await.tokens();
    }
    house.refresh(&idle.refresh).refused(401, INVALID).await;
    house.wait(Span(Span::days(2).0 + 3));
    busy = house.refresh(&busy.refresh).ok().await.tokens();
    house.get("/v1/auth/me").bearer(&busy.access).ok().await;
    house.wait(Span(1));
    let me = house.get("/v1/auth/me").bearer(&busy.access);
    me.refused(401, "auth/session-expired").await;
    house.refresh(&busy.refresh).refused(401, INVALID).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_repeats_a_bad_refresh_token_is_told_to_stop() {
    let house = House::open().await;
    for body in [
        json!({"refreshToken": null}),
        json!({"refreshToken": ["x"]}),
        json!({}),
    ] {
        let call = house.post("/v1/auth/refresh", &body);
        call.refused(400, "common/invalid-parameters").await;
    }
    for wrong in ["", " "] {
        house.refresh(wrong).refused(401, INVALID).await;
    }
    for _ in 0..9 {
        house.refresh("bad").refused(401, INVALID).await;
    }
    house.refresh("bad").refused(429, "auth/too-many-requests").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l_01_a_token_of_an_ended_session_is_in_the_audit_once_however_often_it_comes() {
    let house = House::open().await;
    let tokens = house.sign_up(JI).await;
    let out = house.call("POST", "/v1/auth/signout");
    out.bearer(&tokens.access).ok().await;
    for _ in 0..5 {
        house.refresh(&tokens.refresh).refused(401, INVALID).await;
    }
    let filter = EventFilter {
        name: Some("authn_token_reuse".to_owned()),
        ..EventFilter::default()
    };
    let told = house.desk().events(&filter).unwrap();
    let lines: Vec<_> = told
        .iter()
        .map(|event| house.desk().describe(event, Locale::En))
        .collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert_eq!(lines[0].name, "RefreshRefused");
    assert_eq!(lines[0].ip, Some("192.0.2.1".parse().unwrap()));
    assert!(lines[0].text.contains("which is over"), "{}", lines[0].text);
    let ended = house.desk().events(&EventFilter::default()).unwrap();
    let texts: Vec<_> = ended
        .iter()
        .map(|event| house.desk().describe(event, Locale::En).text)
        .collect();
    assert!(texts.iter().any(|text| text.contains("signed out")), "{texts:#?}");
}
