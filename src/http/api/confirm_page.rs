//! The link that clients build themselves: `GET …/signup/email/confirm?token&email&callbackUrl`.
//!
//! Mail scanners open links, so opening it proves nothing: it shows a page whose button posts the same three fields
//! to the same path. The setting `verify_on_get` makes opening enough.

use std::fmt::Write as _;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::{Environment, UndefinedBehavior, context};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::forms::{address, check_callback, refused};
use crate::http::site::Site;
use crate::http::{ApiError, Code, Fields, HeaderValue, Method, Request, Response, StatusCode, header, json};
use crate::types::{EmailAddress, Locale};

const STYLE: &str = include_str!("../../../data/web/confirm.css");
const PAGE: &str = include_str!("../../../data/web/confirm.html");

/// What the link carries.
struct Asked {
    address: EmailAddress,
    token: SecretString,
    callback: Option<String>,
}

impl Asked {
    /// Reads the fields; everything that is wrong with them is told before an account is looked at.
    fn read(site: &Site, mut fields: Fields) -> Result<Self, ApiError> {
        let email = fields.text("email");
        let token = fields.secret("token");
        let callback = fields.optional_text("callbackUrl");
        fields.finish()?;
        let address = address(&email)?;
        let callback = callback.filter(|url| !url.is_empty());
        check_callback(site, callback.as_deref())?;
        Ok(Self {
            address,
            token,
            callback,
        })
    }
}

/// Shows the page; with `verify_on_get` it verifies, unless nobody is there to see the answer.
pub(super) async fn show(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let asked = Asked::read(site, request.query_fields()?)?;
    let is_only_looking = request.method == Method::HEAD
        || ["sec-purpose", "purpose"]
            .iter()
            .any(|name| request.headers.contains_key(*name));
    if site.settings.verify_on_get && !is_only_looking {
        return verify(site, request, &asked).await;
    }
    page(site, request.voice.locale, &asked)
}

/// The button of the page; or a client that posts JSON.
pub(super) async fn confirm(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let fields = if json::is_declared(&request.headers) {
        request.json()?
    } else {
        request.form()?
    };
    let asked = Asked::read(site, fields)?;
    verify(site, request, &asked).await
}

#[derive(Serialize)]
struct Verified<'a> {
    verified: bool,
    email: &'a str,
}

async fn verify(site: &Site, request: &Request, asked: &Asked) -> Result<Response, ApiError> {
    let visitor = site.visitor(request);
    site.desk
        .confirm_verification(&asked.address, &asked.token, &visitor)
        .await
        .map_err(refused(request))?;
    let email = asked.address.as_typed();
    let Some(url) = &asked.callback else {
        return Ok(request.voice.ok(&Verified {
            verified: true,
            email,
        }));
    };
    let location = HeaderValue::from_str(&returning(url, email)).map_err(|_| Code::InvalidUrl)?;
    Ok(Response::see_other(location))
}

/// The address to return to, told who was verified.
fn returning(url: &str, email: &str) -> String {
    let (page, fragment) = match url.split_once('#') {
        Some((page, fragment)) => (page, Some(fragment)),
        None => (url, None),
    };
    let joint = if page.contains('?') { '&' } else { '?' };
    let mut location = format!("{page}{joint}verified=true&email=");
    for byte in email.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            location.push(char::from(byte));
        } else {
            write!(location, "%{byte:02X}").expect("text takes every write");
        }
    }
    if let Some(fragment) = fragment {
        location.push('#');
        location.push_str(fragment);
    }
    location
}

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment
        .add_template("confirm.html", PAGE)
        .expect("the built-in page compiles: a test renders it");
    environment
});

static STYLE_HASH: LazyLock<String> = LazyLock::new(|| STANDARD.encode(Sha256::digest(STYLE.as_bytes())));

fn page(site: &Site, locale: Locale, asked: &Asked) -> Result<Response, ApiError> {
    let callback = asked.callback.as_deref().unwrap_or_default();
    let words = match locale {
        Locale::En => context! {
            title => "Confirm your e-mail address",
            text => "Press the button to confirm that this address is yours:",
            button => "Confirm",
        },
        Locale::Ko => context! {
            title => "이메일 주소 확인",
            text => "아래 주소가 본인의 주소가 맞으면 버튼을 눌러 확인해 주세요:",
            button => "확인",
        },
    };
    let html = TEMPLATES
        .get_template("confirm.html")
        .and_then(|template| {
            template.render(context! {
                lang => locale.tag(),
                brand => &site.settings.brand,
                style => STYLE,
                words => words,
                email => asked.address.as_typed(),
                token => asked.token.expose_secret(),
                callback => callback,
            })
        })
        .map_err(|_| Code::Internal)?;
    let policy = HeaderValue::from_str(&content_security_policy(callback)).map_err(|_| Code::Internal)?;
    Ok(Response::html(StatusCode::OK, policy, html)
        .with(header::CONTENT_LANGUAGE, HeaderValue::from_static(locale.tag())))
}

/// Nothing but the one style, and a form that may go here and from here to where the client returns: browsers ask
/// `form-action` about the redirect too.
fn content_security_policy(callback: &str) -> String {
    let scheme = callback.find("://").map_or(0, |at| at + 3);
    let authority = callback[scheme..].find(['/', '?', '#']);
    let origin = &callback[..authority.map_or(callback.len(), |at| scheme + at)];
    format!(
        "default-src 'none'; style-src 'sha256-{}'; form-action 'self' {origin}; base-uri 'none'; \
         frame-ancestors 'none'",
        *STYLE_HASH
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_keeps_query_and_fragment_and_escapes_the_address() {
        let back = |url| returning(url, "a+b@x.org");
        let told = "verified=true&email=a%2Bb%40x.org";
        assert_eq!(back("https://app.x/done"), format!("https://app.x/done?{told}"));
        assert_eq!(
            back("https://app.x/?a=1#top"),
            format!("https://app.x/?a=1&{told}#top")
        );
    }

    #[test]
    fn r_33_the_form_may_go_here_and_to_the_clients_origin_only() {
        let policy = content_security_policy("https://app.x:8443/done?x=1");
        assert!(
            policy.contains("form-action 'self' https://app.x:8443; "),
            "{policy}"
        );
        assert!(policy.starts_with("default-src 'none'"));
        assert!(content_security_policy("").contains("form-action 'self' ; "));
    }

    #[test]
    fn the_page_escapes_what_it_shows() {
        let words = context! { title => "t", text => "t", button => "b" };
        let html = TEMPLATES
            .get_template("confirm.html")
            .unwrap()
            .render(context! {
                lang => "en", brand => "Key<ledger>", style => STYLE, words => words,
                email => "a'b@x.org", token => "\"><script>", callback => "",
            })
            .unwrap();
        assert!(!html.contains("<script>") && html.contains("Key&lt;ledger&gt;"));
        assert!(html.contains(STYLE), "the hash in the policy is of these bytes");
    }
}
