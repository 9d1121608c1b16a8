//! From configuration to what each room is told.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use super::error::AppError;
use crate::audit::{AuditSettings, WitnessSettings};
use crate::breach::{LeakSettings, Leaks, Shelf};
use crate::config::{self, Config, Serving};
use crate::crypto::{KeyName, PasswordParams, PoolSettings};
use crate::desk::{DeskSettings, Enumeration, WebhookSettings};
use crate::domain::flow::GlobalMail;
use crate::domain::{Lifetimes, Limits};
use crate::engine::Snapshots;
use crate::http::pages::LookSettings;
use crate::http::services::ServiceSettings;
use crate::http::site::{SettingShown, SiteSettings};
use crate::http::{Envelope, NetList, ServerLimits};
use crate::ledger;
use crate::mail::{MailSettings, MailSettingsDraft, TransportKind};
use crate::outgoing::{Neighbours, Outgoing};
use crate::system::tls_client;
use crate::types::{Span, WebhookUrl};
use crate::workers::Schedule;

/// What a running server is told beyond its premises.
pub struct AppSettings {
    /// What handlers and pages are told.
    pub site: SiteSettings,
    /// Where administrators reach their listener; none: plain http at its very address.
    pub admin_url: Option<String>,
    /// Calls of one client with one key in a minute.
    pub calls_per_client_minute: u32,
    /// The wrapping of REST bodies.
    pub envelope: Envelope,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: NetList,
    /// From the first look at a body to its last byte.
    pub body_time_max: Span,
    /// How long a handler may take.
    pub handler_time_max: Span,
    /// The bounds of the listener; its shutdown time bounds the whole stop.
    pub server: ServerLimits,
    /// How mails leave.
    pub mail: MailSettings,
    /// How pages look.
    pub look: LookSettings,
    /// The operator's mail templates.
    pub templates_dir: Option<PathBuf>,
    /// What checkpoints are signed as, and where tiles lie.
    pub audit: AuditSettings,
    /// When backups are made; none: by hand only.
    pub backups: Option<Schedule>,
}

impl AppSettings {
    /// Settings for a server that is reached at `public_url` and sends mails as `mail` says; the rest are defaults.
    pub fn new(public_url: &str, mail: MailSettings) -> Self {
        Self {
            site: SiteSettings {
                brand: "Keyledger".to_owned(),
                public_url: public_url.to_owned(),
                recovery_url: format!("{public_url}/recover"),
                callback_urls: vec![],
                verify_on_get: false,
                exempt_networks: NetList::default(),
                shown: vec![],
                warnings: vec![],
                admin_second_factor: false,
                services: ServiceSettings::default(),
            },
            admin_url: None,
            calls_per_client_minute: 600,
            envelope: Envelope::Hybrid,
            trusted_proxies: NetList::default(),
            body_time_max: Span::seconds(10),
            handler_time_max: Span::seconds(30),
            server: ServerLimits::default(),
            mail,
            look: LookSettings::default(),
            templates_dir: None,
            audit: AuditSettings::default(),
            backups: None,
        }
    }

    /// The settings of a configuration.
    pub fn from_config(config: &Config, serving: &Serving) -> Result<Self, AppError> {
        let http = &config.http;
        let exempt = &config.limits.exempt_networks;
        let uncapped = exempt.iter().chain(&http.trusted_proxies).copied();
        Ok(Self {
            site: SiteSettings {
                brand: config.brand_name.clone(),
                public_url: serving.public_url.as_str().trim_end_matches('/').to_owned(),
                recovery_url: serving.recovery_url.as_str().to_owned(),
                callback_urls: config
                    .callback_urls
                    .iter()
                    .map(|url| url.as_str().to_owned())
                    .collect(),
                verify_on_get: config.verify_on_get,
                exempt_networks: NetList::new(exempt.clone()),
                shown: config.resolved().iter().map(setting_shown).collect(),
                warnings: config.warnings().iter().map(ToString::to_string).collect(),
                admin_second_factor: config.admin_second_factor,
                services: ServiceSettings {
                    origins: config.services.origins.clone(),
                    cookie_domain: config.services.cookie_domain.clone(),
                    proxies: NetList::new(http.trusted_proxies.clone()),
                },
            },
            admin_url: serving.admin_url.as_ref().map(|url| url.as_str().to_owned()),
            calls_per_client_minute: config.limits.calls_per_client_minute,
            envelope: match config.envelope {
                config::Envelope::Hybrid => Envelope::Hybrid,
                config::Envelope::Bare => Envelope::Bare,
                config::Envelope::Wrapped => Envelope::Wrapped,
            },
            trusted_proxies: NetList::new(http.trusted_proxies.clone()),
            body_time_max: span(http.body_timeout),
            handler_time_max: span(http.handler_timeout),
            server: ServerLimits {
                connections_max: bounded(http.connections_max),
                connections_per_client_max: bounded(http.connections_per_client_max),
                uncapped: uncapped.collect(),
                head_time_max: span(http.header_timeout),
                idle_time_max: span(http.idle_timeout),
                shutdown_time_max: span(http.shutdown_timeout),
                ..ServerLimits::default()
            },
            mail: mail_settings(config)?,
            look: LookSettings {
                templates_dir: Some(config.data.join("templates/pages")),
                colour: config.brand_color,
                logo: config.brand_logo.clone(),
            },
            templates_dir: Some(config.data.join("templates/mail")),
            audit: audit_settings(config)?,
            backups: schedule(config),
        })
    }
}

fn setting_shown(shown: &config::Shown) -> SettingShown {
    SettingShown {
        name: shown.name,
        value: shown.value.clone(),
        origin: shown.origin.to_string(),
        doc: shown.doc,
    }
}

/// Where snapshots go, if any are taken.
pub(super) fn snapshots(config: &Config) -> Option<Snapshots> {
    let every = NonZeroU64::new(config.snapshots.every.into())?;
    Some(Snapshots::new(ledger::Shelf::of(&config.data), every))
}

/// The numbers that decisions are held against.
pub fn limits(config: &Config) -> Limits {
    let (limits, tokens) = (&config.limits, &config.tokens);
    Limits {
        mails_per_address_hour: limits.mails_per_address_hour,
        mails_per_address_day: limits.mails_per_address_day,
        mails_per_client: limits.mails_per_client,
        reserve_mails_day: limits.reserve_mails_day,
        reserve_codes_day: limits.reserve_codes_day,
        signin_free: limits.signin_free,
        signin_wait_first: span(limits.signin_wait_first),
        signin_wait_max: span(limits.signin_wait_max),
        signin_per_user_hour: limits.signin_per_user_hour,
        code_tries_per_challenge: limits.code_tries_per_challenge,
        code_tries_per_address_day: limits.code_tries_per_address_day,
        current_password_tries: limits.current_password_tries,
        factor_tries: limits.mfa_tries,
        signups_per_client_hour: limits.signups_per_client_hour,
        stranger_bytes_day: limits.stranger_bytes_day,
        stranger_bytes_burst: limits.stranger_bytes_burst,
        known_client: Span::days(i64::from(limits.known_client_days)),
        sessions_per_user: tokens.sessions_per_user_max,
        lifetimes: Lifetimes {
            recovery: span(tokens.recovery_lifetime),
            verification: span(tokens.verification_lifetime),
            factor_code: span(tokens.factor_code_lifetime),
            access: span(tokens.access_lifetime),
            session_idle: span(tokens.session_idle),
            session_absolute: span(tokens.session_absolute),
            refresh_grace: span(tokens.refresh_grace),
            withdraw_delay: span(tokens.withdraw_delay),
        },
    }
}

/// How many hashes at once, how many waiting, and what one costs.
pub fn pool_settings(config: &Config) -> Result<PoolSettings, AppError> {
    let passwords = &config.passwords;
    Ok(PoolSettings {
        workers: NonZeroUsize::new(passwords.workers).unwrap_or_else(|| PoolSettings::default().workers),
        waiting_max: passwords.queue_max,
        params: PasswordParams::checked(passwords.memory_kib, passwords.time, passwords.parallelism)?,
    })
}

/// What the desk is told.
pub fn desk_settings(config: &Config) -> Result<DeskSettings, AppError> {
    let leaks = LeakSettings {
        folder: Some(config.breach.directory.clone()),
        neighbours: neighbours(config.breach.allow_private),
        ca_file: config.breach.ca_file.clone(),
        ..LeakSettings::default()
    };
    Ok(DeskSettings {
        brand: config.brand_name.clone(),
        password_policy: config.rest.password_policy.clone(),
        enumeration: match config.enumeration {
            config::Enumeration::Default => Enumeration::Open,
            config::Enumeration::Strict => Enumeration::Strict,
        },
        require_verified_email: config.require_verified_email,
        leaks: Leaks::open(leaks)?,
        mail: global_mail(config),
        webhooks: webhook_settings(config)?,
    })
}

fn webhook_settings(config: &Config) -> Result<WebhookSettings, AppError> {
    let webhooks = &config.webhooks;
    let tls = tls_client(webhooks.ca_file.as_deref()).map_err(AppError::WebhookTrust)?;
    Ok(WebhookSettings {
        outgoing: Outgoing::new(tls, neighbours(webhooks.allow_private)),
        time_max: webhooks.timeout,
        give_up_after: span(webhooks.give_up_after),
    })
}

fn neighbours(are_allowed: bool) -> Neighbours {
    if are_allowed {
        Neighbours::Allowed
    } else {
        Neighbours::Refused
    }
}

/// What is wrong with imported sets of leaked passwords, as far as opening them tells.
pub fn unusable_sets(config: &Config) -> Vec<String> {
    let shelf = Shelf::at(config.breach.directory.clone());
    match shelf.names() {
        Ok(names) => {
            let faults = names.iter().filter_map(|name| shelf.open(name).err());
            faults
                .map(|fault| format!("{fault}; until then this set refuses no password"))
                .collect()
        }
        Err(error) => vec![format!("{} cannot be read: {error}", shelf.folder().display())],
    }
}

/// What checkpoints are signed as, and where tiles lie.
pub fn audit_settings(config: &Config) -> Result<AuditSettings, AppError> {
    let origin = match &config.audit.origin {
        Some(name) => Some(KeyName::parse(name).ok_or(AppError::AuditOrigin)?),
        None => config.public_url.as_ref().and_then(|url| {
            let text = url.as_str();
            let name = text.split_once("://").map_or(text, |(_, name)| name);
            KeyName::parse(name.trim_end_matches('/'))
        }),
    };
    Ok(AuditSettings {
        origin,
        tiles: Some(config.data.join("tiles")),
        mail_every: config.audit.mail_checkpoint_every.map(span),
        witness: witness_settings(config)?,
    })
}

/// Who cosigns checkpoints, if anybody.
fn witness_settings(config: &Config) -> Result<Option<WitnessSettings>, AppError> {
    let audit = &config.audit;
    let (url, key) = match (&audit.witness_url, &audit.witness_key) {
        (None, None) => return Ok(None),
        (Some(url), Some(key)) => (url, key),
        (Some(_), None) | (None, Some(_)) => {
            return Err(AppError::Witness(
                "audit.witness_url and audit.witness_key go together".to_owned(),
            ));
        }
    };
    let key = key
        .parse()
        .map_err(|fault| AppError::Witness(format!("audit.witness_key: {fault}")))?;
    let url = WebhookUrl::parse(url.as_str())
        .map_err(|fault| AppError::Witness(format!("audit.witness_url: {fault}")))?;
    if !url.origin().is_https() && !audit.witness_allow_private {
        return Err(AppError::Witness(
            "audit.witness_url begins with https://, unless audit.witness_allow_private is set".to_owned(),
        ));
    }
    let tls = tls_client(None).map_err(AppError::Trust)?;
    let outgoing = Outgoing::new(tls, neighbours(audit.witness_allow_private));
    Ok(Some(WitnessSettings { url, key, outgoing }))
}

/// Whether somebody said over which server mails leave: neither host nor sender is what it is unless set.
fn global_mail(config: &Config) -> GlobalMail {
    let email = &config.email;
    let unset = MailSettingsDraft::default();
    let is_unset = email.transport == config::Transport::Smtp
        && email.host == unset.host
        && email.from.to_string() == unset.from;
    if is_unset {
        GlobalMail::Missing
    } else {
        GlobalMail::Configured
    }
}

/// How mails leave.
pub fn mail_settings(config: &Config) -> Result<MailSettings, AppError> {
    let email = &config.email;
    let draft = MailSettingsDraft {
        transport: match email.transport {
            config::Transport::Smtp => TransportKind::Smtp,
            config::Transport::File => TransportKind::File(email.file_dir.clone()),
            config::Transport::Console => TransportKind::Console,
        },
        host: email.host.clone(),
        port: email.port,
        username: email.username.clone(),
        password: email.password.clone(),
        use_tls: email.use_tls,
        use_ssl: email.use_ssl,
        timeout: email.timeout,
        from: email.from.to_string(),
        ca_file: email.ca_file.clone(),
        allow_plaintext: email.allow_plaintext,
        connections_max: email.connections.min(MailSettings::CONNECTIONS_MAX),
        ..MailSettingsDraft::default()
    };
    Ok(MailSettings::check(draft)?)
}

/// When backups are made.
fn schedule(config: &Config) -> Option<Schedule> {
    let backup = &config.backup;
    Some(Schedule {
        folder: backup.directory.clone()?,
        every: span(backup.every),
        full_every: backup.full_every,
        keep: backup.keep,
    })
}

pub(super) fn span(duration: Duration) -> Span {
    Span(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
}

fn bounded(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
