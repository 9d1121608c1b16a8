use keyledger::mail::sink::{Sink, SinkBehaviour};
use serde_json::json;

use super::*;
use crate::process::{Home, Server};

#[test]
fn the_real_program_gets_somebody_back_in_through_a_browser() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sink = runtime.block_on(Sink::start(SinkBehaviour::accepting())).unwrap();
    let home = Home::new(sink.addr());
    let keys = home.run(&["init"]).json(0);
    let server = Server::start(&home, keys["publishableKey"].as_str().unwrap());
    let ada = json!({ "email": ADA, "password": OLD, "name": "Ada" });
    let signed_up = server.post("/v1/auth/email/signup", &ada, None);
    assert_eq!(signed_up.status, 201, "{}", signed_up.body);
    let at = |path: &str| format!("http://{}{path}", server.address());
    runtime.block_on(async {
        let browser = Chromium::start("en", Scripts::On).await;
        browser.open(&at("/recover/request")).await;
        browser.fill("#identifier", ADA).await;
        browser.click("main button[type=submit]").await;
        let mails = sink.wait_for(2, crate::PATIENCE).await.unwrap();
        let reset = mails
            .iter()
            .find(|mail| mail.header("X-Keyledger-Mail").as_deref() == Some("password_reset"));
        let link = reset.expect("the mail came").link().unwrap();
        // The mail leads to the public address, which is a proxy's; here there is none.
        browser
            .open(&link.replace("https://id.example.org", &at("")))
            .await;
        browser.click("main button[type=submit]").await;
        browser.fill("#password", NEW).await;
        browser.fill("#password_repeat", NEW).await;
        browser.click("main button[type=submit]").await;
        browser.reads("Your password is changed").await;
        browser.fill("#identifier", ADA).await;
        browser.click("main button[type=submit]").await;
        browser.fill("#password", NEW).await;
        browser.click("main button[type=submit]").await;
        browser.arrives("/account").await;
        browser.quit().await;
    });
    let new = json!({ "email": ADA, "password": NEW });
    assert_eq!(server.post("/v1/auth/email/signin", &new, None).status, 200);
    server.terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn r_24_r_33_a_lost_password_is_replaced_by_the_link_in_another_browser() {
    let house = House::start().await;
    house.sign_up(ADA, OLD).await;
    let asking = Chromium::start("en", Scripts::On).await;
    let link = house.recovery_link(&asking).await;
    asking.reads("a mail with a link and a code is on its way").await;
    asking.quit().await;

    let browser = Chromium::start("en", Scripts::On).await;
    browser.open(&link).await;
    assert_eq!(
        browser.url().await,
        house.at("/recover"),
        "the secret left the bar"
    );
    assert!(!browser.sees("#code").await, "nothing has to be typed");
    browser.click("main button[type=submit]").await;
    browser.reads(&format!("Continue as {ADA}")).await;
    browser.fill("#password", "short").await;
    assert!(!browser.sees("li[data-rule=length_min].kept").await);
    browser.fill("#password", NEW).await;
    browser.finds("li[data-rule=length_min].kept").await;
    browser.finds("li[data-rule=amount_digits].kept").await;
    browser.fill("#password_repeat", "something else").await;
    browser.click("main button[type=submit]").await;
    browser.reads("not the same").await;
    browser.fill("#password", NEW).await;
    browser.click("[data-show=password]").await;
    assert!(
        !browser.sees("#password_repeat").await,
        "who sees it need not type it twice"
    );
    browser.click("main button[type=submit]").await;
    browser.reads("Your password is changed").await;
    house.sign_in(ADA, NEW).await.expect(200);
    house.sign_in(ADA, OLD).await.expect(401);

    // The same link once more, by the history and by the mail: it leads to a new one.
    browser.open("about:blank").await;
    house.come_by(&browser, &link).await;
    browser.reads("This link does not work").await;
    browser
        .finds("form[action='/flow/default-recovery-flow'] #email")
        .await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_24_a_scanner_that_runs_scripts_spends_nothing() {
    let house = House::start().await;
    house.sign_up(ADA, OLD).await;
    let scanner = Chromium::start("en", Scripts::On).await;
    let link = house.recovery_link(&scanner).await;
    house.settled().await;
    let before = house.events().len();
    for _ in 0..3 {
        scanner.open(&link).await;
        scanner.reload().await;
        scanner.back().await;
    }
    assert_eq!(house.events().len(), before);
    house.come_by(&scanner, &link).await;
    assert_eq!(house.events().len(), before, "nor does going on from it");
    scanner.reload().await;
    scanner.fill("#password", NEW).await;
    scanner.fill("#password_repeat", NEW).await;
    scanner.click("main button[type=submit]").await;
    scanner.reads("Your password is changed").await;
    scanner.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_34_without_scripts_the_code_is_typed() {
    let house = House::start().await;
    house.sign_up(ADA, OLD).await;
    let browser = Chromium::start("ko", Scripts::Off).await;
    browser.open(&house.at("/recover/request")).await;
    browser.fill("#identifier", ADA).await;
    browser.click("main button[type=submit]").await;
    let mail = house.next_mail_of("password_reset").await;
    browser.open(&mail.link().unwrap()).await;
    browser.reads("스크립트").await;
    browser.fill("#email", ADA).await;
    browser.fill("#code", &mail.code().unwrap()).await;
    browser.click("main button[type=submit]").await;
    browser.fill("#password", NEW).await;
    browser.fill("#password_repeat", NEW).await;
    browser.click("main button[type=submit]").await;
    browser.reads("비밀번호가 변경되었고").await;
    house.sign_in(ADA, NEW).await.expect(200);
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_30_whoever_has_an_app_is_asked_for_its_code() {
    let house = House::start().await;
    house.sign_up(ADA, OLD).await;
    let secret = house.app_of_ada().await;
    let browser = Chromium::start("en", Scripts::On).await;
    // Whoever never proved the address has their factors cleared by who does (A26).
    let verification = house.next_mail_of("email_verification").await;
    browser.open(&verification.link().unwrap()).await;
    browser.click("main button[type=submit]").await;
    browser.reads("confirmed").await;
    let link = house.recovery_link(&browser).await;
    browser.open(&link).await;
    assert!(!browser.sees("#code").await, "nothing shows before the proof");
    browser.click("main button[type=submit]").await;
    browser.fill("#code", "000000").await;
    browser.click("main button[type=submit]").await;
    browser.reads("wrong or was used before").await;
    browser
        .fill("#code", &super::account::totp(&secret, &house))
        .await;
    browser.click("main button[type=submit]").await;
    for field in ["#password", "#password_repeat"] {
        browser.fill(field, NEW).await;
    }
    browser.click("main button[type=submit]").await;
    browser.reads("Your password is changed").await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_25_a_link_that_is_too_old_leads_to_a_new_one() {
    let house = House::start().await;
    house.sign_up(ADA, OLD).await;
    let browser = Chromium::start("ko", Scripts::On).await;
    let link = house.recovery_link(&browser).await;
    browser.open(&link).await;
    house.advance(Span::minutes(30));
    browser.click("main button[type=submit]").await;
    browser.reads("기한").await;
    let again = "form[action^='/flow/default-recovery-flow']";
    browser.fill(&format!("{again} #email"), ADA).await;
    browser.click(&format!("{again} button")).await;
    browser.loses(&format!("{again} #email")).await;
    let mail = house.next_mail_of("password_reset").await;
    assert_ne!(mail.link().unwrap(), link);
    browser.quit().await;
}
