//! Stories in a real browser: headless Chromium before the real server, over sockets, with a real SMTP conversation and
//! an injected clock.

mod account;
mod console_guides;
mod console_people;
mod driver;
mod look;
mod recovering;
mod signing_in;

use keyledger::crypto::BrowserUse;
use keyledger::desk::{Caller, Reproof, Visitor};
use keyledger::types::{EmailAddress, Span};
use secrecy::{ExposeSecret, SecretString};

use super::support::House;
use driver::{Chromium, Scripts};

const ADA: &str = "ada@example.org";
const OLD: &str = "Lost-and-forgotten-1";
const NEW: &str = "Found-and-remembered-2";
const COOKIE: &str = "__Host-keyledger";

impl House {
    /// Where a page is for a browser.
    fn at(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr_of(path))
    }

    /// Signs somebody in at a browser, past the sign-in page.
    async fn seat(&self, browser: &Chromium) -> Caller {
        let (address, password) = (EmailAddress::parse(ADA).unwrap(), SecretString::from(OLD));
        let visitor = Visitor {
            exempt: false,
            ..keyledger::desk::Desk::console()
        };
        let caller = self
            .desk()
            .sign_in_browser(&address, &password, None, &visitor)
            .await
            .unwrap();
        browser.open(&self.at("/recover/request")).await;
        let secret = self.desk().browser_secret(BrowserUse::Cookie, caller.session);
        browser.set_cookie(COOKIE, secret.expose_secret()).await;
        caller
    }

    /// Gives Ada an authenticator app; its secret, as she typed it into the app.
    async fn app_of_ada(&self) -> String {
        let visitor = keyledger::desk::Desk::console();
        let (address, password) = (EmailAddress::parse(ADA).unwrap(), SecretString::from(OLD));
        let desk = self.desk();
        let signed_in = desk.sign_in_browser(&address, &password, None, &visitor).await;
        let caller = signed_in.unwrap();
        let begun = desk
            .begin_totp(caller, Reproof::FreshSession, None, &visitor)
            .await;
        let Ok(app) = begun else {
            panic!("an app is begun");
        };
        let secret = app.secret.expose_secret().to_owned();
        let code = SecretString::from(account::totp(&secret, self));
        desk.confirm_totp(caller, &code, &visitor).await.unwrap();
        self.advance(Span::minutes(1));
        secret
    }

    /// Opens the link of a recovery mail and goes on from it.
    async fn come_by(&self, browser: &Chromium, link: &str) {
        browser.open(link).await;
        browser.click("main button[type=submit]").await;
    }

    /// The link of a recovery mail that somebody asks for in a browser.
    async fn recovery_link(&self, browser: &Chromium) -> String {
        browser.open(&self.at("/recover/request")).await;
        browser.fill("#identifier", ADA).await;
        browser.click("main button[type=submit]").await;
        let mail = self.next_mail_of("password_reset").await;
        mail.link().unwrap()
    }
}
