//! `keyledger serve`: the server, until it is told to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::context::{Context, refuse_foreign_root};
use super::control::{Clerk, ControlServer, runtime};
use super::exit::{Exit, Failure};
use super::logs;
use super::setting_flags::SettingFlags;
use crate::app::{App, AppSettings, Closing, Listeners, Premises, StopReport};
use crate::config::{Config, Serving};
use crate::engine::{BootReport, Rollback};
use crate::system::ClockStatus;

/// Its arguments.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Start although the ledger is older than this machine remembers; all sessions and tokens end
    #[arg(long)]
    pub accept_rollback: bool,
    /// Settings.
    #[command(flatten)]
    pub settings: SettingFlags,
}

/// How long tasks that ignore the stop are waited for.
const LINGER_MAX: Duration = Duration::from_secs(2);

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let config = context.config(arguments.settings)?;
    let serving = config.for_serve()?;
    logs::open(&config)?;
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    refuse_foreign_root(&config.data)?;
    let settings = AppSettings::from_config(&config, &serving)?;
    let rollback = if arguments.accept_rollback {
        Rollback::Accept
    } else {
        Rollback::Refuse
    };
    let premises = Premises::open(&config, "keyledger serve", rollback)?;
    let runtime = runtime()?;
    let exit = runtime.block_on(serve(&config, &serving, premises, settings, context));
    runtime.shutdown_timeout(LINGER_MAX);
    exit
}

async fn serve(
    config: &Config,
    serving: &Serving,
    premises: Premises,
    settings: AppSettings,
    context: &Context,
) -> Result<Exit, Failure> {
    let mut stop = StopSignals::watch()?;
    let listeners = match listen(serving).await {
        Ok(listeners) => listeners,
        Err(failure) => {
            close(premises).await;
            return Err(failure);
        }
    };
    tell_clock(&premises);
    premises.desk.settings().leaks.tell();
    let (desk, report, end) = (premises.desk.clone(), premises.report.clone(), premises.end);
    let app = App::start(premises, settings, listeners).await?;
    let clerk = Clerk::new(desk, Arc::clone(app.notary()), config, end);
    let control = match ControlServer::open(&config.data, clerk) {
        Ok(control) => control,
        Err(failure) => {
            app.stop().await;
            return Err(failure);
        }
    };
    tell_ready(config, serving, &app, &report, context);
    let name = stop.wait().await;
    tracing::info!(signal = name, "stopping");
    let stopped = tokio::select! {
        stopped = async { control.close().await; app.stop().await } => stopped,
        name = stop.wait() => {
            return Err(Failure::later(format!("{name} came again before everything was finished"))
                .remedy("nothing acknowledged is lost; the next start reads what is on the disk"));
        }
    };
    tracing::info!("stopped: {}", stop_words(&stopped));
    Ok(Exit::Done)
}

/// The two signals that end a server in good order.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    fn watch() -> Result<Self, Failure> {
        let watch = |kind| {
            signal(kind).map_err(|error| Failure::later(format!("signals cannot be watched: {error}")))
        };
        Ok(Self {
            terminate: watch(SignalKind::terminate())?,
            interrupt: watch(SignalKind::interrupt())?,
        })
    }

    async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

fn stop_words(stopped: &StopReport) -> String {
    let StopReport {
        served,
        workers_finished,
        closing,
    } = stopped;
    let workers = if *workers_finished {
        "the workers finished"
    } else {
        "the workers were interrupted, and the next start goes on with their work"
    };
    let closing = match closing {
        Closing::Complete => "everything that waited is written",
        Closing::Incomplete => "not everything that waited was written; nothing acknowledged is lost",
    };
    format!(
        "{} connections served, {} turned away, {} cut off; {workers}; {closing}",
        served.accepted, served.turned_away, served.cut
    )
}

/// Closing waits for the disk, which must not hold the runtime.
async fn close(premises: Premises) {
    let closing = tokio::task::spawn_blocking(move || premises.close(Duration::from_secs(10)));
    if let Err(error) = closing.await {
        tracing::error!(%error, "the ledger was not closed in good order");
    }
}

/// Opens the sockets of everybody and of administrators.
async fn listen(serving: &Serving) -> Result<Listeners, Failure> {
    let bind = |name, at| async move {
        let bound = TcpListener::bind(at).await;
        bound.map_err(|error| unbindable(name, at, &error))
    };
    let main = bind("listen", serving.listen).await?;
    let admin = match serving.admin_listen {
        Some(at) => Some(bind("admin_listen", at).await?),
        None => None,
    };
    Ok(Listeners { main, admin })
}

fn unbindable(name: &'static str, listen: SocketAddr, error: &io::Error) -> Failure {
    let failure = Failure::unavailable(format!("cannot listen on {listen}: {error}")).field(name);
    let is = |kind| error.kind() == kind;
    if is(io::ErrorKind::AddrInUse) {
        let (port, flag) = (listen.port(), name.replace('_', "-"));
        failure.remedy(format!(
            "another program has port {port}; name another with --{flag}"
        ))
    } else if is(io::ErrorKind::PermissionDenied) {
        failure.remedy("ports below 1024 need a privilege; listen on a higher one behind a proxy")
    } else if is(io::ErrorKind::AddrNotAvailable) {
        failure.remedy("this machine has no such address")
    } else {
        failure
    }
}

fn tell_clock(premises: &Premises) {
    let status = premises.desk.engine().clock().status();
    if let ClockStatus::Suspect { .. } = status {
        tracing::warn!("the clock is {status}");
    }
}

fn tell_ready(config: &Config, serving: &Serving, app: &App, report: &BootReport, context: &Context) {
    let (address, admin) = (app.addr(), app.admin_addr());
    let (data, public_url) = (config.data.display().to_string(), serving.public_url.as_str());
    if let Some(cut) = &report.cut {
        tracing::warn!(?cut, "an unfinished command was cut off the end of the ledger");
    }
    let snapshot = report.snapshot.map(|position| position.0);
    tracing::info!(%address, %admin, data, events = report.events, snapshot, "ready");
    let text = format!(
        "Keyledger serves http://{address} as {public_url}, and administrators at http://{admin}/admin; data in {data}, \
         {} events folded.",
        report.events
    );
    let json = json!({
        "ready": true,
        "address": address.to_string(),
        "adminAddress": admin.to_string(),
        "publicUrl": public_url,
        "data": data,
        "events": report.events,
        "pid": std::process::id(),
    });
    context.output.result(&json, &text);
}
