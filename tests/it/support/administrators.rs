//! Administrators, and what they do at a browser: pages and forms of the administrators' listener.

use keyledger::crypto::BrowserUse;
use keyledger::desk::{Caller, Desk, NewPerson, Visitor};
use keyledger::domain::{Actor, Role};
use keyledger::types::{EmailAddress, Locale, Span, UserId};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::call::{Call, Reply};
use super::house::House;

/// Somebody signed in at a browser.
pub(crate) struct Seat {
    pub(crate) caller: Caller,
    /// The value of the session's cookie.
    pub(crate) cookie: String,
    /// What every form of theirs carries.
    pub(crate) form: String,
}

impl House {
    /// Makes an administrator with a password and a confirmed address.
    pub(crate) async fn appoint(&self, email: &str, password: &str) -> UserId {
        let person = NewPerson {
            address: EmailAddress::parse(email).unwrap(),
            name: None,
            username: None,
            role: Role::Admin,
            locale: Locale::En,
        };
        let desk = self.desk();
        let user = desk.create_user(person, Actor::Operator).await.unwrap();
        let recovery = desk
            .admin_recovery(user, Span::hours(1), Actor::Operator)
            .await
            .unwrap();
        let secret = recovery.secret.expose_secret();
        self.confirm_reset(email, secret, password).await.expect(200);
        let asked = json!({ "email": email });
        self.post("/v1/auth/email/verify/send", asked).await.expect(200);
        let mail = self.next_mail_of("email_verification").await;
        let proof = json!({ "email": email, "token": mail.code().unwrap() });
        self.post("/v1/auth/email/verify/confirm", proof)
            .await
            .expect(200);
        user
    }

    /// Signs somebody in at a browser, past the sign-in page.
    pub(crate) async fn sit_down(&self, email: &str, password: &str) -> Seat {
        let (address, password) = (
            EmailAddress::parse(email).unwrap(),
            SecretString::from(password.to_owned()),
        );
        let visitor = Visitor {
            exempt: false,
            ..Desk::console()
        };
        let desk = self.desk();
        let caller = desk
            .sign_in_browser(&address, &password, None, &visitor)
            .await
            .unwrap();
        let secret = |of| desk.browser_secret(of, caller.session).expose_secret().to_owned();
        Seat {
            caller,
            cookie: secret(BrowserUse::Cookie),
            form: secret(BrowserUse::Form),
        }
    }

    /// A page as somebody's browser opens it.
    pub(crate) fn page_of(&self, seat: &Seat, path: &str) -> Call {
        self.call("GET", path)
            .without("X-API-Key")
            .header("Accept", "text/html")
            .header("Cookie", &format!("__Host-keyledger={}", seat.cookie))
    }

    /// A form as somebody's browser sends it from one of our pages.
    pub(crate) fn form_of(&self, seat: &Seat, path: &str, fields: &[(&str, &str)]) -> Call {
        let own = [("form", seat.form.as_str())];
        let pairs: Vec<String> = own
            .iter()
            .chain(fields)
            .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
            .collect();
        self.call("POST", path)
            .without("X-API-Key")
            .header("Accept", "text/html")
            .header("Cookie", &format!("__Host-keyledger={}", seat.cookie))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Origin", "null")
            .header("Sec-Fetch-Site", "same-origin")
            .body(pairs.join("&").into_bytes())
    }
}

impl Reply {
    /// A page's text; slashes in values are escaped, and both spellings are the same page.
    pub(crate) fn markup(&self) -> String {
        String::from_utf8_lossy(&self.bytes).replace("&#x2f;", "/")
    }

    /// Where an answer leads.
    #[track_caller]
    pub(crate) fn leads_to(&self) -> &str {
        assert_eq!(self.status, 303, "{}", String::from_utf8_lossy(&self.bytes));
        self.header("location").expect("it leads somewhere")
    }
}

fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
