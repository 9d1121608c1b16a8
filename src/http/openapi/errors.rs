//! How refusals look in the document.

use serde_json::{Value, json};

use super::schema::{Schema, list, may, must, named, object, only, text, whole};
use crate::http::codes::Code;
use crate::http::reply::Envelope;

/// The headers that say when to come back.
pub(super) fn retry_headers(status: u16) -> Value {
    let whole = |about: &str| json!({"description": about, "schema": {"type": "integer", "minimum": 0}});
    let mut headers = json!({"Retry-After": whole("Seconds to wait.")});
    if status == 429 {
        headers["X-RateLimit-Limit"] = whole("Calls that the limit allows.");
        headers["X-RateLimit-Remaining"] = whole("Calls that are left.");
        headers["X-RateLimit-Reset"] = whole("Seconds until the whole allowance is back.");
    }
    headers
}

/// The shapes of errors.
pub(super) fn errors(envelope: Envelope) -> [(&'static str, Schema); 4] {
    let detail = object([
        must(
            "field",
            text("email").about("The field, with a path: `settings.port`."),
        ),
        must(
            "reason",
            text("required").about("What is wrong with it: a stable word."),
        ),
        may("message", text("Enter an address.").about("The same for people.")),
    ]);
    let fault = || {
        [
            must(
                "code",
                text("common/invalid-parameters").about("Stable: match on this."),
            ),
            must(
                "message",
                text("The request has missing or invalid parameters; see details."),
            ),
            may("details", list(named("Detail"))),
            must("requestId", text("5f0c9a…")),
        ]
    };
    let status = || must("statusCode", whole(400, 599, 400));
    let bare = object(fault().into_iter().chain([status()]));
    let inner = must("error", object(fault()));
    let success = || must("success", only(false));
    let error = match envelope {
        Envelope::Bare => bare.clone(),
        Envelope::Wrapped => object([success(), inner]),
        Envelope::Hybrid => object([
            success(),
            inner,
            must(
                "code",
                text("common/invalid-parameters").about("The same as `error.code`."),
            ),
            must(
                "message",
                text("…").about("Fixed English; `error.message` follows `Accept-Language`."),
            ),
            status(),
        ]),
    };
    let problem = object([
        must("type", text("urn:keyledger:error:common:invalid-parameters")),
        must(
            "title",
            text("The request has missing or invalid parameters; see details."),
        ),
        must("status", whole(400, 599, 400)),
        must(
            "detail",
            text("The request has missing or invalid parameters; see details."),
        ),
        must("code", text("common/invalid-parameters")),
        may("details", list(named("Detail"))),
        must("requestId", text("5f0c9a…")),
    ])
    .about("RFC 9457, where `Accept` asks for it.");
    [
        ("Detail", detail),
        ("Error", error),
        ("BareError", bare),
        ("Problem", problem),
    ]
}

pub(super) fn error_example(code: Code, envelope: Envelope) -> Value {
    let fault = json!({"code": code.text(), "message": code.english(), "requestId": "5f0c9a…"});
    match envelope {
        Envelope::Bare => {
            let mut bare = fault;
            bare["statusCode"] = code.status().into();
            bare
        }
        Envelope::Wrapped => json!({"success": false, "error": fault}),
        Envelope::Hybrid => json!({
            "success": false, "error": fault, "code": code.text(), "message": code.english(),
            "statusCode": code.status(),
        }),
    }
}
