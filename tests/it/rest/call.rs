//! A call, and what came back.

use std::task::Poll;

use keyledger::cli::demo::client::exchange;
use serde_json::Value;

use super::house::House;

/// What somebody who signed in holds.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// A call to be sent.
#[derive(Clone)]
pub(crate) struct Call<'h> {
    house: &'h House,
    method: &'static str,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl<'h> Call<'h> {
    /// A call from 192.0.2.1 with nothing in it; the house trusts loopback as a proxy.
    pub(crate) fn new(house: &'h House, method: &'static str, target: &str) -> Self {
        Self {
            house,
            method,
            target: target.to_owned(),
            headers: vec![("x-forwarded-for".into(), "192.0.2.1".into())],
            body: String::new(),
        }
    }

    /// From another client.
    pub(crate) fn from(self, ip: &str) -> Self {
        self.without("x-forwarded-for").header("x-forwarded-for", ip)
    }

    /// With a header; what was set before stays.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Without a header.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// With an access token.
    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// With a JSON body.
    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", &body.to_string())
    }

    /// With a body.
    pub(crate) fn body(mut self, kind: &str, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self.without("content-type").header("content-type", kind)
    }

    /// Sends it.
    pub(crate) async fn send(self) -> Answer {
        let addr = self.house.inner.addr_of(&self.target);
        let (method, target) = (self.method, &self.target);
        let answer = exchange(addr, method, target, &self.headers, self.body.as_bytes()).await;
        let answer = answer.unwrap_or_else(|error| panic!("{method} {target}: {error}"));
        Answer {
            status: answer.status,
            headers: answer.headers,
            bytes: answer.body,
        }
    }

    /// Sends it and expects a refusal.
    pub(crate) async fn refused(self, status: u16, code: &str) -> Answer {
        let answer = self.send().await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{answer:?}"
        );
        answer
    }

    /// Sends it and expects 200.
    pub(crate) async fn ok(self) -> Answer {
        let answer = self.send().await;
        answer.assert(200);
        answer
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In their order, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) bytes: Vec<u8>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.text())
    }
}

impl Answer {
    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }

    /// The body.
    pub(crate) fn value(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    /// A field of it.
    pub(crate) fn field(&self, name: &str) -> Value {
        self.value()[name].clone()
    }

    /// The error's code; empty for success.
    pub(crate) fn code(&self) -> String {
        self.field("code").as_str().unwrap_or_default().to_owned()
    }

    /// The reasons of the faulty fields: `field:reason …`.
    pub(crate) fn details(&self) -> String {
        let details = self.value()["error"]["details"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let shown: Vec<String> = details
            .iter()
            .map(|d| {
                format!(
                    "{}:{}",
                    d["field"].as_str().unwrap(),
                    d["reason"].as_str().unwrap()
                )
            })
            .collect();
        shown.join(" ")
    }

    /// A header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// The tokens of a sign-in.
    pub(crate) fn tokens(&self) -> Tokens {
        let text = |name: &str| self.field(name).as_str().unwrap().to_owned();
        Tokens {
            access: text("accessToken"),
            refresh: text("refreshToken"),
        }
    }

    /// Demands a status.
    pub(crate) fn assert(&self, status: u16) {
        assert_eq!(self.status, status, "{self:?}");
    }

    /// All that an observer can compare: status, headers but for the request's id, body but for it.
    pub(crate) fn face(&self) -> String {
        let mut headers: Vec<String> = self
            .headers
            .iter()
            .filter(|(name, _)| name != "x-request-id" && name != "date")
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        headers.sort();
        let id = self.header("x-request-id");
        let body = self.text().replace(id, "ID");
        format!("{}\n{}\n{body}", self.status, headers.join("\n"))
    }
}

/// Runs calls at the same time.
pub(crate) async fn together<T>(calls: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut calls: Vec<_> = calls.map(|call| (Box::pin(call), None)).collect();
    std::future::poll_fn(|cx| {
        let mut waiting = false;
        for (call, done) in &mut calls {
            if done.is_none() {
                match call.as_mut().poll(cx) {
                    Poll::Ready(answer) => *done = Some(answer),
                    Poll::Pending => waiting = true,
                }
            }
        }
        if waiting { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    calls.into_iter().filter_map(|(_, done)| done).collect()
}
