//! Where a request came from, as it is sealed into events: of one size, so that its length tells nothing.

use std::net::{IpAddr, Ipv6Addr};

/// Bytes of a user agent that are kept.
const AGENT_MAX: usize = 95;

/// A client's address and program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The address.
    pub ip: IpAddr,
    /// The start of the `User-Agent`.
    pub user_agent: String,
}

impl Origin {
    /// Bytes of the clear form: 16 of the address, one of a length, 95 of the program.
    pub(super) const LEN: usize = 16 + 1 + AGENT_MAX;

    pub(super) fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        let v6 = match self.ip {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        out[..16].copy_from_slice(&v6.octets());
        let agent = &self.user_agent[..self.user_agent.floor_char_boundary(AGENT_MAX)];
        out[16] = u8::try_from(agent.len()).unwrap_or(0);
        out[17..17 + agent.len()].copy_from_slice(agent.as_bytes());
        out
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::LEN] = bytes.try_into().ok()?;
        let (ip, rest) = bytes.split_first_chunk::<16>()?;
        let (&length, agent) = rest.split_first()?;
        let agent = std::str::from_utf8(agent.get(..usize::from(length))?).ok()?;
        Some(Self {
            ip: IpAddr::V6(Ipv6Addr::from(*ip)).to_canonical(),
            user_agent: agent.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_survives_and_has_one_size() {
        for (ip, agent) in [("192.0.2.1", "curl/8"), ("2001:db8::1", &"한".repeat(90))] {
            let origin = Origin {
                ip: ip.parse().unwrap(),
                user_agent: agent.to_owned(),
            };
            let back = Origin::from_bytes(&origin.to_bytes()).unwrap();
            assert_eq!(back.ip, origin.ip);
            assert!(agent.starts_with(&back.user_agent) && !back.user_agent.is_empty());
        }
    }
}
