//! The house of the REST stories: the whole one, and what people do in it.

use std::sync::Arc;

use keyledger::desk::Desk;
use keyledger::domain::User;
use keyledger::http::NetList;
use keyledger::mail::sink::ReceivedMail;
use keyledger::types::{Span, UserId};
use serde_json::{Value, json};

use super::call::{Call, Tokens};
use crate::support;
pub(crate) use crate::support::{Plan, Storage};

/// A password that the classic policy accepts.
pub const OLD: &str = "Quiet-Harbor-19";
/// Another.
pub const NEW: &str = "Loud-Mountain-27";
/// An address.
pub const JI: &str = "ji@example.org";
/// Somebody else's.
pub const BO: &str = "bo@example.org";
/// An address without an account.
pub const NOBODY: &str = "nobody@example.org";
/// When every story begins.
pub const BEGINNING: &str = "2027-01-15T08:00:00.000Z";
/// Where verification may lead back to.
pub const DONE: &str = "https://app.example.org/done";

/// A mail that arrived.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The text part.
    pub text: String,
    /// The secret of its link, or nothing.
    pub secret: String,
    /// Its typed code, or nothing.
    pub code: String,
    /// The secret of "this was not me", or nothing.
    pub disown: String,
}

impl From<&Arc<ReceivedMail>> for Mail {
    fn from(mail: &Arc<ReceivedMail>) -> Self {
        let not_me = mail.not_me_link().unwrap_or_default();
        let disown = not_me.split_once("#n=").map_or("", |(_, secret)| secret);
        Self {
            text: mail.text_part().unwrap_or_default(),
            secret: mail.token().unwrap_or_default(),
            code: mail.code().unwrap_or_default(),
            disown: disown.split('&').next().unwrap_or_default().to_owned(),
        }
    }
}

/// What a story changes of the running server.
#[derive(Clone, Default)]
pub struct Door {
    /// Networks without limits per client.
    pub exempt: Option<&'static str>,
    /// Calls a minute, if not the default.
    pub calls: Option<u32>,
    /// Whether opening the verification link is enough.
    pub verify_on_get: bool,
    /// Whether loopback is taken for a stranger, not for a proxy.
    pub trusts_nobody: bool,
}

impl Door {
    /// Puts it into a plan.
    pub fn put(self, plan: &mut Plan) {
        plan.settings = Box::new(move |settings| {
            settings.site.callback_urls = vec![DONE.to_owned()];
            settings.site.verify_on_get = self.verify_on_get;
            let exempt = self.exempt.iter().map(|net| net.parse().unwrap());
            settings.site.exempt_networks = exempt.collect();
            settings.calls_per_client_minute = self.calls.unwrap_or(600);
            if self.trusts_nobody {
                settings.trusted_proxies = NetList::default();
            }
        });
    }
}

/// The house.
pub struct House {
    pub inner: support::House,
}

impl House {
    /// Opens a house with the defaults.
    pub async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    /// Opens a house with other settings.
    pub async fn open_with(change: impl FnOnce(&mut Plan)) -> Self {
        let inner = support::House::with(|plan| {
            plan.pool.waiting_max = 256;
            Door::default().put(plan);
            change(plan);
        })
        .await;
        Self { inner }
    }

    /// The desk behind the door.
    pub fn desk(&self) -> &Desk {
        self.inner.desk()
    }

    /// The publishable key.
    pub fn key(&self) -> &str {
        &self.inner.publishable
    }

    /// Time goes on.
    pub fn wait(&self, span: Span) {
        self.inner.advance(span);
    }

    /// A call with the publishable key.
    pub fn call(&self, method: &'static str, target: &str) -> Call<'_> {
        Call::new(self, method, target).header("x-api-key", self.key())
    }

    /// `POST` of a JSON body.
    pub fn post(&self, target: &str, body: &Value) -> Call<'_> {
        self.call("POST", target).json(body)
    }

    /// `GET`.
    pub fn get(&self, target: &str) -> Call<'_> {
        self.call("GET", target)
    }

    /// `DELETE`.
    pub fn delete(&self, target: &str) -> Call<'_> {
        self.call("DELETE", target)
    }

    /// The mails of one kind that went to an address, oldest first, once all that are due have left.
    pub async fn mails(&self, kind: &str, to: &str) -> Vec<Mail> {
        self.inner.settled().await;
        let mails = self.inner.sink.mails();
        let wanted = mails
            .iter()
            .filter(|mail| mail.header("X-Keyledger-Mail").as_deref() == Some(kind) && mail.to == [to]);
        wanted.map(Mail::from).collect()
    }

    /// The newest of them.
    pub async fn mail(&self, kind: &str, to: &str) -> Mail {
        self.mails(kind, to).await.pop().expect("a mail")
    }

    /// Registers somebody who verifies their address.
    pub async fn resident(&self, email: &str) -> Tokens {
        let tokens = self.sign_up(email).await;
        let mail = self.mail("email_verification", email).await;
        let body = json!({"email": email, "token": mail.secret});
        self.post("/v1/auth/email/verify/confirm", &body).ok().await;
        tokens
    }

    /// Registers somebody.
    pub async fn sign_up(&self, email: &str) -> Tokens {
        let body = json!({"method": "password", "email": email, "password": OLD, "name": "Somebody"});
        let answer = self.post("/v1/auth/email/signup", &body).send().await;
        answer.assert(201);
        answer.tokens()
    }

    /// Signs somebody in.
    pub fn sign_in(&self, email: &str, password: &str) -> Call<'_> {
        self.post(
            "/v1/auth/email/signin",
            &json!({"email": email, "password": password}),
        )
    }

    /// Exchanges a refresh token.
    pub fn refresh(&self, token: &str) -> Call<'_> {
        self.post("/v1/auth/refresh", &json!({"refreshToken": token}))
    }

    /// Asks for a recovery mail.
    pub fn request(&self, email: &str) -> Call<'_> {
        self.post("/v1/auth/password/reset/request", &json!({"email": email}))
    }

    /// Asks for a recovery mail and reads it.
    pub async fn recovery(&self, email: &str) -> Mail {
        self.request(email).ok().await;
        self.mail("password_reset", email).await
    }

    /// Sets a new password.
    pub fn confirm(&self, email: &str, token: &str, password: &str) -> Call<'_> {
        let body = json!({"email": email, "token": token, "newPassword": password});
        self.post("/v1/auth/password/reset/confirm", &body)
    }

    /// The id of whoever has this address.
    pub fn user_id(&self, email: &str) -> UserId {
        self.desk().find_user(email).expect("a user")
    }

    /// Looks at a user's record.
    pub fn user<T>(&self, email: &str, look: impl FnOnce(&User) -> T) -> T {
        let id = self.user_id(email);
        self.desk().engine().read(|state| look(&state.users[&id]))
    }

    /// The events that calls caused, in their order; what workers add in their own time is left out.
    pub fn events(&self) -> Vec<&'static str> {
        let workers = ["TokenIssued", "RequestDropped", "ApiKeyUsed", "Suppressed"];
        let mut names = self.inner.event_names();
        names.retain(|name| !name.starts_with("Mail") && !workers.contains(name));
        names
    }
}
