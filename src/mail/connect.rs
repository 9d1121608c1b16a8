//! The way to a mail server: its addresses, and a TCP connection.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::fault::{Cause, SendError, Step};
use super::settings::{ClearText, MailSettings, Security, SettingsFault};
use super::wire::Wire;
use crate::system::tls_client;

/// Addresses of one host that are tried.
const ADDRESSES_MAX: usize = 8;

/// Is told each step that went well, with the server's words.
pub(super) type Witness<'a> = dyn FnMut(Step, String) + Send + 'a;

/// Everything needed to reach the server of the settings.
pub(super) struct Dialer {
    pub(super) settings: MailSettings,
    pub(super) tls: TlsConnector,
    pub(super) name: ServerName<'static>,
}

impl Dialer {
    /// Reads the authorities; does not touch the network.
    pub(super) fn new(settings: &MailSettings) -> Result<Self, SettingsFault> {
        let name = ServerName::try_from(settings.host.clone()).map_err(|_| SettingsFault::Host)?;
        Ok(Self {
            tls: tls_connector(settings.ca_file())?,
            name,
            settings: settings.clone(),
        })
    }

    /// Opens a TCP connection to the first address that answers; clear text, up to now.
    pub(super) async fn connect(&self, seen: &mut Witness<'_>) -> Result<Wire, SendError> {
        let limit = self.settings.timeout;
        let addresses = self.resolve(limit).await?;
        seen(Step::Resolve, listed(&addresses));
        let addresses = self.permitted(addresses)?;
        // The limit holds for all addresses together, so that a dead one does not eat what the next one needs.
        let share = limit / u32::try_from(addresses.len()).unwrap_or(1).max(1);
        let mut last = SendError::new(Step::Connect, Cause::Network, "the host has no address");
        for address in addresses {
            last = match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Without it each mail would wait 40 ms for an acknowledgement that the server delays.
                    stream
                        .set_nodelay(true)
                        .map_err(|e| SendError::new(Step::Connect, Cause::Network, e.to_string()))?;
                    seen(Step::Connect, address.to_string());
                    return Ok(Wire::new(stream, limit));
                }
                Ok(Err(error)) => {
                    SendError::new(Step::Connect, Cause::Network, format!("{address}: {error}"))
                }
                Err(_) => SendError::new(
                    Step::Connect,
                    Cause::Timeout,
                    format!("{address}: no answer within {share:?}"),
                ),
            };
        }
        Err(last)
    }

    async fn resolve(&self, limit: Duration) -> Result<Vec<SocketAddr>, SendError> {
        let found = timeout(
            limit,
            lookup_host((self.settings.host.as_str(), self.settings.port)),
        )
        .await;
        let mut addresses: Vec<SocketAddr> = match found {
            Ok(Ok(found)) => found.take(ADDRESSES_MAX).collect(),
            Ok(Err(error)) => return Err(SendError::new(Step::Resolve, Cause::Network, error.to_string())),
            Err(_) => {
                let words = format!("no answer from the name service within {limit:?}");
                return Err(SendError::new(Step::Resolve, Cause::Timeout, words));
            }
        };
        addresses.dedup();
        if addresses.is_empty() {
            return Err(SendError::new(
                Step::Resolve,
                Cause::Network,
                "the host has no address",
            ));
        }
        Ok(addresses)
    }

    /// A name that should be this machine's may still resolve to another's: clear text does not go there.
    fn permitted(&self, mut addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, SendError> {
        match (self.settings.security, self.settings.clear_text) {
            (Security::StartTls | Security::Tls, ClearText::LoopbackOnly | ClearText::Allowed)
            | (Security::Plain, ClearText::Allowed) => {}
            (Security::Plain, ClearText::LoopbackOnly) => {
                addresses.retain(|address| address.ip().to_canonical().is_loopback());
            }
        }
        if addresses.is_empty() {
            let words = "the host is not this machine, and clear text to other machines is not allowed";
            return Err(SendError::new(Step::Connect, Cause::Missing, words));
        }
        Ok(addresses)
    }
}

fn listed(addresses: &[SocketAddr]) -> String {
    addresses
        .iter()
        .map(|address| address.ip().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

fn tls_connector(ca_file: Option<&Path>) -> Result<TlsConnector, SettingsFault> {
    tls_client(ca_file)
        .map(TlsConnector::from)
        .map_err(|fault| SettingsFault::CaFile {
            path: fault.path.display().to_string(),
            problem: fault.problem,
        })
}
