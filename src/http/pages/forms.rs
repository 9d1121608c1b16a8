//! What a form sent: read, and only from pages of our own.

use secrecy::{ExposeSecret, SecretString};

use super::viewer::Viewer;
use crate::http::fields::Fields;
use crate::http::request::{Head, Request};
use crate::http::response::Response;
use crate::types::EmailAddress;

/// The fields of all our forms; one that is missing or empty is `None`.
pub(super) struct Entered {
    /// The secret of a mailed link, which the script put into its hidden field.
    pub(super) token: Option<SecretString>,
    /// A mailed link, pasted whole by somebody without the script.
    pub(super) link: Option<SecretString>,
    /// The typed code.
    pub(super) code: Option<SecretString>,
    /// The typed address, or what was meant to be one.
    pub(super) email: String,
}

impl Entered {
    /// Takes them out of a form that may have others.
    pub(super) fn read(fields: &mut Fields) -> Self {
        let mut filled = |name| {
            let secret = fields.optional_secret(name);
            secret.filter(|secret| !secret.expose_secret().is_empty())
        };
        Self {
            token: filled("token"),
            link: filled("link"),
            code: filled("code"),
            email: fields.optional_text("email").unwrap_or_default(),
        }
    }

    /// The address, if it is one.
    pub(super) fn address(&self) -> Option<EmailAddress> {
        EmailAddress::parse(&self.email).ok()
    }

    /// The secret of a link that has no typed code: from the hidden field, or out of the pasted link, where it follows
    /// `part` (`t` or `n`) in the fragment. A secret that was pasted alone is taken as it is.
    pub(super) fn link_secret(&self, part: &str) -> Option<SecretString> {
        if let Some(token) = &self.token {
            return Some(token.clone());
        }
        let pasted = self.link.as_ref()?.expose_secret().trim();
        let secret = match pasted.split_once('#') {
            Some((_, fragment)) => fragment
                .split('&')
                .find_map(|pair| pair.strip_prefix(part)?.strip_prefix('='))
                .unwrap_or_default(),
            None => pasted,
        };
        Some(SecretString::from(secret.to_owned()))
    }
}

/// Shows a secret to a template; used only for what the same person just sent and may have to send again.
pub(super) fn shown(secret: Option<&SecretString>) -> &str {
    secret.map_or("", ExposeSecret::expose_secret)
}

impl Viewer<'_> {
    /// Reads the form of a POST, or answers why not.
    pub(super) fn read(&self, request: &Request) -> Result<Entered, Box<Response>> {
        let mut fields = self.fields(request)?;
        let entered = Entered::read(&mut fields);
        fields.finish().map_err(|error| Box::new(self.trouble(&error)))?;
        Ok(entered)
    }

    /// The fields of the form of a POST, or the answer why there are none.
    pub(super) fn fields(&self, request: &Request) -> Result<Fields, Box<Response>> {
        if is_foreign(self.head(), self.origin()) {
            return Err(Box::new(self.foreign()));
        }
        request.form().map_err(|error| Box::new(self.trouble(&error)))
    }
}

/// Whether a browser says that a POST comes from somebody else's page (ASVS 3.5.1).
///
/// There is no session to ride on here, but a stranger's page has no business filling in our forms. Browsers say where a
/// POST comes from in `Sec-Fetch-Site`, older ones in `Origin`, which is `null` for our own pages, because they send no
/// referrer (Fetch §3.2). What says nothing is no browser, or one without a reason to lie.
pub(super) fn is_foreign(head: &Head, origin: &str) -> bool {
    let all = |name: &str, fits: &dyn Fn(&[u8]) -> bool| {
        let mut values = head.headers.get_all(name).iter();
        values.all(|value| fits(value.as_bytes()))
    };
    let same_site = all("sec-fetch-site", &|site| {
        site == b"same-origin" || site == b"none"
    });
    let same_origin = all("origin", &|value| value == b"null" || value == origin.as_bytes());
    !(same_site && same_origin)
}
