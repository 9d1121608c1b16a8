//! The pages of an account, and what they do.

use super::look::{tags, values};
use super::member::{Browser, house};
use super::*;

const PAGES: [&str; 9] = [
    "/account",
    "/account/addresses",
    "/account/profile",
    "/account/password",
    "/account/factors",
    "/account/sessions",
    "/account/activity",
    "/account/confirm",
    "/account/close",
];

#[tokio::test]
async fn r_33_s_17_every_page_of_an_account_keeps_to_itself() {
    let house = house().await;
    let browser = Browser::signed_in(&house).await;
    for path in PAGES {
        for lang in ["en", "ko"] {
            let seen = browser.get(&house, &format!("{path}?lang={lang}")).await;
            assert_eq!(seen.status, 200, "{path}");
            assert_eq!(seen.header("cache-control"), "no-store", "{path}");
            assert_eq!(
                seen.header("content-security-policy"),
                super::super::look::CONTENT_SECURITY_POLICY
            );
            assert_eq!(seen.header("referrer-policy"), "no-referrer", "{path}");
            let html = &seen.body;
            assert!(!html.contains(" style=") && !html.contains("<style"), "{path}");
            let ids = values(html, "id");
            for described in values(html, "aria-describedby")
                .iter()
                .flat_map(|all| all.split(' '))
            {
                assert!(ids.contains(&described), "{path}: {described}");
            }
            let labels = values(html, "for");
            for input in tags(html, "input") {
                let tag = format!(" {input}");
                assert!(
                    tag.contains("type=\"hidden\"") || labels.contains(&values(&tag, "id")[0]),
                    "{path}"
                );
            }
            let forms = html.matches("<form ").count();
            let secrets = html
                .matches(&format!("name=\"form\" value=\"{}\"", browser.form))
                .count();
            assert_eq!(
                forms, secrets,
                "{path}: every form carries the secret of its session"
            );
            assert!(
                html.contains("<a class=\"skip\" href=\"#main\">") && html.contains("aria-current=\"page\"")
                    || ["/account/confirm", "/account/close", "/account/profile"].contains(&path),
                "{path}"
            );
        }
    }
    for path in PAGES {
        let seen = house.get(path).await;
        assert_eq!(seen.status, 303, "{path}");
        assert_eq!(
            seen.header("location"),
            format!("/flow/default-authentication-flow?next={path}")
        );
    }
}

#[tokio::test]
async fn r_41_a_password_is_changed_by_whoever_knows_the_old_one_and_everybody_is_signed_out() {
    let house = house().await;
    let browser = Browser::signed_in(&house).await;
    let try_it = async |current: &str, new: &str, repeat: &str| {
        let fields = [("current", current), ("password", new), ("repeat", repeat)];
        browser.post(&house, "/account/password", &fields).await
    };
    for (seen, status, told) in [
        (try_it("", NEW, NEW).await, 400, "Enter your current password"),
        (try_it(OLD, NEW, "other").await, 400, "not the same"),
        (try_it(OLD, "", "").await, 400, "Enter a new password"),
        (try_it("wrong", NEW, NEW).await, 401, "This password is wrong"),
        (try_it(OLD, "short", "short").await, 400, "at least 8 characters"),
        (try_it(OLD, OLD, OLD).await, 400, "your current password"),
    ] {
        assert_eq!(seen.status, status, "{told}");
        assert!(seen.has(told) && seen.has("aria-invalid"), "{told}");
        assert!(!seen.has(NEW) && !seen.has(OLD), "nothing secret comes back");
    }
    let seen = try_it(OLD, NEW, NEW).await;
    assert!(seen.status == 200 && seen.has("Sign in with the new one"));
    assert!(seen.header("set-cookie").contains("Max-Age=0"));
    assert!(house.desk.sessions(browser.caller.user).is_empty());
    assert!(house.opens(NEW).await && !house.opens(OLD).await);
}

#[tokio::test]
async fn m_07_factors_are_added_and_removed_by_whoever_signed_in_just_now() {
    let house = house().await;
    let browser = Browser::signed_in(&house).await;
    house.clock.advance(Span::minutes(10));
    for path in ["app", "mail", "codes", "remove"] {
        let seen = browser
            .post(&house, &format!("/account/factors/{path}"), &[("kind", "totp")])
            .await;
        assert_eq!(
            seen.header("location"),
            "/account/confirm?next=/account/factors",
            "{path}"
        );
    }
    let browser = Browser::signed_in(&house).await;
    let seen = browser.post(&house, "/account/factors/app", &[]).await;
    assert_eq!(seen.header("location"), "/account/factors/app");
    let seen = browser.get(&house, "/account/factors/app").await;
    assert!(seen.has("<svg class=\"qr\"") && seen.has("otpauth:"));
    let again = browser.get(&house, "/account/factors/app").await;
    assert_eq!(seen.body, again.body, "opened again it shows the same app");
    let other = Browser::signed_in(&house).await;
    let elsewhere = other.get(&house, "/account/factors/app").await;
    assert_eq!(elsewhere.status, 303, "M-03: another session sees nothing of it");
    let wrong = browser
        .post(&house, "/account/factors/app/confirm", &[("code", "000000")])
        .await;
    assert!(wrong.status == 401 && wrong.has("wrong or too old") && wrong.has("<svg class=\"qr\""));
    let code = code_of_begun_app(&house, browser.caller);
    let seen = browser
        .post(&house, "/account/factors/app/confirm", &[("code", &code)])
        .await;
    assert_eq!(seen.body.matches("<li><code>").count(), 10, "shown once");
    let seen = browser.get(&house, "/account/factors").await;
    assert!(seen.has("10 left") && !seen.has("action=\"/account/factors/app\""));
    let seen = browser
        .post(&house, "/account/factors/remove", &[("kind", "totp")])
        .await;
    assert_eq!(seen.status, 303);
    assert!(house.desk.factors(browser.caller.user).is_empty());
}

#[tokio::test]
async fn a_mailbox_is_added_by_the_code_that_went_to_it() {
    let house = house().await;
    let browser = Browser::signed_in(&house).await;
    let wrong = browser
        .post(&house, "/account/factors/mail", &[("email", "nobody")])
        .await;
    assert!(wrong.status == 400 && wrong.has("value=\"nobody\"") && wrong.has("email-error"));
    let seen = browser
        .post(
            &house,
            "/account/factors/mail",
            &[("email", "ada@elsewhere.example")],
        )
        .await;
    assert_eq!(seen.header("location"), "/account/factors/mail");
    let seen = browser.get(&house, "/account/factors/mail").await;
    assert!(seen.has("six digits") && !seen.has("ada@elsewhere"), "masked");
    let wrong = browser
        .post(&house, "/account/factors/mail/confirm", &[("code", "12")])
        .await;
    assert!(wrong.status == 401 && wrong.has("code-error"));
}

#[tokio::test]
async fn s_08_a_second_address_is_added_by_its_code_made_the_main_one_and_the_first_removed() {
    let house = house().await;
    let browser = Browser::signed_in(&house).await;
    house.clock.advance(Span::minutes(10));
    let post = async |browser: &Browser, path: &str, field: (&str, &str)| {
        let path = format!("/account/addresses{path}");
        browser.post(&house, &path, &[field]).await
    };
    let none = "00000000-0000-0000-0000-000000000000";
    for (path, field) in [
        ("", ("email", "ada@elsewhere.example")),
        ("/remove", ("address", none)),
        ("/primary", ("address", none)),
    ] {
        let seen = post(&browser, path, field).await;
        assert_eq!(
            seen.header("location"),
            "/account/confirm?next=/account/addresses",
            "{path}"
        );
    }
    let (_, code) = house.mailed(Purpose::VerifyEmail, SecretLabel::VerifyEmail);
    let seen = house.post("/verify", &[("token", &code), ("email", OWNER)]).await;
    assert_eq!(seen.status, 200, "a first address that is proven");
    let browser = Browser::signed_in(&house).await;
    let wrong = post(&browser, "", ("email", "nobody")).await;
    assert!(wrong.status == 400 && wrong.has("value=\"nobody\"") && wrong.has("email-error"));
    let own = post(&browser, "", ("email", OWNER)).await;
    assert!(own.status == 409 && own.has("yours already"));
    let seen = post(&browser, "", ("email", "ada@elsewhere.example")).await;
    assert_eq!(
        seen.header("location"),
        "/account/addresses",
        "{} {}",
        seen.status,
        seen.body
    );
    let seen = browser.get(&house, "/account/addresses").await;
    assert!(seen.has("ada@elsewhere.example") && seen.has("action=\"/account/addresses/confirm\""));
    let wrong = post(&browser, "/confirm", ("code", "AAAAA-AAAAA")).await;
    assert!(wrong.status == 404 && wrong.has("code-error"));
    let (_, code) = house.mailed(Purpose::AddAddress, SecretLabel::AddAddress);
    let seen = post(&browser, "/confirm", ("code", &code)).await;
    assert_eq!(seen.header("location"), "/account/addresses");
    let id_of = |text: &str| {
        let mut views = house.desk.addresses(browser.caller.user).into_iter();
        let found = views.find(|view| view.email.as_typed() == text);
        found.unwrap().id.to_string()
    };
    let second = id_of("ada@elsewhere.example");
    let seen = post(&browser, "/primary", ("address", &second)).await;
    assert_eq!(seen.status, 303, "{}", seen.body);
    let first = id_of(OWNER);
    let seen = post(&browser, "/remove", ("address", &first)).await;
    assert_eq!(seen.status, 303, "{}", seen.body);
    let left = house.desk.addresses(browser.caller.user);
    assert!(left.len() == 1 && left[0].is_primary && left[0].email.as_typed() == "ada@elsewhere.example");
    let seen = browser.get(&house, "/account/activity").await;
    assert!(seen.has("E-mail address added") && seen.has("Main e-mail address changed"));
}

#[tokio::test]
async fn an_account_is_closed_by_whoever_signed_in_just_now_and_its_browser_signed_out() {
    let house = house().await;
    let browser = Browser::signed_in(&house).await;
    let seen = browser.get(&house, "/account/close").await;
    assert!(seen.has("72 hours"));
    house.clock.advance(Span::minutes(10));
    let seen = browser.post(&house, "/account/close", &[]).await;
    assert_eq!(seen.header("location"), "/account/confirm?next=/account/close");
    let browser = Browser::signed_in(&house).await;
    let seen = browser.post(&house, "/account/close", &[]).await;
    assert!(seen.status == 200 && seen.has("Your account is closed"));
    assert!(!house.opens(OLD).await);
}

#[tokio::test]
async fn activity_is_told_in_the_readers_language_with_device_and_address() {
    let house = house().await;
    assert!(!house.opens("wrong").await);
    let browser = Browser::signed_in(&house).await;
    let seen = browser.get(&house, "/account/activity?lang=ko").await;
    for told in ["로그인 실패", "로그인", "계정 생성"] {
        assert!(seen.has(told), "{told}");
    }
    let english = browser.get(&house, "/account/activity").await;
    assert!(english.has("Sign-in failed") && english.has("<time datetime=\"2026-03-01T10:00:00.000Z\">"));
}

#[test]
fn every_event_that_people_are_told_of_exists() {
    for (event, _) in super::super::account::TOLD {
        assert!(crate::ledger::codec::EVENT_NAMES.contains(&event), "{event}");
    }
}

/// The code that the app shows whose setting up this session has begun.
fn code_of_begun_app(house: &House, caller: crate::desk::Caller) -> String {
    let app = house.desk.begun_app(caller).unwrap();
    let secret = app.secret.expose_secret().to_owned();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: Vec<usize> = secret
        .chars()
        .flat_map(|c| {
            let value = alphabet.find(c).unwrap();
            (0..5).rev().map(move |bit| value >> bit & 1)
        })
        .collect();
    let seed: Vec<u8> = bits
        .chunks_exact(8)
        .map(|byte| u8::try_from(byte.iter().fold(0, |all, bit| all << 1 | bit)).unwrap())
        .collect();
    let step = house.desk.engine().clock().wall().0 / 30_000_000;
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &seed);
    let tag = ring::hmac::sign(&key, &step.to_be_bytes());
    let at = usize::from(tag.as_ref()[19] & 15);
    let word = u32::from_be_bytes(tag.as_ref()[at..at + 4].try_into().unwrap());
    format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
}

#[tokio::test]
async fn whoever_is_signed_out_before_a_form_is_sent_comes_back_to_a_page_and_not_to_a_form() {
    let house = house().await;
    let browser = Browser::signed_in(&house).await;
    house.desk.sign_out(browser.caller, &visitor()).await.unwrap();
    for (form, page) in [
        ("/account/addresses/remove", "/account/addresses"),
        ("/account/factors/codes", "/account/factors"),
        ("/account/factors/app/confirm", "/account/factors/app"),
        ("/account/sessions/end-others", "/account/sessions"),
        ("/account/profile", "/account/profile"),
    ] {
        let seen = browser.post(&house, form, &[]).await;
        assert_eq!(
            seen.header("location"),
            format!("/flow/default-authentication-flow?next={page}")
        );
    }
}
