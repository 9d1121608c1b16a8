//! Evidence, and the server itself.

use serde_json::json;

use super::{
    Call, Schema, Topic, anything, count, flag, get, id, list, may, must, named, object, page_limit,
    page_number, text, time, whole, word,
};
use crate::http::codes::Code;

pub(super) fn calls() -> Vec<Call> {
    let mut calls = audit();
    calls.extend(server());
    calls
}

fn cursor() -> Schema {
    text("1:42").about("A place in the ledger: `epoch:position`.")
}

/// A place in the ledger, as a query has it.
fn position() -> Schema {
    whole(0, i64::MAX, 0)
}

/// The parameters and the answer of a list of events.
pub(super) fn listing(call: Call) -> Call {
    call.about("Oldest first. `next` goes into `after`; a cursor from before a restore is refused with what happened.")
        .query("after", cursor())
        .query("limit", whole(1, 1_000, 100))
        .query("type", text("SignedIn").about("The event's name, or its term in the OWASP logging vocabulary."))
        .query("ip", text("192.0.2.1").about("The address it came from, as far as that can still be read."))
        .query("from", time())
        .query("to", time())
        .answer(
            200,
            "A part of them.",
            object([must("items", list(named("Event"))), must("next", cursor().or_null())]),
        )
}

fn audit() -> Vec<Call> {
    let topic = Topic::Audit;
    vec![
        listing(get("/v1/audit/events", topic, "List events").query("user", id())),
        get("/v1/audit/events/stream", topic, "Hear of events as they happen")
            .about("Server-sent events, behind `Last-Event-ID` or `after`, or from now on. A few may listen at a time: others are told to come back (503).")
            .query("after", cursor())
            .query("user", id())
            .query("type", text("SignedIn"))
            .query("ip", text("192.0.2.1"))
            .query("from", time())
            .query("to", time())
            .gives(200, "An event each, its cursor as the id, the same members as in lists as the data.", "text/event-stream", text("id: 1:42\ndata: {…}\n\n")),
        get("/v1/audit/state", topic, "Show users or live sessions as they were")
            .about("One such question at a time: others are told to come back (503).")
            .query_must("at", text("2026-01-20T14:30:00.000Z").about("A moment, or a cursor."))
            .query("of", word(&["users", "sessions"]))
            .query("user", text("user@example.com").about("With `of=sessions`: whose."))
            .query("page", page_number())
            .query("limit", page_limit(20))
            .answer(
                200,
                "As it was.",
                object([
                    must("at", time()),
                    must("cursor", cursor()),
                    must("position", count(42)),
                    must("epoch", count(1)),
                    must("root", text("9f86d081…").about("Of the Merkle tree over everything up to there, in hexadecimal digits.")),
                    must("items", list(anything(json!({"id": "7f2c1a90-5d0e-4b7f-9a63-0c6f4a1b2d3e"})))),
                    must("pagination", named("Pagination")),
                ]),
            )
            .refuses(&[Code::UserNotFound]),
        get("/v1/audit/checkpoint", topic, "The signed head of the ledger")
            .query("cosigned", flag(false).about("Has the witness of the settings cosign it first; 503 if it does not."))
            .gives(200, "A note in the form of C2SP.", "text/plain", text("id.example.com\n42\n…\n\n— id.example.com …\n")),
        get("/v1/audit/proof/{position}", topic, "The proof that one record stands at its place").gives(
            200,
            "Record, path and checkpoint, as `keyledger audit verify` reads them.",
            "text/plain",
            text("…"),
        ),
        get("/v1/audit/export", topic, "The whole log, or a part of it")
            .about("One client at a time: others are told to come back (503).")
            .query("from", position())
            .query("to", position())
            .gives(
                200,
                "A tar file, streamed.",
                "application/x-tar",
                text("…").about("Bytes."),
            ),
    ]
}

pub(super) fn event() -> Schema {
    object([
        must("position", count(42)),
        must("cursor", cursor()),
        must("time", time()),
        must("type", text("SignedIn")),
        must(
            "term",
            text("authn_login_success")
                .or_null()
                .about("In the OWASP logging vocabulary."),
        ),
        must("userId", id().or_null()),
        must("address", text("user@example.com").or_null()),
        must("ipAddress", text("203.0.113.7").or_null()),
        must("userAgent", text("Mozilla/5.0 …").or_null()),
        must(
            "text",
            text("user@example.com signed in").about("In the caller's language."),
        ),
    ])
}

fn server() -> Vec<Call> {
    let topic = Topic::Server;
    vec![
        get("/healthz", topic, "Whether the server lives").answer(
            200,
            "It does.",
            object([must("status", text("alive"))]),
        ),
        get("/readyz", topic, "Whether the server works").answer(
            200,
            "It does.",
            object([
                must("status", text("ready")),
                may(
                    "warnings",
                    list(text("The system clock is not believed: see the server's log.")).without_example(),
                ),
            ]),
        ),
        get("/openapi.json", topic, "This document").gives(
            200,
            "OpenAPI 3.1.",
            "application/json",
            anything(json!({"openapi": "3.1.0"})),
        ),
    ]
}
