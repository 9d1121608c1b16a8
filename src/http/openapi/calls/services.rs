//! What services behind the server ask.

use super::{Call, Schema, Topic, count, flag, get, id, may, must, object, only, post, text, word};
use crate::http::codes::Code;

pub(super) fn calls() -> Vec<Call> {
    let topic = Topic::Services;
    let active = object([
        must("active", only(true)),
        must("sub", id().about("Whose it is.")),
        may(
            "username",
            text("user@example.com").about("Their main address, once it was proven."),
        ),
        must("role", word(&["admin", "user", "guest"])),
        may("token_type", only("Bearer")),
        must("iat", count(1_768_919_400)),
        must("exp", count(1_768_923_000)),
        must("iss", text("https://id.example.com")),
        must("jti", id().about("The session.")),
    ]);
    let inactive = object([must("active", only(false))]);
    vec![
        post("/v1/introspect", topic, "Whose a token is")
            .about("RFC 7662. An access token, or the current refresh token of a session; of everything else only that it is not good.")
            .form(object([
                must("token", text("eyJhbGciOiJIUzI1NiJ9.…")),
                may("token_type_hint", text("access_token").about("Not needed: a token says itself what it is.")),
            ]))
            .gives(200, "What is known of it.", "application/json", Schema::any_of([active, inactive])),
        get("/v1/forward-auth", topic, "Whether a proxy may let a request through, and as whom")
            .about(
                "For `auth_request` of nginx, `ForwardAuth` of Traefik and `forward_auth` of Caddy: by an access token, or by the \
                 cookie for services. Somebody who is not signed in gets 401 with `Location`, where they sign in.",
            )
            .query("redirect", flag(true).about("Leads browsers there instead (302)."))
            .query("role", word(&["admin", "user", "guest"]).about("Whom the service is for; administrators may go everywhere."))
            .gives(200, "Somebody, told in `Remote-User` (the id), `Remote-Email` and `Remote-Groups` (the role).", "text/plain", text(""))
            .leads(302, "To the sign-in.")
            .refuses(&[Code::Unauthorized, Code::InvalidToken, Code::TokenExpired, Code::SessionExpired])
            .refuses(&[Code::EmailNotVerified, Code::UserForbidden]),
    ]
}
