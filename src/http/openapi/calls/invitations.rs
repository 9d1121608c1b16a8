//! Invitations.

use super::super::schema::password;
use super::{
    Call, Schema, Topic, delete, email, flag, get, id, may, must, named, object, page_limit, page_number,
    paged, post, text, time, whole, word,
};
use crate::http::codes::Code;

const ROLES: [&str; 3] = ["admin", "user", "guest"];

/// An invitation that waits.
pub(super) fn invitation() -> Schema {
    object([
        must("userId", id()),
        must("email", email()),
        must("name", text("Jiwoo Kim").or_null()),
        must("role", word(&ROLES)),
        must("invitedAt", time().about("The first time.")),
        must("expiresAt", time()),
        must(
            "isOpen",
            flag(true).about("Whether the link that was mailed last still opens the account."),
        ),
    ])
}

pub(super) fn calls() -> Vec<Call> {
    let topic = Topic::Users;
    let days = || may("expiresInDays", whole(1, 30, 7));
    vec![
        get("/v1/admin/invitations", topic, "List invitations that wait")
            .about("The latest first.")
            .query("page", page_number())
            .query("limit", page_limit(20))
            .answer(200, "A page of them.", paged("Invitation")),
        post("/v1/admin/invitations", topic, "Invite somebody")
            .about(
                "Registers a user without a password, and mails them a link by which they choose one: once, and within 7 days \
                 unless asked otherwise. It works where nobody can sign up, too. A secret API key invites no administrator.",
            )
            .body(object([
                must("email", email()),
                may("name", text("Jiwoo Kim")),
                may("username", text("jiwoo")),
                may("role", word(&["user", "admin", "guest"])),
                may("locale", word(&["en", "ko"])),
                days(),
            ]))
            .answer(201, "Invited.", named("Invitation"))
            .refuses(&[
                Code::InvalidEmail,
                Code::UserInvalidName,
                Code::UserInvalidRole,
                Code::EmailAlreadyExists,
                Code::UserForbidden,
            ]),
        post("/v1/admin/invitations/{id}/send", topic, "Mail another link")
            .about("The one before opens nothing any more. `id` is the user's.")
            .perhaps_body(object([days()]))
            .answer(200, "As it is now.", named("Invitation"))
            .refuses(&[Code::NotFound, Code::UserNotFound, Code::UserNotActive, Code::UserForbidden]),
        delete("/v1/admin/invitations/{id}", topic, "Take an invitation back")
            .about("The account that waits is erased. `id` is the user's.")
            .says("The invitation opens nothing any more, and what was held of the person is destroyed.")
            .refuses(&[Code::NotFound, Code::UserNotFound, Code::UserForbidden]),
        post("/v1/auth/invitations/accept", topic, "Come by an invitation")
            .about(
                "Sets the first password. The address counts as proven then; nobody is signed in. A refused password spends \
                 nothing.",
            )
            .body(object([
                must("token", text("AQAAAAF…").about("The secret of the mailed link.")),
                must("newPassword", password("Quiet-Harbor-19")),
                may("name", text("Jiwoo Kim").about("Instead of the one that they were invited by.")),
            ]))
            .says("The account is ready. Please sign in with the new password.")
            .refuses(&[
                Code::UserInvalidName,
                Code::InvalidPasswordFormat,
                Code::WeakPassword,
                Code::VerificationTokenNotFound,
                Code::VerificationTokenExpired,
            ]),
    ]
}
