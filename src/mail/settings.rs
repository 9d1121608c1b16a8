//! The mail settings: as read from the configuration, and checked.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::transport::smtp::extension::ClientId;
use rustls::pki_types::ServerName;
use secrecy::{ExposeSecret, SecretString};

use super::address::{AddressFault, Mailbox};

/// Where mails go.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum TransportKind {
    /// To a mail server.
    #[default]
    Smtp,
    /// Into a folder, one `.eml` file each; for development, because the files hold live links.
    File(PathBuf),
    /// Onto standard error; for development, because terminals keep what they show.
    Console,
}

/// How a conversation with a mail server is protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Security {
    /// Not at all: only for a server on this machine, unless the operator allows more.
    Plain,
    /// Clear text up to `STARTTLS`, which is then required (RFC 3207).
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Tls,
}

/// Whether clear text may leave this machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClearText {
    /// No: a server without TLS must have a loopback address.
    LoopbackOnly,
    /// Yes: the operator set `ALLOW_PLAINTEXT`.
    Allowed,
}

/// The settings as an operator writes them, with the documented defaults; [`MailSettings`] is made of it.
#[derive(Clone, Debug)]
pub struct MailSettingsDraft {
    /// Where mails go.
    pub transport: TransportKind,
    /// The mail server's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The name to sign in with; empty means none.
    pub username: Option<String>,
    /// The password to sign in with; empty means none.
    pub password: Option<SecretString>,
    /// `STARTTLS`, required.
    pub use_tls: bool,
    /// TLS from the first byte.
    pub use_ssl: bool,
    /// Bounds connecting and every single read and write.
    pub timeout: Duration,
    /// The sender: `local@domain` or `Name <local@domain>`.
    pub from: String,
    /// A PEM file of certificate authorities to trust beside the public ones.
    pub ca_file: Option<PathBuf>,
    /// Lets clear text leave this machine.
    pub allow_plaintext: bool,
    /// How to introduce ourselves in `EHLO`; this machine's host name if not given.
    pub hello_name: Option<String>,
    /// Connections held at once.
    pub connections_max: usize,
    /// How long an unused connection stays open.
    pub idle_limit: Duration,
}

impl Default for MailSettingsDraft {
    fn default() -> Self {
        Self {
            transport: TransportKind::Smtp,
            host: "localhost".into(),
            port: 25,
            username: None,
            password: None,
            use_tls: false,
            use_ssl: false,
            timeout: Duration::from_secs(10),
            from: "keyledger@localhost".into(),
            ca_file: None,
            allow_plaintext: false,
            hello_name: None,
            connections_max: 4,
            idle_limit: Duration::from_mins(1),
        }
    }
}

/// Settings that a transport can work with.
#[derive(Clone, Debug)]
pub struct MailSettings {
    pub(super) transport: TransportKind,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) login: Option<Login>,
    pub(super) security: Security,
    pub(super) clear_text: ClearText,
    pub(super) timeout: Duration,
    pub(super) from: Mailbox,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) hello: ClientId,
    pub(super) connections_max: usize,
    pub(super) idle_limit: Duration,
}

/// The name and password for `AUTH`.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) username: String,
    pub(super) password: SecretString,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(..)")
    }
}

impl MailSettings {
    /// Connections held at once, at most.
    pub const CONNECTIONS_MAX: usize = 32;
    /// The longest time limit.
    pub const TIMEOUT_MAX: Duration = Duration::from_mins(10);

    /// Checks what an operator wrote; the first fault ends it.
    pub fn check(draft: MailSettingsDraft) -> Result<Self, SettingsFault> {
        let security = match (draft.use_tls, draft.use_ssl) {
            (true, true) => return Err(SettingsFault::BothSecurities),
            (true, false) => Security::StartTls,
            (false, true) => Security::Tls,
            (false, false) => Security::Plain,
        };
        let clear_text = if draft.allow_plaintext {
            ClearText::Allowed
        } else {
            ClearText::LoopbackOnly
        };
        let host = checked_host(&draft.host)?;
        if draft.port == 0 {
            return Err(SettingsFault::Port);
        }
        let over_smtp = draft.transport == TransportKind::Smtp;
        if over_smtp
            && security == Security::Plain
            && clear_text == ClearText::LoopbackOnly
            && !is_loopback_host(&host)
        {
            return Err(SettingsFault::ClearText { host });
        }
        if draft.ca_file.is_some() && security == Security::Plain && over_smtp {
            return Err(SettingsFault::CaFileWithoutTls);
        }
        if draft.timeout.is_zero() || draft.timeout > Self::TIMEOUT_MAX {
            return Err(SettingsFault::Timeout);
        }
        if draft.connections_max == 0 || draft.connections_max > Self::CONNECTIONS_MAX {
            return Err(SettingsFault::Connections);
        }
        Ok(Self {
            transport: draft.transport,
            host,
            port: draft.port,
            login: checked_login(draft.username, draft.password)?,
            security,
            clear_text,
            timeout: draft.timeout,
            from: Mailbox::parse(&draft.from).map_err(SettingsFault::From)?,
            ca_file: draft.ca_file,
            hello: draft
                .hello_name
                .map_or_else(|| Ok(default_hello()), |name| checked_hello(&name))?,
            connections_max: draft.connections_max,
            idle_limit: draft.idle_limit,
        })
    }

    /// The settings for another server, which has its own name, sign-in, protection, time limit and sender; what it may,
    /// whom it trusts and how it is greeted is as here.
    pub fn for_server(&self, server: MailSettingsDraft) -> Result<Self, SettingsFault> {
        let is_protected = server.use_tls || server.use_ssl;
        let checked = Self::check(MailSettingsDraft {
            transport: TransportKind::Smtp,
            ca_file: self.ca_file.clone().filter(|_| is_protected),
            allow_plaintext: self.clear_text == ClearText::Allowed,
            hello_name: None,
            connections_max: self.connections_max,
            idle_limit: self.idle_limit,
            ..server
        })?;
        Ok(Self {
            hello: self.hello.clone(),
            ..checked
        })
    }

    /// Where mails go.
    pub fn transport(&self) -> &TransportKind {
        &self.transport
    }

    /// The mail server's name or address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The mail server's port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How the conversation is protected.
    pub fn security(&self) -> Security {
        self.security
    }

    /// The sender of mails.
    pub fn from(&self) -> &Mailbox {
        &self.from
    }

    /// Connections held at once: more senders than this only wait.
    pub fn connections_max(&self) -> usize {
        self.connections_max
    }

    /// Bounds connecting and every single read and write.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Extra authorities, if any.
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }
}

/// Why mail settings do not work; each says what to change.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SettingsFault {
    /// Both flags.
    #[error(
        "EMAIL__USE_TLS and EMAIL__USE_SSL are both set: choose USE_TLS (STARTTLS, usually port 587) or USE_SSL (TLS from the first byte, usually port 465)"
    )]
    BothSecurities,
    /// No usable host.
    #[error("EMAIL__HOST is not a host name or an IP address")]
    Host,
    /// Port 0.
    #[error("EMAIL__PORT must be between 1 and 65535")]
    Port,
    /// Clear text would leave the machine.
    #[error(
        "mail to {host} would travel in clear text: set EMAIL__USE_TLS or EMAIL__USE_SSL, or accept the risk with EMAIL__ALLOW_PLAINTEXT=true"
    )]
    ClearText {
        /// The host of the settings.
        host: String,
    },
    /// Authorities without TLS.
    #[error("EMAIL__CA_FILE is set, but neither EMAIL__USE_TLS nor EMAIL__USE_SSL is: it would do nothing")]
    CaFileWithoutTls,
    /// The file of authorities is unusable.
    #[error("EMAIL__CA_FILE {path}: {problem}")]
    CaFile {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Half a login, or one that cannot be sent.
    #[error(
        "EMAIL__USERNAME and EMAIL__PASSWORD belong together: set both or none, without control characters, at most 512 bytes each"
    )]
    Login,
    /// No time, or too much.
    #[error("EMAIL__TIMEOUT must be more than 0 and at most 600 seconds")]
    Timeout,
    /// The sender is no mailbox.
    #[error("EMAIL__FROM: {0}")]
    From(AddressFault),
    /// The name for EHLO is none.
    #[error("the EHLO name must be a host name of letters, digits, hyphens and dots, or an IP address")]
    HelloName,
    /// None, or too many.
    #[error("the number of mail connections must be between 1 and 32")]
    Connections,
    /// The folder of the file transport cannot be used.
    #[error("mail folder {path}: {problem}")]
    Folder {
        /// The folder.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
}

fn checked_host(text: &str) -> Result<String, SettingsFault> {
    let host = text.trim();
    let host = host
        .strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host);
    ServerName::try_from(host).map_err(|_| SettingsFault::Host)?;
    Ok(host.to_owned())
}

/// Whether the name is this machine's by definition (RFC 6761 §6.3); what it resolves to is checked at connecting.
fn is_loopback_host(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback())
}

fn checked_login(
    username: Option<String>,
    password: Option<SecretString>,
) -> Result<Option<Login>, SettingsFault> {
    let username = username.filter(|name| !name.is_empty());
    let password = password.filter(|secret| !secret.expose_secret().is_empty());
    let sendable = |text: &str| text.len() <= 512 && !text.chars().any(char::is_control);
    match (username, password) {
        (None, None) => Ok(None),
        (Some(username), Some(password)) if sendable(&username) && sendable(password.expose_secret()) => {
            Ok(Some(Login { username, password }))
        }
        (Some(_), _) | (_, Some(_)) => Err(SettingsFault::Login),
    }
}

/// This machine's name, unless it could not be a name in a command: then an address literal (RFC 5321 §4.1.4).
fn default_hello() -> ClientId {
    let hello = ClientId::default();
    checked_hello(hello.to_string().trim_matches(['[', ']']))
        .unwrap_or(ClientId::Ipv4(std::net::Ipv4Addr::LOCALHOST))
}

fn checked_hello(name: &str) -> Result<ClientId, SettingsFault> {
    match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => return Ok(ClientId::Ipv4(ip)),
        Ok(IpAddr::V6(ip)) => return Ok(ClientId::Ipv6(ip)),
        Err(_) => {}
    }
    let fits = (1..=253).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    fits.then(|| ClientId::Domain(name.to_owned()))
        .ok_or(SettingsFault::HelloName)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(change: impl FnOnce(&mut MailSettingsDraft)) -> Option<SettingsFault> {
        let mut draft = MailSettingsDraft::default();
        change(&mut draft);
        MailSettings::check(draft).err()
    }

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let settings = MailSettings::check(MailSettingsDraft::default()).unwrap();
        assert_eq!((settings.host(), settings.port()), ("localhost", 25));
        assert_eq!(settings.timeout, Duration::from_secs(10));
        assert_eq!(settings.from().to_string(), "keyledger@localhost");
        assert_eq!(settings.security(), Security::Plain);
    }

    #[test]
    fn l_04_clear_text_leaves_the_machine_only_if_allowed() {
        let far = "smtp.example.org";
        assert_eq!(
            fault(|d| d.host = far.into()),
            Some(SettingsFault::ClearText { host: far.into() })
        );
        assert_eq!(fault(|d| (d.host, d.allow_plaintext) = (far.into(), true)), None);
        assert_eq!(fault(|d| (d.host, d.use_tls) = (far.into(), true)), None);
        assert_eq!(fault(|d| (d.host, d.use_ssl) = (far.into(), true)), None);
        for near in ["127.0.0.2", "[::1]", "LOCALHOST", "::ffff:127.0.0.1"] {
            assert_eq!(fault(|d| d.host = near.into()), None, "{near}");
        }
        for trick in ["localhost.example.org", "127.0.0.1.example.org", "0.0.0.0"] {
            assert!(
                matches!(
                    fault(|d| d.host = trick.into()),
                    Some(SettingsFault::ClearText { .. })
                ),
                "{trick}"
            );
        }
    }

    #[test]
    fn both_kinds_of_tls_at_once_are_a_clear_error() {
        let fault = fault(|d| (d.use_tls, d.use_ssl) = (true, true)).unwrap();
        assert_eq!(fault, SettingsFault::BothSecurities);
        assert!(fault.to_string().contains("587") && fault.to_string().contains("465"));
    }

    #[test]
    fn l_04_a29_line_breaks_are_refused_in_every_setting() {
        assert_eq!(
            fault(|d| d.from = "Eve\r\nBcc: x@y.org <a@b.org>".into()),
            Some(SettingsFault::From(AddressFault::Control))
        );
        assert_eq!(
            fault(|d| d.host = "localhost\r\nx".into()),
            Some(SettingsFault::Host)
        );
        assert_eq!(
            fault(|d| d.hello_name = Some("me\r\nMAIL FROM:<x@y.org>".into())),
            Some(SettingsFault::HelloName)
        );
        let login = |d: &mut MailSettingsDraft, name: &str, secret: &str| {
            d.username = Some(name.into());
            d.password = Some(secret.to_owned().into());
        };
        assert_eq!(fault(|d| login(d, "a\n", "b")), Some(SettingsFault::Login));
        assert_eq!(fault(|d| login(d, "a", "b\0c")), Some(SettingsFault::Login));
        assert_eq!(fault(|d| login(d, "a", "")), Some(SettingsFault::Login));
        assert_eq!(fault(|d| login(d, "", "")), None);
    }

    #[test]
    fn limits_hold() {
        assert_eq!(
            fault(|d| d.timeout = Duration::ZERO),
            Some(SettingsFault::Timeout)
        );
        assert_eq!(
            fault(|d| d.timeout = Duration::from_secs(601)),
            Some(SettingsFault::Timeout)
        );
        assert_eq!(fault(|d| d.connections_max = 0), Some(SettingsFault::Connections));
        assert_eq!(fault(|d| d.port = 0), Some(SettingsFault::Port));
        assert_eq!(
            fault(|d| d.ca_file = Some("ca.pem".into())),
            Some(SettingsFault::CaFileWithoutTls)
        );
    }

    #[test]
    fn debug_shows_no_password() {
        let mut draft = MailSettingsDraft {
            username: Some("ann".into()),
            ..MailSettingsDraft::default()
        };
        draft.password = Some("hunter2".to_owned().into());
        assert!(!format!("{draft:?}").contains("hunter2"));
        assert!(!format!("{:?}", MailSettings::check(draft).unwrap()).contains("hunter2"));
    }
}
