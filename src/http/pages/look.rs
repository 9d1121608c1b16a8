//! From values to a page: templates, compiled in or the operator's, with everything escaped that is put into them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior, default_auto_escape_callback};
use serde::Serialize;
use warp::http::{HeaderName, HeaderValue, StatusCode, header};

use super::assets::{Addresses, Assets};
use super::brand::{Logo, LogoFault};
use super::member::next_of;
use super::nav::Nav;
use super::samples;
use super::texts::{self, Said};
use super::viewer::{Preview, Viewer};
use crate::http::callback;
use crate::http::codes::Code;
use crate::http::console;
use crate::http::reply::ApiError;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::mail::templates::{TemplateFault, cause_of, files, said_of};
use crate::types::{Colour, Locale};

/// What a page may load, run and send to: its own files and its own server, nothing inline (R-33, ASVS 3.4.3).
pub(in crate::http) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Instructions that a page may take; ours take a few thousand.
const FUEL: u64 = 1_000_000;
/// Includes and blocks within each other.
const RECURSION_MAX: usize = 64;

/// Names and texts of templates below `data/web`.
macro_rules! sources {
    ($($name:literal)*) => {
        &[$((
            $name,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/web/", $name)),
        )),*]
    };
}

pub(in crate::http) use sources;

/// Names and texts of the templates that operators may override: all but the console's.
pub(in crate::http) const SOURCES: &[(&str, &str)] = sources! {
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
    "invitation.html"
    "notice.html"
    "field_error.html"
    "field_state.html"
    "flow.html"
    "password.html"
    "docs.html"
    "account/overview.html"
    "account/confirm.html"
    "account/go_on.html"
    "account/sessions.html"
    "account/addresses.html"
    "account/password.html"
    "account/profile.html"
    "account/factors.html"
    "account/app.html"
    "account/mail.html"
    "account/codes.html"
    "account/activity.html"
    "account/close.html"
};

/// The kinds of pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::http) enum Page {
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
    /// The first password of somebody who was invited.
    Invitation,
    /// What happened.
    Notice,
    /// A stage of a flow.
    Flow,
    /// The reference of the API.
    Docs,
    /// An account at a glance.
    Overview,
    /// Who one is, once more.
    ConfirmSelf,
    /// What one was about to do.
    GoOn,
    /// Where one is signed in.
    Sessions,
    /// Another password, by the present one.
    ChangePassword,
    /// Name and language.
    Profile,
    /// Addresses.
    Addresses,
    /// Second factors.
    Factors,
    /// An authenticator app that is being added.
    App,
    /// A mailbox that is being added.
    Mailbox,
    /// Recovery codes, once.
    Codes,
    /// What happened lately.
    Activity,
    /// The end of the account.
    Close,
}

impl Page {
    /// All of them.
    pub(in crate::http) const ALL: [Self; 22] = [
        Self::Recover,
        Self::Ask,
        Self::Verify,
        Self::Confirm,
        Self::Link,
        Self::Invitation,
        Self::Notice,
        Self::Flow,
        Self::Docs,
        Self::Overview,
        Self::ConfirmSelf,
        Self::GoOn,
        Self::Sessions,
        Self::ChangePassword,
        Self::Profile,
        Self::Addresses,
        Self::Factors,
        Self::App,
        Self::Mailbox,
        Self::Codes,
        Self::Activity,
        Self::Close,
    ];

    /// Its template.
    pub(in crate::http) fn file(self) -> &'static str {
        match self {
            Self::Recover => "recover.html",
            Self::Ask => "ask.html",
            Self::Verify => "verify.html",
            Self::Confirm => "confirm.html",
            Self::Link => "link.html",
            Self::Invitation => "invitation.html",
            Self::Notice => "notice.html",
            Self::Flow => "flow.html",
            Self::Docs => "docs.html",
            Self::Overview => "account/overview.html",
            Self::ConfirmSelf => "account/confirm.html",
            Self::GoOn => "account/go_on.html",
            Self::Sessions => "account/sessions.html",
            Self::ChangePassword => "account/password.html",
            Self::Profile => "account/profile.html",
            Self::Addresses => "account/addresses.html",
            Self::Factors => "account/factors.html",
            Self::App => "account/app.html",
            Self::Mailbox => "account/mail.html",
            Self::Codes => "account/codes.html",
            Self::Activity => "account/activity.html",
            Self::Close => "account/close.html",
        }
    }
}

/// How pages look here.
#[derive(Clone, Debug, Default)]
pub struct LookSettings {
    /// The operator's templates (`<config dir>/templates/pages`), each in the place of the built-in one of its name.
    pub templates_dir: Option<PathBuf>,
    /// The operator's colour.
    pub colour: Option<Colour>,
    /// The operator's logo: an SVG, PNG or WebP picture.
    pub logo: Option<PathBuf>,
}

/// Why pages cannot look as they should.
#[derive(Debug, thiserror::Error)]
pub enum LookFault {
    /// The logo.
    #[error(transparent)]
    Logo(#[from] LogoFault),
    /// A template.
    #[error(transparent)]
    Template(#[from] TemplateFault),
}

/// Templates and files, checked.
pub struct Look {
    templates: Environment<'static>,
    /// The files behind the templates that the operator has overridden.
    overridden: BTreeMap<String, PathBuf>,
    assets: Assets,
    said: Said,
}

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Look")
            .field("overrides", &self.overridden)
            .finish_non_exhaustive()
    }
}

/// What every template is given.
#[derive(Serialize)]
struct Frame<'a> {
    lang: &'static str,
    languages: Vec<Language>,
    brand: &'a str,
    base: &'a str,
    query: &'a str,
    assets: Addresses,
    t: Value,
    title: &'a str,
    failed: bool,
    /// The way around the pages of an account; none for who is not signed in.
    nav: Option<&'a Nav>,
    /// What is said of a page that is only looked at.
    preview: Option<&'a Preview>,
    page: Value,
}

#[derive(Serialize)]
struct Language {
    tag: &'static str,
    name: &'static str,
    href: String,
}

impl Look {
    /// Reads and checks it all. Every template is rendered with sample values in every language, so that a broken one stops
    /// the start instead of somebody's recovery.
    pub fn open(settings: &LookSettings) -> Result<Self, LookFault> {
        let logo = settings.logo.as_deref().map(Logo::read).transpose()?;
        let mut look = Self::with(Assets::new(settings.colour, logo));
        if let Some(dir) = &settings.templates_dir {
            look.read(dir)?;
            look.check()?;
        }
        Ok(look)
    }

    /// What is compiled in.
    fn with(assets: Assets) -> Self {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_auto_escape_callback(default_auto_escape_callback);
        templates.set_fuel(Some(FUEL));
        templates.set_recursion_limit(RECURSION_MAX);
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build();
        templates.set_syntax(syntax.expect("the usual delimiters are valid"));
        for (name, source) in SOURCES.iter().chain(console::TEMPLATES) {
            templates
                .add_template(name, source)
                .expect("the compiled-in templates are well-formed, as tests have rendered them");
        }
        Self {
            templates,
            overridden: BTreeMap::new(),
            assets,
            said: Said::default(),
        }
    }

    /// Puts the operator's templates in the place of ours; a name that we do not have is an error.
    fn read(&mut self, dir: &Path) -> Result<(), TemplateFault> {
        for (name, path) in files::entries(dir)? {
            if !path.is_dir() {
                self.put(&name, path)?;
                continue;
            }
            for (below, path) in files::entries(&path)? {
                self.put(&format!("{name}/{below}"), path)?;
            }
        }
        Ok(())
    }

    fn put(&mut self, name: &str, file: PathBuf) -> Result<(), TemplateFault> {
        if !SOURCES.iter().any(|(known, _)| *known == name) {
            let known: Vec<_> = SOURCES.iter().map(|(name, _)| *name).collect();
            return Err(files::unknown(
                file,
                &format!("the pages are {}", known.join(", ")),
            ));
        }
        let source = files::text_of(&file)?;
        self.overridden.insert(name.to_owned(), file);
        let added = self.templates.add_template_owned(name.to_owned(), source);
        added.map_err(|error| self.fault(name, &error))
    }

    /// Renders every page with sample values, and looks whether its forms still have their fields.
    fn check(&self) -> Result<(), TemplateFault> {
        if self.overridden.is_empty() {
            return Ok(());
        }
        let ours = Self::with(Assets::new(None, None));
        for page in Page::ALL {
            for sample in samples::of(page) {
                for locale in Locale::ALL {
                    let built_in = ours.sample(page, locale, sample)?;
                    let own = self.sample(page, locale, sample)?;
                    let missing = fields(&built_in).find(|field| !fields(&own).any(|other| other == *field));
                    if let Some(field) = missing {
                        return Err(TemplateFault::Unfit {
                            file: self.shown(page.file()),
                            what: format!("the page has no field `{field}`; its form cannot do without"),
                        });
                    }
                }
            }
        }
        Ok(())
    }

    fn sample(
        &self,
        page: Page,
        locale: Locale,
        values: &serde_json::Value,
    ) -> Result<String, TemplateFault> {
        let nav = page.file().starts_with("account/").then(Nav::sample);
        let language = |locale: Locale| Language {
            tag: locale.tag(),
            name: texts::own_name(locale),
            href: format!("/example?lang={}", locale.tag()),
        };
        let brand = "Example";
        let frame = Frame {
            lang: locale.tag(),
            languages: Locale::ALL.map(language).into(),
            brand,
            base: "",
            query: "",
            assets: self.assets.below(""),
            t: self.said.of(locale, brand),
            title: brand,
            failed: false,
            nav: nav.as_ref(),
            preview: None,
            page: Value::from(Serde(values)),
        };
        self.render(page.file(), &frame)
            .map_err(|error| self.fault(page.file(), &error))
    }

    fn render(&self, file: &str, frame: &Frame<'_>) -> Result<String, minijinja::Error> {
        let template = self.templates.get_template(file)?;
        template.render(Value::from(Serde(frame)))
    }

    fn fault(&self, name: &str, error: &minijinja::Error) -> TemplateFault {
        let error = cause_of(error);
        TemplateFault::Broken {
            file: self.shown(error.name().unwrap_or(name)),
            line: error.line().unwrap_or(0),
            what: said_of(error),
        }
    }

    fn shown(&self, name: &str) -> String {
        let file = self.overridden.get(name);
        file.map_or_else(|| format!("built-in {name}"), |file| file.display().to_string())
    }

    /// Serves a file of the pages.
    pub(in crate::http) fn serve(&self, request: &Request) -> Response {
        self.assets.serve(request)
    }
}

/// The names of the fields of a page, in its order.
fn fields(html: &str) -> impl Iterator<Item = &str> {
    html.split(" name=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
}

impl Viewer<'_> {
    /// A page in the viewer's language, with the headers that keep it to itself.
    pub(in crate::http) fn page(
        &self,
        status: StatusCode,
        page: Page,
        title: &str,
        values: impl Serialize,
    ) -> Response {
        debug_assert!(
            samples::fit(page, &values),
            "data/web/samples.json shows what {page:?} is given"
        );
        let said = &self.site().look.said;
        let said = said.of(self.locale(), self.brand());
        self.framed(status, page.file(), said, title, Value::from(Serde(values)))
    }

    /// A page of the console, which has sentences of its own besides.
    pub(in crate::http) fn console_page(
        &self,
        status: StatusCode,
        file: &'static str,
        title: &str,
        values: Value,
    ) -> Response {
        let said = &self.site().look.said;
        let said = said.of_console(self.locale(), self.brand());
        self.framed(status, file, said, title, values)
    }

    fn framed(&self, status: StatusCode, file: &'static str, t: Value, title: &str, page: Value) -> Response {
        let look = &self.site().look;
        let frame = Frame {
            lang: self.locale().tag(),
            languages: self.languages(file),
            brand: self.brand(),
            base: self.base(),
            query: self.query(),
            assets: look.assets.below(self.base()),
            t,
            title,
            failed: !status.is_success(),
            nav: self.nav(),
            preview: self.preview(),
            page,
        };
        match look.render(file, &frame) {
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
                let file = look.shown(error.name().unwrap_or(file));
                tracing::error!(request_id = %self.request_id(), file, %kind, line, "a page did not render");
                ApiError::new(Code::Internal).reply(self.voice())
            }
        }
    }

    /// The same page, whose form may lead on to the clients of the operator's list: browsers ask `form-action` about a
    /// redirect too.
    pub(in crate::http) fn leading_back(&self, page: Response) -> Response {
        let origins = callback::origins(self.site()).join(" ");
        let form = format!("form-action 'self' {origins}");
        let policy = CONTENT_SECURITY_POLICY.replace("form-action 'self'", form.trim_end());
        match HeaderValue::from_str(&policy) {
            Ok(policy) => page.with(header::CONTENT_SECURITY_POLICY, policy),
            Err(_) => page,
        }
    }

    /// Links to the same page in each language, after a form was sent to the page it came from; none where something is lost.
    fn languages(&self, file: &str) -> Vec<Language> {
        let Some(path) = self.path_to_reopen().filter(|_| !self.loses(file)) else {
            return vec![];
        };
        let next = next_of(self.head()).map_or_else(String::new, |next| format!("&next={next}"));
        let kind = self
            .kind()
            .map_or_else(String::new, |kind| format!("&kind={kind}"));
        let language = |locale: Locale| Language {
            tag: locale.tag(),
            name: texts::own_name(locale),
            href: format!("{}{path}?lang={}{next}{kind}", self.base(), locale.tag()),
        };
        Locale::ALL.map(language).into()
    }

    /// Which kind of object a page of the console is about: a plain word.
    fn kind(&self) -> Option<String> {
        let kind = self.head().query_fields().ok()?.optional_text("kind")?;
        let is_plain = kind.len() <= 40 && kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        is_plain.then_some(kind)
    }
}
