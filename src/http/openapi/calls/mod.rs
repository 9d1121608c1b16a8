//! What there is to say of each call, one entry a route: summary, parameters, body, answers, refusals of its own.

mod account;
mod admin;
mod audit;
mod auth;
mod invitations;
mod people;
mod services;
mod webhooks;

use super::schema::{
    Schema, anything, count, email, flag, id, list, may, must, named, object, only, text, time, whole, word,
};
use crate::http::Method;
use crate::http::codes::Code;

/// Where a call stands in the document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Topic {
    Password,
    SignIn,
    Sessions,
    Verification,
    SecondFactors,
    Addresses,
    Flows,
    Users,
    Configuration,
    Audit,
    Services,
    Server,
}

impl Topic {
    /// All, in the order of the document.
    pub(super) const ALL: [Self; 12] = [
        Self::Password,
        Self::SignIn,
        Self::Sessions,
        Self::Verification,
        Self::SecondFactors,
        Self::Addresses,
        Self::Flows,
        Self::Users,
        Self::Configuration,
        Self::Audit,
        Self::Services,
        Self::Server,
    ];

    /// Its heading.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Password => "Passwords",
            Self::SignIn => "Sign-up and sign-in",
            Self::Sessions => "Sessions",
            Self::Verification => "E-mail verification",
            Self::SecondFactors => "Second factors",
            Self::Addresses => "Addresses",
            Self::Flows => "Flows",
            Self::Users => "Users",
            Self::Configuration => "Administration",
            Self::Audit => "Audit",
            Self::Services => "For services behind it",
            Self::Server => "Server",
        }
    }
}

/// What a call carries.
pub(super) enum Body {
    /// JSON that must be there.
    Json(Schema),
    /// JSON that may be missing.
    PerhapsJson(Schema),
    /// A form, where a standard says so.
    Form(Schema),
}

impl Body {
    /// Its media type.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Json(_) | Self::PerhapsJson(_) => "application/json",
            Self::Form(_) => "application/x-www-form-urlencoded",
        }
    }

    /// Its shape.
    pub(super) fn schema(&self) -> &Schema {
        match self {
            Self::Json(schema) | Self::PerhapsJson(schema) | Self::Form(schema) => schema,
        }
    }

    /// Whether there must be one.
    pub(super) fn is_required(&self) -> bool {
        match self {
            Self::Json(_) | Self::Form(_) => true,
            Self::PerhapsJson(_) => false,
        }
    }
}

/// What a call is answered where it is not refused.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) about: &'static str,
    /// Media type and shape, before the envelope.
    pub(super) content: Option<(&'static str, Schema)>,
    /// Whether it has no envelope, because a standard gives its shape.
    pub(super) is_plain: bool,
}

/// One entry.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) pattern: &'static str,
    pub(super) topic: Topic,
    pub(super) summary: String,
    pub(super) about: &'static str,
    /// Name, shape, and whether it must be there.
    pub(super) query: Vec<(&'static str, Schema, bool)>,
    pub(super) body: Option<Body>,
    pub(super) answers: Vec<Answer>,
    pub(super) codes: Vec<Code>,
    /// Whether answers carry an `ETag`.
    pub(super) has_etag: bool,
    /// Whether `If-Match` is looked at.
    pub(super) is_versioned: bool,
}

impl Call {
    fn new(method: Method, pattern: &'static str, topic: Topic, summary: impl Into<String>) -> Self {
        Self {
            method,
            pattern,
            topic,
            summary: summary.into(),
            about: "",
            query: vec![],
            body: None,
            answers: vec![],
            codes: vec![],
            has_etag: false,
            is_versioned: false,
        }
    }

    fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    fn query(mut self, name: &'static str, schema: Schema) -> Self {
        self.query.push((name, schema, false));
        self
    }

    fn query_must(mut self, name: &'static str, schema: Schema) -> Self {
        self.query.push((name, schema, true));
        self
    }

    fn body(self, body: Schema) -> Self {
        let body = Some(Body::Json(body.of_a_body()));
        Self { body, ..self }
    }

    /// A body of the admin API, where `null` is no absence.
    fn body_as_is(self, body: Schema) -> Self {
        let body = Some(Body::Json(body));
        Self { body, ..self }
    }

    fn perhaps_body_as_is(self, body: Schema) -> Self {
        let body = Some(Body::PerhapsJson(body));
        Self { body, ..self }
    }

    fn form(self, body: Schema) -> Self {
        let body = Some(Body::Form(body));
        Self { body, ..self }
    }

    fn perhaps_body(self, body: Schema) -> Self {
        let body = Some(Body::PerhapsJson(body.of_a_body()));
        Self { body, ..self }
    }

    fn answer(mut self, status: u16, about: &'static str, schema: Schema) -> Self {
        self.answers.push(Answer {
            status,
            about,
            content: Some(("application/json", schema)),
            is_plain: false,
        });
        self
    }

    /// An answer of another kind.
    fn gives(mut self, status: u16, about: &'static str, kind: &'static str, schema: Schema) -> Self {
        self.answers.push(Answer {
            status,
            about,
            content: Some((kind, schema)),
            is_plain: true,
        });
        self
    }

    /// An answer whose body says nothing.
    fn leads(mut self, status: u16, about: &'static str) -> Self {
        self.answers.push(Answer {
            status,
            about,
            content: None,
            is_plain: true,
        });
        self
    }

    /// The usual answer: a sentence.
    fn says(self, message: &'static str) -> Self {
        self.answer(200, message, object([must("message", text(message))]))
    }

    fn refuses(mut self, codes: &[Code]) -> Self {
        self.codes.extend_from_slice(codes);
        self
    }

    /// Answers carry their version, and an edit may name it.
    fn versioned(self) -> Self {
        let is_edit = self.method == Method::PATCH || self.method == Method::DELETE;
        Self {
            has_etag: self.method != Method::DELETE,
            is_versioned: is_edit,
            ..self
        }
    }

    /// A name for generated clients: `post_v1_auth_password_change`.
    pub(super) fn operation_id(&self) -> String {
        let path: String = self
            .pattern
            .chars()
            .filter(|c| !"{}".contains(*c))
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        format!("{}{path}", self.method.as_str().to_ascii_lowercase())
    }
}

fn get(pattern: &'static str, topic: Topic, summary: impl Into<String>) -> Call {
    Call::new(Method::GET, pattern, topic, summary)
}

fn post(pattern: &'static str, topic: Topic, summary: impl Into<String>) -> Call {
    Call::new(Method::POST, pattern, topic, summary)
}

fn put(pattern: &'static str, topic: Topic, summary: impl Into<String>) -> Call {
    Call::new(Method::PUT, pattern, topic, summary)
}

fn patch(pattern: &'static str, topic: Topic, summary: impl Into<String>) -> Call {
    Call::new(Method::PATCH, pattern, topic, summary)
}

fn delete(pattern: &'static str, topic: Topic, summary: impl Into<String>) -> Call {
    Call::new(Method::DELETE, pattern, topic, summary)
}

/// Every entry, in the order of the document.
pub(super) fn all() -> Vec<Call> {
    let mut calls = auth::calls();
    calls.extend(account::calls());
    calls.extend(people::calls());
    calls.extend(invitations::calls());
    calls.extend(admin::calls());
    calls.extend(people::house());
    calls.extend(webhooks::calls());
    calls.extend(audit::calls());
    calls.extend(services::calls());
    calls
}

/// Shapes that several entries have in common.
pub(super) fn components() -> Vec<(&'static str, Schema)> {
    vec![
        (
            "Tokens",
            object([
                must(
                    "accessToken",
                    text("eyJhbGciOiJIUzI1NiJ9.…")
                        .about("A JWT (HS256) with `sub`, `role`, `jti`, `iat`, `exp`."),
                ),
                must("refreshToken", text("AQAAAAE…").about("Opaque; good once.")),
                must("tokenType", only("Bearer")),
                must(
                    "expiresIn",
                    count(3600).about("Seconds until the access token ends."),
                ),
            ]),
        ),
        (
            "Pagination",
            object([
                must("total", count(1)),
                must("page", count(1)),
                must("limit", count(20)),
                must("totalPages", count(1)),
                must("hasNext", flag(false)),
                must("hasPrev", flag(false)),
            ]),
        ),
        ("Profile", object(account::me())),
        ("User", people::user()),
        ("Invitation", invitations::invitation()),
        ("Mail", people::mail()),
        ("ApiKey", people::api_key()),
        ("Session", account::session()),
        ("Address", account::address()),
        ("Step", auth::step()),
        ("Flow", admin::flow()),
        ("Binding", admin::binding()),
        ("Stage", admin::stage()),
        ("Policy", admin::policy()),
        ("Webhook", webhooks::webhook()),
        ("Event", audit::event()),
    ]
}

/// A page of a list.
fn paged(of: &str) -> Schema {
    object([
        must("items", list(named(of))),
        must("pagination", named("Pagination")),
    ])
}

fn page_number() -> Schema {
    whole(1, 1_000_000, 1).about("Which page.")
}

fn page_limit(usual: i64) -> Schema {
    whole(1, 100, usual).about("Items of a page.")
}

/// The shape of a part of a path, by its name.
pub(super) fn path_parameter(name: &str) -> Schema {
    match name {
        "id" | "session" => text("7f2c1a90-5d0e-4b7f-9a63-0c6f4a1b2d3e"),
        "order" => whole(0, 65_535, 10),
        "position" => whole(0, i64::MAX, 42),
        "slug" => text("default-recovery-flow"),
        "executionId" => text("AQAAAAE…"),
        _ => text("default-password-change-prompt"),
    }
}

/// What `Idempotency-Key` is.
pub(super) fn idempotency_key() -> Schema {
    text("8e03978e-40d5-43dd-bc93-6894a57f9324")
}

/// What `If-Match` is.
pub(super) fn entity_tag() -> Schema {
    text("\"42\"")
}
