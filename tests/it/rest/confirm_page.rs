//! The link that clients build themselves, and its page.

use serde_json::json;

use super::call::Call;
use super::house::{Door, House, JI};

const PATH: &str = "/v1/auth/signup/email/confirm";
const DONE: &str = "https%3A%2F%2Fapp.example.org%2Fdone";

fn open<'h>(house: &'h House, method: &'static str, query: &str) -> Call<'h> {
    house
        .call(method, &format!("{PATH}?{query}"))
        .without("x-api-key")
}

fn press<'h>(house: &'h House, form: &str) -> Call<'h> {
    let call = house.call("POST", PATH).without("x-api-key");
    call.body("application/x-www-form-urlencoded", form)
}

async fn link(house: &House) -> String {
    house.sign_up(JI).await;
    let mail = house.mail("email_verification", JI).await;
    format!("token={}&email=ji%40example.org", mail.secret)
}

fn is_verified(house: &House) -> bool {
    house.user(JI, |user| user.addresses[0].verified.is_some())
}

#[tokio::test(flavor = "multi_thread")]
async fn r_24_opening_the_link_proves_nothing_and_the_button_does() {
    let house = House::open().await;
    let link = link(&house).await;
    let page = open(&house, "GET", &link).ok().await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(
        page.text()
            .replace("&#x2f;", "/")
            .contains("signup/email/confirm\">")
    );
    for method in ["HEAD", "OPTIONS"] {
        open(&house, method, &link).ok().await;
    }
    assert!(!is_verified(&house));
    let answer = press(&house, &link).ok().await;
    assert_eq!(
        (answer.field("verified"), answer.field("email")),
        (json!(true), json!(JI))
    );
    assert!(is_verified(&house));
    press(&house, &link).refused(400, "auth/already-verified").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_33_the_page_is_shut_off_and_speaks_the_readers_language() {
    let house = House::open().await;
    let query = format!("{}&callbackUrl={DONE}", link(&house).await);
    let page = open(&house, "GET", &query).header("accept-language", "ko");
    let page = page.ok().await;
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self';"),
        "{policy}"
    );
    assert!(
        policy.contains("form-action 'self' https://app.example.org;"),
        "{policy}"
    );
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(page.text().contains("<html lang=\"ko\"") && page.text().contains("이메일 주소 인증"));
    assert!(!page.text().contains("<style"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_button_leads_back_to_where_the_client_said() {
    let house = House::open().await;
    let form = format!("{}&callbackUrl={DONE}", link(&house).await);
    let answer = press(&house, &form).send().await;
    answer.assert(303);
    assert_eq!(
        answer.header("location"),
        "https://app.example.org/done?verified=true&email=ji%40example.org"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r_13_nothing_leads_to_where_the_operator_did_not_say() {
    let house = House::open().await;
    let link = link(&house).await;
    let evil = format!("{link}&callbackUrl=https%3A%2F%2Fevil.example%2Fdone");
    open(&house, "GET", &evil).refused(400, "auth/invalid-url").await;
    press(&house, &evil).refused(400, "auth/invalid-url").await;
    let twice = format!("{link}&email=bo%40example.org");
    open(&house, "GET", &twice)
        .refused(400, "common/invalid-parameters")
        .await;
    press(&house, "email=ji%40example.org")
        .refused(400, "common/invalid-parameters")
        .await;
    press(&house, "email=ji%40example.org&token=+")
        .refused(404, "auth/verification-token-not-found")
        .await;
    let call = house.call("POST", PATH).body("text/plain", &link);
    call.refused(415, "common/unsupported-media-type").await;
    assert!(!is_verified(&house));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_operator_wants_it_opening_is_enough_but_not_looking_ahead() {
    let house = House::open_with(|plan| {
        let door = Door {
            verify_on_get: true,
            ..Door::default()
        };
        door.put(plan);
    })
    .await;
    let query = format!("{}&callbackUrl={DONE}", link(&house).await);
    open(&house, "HEAD", &query).ok().await;
    let ahead = open(&house, "GET", &query).header("sec-purpose", "prefetch");
    ahead.ok().await;
    assert!(!is_verified(&house));
    open(&house, "GET", &query).send().await.assert(303);
    assert!(is_verified(&house));
}

#[tokio::test(flavor = "multi_thread")]
async fn s_09_a_form_of_somebody_elses_page_proves_nothing() {
    let house = House::open().await;
    let link = link(&house).await;
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://evil.example"),
    ] {
        let answer = press(&house, &link).header(name, value).send().await;
        answer.assert(403);
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    }
    assert!(!is_verified(&house));
    let own = press(&house, &link).header("sec-fetch-site", "same-origin");
    own.header("origin", "null").ok().await;
    assert!(is_verified(&house));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_refused_with_a_page_and_a_client_with_json() {
    let house = House::open().await;
    let link = link(&house).await;
    press(&house, &link).ok().await;
    let browser = press(&house, &link).header("accept", "text/html,*/*;q=0.8");
    let again = browser.send().await;
    again.assert(400);
    assert!(again.text().contains("This address is confirmed already"));
    press(&house, &link).refused(400, "auth/already-verified").await;
}
