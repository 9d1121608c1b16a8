//! Style, script and icon: compiled in, under addresses that name their content, so that they may be kept for ever.

use std::sync::LazyLock;

use serde::Serialize;
use warp::http::{HeaderName, HeaderValue, StatusCode, header};

use crate::http::codes::Code;
use crate::http::reply::ApiError;
use crate::http::request::Request;
use crate::http::response::Response;

/// Hex digits of a file's BLAKE3 hash in its address: enough to tell versions apart; it protects nothing.
const HASH_DIGITS: usize = 16;

struct Asset {
    name: &'static str,
    content_type: &'static str,
    content: &'static str,
}

const CSS: Asset = Asset {
    name: "app.css",
    content_type: "text/css; charset=utf-8",
    content: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/web/app.css")),
};
const JS: Asset = Asset {
    name: "app.js",
    content_type: "text/javascript; charset=utf-8",
    content: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/web/app.js")),
};
const ICON: Asset = Asset {
    name: "icon.svg",
    content_type: "image/svg+xml",
    content: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/web/icon.svg")),
};

static HASHED: LazyLock<[(String, &'static Asset); 3]> =
    LazyLock::new(|| [&CSS, &JS, &ICON].map(|asset| (hash_of(asset.content), asset)));

/// Where the layout finds the files.
#[derive(Serialize)]
pub(super) struct Addresses {
    css: String,
    js: String,
    icon: String,
}

impl Addresses {
    /// The addresses below the path under which this server is reached.
    pub(super) fn below(base: &str) -> Self {
        let [css, js, icon] = &*HASHED;
        let address = |(hash, asset): &(String, &Asset)| format!("{base}/assets/{hash}/{}", asset.name);
        Self {
            css: address(css),
            js: address(js),
            icon: address(icon),
        }
    }
}

/// Serves a file; another hash is another file, which we do not have.
pub(super) fn serve(request: &Request) -> Response {
    let (hash, name) = (request.param("hash"), request.param("name"));
    let found = HASHED
        .iter()
        .find(|(known, asset)| known == hash && asset.name == name);
    let Some((_, asset)) = found else {
        return ApiError::new(Code::NotFound).reply(&request.voice);
    };
    Response::new(StatusCode::OK, asset.content_type, asset.content)
        .with(
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=31536000, immutable"),
        )
        .with(
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("same-origin"),
        )
}

fn hash_of(content: &str) -> String {
    let mut hex = blake3::hash(content.as_bytes()).to_hex().to_string();
    hex.truncate(HASH_DIGITS);
    hex
}
