use super::*;
use keyledger::types::Span;
use serde_json::json;

/// The link's secret and the code of a fresh recovery mail.
async fn recovery(house: &House) -> (String, String) {
    house
        .submit("/recover/request", &[("email", ADA)])
        .await
        .expect(200);
    let mail = house.next_mail_of("password_reset").await;
    let (path, fragment) = house.behind(&mail.link().unwrap());
    assert_eq!(path, "/recover");
    let secret = fragment.strip_prefix("t=").unwrap().to_owned();
    (secret, mail.code().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn r_24_scanners_and_prefetching_browsers_spend_nothing() {
    let house = House::start().await;
    house.sign_up(ADA, OLD).await;
    let (secret, _) = recovery(&house).await;
    house.settled().await;
    let before = house.events().len();
    for path in PAGES {
        for method in ["GET", "HEAD", "OPTIONS"] {
            // Some scanners send the fragment as a query.
            for query in [String::new(), format!("?t={secret}")] {
                let target = format!("{path}{query}");
                let looked = house.call(method, &target).without("X-API-Key");
                let looked = looked.header("Sec-Purpose", "prefetch").await.expect(200);
                assert!(!looked.shows(&secret), "{method} {target}");
            }
        }
    }
    assert_eq!(house.events().len(), before);
    let form = [("token", &*secret), ("password", NEW), ("repeat", NEW)];
    house.submit("/recover", &form).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_25_a_page_that_was_opened_in_time_gives_nothing_when_its_link_has_died() {
    let house = House::start().await;
    house.sign_up(ADA, OLD).await;
    let (first, _) = recovery(&house).await;
    house.page("/recover").await.expect(200);
    let (second, _) = recovery(&house).await;
    let dead = house
        .submit("/recover", &[("token", &*first), ("password", NEW)])
        .await
        .expect(404);
    assert!(dead.shows("action=\"/recover/request\"") && !dead.shows(&first));
    house.advance(Span::hours(24));
    let late = house
        .submit("/recover", &[("token", &*second), ("password", NEW)])
        .await
        .expect(401);
    assert!(late.shows("too old") && late.shows("action=\"/recover/request\""));
    house.sign_in(ADA, OLD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_30_the_page_asks_whoever_has_a_second_factor_for_it_and_nobody_else() {
    let house = House::start().await;
    let access = house.sign_up(ADA, OLD).await.text("accessToken");
    let mail = house.next_mail_of("email_verification").await;
    let verify = json!({"email": ADA, "token": mail.code().unwrap()});
    house
        .post("/v1/auth/email/verify/confirm", verify)
        .await
        .expect(200);
    let enable = json!({"password": OLD, "email": "elsewhere@example.net"});
    let begun = house
        .post("/v1/auth/mfa/email/enable", enable)
        .bearer(&access)
        .await
        .expect(200);
    let text = house.next_mail_of("email_otp").await.text_part().unwrap();
    let code = text
        .lines()
        .find(|line| line.len() == 6 && line.parse::<u32>().is_ok());
    let confirm = json!({"challengeId": begun.text("challengeId"), "code": code});
    let confirmed = house
        .post("/v1/auth/mfa/email/confirm", confirm)
        .bearer(&access)
        .await
        .expect(200);
    let paper = confirmed.json["backupCodes"][0].as_str().unwrap().to_owned();
    assert!(!house.page("/recover").await.expect(200).shows("name=\"factor\""));
    let (secret, _) = recovery(&house).await;
    let form = [("token", &*secret), ("password", NEW), ("repeat", NEW)];
    let asked = house.submit("/recover", &form).await.expect(403);
    assert!(
        asked.shows("name=\"factor\"") && asked.shows(&secret),
        "nothing was spent"
    );
    let with = |code| [form[0], form[1], form[2], ("factor", code)];
    let wrong = house.submit("/recover", &with("000000")).await.expect(401);
    assert!(wrong.shows("This code is wrong or was used before"));
    house.submit("/recover", &with(&*paper)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_36_r_38_the_button_ends_every_session_and_signs_nobody_in() {
    let house = House::start().await;
    let access = house.sign_up(ADA, OLD).await.text("accessToken");
    let (secret, _) = recovery(&house).await;
    let form = [("token", &*secret), ("password", NEW), ("repeat", NEW)];
    let done = house.submit("/recover", &form).await.expect(200);
    assert!(done.shows("Your password is changed"));
    assert_eq!((done.header("Set-Cookie"), done.header("Location")), (None, None));
    for told in [&*secret, NEW, "eyJ"] {
        assert!(!done.shows(told));
    }
    house.me(&access).await.expect_code(401, "auth/session-expired");
    house
        .sign_in(ADA, OLD)
        .await
        .expect_code(401, "auth/invalid-credentials");
    house.sign_in(ADA, NEW).await.expect(200);
    house.next_mail_of("password_changed").await;
    house.submit("/recover", &form).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_34_without_javascript_the_code_is_typed_as_people_type() {
    let house = House::start().await;
    house.sign_up(ADA, OLD).await;
    let (_, code) = recovery(&house).await;
    let opened = house.page("/recover").await.expect(200);
    assert!(opened.shows("name=\"email\"") && opened.shows("name=\"code\"") && opened.shows("<noscript>"));
    let typed = code
        .to_lowercase()
        .replace('-', " \u{2013} ")
        .replace('1', "I")
        .replace('0', "o");
    let typed = format!(" {typed} ");
    let form = [
        ("email", "ADA@example.org"),
        ("code", &*typed),
        ("password", NEW),
        ("repeat", NEW),
    ];
    house.submit("/recover", &form).await.expect(200);
    house.sign_in(ADA, NEW).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_41_p_14_the_new_password_is_asked_twice_or_shown() {
    let house = House::start().await;
    house.sign_up(ADA, OLD).await;
    let (secret, _) = recovery(&house).await;
    let page = house.page("/recover").await.expect(200);
    for offered in [
        "type=\"password\" autocomplete=\"new-password\"",
        "autocomplete=\"one-time-code\"",
        "data-show=\"password\"",
        "Use at least 8 characters.",
    ] {
        assert!(page.shows(offered), "{offered}");
    }
    for repeat in ["", OLD] {
        let form = [("token", &*secret), ("password", NEW), ("repeat", repeat)];
        let refused = house.submit("/recover", &form).await.expect(400);
        assert!(refused.shows("id=\"repeat-error\""));
    }
    // Whoever had it shown sends it once; nothing was spent by the mistakes.
    house
        .submit("/recover", &[("token", &*secret), ("password", NEW)])
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_told_in_the_readers_language() {
    let house = House::start().await;
    house.sign_up(ADA, OLD).await;
    let (secret, _) = recovery(&house).await;
    let form = [("token", &*secret), ("password", "가나")];
    let refused = house
        .submit("/recover", &form)
        .header("Accept-Language", "ko-KR,en;q=0.5")
        .await
        .expect(400);
    let html = refused.html();
    assert!(html.contains("<html lang=\"ko\""));
    let (_, fault) = html.split_once("id=\"password-error\"").unwrap();
    let (fault, _) = fault.split_once("</div>").unwrap();
    assert_eq!(
        fault.matches("<li>").count(),
        5,
        "length, upper, lower, digit, symbol: {fault}"
    );
    let form = [("token", &*secret), ("password", NEW)];
    house.submit("/recover", &form).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_01_the_page_after_asking_is_the_same_for_everybody() {
    let house = House::start().await;
    house.sign_up(ADA, OLD).await;
    let mut answers = vec![];
    for email in [ADA, "nobody@example.org"] {
        for path in ["/recover/request", "/verify/request"] {
            let answer = house.submit(path, &[("email", email)]).await.expect(200);
            let mut headers = answer.headers;
            headers.retain(|(name, _)| name != "date" && name != "x-request-id");
            answers.push((path, headers, answer.bytes));
        }
    }
    assert_eq!(answers[..2], answers[2..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn s_09_forms_from_other_sites_do_nothing() {
    let house = House::start().await;
    house.sign_up(ADA, OLD).await;
    let (secret, _) = recovery(&house).await;
    let form = [("token", &*secret), ("password", NEW)];
    let cross = house
        .submit("/recover", &form)
        .header("Sec-Fetch-Site", "cross-site")
        .await;
    cross.expect(403);
    let foreign = house
        .submit("/recover", &form)
        .without("Sec-Fetch-Site")
        .header("Origin", "https://evil.example")
        .await;
    foreign.expect(403);
    house.sign_in(ADA, OLD).await.expect(200);
    let own = format!("http://{}", house.addr());
    house
        .submit("/recover", &form)
        .header("Origin", &own)
        .await
        .expect(200);
}
