//! The house with its doors open: premises, workers, and HTTP on a listener.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::error::AppError;
use super::premises::{Closing, Premises};
use super::settings::AppSettings;
use crate::audit::Notary;
use crate::desk::Desk;
use crate::http::device::device_name_in;
use crate::http::idempotency::{Idempotency, Room};
use crate::http::pages::Look;
use crate::http::post::Post;
use crate::http::site::{Door, Site, router};
use crate::http::throttle::{Rate, Throttle};
use crate::http::{RouterSettings, ServeReport, serve};
use crate::mail::templates::Templates;
use crate::system::{SeededEntropy, random_id};
use crate::types::Span;
use crate::workers::{MailTools, Nudge, Stationery, ToolsFault, Workers};

/// Clients and keys whose calls are counted at once, about.
const COUNTED_CLIENTS_MAX: usize = 65_536;
/// What workers and the writer get at a stop, at the least.
const PATIENCE_MIN: Duration = Duration::from_secs(2);

/// The sockets of a server.
#[derive(Debug)]
pub struct Listeners {
    /// For everybody.
    pub main: TcpListener,
    /// For the console, the admin API and the audit API; without one, `main` answers those too (L-07).
    pub admin: Option<TcpListener>,
}

impl Listeners {
    /// Where they listen.
    fn addresses(&self) -> Result<Addresses, AppError> {
        let of = |listener: &TcpListener| listener.local_addr().map_err(AppError::Listener);
        Ok(Addresses {
            main: of(&self.main)?,
            admin: self.admin.as_ref().map(of).transpose()?,
        })
    }
}

#[derive(Clone, Copy)]
struct Addresses {
    main: SocketAddr,
    admin: Option<SocketAddr>,
}

/// A running server.
pub struct App {
    premises: Premises,
    workers: Workers,
    notary: Arc<Notary>,
    addresses: Addresses,
    stop: watch::Sender<()>,
    servers: Vec<JoinHandle<ServeReport>>,
    patience: Duration,
}

/// How a stop went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StopReport {
    /// What the listeners did.
    pub served: ServeReport,
    /// Whether the workers finished what they were at; the rest goes on after the next start.
    pub workers_finished: bool,
    /// Whether everything that waited was carried out.
    pub closing: Closing,
}

impl App {
    /// Opens the doors of premises on listeners. If that fails, the premises are closed again.
    pub async fn start(
        premises: Premises,
        settings: AppSettings,
        listeners: Listeners,
    ) -> Result<Self, AppError> {
        let prepared = prepare(&settings, &listeners);
        match prepared {
            Ok(prepared) => Ok(Self::run(premises, settings, prepared, listeners)),
            Err(error) => {
                close(premises, PATIENCE_MIN).await;
                Err(error)
            }
        }
    }

    fn run(premises: Premises, settings: AppSettings, prepared: Prepared, listeners: Listeners) -> Self {
        let Prepared {
            mail,
            post,
            look,
            addresses,
        } = prepared;
        let (stop, stopping) = watch::channel(());
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
        let main = Site {
            desk,
            notary: Arc::clone(&notary),
            url: settings.site.public_url.clone(),
            settings: Arc::new(settings.site),
            look: Arc::new(look),
            calls: Arc::new(Throttle::new(rate, COUNTED_CLIENTS_MAX, exempt)),
            door: Door::Main,
            post: Arc::new(post),
            followers: Site::followers(),
            stopping,
            idempotency: Arc::new(idempotency),
            intents: Arc::default(),
            envelope: settings.envelope,
        };
        let patience = settings.server.shutdown_time_max.to_std().max(PATIENCE_MIN);
        let open = |site: Site, listener: TcpListener| {
            let filter = router(Arc::new(site), router_settings.clone()).into_filter();
            let mut stopped = stop.subscribe();
            tokio::spawn(serve(listener, filter, settings.server.clone(), async move {
                // Dropping the sender without a word stops the server too.
                let _ = stopped.changed().await;
            }))
        };
        let servers = if let (Some(listener), Some(address)) = (listeners.admin, addresses.admin) {
            let url = settings.admin_url.unwrap_or_else(|| format!("http://{address}"));
            let admin = main.clone().for_administrators(url);
            vec![open(main, listeners.main), open(admin, listener)]
        } else {
            let url = main.url.clone();
            vec![open(main.for_administrators(url), listeners.main)]
        };
        Self {
            premises,
            workers,
            notary,
            addresses,
            stop,
            servers,
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
        self.addresses.main
    }

    /// Where it listens for administrators.
    pub fn admin_addr(&self) -> SocketAddr {
        self.addresses.admin.unwrap_or(self.addresses.main)
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
            servers,
            patience,
            ..
        } = self;
        drop(stop);
        let mut served = ServeReport::default();
        for server in servers {
            served = served + server.await.unwrap_or_default();
        }
        let workers_finished = workers.stop(patience).await;
        StopReport {
            served,
            workers_finished,
            closing: close(premises, patience).await,
        }
    }
}

/// What is read and checked before a door opens.
struct Prepared {
    mail: MailTools,
    post: Post,
    look: Look,
    addresses: Addresses,
}

fn prepare(settings: &AppSettings, listeners: &Listeners) -> Result<Prepared, AppError> {
    let stationery = Stationery {
        brand: settings.site.brand.clone(),
        public_url: settings.site.public_url.clone(),
        recovery_url: settings.site.recovery_url.clone(),
        colour: settings.look.colour,
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
    let templates = Templates::load(settings.templates_dir.as_deref()).map_err(AppError::Templates)?;
    Ok(Prepared {
        mail,
        post: Post::new(settings.mail.clone(), templates, settings.templates_dir.clone()),
        look,
        addresses: listeners.addresses()?,
    })
}

/// Closing blocks, so it gets a thread of its own.
async fn close(premises: Premises, patience: Duration) -> Closing {
    tokio::task::spawn_blocking(move || premises.close(patience))
        .await
        .unwrap_or(Closing::Incomplete)
}
