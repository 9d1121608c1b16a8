//! Getting back in through the pages, without a script.

use super::guides::follow_guide_000;
use super::*;

/// Walks to the page that waits for the mail.
async fn ask(browser: &mut Browser<'_>, email: &str) -> Shown {
    browser.open(RECOVERY).await.expect_field("identifier");
    let waiting = browser.submit(RECOVERY, &[("identifier", email)]).await;
    waiting.expect_field("code")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_replaced_by_the_code_of_the_mail() {
    let house = House::start().await;
    let access = house.resident().await;
    let mut browser = Browser::new(&house);
    let sign_in = browser.open(SIGN_IN).await.expect("Forgot password?");
    assert!(sign_in.shows(&format!("href=\"{RECOVERY}\"")));
    ask(&mut browser, ADA).await;
    let (_, code) = house.mailed_recovery().await;
    browser
        .submit(RECOVERY, &[("code", &code.to_lowercase())])
        .await
        .expect_field("password")
        .expect(&format!("Continue as {ADA}"))
        .expect("Use at least 8 characters.");
    let form = [("password", NEW), ("password_repeat", NEW)];
    let done = browser.submit(RECOVERY, &form).await;
    assert!(done.at.starts_with(SIGN_IN), "{}", done.at);
    done.expect("every session of your account has ended");
    // nobody is signed in, and nobody stays so.
    assert!(!browser.is_signed_in());
    house.me(&access).await.expect_code(401, "auth/session-expired");
    house.sign_in(ADA, OLD).await.expect(401);
    house.sign_in(ADA, NEW).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_24_the_link_leads_on_in_any_other_browser_and_spends_nothing_before_the_end() {
    let house = House::start().await;
    house.resident().await;
    let mut asking = Browser::new(&house);
    ask(&mut asking, ADA).await;
    let (secret, _) = house.mailed_recovery().await;
    house.settled().await;
    let before = house.events().len();
    let mut another = Browser::new(&house);
    for path in ["/recover", RECOVERY, SIGN_IN] {
        another.open(path).await;
        another.open(&format!("{path}?t={secret}")).await;
    }
    assert_eq!(house.events().len(), before, "opening pages does nothing");
    another.open("/recover").await.expect_field("token");
    another
        .submit("/recover", &[("token", &secret)])
        .await
        .expect_field("password");
    assert_eq!(
        house.events().len(),
        before,
        "the link is looked at, and not spent"
    );
    // The first browser goes on as well: whoever finishes first has it.
    let form = [("password", NEW), ("password_repeat", NEW)];
    let done = another.submit(RECOVERY, &form).await;
    done.expect("every session of your account has ended");
    let dead = asking.submit(RECOVERY, &[("code", &secret)]).await;
    assert_eq!(dead.status, 400);
    dead.expect("no longer works");
}

#[tokio::test(flavor = "multi_thread")]
async fn r_25_a_page_that_was_opened_in_time_gives_nothing_when_its_link_has_died() {
    let house = House::start().await;
    house.resident().await;
    let mut browser = Browser::new(&house);
    ask(&mut browser, ADA).await;
    let (secret, _) = house.mailed_recovery().await;
    browser
        .submit("/recover", &[("token", &secret)])
        .await
        .expect_field("password");
    // A newer mail voids the older one, also for whoever stands behind it already.
    let mut other = Browser::new(&house);
    ask(&mut other, ADA).await;
    house.mailed_recovery().await;
    let form = [("password", NEW), ("password_repeat", NEW)];
    let refused = browser.submit(RECOVERY, &form).await;
    assert!(!refused.shows("has ended"), "{}", refused.html);
    house.sign_in(ADA, OLD).await.expect(200);
    let dead = browser.submit("/recover", &[("token", &secret)]).await;
    assert_eq!(dead.status, 404);
    // A dead link leads to a new mail: the form is the flow's first stage.
    dead.expect(&format!("action=\"{RECOVERY}\""));
    browser.open(&format!("{RECOVERY}?anew")).await;
    browser
        .submit(RECOVERY, &[("email", ADA)])
        .await
        .expect_field("code");
}

#[tokio::test(flavor = "multi_thread")]
async fn r_01_the_pages_are_the_same_for_everybody() {
    let house = House::start().await;
    house.resident().await;
    let mut seen = vec![];
    for who in [ADA, NOBODY] {
        let mut browser = Browser::new(&house);
        let waiting = ask(&mut browser, who).await;
        let wrong = browser.submit(RECOVERY, &[("code", "AAAAA-AAAAA")]).await;
        assert_eq!(wrong.status, 400);
        let again = browser.submit(RECOVERY, &[("resend", "true")]).await;
        let pages = [waiting, wrong, again].map(|page| (page.status, page.html.replace(who, "?")));
        seen.push(pages);
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_30_a13_a_second_factor_is_asked_before_the_password_and_again_by_the_write_stage() {
    let house = House::start().await;
    let access = house.resident().await;
    let paper = house.add_mailbox(&access).await;
    let mut browser = Browser::new(&house);
    ask(&mut browser, ADA).await;
    let (secret, _) = house.mailed_recovery().await;
    let asked = browser.submit("/recover", &[("token", &secret)]).await;
    assert!(asked.asks("code") && !asked.asks("password") && !asked.asks("send"));
    for code in ["000000", &secret] {
        let wrong = browser.submit(RECOVERY, &[("code", code)]).await;
        assert_eq!(wrong.status, 400, "{code}");
        wrong.expect("wrong or was used before");
    }
    browser
        .submit(RECOVERY, &[("code", &paper)])
        .await
        .expect_field("password");
    house.sign_in(ADA, OLD).await.expect(403);
    let form = [("password", NEW), ("password_repeat", NEW)];
    let done = browser.submit(RECOVERY, &form).await;
    done.expect("every session of your account has ended");
    // the factor stays, and the code is spent once.
    let body = json!({ "email": ADA, "password": NEW, "mfaCode": paper });
    house
        .post("/v1/auth/email/signin", body)
        .await
        .expect_code(401, "auth/invalid-mfa-code");
}

#[tokio::test(flavor = "multi_thread")]
async fn r_41_the_repeated_password_is_compared_if_it_was_sent_and_every_broken_rule_is_told() {
    let house = House::start().await;
    house.resident().await;
    let mut browser = Browser::new(&house);
    ask(&mut browser, ADA).await;
    let (secret, _) = house.mailed_recovery().await;
    browser.submit("/recover", &[("token", &secret)]).await;
    for repeat in ["", OLD] {
        let form = [("password", NEW), ("password_repeat", repeat)];
        let refused = browser.submit(RECOVERY, &form).await;
        assert_eq!(refused.status, 400);
        refused.expect("The two passwords are not the same");
    }
    browser.language = "ko";
    let refused = browser.submit(RECOVERY, &[("password", "가나")]).await;
    let (_, fault) = refused.html.split_once("id=\"password-error\"").unwrap();
    let (fault, _) = fault.split_once("</div>").unwrap();
    assert_eq!(fault.matches("<li>").count(), 5, "{fault}");
    assert!(!refused.shows("가나\""), "a password is never shown");
    // Whoever had it shown sends it once; nothing was spent by the mistakes.
    let done = browser.submit(RECOVERY, &[("password", NEW)]).await;
    assert!(done.at.starts_with(SIGN_IN));
    house.sign_in(ADA, NEW).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mail_of_a_stage_lives_as_long_as_the_stage_says() {
    let house = House::start().await;
    house.resident().await;
    let mut browser = Browser::new(&house);
    ask(&mut browser, ADA).await.expect("within 30 minutes");
    let (secret, _) = house.mailed_recovery().await;
    house.advance(Span::minutes(31));
    let late = browser.submit("/recover", &[("token", &secret)]).await;
    assert_eq!(late.status, 401);
    late.expect("too old");
}

#[tokio::test(flavor = "multi_thread")]
async fn s_09_forms_from_other_sites_do_nothing() {
    let house = House::start().await;
    house.resident().await;
    for (name, value) in [
        ("Sec-Fetch-Site", "cross-site"),
        ("Origin", "https://evil.example"),
    ] {
        let refused = house
            .call("POST", SIGN_IN)
            .without("X-API-Key")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header(name, value)
            .body(b"identifier=ada%40example.org".to_vec())
            .await
            .expect(403);
        assert_eq!(refused.header("Set-Cookie"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r_30_r_31_a_recovery_without_a_validation_stage_asks_for_the_second_factor_before_the_new_password()
{
    let house = House::start().await;
    let access = house.resident().await;
    let paper = house.add_mailbox(&access).await;
    follow_guide_000(&house).await;
    let path = "/flow/password-recovery-flow";
    let mut browser = Browser::new(&house);
    browser.open(path).await;
    browser.submit(path, &[("identifier", ADA)]).await;
    let (secret, code) = house.mailed_recovery().await;
    // Where the mail was asked for, and on another device.
    let mut phone = Browser::new(&house);
    let here = browser.submit(path, &[("code", &code)]).await;
    let there = phone.submit("/recover", &[("token", &secret)]).await;
    for asked in [&here, &there] {
        assert_eq!(asked.at, path);
        assert!(asked.asks("code") && !asked.asks("password"), "{}", asked.html);
    }
    // A password that is sent all the same is looked at by nobody: the present one is refused like any other.
    let mut said = vec![];
    for guess in [OLD, NEW, "short"] {
        let form = [("password", guess), ("password_repeat", guess)];
        let refused = phone.submit(path, &form).await;
        said.push((refused.status, refused.html));
    }
    assert!(said.iter().all(|page| *page == said[0]), "{said:?}");
    assert_eq!(said[0].0, 400);
    phone
        .submit(path, &[("code", &paper)])
        .await
        .expect_field("password");
    let same = phone.submit(path, &[("password", OLD)]).await;
    same.expect("It is your current password");
    let done = phone.submit(path, &[("password", NEW)]).await;
    assert!(done.at.starts_with(SIGN_IN), "{}", done.html);
    // The factor is still there, and the code is spent.
    house
        .sign_in(ADA, NEW)
        .await
        .expect_code(403, "auth/mfa-required");
    let body = json!({ "email": ADA, "password": NEW, "mfaCode": paper });
    house
        .post("/v1/auth/email/signin", body)
        .await
        .expect_code(401, "auth/invalid-mfa-code");
}

#[tokio::test(flavor = "multi_thread")]
async fn r_30_r_31_a_program_is_asked_for_the_second_factor_before_the_new_password_in_every_recovery() {
    let house = House::start().await;
    let access = house.resident().await;
    let paper = house.add_mailbox(&access).await;
    follow_guide_000(&house).await;
    let mut program = Program::begin(&house, "password-recovery-flow").await;
    program.answer(json!({ "email": ADA })).await.expect("email_sent");
    let (secret, _) = house.mailed_recovery().await;
    program
        .answer(json!({ "token": secret }))
        .await
        .expect("authenticator_validate");
    assert_eq!(program.last["challenge"]["deviceClasses"], json!(["static"]));
    let mut said = vec![];
    for guess in [OLD, NEW] {
        program.answer(json!({ "password": guess })).await;
        program.expect("authenticator_validate");
        said.push(program.last["challenge"].clone());
    }
    assert_eq!(said[0], said[1]);
    program.answer(json!({ "code": paper })).await.expect("prompt");
    program.answer(json!({ "password": OLD })).await.expect("prompt");
    assert_eq!(program.error().1, "auth/same-as-previous-password");
    program.answer(json!({ "password": NEW })).await;
    assert!(program.last["done"]["redirect"].is_string(), "{}", program.last);
    house
        .sign_in(ADA, NEW)
        .await
        .expect_code(403, "auth/mfa-required");
}
