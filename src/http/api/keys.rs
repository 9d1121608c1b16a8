//! API keys for administrators.

use serde::Serialize;

use super::forms::refused;
use super::gate::administrator;
use super::shapes::as_text;
use crate::http::site::Site;
use crate::http::{ApiError, Code, Detail, Request, Response};
use crate::types::{ApiKeyId, WebOrigin, WebOrigins};

#[derive(Serialize)]
struct Named<'a> {
    #[serde(serialize_with = "as_text")]
    id: ApiKeyId,
    origins: Vec<&'a str>,
}

/// Names the pages whose scripts may call with a publishable key; these take the place of those before.
pub(super) async fn name_origins(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let by = administrator(request)?;
    let mut body = request.json()?;
    let texts = body.texts("origins");
    body.finish_strict()?;
    let read: Result<Vec<_>, _> = texts.iter().map(|text| WebOrigin::parse(text)).collect();
    let origins = read.and_then(WebOrigins::new).map_err(|fault| {
        let detail = Detail::new("origins", fault.reason()).with_message(fault.to_string());
        ApiError::new(Code::InvalidParameters).with_details(vec![detail])
    })?;
    let id: ApiKeyId = request.param("id").parse().map_err(|_| Code::NotFound)?;
    site.desk
        .name_api_key_origins(id, origins.clone(), by)
        .await
        .map_err(refused(request))?;
    let origins = origins.iter().map(WebOrigin::as_str).collect();
    Ok(request.voice.ok(&Named { id, origins }))
}
