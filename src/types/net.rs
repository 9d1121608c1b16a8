//! Where a request comes from, as limits see it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A client for the purpose of limits: an IPv4 address, or the /64 of an IPv6 address, because one subscriber
/// holds a whole /64 (CVE-2026-45364). IPv4 written as IPv6 (`::ffff:192.0.2.1`) is IPv4.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum ClientNet {
    /// One IPv4 address.
    V4([u8; 4]),
    /// The upper 64 bits of an IPv6 address.
    V6([u8; 8]),
}

impl ClientNet {
    /// The network an address belongs to.
    pub fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4.octets()),
            IpAddr::V6(v6) => {
                let mut upper = [0; 8];
                upper.copy_from_slice(&v6.octets()[..8]);
                Self::V6(upper)
            }
        }
    }

    /// A form for keyed hashes: a kind byte and eight bytes.
    pub fn to_bytes(self) -> [u8; 9] {
        let mut out = [0; 9];
        match self {
            Self::V4(octets) => {
                out[0] = 4;
                out[1..5].copy_from_slice(&octets);
            }
            Self::V6(upper) => {
                out[0] = 6;
                out[1..].copy_from_slice(&upper);
            }
        }
        out
    }
}

impl fmt::Display for ClientNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(octets) => write!(f, "{}/32", Ipv4Addr::from(*octets)),
            Self::V6(upper) => {
                let mut octets = [0; 16];
                octets[..8].copy_from_slice(upper);
                write!(f, "{}/64", Ipv6Addr::from(octets))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_06_every_spelling_of_an_address_is_one_client() {
        let of = |text: &str| ClientNet::of(text.parse().unwrap());
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_eq!(of("2001:db8::1"), of("2001:0DB8:0:0:ffff::2"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8::1"));
        assert_eq!(of("2001:db8::1").to_string(), "2001:db8::/64");
    }
}
