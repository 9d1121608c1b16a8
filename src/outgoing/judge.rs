//! Whether an address is one that requests may go to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is one of the public internet, so that a request to it reaches no machine of the operator's own
/// networks (IANA's special-purpose registries, RFC 6890).
pub fn is_public(ip: IpAddr) -> bool {
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
        || (a == 192 && b == 88 && c == 99)
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
    fn a32_p_07_addresses_of_private_networks_are_told_from_public_ones() {
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
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::10.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b:1::a00:1",
            "2001:db8::1",
            "2001::1",
            "2002:a00:1::",
            "2002:7f00:1::",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "ff02::1",
        ];
        let told = |ip: &&str| is_public(ip.parse().unwrap());
        assert!(public.iter().all(told));
        assert_eq!(private.iter().find(|ip| told(ip)), None);
    }
}
