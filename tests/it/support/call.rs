//! One request to the house, and what came back.

use std::future::{Future, IntoFuture};
use std::net::SocketAddr;
use std::pin::Pin;

use keyledger::cli::demo::client::exchange;
use serde_json::Value;

/// A request that is being put together; `.await` sends it.
#[must_use = "a call is sent by awaiting it"]
pub(crate) struct Call {
    addr: SocketAddr,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// In their order, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) bytes: Vec<u8>,
    /// The body, `null` if it is not JSON.
    pub(crate) json: Value,
}

impl Call {
    pub(crate) fn new(addr: SocketAddr, method: &str, target: &str, api_key: &str) -> Self {
        Self {
            addr,
            method: method.to_owned(),
            target: target.to_owned(),
            headers: vec![("X-API-Key".to_owned(), api_key.to_owned())],
            body: vec![],
        }
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body(body.to_string().into_bytes())
            .header("Content-Type", "application/json")
    }

    pub(crate) fn body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    /// Sets a header field, instead of one of that name that is there.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    pub(crate) fn bearer(self, access_token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {access_token}"))
    }

    /// Comes from another client: the house trusts loopback as a proxy.
    #[expect(clippy::wrong_self_convention, reason = "a sentence: call from an address")]
    pub(crate) fn from_ip(self, ip: &str) -> Self {
        self.header("X-Forwarded-For", ip)
    }

    pub(crate) fn user_agent(self, name: &str) -> Self {
        self.header("User-Agent", name)
    }
}

impl IntoFuture for Call {
    type Output = Reply;
    type IntoFuture = Pin<Box<dyn Future<Output = Reply> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self {
                addr,
                method,
                target,
                headers,
                body,
            } = self;
            let answer = exchange(addr, &method, &target, &headers, &body)
                .await
                .unwrap_or_else(|error| panic!("{method} {target}: {error}"));
            Reply {
                status: answer.status,
                json: answer.json(),
                headers: answer.headers,
                bytes: answer.body,
            }
        })
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The error's code, empty on success.
    pub(crate) fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    /// A text field of the answer.
    pub(crate) fn text(&self, field: &str) -> String {
        self.json[field]
            .as_str()
            .unwrap_or_else(|| panic!("no text `{field}` in {} {}", self.status, self.json))
            .to_owned()
    }

    /// Itself, after a look at the status; says what came instead.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        self
    }

    /// The same for a refusal.
    #[track_caller]
    pub(crate) fn expect_code(self, status: u16, code: &str) -> Self {
        let reply = self.expect(status);
        assert_eq!(reply.code(), code);
        reply
    }
}
