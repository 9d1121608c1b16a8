//! An app as its owner has it, and what people do with second factors.

use keyledger::types::Span;
use serde_json::{Value, json};

use super::super::call::{Answer, Call, Tokens};
use super::super::house::{House, NEW, OLD};
use crate::support::Authenticator;

/// Somebody's app, and the recovery codes that came with it.
pub(in super::super) struct App {
    app: Authenticator,
    pub(super) codes: Vec<String>,
}

impl App {
    pub(super) fn of(answer: &Answer) -> Self {
        Self {
            app: Authenticator::of(answer.field("secret").as_str().unwrap()),
            codes: codes(answer),
        }
    }

    pub(super) fn seed(&self) -> &[u8] {
        &self.app.seed
    }

    /// The code at this moment.
    pub(in super::super) fn code(&self, house: &House) -> String {
        self.app.code_at(house.desk().engine().clock().wall())
    }
}

pub(super) fn codes(answer: &Answer) -> Vec<String> {
    let codes: Value = answer.field("backupCodes");
    let codes = codes.as_array().unwrap().iter();
    codes.map(|code| code.as_str().unwrap().to_owned()).collect()
}

impl House {
    pub(super) fn mfa(&self, tokens: &Tokens, path: &str, body: &Value) -> Call<'_> {
        self.post(&format!("/v1/auth/mfa/{path}"), body)
            .bearer(&tokens.access)
    }

    /// Adds an app; the next code is that of a later step.
    pub(in super::super) async fn add_app(&self, tokens: &Tokens) -> App {
        let enabled = self.mfa(tokens, "enable", &json!({"password": OLD})).ok().await;
        let app = App::of(&enabled);
        let confirm = json!({"code": app.code(self)});
        let confirmed = self.mfa(tokens, "confirm", &confirm).ok().await;
        assert_eq!(codes(&confirmed), app.codes, "the same ten");
        self.wait(Span::seconds(30));
        app
    }

    pub(super) fn sign_in_showing(&self, email: &str, code: &str) -> Call<'_> {
        let body = json!({"email": email, "password": OLD, "mfaCode": code});
        self.post("/v1/auth/email/signin", &body)
    }

    pub(super) fn confirm_showing(&self, email: &str, token: &str, code: &str) -> Call<'_> {
        let body = json!({"email": email, "token": token, "newPassword": NEW, "mfaCode": code});
        self.post("/v1/auth/password/reset/confirm", &body)
    }

    pub(super) fn challenge(&self, email: &str, password: &str) -> Call<'_> {
        let body = json!({"email": email, "password": password});
        self.post("/v1/auth/mfa/email/challenge", &body)
    }

    /// The newest mailed code.
    pub(super) async fn otp(&self, to: &str) -> String {
        let mail = self.mail("email_otp", to).await;
        let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
        let code = mail.text.lines().find(is_code);
        code.expect("six digits on a line of their own").to_owned()
    }

    /// Adds the caller's own mailbox.
    pub(super) async fn add_mailbox(&self, tokens: &Tokens, to: &str) {
        let begun = self
            .mfa(tokens, "email/enable", &json!({"password": OLD}))
            .ok()
            .await;
        assert_eq!(begun.field("maskedEmail"), "j…@e…e.org");
        let confirm = json!({"challengeId": begun.field("challengeId"), "code": self.otp(to).await});
        let confirmed = self.mfa(tokens, "email/confirm", &confirm).ok().await;
        assert_eq!(confirmed.field("backupCodes"), Value::Null);
    }

    pub(super) async fn mfa_of(&self, tokens: &Tokens) -> Value {
        self.get("/v1/auth/me")
            .bearer(&tokens.access)
            .ok()
            .await
            .field("mfa")
    }
}
