//! What the audit tells of calls that came to nothing, and of how sessions end (ASVS 16.3.1).

use keyledger::desk::{EventFilter, Line};
use keyledger::types::{Locale, Span};
use serde_json::json;

use super::house::{House, JI, NEW, OLD};

const CAFE: &str = "198.51.100.7";

fn told(house: &House, name: &str) -> Vec<Line> {
    let filter = EventFilter {
        name: Some(name.to_owned()),
        ..EventFilter::default()
    };
    let found = house.desk().events(&filter).unwrap();
    found
        .iter()
        .map(|event| house.desk().describe(event, Locale::En))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn l_01_a_refused_new_password_is_in_the_audit_with_the_rules_it_broke() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    let change = |new: &str| {
        let body = json!({"currentPassword": OLD, "newPassword": new});
        let call = house.post("/v1/auth/password/change", &body);
        call.bearer(&tokens.access)
            .from(CAFE)
            .header("user-agent", "curl/8")
    };
    change("abc").refused(400, "auth/invalid-password-format").await;
    change(OLD).refused(400, "auth/same-as-previous-password").await;
    change("P@ssw0rd").refused(400, "auth/weak-password").await;
    let lines = told(&house, "PasswordRefused");
    assert_eq!(lines.len(), 3, "{lines:#?}");
    for (line, codes) in lines.iter().zip([
        "length_min, amount_uppercase, amount_digits, amount_symbols",
        "same_as_previous",
        "breached",
    ]) {
        assert_eq!(line.term, Some("authn_password_change_fail"));
        assert_eq!(line.user, Some(house.user_id(JI)));
        assert_eq!(line.ip, Some(CAFE.parse().unwrap()));
        assert_eq!(line.user_agent.as_deref(), Some("curl/8"));
        assert!(line.text.ends_with(codes), "{}", line.text);
    }
    change(NEW).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l_01_bad_keys_and_tokens_are_counted_once_a_minute_with_where_the_first_came_from() {
    let house = House::open().await;
    let tokens = house.sign_up(JI).await;
    let written = house.events();
    let me = || house.get("/v1/auth/me");
    let wrong_key = format!("pk_{}", "0".repeat(64));
    for client in [CAFE, "192.0.2.9", "192.0.2.10"] {
        let call = me().without("x-api-key").header("x-api-key", &wrong_key);
        call.from(client).refused(401, "auth/invalid-api-key").await;
    }
    for n in 0..4 {
        let call = me().bearer(&format!("forged-{n}")).from(CAFE);
        call.refused(401, "auth/invalid-token").await;
    }
    me().header("authorization", "Basic eDp5")
        .refused(401, "auth/invalid-token")
        .await;
    house.wait(Span::hours(1));
    let late = me().bearer(&tokens.access).from(CAFE);
    late.refused(401, "auth/token-expired").await;
    // No key and no token are no attempt at anything.
    me().without("x-api-key")
        .refused(401, "auth/invalid-api-key")
        .await;
    me().refused(401, "auth/unauthorized").await;
    assert_eq!(house.events(), written, "a flood of them writes nothing");
    house.wait(Span::seconds(61));
    house
        .inner
        .until("the counts are written", |_| {
            told(&house, "Suppressed").len() == 3
        })
        .await;
    let lines = told(&house, "Suppressed");
    let find = |what: &str| lines.iter().find(|line| line.text.contains(what)).unwrap();
    for (what, count, term) in [
        ("an API key that opens nothing", "3 ", "authn_login_fail"),
        ("an access token that is none", "5 ", "authn_login_fail"),
        (
            "an access token that is no longer good",
            "1 ",
            "authn_token_reuse",
        ),
    ] {
        let line = find(what);
        assert!(line.text.starts_with(count), "{}", line.text);
        assert_eq!(line.term, Some(term));
        assert_eq!(line.ip, Some(CAFE.parse().unwrap()), "{line:#?}");
        assert_eq!(line.user, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l_01_sessions_are_renewed_and_ended_with_where_that_was_asked_for() {
    let house = House::open().await;
    let own = house.sign_up(JI).await;
    let renewed = house.refresh(&own.refresh).from(CAFE).ok().await.tokens();
    house.sign_in(JI, OLD).ok().await;
    let all = house.delete("/v1/auth/sessions?except=current");
    all.bearer(&renewed.access).from(CAFE).ok().await;
    let out = house.call("POST", "/v1/auth/signout");
    out.bearer(&renewed.access).from(CAFE).ok().await;
    for name in ["RefreshRotated", "SessionsEnded", "SessionEnded"] {
        let lines = told(&house, name);
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert_eq!(lines[0].ip, Some(CAFE.parse().unwrap()), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l_01_calls_over_the_limit_of_a_client_are_counted() {
    let house = House::open_with(|plan| {
        let door = super::house::Door {
            calls: Some(2),
            ..super::house::Door::default()
        };
        door.put(plan);
    })
    .await;
    for _ in 0..2 {
        house.get("/v1/auth/me").refused(401, "auth/unauthorized").await;
    }
    let over = house.get("/v1/auth/me");
    over.refused(429, "auth/too-many-requests").await;
    house.wait(Span::seconds(61));
    house
        .inner
        .until("the count is written", |_| {
            let lines = told(&house, "excess_rate_limit_exceeded");
            lines
                .iter()
                .any(|line| line.text.starts_with("1 calls over a limit"))
        })
        .await;
}
