//! Two set-up guides for another identity provider, followed in the console word by word, until a user recovers and a user
//! signs in with a mailed code.

use keyledger::mail::sink::{Sink, SinkBehaviour};
use serde_json::json;

use super::*;

const BEN: &str = "ben@example.org";
const SIGN_IN: &str = "/flow/default-authentication-flow";

impl House {
    /// An administrator who has signed in at the console's own address, as anybody signs in.
    async fn office(&self, language: &str) -> Chromium {
        self.appoint(ADA, OLD).await;
        let browser = Chromium::start(language, Scripts::On).await;
        browser.open(&self.at("/admin")).await;
        browser.fill("#identifier", ADA).await;
        browser.click("main button[type=submit]").await;
        browser.fill("#password", OLD).await;
        browser.click("main button[type=submit]").await;
        browser.arrives("/admin").await;
        assert!(
            browser.url().await.starts_with(&self.at("/admin")),
            "their own listener"
        );
        browser
    }

    /// Somebody with a confirmed address.
    async fn ben(&self) {
        self.sign_up(BEN, OLD).await;
        let mail = self.next_mail_of("email_verification").await;
        let body = json!({ "email": BEN, "token": mail.code().unwrap() });
        self.post("/v1/auth/email/verify/confirm", body).await.expect(200);
    }
}

/// `000`: password recovery by mail.
#[tokio::test(flavor = "multi_thread")]
async fn the_recovery_guide_is_followed_in_the_console_until_somebody_recovers() {
    let house = House::start().await;
    house.ben().await;
    let admin = house.office("en").await;

    // 2. Password Policy
    admin.follow("Policies").await;
    admin.follow("Create").await;
    admin.choose("Type", "Password Policy").await;
    admin.press("Next").await;
    admin.write("Name", "recovery policy").await;
    admin.write("Minimum length", "14").await;
    admin.write("Minimum amount of Symbols Characters", "2").await;
    admin
        .write("Error message", "Ours are long and have two symbols.")
        .await;
    admin.press("Create").await;
    admin.reads("Created.").await;

    // 3. Identification Stage
    admin.follow("Stages").await;
    admin.follow("Create").await;
    admin.choose("Type", "Identification Stage").await;
    admin.press("Next").await;
    admin.write("Name", "email identification stage").await;
    for field in ["Username", "Email"] {
        assert!(admin.is_ticked(field).await, "{field}");
    }
    admin.press("Create").await;
    admin.reads("Created.").await;

    // 4. Email Stage
    admin.follow("Create").await;
    admin.choose("Type", "Email Stage").await;
    admin.press("Next").await;
    admin.write("Name", "email recovery stage").await;
    admin.choose("Template", "Password Reset").await;
    assert!(admin.is_ticked("Use global connection settings").await);
    admin.press("Create").await;
    admin.reads("email recovery stage").await;

    // 5. Recovery Flow
    admin.follow("Flows").await;
    admin.follow("Create").await;
    admin.write("Name", "password-recovery-flow").await;
    admin.choose("Designation", "Recovery").await;
    admin.press("Create").await;
    admin.reads("Nobody can come to the end of this flow").await;

    // 6. Stage bindings
    admin.follow("Flows").await;
    admin.follow("password-recovery-flow").await;
    admin.follow("Stage Bindings").await;
    for (stage, order) in [
        ("email identification stage", "10"),
        ("email recovery stage", "20"),
        ("default-password-change-prompt", "30"),
        ("default-password-change-write", "40"),
    ] {
        admin.follow("Bind existing stage").await;
        admin.choose("Stage", stage).await;
        admin.write("Order", order).await;
        admin.press("Create").await;
        admin.finds(&format!("tr[data-stage='{stage}']")).await;
    }
    assert!(!admin.text().await.contains("Nobody can come to the end"));

    // 7. Prompt Stage
    admin.follow("Stages").await;
    admin
        .follow_in_row("default-password-change-prompt", "Edit")
        .await;
    admin.tick("recovery policy").await;
    admin.press("Update").await;
    admin.reads("Updated.").await;

    // 8. Authentication flow
    admin.follow("Flows").await;
    admin.follow("default-authentication-flow").await;
    admin.follow("Stage Bindings").await;
    admin
        .follow_in_row("default-authentication-identification", "Edit Stage")
        .await;
    admin.choose("Recovery flow", "password-recovery-flow").await;
    admin.press("Update").await;
    admin.reads("Updated.").await;
    admin.quit().await;

    // And somebody recovers by it.
    let browser = Chromium::start("en", Scripts::On).await;
    browser.open(&house.at(SIGN_IN)).await;
    browser.click("a[href='/flow/password-recovery-flow']").await;
    browser.fill("#identifier", BEN).await;
    browser.click("main button[type=submit]").await;
    let mail = house.next_mail_of("password_reset").await;
    house.come_by(&browser, &mail.link().unwrap()).await;
    for (password, says) in [
        ("Short-and-7!", "Ours are long and have two symbols."),
        (NEW, "Your password is changed"),
    ] {
        browser.fill("#password", password).await;
        browser.fill("#password_repeat", password).await;
        browser.click("main button[type=submit]").await;
        browser.reads(says).await;
    }
    browser.quit().await;
    house.sign_in(BEN, NEW).await.expect(200);
}

/// `001`: one-time codes by mail.
#[tokio::test(flavor = "multi_thread")]
async fn the_email_authenticator_guide_is_followed_in_the_console_until_a_code_signs_somebody_in() {
    let house = House::start().await;
    house.ben().await;
    let own = Sink::start(SinkBehaviour::accepting().nodelay()).await.unwrap();
    let admin = house.office("en").await;

    // Create a new flow …
    admin.follow("Flows").await;
    admin.follow("Create").await;
    admin.write("Name", "email-codes").await;
    admin.choose("Designation", "Stage Configuration").await;
    admin.choose("Authentication", "Only who is signed in").await;
    admin.press("Create").await;
    admin.reads("Created.").await;

    // … and on its Stage Bindings tab, create and bind the stage.
    admin.follow("Stage Bindings").await;
    admin.follow("Create and bind stage").await;
    admin.choose("Type", "Email Authenticator Setup Stage").await;
    admin.press("Next").await;
    admin.write("Name", "Email Authenticator Setup").await;
    admin
        .write("Authenticator type name", "Codes to my mailbox")
        .await;
    assert!(
        !admin.text().await.contains("SMTP Host"),
        "the global settings are used, so there is nothing to say"
    );
    admin.tick("Use global connection settings").await;
    admin.write("SMTP Host", &own.addr().ip().to_string()).await;
    admin.write("SMTP Port", &own.addr().port().to_string()).await;
    for optional in ["SMTP Username", "SMTP Password"] {
        admin.reads(optional).await;
    }
    for switch in ["Use TLS", "Use SSL"] {
        assert!(!admin.is_ticked(switch).await, "{switch}");
    }
    admin.write("Timeout", "20").await;
    admin.write("From Address", "Codes <codes@example.net>").await;
    admin.write("Subject", "Your code").await;
    admin.write("Token Expiration (minutes)", "5").await;
    admin.choose("Configuration flow", "email-codes").await;
    admin.press("Update").await;
    admin.finds("tr[data-stage='Email Authenticator Setup']").await;

    // Somebody sets it up, over the stage's own server.
    let browser = Chromium::start("en", Scripts::On).await;
    browser.open(&house.at("/account/factors")).await;
    browser.fill("#identifier", BEN).await;
    browser.click("main button[type=submit]").await;
    browser.fill("#password", OLD).await;
    browser.click("main button[type=submit]").await;
    browser.arrives("/account/factors").await;
    browser.follow("Codes to my mailbox").await;
    browser.reads("First we check that codes reach you").await;
    browser.click("main button[type=submit]").await;
    let mail = own.next_mail(crate::PATIENCE).await.unwrap();
    assert_eq!(mail.header("Subject").as_deref(), Some("Your code"));
    assert!(mail.header("From").unwrap().contains("codes@example.net"));
    browser
        .fill("#code", &six_digits(&mail.text_part().unwrap()))
        .await;
    browser.click("main button[type=submit]").await;
    browser.arrives("/account/factors").await;

    // With the global settings on again, the next codes come from there.
    admin
        .follow_in_row("Email Authenticator Setup", "Edit Stage")
        .await;
    admin.tick("Use global connection settings").await;
    admin.press("Update").await;
    admin.reads("Updated.").await;
    admin.quit().await;

    browser.open(&house.at("/flow/default-invalidation-flow")).await;
    browser.click("main button[type=submit]").await;
    browser.open(&house.at(SIGN_IN)).await;
    browser.fill("#identifier", BEN).await;
    browser.click("main button[type=submit]").await;
    browser.fill("#password", OLD).await;
    browser.click("main button[type=submit]").await;
    let mail = house.next_mail_of("email_otp").await;
    browser
        .fill("#code", &six_digits(&mail.text_part().unwrap()))
        .await;
    browser.click("main button[type=submit]").await;
    browser.arrives("/account").await;
    browser.quit().await;
}

fn six_digits(text: &str) -> String {
    let is_code = |line: &&str| line.len() == 6 && line.parse::<u32>().is_ok();
    text.lines()
        .find(is_code)
        .expect("a line of six digits")
        .to_owned()
}
