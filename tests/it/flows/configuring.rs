//! What stages name for those who set something up: on the way in, and from the page of their account.

use keyledger::domain::flow::{AuthenticatorValidation, NotConfigured, StageSettings};

use super::guides::{follow_guide_000, name, stage};
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_changed_from_the_account_by_the_rules_that_the_guide_bound_to_the_prompt() {
    let house = House::start().await;
    house.resident().await;
    let mut browser = Browser::new(&house);
    browser.open("/account/password").await;
    browser.submit(SIGN_IN, &[("identifier", ADA)]).await;
    let shown = browser.submit(SIGN_IN, &[("password", OLD)]).await;
    assert_eq!(
        shown.at, "/account/password",
        "as it ships, the page does the same"
    );
    follow_guide_000(&house).await;
    let change = "/flow/default-password-change";
    let asked = browser.open("/account/password").await;
    assert!(asked.at.starts_with(change), "{}", asked.at);
    let prompt = browser.submit(change, &[("password", OLD)]).await;
    prompt.expect("Use at least 12 characters.");
    let refused = browser.submit(change, &[("password", "Short-1a")]).await;
    assert_eq!(refused.status, 400);
    let done = browser.submit(change, &[("password", NEW)]).await;
    done.expect("every session of your account has ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_factor_sets_one_up_before_the_sign_in_is_done_if_the_stage_says_so() {
    let house = House::start().await;
    house.resident().await;
    let validation = |stages: &[&str]| {
        stage(
            "default-authentication-mfa-validation",
            StageSettings::AuthenticatorValidation(AuthenticatorValidation {
                not_configured_action: NotConfigured::Configure,
                configuration_stages: stages.iter().map(|stage| name(stage)).collect(),
                ..AuthenticatorValidation::default()
            }),
        )
    };
    let (app, mail) = (
        "default-authenticator-totp-setup",
        "default-authenticator-email-setup",
    );
    house.configure(vec![validation(&[app, mail])]).await;
    let mut browser = Browser::new(&house);
    browser.open(SIGN_IN).await;
    browser.submit(SIGN_IN, &[("identifier", ADA)]).await;
    let choice = browser.submit(SIGN_IN, &[("password", OLD)]).await;
    assert!(choice.asks("stage") && !browser.is_signed_in(), "{}", choice.html);
    let wrong = browser
        .submit(SIGN_IN, &[("stage", "default-authenticator-static-setup")])
        .await;
    assert_eq!(wrong.status, 400, "only what the stage names");
    browser
        .submit(SIGN_IN, &[("stage", mail)])
        .await
        .expect_field("email");
    assert!(!browser.is_signed_in(), "not before it is set up");
    let elsewhere = [("email", "elsewhere@example.net")];
    browser.submit(SIGN_IN, &elsewhere).await.expect_field("code");
    let code = house.mailed_factor_code().await;
    let codes = browser.submit(SIGN_IN, &[("code", &code)]).await;
    assert_eq!(codes.html.matches("<li><code>").count(), 10, "{}", codes.html);
    let done = browser.submit(SIGN_IN, &[]).await;
    assert_eq!(done.at, "/account");
    assert!(browser.is_signed_in());
    // From then on it is asked for.
    let mut again = Browser::new(&house);
    again.open(SIGN_IN).await;
    again.submit(SIGN_IN, &[("identifier", ADA)]).await;
    let asked = again.submit(SIGN_IN, &[("password", OLD)]).await;
    assert!(asked.asks("code") && !asked.asks("stage"), "{}", asked.html);
}
