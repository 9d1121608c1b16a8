//! Tokens as clients get them.

use secrecy::ExposeSecret;
use serde::Serialize;

use super::forms::refused;
use crate::desk::Tokens;
use crate::http::site::Site;
use crate::http::{ApiError, Request, Response};

/// All four fields, wherever tokens are given.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokensShown<'a> {
    access_token: &'a str,
    refresh_token: &'a str,
    token_type: &'static str,
    /// Seconds.
    expires_in: u64,
}

impl<'a> From<&'a Tokens> for TokensShown<'a> {
    fn from(tokens: &'a Tokens) -> Self {
        Self {
            access_token: &tokens.access,
            refresh_token: tokens.refresh.expose_secret(),
            token_type: "Bearer",
            expires_in: tokens.expires_in.seconds_up(),
        }
    }
}

/// Exchanges a refresh token for new tokens.
pub(super) async fn refresh(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let mut body = request.json()?;
    let presented = body.secret("refreshToken");
    body.finish()?;
    let visitor = site.visitor(request);
    let tokens = site
        .desk
        .refresh(&presented, &visitor)
        .await
        .map_err(refused(request))?;
    Ok(request.voice.ok(&TokensShown::from(&tokens)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Span;

    #[test]
    fn tokens_have_four_fields() {
        let tokens = Tokens {
            access: "a.b.c".into(),
            refresh: "r".into(),
            expires_in: Span::hours(1),
        };
        insta::assert_snapshot!(
            serde_json::to_string(&TokensShown::from(&tokens)).unwrap(),
            @r#"{"accessToken":"a.b.c","refreshToken":"r","tokenType":"Bearer","expiresIn":3600}"#
        );
    }
}
