//! Somebody who is signed in: profile, sessions, second factors, addresses, the end of the account.

use super::super::schema::{Field, null, password};
use super::auth::factor;
use super::{
    Call, Schema, Topic, count, delete, email, flag, get, id, list, may, must, named, object, page_limit,
    page_number, paged, post, text, time, word,
};
use crate::http::codes::Code;

/// What can be said against somebody who shows once more who they are.
const AGAIN: [Code; 4] = [
    Code::InvalidCredentials,
    Code::MfaRequired,
    Code::InvalidMfaCode,
    Code::MfaBackupCodesExhausted,
];

pub(super) fn calls() -> Vec<Call> {
    let mut calls = oneself();
    calls.extend(sessions());
    calls.extend(second_factors());
    calls.extend(addresses());
    calls
}

fn oneself() -> Vec<Call> {
    let topic = Topic::SignIn;
    vec![
        get("/v1/auth/me", topic, "Who is signed in").answer(200, "The caller.", named("Profile")),
        delete("/v1/auth/withdraw", topic, "Close the account")
            .about("Sessions end at once; its keys are destroyed after a delay, until when the mailed link takes it back.")
            .says("The account has been closed. A link in the mail we sent takes it back until its data is destroyed."),
        post("/v1/auth/withdraw/cancel", topic, "Take a closing back")
            .body(object([must("token", text("AQAAAAF…").about("The secret of the mailed link."))]))
            .says("The account is open again. Please sign in.")
            .refuses(&[Code::VerificationTokenNotFound, Code::VerificationTokenExpired, Code::TooManyCodeRequests])
            .refuses(&[Code::AccountNotFound]),
    ]
}

/// What everybody is told of themself.
pub(super) fn me() -> Vec<Field> {
    vec![
        must("id", id()),
        must("role", word(&["admin", "user", "guest"])),
        must("name", text("Jiwoo Kim").or_null()),
        must("nickname", null()),
        must("email", email()),
        must("emailVerified", time().or_null().about("When.")),
        must("image", null()),
        must("onboardingStatus", text("completed")),
        must("locale", word(&["en", "ko"])),
        must(
            "mfa",
            list(word(&["totp", "email", "recovery_codes"])).about("Enrolled second factors."),
        ),
        must("createdAt", time()),
        must("updatedAt", time()),
        must("lastLoginAt", time().or_null()),
    ]
}

fn sessions() -> Vec<Call> {
    let topic = Topic::Sessions;
    vec![
        get("/v1/auth/sessions", topic, "List the caller's sessions")
            .about("Newest first.")
            .query("page", page_number())
            .query("limit", page_limit(10))
            .answer(200, "A page of them.", paged("Session")),
        delete("/v1/auth/sessions/{id}", topic, "End a session")
            .says("The session has been ended.")
            .refuses(&[Code::SessionNotFound]),
        delete("/v1/auth/sessions", topic, "End all sessions")
            .query("except", word(&["current"]).about("Keeps the one of this call."))
            .answer(
                200,
                "Ended.",
                object([
                    must("message", text("The sessions have been ended.")),
                    must("ended", count(2)),
                ]),
            ),
        post("/v1/auth/signout", topic, "Sign out").says("You have been signed out."),
    ]
}

pub(super) fn session() -> Schema {
    object([
        must("id", id()),
        must("userId", id()),
        must("userAgent", text("Mozilla/5.0 …").or_null()),
        must("ipAddress", text("203.0.113.7").or_null()),
        must("deviceInfo", text("Chrome on macOS")),
        must("lastActivityAt", time()),
        must("createdAt", time()),
        must("current", flag(true)),
    ])
}

fn second_factors() -> Vec<Call> {
    let topic = Topic::SecondFactors;
    let codes = || list(text("7K3QF-9XW2M").about("Each is good once."));
    let backup = || object([must("backupCodes", codes())]);
    let proven = || {
        [
            must("password", password("Quiet-Harbor-19")),
            may("code", factor()),
        ]
    };
    vec![
        post("/v1/auth/mfa/enable", topic, "Begin to add an authenticator app")
            .about("It counts once its first code came (`confirm`), within ten minutes.")
            .body(object(proven()))
            .answer(
                200,
                "What the app needs.",
                object([
                    must("secret", text("JBSWY3DPEHPK3PXP")),
                    must("qrCodeUrl", text("otpauth://totp/…")),
                    must("otpauth", text("otpauth://totp/…")),
                    must("issuer", text("Keyledger")),
                    must("backupCodes", codes()),
                ]),
            )
            .refuses(&[Code::MfaAlreadyEnabled])
            .refuses(&AGAIN),
        post("/v1/auth/mfa/confirm", topic, "Confirm it with its first code")
            .body(object([must("code", text("123456"))]))
            .answer(200, "Enabled; the same ten codes as before.", backup())
            .refuses(&[
                Code::MfaAlreadyEnabled,
                Code::MfaNotEnabled,
                Code::MfaSetupExpired,
                Code::InvalidMfaCode,
            ]),
        post("/v1/auth/mfa/disable", topic, "Take second factors away")
            .body(object(proven().into_iter().chain([may(
                "factor",
                word(&["totp", "email", "recovery_codes"]).about("Which one; without it all."),
            )])))
            .answer(200, "Gone.", object([]))
            .refuses(&[Code::MfaNotEnabled, Code::ChangeHeld])
            .refuses(&AGAIN),
        post("/v1/auth/mfa/recovery-codes", topic, "Make new recovery codes")
            .about("The old ones are void.")
            .body(object(proven()))
            .answer(200, "The new ones, shown once.", backup())
            .refuses(&[Code::MfaNotEnabled])
            .refuses(&AGAIN),
        post(
            "/v1/auth/mfa/email/enable",
            topic,
            "Begin to add a mailbox for codes",
        )
        .body(object(proven().into_iter().chain([may(
            "email",
            email().about("The account's own, unless another is named."),
        )])))
        .answer(
            200,
            "A code is on its way.",
            object([
                must("challengeId", id()),
                must("maskedEmail", text("u***@example.com")),
            ]),
        )
        .refuses(&[
            Code::InvalidEmail,
            Code::MfaAlreadyEnabled,
            Code::EmailNotVerified,
        ])
        .refuses(&AGAIN),
        post(
            "/v1/auth/mfa/email/confirm",
            topic,
            "Confirm it with the code that went to it",
        )
        .body(object([must("challengeId", id()), must("code", text("123456"))]))
        .answer(
            200,
            "Enabled; with recovery codes where these are the first.",
            object([may("backupCodes", codes())]),
        )
        .refuses(&[
            Code::MfaAlreadyEnabled,
            Code::MfaNotEnabled,
            Code::MfaSetupExpired,
            Code::InvalidMfaCode,
        ])
        .refuses(&[
            Code::VerificationTokenNotFound,
            Code::VerificationTokenExpired,
            Code::TooManyCodeRequests,
        ]),
        post(
            "/v1/auth/mfa/email/challenge",
            topic,
            "Ask for a code by mail to sign in with",
        )
        .about("The answer is the same for all. The code goes into `mfaCode` of the sign-in.")
        .body(object([
            must("email", email()),
            must("password", password("Quiet-Harbor-19")),
        ]))
        .answer(200, "Asked for.", object([must("challengeId", id())]))
        .refuses(&[Code::InvalidEmail, Code::TooManyLoginAttempts]),
    ]
}

fn addresses() -> Vec<Call> {
    let topic = Topic::Addresses;
    let again = || {
        [
            may(
                "password",
                password("Quiet-Harbor-19").about("Needed, unless the sign-in was within ten minutes."),
            ),
            may("code", factor()),
        ]
    };
    let held = [Code::AddressNotFound, Code::ChangeHeld];
    vec![
        get("/v1/auth/addresses", topic, "List the caller's addresses")
            .about("The main one first, one that waits for its proof last.")
            .query("page", page_number())
            .query("limit", page_limit(20))
            .answer(200, "A page of them.", paged("Address")),
        post("/v1/auth/addresses", topic, "Add an address")
            .about("A mail goes to it. The answer is the same whether somebody else has it or not.")
            .body(object([must("email", email())].into_iter().chain(again())))
            .answer(200, "It waits for its proof.", named("Address"))
            .refuses(&[
                Code::InvalidEmail,
                Code::TooManyAddresses,
                Code::EmailAlreadyExists,
                Code::AddressInUse,
            ])
            .refuses(&[Code::ChangeHeld])
            .refuses(&AGAIN),
        post(
            "/v1/auth/addresses/confirm",
            topic,
            "Confirm it by what was mailed to it",
        )
        .body(object([must("token", text("AQAAAAF…"))]))
        .says("The e-mail address has been confirmed.")
        .refuses(&[
            Code::VerificationTokenNotFound,
            Code::VerificationTokenExpired,
            Code::TooManyCodeRequests,
        ])
        .refuses(&[
            Code::EmailAlreadyExists,
            Code::AddressInUse,
            Code::TooManyAddresses,
        ]),
        post(
            "/v1/auth/addresses/{id}/primary",
            topic,
            "Make an address the main one",
        )
        .body(object(again()))
        .says("This is the main e-mail address now.")
        .refuses(&held)
        .refuses(&[Code::EmailNotVerified, Code::PrimaryAddress])
        .refuses(&AGAIN),
        delete("/v1/auth/addresses/{id}", topic, "Remove an address")
            .about("One that waits for its proof goes without a body.")
            .perhaps_body(object(again()))
            .says("The e-mail address has been removed.")
            .refuses(&held)
            .refuses(&[Code::PrimaryAddress, Code::AddressInUse])
            .refuses(&AGAIN),
    ]
}

pub(super) fn address() -> Schema {
    object([
        must("id", id()),
        must("email", email()),
        must("primary", flag(false)),
        must("verifiedAt", time().or_null()),
        must(
            "expiresAt",
            time().or_null().about("Until when it waits for its proof."),
        ),
    ])
}
