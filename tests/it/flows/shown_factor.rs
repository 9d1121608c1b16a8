//! A second factor that a browser showed, and does not show again for a while.

use keyledger::desk::Reproof;
use keyledger::domain::FactorKind;
use keyledger::domain::flow::{AuthenticatorValidation, Designation, Requirement, StageSettings};
use secrecy::ExposeSecret;

use super::super::support::Authenticator;
use super::guides::{bind, flow, stage};
use super::*;

const FACTOR: &str = "__Host-keyledger-factor";

impl House {
    /// The flow of sign-in is content with a factor that was shown at the browser on the day before.
    async fn is_content_for_a_day(&self) {
        let validation = AuthenticatorValidation {
            last_auth_threshold: Span::days(1),
            ..AuthenticatorValidation::default()
        };
        self.validate_by(validation).await;
    }

    async fn validate_by(&self, validation: AuthenticatorValidation) {
        let settings = StageSettings::AuthenticatorValidation(validation);
        self.configure(vec![stage("default-authentication-mfa-validation", settings)])
            .await;
    }

    /// A browser that keeps this of a factor.
    fn browser_with(&self, kept: &str) -> Browser<'_> {
        let mut browser = Browser::new(self);
        browser.cookies.insert(FACTOR.to_owned(), kept.to_owned());
        browser
    }

    /// Adds an app as Ada's second factor; gives it back, with a recovery code that came with it.
    async fn add_app(&self, access: &str) -> (Authenticator, String) {
        let (desk, visitor) = (self.desk(), crate::rig::visitor("192.0.2.1"));
        let ada = desk.authenticate(access).unwrap();
        let begun = desk.begin_totp(ada, Reproof::FreshSession, None, &visitor).await;
        let app = Authenticator::of(begun.unwrap().secret.expose_secret());
        let code = self.next_code(&app).into();
        let codes = desk.confirm_totp(ada, &code, &visitor).await.unwrap();
        (app, codes[0].expose_secret().to_owned())
    }

    /// The code that an app shows next.
    fn next_code(&self, app: &Authenticator) -> String {
        self.advance(Span::seconds(30));
        app.code_at(self.desk().engine().clock().wall())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r_30_m_05_a_factor_shown_at_a_browser_is_not_asked_there_again_until_the_threshold_is_over() {
    let house = House::start().await;
    let access = house.resident().await;
    let (app, paper) = house.add_app(&access).await;
    let with_it = |kept: &str| house.browser_with(kept);
    // As it ships, nothing is kept, and it is asked each time.
    let mut browser = Browser::new(&house);
    sign_in(&mut browser, OLD, Some(&house.next_code(&app))).await;
    assert!(browser.is_signed_in() && !browser.cookies.contains_key(FACTOR));
    house.is_content_for_a_day().await;
    sign_in(&mut browser, OLD, Some(&house.next_code(&app))).await;
    let kept = browser.cookies[FACTOR].clone();
    // At this browser the password is enough for a while; at another, or with something else in its place, it is not.
    let done = sign_in(&mut with_it(&kept), OLD, None).await;
    assert_eq!(done.at, "/account");
    for (other, password) in [("x", OLD), (&kept[1..], OLD), (&*kept, NEW)] {
        let mut browser = with_it(other);
        sign_in(&mut browser, password, None).await;
        assert!(!browser.is_signed_in(), "{other}");
    }
    // It is good for a sign-in alone: neither for a recovery, nor for a change of the account.
    let mut browser = with_it(&kept);
    browser.open(RECOVERY).await;
    browser.submit(RECOVERY, &[("identifier", ADA)]).await;
    let (secret, _) = house.mailed_recovery().await;
    let asked = browser.submit("/recover", &[("token", &secret)]).await;
    assert!(asked.asks("code") && !asked.asks("password"), "{}", asked.html);
    house.advance(Span::minutes(10));
    let mut browser = with_it(&kept);
    sign_in(&mut browser, OLD, None).await;
    let change = "/flow/default-authenticator-static-setup";
    browser.open(change).await.expect_field("mfaCode");
    let closing = browser.open("/account/close").await;
    assert!(closing.at.starts_with("/account/confirm"), "{}", closing.at);
    // A new password ends it. Paper is for whoever has lost the app, and is not kept.
    let new = json!({ "currentPassword": OLD, "newPassword": NEW });
    house
        .post("/v1/auth/password/change", new)
        .bearer(&access)
        .await
        .expect(200);
    let mut browser = with_it(&kept);
    sign_in(&mut browser, NEW, Some(&paper)).await;
    assert!(browser.is_signed_in() && browser.cookies[FACTOR] == kept);
    // And so does time.
    let mut browser = Browser::new(&house);
    sign_in(&mut browser, NEW, Some(&house.next_code(&app))).await;
    let kept = browser.cookies[FACTOR].clone();
    assert_eq!(sign_in(&mut with_it(&kept), NEW, None).await.at, "/account");
    house.advance(Span::days(1));
    assert!(sign_in(&mut with_it(&kept), NEW, None).await.asks("code"));
}

#[tokio::test(flavor = "multi_thread")]
async fn m_07_s_08_what_a_browser_keeps_of_a_factor_shows_none_however_short_ago_it_was() {
    let house = House::start().await;
    let access = house.resident().await;
    let (app, _) = house.add_app(&access).await;
    house.is_content_for_a_day().await;
    let mut browser = Browser::new(&house);
    sign_in(&mut browser, OLD, Some(&house.next_code(&app))).await;
    // Somebody with the password copied it at once, and is in; there they take nothing away.
    let mut copied = house.browser_with(&browser.cookies[FACTOR]);
    assert_eq!(sign_in(&mut copied, OLD, None).await.at, "/account");
    let change = "/flow/default-authenticator-static-setup";
    copied.open(change).await.expect_field("mfaCode");
    let closing = copied.open("/account/close").await;
    assert!(closing.at.starts_with("/account/confirm"), "{}", closing.at);
    // Whoever showed it is not asked again so soon.
    let changed = browser.open(change).await;
    assert!(!changed.asks("mfaCode"), "{}", changed.html);
}

#[tokio::test(flavor = "multi_thread")]
async fn m_05_what_a_browser_keeps_of_a_factor_ends_with_all_sessions_and_counts_for_its_kind_alone() {
    let house = House::start().await;
    let access = house.resident().await;
    let (app, _) = house.add_app(&access).await;
    house.is_content_for_a_day().await;
    let mut browser = Browser::new(&house);
    sign_in(&mut browser, OLD, Some(&house.next_code(&app))).await;
    let kept = browser.cookies[FACTOR].clone();
    // A stage that takes codes by mail or on paper takes no app, whenever that was shown.
    let only = |device_classes| AuthenticatorValidation {
        last_auth_threshold: Span::days(1),
        device_classes,
        ..AuthenticatorValidation::default()
    };
    house.validate_by(only(vec![FactorKind::RecoveryCodes])).await;
    let asked = sign_in(&mut house.browser_with(&kept), OLD, None).await;
    assert!(asked.asks("code"), "{}", asked.html);
    house.is_content_for_a_day().await;
    assert_eq!(
        sign_in(&mut house.browser_with(&kept), OLD, None).await.at,
        "/account"
    );
    // To end all sessions is to trust no browser any more.
    house
        .delete("/v1/auth/sessions")
        .bearer(&access)
        .await
        .expect(200);
    let asked = sign_in(&mut house.browser_with(&kept), OLD, None).await;
    assert!(asked.asks("code"), "{}", asked.html);
}

#[tokio::test(flavor = "multi_thread")]
async fn m_07_a_stage_is_content_with_what_a_session_proved_for_as_long_as_it_says_and_for_its_kinds_alone() {
    let house = House::start().await;
    let access = house.resident().await;
    let (app, paper) = house.add_app(&access).await;
    let path = "/flow/step-up";
    let asks = |last_auth_threshold, device_classes| {
        let validation = AuthenticatorValidation {
            last_auth_threshold,
            device_classes,
            ..AuthenticatorValidation::default()
        };
        stage("step-up", StageSettings::AuthenticatorValidation(validation))
    };
    let every = || FactorKind::ALL.to_vec();
    house
        .configure(vec![
            asks(Span(0), every()),
            flow(
                "step-up",
                Designation::StageConfiguration,
                Requirement::RequireAuthenticated,
            ),
            bind("step-up", 10, "step-up"),
        ])
        .await;
    for (threshold, within, over) in [
        (Span::minutes(1), Span::seconds(20), Span::minutes(1)),
        (Span::hours(2), Span::minutes(100), Span::minutes(30)),
    ] {
        house.configure(vec![asks(threshold, every())]).await;
        let mut browser = Browser::new(&house);
        sign_in(&mut browser, OLD, Some(&house.next_code(&app))).await;
        house.advance(within);
        // What another session of the same person proves meanwhile is that one's.
        sign_in(&mut Browser::new(&house), OLD, Some(&house.next_code(&app))).await;
        assert_eq!(browser.open(path).await.at, "/account");
        house.advance(over);
        let asked = browser.open(path).await;
        assert!(asked.asks("code"), "{threshold:?}: {}", asked.html);
        let done = browser.submit(path, &[("code", &house.next_code(&app))]).await;
        assert_eq!(done.at, "/account");
        assert_eq!(
            browser.open(path).await.at,
            "/account",
            "shown anew, it counts anew"
        );
    }
    let only_paper = asks(Span::hours(2), vec![FactorKind::RecoveryCodes]);
    house.configure(vec![only_paper]).await;
    let mut browser = Browser::new(&house);
    sign_in(&mut browser, OLD, Some(&house.next_code(&app))).await;
    assert!(browser.open(path).await.asks("code"));
    let done = browser.submit(path, &[("code", &paper)]).await;
    assert_eq!(done.at, "/account");
}

/// Signs in anew, with the code of a second factor if it is to be asked for.
async fn sign_in(browser: &mut Browser<'_>, password: &str, code: Option<&str>) -> Shown {
    browser.open(&format!("{SIGN_IN}?anew")).await;
    browser.submit(SIGN_IN, &[("identifier", ADA)]).await;
    let asked = browser.submit(SIGN_IN, &[("password", password)]).await;
    match code {
        Some(code) => browser.expect_code(asked, code).await,
        None => asked,
    }
}

impl Browser<'_> {
    /// Gives the code that a page asks for.
    async fn expect_code(&mut self, asked: Shown, code: &str) -> Shown {
        assert!(asked.asks("code"), "{}", asked.html);
        self.submit(SIGN_IN, &[("code", code)]).await
    }
}
