//! Proving an address.

use keyledger::types::Span;
use serde_json::json;

use super::call::Call;
use super::house::{BEGINNING, DONE, House, JI, NOBODY, OLD};

const NOT_FOUND: &str = "auth/verification-token-not-found";
const SENDERS: [&str; 3] = [
    "/v1/auth/email/verify/send",
    "/v1/auth/email/verify/resend",
    "/v1/auth/signup/email/resend",
];

fn confirm<'h>(house: &'h House, email: &str, token: &str) -> Call<'h> {
    let body = json!({"email": email, "token": token});
    house.post("/v1/auth/email/verify/confirm", &body)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mails_link_or_code_proves_the_address_and_keeps_password_and_sessions() {
    let house = House::open().await;
    let tokens = house.sign_up(JI).await;
    let mail = house.mail("email_verification", JI).await;
    let done = confirm(&house, JI, &mail.code).ok().await;
    assert_eq!(done.field("verified"), true);
    let me = house.get("/v1/auth/me").bearer(&tokens.access).ok().await;
    assert_eq!(me.field("emailVerified"), BEGINNING);
    house.sign_in(JI, OLD).ok().await;
    confirm(&house, JI, &mail.secret)
        .refused(400, "auth/already-verified")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_01_sending_is_answered_alike_for_everybody() {
    let house = House::open().await;
    house.resident(JI).await;
    house.sign_up("un@example.org").await;
    house.inner.settled().await;
    for path in SENDERS {
        let mut faces = vec![];
        for email in [JI, "un@example.org", "no@example.org"] {
            let answer = house.post(path, &json!({"email": email})).ok().await;
            assert_eq!(answer.field("email"), email);
            faces.push(answer.face().replace(email, "EMAIL"));
        }
        assert!(faces.iter().all(|face| *face == faces[0]), "{path}");
    }
    assert_eq!(house.mails("email_verification", JI).await.len(), 1);
    assert!(house.mails("email_verification", "un@example.org").await.len() > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_02_r_13_an_address_to_return_to_is_checked_before_any_account() {
    let house = House::open().await;
    house.sign_up(JI).await;
    for path in SENDERS {
        for email in [JI, NOBODY] {
            for url in [
                "",
                "https://app.example.org",
                "https://app.example.org/done/",
                "https://app.example.org/done?x=1",
                "https://app.example.org/done#x",
                "https://APP.example.org/done",
                "https://app.example.org@evil.example/done",
                "https://evil.example/https://app.example.org/done",
                "https://app.example.org.evil.example/done",
                "//app.example.org/done",
                "https:\\\\app.example.org\\done",
                "javascript:alert(1)",
            ] {
                let before = house.events().len();
                let body = json!({"email": email, "callbackUrl": url});
                house.post(path, &body).refused(400, "auth/invalid-url").await;
                assert_eq!(house.events().len(), before);
            }
            let body = json!({"email": email, "callbackUrl": "https://app.example.org/done"});
            house.post(path, &body).ok().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r_27_what_is_no_token_verifies_nothing() {
    let house = House::open().await;
    house.sign_up(JI).await;
    let mail = house.mail("email_verification", JI).await;
    for email in [JI, NOBODY] {
        for token in ["", "  ", "null", &mail.secret[..70]] {
            confirm(&house, email, token).refused(404, NOT_FOUND).await;
        }
        for token in [json!(null), json!([mail.secret]), json!(1)] {
            let body = json!({"email": email, "token": token});
            let call = house.post("/v1/auth/email/verify/confirm", &body);
            call.refused(400, "common/invalid-parameters").await;
        }
    }
    confirm(&house, NOBODY, &mail.secret)
        .refused(404, NOT_FOUND)
        .await;
    confirm(&house, JI, &mail.disown).refused(404, NOT_FOUND).await;
    assert!(house.user(JI, |user| user.addresses[0].verified.is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_lives_a_day_and_a_new_one_supersedes_it() {
    let house = House::open().await;
    house.sign_up(JI).await;
    let first = house.mail("email_verification", JI).await;
    house.wait(Span::hours(24));
    for _ in 0..9 {
        confirm(&house, JI, &first.secret)
            .refused(401, "auth/verification-token-expired")
            .await;
    }
    confirm(&house, JI, &first.secret)
        .refused(429, "auth/too-many-requests")
        .await;
    house.post(SENDERS[0], &json!({"email": JI})).ok().await;
    let second = house.mail("email_verification", JI).await;
    confirm(&house, JI, &first.code).refused(404, NOT_FOUND).await;
    confirm(&house, JI, &second.secret).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mailed_link_leads_back_to_where_the_request_said() {
    let house = House::open().await;
    house.sign_up(JI).await;
    for path in SENDERS {
        let body = json!({"email": JI, "callbackUrl": DONE});
        house.post(path, &body).ok().await;
    }
    let mail = house.mail("email_verification", JI).await;
    let press = |form: String| {
        let call = house.call("POST", "/verify").without("x-api-key");
        call.body("application/x-www-form-urlencoded", &form)
    };
    let page = house.get("/verify").without("x-api-key").ok().await;
    assert!(
        page.header("content-security-policy")
            .contains("form-action 'self' https://app.example.org;")
    );
    let answer = press(format!("token={}&email=ji%40example.org", mail.secret))
        .send()
        .await;
    answer.assert(303);
    assert_eq!(
        answer.header("location"),
        "https://app.example.org/done?verified=true&email=ji%40example.org"
    );
    assert!(house.user(JI, |user| user.addresses[0].verified.is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn r_13_an_address_that_left_the_list_is_not_led_to() {
    let mut house = House::open().await;
    house.sign_up(JI).await;
    let body = json!({"email": JI, "callbackUrl": DONE});
    house.post(SENDERS[0], &body).ok().await;
    let mail = house.mail("email_verification", JI).await;
    house
        .inner
        .change_settings(|settings| settings.site.callback_urls.clear());
    house.inner.restart().await;
    let call = house.call("POST", "/verify").without("x-api-key");
    let form = format!("code={}&email=ji%40example.org", mail.code);
    let answer = call.body("application/x-www-form-urlencoded", &form).ok().await;
    assert_eq!(answer.header("location"), "");
    assert!(answer.text().contains("Your address is confirmed"));
}
