//! Passwords, sign-up and sign-in, e-mail verification, flows.

use serde_json::json;

use super::super::schema::password;
use super::get;
use super::{
    Call, Schema, Topic, anything, count, email, flag, list, may, must, named, object, only, post, text, word,
};
use crate::http::codes::Code;

/// What a new password can be refused for.
const NEW_PASSWORD: [Code; 3] = [
    Code::InvalidPasswordFormat,
    Code::WeakPassword,
    Code::SameAsPreviousPassword,
];
/// What a mailed proof can be refused for.
const PROOF: [Code; 3] = [
    Code::VerificationTokenNotFound,
    Code::VerificationTokenExpired,
    Code::TooManyCodeRequests,
];

pub(super) fn calls() -> Vec<Call> {
    let mut calls = passwords();
    calls.extend(sign_in());
    calls.extend(verification());
    calls.extend(flows());
    calls
}

/// What mails carry: the secret of the link, or the code.
fn token() -> Schema {
    text("AQAAAAF…")
        .about("The secret of the mailed link, or the code of the same mail, however it is typed.")
}

/// A second factor.
pub(super) fn factor() -> Schema {
    text("123456").about("A code of the authenticator app, a mailed one, or a recovery code.")
}

fn passwords() -> Vec<Call> {
    let topic = Topic::Password;
    vec![
        post("/v1/auth/password/reset/request", topic, "Ask for a way back in")
            .about("A mail goes to the address if it has an account. The answer is the same, in bytes, headers and time, whether it has.")
            .body(object([must("email", email())]))
            .says("If an account exists for this address, a password reset email has been sent.")
            .refuses(&[Code::InvalidEmail]),
        post("/v1/auth/password/reset/confirm", topic, "Set a new password by a mailed link or code")
            .about(
                "With an authenticator app or recovery codes, `mfaCode` is needed too: otherwise 403, and nothing is spent. \
                 Ends every session, and signs nobody in. A refused password spends nothing.",
            )
            .body(object([
                must("email", email()),
                must("token", token()),
                must("newPassword", password("Quiet-Harbor-19")),
                may("mfaCode", factor()),
            ]))
            .says("The password has been reset. Please sign in with the new password.")
            .refuses(&[Code::InvalidEmail, Code::MfaRequired, Code::InvalidMfaCode, Code::MfaBackupCodesExhausted])
            .refuses(&PROOF)
            .refuses(&NEW_PASSWORD),
        post("/v1/auth/password/change", topic, "Change the password while signed in")
            .about("Ends every session of the user, this one too.")
            .body(object([
                must("currentPassword", password("MyP@ssw0rd!")),
                must("newPassword", password("Quiet-Harbor-19")),
            ]))
            .says("The password has been changed. Please sign in again.")
            .refuses(&[Code::InvalidPassword])
            .refuses(&NEW_PASSWORD),
    ]
}

fn sign_in() -> Vec<Call> {
    let topic = Topic::SignIn;
    let method = || may("method", word(&["password"]));
    vec![
        post("/v1/auth/email/signup", topic, "Register")
            .about(
                "Signs in at once, and mails a link that verifies the address. Where the server keeps silent about taken \
                 addresses (`enumeration = \"strict\"`), the answer is `{message, email}` for both, and the mail tells how to go on.",
            )
            .body(object([
                method(),
                must("email", email()),
                must("password", password("Quiet-Harbor-19")),
                must("name", text("Jiwoo Kim").about("1 to 100 characters.")),
                may("locale", text("ko").about("The language of mails: `en` or `ko`; another one is English.")),
            ]))
            .answer(
                201,
                "Registered.",
                Schema::any_of([
                    named("Tokens"),
                    object([must("message", text("An email tells you how to go on.")), must("email", email())]),
                ]),
            )
            .refuses(&[Code::InvalidEmail, Code::UserInvalidName, Code::InvalidPasswordFormat, Code::WeakPassword])
            .refuses(&[Code::EmailAlreadyExists]),
        post("/v1/auth/email/signin", topic, "Sign in")
            .body(object([
                method(),
                must("email", email()),
                must("password", password("Quiet-Harbor-19")),
                may("mfaCode", factor()),
            ]))
            .answer(200, "Signed in.", named("Tokens"))
            .refuses(&[Code::InvalidEmail, Code::InvalidCredentials, Code::MfaRequired, Code::InvalidMfaCode])
            .refuses(&[Code::MfaBackupCodesExhausted, Code::AccountBanned, Code::EmailNotVerified])
            .refuses(&[Code::TooManyLoginAttempts]),
        post("/v1/auth/refresh", topic, "Exchange a refresh token for new tokens")
            .about(
                "The old one dies; for ten seconds it gives the same successor, so that calls at the same time sign nobody \
                 out. Presented later it is a replay, and ends every session of the user.",
            )
            .body(object([must("refreshToken", text("AQAAAAE…"))]))
            .answer(200, "New tokens.", named("Tokens"))
            .refuses(&[Code::InvalidRefreshToken]),
    ]
}

fn verification() -> Vec<Call> {
    let topic = Topic::Verification;
    let send = |pattern, summary| {
        post(pattern, topic, summary)
            .about("The answer is the same for unknown and already verified addresses.")
            .body(object([
                must("email", email()),
                may(
                    "callbackUrl",
                    text("https://app.example.com/done")
                        .about("Where the mailed link leads in the end; one of the configured list."),
                ),
            ]))
            .answer(
                200,
                "Asked for.",
                object([
                    must(
                        "message",
                        text("If this address waits for verification, an email has been sent."),
                    ),
                    must("email", email()),
                ]),
            )
            .refuses(&[Code::InvalidEmail, Code::InvalidUrl])
    };
    vec![
        send("/v1/auth/email/verify/send", "Ask for the mail that verifies an address"),
        send("/v1/auth/email/verify/resend", "Ask for it again"),
        send("/v1/auth/signup/email/resend", "Ask for it again, after a sign-up"),
        post("/v1/auth/email/verify/confirm", topic, "Verify an address by a mailed link or code")
            .body(object([must("email", email()), must("token", token())]))
            .answer(
                200,
                "Verified.",
                object([
                    must("message", text("The e-mail address has been verified.")),
                    must("verified", only(true)),
                ]),
            )
            .refuses(&[Code::InvalidEmail, Code::AlreadyVerified])
            .refuses(&PROOF),
        link(get("/v1/auth/signup/email/confirm", topic, "The link that clients build themselves"))
            .about(
                "Shows a page whose button posts the same fields; with `verify_on_get` it verifies at once. Refusals are \
                 pages for browsers, and JSON for everybody else.",
            )
            .query_must("email", email())
            .query_must("token", token())
            .query("callbackUrl", text("https://app.example.com/done"))
            .gives(200, "The page.", "text/html", text("<!doctype html>…")),
        link(post("/v1/auth/signup/email/confirm", topic, "Verify by that link"))
            .body(object([
                must("email", email()),
                must("token", token()),
                may("callbackUrl", text("https://app.example.com/done")),
            ]))
            .answer(200, "Verified.", object([must("verified", only(true)), must("email", email())])),
    ]
}

fn link(call: Call) -> Call {
    call.leads(303, "Back to `callbackUrl`, with `verified=true&email=…`.")
        .refuses(&[Code::InvalidEmail, Code::InvalidUrl, Code::AlreadyVerified])
        .refuses(&PROOF)
}

fn flows() -> Vec<Call> {
    let topic = Topic::Flows;
    vec![
        post("/v1/flows/{slug}/executions", topic, "Begin a flow")
            .about("An access token may come along: some flows are for people who are signed in, some for those who are not.")
            .answer(201, "The first challenge.", named("Step"))
            .refuses(&[Code::FlowNotFound, Code::FlowForStrangers])
            .refuses(&BEARER),
        post("/v1/flows/executions/{executionId}", topic, "Answer a challenge")
            .about("Members by the names of the challenge's fields. What is wrong with an answer is told in `errors` of the next challenge.")
            .perhaps_body(anything(json!({"identifier": "user@example.com"})))
            .answer(200, "The next challenge, or what the flow came to.", named("Step"))
            .refuses(&[Code::FlowNotFound, Code::FlowExecutionOver, Code::FlowForStrangers])
            .refuses(&[Code::InvalidEmail, Code::AccountBanned, Code::EmailNotVerified])
            .refuses(&[Code::TooManyLoginAttempts, Code::TooManyCodeRequests])
            .refuses(&BEARER),
    ]
}

const BEARER: [Code; 5] = [
    Code::Unauthorized,
    Code::InvalidToken,
    Code::TokenExpired,
    Code::SessionExpired,
    Code::AccountNotFound,
];

/// A step of a flow.
pub(super) fn step() -> Schema {
    let field = object([
        must("name", text("identifier")),
        must(
            "type",
            word(&[
                "text", "email", "username", "password", "checkbox", "static", "hidden",
            ]),
        ),
        must("required", flag(true)),
        may("label", text("E-mail")),
        may("placeholder", text("you@example.com")),
        may("initialValue", text("")),
        may("subText", text("")),
    ]);
    let wrong = object([
        must("field", text("identifier").or_null()),
        must("code", text("required")),
        may("message", text("…")),
    ]);
    let challenge = object([
        must(
            "component",
            text("identification").about("What is asked; further members depend on it."),
        ),
        must("fields", list(field)),
        must(
            "flow",
            object([
                must("slug", text("default-recovery-flow")),
                must("title", text("Reset your password")),
            ]),
        ),
        may("errors", list(wrong).without_example()),
        may(
            "expiresIn",
            count(1800).about("Seconds for which a mailed code is good."),
        ),
    ]);
    let done = object([
        may(
            "redirect",
            text("https://id.example.com/flow/default-authentication-flow"),
        ),
        may("session", named("Tokens")),
    ]);
    object([
        must(
            "executionId",
            text("AQAAAAE…").about("For the next answer; good once."),
        ),
        may("challenge", challenge),
        may("done", done.without_example()),
        may(
            "restarted",
            flag(true)
                .about("The flow was changed meanwhile, and begins anew.")
                .without_example(),
        ),
    ])
}
