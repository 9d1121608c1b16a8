//! From values to a page: templates that are compiled in, with everything escaped that is put into them.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior, default_auto_escape_callback};
use serde::Serialize;
use warp::http::{HeaderName, HeaderValue, StatusCode, header};

use super::assets::Addresses;
use super::nav::Nav;
use super::texts::{self, Texts};
use super::viewer::Viewer;
use crate::http::callback;
use crate::http::codes::Code;
use crate::http::reply::ApiError;
use crate::http::response::Response;
use crate::types::Locale;

/// What a page may load, run and send to: its own files and its own server, nothing inline (R-33, ASVS 3.4.3).
pub(super) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

macro_rules! sources {
    ($($name:literal)*) => {
        [$((
            $name,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/web/", $name)),
        )),*]
    };
}

/// Names and texts of all templates.
pub(super) const SOURCES: [(&str, &str); 18] = sources! {
    "layout.html"
    "problem.html"
    "email.html"
    "code.html"
    "ask_form.html"
    "recover.html"
    "ask.html"
    "verify.html"
    "confirm.html"
    "link.html"
    "notice.html"
    "field_error.html"
    "field_state.html"
    "flow.html"
    "password.html"
    "account/overview.html"
    "account/confirm.html"
    "account/sessions.html"
};

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(default_auto_escape_callback);
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build();
    environment.set_syntax(syntax.expect("the usual delimiters are valid"));
    for (name, source) in SOURCES {
        environment
            .add_template(name, source)
            .expect("the compiled-in templates are well-formed, as tests have rendered them");
    }
    environment
});

/// The kinds of pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Page {
    /// A new password.
    Recover,
    /// An address to which a mail goes.
    Ask,
    /// An address to be confirmed.
    Verify,
    /// A link that a client built, and its button.
    Confirm,
    /// A mailed link without a typed code, and its button.
    Link,
    /// What happened.
    Notice,
    /// A stage of a flow.
    Flow,
    /// An account at a glance.
    Overview,
    /// Who one is, once more.
    ConfirmSelf,
    /// Where one is signed in.
    Sessions,
}

impl Page {
    fn file(self) -> &'static str {
        match self {
            Self::Recover => "recover.html",
            Self::Ask => "ask.html",
            Self::Verify => "verify.html",
            Self::Confirm => "confirm.html",
            Self::Link => "link.html",
            Self::Notice => "notice.html",
            Self::Flow => "flow.html",
            Self::Overview => "account/overview.html",
            Self::ConfirmSelf => "account/confirm.html",
            Self::Sessions => "account/sessions.html",
        }
    }
}

#[derive(Serialize)]
struct Frame<'a, T> {
    lang: &'static str,
    languages: Vec<Language>,
    brand: &'a str,
    base: &'a str,
    query: &'a str,
    assets: Addresses,
    t: Texts,
    title: &'a str,
    failed: bool,
    /// The way around the pages of an account; none for who is not signed in.
    nav: Option<&'a Nav>,
    page: T,
}

#[derive(Serialize)]
struct Language {
    tag: &'static str,
    name: &'static str,
    href: String,
}

impl Viewer<'_> {
    /// A page in the viewer's language, with the headers that keep it to itself.
    pub(super) fn page(
        &self,
        status: StatusCode,
        page: Page,
        title: &str,
        values: impl Serialize,
    ) -> Response {
        let frame = Frame {
            lang: self.locale().tag(),
            languages: self.languages(),
            brand: self.brand(),
            base: self.base(),
            query: self.query(),
            assets: Addresses::below(self.base()),
            t: filled(self.locale(), self.brand()),
            title,
            failed: !status.is_success(),
            nav: self.nav(),
            page: values,
        };
        let rendered = TEMPLATES
            .get_template(page.file())
            .and_then(|template| template.render(Value::from(Serde(&frame))));
        match rendered {
            Ok(html) => {
                let policy = HeaderValue::from_static(CONTENT_SECURITY_POLICY);
                Response::html(status, policy, html).with(
                    HeaderName::from_static("cross-origin-resource-policy"),
                    HeaderValue::from_static("same-origin"),
                )
            }
            Err(error) => {
                // Kind and line only: the values of a page may be secrets.
                let (kind, line) = (error.kind(), error.line().unwrap_or(0));
                tracing::error!(request_id = %self.request_id(), page = page.file(), %kind, line, "a page did not render: this is a bug");
                ApiError::new(Code::Internal).reply(self.voice())
            }
        }
    }

    /// The same page, whose form may lead on to the clients of the operator's list: browsers ask `form-action` about a
    /// redirect too.
    pub(super) fn leading_back(&self, page: Response) -> Response {
        let origins = callback::origins(self.site()).join(" ");
        let form = format!("form-action 'self' {origins}");
        let policy = CONTENT_SECURITY_POLICY.replace("form-action 'self'", form.trim_end());
        match HeaderValue::from_str(&policy) {
            Ok(policy) => page.with(header::CONTENT_SECURITY_POLICY, policy),
            Err(_) => page,
        }
    }

    /// Links to the same page in each language; none on the answer to a POST, which a link cannot repeat.
    fn languages(&self) -> Vec<Language> {
        let Some(path) = self.path_to_reopen() else {
            return vec![];
        };
        let language = |locale: Locale| Language {
            tag: locale.tag(),
            name: texts::own_name(locale),
            href: format!("{}{path}?lang={}", self.base(), locale.tag()),
        };
        Locale::ALL.map(language).into()
    }
}

/// The texts of a language with the service's name filled in.
fn filled(locale: Locale, brand: &str) -> Texts {
    let mut texts = texts::of(locale).clone();
    for text in texts.values_mut().flat_map(|section| section.values_mut()) {
        if text.contains("{brand}") {
            *text = text.replace("{brand}", brand);
        }
    }
    texts
}
