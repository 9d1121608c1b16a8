//! The range service of Have I Been Pwned: 20 bits of a hash leave, and the answer is as long as for any others (P-07).
//!
//! <https://haveibeenpwned.com/API/v3#PwnedPasswords>. Only the password as typed is asked for: the prefixes of two
//! spellings would together tell more than either. No redirect is followed, and no name may lead into private networks
//! (CWE-918). All together takes [`RANGE_TIME_MAX`] at most; after a failure the service is left alone for a while.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::LeakedHash;
use crate::domain::password_policy::RangeUrl;

/// Time for everything: the name, the connection, TLS, and the answer.
pub const RANGE_TIME_MAX: Duration = Duration::from_secs(1);
/// How long a service that failed is left alone.
const REST: Duration = Duration::from_secs(10);
/// Questions at once.
const QUESTIONS_MAX: usize = 16;
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;
/// Bytes of an answer; those of Have I Been Pwned have up to 100,000.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
const PREFIX_DIGITS: usize = 5;

/// Whether a range service may be on this machine or in a private network.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Neighbours {
    /// It may not.
    #[default]
    Refused,
    /// It may: the operator runs one there.
    Allowed,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum RangeFault {
    #[error("it failed less than 10 seconds ago")]
    Resting,
    #[error("too many questions are waiting")]
    Crowded,
    #[error("it did not answer within a second")]
    TooLate,
    #[error(
        "its name leads to this machine or into a private network; set breach.allow_private if it is meant to be there"
    )]
    Private,
    #[error("it cannot be reached: {0}")]
    Unreached(std::io::Error),
    #[error("it does not speak HTTP: {0}")]
    Http(hyper::Error),
    #[error("its answer breaks off or is too long")]
    Body,
    #[error("it answers with status {0}")]
    Status(StatusCode),
    #[error("its answer is not one of a range service")]
    Answer,
}

/// Asks range services.
#[derive(Debug)]
pub(super) struct RangeClient {
    tls: Arc<ClientConfig>,
    neighbours: Neighbours,
    patience: Duration,
    questions: Semaphore,
    /// Which service failed last, and when.
    failed: Mutex<Option<(RangeUrl, Duration)>>,
}

impl RangeClient {
    pub(super) fn new(tls: Arc<ClientConfig>, neighbours: Neighbours, patience: Duration) -> Self {
        Self {
            tls,
            neighbours,
            patience: patience.min(RANGE_TIME_MAX),
            questions: Semaphore::new(QUESTIONS_MAX),
            failed: Mutex::default(),
        }
    }

    /// How often the service has seen a hash; `now` is the boot clock's.
    pub(super) async fn count(
        &self,
        url: &RangeUrl,
        hash: LeakedHash,
        now: Duration,
    ) -> Result<u64, RangeFault> {
        let is_resting = {
            let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed
                .as_ref()
                .is_some_and(|(failed, at)| failed == url && now.saturating_sub(*at) < REST)
        };
        if is_resting {
            return Err(RangeFault::Resting);
        }
        let _one = self.questions.try_acquire().map_err(|_| RangeFault::Crowded)?;
        let counted = timeout(self.patience, self.ask(url, hash)).await;
        let counted = counted.unwrap_or(Err(RangeFault::TooLate));
        if counted.is_err() {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            *failed = Some((url.clone(), now));
        }
        counted
    }

    async fn ask(&self, url: &RangeUrl, hash: LeakedHash) -> Result<u64, RangeFault> {
        let digits = hash.to_hex();
        let (prefix, suffix) = digits.split_at(PREFIX_DIGITS);
        let stream = self.connect(url).await?;
        let handshake = http1::Builder::new().handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(RangeFault::Http)?;
        // A set of one, because it ends its task when this question is given up.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let request = Request::get(url.range_path(prefix))
            .header(HOST, url.authority())
            .header(USER_AGENT, "keyledger")
            .header(CONNECTION, "close")
            .header("add-padding", "true")
            .body(Empty::<Bytes>::new())
            .expect("an address that was read is one for HTTP");
        let response = sender.send_request(request).await.map_err(RangeFault::Http)?;
        if response.status() != StatusCode::OK {
            return Err(RangeFault::Status(response.status()));
        }
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await;
        count_in(&body.map_err(|_| RangeFault::Body)?.to_bytes(), suffix)
    }

    async fn connect(&self, url: &RangeUrl) -> Result<TlsStream<TcpStream>, RangeFault> {
        let name = ServerName::try_from(url.host().to_owned()).map_err(|_| RangeFault::Answer)?;
        let found = lookup_host((url.host(), url.port())).await;
        let found: Vec<SocketAddr> = found.map_err(RangeFault::Unreached)?.collect();
        let permitted = found
            .into_iter()
            .filter(|address| self.neighbours == Neighbours::Allowed || is_public(address.ip()))
            .take(ADDRESSES_MAX);
        let mut last = RangeFault::Private;
        let share = self.patience / 4;
        for address in permitted {
            // An address that swallows packets leaves time for the next one.
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    let stream = TlsConnector::from(Arc::clone(&self.tls))
                        .connect(name, stream)
                        .await;
                    return stream.map_err(RangeFault::Unreached);
                }
                Ok(Err(error)) => last = RangeFault::Unreached(error),
                Err(_) => last = RangeFault::TooLate,
            }
        }
        Err(last)
    }
}

/// The count behind a suffix, 0 if it is not there. Every line must be of the form `suffix:count`.
fn count_in(body: &[u8], suffix: &str) -> Result<u64, RangeFault> {
    let text = str::from_utf8(body).map_err(|_| RangeFault::Answer)?;
    let mut found = 0;
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (hash, count) = line.split_once(':').ok_or(RangeFault::Answer)?;
        let is_suffix = hash.len() == suffix.len() && hash.bytes().all(|b| b.is_ascii_hexdigit());
        let count: u64 = count.trim_end().parse().map_err(|_| RangeFault::Answer)?;
        if !is_suffix {
            return Err(RangeFault::Answer);
        }
        if hash.eq_ignore_ascii_case(suffix) {
            found = count;
        }
    }
    Ok(found)
}

/// Whether an address is one of the public internet, so that a request to it reaches no machine of the operator's own
/// networks (IANA's special-purpose registries, RFC 6890).
fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let is_special = v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_documentation()
        || a == 0
        || a >= 224
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b));
    !is_special
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    match (v6.segments(), v6.octets()) {
        // Translated to IPv4 on the way (RFC 6052).
        ([0x64, 0xff9b, 0, 0, 0, 0, ..], [.., a, b, c, d]) => is_public_v4(Ipv4Addr::new(a, b, c, d)),
        // Tunnels, benchmarks, documentation: 2001::/23, 2001:db8::/32, 2002::/16, 3fff::/20.
        ([0x2001, second, ..], _) => second >= 0x200 && second != 0xdb8,
        ([0x2002 | 0x3fff, ..], _) => false,
        ([first, ..], _) => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_07_addresses_of_private_networks_are_told_from_public_ones() {
        let public = [
            "1.1.1.1",
            "104.16.0.1",
            "::ffff:1.1.1.1",
            "2606:4700::1",
            "64:ff9b::1.1.1.1",
        ];
        let private = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "2001:db8::1",
            "2001::1",
            "2002:a00:1::",
            "fc00::1",
            "fe80::1",
            "ff02::1",
        ];
        let told = |ip: &&str| is_public(ip.parse().unwrap());
        assert!(public.iter().all(told));
        assert_eq!(private.iter().find(|ip| told(ip)), None);
    }

    #[test]
    fn an_answer_is_read_whole_or_not_at_all() {
        let suffix = "2DC183F740EE76F27B78EB39C8AD972A757";
        let line = |suffix: &str, count: &str| format!("{suffix}:{count}\r\n");
        let other = line(&"0".repeat(35), "0");
        let count = |text: &str| count_in(text.as_bytes(), suffix).ok();
        assert_eq!(count(&(other.clone() + &line(suffix, "83129"))), Some(83_129));
        assert_eq!(count(&line(&suffix.to_ascii_lowercase(), "2")), Some(2));
        assert_eq!(count(&other), Some(0));
        assert_eq!(count(""), Some(0));
        for wrong in [
            "<html>\n",
            "2DC18:1\n",
            "no colon",
            &line(suffix, "many"),
            &line(suffix, "-1"),
        ] {
            assert_eq!(count(wrong), None, "{wrong}");
        }
    }
}
