//! Signing in through the pages, without a script.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_and_comes_to_the_account() {
    let house = House::start().await;
    house.resident().await;
    let mut browser = Browser::new(&house);
    let first = browser.open("/account").await;
    assert!(
        first.at.starts_with(SIGN_IN) && first.asks("identifier"),
        "{}",
        first.at
    );
    let asked = browser.submit(SIGN_IN, &[("identifier", ADA)]).await;
    assert!(asked.asks("password") && asked.shows("Signing in as"));
    let wrong = browser.submit(SIGN_IN, &[("password", NEW)]).await;
    assert_eq!(wrong.status, 400);
    wrong.expect("The name or the password is wrong.");
    assert!(!browser.is_signed_in(), "M-05");
    let done = browser.submit(SIGN_IN, &[("password", OLD)]).await;
    assert_eq!((done.status, done.at.as_str()), (200, "/account"));
    assert!(browser.is_signed_in());
    // The execution is over: going back shows nothing of it.
    let again = browser.open(SIGN_IN).await;
    assert!(again.asks("identifier"));
}

#[tokio::test(flavor = "multi_thread")]
async fn r_01_p_13_nobody_learns_who_has_an_account() {
    let house = House::start().await;
    house.resident().await;
    let mut seen = vec![];
    for who in [ADA, NOBODY] {
        let mut browser = Browser::new(&house);
        browser.open(SIGN_IN).await;
        let asked = browser.submit(SIGN_IN, &[("identifier", who)]).await;
        let wrong = browser.submit(SIGN_IN, &[("password", NEW)]).await;
        let pages = [asked, wrong].map(|page| (page.status, page.html.replace(who, "?")));
        seen.push(pages);
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn m_05_m_06_a_second_factor_is_asked_after_the_password_and_opens_the_session() {
    let house = House::start().await;
    let access = house.resident().await;
    house.add_mailbox(&access).await;
    let mut browser = Browser::new(&house);
    browser.open(SIGN_IN).await;
    browser.submit(SIGN_IN, &[("identifier", ADA)]).await;
    let asked = browser.submit(SIGN_IN, &[("password", OLD)]).await;
    assert!(asked.asks("code") && !browser.is_signed_in(), "{}", asked.html);
    let first = house.mailed_factor_code().await;
    browser.submit(SIGN_IN, &[("send", "email")]).await;
    let second = house.mailed_factor_code().await;
    let old = browser.submit(SIGN_IN, &[("code", &first)]).await;
    assert_eq!(old.status, 400, "a newer code kills the older one");
    assert!(!browser.is_signed_in());
    let before = browser.cookies.clone();
    let done = browser.submit(SIGN_IN, &[("code", &second)]).await;
    assert_eq!(done.at, "/account");
    assert!(browser.is_signed_in());
    // A sign-in that went on is not told as one that failed.
    let told = browser.open("/account/activity").await;
    assert!(told.shows("Password accepted") && !told.shows("Sign-in failed"));
    // M-01, A24: the execution as it was before opens nothing more.
    let mut thief = Browser::new(&house);
    thief.cookies = before;
    let refused = thief.submit(SIGN_IN, &[("code", &second)]).await;
    assert_eq!(refused.status, 400);
    assert!(!thief.is_signed_in());
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_wrong_passwords_end_the_flow_and_the_limits_hold_besides() {
    let house = House::start().await;
    house.resident().await;
    let mut browser = Browser::new(&house);
    browser.open(SIGN_IN).await;
    browser.submit(SIGN_IN, &[("identifier", ADA)]).await;
    for _ in 0..4 {
        browser
            .submit(SIGN_IN, &[("password", NEW)])
            .await
            .expect_field("password");
    }
    let ended = browser.submit(SIGN_IN, &[("password", NEW)]).await;
    assert_eq!(ended.status, 403);
    ended.expect("too many wrong tries").expect("Start again");
    browser.open(&format!("{SIGN_IN}?anew")).await;
    browser.submit(SIGN_IN, &[("identifier", ADA)]).await;
    let limited = browser.submit(SIGN_IN, &[("password", OLD)]).await;
    assert_eq!(limited.status, 429);
    assert!(limited.headers.iter().any(|(name, _)| name == "retry-after"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_out() {
    let house = House::start().await;
    house.resident().await;
    let mut browser = Browser::new(&house);
    browser.open(SIGN_IN).await;
    browser.submit(SIGN_IN, &[("identifier", ADA)]).await;
    browser.submit(SIGN_IN, &[("password", OLD)]).await;
    let leave = "/flow/default-invalidation-flow";
    browser.open(leave).await.expect("Sign out");
    assert!(browser.is_signed_in(), "opening the page ends nothing");
    let kept = browser.cookies.clone();
    let left = browser.submit(leave, &[]).await;
    left.expect("You are signed out.");
    assert!(!browser.is_signed_in());
    let mut thief = Browser::new(&house);
    thief.cookies = kept;
    assert!(thief.open("/account").await.at.starts_with(SIGN_IN), "S-03");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_made_without_a_word_about_addresses_that_have_one() {
    let house = House::start().await;
    house.resident().await;
    let enrol = "/flow/default-enrollment-flow";
    let mut seen = vec![];
    for email in [ADA, "eve@example.org"] {
        let mut browser = Browser::new(&house);
        browser.open(enrol).await.expect_field("email");
        let form = [
            ("name", "Eve"),
            ("email", email),
            ("password", NEW),
            ("password_repeat", NEW),
        ];
        let sent = browser.submit(enrol, &form).await.expect_field("code");
        seen.push(sent.html.replace(email, "?"));
        if email == ADA {
            house.next_mail_of("account_exists").await;
            continue;
        }
        let mail = house.next_mail_of("email_verification").await;
        let code = mail.code().unwrap();
        let done = browser.submit(enrol, &[("code", &code)]).await;
        assert!(done.at.starts_with(SIGN_IN), "{}", done.at);
        browser.submit(SIGN_IN, &[("identifier", email)]).await;
        let done = browser.submit(SIGN_IN, &[("password", NEW)]).await;
        assert_eq!(done.at, "/account");
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_changed_with_the_old_one() {
    let house = House::start().await;
    house.resident().await;
    let change = "/flow/default-password-change";
    let mut browser = Browser::new(&house);
    assert!(browser.open(change).await.at.starts_with(SIGN_IN));
    browser.submit(SIGN_IN, &[("identifier", ADA)]).await;
    let back = browser.submit(SIGN_IN, &[("password", OLD)]).await;
    assert_eq!(back.at, change, "back to where it was asked");
    let wrong = browser.submit(change, &[("password", NEW)]).await;
    assert_eq!(wrong.status, 400);
    browser
        .submit(change, &[("password", OLD)])
        .await
        .expect_field("password_repeat");
    let form = [("password", NEW), ("password_repeat", NEW)];
    let done = browser.submit(change, &form).await;
    done.expect("every session of your account has ended");
    house.sign_in(ADA, NEW).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_a_mailbox_and_recovery_codes_are_set_up() {
    let house = House::start().await;
    house.resident().await;
    let mut browser = Browser::new(&house);
    browser.open(SIGN_IN).await;
    browser.submit(SIGN_IN, &[("identifier", ADA)]).await;
    browser.submit(SIGN_IN, &[("password", OLD)]).await;
    // Guide 001: an address, a code in a mail, the code on the page; a resend kills the one before.
    let setup = "/flow/default-authenticator-email-setup";
    browser.open(setup).await.expect_field("email");
    let form = [("email", "elsewhere@example.net")];
    browser.submit(setup, &form).await.expect_field("code");
    let first = house.mailed_factor_code().await;
    browser
        .submit(setup, &[("resend", "true")])
        .await
        .expect_field("code");
    let second = house.mailed_factor_code().await;
    let wrong = browser.submit(setup, &[("code", &first)]).await;
    assert_eq!(wrong.status, 400);
    let codes = browser.submit(setup, &[("code", &second)]).await;
    assert_eq!(codes.html.matches("<li><code>").count(), 10, "{}", codes.html);
    let done = browser.submit(setup, &[]).await;
    assert_eq!(done.at, "/account");
    let setup = "/flow/default-authenticator-static-setup";
    browser.open(setup).await;
    let codes = browser.submit(setup, &[]).await;
    assert_eq!(codes.html.matches("<li><code>").count(), 10, "{}", codes.html);
    browser.submit(setup, &[]).await;
    let setup = "/flow/default-authenticator-totp-setup";
    browser.open(setup).await;
    let begun = browser.submit(setup, &[]).await.expect("otpauth:");
    assert!(begun.asks("code"));
    let wrong = browser.submit(setup, &[("code", "12345")]).await;
    assert_eq!(wrong.status, 400);
    wrong.expect("otpauth:");
}
