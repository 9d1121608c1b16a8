//! Who is calling: the client's address, behind proxies that were configured and no others.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use warp::http::HeaderMap;

use crate::types::ClientNet;

/// Hops of one `X-Forwarded-For` chain that are looked at; a longer chain of trusted proxies is taken for a loop.
const HOPS_MAX: usize = 32;

/// A list of networks, such as `http.trusted_proxies` or `limits.exempt_networks`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetList(Vec<IpNet>);

impl NetList {
    /// A list of these networks.
    pub fn new(nets: Vec<IpNet>) -> Self {
        Self(nets)
    }

    /// Whether an address lies in one of them; `::ffff:192.0.2.1` is `192.0.2.1`.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.0.iter().any(|net| net.contains(&ip))
    }

    /// Whether the list names no network.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<IpNet> for NetList {
    fn from_iter<I: IntoIterator<Item = IpNet>>(nets: I) -> Self {
        Self(nets.into_iter().collect())
    }
}

/// The client of a request, as limits, audit and mails see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddr {
    /// The address, IPv4 never written as IPv6.
    pub ip: IpAddr,
    /// The network that limits count.
    pub net: ClientNet,
}

impl ClientAddr {
    /// The client at this address.
    pub fn of(ip: IpAddr) -> Self {
        let ip = ip.to_canonical();
        Self {
            ip,
            net: ClientNet::of(ip),
        }
    }

    /// Finds the client of a request (R-07, ASVS 4.1.3).
    ///
    /// It is the socket's peer, unless that is a trusted proxy: then the right-most entry of `X-Forwarded-For` that is
    /// not a trusted proxy itself, because everything to the left of it was written by the client. An entry that is no
    /// address, reached from the right, gives the peer. `Forwarded` (RFC 7239) and `X-Real-IP` are never read: one
    /// field that the proxy must set is easier to get right than three.
    pub fn find(peer: SocketAddr, headers: &HeaderMap, trusted: &NetList) -> Self {
        let direct = Self::of(peer.ip());
        if trusted.is_empty() || !trusted.contains(direct.ip) {
            return direct;
        }
        let mut farthest = direct;
        let mut hops = 0;
        for line in headers.get_all("x-forwarded-for").into_iter().rev() {
            let Ok(line) = line.to_str() else { return direct };
            for entry in line.rsplit(',') {
                hops += 1;
                let Some(ip) = parse_hop(entry) else { return direct };
                if hops > HOPS_MAX {
                    return direct;
                }
                farthest = Self::of(ip);
                if !trusted.contains(ip) {
                    return farthest;
                }
            }
        }
        farthest
    }
}

/// Reads one entry; some proxies add the port.
fn parse_hop(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim_matches([' ', '\t']);
    entry
        .parse::<IpAddr>()
        .or_else(|_| entry.parse::<SocketAddr>().map(|at| at.ip()))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(peer: &str, lines: &[&str]) -> String {
        let trusted: NetList = ["10.0.0.0/8", "2001:db8:aaaa::/48"]
            .iter()
            .map(|net| net.parse().unwrap())
            .collect();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        headers.append("x-real-ip", "6.6.6.6".parse().unwrap());
        headers.append("forwarded", "for=6.6.6.6".parse().unwrap());
        ClientAddr::find(peer.parse().unwrap(), &headers, &trusted)
            .ip
            .to_string()
    }

    #[test]
    fn r_07_a_stranger_cannot_choose_its_own_address() {
        assert_eq!(find("203.0.113.9:1", &["1.2.3.4"]), "203.0.113.9");
        assert_eq!(find("203.0.113.9:1", &["10.0.0.1"]), "203.0.113.9");
    }

    #[test]
    fn r_07_behind_trusted_proxies_the_right_most_stranger_is_the_client() {
        assert_eq!(find("10.0.0.1:1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(
            find("10.0.0.1:1", &["1.2.3.4, 198.51.100.7, 10.9.9.9"]),
            "198.51.100.7"
        );
        assert_eq!(
            find("10.0.0.1:1", &["1.2.3.4", "198.51.100.7", "10.9.9.9"]),
            "198.51.100.7"
        );
        assert_eq!(
            find("[2001:db8:aaaa::1]:1", &["[2001:db8:1::5]:443"]),
            "2001:db8:1::5"
        );
        assert_eq!(find("10.0.0.1:1", &["198.51.100.7:55555"]), "198.51.100.7");
    }

    #[test]
    fn r_07_garbage_on_the_left_changes_nothing_and_garbage_on_the_right_gives_the_peer() {
        assert_eq!(
            find("10.0.0.1:1", &["<script>, unknown, 198.51.100.7"]),
            "198.51.100.7"
        );
        assert_eq!(find("10.0.0.1:1", &["198.51.100.7, unknown"]), "10.0.0.1");
        assert_eq!(find("10.0.0.1:1", &["198.51.100.7, "]), "10.0.0.1");
        assert_eq!(find("10.0.0.1:1", &[]), "10.0.0.1");
        assert_eq!(find("10.0.0.1:1", &["10.0.0.5, 10.0.0.6"]), "10.0.0.5");
        assert_eq!(
            find("10.0.0.1:1", &["10.0.0.2,".repeat(40).trim_end_matches(',')]),
            "10.0.0.1"
        );
    }

    #[test]
    fn r_06_an_address_written_as_ipv6_is_the_same_client() {
        assert_eq!(
            find("[::ffff:10.0.0.1]:1", &["::ffff:198.51.100.7"]),
            "198.51.100.7"
        );
        assert_eq!(find("[::ffff:203.0.113.9]:1", &["1.2.3.4"]), "203.0.113.9");
    }
}
