//! The way to a mail server: its addresses, a TCP connection, and what TLS trusts.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::fault::{Cause, SendError, Step};
use super::settings::{ClearText, MailSettings, Security, SettingsFault};
use super::wire::Wire;

/// Addresses of one host that are tried.
const ADDRESSES_MAX: usize = 8;
/// Bytes of a file of authorities; the whole public list in PEM is about 250 KB.
const CA_FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

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

/// Trusts the public authorities (Mozilla's list), and those of the file; checks names and dates always.
fn tls_connector(ca_file: Option<&Path>) -> Result<TlsConnector, SettingsFault> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(path) = ca_file {
        add_authorities(&mut roots, path).map_err(|problem| SettingsFault::CaFile {
            path: path.display().to_string(),
            problem,
        })?;
    }
    // The provider is named, because a process-wide default may be missing or another crate's.
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn add_authorities(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > CA_FILE_BYTES_MAX {
        return Err(format!("it has {size} bytes, more than {CA_FILE_BYTES_MAX}"));
    }
    let pem = std::fs::read(path).map_err(|error| error.to_string())?;
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| format!("not PEM: {error}"))?;
        roots
            .add(certificate)
            .map_err(|error| format!("a certificate in it is unusable: {error}"))?;
        count += 1;
    }
    if count == 0 {
        Err("it holds no certificate (PEM, BEGIN CERTIFICATE)".into())
    } else {
        Ok(())
    }
}
