//! Flows, walked from outside: through the API by a program, and through the pages by a browser without scripts.

mod api;
mod browser;
mod configuring;
mod guides;
mod recovering;
mod shown_factor;
mod signing_in;

use std::collections::BTreeMap;

use keyledger::types::Span;
use serde_json::{Value, json};

use super::support::{Call, House, Reply};

const ADA: &str = "ada@example.org";
const NOBODY: &str = "nobody@example.org";
const OLD: &str = "Lost-and-forgotten-1";
const NEW: &str = "Found-and-remembered-2";

const SIGN_IN: &str = "/flow/default-authentication-flow";
const RECOVERY: &str = "/flow/default-recovery-flow";

/// A browser without scripts: it keeps cookies and follows redirects, and sends forms as our pages have them.
struct Browser<'a> {
    house: &'a House,
    cookies: BTreeMap<String, String>,
    language: &'static str,
}

/// A page that a browser has come to.
struct Shown {
    status: u16,
    /// Where it is, with its query.
    at: String,
    html: String,
    headers: Vec<(String, String)>,
}

impl<'a> Browser<'a> {
    fn new(house: &'a House) -> Self {
        Self {
            house,
            cookies: BTreeMap::new(),
            language: "en",
        }
    }

    async fn send(&mut self, method: &str, path: &str, body: Option<String>) -> Reply {
        let mut call: Call = self
            .house
            .call(method, path)
            .without("X-API-Key")
            .header("Accept", "text/html")
            .header("Accept-Language", self.language);
        if !self.cookies.is_empty() {
            let pairs: Vec<String> = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            call = call.header("Cookie", &pairs.join("; "));
        }
        if let Some(body) = body {
            call = call
                .header("Content-Type", "application/x-www-form-urlencoded")
                .header("Origin", "null")
                .header("Sec-Fetch-Site", "same-origin")
                .body(body.into_bytes());
        }
        let reply = call.await;
        for (name, value) in &reply.headers {
            if name != "set-cookie" {
                continue;
            }
            for rule in ["Secure", "HttpOnly", "Path=/", "SameSite="] {
                assert!(value.contains(rule), "S-05: {value}");
            }
            let (name, rest) = value.split_once('=').unwrap();
            assert!(
                name.starts_with("__Host-") && value.len() <= 4_096,
                "S-05: {value}"
            );
            let value = rest.split(';').next().unwrap();
            if rest.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        reply
    }

    async fn follow(&mut self, mut reply: Reply, mut at: String) -> Shown {
        for _ in 0..8 {
            if reply.status != 303 {
                return Shown {
                    status: reply.status,
                    at,
                    html: String::from_utf8(reply.bytes).unwrap().replace("&#x2f;", "/"),
                    headers: reply.headers,
                };
            }
            at = reply.header("Location").unwrap().to_owned();
            reply = self.send("GET", &at, None).await;
        }
        panic!("redirected in circles at {at}");
    }

    async fn open(&mut self, path: &str) -> Shown {
        let reply = self.send("GET", path, None).await;
        self.follow(reply, path.to_owned()).await
    }

    /// Sends a form of ours to a path.
    async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Shown {
        let pairs: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", escape(value)))
            .collect();
        let reply = self.send("POST", path, Some(pairs.join("&"))).await;
        self.follow(reply, path.to_owned()).await
    }

    fn is_signed_in(&self) -> bool {
        self.cookies.contains_key("__Host-keyledger")
    }
}

impl Shown {
    fn shows(&self, text: &str) -> bool {
        self.html.contains(text)
    }

    #[track_caller]
    fn expect(self, text: &str) -> Self {
        assert!(
            self.shows(text),
            "{} {}: no {text:?} in\n{}",
            self.status,
            self.at,
            self.html
        );
        self
    }

    /// Whether it has a field of that name.
    fn asks(&self, field: &str) -> bool {
        self.shows(&format!("name=\"{field}\""))
    }

    #[track_caller]
    fn expect_field(self, field: &str) -> Self {
        self.expect(&format!("name=\"{field}\""))
    }
}

fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b' ' => "+".to_owned(),
            plain if plain.is_ascii_alphanumeric() => char::from(plain).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// A program that walks a flow.
struct Program<'a> {
    house: &'a House,
    id: String,
    /// The last answer.
    last: Value,
}

impl<'a> Program<'a> {
    async fn begin(house: &'a House, flow: &str) -> Self {
        let reply = house
            .post(&format!("/v1/flows/{flow}/executions"), json!({}))
            .await
            .expect(201);
        let mut program = Self {
            house,
            id: String::new(),
            last: Value::Null,
        };
        program.take(reply);
        program
    }

    fn take(&mut self, reply: Reply) {
        self.id = reply.text("executionId");
        self.last = reply.json;
    }

    async fn try_answer(&self, answer: Value) -> Reply {
        self.house
            .post(&format!("/v1/flows/executions/{}", self.id), answer)
            .await
    }

    async fn answer(&mut self, answer: Value) -> &mut Self {
        let reply = self.try_answer(answer).await.expect(200);
        self.take(reply);
        self
    }

    fn component(&self) -> &str {
        self.last["challenge"]["component"].as_str().unwrap_or_default()
    }

    #[track_caller]
    fn expect(&self, component: &str) -> &Self {
        assert_eq!(self.component(), component, "{}", self.last);
        self
    }

    /// Field and code of the first error.
    fn error(&self) -> (String, String) {
        let error = &self.last["challenge"]["errors"][0];
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        (text("field"), text("code"))
    }
}

impl House {
    /// Signs Ada up and has her address confirmed.
    async fn resident(&self) -> String {
        let access = self.sign_up(ADA, OLD).await.text("accessToken");
        let mail = self.next_mail_of("email_verification").await;
        let body = json!({ "email": ADA, "token": mail.code().unwrap() });
        self.post("/v1/auth/email/verify/confirm", body).await.expect(200);
        access
    }

    /// Adds a mailbox elsewhere as Ada's second factor; gives back a recovery code that came with it.
    async fn add_mailbox(&self, access: &str) -> String {
        let enable = json!({ "password": OLD, "email": "elsewhere@example.net" });
        let begun = self
            .post("/v1/auth/mfa/email/enable", enable)
            .bearer(access)
            .await
            .expect(200);
        let code = self.mailed_factor_code().await;
        let confirm = json!({ "challengeId": begun.text("challengeId"), "code": code });
        let confirmed = self
            .post("/v1/auth/mfa/email/confirm", confirm)
            .bearer(access)
            .await
            .expect(200);
        confirmed.json["backupCodes"][0].as_str().unwrap().to_owned()
    }

    /// The six digits of the next mail that has some.
    async fn mailed_factor_code(&self) -> String {
        let text = self.next_mail_of("email_otp").await.text_part().unwrap();
        let code = text
            .lines()
            .find(|line| line.len() == 6 && line.parse::<u32>().is_ok());
        code.expect("a line of six digits").to_owned()
    }

    /// Link secret and code of the next recovery mail.
    async fn mailed_recovery(&self) -> (String, String) {
        let mail = self.next_mail_of("password_reset").await;
        let link = mail.link().unwrap();
        let (page, secret) = link.split_once("#t=").unwrap();
        assert_eq!(page, format!("http://{}/recover", self.addr()));
        (secret.to_owned(), mail.code().unwrap())
    }
}
