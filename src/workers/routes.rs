//! The ways to mail servers that stages of flows have of their own.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::desk::Desk;
use crate::domain::flow::MailServer;
use crate::mail::{MailSettings, MailSettingsDraft, Mailbox, SettingsFault, Transport};

/// Servers whose connections are kept; one more takes the place of the one that came first.
const KEPT_MAX: usize = 8;

/// The way to one server.
pub(super) struct Route {
    pub(super) transport: Transport,
    pub(super) from: Mailbox,
    pub(super) timeout: Duration,
}

/// The ways to all of them.
pub(super) struct Routes {
    /// What a stage does not say is as in the settings.
    settings: MailSettings,
    kept: Mutex<Vec<(MailServer, Arc<Route>)>>,
}

/// Why there is no way to a server.
#[derive(Debug, thiserror::Error)]
pub(super) enum RouteFault {
    /// What the stage says does not hold together here.
    #[error(transparent)]
    Settings(#[from] SettingsFault),
    /// Its password cannot be opened.
    #[error("the key of the stage's SMTP password is gone: enter the password anew")]
    KeyGone,
}

impl Routes {
    pub(super) fn new(settings: &MailSettings) -> Self {
        Self {
            settings: settings.clone(),
            kept: Mutex::default(),
        }
    }

    /// The way to a server, opened once and kept.
    pub(super) fn to(&self, server: &MailServer, desk: &Desk) -> Result<Arc<Route>, RouteFault> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, route)) = kept.iter().find(|(known, _)| known == server) {
            return Ok(Arc::clone(route));
        }
        let route = Arc::new(self.open(server, desk)?);
        if kept.len() >= KEPT_MAX {
            kept.remove(0);
        }
        kept.push((server.clone(), Arc::clone(&route)));
        Ok(route)
    }

    fn open(&self, server: &MailServer, desk: &Desk) -> Result<Route, RouteFault> {
        let password = match &server.password {
            Some(secret) => Some(desk.stage_secret(secret).ok_or(RouteFault::KeyGone)?),
            None => None,
        };
        let settings = self.settings.for_server(MailSettingsDraft {
            host: server.host.clone(),
            port: server.port,
            username: Some(server.username.clone()),
            password,
            use_tls: server.use_tls,
            use_ssl: server.use_ssl,
            timeout: Duration::from_secs(u64::from(server.timeout)),
            from: server.from_address.clone(),
            ..MailSettingsDraft::default()
        })?;
        Ok(Route {
            transport: Transport::open(&settings)?,
            from: settings.from().clone(),
            timeout: settings.timeout(),
        })
    }

    /// Says goodbye to every server.
    pub(super) async fn close(&self) {
        let kept = std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        for (_, route) in kept {
            route.transport.close().await;
        }
    }
}
