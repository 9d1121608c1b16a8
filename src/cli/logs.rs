//! The log: on standard error, for people or as JSON; never with secrets or personal data, which the callers see to.

use tracing::Level;
use tracing_subscriber::filter::{FilterExt as _, Targets, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{fmt, registry};

use super::exit::Failure;
use crate::config::{Config, LogFormat};

/// Packages whose `debug` and `trace` show requests, mails or keys.
const TALKATIVE: [&str; 6] = ["warp", "hyper", "h2", "rustls", "lettre", "sled"];

/// Opens the log of the server.
pub(super) fn open(config: &Config) -> Result<(), Failure> {
    begin(&config.log, config.log_format)
}

/// Opens the log of any other command: warnings only.
pub(super) fn open_quiet() -> Result<(), Failure> {
    begin("warn", LogFormat::Text)
}

fn begin(directives: &str, format: LogFormat) -> Result<(), Failure> {
    let wanted: Targets = directives.parse().map_err(|fault| Failure::value("log", fault))?;
    let discreet = filter_fn(|metadata| {
        let package = metadata.target().split("::").next().unwrap_or_default();
        *metadata.level() <= Level::INFO || !TALKATIVE.contains(&package)
    });
    let filter = wanted.and(discreet);
    let lines = fmt::layer().with_writer(std::io::stderr);
    // A log that is already open, as in tests, stays.
    let _ = match format {
        LogFormat::Text => registry()
            .with(lines.with_ansi(false).with_filter(filter))
            .try_init(),
        LogFormat::Json => registry()
            .with(lines.json().flatten_event(true).with_filter(filter))
            .try_init(),
    };
    Ok(())
}
