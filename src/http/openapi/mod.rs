//! The API in the words of OpenAPI 3.1 (`/openapi.json`), and the same as a page for people (`/docs`).
//!
//! Every route has one entry in `calls`; what follows from its place in the table of routes (path parameters, who may
//! call, the refusals of the gate) is added here, so that an entry says only what is its own. A test holds entries and
//! routes against each other, both ways.

mod calls;
mod errors;
mod page;
mod schema;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use self::calls::Call;
use self::errors::{error_example, errors, retry_headers};
use self::schema::{Schema, both, must, named, object, only};
use super::codes::Code;
use super::idempotency::is_kept;
use super::reply::Envelope;
use super::request::is_always_bare;
use super::response::Response;
use super::router::Route;
use super::site::{Access, Site};
use super::{Method, StatusCode, api, pages};

/// The routes of the two documents.
pub fn routes() -> Vec<Route<Site, Access>> {
    vec![
        Route::new(Method::GET, "/openapi.json", Access::Console, |site, _| {
            Box::pin(async move { document_of(&site) })
        }),
        Route::new(Method::GET, "/docs", Access::Console, |site, request| {
            Box::pin(async move { pages::show_reference(&site, &request) })
        }),
    ]
}

fn document_of(site: &Site) -> Response {
    let document = Reference::new(site.envelope).document(&site.settings.public_url, &site.url);
    Response::new(StatusCode::OK, "application/json", document.to_string())
}

/// A route as far as the document tells of it.
pub(super) struct Described {
    call: Call,
    access: Access,
    is_bare: bool,
}

/// Everything that is told of the API.
pub(super) struct Reference {
    envelope: Envelope,
    described: Vec<Described>,
    components: Map<String, Value>,
}

/// The routes that the document tells of: those for programs.
fn told() -> impl Iterator<Item = Route<Site, Access>> {
    let pages = pages::routes().into_iter();
    let programs = pages.filter(|route| route.pattern.starts_with("/v1/"));
    let documents = routes().into_iter().filter(|route| route.pattern != "/docs");
    api::routes().into_iter().chain(programs).chain(documents)
}

impl Reference {
    pub(super) fn new(envelope: Envelope) -> Self {
        let mut routes: BTreeMap<(&str, String), Access> = told()
            .map(|route| ((route.pattern, route.method.to_string()), route.access))
            .collect();
        let mut described = vec![];
        for call in calls::all() {
            let Some(access) = routes.remove(&(call.pattern, call.method.to_string())) else {
                continue;
            };
            let is_bare = envelope == Envelope::Bare || is_always_bare(call.pattern);
            described.push(Described {
                call,
                access,
                is_bare,
            });
        }
        let components = calls::components()
            .into_iter()
            .chain(errors(envelope))
            .map(|(name, schema)| (name.to_owned(), schema.json().clone()))
            .collect();
        Self {
            envelope,
            described,
            components,
        }
    }

    /// The document; `server` is where the API is reached, and `administrators` where what only they may call is.
    pub(super) fn document(&self, server: &str, administrators: &str) -> Value {
        let mut paths: Map<String, Value> = Map::new();
        for one in &self.described {
            let path = paths
                .entry(one.call.pattern)
                .or_insert_with(|| Value::Object(Map::new()));
            let mut operation = self.operation(one);
            let is_theirs = matches!(one.access, Access::Administrator | Access::Console);
            if is_theirs && administrators != server {
                operation["servers"] = json!([{"url": administrators}]);
            }
            path[one.call.method.as_str().to_ascii_lowercase()] = operation;
        }
        let tags: Vec<Value> = calls::Topic::ALL
            .iter()
            .map(|topic| json!({"name": topic.title()}))
            .collect();
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Keyledger",
                "version": env!("CARGO_PKG_VERSION"),
                "description": ABOUT,
                "license": {"name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT"},
            },
            "servers": [{"url": server}],
            "tags": tags,
            "paths": paths,
            "components": {
                "schemas": self.components,
                "securitySchemes": security_schemes(),
            },
        })
    }

    fn operation(&self, one: &Described) -> Value {
        let Described {
            call,
            access,
            is_bare,
        } = one;
        let mut operation = json!({
            "operationId": call.operation_id(),
            "summary": call.summary,
            "tags": [call.topic.title()],
            "security": security(*access),
            "responses": self.responses(one, *is_bare),
        });
        if !call.about.is_empty() {
            operation["description"] = call.about.into();
        }
        let parameters: Vec<Value> = one.parameters().iter().map(Parameter::json).collect();
        if !parameters.is_empty() {
            operation["parameters"] = parameters.into();
        }
        if let Some(body) = &call.body {
            let kind = body.kind();
            let schema = body.schema();
            operation["requestBody"] = json!({
                "required": body.is_required(),
                "content": {kind: {
                    "schema": schema.json(),
                    "example": schema.example(&self.components),
                }},
            });
        }
        operation
    }

    fn responses(&self, one: &Described, is_bare: bool) -> Value {
        let mut responses = Map::new();
        for answer in &one.call.answers {
            let mut told =
                json!({"description": answer.about, "headers": answer_headers(one, answer.status)});
            if let Some((kind, schema)) = &answer.content {
                let wrapped = if *kind == "application/json" && !answer.is_plain {
                    self.wrapped(schema.clone(), is_bare)
                } else {
                    schema.clone()
                };
                told["content"] = json!({*kind: {
                    "schema": wrapped.json(),
                    "example": wrapped.example(&self.components),
                }});
            }
            responses.insert(answer.status.to_string(), told);
        }
        for (status, codes) in one.refusals() {
            let told = responses
                .entry(status.to_string())
                .or_insert_with(|| json!({"description": ""}));
            let words: Vec<&str> = codes.iter().map(|code| code.text()).collect();
            let before = told["description"].as_str().unwrap_or_default().to_owned();
            let words = format!("`{}`", words.join("`, `"));
            told["description"] = if before.is_empty() {
                words
            } else {
                format!("{before} Or {words}.")
            }
            .into();
            if status == 429 || status == 503 {
                told["headers"] = retry_headers(status);
            }
            if told.get("content").is_none() {
                told["content"] = self.error_content(&codes, is_bare);
            }
        }
        responses.into()
    }

    fn error_content(&self, codes: &[Code], is_bare: bool) -> Value {
        let name = if is_bare { "BareError" } else { "Error" };
        let envelope = if is_bare { Envelope::Bare } else { self.envelope };
        let examples: Map<String, Value> = codes
            .iter()
            .map(|code| {
                (
                    code.text().replace('/', "-"),
                    json!({"value": error_example(*code, envelope)}),
                )
            })
            .collect();
        json!({
            "application/json": {"schema": named(name).json(), "examples": examples},
            "application/problem+json": {"schema": named("Problem").json()},
        })
    }

    /// A success as the envelope has it.
    fn wrapped(&self, fields: Schema, is_bare: bool) -> Schema {
        let outside = |data: Schema| object([must("success", only(true)), must("data", data)]);
        match self.envelope {
            _ if is_bare => fields,
            Envelope::Bare => fields,
            Envelope::Wrapped => outside(fields),
            Envelope::Hybrid => both(fields.clone(), outside(fields)),
        }
    }
}

/// A parameter outside the body.
pub(super) struct Parameter {
    place: &'static str,
    name: String,
    schema: Schema,
    is_required: bool,
}

impl Parameter {
    fn json(&self) -> Value {
        let mut shape = self.schema.json().clone();
        let words = shape
            .as_object_mut()
            .and_then(|shape| shape.remove("description"));
        let mut told =
            json!({"name": self.name, "in": self.place, "required": self.is_required, "schema": shape});
        if let Some(words) = words {
            told["description"] = words;
        }
        told
    }
}

impl Described {
    /// Parameters of path, query and header, in this order.
    pub(super) fn parameters(&self) -> Vec<Parameter> {
        let call = &self.call;
        let names = call.pattern.split('/').filter_map(|segment| {
            let name = segment.strip_prefix('{')?.strip_suffix('}')?;
            Some(Parameter {
                place: "path",
                name: name.to_owned(),
                schema: calls::path_parameter(name),
                is_required: true,
            })
        });
        let query = call.query.iter().map(|(name, schema, is_required)| Parameter {
            place: "query",
            name: (*name).to_owned(),
            schema: schema.clone(),
            is_required: *is_required,
        });
        let header = |name: &str, schema: Schema| Parameter {
            place: "header",
            name: name.to_owned(),
            schema,
            is_required: false,
        };
        let repeat = self.may_repeat().then(|| {
            let words = "A repeat with the same key and body has no second effect, and gets the same answer.";
            header("Idempotency-Key", calls::idempotency_key().about(words))
        });
        let version = call.is_versioned.then(|| {
            let words = "The `ETag` that was shown: refuses what somebody else has changed since (412).";
            header("If-Match", calls::entity_tag().about(words))
        });
        names.chain(query).chain(repeat).chain(version).collect()
    }

    /// Whether `Idempotency-Key` is looked at.
    fn may_repeat(&self) -> bool {
        self.call.method == Method::POST && self.has_key() && is_kept(self.call.pattern)
    }

    /// Whether callers show an API key.
    fn has_key(&self) -> bool {
        match self.access {
            Access::Health | Access::Open | Access::Console | Access::Forwarded => false,
            Access::ApiKey | Access::SignedIn | Access::Person | Access::Service | Access::Administrator => {
                true
            }
        }
    }

    /// Every refusal by its status: the call's own, the gate's and the router's.
    pub(super) fn refusals(&self) -> BTreeMap<u16, Vec<Code>> {
        let call = &self.call;
        let mut codes = call.codes.clone();
        codes.extend([Code::InvalidParameters, Code::Internal, Code::Overloaded]);
        if call.pattern.contains('{') {
            codes.push(Code::NotFound);
        }
        if call.body.is_some() {
            codes.extend([Code::RequestTimeout, Code::UnsupportedMediaType]);
        }
        if self.access != Access::Health {
            codes.push(Code::TooManyRequests);
        }
        let signed_in = [
            Code::InvalidApiKey,
            Code::Unauthorized,
            Code::InvalidToken,
            Code::TokenExpired,
            Code::SessionExpired,
            Code::AccountNotFound,
        ];
        match self.access {
            Access::Health | Access::Open | Access::Console | Access::Forwarded => {}
            Access::ApiKey => codes.push(Code::InvalidApiKey),
            Access::SignedIn => codes.extend(signed_in),
            Access::Person => {
                codes.extend(signed_in);
                codes.extend([Code::UserUnauthorized, Code::UserForbidden]);
            }
            Access::Service | Access::Administrator => {
                codes.extend(signed_in);
                codes.push(Code::UserForbidden);
            }
        }
        if self.has_key() {
            codes.push(Code::UnsupportedMediaType);
            if self.may_repeat() {
                codes.extend([Code::IdempotencyInProgress, Code::IdempotencyKeyReused]);
            }
        }
        if call.is_versioned {
            codes.push(Code::Changed);
        }
        let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
        for code in codes {
            let told = by_status.entry(code.status()).or_default();
            if !told.contains(&code) {
                told.push(code);
            }
        }
        by_status
    }
}

const ABOUT: &str = "Password recovery, sign-in, sessions and second factors, with an audit trail that can be proven.\n\n\
    Errors have a stable `code` and a sentence in English or Korean (`Accept-Language`); with `Accept: \
    application/problem+json` they are problem documents (RFC 9457). Every answer carries `X-Request-Id`. `OPTIONS` \
    and `HEAD` are answered on every path, an unknown path with 404, another method with 405 and `Allow`.";

fn security_schemes() -> Value {
    json!({
        "apiKey": {
            "type": "apiKey", "in": "header", "name": "X-API-Key",
            "description": "A publishable key (`pk_…`), which names the client; or a secret one (`sk_…`), which is an administrator.",
        },
        "secretKey": {
            "type": "http", "scheme": "bearer",
            "description": "A secret key (`sk_…`) as bearer, in the place of `X-API-Key`.",
        },
        "basic": {
            "type": "http", "scheme": "basic",
            "description": "A secret key as the password; the user name is not looked at.",
        },
        "accessToken": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "The access token of a sign-in; it is good for as long as its session is.",
        },
    })
}

fn security(access: Access) -> Value {
    match access {
        Access::Health | Access::Open | Access::Console => json!([]),
        Access::Forwarded => json!([{}, {"accessToken": []}]),
        Access::Service => json!([
            {"apiKey": []}, {"secretKey": []}, {"basic": []}, {"apiKey": [], "accessToken": []},
        ]),
        Access::ApiKey => json!([{"apiKey": []}, {"secretKey": []}]),
        Access::SignedIn => json!([{"apiKey": [], "accessToken": []}]),
        Access::Person | Access::Administrator => {
            json!([{"apiKey": []}, {"secretKey": []}, {"apiKey": [], "accessToken": []}])
        }
    }
}

fn answer_headers(one: &Described, status: u16) -> Value {
    let header = |about: &str| json!({"description": about, "schema": {"type": "string"}});
    let mut headers = json!({"X-Request-Id": header("The id of the request, as the log has it.")});
    if one.call.has_etag && status < 300 {
        headers["ETag"] = header("The version that was shown, for `If-Match`.");
    }
    if status / 100 == 3 {
        headers["Location"] = header("Where to go on.");
    }
    headers
}

#[cfg(test)]
mod tests;
