use super::*;

const SIGN_IN: &str = "/flow/default-authentication-flow";

#[tokio::test(flavor = "multi_thread")]
async fn somebody_signs_up_confirms_the_address_signs_in_and_signs_out() {
    let house = House::start().await;
    let browser = Chromium::start("en", Scripts::On).await;
    browser.open(&house.at(SIGN_IN)).await;
    browser.click("a[href='/flow/default-enrollment-flow']").await;
    browser.fill("#name", "Ada").await;
    browser.fill("#email", ADA).await;
    browser.fill("#password", NEW).await;
    browser.fill("#password_repeat", NEW).await;
    browser.click("main button[type=submit]").await;
    let mail = house.next_mail_of("email_verification").await;
    browser.fill("#code", &mail.code().unwrap()).await;
    browser.click("main button[type=submit]").await;
    browser.fill("#identifier", ADA).await;
    browser.click("main button[type=submit]").await;
    browser.fill("#password", NEW).await;
    browser.click("main button[type=submit]").await;
    browser.arrives("/account").await;
    browser.open(&house.at("/flow/default-invalidation-flow")).await;
    browser.click("main button[type=submit]").await;
    browser.reads("You are signed out.").await;
    browser.open(&house.at("/account")).await;
    assert!(
        browser.sees("#identifier").await,
        "asked to sign in, and led back after it"
    );
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m_05_codes_by_mail_are_set_up_and_asked_at_the_next_sign_in() {
    let house = House::start().await;
    house.sign_up(ADA, OLD).await;
    let verification = house.next_mail_of("email_verification").await;
    let browser = Chromium::start("ko", Scripts::On).await;
    house.seat(&browser).await;
    browser.open(&verification.link().unwrap()).await;
    browser.click("main button[type=submit]").await;
    browser.reads("인증되었습니다").await;
    browser
        .open(&house.at("/flow/default-authenticator-email-setup"))
        .await;
    browser.click("main button[type=submit]").await;
    let code = digits(&house).await;
    browser.fill("#code", &code).await;
    browser.click("main button[type=submit]").await;
    browser.arrives("/account").await;
    browser.open(&house.at(SIGN_IN)).await;
    browser.fill("#identifier", ADA).await;
    browser.click("main button[type=submit]").await;
    browser.fill("#password", OLD).await;
    browser.click("main button[type=submit]").await;
    browser.reads("메일").await;
    let code = digits(&house).await;
    browser.fill("#code", &code).await;
    browser.click("main button[type=submit]").await;
    browser.arrives("/account").await;
    browser.quit().await;
}

/// The six digits of the next mail that has some.
async fn digits(house: &House) -> String {
    let text = house.next_mail_of("email_otp").await.text_part().unwrap();
    let line = text
        .lines()
        .find(|line| line.len() == 6 && line.parse::<u32>().is_ok());
    line.expect("a line of six digits").to_owned()
}
