//! Style, script, icon and logo, under addresses that name their content, so that they may be kept for ever.

use bytes::Bytes;
use serde::Serialize;
use warp::http::{HeaderName, HeaderValue, StatusCode, header};

use super::brand::{self, Logo};
use crate::http::codes::Code;
use crate::http::reply::ApiError;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::types::Colour;

/// Hex digits of a file's BLAKE3 hash in its address: enough to tell versions apart; it protects nothing.
const HASH_DIGITS: usize = 16;
/// A picture that is opened by itself may run nothing and load nothing.
const PICTURE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

const SVG: &str = "image/svg+xml";
const STYLE: &str = "text/css; charset=utf-8";

macro_rules! web {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/web/", $name))
    };
}

struct Asset {
    hash: String,
    name: &'static str,
    content_type: &'static str,
    content: Bytes,
}

impl Asset {
    fn new(name: &'static str, content_type: &'static str, content: impl Into<Bytes>) -> Self {
        let content = content.into();
        let mut hash = blake3::hash(&content).to_hex().to_string();
        hash.truncate(HASH_DIGITS);
        Self {
            hash,
            name,
            content_type,
            content,
        }
    }

    fn address(&self, base: &str) -> String {
        format!("{base}/assets/{}/{}", self.hash, self.name)
    }
}

/// The files that pages load.
pub(super) struct Assets {
    css: Asset,
    js: Asset,
    icon: Asset,
    /// The operator's colour.
    brand: Option<Asset>,
    /// The operator's picture.
    logo: Option<Asset>,
}

/// Where the layout finds the files.
#[derive(Serialize)]
pub(super) struct Addresses {
    css: String,
    js: String,
    icon: String,
    brand: Option<String>,
    logo: Option<String>,
}

impl Assets {
    /// The compiled-in files, with the operator's colour and logo.
    pub(super) fn new(colour: Option<Colour>, logo: Option<Logo>) -> Self {
        let icon = web!("icon.svg");
        let icon = colour.map_or_else(|| icon.to_owned(), |colour| brand::icon_of(icon, colour));
        Self {
            css: Asset::new("app.css", STYLE, web!("app.css")),
            js: Asset::new("app.js", "text/javascript; charset=utf-8", web!("app.js")),
            icon: Asset::new("icon.svg", SVG, icon),
            brand: colour.map(|colour| Asset::new("brand.css", STYLE, brand::style_of(colour))),
            logo: logo.map(|logo| Asset::new(logo.name, logo.content_type, logo.bytes)),
        }
    }

    /// The addresses below the path under which this server is reached.
    pub(super) fn below(&self, base: &str) -> Addresses {
        let address = |asset: Option<&Asset>| asset.map(|asset| asset.address(base));
        Addresses {
            css: self.css.address(base),
            js: self.js.address(base),
            icon: self.icon.address(base),
            brand: address(self.brand.as_ref()),
            logo: address(self.logo.as_ref()),
        }
    }

    /// Serves a file; another hash is another file, which we do not have.
    pub(super) fn serve(&self, request: &Request) -> Response {
        let (hash, name) = (request.param("hash"), request.param("name"));
        let all = [&self.css, &self.js, &self.icon];
        let found = all
            .into_iter()
            .chain(&self.brand)
            .chain(&self.logo)
            .find(|asset| asset.hash == hash && asset.name == name);
        let Some(asset) = found else {
            return ApiError::new(Code::NotFound).reply(&request.voice);
        };
        let response = Response::new(StatusCode::OK, asset.content_type, asset.content.clone())
            .with(
                header::CACHE_CONTROL,
                HeaderValue::from_static("public, max-age=31536000, immutable"),
            )
            .with(
                HeaderName::from_static("cross-origin-resource-policy"),
                HeaderValue::from_static("same-origin"),
            );
        if asset.content_type != SVG {
            return response;
        }
        response.with(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(PICTURE_POLICY),
        )
    }
}
