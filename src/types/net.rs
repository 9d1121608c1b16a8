//! Where a request comes from, as limits see it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A client for the purpose of limits: an IPv4 address, or the /64 of an IPv6 address, because one subscriber
/// holds a whole /64 (CVE-2026-45364).
///
/// An IPv4 address within an IPv6 one is that IPv4 address, because whoever holds one of them holds many of the others:
/// mapped (`::ffff:0:0/96`, RFC 4291) and translated ones (`64:ff9b::/96`, RFC 6052, and `::ffff:0:0:0/96`, RFC 7915), and
/// 6to4 (`2002::/16`, RFC 3056), which gives the holder of one IPv4 address 65,536 networks of /64.
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
        let v6 = match ip.to_canonical() {
            IpAddr::V4(v4) => return Self::V4(v4.octets()),
            IpAddr::V6(v6) => v6,
        };
        let octets = v6.octets();
        match (v6.segments(), octets) {
            ([0x2002, ..], [_, _, a, b, c, d, ..])
            | ([0x64, 0xff9b, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0xffff, 0, ..], [.., a, b, c, d]) => {
                Self::V4([a, b, c, d])
            }
            (_, [upper @ .., _, _, _, _, _, _, _, _]) => Self::V6(upper),
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
    fn a17_an_ipv4_address_within_an_ipv6_one_is_one_client_whatever_surrounds_it() {
        let of = |text: &str| ClientNet::of(text.parse().unwrap());
        let plain = of("192.0.2.1");
        for text in [
            "::ffff:192.0.2.1",
            "64:ff9b::192.0.2.1",
            "::ffff:0:192.0.2.1",
            "2002:c000:201::1",
            "2002:c000:201:7:8:9:a:b",
        ] {
            assert_eq!(of(text), plain, "{text}");
        }
        assert_ne!(of("2002:c000:202::1"), plain);
        for text in ["64:ff9b:1::192.0.2.1", "2003:c000:201::1", "::1", "::192.0.2.1"] {
            assert!(matches!(of(text), ClientNet::V6(_)), "{text}");
        }
    }

    #[test]
    fn r_06_every_spelling_of_an_address_is_one_client() {
        let of = |text: &str| ClientNet::of(text.parse().unwrap());
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_eq!(of("2001:db8::1"), of("2001:0DB8:0:0:ffff::2"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8::1"));
        assert_eq!(of("2001:db8::1").to_string(), "2001:db8::/64");
    }
}
