//! Browser sessions: the cookie, the forms, and being asked again.

use super::*;
use crate::crypto::BrowserUse;
use crate::desk::Caller;

const COOKIE: &str = "__Host-keyledger";

/// A browser with its cookie, and what its forms carry.
pub(super) struct Browser {
    pub(super) caller: Caller,
    pub(super) cookie: String,
    pub(super) form: String,
}

impl Browser {
    fn of(house: &House, caller: Caller) -> Self {
        let secret = |usage| {
            let secret = house.desk.browser_secret(usage, caller.session);
            secret.expose_secret().to_owned()
        };
        Self {
            caller,
            cookie: format!("{COOKIE}={}", secret(BrowserUse::Cookie)),
            form: secret(BrowserUse::Form),
        }
    }

    pub(super) async fn signed_in(house: &House) -> Self {
        let password = SecretString::from(OLD);
        let signed_in = house
            .desk
            .sign_in_browser(&address(OWNER), &password, None, &visitor())
            .await;
        Self::of(house, signed_in.unwrap())
    }

    pub(super) async fn get(&self, house: &House, path: &str) -> Seen {
        house
            .ask(Method::GET, path, &[("cookie", &self.cookie)], String::new())
            .await
    }

    pub(super) async fn post(&self, house: &House, path: &str, fields: &[(&str, &str)]) -> Seen {
        let headers = [
            ("sec-fetch-site", "same-origin"),
            ("origin", "null"),
            ("cookie", &*self.cookie),
        ];
        let mut all = vec![("form", &*self.form)];
        all.extend_from_slice(fields);
        house.post_with(path, &headers, &all).await
    }
}

/// The session cookie that an answer sets: its value and its attributes.
fn set_cookie(seen: &Seen) -> Option<(String, Vec<String>)> {
    let field = seen.headers.get("set-cookie")?.to_str().unwrap();
    let mut parts = field.split("; ");
    let value = parts.next()?.strip_prefix(&format!("{COOKIE}="))?.to_owned();
    Some((value, parts.map(str::to_owned).collect()))
}

pub(super) async fn house() -> House {
    let house = House::open();
    house.sign_up().await;
    house
}

#[tokio::test]
async fn s_05_the_cookie_is_for_this_host_alone_and_out_of_reach_of_scripts() {
    let house = house().await;
    let browser = Browser::signed_in(&house).await;
    let seen = browser
        .post(&house, "/account/confirm", &[("password", OLD)])
        .await;
    assert_eq!(seen.status, 303);
    let (value, attributes) = set_cookie(&seen).unwrap();
    assert_eq!(attributes, ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"]);
    assert_eq!(value.len(), 71, "opaque, and far below 4096 bytes");
    assert!(!value.contains(&browser.caller.user.to_string()));
    // A browser that was told to keep it is told so again.
    let caller = house.desk.browser_caller(&value).unwrap();
    let kept = Browser {
        cookie: format!("{COOKIE}={value}.k"),
        ..Browser::of(&house, caller)
    };
    let seen = kept.post(&house, "/account/confirm", &[("password", OLD)]).await;
    let (value, attributes) = set_cookie(&seen).unwrap();
    assert!(value.strip_suffix(".k").is_some() && attributes.contains(&"Max-Age=2592000".to_owned()));
}

#[tokio::test]
async fn s_08_s_09_what_was_typed_waits_until_its_owner_has_shown_who_they_are_and_is_not_done_by_itself() {
    let house = house().await;
    let asked_again = async |browser: &Browser| {
        let fields = [("password", OLD), ("next", "/account/factors")];
        let seen = browser.post(&house, "/account/confirm", &fields).await;
        let (value, _) = set_cookie(&seen).unwrap();
        let caller = house.desk.browser_caller(&value).unwrap();
        (seen.header("location").to_owned(), Browser::of(&house, caller))
    };
    let (path, typed) = ("/account/factors/mail", [("email", "codes@elsewhere.example")]);
    let browser = Browser::signed_in(&house).await;
    house.clock.advance(Span::minutes(10));
    let seen = browser.post(&house, path, &typed).await;
    assert_eq!(seen.header("location"), "/account/confirm?next=/account/factors");
    let (onward, browser) = asked_again(&browser).await;
    assert_eq!(onward, "/account/go-on");
    let seen = browser.get(&house, &onward).await;
    assert!(seen.has("Nothing was done yet") && seen.has("Mail me the first code"));
    assert!(seen.has("codes@elsewhere.example") && seen.has(&browser.form));
    let seen = browser.get(&house, &format!("{onward}?lang=ko")).await;
    assert!(seen.has("아직 아무것도 바뀌지 않았습니다"));
    assert!(house.desk.begun_mailbox(browser.caller).is_none());
    let seen = browser.post(&house, path, &typed).await;
    assert_eq!(seen.header("location"), path);
    // What somebody else's page has laid out is not kept.
    house.clock.advance(Span::minutes(10));
    for (site, form) in [("cross-site", &*browser.form), ("same-origin", "x")] {
        let headers = [("sec-fetch-site", site), ("cookie", &*browser.cookie)];
        let seen = house.post_with(path, &headers, &[("form", form)]).await;
        assert_eq!(seen.status, 403, "{site}");
    }
    assert_eq!(asked_again(&browser).await.0, "/account/factors");
}

#[tokio::test]
async fn s_01_s_03_s_11_the_cookie_is_held_against_the_ledger_on_every_call() {
    let house = house().await;
    let browser = Browser::signed_in(&house).await;
    for path in ["/account", "/account/sessions", "/account/confirm"] {
        let seen = browser.get(&house, path).await;
        assert_eq!(seen.status, 200, "{path}");
        assert_eq!(seen.header("cache-control"), "no-store");
    }
    let another = Browser::signed_in(&house).await;
    house.desk.sign_out(browser.caller, &visitor()).await.unwrap();
    let seen = browser.get(&house, "/account/sessions").await;
    assert_eq!(seen.status, 303);
    assert_eq!(
        seen.header("location"),
        "/flow/default-authentication-flow?next=/account/sessions"
    );
    let (value, attributes) = set_cookie(&seen).unwrap();
    assert_eq!(
        (&*value, attributes.last().unwrap().as_str()),
        ("", "Max-Age=0"),
        "a dead one goes"
    );
    assert_eq!(another.get(&house, "/account").await.status, 200);
    house
        .desk
        .change_password(
            another.caller,
            &SecretString::from(OLD),
            &SecretString::from(NEW),
            &visitor(),
        )
        .await
        .unwrap();
    assert_eq!(another.get(&house, "/account").await.status, 303);
}

#[tokio::test]
async fn a24_s_02_a_session_that_nobody_signed_in_to_is_adopted_by_nobody() {
    let house = house().await;
    let browser = Browser::signed_in(&house).await;
    let elsewhere = House::open();
    elsewhere.sign_up().await;
    let foreign = Browser::signed_in(&elsewhere).await;
    let twice = format!("{}; {}", foreign.cookie, browser.cookie);
    let form_as_cookie = format!("{COOKIE}={}", browser.form);
    for cookie in [
        &*twice,
        &*form_as_cookie,
        "__Host-keyledger=",
        "__Host-keyledger=x",
        &browser.cookie[..80],
        &browser.cookie.replace("__Host-", ""),
    ] {
        let seen = house
            .ask(Method::GET, "/account", &[("cookie", cookie)], String::new())
            .await;
        assert_eq!(seen.status, 303, "{cookie}");
        assert!(set_cookie(&seen).is_none_or(|(value, _)| value.is_empty()));
    }
    // Who confirms that it is them gets a new session, and the one that asked is over.
    let seen = browser
        .post(
            &house,
            "/account/confirm",
            &[("password", OLD), ("next", "/account/sessions")],
        )
        .await;
    assert_eq!(seen.header("location"), "/account/sessions");
    let (value, _) = set_cookie(&seen).unwrap();
    assert_ne!(format!("{COOKIE}={value}"), browser.cookie);
    assert_eq!(browser.get(&house, "/account").await.status, 303);
    assert!(house.desk.browser_caller(&value).is_some());
}

#[tokio::test]
async fn s_09_a_form_that_was_not_made_for_this_session_does_nothing() {
    let house = house().await;
    let (browser, another) = (Browser::signed_in(&house).await, Browser::signed_in(&house).await);
    let headers = |site| [("sec-fetch-site", site), ("cookie", &*browser.cookie)];
    for (site, form) in [
        ("same-origin", ""),
        ("same-origin", "x"),
        ("same-origin", &*another.form),
        (
            "same-origin",
            browser.cookie.strip_prefix("__Host-keyledger=").unwrap(),
        ),
        ("cross-site", &*browser.form),
        ("same-site", &*browser.form),
    ] {
        for path in [
            "/account/sessions/end-all",
            "/account/sessions/end-others",
            "/account/sessions/end",
            "/account/sign-out",
            "/account/confirm",
        ] {
            let seen = house
                .post_with(path, &headers(site), &[("form", form), ("password", OLD)])
                .await;
            assert_eq!(seen.status, 403, "{path} {site}");
            assert!(seen.has("another website"));
        }
    }
    assert_eq!(browser.get(&house, "/account").await.status, 200);
    assert_eq!(another.get(&house, "/account").await.status, 200);
}

#[tokio::test]
async fn s_06_s_08_sessions_are_listed_and_ended_by_whoever_signed_in_just_now() {
    let house = house().await;
    let browser = Browser::signed_in(&house).await;
    let seen = browser.get(&house, "/account/sessions").await;
    assert!(seen.has("this device") && seen.has("End all others") && !seen.has("once more"));
    let asked = browser
        .get(&house, "/account/confirm?next=/account/sessions")
        .await;
    assert!(
        asked.has("href=\"/account/confirm?lang=ko&amp;next=/account/sessions\""),
        "another language comes back to the same page"
    );
    house.clock.advance(Span::minutes(10));
    let seen = browser.get(&house, "/account/sessions").await;
    assert!(seen.has("once more"), "told beforehand");
    for path in [
        "/account/sessions/end",
        "/account/sessions/end-others",
        "/account/sessions/end-all",
    ] {
        let seen = browser.post(&house, path, &[]).await;
        assert_eq!(
            seen.header("location"),
            "/account/confirm?next=/account/sessions",
            "{path}"
        );
    }
    assert_eq!(house.desk.sessions(browser.caller.user).len(), 2);
    let wrong = browser
        .post(&house, "/account/confirm", &[("password", "x")])
        .await;
    assert!(wrong.status == 401 && wrong.has("This password is wrong") && set_cookie(&wrong).is_none());
    let seen = browser
        .post(
            &house,
            "/account/confirm",
            &[("password", OLD), ("next", "//evil.example")],
        )
        .await;
    assert_eq!(seen.header("location"), "/account", "r_13");
    let (value, _) = set_cookie(&seen).unwrap();
    let browser = Browser::of(&house, house.desk.browser_caller(&value).unwrap());
    let listed = house.desk.sessions(browser.caller.user);
    assert_eq!(listed.len(), 2, "the session that asked has ended");
    let other = listed
        .iter()
        .find(|view| view.id != browser.caller.session)
        .unwrap();
    let id = other.id.to_string();
    let seen = browser
        .post(&house, "/account/sessions/end", &[("session", &id)])
        .await;
    assert_eq!((seen.status, seen.header("location")), (303, "/account/sessions"));
    assert_eq!(house.desk.sessions(browser.caller.user).len(), 1);
    let seen = browser.post(&house, "/account/sessions/end-all", &[]).await;
    assert!(seen.status == 200 && seen.has("You are signed out"));
    assert!(house.desk.sessions(browser.caller.user).is_empty());
}

#[tokio::test]
async fn s_17_signing_out_ends_the_session_and_empties_the_browser() {
    let house = house().await;
    let browser = Browser::signed_in(&house).await;
    let seen = browser.post(&house, "/account/sign-out", &[]).await;
    assert_eq!(seen.status, 200);
    assert_eq!(seen.header("clear-site-data"), "\"cache\", \"storage\"");
    assert_eq!(set_cookie(&seen).unwrap().0, "");
    assert_eq!(browser.get(&house, "/account").await.status, 303);
    let again = browser.post(&house, "/account/sign-out", &[]).await;
    assert_eq!(again.status, 200, "the button of an old page says the same");
}

#[tokio::test]
async fn a_session_in_use_does_not_end_as_idle_and_costs_few_events() {
    let house = house().await;
    let browser = Browser::signed_in(&house).await;
    let before = house.events();
    for _ in 0..5 {
        assert_eq!(browser.get(&house, "/account").await.status, 200);
    }
    assert_eq!(house.events(), before, "looking costs nothing");
    for day in 1..30 {
        house.clock.advance(Span::days(1));
        assert_eq!(browser.get(&house, "/account").await.status, 200, "day {day}");
    }
    assert_eq!(house.events(), before + 29);
    house.clock.advance(Span::days(1));
    assert_eq!(
        browser.get(&house, "/account").await.status,
        303,
        "S-04: the absolute end"
    );
    let idle = Browser::signed_in(&house).await;
    house.clock.advance(Span::days(7));
    assert_eq!(idle.get(&house, "/account").await.status, 303);
}

#[tokio::test]
async fn an_account_speaks_its_owners_language_unless_another_one_is_chosen() {
    let house = House::open();
    let form = SignUpForm {
        address: address(OWNER),
        password: SecretString::from(OLD),
        name: PersonName::parse("에이다").unwrap(),
        locale: Some(crate::types::Locale::Ko),
    };
    assert!(house.desk.sign_up(form, &visitor()).await.is_ok());
    let browser = Browser::signed_in(&house).await;
    let headers = [("cookie", &*browser.cookie), ("accept-language", "en")];
    let seen = house.ask(Method::GET, "/account", &headers, String::new()).await;
    assert!(seen.has("내 계정") && seen.has("에이다"));
    let seen = browser.get(&house, "/account?lang=en").await;
    assert!(seen.has("Your account") && seen.has("href=\"/account/sessions?lang=en\""));
}

#[tokio::test]
async fn name_and_language_are_changed_and_told_back() {
    let house = house().await;
    let browser = Browser::signed_in(&house).await;
    let seen = browser.get(&house, "/account/profile").await;
    assert!(seen.has("value=\"Ada\"") && seen.has("<option value=\"en\" lang=\"en\" selected>"));
    let wrong = browser
        .post(
            &house,
            "/account/profile",
            &[("name", "A\u{202e}da"), ("language", "ko")],
        )
        .await;
    assert!(wrong.status == 400 && wrong.has("name-error"));
    let fields = [("name", "에이다"), ("language", "ko")];
    let seen = browser.post(&house, "/account/profile", &fields).await;
    assert_eq!((seen.status, seen.header("location")), (303, "/account"));
    let seen = browser.get(&house, "/account").await;
    assert!(seen.has("에이다") && seen.has("내 계정"));
    let seen = browser.get(&house, "/account/activity").await;
    assert!(seen.has("이름 또는 언어 변경"));
    browser
        .post(&house, "/account/profile", &[("name", " "), ("language", "en")])
        .await;
    let profile = house.desk.profile(browser.caller.user).unwrap();
    assert_eq!((profile.name, profile.locale), (None, crate::types::Locale::En));
}
