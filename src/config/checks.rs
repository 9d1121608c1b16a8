//! Rules over several settings, and what serving needs on top of a right configuration.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use secrecy::ExposeSecret;

use super::problem::{Problem, Problems};
use super::spec::{Config, Email, Transport};
use super::url::{WebUrl, is_local_name};
use crate::types::WebOrigin;

/// How a connection to the mail server is protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Security {
    /// Clear text.
    Clear,
    /// STARTTLS, required: no fall-back.
    StartTls,
    /// TLS from the first byte.
    Tls,
}

/// What serving needs and other commands do not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Serving {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The address that console, admin API and audit API are served on; none where `listen` serves them too.
    pub admin_listen: Option<SocketAddr>,
    /// What administrators reach that under; none: plain http at the very address.
    pub admin_url: Option<WebUrl>,
    /// What links in mails and pages start with.
    pub public_url: WebUrl,
    /// The page that recovery mails link to.
    pub recovery_url: WebUrl,
}

impl Email {
    /// How the connection to the mail server is protected.
    pub fn security(&self) -> Security {
        if self.use_ssl {
            Security::Tls
        } else if self.use_tls {
            Security::StartTls
        } else {
            Security::Clear
        }
    }

    /// Whether the mail server is this machine, so that clear text goes no further.
    pub fn is_local(&self) -> bool {
        let ip = self.host.parse::<IpAddr>();
        ip.map_or_else(
            |_| is_local_name(&self.host),
            |ip| ip.to_canonical().is_loopback(),
        )
    }
}

impl Config {
    /// What serving needs: a public address, and no plain HTTP beyond this machine without a proxy that ends TLS.
    pub fn for_serve(&self) -> Result<Serving, Problems> {
        let listen = self.listen;
        let is_open = |at: SocketAddr| !at.ip().to_canonical().is_loopback();
        let mut problems = Vec::new();
        // Two sockets whose ports the system picks are two listeners.
        let is_one = self.admin_listen == listen && listen.port() != 0;
        let admin_listen = (!is_one).then_some(self.admin_listen);
        let listeners = [("listen", Some(listen)), ("admin_listen", admin_listen)];
        for (name, listen) in listeners.into_iter().filter_map(|(name, at)| Some((name, at?))) {
            if is_open(listen) && self.http.trusted_proxies.is_empty() {
                problems.push(Problem::OpenListener { name, listen });
            }
        }
        if let Some(listen) = admin_listen.filter(|at| is_open(*at) && self.admin_url.is_none()) {
            problems.push(Problem::NoAdminUrl { listen });
        }
        let Some(public_url) = self.public_url.clone() else {
            problems.push(Problem::NoPublicUrl);
            return Err(Problems(problems));
        };
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let recovery_url = self
            .recovery_url
            .clone()
            .unwrap_or_else(|| public_url.join("/recover"));
        Ok(Serving {
            listen,
            admin_listen,
            admin_url: self.admin_url.clone(),
            public_url,
            recovery_url,
        })
    }
}

/// A service that the cookie for services does not reach (RFC 6265 §5.1.3).
fn unreachable_service(config: &Config) -> Option<&WebOrigin> {
    let public = WebOrigin::parse(config.public_url.as_ref()?.origin()).ok()?;
    let domain = config.services.cookie_domain.as_deref();
    let is_below = |host: &str| {
        domain.is_some_and(|domain| {
            let rest = host.strip_suffix(domain);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    };
    let mut services = config.services.origins.iter();
    services.find(|origin| {
        origin.host() != public.host() && !(is_below(origin.host()) && is_below(public.host()))
    })
}

/// Checks settings against each other, except rules about a setting that is already known to be wrong.
pub(super) fn together(config: &Config, faulty: &BTreeSet<&'static str>) -> Vec<Problem> {
    let (email, tokens, limits) = (&config.email, &config.tokens, &config.limits);
    let outside = unreachable_service(config);
    let password = email.password.as_ref().map(ExposeSecret::expose_secret);
    let rules: [(&[&str], bool, String); 10] = [
        (
            &["email.use_tls", "email.use_ssl"],
            email.use_tls && email.use_ssl,
            "email.use_tls and email.use_ssl are both true; keep use_tls for STARTTLS (usually port 587) or use_ssl \
             for TLS from the first byte (usually port 465)"
                .to_owned(),
        ),
        (
            &["email.host", "email.use_tls", "email.use_ssl", "email.allow_plaintext", "email.transport"],
            email.transport == Transport::Smtp
                && email.security() == Security::Clear
                && !email.is_local()
                && !email.allow_plaintext,
            format!(
                "email.host is `{}`, which would get mails and their secrets in clear text; set email.use_tls = true \
                 (usually port 587) or email.use_ssl = true (usually port 465), or email.allow_plaintext = true if \
                 the network in between is trusted",
                email.host
            ),
        ),
        (
            &["email.username", "email.password"],
            email.username.is_some() != email.password.is_some(),
            "email.username and email.password belong together; set both or neither".to_owned(),
        ),
        (
            &["email.password"],
            password.is_some_and(|password| password.contains(['\r', '\n'])),
            "email.password holds a line end, which no mail server takes; a file with it ends with at most one"
                .to_owned(),
        ),
        (
            &["tokens.session_idle", "tokens.session_absolute"],
            tokens.session_idle > tokens.session_absolute,
            "tokens.session_idle is longer than tokens.session_absolute, which would end every session first".to_owned(),
        ),
        (
            &["tokens.access_lifetime", "tokens.session_absolute"],
            tokens.access_lifetime > tokens.session_absolute,
            "tokens.access_lifetime is longer than tokens.session_absolute; a token cannot outlive its session".to_owned(),
        ),
        (
            &["limits.signin_wait_first", "limits.signin_wait_max"],
            limits.signin_wait_first > limits.signin_wait_max,
            "limits.signin_wait_first is longer than limits.signin_wait_max".to_owned(),
        ),
        (
            &["limits.stranger_bytes_burst", "limits.stranger_bytes_day"],
            limits.stranger_bytes_burst > limits.stranger_bytes_day,
            "limits.stranger_bytes_burst is larger than limits.stranger_bytes_day".to_owned(),
        ),
        (
            &["services.origins", "services.cookie_domain", "public_url"],
            outside.is_some(),
            format!(
                "services.origins has {}, which is neither on the host of public_url nor, with it, below \
                 services.cookie_domain; browsers would not carry the cookie for services there, and people would be led \
                 to the sign-in without end",
                outside.map_or("", WebOrigin::as_str)
            ),
        ),
        (
            &["keys_dir", "data"],
            config.keys_dir.starts_with(config.data.join("ledger")),
            "keys_dir lies inside the ledger's folder; whoever copies the ledger would have its keys".to_owned(),
        ),
    ];
    rules
        .into_iter()
        .filter(|(names, broken, _)| *broken && !names.iter().any(|name| faulty.contains(name)))
        .map(|(_, _, reason)| Problem::Together { reason })
        .collect()
}
