//! An app as its owner has it, and what people do with second factors.

use keyledger::types::Span;
use ring::hmac;
use serde_json::{Value, json};

use super::super::call::{Answer, Call, Tokens};
use super::super::house::{House, NEW, OLD};

/// Somebody's app: reads the secret as an app does, from the answer's text.
pub(in super::super) struct App {
    pub(super) seed: Vec<u8>,
    pub(super) codes: Vec<String>,
}

impl App {
    pub(super) fn of(answer: &Answer) -> Self {
        let text = answer.field("secret").as_str().unwrap().to_owned();
        let bits: Vec<u8> = text
            .bytes()
            .flat_map(|byte| {
                let at = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
                    .iter()
                    .position(|c| *c == byte);
                let value = u8::try_from(at.unwrap()).unwrap();
                (0..5).rev().map(move |bit| value >> bit & 1)
            })
            .collect();
        let seed = bits
            .chunks_exact(8)
            .map(|byte| byte.iter().fold(0, |all, bit| all << 1 | bit))
            .collect();
        Self {
            seed,
            codes: codes(answer),
        }
    }

    /// The code at this moment, as an app makes it (RFC 6238).
    pub(in super::super) fn code(&self, house: &House) -> String {
        let wall = house.desk().engine().clock().wall();
        let step = wall.0 / 30_000_000;
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.seed);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let at = usize::from(tag.as_ref()[19] & 15);
        let word = u32::from_be_bytes(tag.as_ref()[at..at + 4].try_into().unwrap());
        format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
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
