//! Receivers of chosen events.

use super::{
    Call, Schema, Topic, count, delete, flag, get, id, list, may, must, named, object, patch, post, text,
    time, whole,
};

pub(super) fn calls() -> Vec<Call> {
    let topic = Topic::Configuration;
    vec![
        get("/v1/admin/webhooks", topic, "List webhooks").answer(
            200,
            "All of them, oldest first; 16 at most.",
            object([must("items", list(named("Webhook")))]),
        ),
        post("/v1/admin/webhooks", topic, "Make a webhook")
            .about(
                "It gets what happens from then on, in the order of the ledger and at least once, as a POST that is signed as \
                 Standard Webhooks says (`webhook-id`, `webhook-timestamp`, `webhook-signature`).",
            )
            .body_as_is(
                object([
                    must("name", text("the shop")),
                    must("url", url()),
                    must("events", events()),
                    may("enabled", flag(true).or_null()),
                ])
                .strict(),
            )
            .answer(201, "Made; its secret is shown this once.", with_secret())
            .versioned(),
        get("/v1/admin/webhooks/{id}", topic, "Show a webhook")
            .answer(200, "As it is.", named("Webhook"))
            .versioned(),
        patch("/v1/admin/webhooks/{id}", topic, "Change a webhook")
            .about("Only what the body has. One that is enabled again gets what happened meanwhile.")
            .body_as_is(
                object([
                    may("name", text("the shop").or_null()),
                    may("url", url().or_null()),
                    may("events", events().or_null()),
                    may("enabled", flag(true).or_null()),
                ])
                .strict(),
            )
            .answer(200, "As it is now.", named("Webhook"))
            .versioned(),
        delete("/v1/admin/webhooks/{id}", topic, "Remove a webhook")
            .says("The webhook gets nothing any more.")
            .versioned(),
        post(
            "/v1/admin/webhooks/{id}/secret",
            topic,
            "Have another secret sign",
        )
        .about("The one before signs beside it for 24 hours.")
        .answer(200, "Changed; the secret is shown this once.", with_secret())
        .versioned(),
        post("/v1/admin/webhooks/{id}/test", topic, "Send a webhook a test message")
            .about("That it fails is an answer.")
            .answer(200, "Tried.", sent()),
        get(
            "/v1/admin/webhooks/{id}/deliveries",
            topic,
            "Show how deliveries go",
        )
        .answer(
            200,
            "How far it is, how the last try went since the server began, and what was given up.",
            object([
                must(
                    "position",
                    count(42).about("What it chose before this was delivered or given up, as far as the ledger knows."),
                ),
                must("behind", count(0).about("Events since, chosen or not.")),
                must("lastTriedAt", time().or_null()),
                must("lastStatus", count(204).or_null()),
                must("attempts", count(0).about("Of the event that waits.")),
                must("failingSince", time().or_null()),
                must("nextAttemptAt", time().or_null()),
                must(
                    "deadLetters",
                    list(object([
                        must("position", count(42)),
                        must("type", text("PasswordSet")),
                        must("time", time()),
                    ])),
                ),
            ]),
        ),
        post(
            "/v1/admin/webhooks/{id}/redeliver",
            topic,
            "Send an event again that was given up",
        )
        .about("It comes behind later ones, under the same `webhook-id`.")
        .body_as_is(object([must("position", whole(0, i64::MAX, 42))]).strict())
        .answer(200, "Tried.", sent()),
    ]
}

fn url() -> Schema {
    text("https://hooks.example.com/keyledger")
}

fn events() -> Schema {
    list(text("PasswordSet"))
        .about("Names of events, words of the OWASP logging vocabulary, or `*` for all; 40 at most.")
}

fn fields() -> Vec<super::super::schema::Field> {
    vec![
        must("id", id()),
        must("name", text("the shop")),
        must("url", url()),
        must("events", events()),
        must("enabled", flag(true)),
        must("createdAt", time()),
        must("version", count(42)),
        must(
            "oldSecretUntil",
            time()
                .or_null()
                .about("Until when the secret before this one signs too."),
        ),
    ]
}

/// A receiver without its secret.
pub(super) fn webhook() -> Schema {
    object(fields())
}

fn with_secret() -> Schema {
    let mut fields = fields();
    fields.push(must("secret", text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")));
    object(fields)
}

fn sent() -> Schema {
    object([
        must("delivered", flag(true)),
        must("status", count(204).or_null()),
        must("trouble", text("it answers with status 500").or_null()),
    ])
}
