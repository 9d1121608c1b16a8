//! The house with its doors open: premises, workers, and HTTP on a listener.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::error::AppError;
use super::premises::{Closing, Premises};
use super::settings::AppSettings;
use crate::audit::Notary;
use crate::desk::Desk;
use crate::http::device::device_name_in;
use crate::http::idempotency::{Idempotency, Room};
use crate::http::pages::Look;
use crate::http::site::{Site, router};
use crate::http::throttle::{Rate, Throttle};
use crate::http::{RouterSettings, ServeReport, serve};
use crate::system::{SeededEntropy, random_id};
use crate::types::Span;
use crate::workers::{MailTools, Nudge, Stationery, ToolsFault, Workers};

/// Clients and keys whose calls are counted at once, about.
const COUNTED_CLIENTS_MAX: usize = 65_536;
/// What workers and the writer get at a stop, at the least.
const PATIENCE_MIN: Duration = Duration::from_secs(2);

/// A running server.
pub struct App {
    premises: Premises,
    workers: Workers,
    notary: Arc<Notary>,
    addr: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<ServeReport>,
    patience: Duration,
}

/// How a stop went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StopReport {
    /// What the listener did.
    pub served: ServeReport,
    /// Whether the workers finished what they were at; the rest goes on after the next start.
    pub workers_finished: bool,
    /// Whether everything that waited was carried out.
    pub closing: Closing,
}

impl App {
    /// Opens the doors of premises on a listener. If that fails, the premises are closed again.
    pub async fn start(
        premises: Premises,
        settings: AppSettings,
        listener: TcpListener,
    ) -> Result<Self, AppError> {
        let prepared = prepare(&settings, &listener);
        match prepared {
            Ok((mail, look, addr)) => Ok(Self::run(premises, settings, mail, look, listener, addr)),
            Err(error) => {
                close(premises, PATIENCE_MIN).await;
                Err(error)
            }
        }
    }

    fn run(
        premises: Premises,
        settings: AppSettings,
        mail: MailTools,
        look: Look,
        listener: TcpListener,
        addr: SocketAddr,
    ) -> Self {
        let desk = premises.desk.clone();
        let notary = Arc::new(Notary::new(desk.clone(), settings.audit));
        let workers = Workers::start(
            &desk,
            mail,
            premises.anchor(),
            premises.snapshots(),
            Arc::clone(&notary),
            settings.backups,
        );
        let idempotency = Idempotency::new(desk.engine().entropy(), Room::DEFAULT);
        let naming = SeededEntropy::drawn(desk.engine().entropy());
        let router_settings = RouterSettings {
            envelope: settings.envelope,
            trusted_proxies: settings.trusted_proxies,
            body_time_max: settings.body_time_max,
            handler_time_max: settings.handler_time_max,
            ..RouterSettings::new(Arc::new(move || random_id(&naming)))
        };
        let rate = Rate {
            calls: settings.calls_per_client_minute,
            period: Span::minutes(1),
        };
        let exempt = settings.site.exempt_networks.clone();
        let site = Site {
            desk,
            notary: Arc::clone(&notary),
            settings: settings.site,
            look,
            calls: Throttle::new(rate, COUNTED_CLIENTS_MAX, exempt),
            idempotency,
            envelope: settings.envelope,
        };
        let patience = settings.server.shutdown_time_max.to_std().max(PATIENCE_MIN);
        let filter = router(Arc::new(site), router_settings).into_filter();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(serve(listener, filter, settings.server, async {
            // Dropping the handle without a word stops the server too.
            let _ = stopped.await;
        }));
        Self {
            premises,
            workers,
            notary,
            addr,
            stop,
            server,
            patience,
        }
    }

    /// Who signs and proves.
    pub fn notary(&self) -> &Arc<Notary> {
        &self.notary
    }

    /// The use cases.
    pub fn desk(&self) -> &Desk {
        &self.premises.desk
    }

    /// The premises.
    pub fn premises(&self) -> &Premises {
        &self.premises
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// A handle that wakes the workers, for whoever moves a test's clock.
    pub fn nudge(&self) -> Nudge {
        self.workers.nudge()
    }

    /// Stops in order: no new request, running ones finish, workers finish, the writer carries out what waits.
    pub async fn stop(self) -> StopReport {
        let Self {
            premises,
            workers,
            stop,
            server,
            patience,
            ..
        } = self;
        drop(stop);
        let served = server.await.unwrap_or_default();
        let workers_finished = workers.stop(patience).await;
        StopReport {
            served,
            workers_finished,
            closing: close(premises, patience).await,
        }
    }
}

fn prepare(
    settings: &AppSettings,
    listener: &TcpListener,
) -> Result<(MailTools, Look, SocketAddr), AppError> {
    let stationery = Stationery {
        brand: settings.site.brand.clone(),
        public_url: settings.site.public_url.clone(),
        recovery_url: settings.site.recovery_url.clone(),
        client_name: device_name_in,
    };
    let mail =
        MailTools::open(&settings.mail, settings.templates_dir.as_deref(), stationery).map_err(|fault| {
            match fault {
                ToolsFault::Settings(fault) => AppError::Mail(fault),
                ToolsFault::Templates(fault) => AppError::Templates(fault),
            }
        })?;
    let look = Look::open(&settings.look)?;
    let addr = listener.local_addr().map_err(AppError::Listener)?;
    Ok((mail, look, addr))
}

/// Closing blocks, so it gets a thread of its own.
async fn close(premises: Premises, patience: Duration) -> Closing {
    tokio::task::spawn_blocking(move || premises.close(patience))
        .await
        .unwrap_or(Closing::Incomplete)
}
