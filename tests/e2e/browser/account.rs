use ring::hmac;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn s_05_s_08_s_17_an_account_in_a_browser_from_confirming_to_signing_out() {
    let house = House::start().await;
    house.sign_up(ADA, OLD).await;
    let browser = Chromium::start("en", Scripts::On).await;
    house.seat(&browser).await;
    browser.open(&house.at("/account")).await;
    browser.reads(ADA).await;
    house.advance(Span::minutes(11));
    browser.click("a[href='/account/sessions']").await;
    browser
        .click("form[action='/account/sessions/end-others'] button")
        .await;
    browser.arrives("/account/confirm?next=/account/sessions").await;
    browser.fill("#password", OLD).await;
    browser.click("main button[type=submit]").await;
    // Chromium takes the server's own cookie, Secure as it is, on a loopback address. What was begun is not done by itself.
    browser.arrives("/account/go-on").await;
    browser.reads("Nothing was done yet").await;
    let cookies = browser.cookies().await;
    let cookie = cookies.iter().find(|cookie| cookie["name"] == COOKIE).unwrap();
    assert_eq!(
        (
            &cookie["secure"],
            &cookie["httpOnly"],
            &cookie["sameSite"],
            &cookie["path"]
        ),
        (&true.into(), &true.into(), &"Lax".into(), &"/".into())
    );
    assert_eq!(
        browser.run("return document.cookie").await,
        "",
        "no script reads it"
    );
    browser.click("main button[type=submit]").await;
    browser.arrives("/account/sessions").await;
    browser.finds("form[action='/account/sessions/end']").await;
    browser.loses("form[action='/account/sessions/end-others']").await;
    browser.click(".top button").await;
    browser.reads("You are signed out").await;
    assert!(
        browser
            .cookies()
            .await
            .iter()
            .all(|cookie| cookie["name"] != COOKIE)
    );
    browser.back().await;
    browser.arrives("/flow/default-authentication-flow").await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m_07_an_app_is_set_up_and_removed_in_a_browser() {
    let house = House::start().await;
    house.sign_up(ADA, OLD).await;
    let browser = Chromium::start("en", Scripts::On).await;
    house.seat(&browser).await;
    browser.open(&house.at("/account/factors")).await;
    browser.click("form[action='/account/factors/app'] button").await;
    browser.finds("svg.qr").await;
    let uri = browser.property("a[href^=otpauth]", "href").await;
    let secret = uri.split("secret=").nth(1).unwrap().split('&').next().unwrap();
    browser.fill("#code", "000000").await;
    browser.click("main form button").await;
    browser.reads("wrong or too old").await;
    browser.finds("svg.qr").await;
    browser.fill("#code", &totp(secret, &house)).await;
    browser.click("main form button").await;
    browser.reads("Your app is set up").await;
    let codes = browser
        .run("return document.querySelectorAll('.codes li').length")
        .await;
    assert_eq!(codes, 10);
    browser.back().await;
    browser.open(&house.at("/account/factors")).await;
    browser.reads("10 left").await;
    browser.click("li:first-child details summary").await;
    browser.click("li:first-child details button").await;
    browser.reads("You have none yet").await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_looked_after_without_scripts() {
    let house = House::start().await;
    house.sign_up(ADA, OLD).await;
    let browser = Chromium::start("ko", Scripts::Off).await;
    house.seat(&browser).await;
    browser.open(&house.at("/account/profile?lang=ko")).await;
    browser.fill("#name", "에이다").await;
    browser.click("main button[type=submit]").await;
    browser.reads("에이다").await;
    browser.open(&house.at("/account/password?lang=ko")).await;
    browser.fill("#current", OLD).await;
    browser.fill("#password", NEW).await;
    browser.fill("#repeat", NEW).await;
    browser.click("main button[type=submit]").await;
    browser.reads("비밀번호가 변경되었고").await;
    house.sign_in(ADA, NEW).await.expect(200);
    browser.quit().await;
}

/// The code that an app shows at this moment (RFC 6238).
pub(super) fn totp(secret: &str, house: &House) -> String {
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
    let step = house.desk().engine().clock().wall().0 / 30_000_000;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &seed);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let at = usize::from(tag.as_ref()[19] & 15);
    let word = u32::from_be_bytes(tag.as_ref()[at..at + 4].try_into().unwrap());
    format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
}
