//! Every page in both languages, wide and narrow, light and dark: looked at by axe-core, and photographed for people.

use std::path::{Path, PathBuf};

use super::*;

/// Where tests/run puts axe-core, and where the pictures go.
fn artefacts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/browser")
}

/// Pages of anybody, and pages of somebody who is signed in.
const OPEN: [&str; 10] = [
    "/recover",
    "/flow/default-recovery-flow",
    "/flow/default-authentication-flow",
    "/flow/default-enrollment-flow",
    "/verify",
    "/verify/request",
    "/not-me",
    "/reopen",
    "/docs",
    "/nowhere",
];
const OWN: [&str; 9] = [
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

/// Pages of the console.
const CONSOLE: [&str; 18] = [
    "/admin",
    "/admin/flows",
    "/admin/create/flow",
    "/admin/flows/default-recovery-flow",
    "/admin/flows/default-recovery-flow/edit",
    "/admin/flows/default-recovery-flow/bindings",
    "/admin/flows/default-recovery-flow/bindings/20",
    "/admin/flows/default-recovery-flow/bindings/20/stage",
    "/admin/flows/default-recovery-flow/bind",
    "/admin/flows/default-recovery-flow/create-and-bind",
    "/admin/stages",
    "/admin/create/stage",
    "/admin/stages/default-password-change-prompt",
    "/admin/stages/default-authentication-identification",
    "/admin/stages/default-password-change-prompt/preview",
    "/admin/policies",
    "/admin/create/policy",
    "/admin/policies/classic",
];

/// Pages of the console about people, events and the house.
const LOOKING_AFTER: [&str; 11] = [
    "/admin/users",
    "/admin/users/new",
    "/admin/events",
    "/admin/events/3",
    "/admin/events/live",
    "/admin/system",
    "/admin/system/outbox",
    "/admin/system/templates/password_reset/en",
    "/admin/system/keys",
    "/admin/system/webhooks",
    "/admin/system/configuration",
];

const SIZES: [(&str, u32, u32); 2] = [("wide", 1280, 900), ("narrow", 360, 740)];

#[tokio::test(flavor = "multi_thread")]
async fn every_page_can_be_used_by_everybody() {
    let house = House::start().await;
    house.sign_up(ADA, OLD).await;
    let axe = axe();
    let browser = Chromium::start("en", Scripts::On).await;
    house.seat(&browser).await;
    let mut found = vec![];
    for path in OPEN.into_iter().chain(OWN) {
        inspect(&browser, &house, &axe, path, &mut found).await;
    }
    // Pages that come of a button, one refused and one that shows something once.
    for lang in ["en", "ko"] {
        browser
            .open(&house.at(&format!("/account/password?lang={lang}")))
            .await;
        for field in ["current", "password", "repeat"] {
            browser.fill(&format!("#{field}"), "wrong").await;
        }
        browser.click("main button[type=submit]").await;
        browser.finds("#current-error, #password-error").await;
        inspect_here(&browser, &axe, &format!("password-refused-{lang}"), &mut found).await;
        browser
            .open(&house.at(&format!("/account/factors?lang={lang}")))
            .await;
        browser.click("form[action^='/account/factors/app'] button").await;
        browser.finds("svg.qr").await;
        inspect_here(&browser, &axe, &format!("app-{lang}"), &mut found).await;
        browser
            .open(&house.at(&format!("/account/factors?lang={lang}")))
            .await;
        browser
            .click("form[action^='/account/factors/mail'] button")
            .await;
        browser
            .finds("form[action^='/account/factors/mail/confirm']")
            .await;
        inspect_here(&browser, &axe, &format!("mail-{lang}"), &mut found).await;
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_the_console_can_be_used_by_everybody() {
    let house = House::start().await;
    house.appoint(ADA, OLD).await;
    let axe = axe();
    let browser = Chromium::start("en", Scripts::On).await;
    house.seat(&browser).await;
    let mut found = vec![];
    for path in CONSOLE.into_iter().chain(LOOKING_AFTER) {
        inspect(&browser, &house, &axe, path, &mut found).await;
    }
    let ada = house.desk().find_user(ADA).unwrap();
    inspect(&browser, &house, &axe, &format!("/admin/users/{ada}"), &mut found).await;
    for (path, button, there) in [
        (
            "/admin/system",
            "form[action^='/admin/system/mail'] button",
            ".notice",
        ),
        (
            "/admin/system/keys",
            "form[action='/admin/system/keys'] button",
            ".long",
        ),
    ] {
        browser.open(&house.at(path)).await;
        browser.click(button).await;
        browser.finds(there).await;
        inspect_here(
            &browser,
            &axe,
            &format!("done-{}", path.replace('/', "-")),
            &mut found,
        )
        .await;
    }
    browser.open(&house.at("/admin/policies/classic")).await;
    browser.fill("#sample", "short").await;
    browser.click("#tester button").await;
    browser.finds("#tester .tried").await;
    inspect_here(&browser, &axe, "admin-policy-tried", &mut found).await;
    let flow = "/admin/flows/default-authentication-flow";
    browser.open(&house.at(flow)).await;
    browser.fill("#person", ADA).await;
    browser.click("#dry-run button").await;
    browser.finds("#dry-run table").await;
    inspect_here(&browser, &axe, "admin-flow-dry-run", &mut found).await;
    browser.open(&house.at("/admin/create/stage?kind=email")).await;
    browser.fill("#name", "letters").await;
    browser.fill("#settings-token-expiry-minutes", "soon").await;
    browser.click("main form button[type=submit]").await;
    browser.finds("#settings-token-expiry-minutes-error").await;
    inspect_here(&browser, &axe, "admin-stage-refused", &mut found).await;
    assert!(found.is_empty(), "{}", found.join("\n"));
    browser.quit().await;
}

fn axe() -> String {
    let axe = artefacts().join("node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(&axe)
        .unwrap_or_else(|error| panic!("{}: {error} (tests/run installs it)", axe.display()))
}

async fn inspect(browser: &Chromium, house: &House, axe: &str, path: &str, found: &mut Vec<String>) {
    for lang in ["en", "ko"] {
        browser.open(&house.at(&format!("{path}?lang={lang}"))).await;
        let name = format!("{}-{lang}", path.trim_start_matches('/').replace('/', "-"));
        inspect_here(browser, axe, &name, found).await;
    }
}

async fn inspect_here(browser: &Chromium, axe: &str, name: &str, found: &mut Vec<String>) {
    for (size, width, height) in SIZES {
        browser.resize(width, height).await;
        for scheme in ["light", "dark"] {
            browser.prefer(scheme).await;
            let shot = artefacts().join(format!("shots/{name}-{size}-{scheme}.png"));
            browser.shoot(&shot).await;
            // Not wider than the window, which grows with what overflows it on a phone.
            let wide = format!("return document.documentElement.scrollWidth > {width}");
            let wide = browser.run(&wide).await;
            if wide == true {
                found.push(format!("{name} {size}: wider than the screen"));
            }
            if (size, scheme) == ("narrow", "dark") {
                // Nothing that has not been looked at: the layout in the light, the colours on a wide page.
                continue;
            }
            let script = format!(
                "{axe}; const done = arguments[arguments.length - 1]; axe.run().then((r) => \
                 done(r.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.html).join(' | '))));"
            );
            let violations = browser.run_async(&script).await;
            for violation in violations.as_array().unwrap() {
                found.push(format!("{name} {size} {scheme}: {violation}"));
            }
        }
    }
}
