//! Users, as administrators and they themselves look after them.

use serde_json::json;

use super::account::me;
use super::{
    Call, Schema, Topic, anything, count, delete, email, flag, get, id, list, may, must, named, object,
    page_limit, page_number, paged, patch, post, text, time, whole, word,
};
use crate::http::codes::Code;

/// What everybody but an administrator is told about others.
const ONESELF: &str =
    "Whoever is no administrator may do this to themself only, and is told 403 about everybody else.";

const ROLES: [&str; 3] = ["admin", "user", "guest"];
const FACTORS: [&str; 3] = ["totp", "email", "recovery_codes"];

pub(super) fn calls() -> Vec<Call> {
    let mut calls = users();
    calls.extend(kept());
    calls
}

fn users() -> Vec<Call> {
    let topic = Topic::Users;
    let changed = || {
        object([
            may("name", text("Jiwoo Kim").about("1 to 100 characters.")),
            may("locale", word(&["en", "ko"])),
        ])
    };
    let refused = [Code::UserNotFound, Code::UserForbidden];
    vec![
        get("/v1/users", topic, "List users")
            .about("For administrators. A whole address is found at once; parts of names and addresses over an index.")
            .query("page", page_number())
            .query("limit", page_limit(20))
            .query("search", text("jiwoo").about("At most 254 characters."))
            .query("searchType", word(&["any", "email", "name", "username", "id"]))
            .query("sortBy", word(&["createdAt", "email", "name"]))
            .query("sortDirection", word(&["asc", "desc"]))
            .answer(200, "A page of them.", paged("User"))
            .refuses(&[Code::UserForbidden]),
        post("/v1/users", topic, "Register somebody")
            .about("For administrators. Nobody sets another person's password: with `invite` the mail leaves by which they choose one, as with `/v1/admin/invitations`.")
            .body(object([
                must("email", email()),
                may("name", text("Jiwoo Kim")),
                may("username", text("jiwoo")),
                may("role", word(&["user", "admin", "guest"])),
                may("locale", word(&["en", "ko"])),
                may("invite", flag(true)),
            ]))
            .answer(201, "Registered.", named("User"))
            .versioned()
            .refuses(&[Code::InvalidEmail, Code::UserInvalidName, Code::UserInvalidRole, Code::EmailAlreadyExists])
            .refuses(&refused),
        get("/v1/users/{id}", topic, "Show a user")
            .about(ONESELF)
            .answer(200, "As they are.", named("User"))
            .versioned()
            .refuses(&refused),
        patch("/v1/users/{id}", topic, "Change name and language of a user")
            .about(ONESELF)
            .body(changed())
            .answer(200, "As they are now.", named("User"))
            .versioned()
            .refuses(&[Code::UserInvalidName, Code::UserNotActive])
            .refuses(&refused),
        delete("/v1/users/{id}", topic, "Erase a user")
            .about("At once and for good. Who does this to themself closes their account, which a mailed link takes back for a while.")
            .says("The user has been erased: their keys are destroyed, and nobody can read their data any more.")
            .refuses(&refused),
        patch("/v1/users/{id}/role", topic, "Change what a user may do")
            .about("For administrators.")
            .body(object([must("role", word(&ROLES))]))
            .answer(200, "As they are now.", named("User"))
            .versioned()
            .refuses(&[Code::UserInvalidRole, Code::UserNotActive])
            .refuses(&refused),
        get("/v1/users/{id}/profile", topic, "Show the profile of a user")
            .about(ONESELF)
            .answer(200, "As it is.", named("Profile"))
            .versioned()
            .refuses(&refused),
        patch("/v1/users/{id}/profile", topic, "Change the profile of a user")
            .about(ONESELF)
            .body(changed())
            .answer(200, "As it is now.", named("Profile"))
            .versioned()
            .refuses(&[Code::UserInvalidName, Code::UserNotActive])
            .refuses(&refused),
        post("/v1/auth/accounts/check", topic, "Whether an address has an account")
            .about("For secret API keys only, because it tells who has one.")
            .body(object([
                may("type", word(&["email", "credential", "credentials", "password"])),
                may("provider", word(&["email", "credential", "credentials", "password"])),
                must("providerAccountId", email()),
            ]))
            .answer(200, "Told.", object([must("exists", flag(true))]))
            .refuses(&[Code::InvalidEmail, Code::UserForbidden]),
    ]
}

/// A user as administrators see them.
pub(super) fn user() -> Schema {
    let more = [
        must("username", text("jiwoo").or_null()),
        must("standing", word(&["active", "banned", "closing"])),
        must("closesAt", time().or_null()),
        must("hasPassword", flag(true)),
        must("sessions", count(1)),
    ];
    object(me().into_iter().chain(more))
}

fn kept() -> Vec<Call> {
    let topic = Topic::Users;
    let nothing = || object([]).strict();
    let refused = [Code::UserNotFound, Code::UserNotActive];
    let factors = || {
        let factor = object([
            must("kind", word(&FACTORS)),
            must("since", time()),
            must("address", text("u***@example.com").or_null()),
            must("codesLeft", count(10).or_null()),
        ]);
        object([must("items", list(factor))])
    };
    vec![
        post("/v1/admin/users/{id}/recovery", topic, "Make a recovery to hand over")
            .about("Shown once. It still asks the second factor, and all confirmed addresses are told. A secret API key cannot make one for an administrator.")
            .body_as_is(
                object([
                    must("kind", word(&["link", "code"])),
                    may("expiresInMinutes", whole(1, 1_440, 60).or_null()),
                ])
                .strict(),
            )
            .answer(
                201,
                "Made.",
                object([
                    must("userId", id()),
                    must("kind", word(&["link", "code"])),
                    may("link", text("https://id.example.com/recover#t=AQAAAAE…")),
                    may("code", text("7K3QF-9XW2M")),
                    must("expiresAt", time()),
                ]),
            )
            .refuses(&refused),
        post("/v1/admin/users/{id}/recovery/send", topic, "Have a recovery mailed to a user")
            .perhaps_body_as_is(nothing())
            .says("The user gets a mail with a link and a code.")
            .refuses(&refused),
        post("/v1/admin/users/{id}/ban", topic, "Keep a user out")
            .perhaps_body_as_is(nothing())
            .answer(200, "As they are now.", named("User"))
            .versioned()
            .refuses(&refused),
        post("/v1/admin/users/{id}/unban", topic, "Let a user in again")
            .perhaps_body_as_is(nothing())
            .answer(200, "As they are now.", named("User"))
            .versioned()
            .refuses(&refused),
        delete("/v1/admin/users/{id}/password", topic, "Take a user's password away")
            .perhaps_body_as_is(nothing())
            .says("The password opens nothing any more. The user sets a new one by recovery.")
            .refuses(&refused),
        get("/v1/admin/users/{id}/sessions", topic, "List a user's sessions")
            .query("page", page_number())
            .query("limit", page_limit(10))
            .answer(200, "A page of them.", paged("Session"))
            .refuses(&refused),
        delete("/v1/admin/users/{id}/sessions", topic, "End a user's sessions")
            .answer(
                200,
                "Ended.",
                object([must("message", text("The sessions have been ended.")), must("ended", count(2))]),
            )
            .refuses(&refused),
        delete("/v1/admin/users/{id}/sessions/{session}", topic, "End one of them")
            .says("The session has been ended.")
            .refuses(&[Code::SessionNotFound])
            .refuses(&refused),
        get("/v1/admin/users/{id}/factors", topic, "List a user's second factors")
            .answer(200, "All of them.", factors())
            .refuses(&refused),
        delete("/v1/admin/users/{id}/factors", topic, "Take a user's second factors away")
            .query("kind", word(&FACTORS).about("Which one; without it all."))
            .answer(200, "What is left.", factors())
            .refuses(&[Code::MfaNotEnabled])
            .refuses(&refused),
        events("/v1/admin/users/{id}/events", topic, "List what happened to a user").refuses(&refused),
    ]
}

/// The parameters of lists of events.
fn events(pattern: &'static str, topic: Topic, summary: &str) -> Call {
    super::audit::listing(get(pattern, topic, summary))
}

/// What administrators look after beside people.
pub(super) fn house() -> Vec<Call> {
    let topic = Topic::Configuration;
    vec![
        get("/v1/admin/outbox", topic, "List mails that wait")
            .about("Neither delivered nor given up, oldest first.")
            .query("page", page_number())
            .query("limit", page_limit(20))
            .answer(200, "A page of them.", paged("Mail")),
        post("/v1/admin/outbox/{id}/retry", topic, "Have a mail tried at once")
            .says("The mail is tried now, after older ones to the same address."),
        delete("/v1/admin/outbox/{id}", topic, "Take a mail out of the outbox")
            .says("The mail is not sent any more, unless it was on its way already."),
        get("/v1/admin/api-keys", topic, "List API keys")
            .about("Oldest first; revoked ones too, none with its text.")
            .query("page", page_number())
            .query("limit", page_limit(20))
            .answer(200, "A page of them.", paged("ApiKey")),
        post("/v1/admin/api-keys", topic, "Make an API key")
            .body_as_is(
                object([
                    must("kind", word(&["publishable", "secret"])),
                    may("label", text("the shop").or_null()),
                    may("expiresInDays", whole(1, 3_650, 90).or_null()),
                ])
                .strict(),
            )
            .answer(
                201,
                "Made; its text is shown this once.",
                object([
                    must("id", id()),
                    must("kind", word(&["publishable", "secret"])),
                    must("key", text("pk_3f9a…")),
                ]),
            ),
        delete("/v1/admin/api-keys/{id}", topic, "End an API key").says("The key opens nothing any more."),
        post(
            "/v1/admin/api-keys/{id}/confirm",
            topic,
            "Let a secret key be used again that waits",
        )
        .about("Since an epoch began in distrust. Not by a key: a person must say so.")
        .says("The key can be used again."),
        get(
            "/v1/admin/configuration",
            topic,
            "Show every setting, and where it comes from",
        )
        .about("Secrets only as dots.")
        .answer(
            200,
            "All of them.",
            object([
                must(
                    "settings",
                    list(anything(json!({"name": "listen", "value": "127.0.0.1:8080"}))),
                ),
                must("warnings", list(text("…")).without_example()),
            ]),
        ),
        post(
            "/v1/admin/mail/test",
            topic,
            "Send a mail to try the settings out",
        )
        .about("That it fails is an answer: how far each step came, and what to do.")
        .body_as_is(object([must("to", email()), may("locale", word(&["en", "ko"]).or_null())]).strict())
        .answer(
            200,
            "Tried.",
            object([must("sent", flag(true)), must("steps", list(step()))]),
        )
        .refuses(&[Code::InvalidEmail]),
    ]
}

fn step() -> Schema {
    object([
        must("step", text("connect")),
        must("ok", flag(true)),
        must("status", count(250).or_null()),
        must("words", text("220 mail.example.com")),
        must("tookMs", count(12)),
        must("hint", text("…").or_null()),
    ])
}

/// A mail that waits.
pub(super) fn mail() -> Schema {
    object([
        must("id", id()),
        must("kind", text("password_reset")),
        must("userId", id()),
        must("to", text("u***@example.com").or_null()),
        must("queuedAt", time()),
        must("attempts", count(1)),
        must("nextAttemptAt", time()),
        must(
            "step",
            text("connect").or_null().about("Where the last try failed."),
        ),
        must(
            "status",
            count(451).or_null().about("What the mail server said to it."),
        ),
    ])
}

/// An API key without its text.
pub(super) fn api_key() -> Schema {
    object([
        must("id", id()),
        must("kind", word(&["publishable", "secret"])),
        must("label", text("the shop")),
        must("state", word(&["good", "waiting", "expired", "revoked"])),
        must("createdAt", time()),
        must("expiresAt", time().or_null()),
        must("revokedAt", time().or_null()),
        must("lastUsedAt", time().or_null().about("To the day.")),
        must(
            "origins",
            list(text("https://app.example.com")).about("The web pages that may call with it."),
        ),
    ])
}
