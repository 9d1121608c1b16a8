//! What every page of a flow has.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn r_33_a30_pages_of_flows_load_nothing_foreign_and_are_kept_by_nobody() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    for path in [SIGN_IN, RECOVERY, "/flow/default-enrollment-flow"] {
        for language in ["en", "ko"] {
            browser.language = language;
            let page = browser.open(path).await;
            assert_eq!(page.status, 200);
            let header = |name: &str| {
                let found = page.headers.iter().find(|(known, _)| known == name);
                found.map(|(_, value)| value.as_str()).unwrap_or_default()
            };
            assert!(header("content-security-policy").contains("default-src 'none'"));
            assert!(!header("content-security-policy").contains("unsafe"));
            assert_eq!(header("referrer-policy"), "no-referrer");
            assert_eq!(header("cache-control"), "no-store");
            assert!(page.shows(&format!("<html lang=\"{language}\"")));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_is_escaped_and_stays_beside_its_error() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    browser.open(SIGN_IN).await;
    let nasty = "\"><script>alert(1)</script>{{ 7*7 }}";
    let page = browser.submit(SIGN_IN, &[("identifier", nasty)]).await;
    assert_eq!(page.status, 400);
    assert!(!page.shows("\"><script") && page.shows("&lt;script&gt;") && page.shows("{{ 7*7 }}"));
    assert!(page.shows("aria-describedby=\"identifier-error\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_does_not_exist_is_told_and_one_that_is_too_old_begins_anew() {
    let house = House::start().await;
    let mut browser = Browser::new(&house);
    assert_eq!(browser.open("/flow/no-such-flow").await.status, 404);
    browser.open(SIGN_IN).await;
    browser
        .submit(SIGN_IN, &[("identifier", ADA)])
        .await
        .expect_field("password");
    house.advance(Span::hours(1));
    let page = browser.submit(SIGN_IN, &[("password", OLD)]).await;
    assert!(page.asks("identifier"), "{}", page.html);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_survives_a_restart() {
    let mut house = House::start().await;
    house.resident().await;
    let cookies = {
        let mut browser = Browser::new(&house);
        browser.open(SIGN_IN).await;
        browser.submit(SIGN_IN, &[("identifier", ADA)]).await;
        browser.cookies
    };
    house.restart().await;
    let mut browser = Browser::new(&house);
    browser.cookies = cookies;
    browser.open(SIGN_IN).await.expect_field("password");
    let done = browser.submit(SIGN_IN, &[("password", OLD)]).await;
    assert_eq!(done.at, "/account");
}
