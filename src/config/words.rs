//! Reads single words of configuration, and says in words what is wrong with them.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use secrecy::SecretString;

use super::value::Value;

/// The longest line of text.
pub(super) const TEXT_CHARS_MAX: usize = 256;

/// Quotes a wrong value: at most 60 characters of it, controls escaped, so that a message stays one line.
pub(super) fn quote(text: &str) -> String {
    let mut shown: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().nth(60).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// Accepts a line of text without controls.
pub(super) fn line(text: &str) -> Result<&str, String> {
    if text.chars().any(char::is_control) {
        return Err("it holds a control character".to_owned());
    }
    if text.chars().count() > TEXT_CHARS_MAX {
        Err("it is too long".to_owned())
    } else {
        Ok(text)
    }
}

/// Accepts a secret without repeating it.
pub(super) fn secret(text: &str) -> Result<Value, String> {
    if text.contains('\0') {
        return Err("it holds a NUL".to_owned());
    }
    if text.is_empty() || text.len() > 4_096 {
        return Err(if text.is_empty() {
            "it is empty"
        } else {
            "it is longer than 4096 bytes"
        }
        .to_owned());
    }
    Ok(Value::Secret(SecretString::from(text)))
}

/// Accepts a host name or address; brackets around IPv6 go.
pub(super) fn host(text: &str) -> Option<Value> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    let is_name = text.len() <= 253
        && text.split('.').all(|label| {
            !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
        });
    (is_name || bare.parse::<IpAddr>().is_ok()).then(|| Value::Text(bare.to_owned()))
}

/// Reads on and off in the usual spellings.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// Digits only: `+5` and `5.0` are typing errors, not numbers. Beyond 64 bits saturates, and is then out of bounds.
pub(super) fn whole(text: &str) -> Option<u64> {
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().unwrap_or(u64::MAX))
}

/// Refuses what is out of bounds; nothing is clamped.
pub(super) fn within(number: u64, min: u64, max: u64, quoted: String) -> Result<u64, String> {
    if number < min {
        Err(quoted + " is too little")
    } else if number > max {
        Err(quoted + " is too much")
    } else {
        Ok(number)
    }
}

/// Reads an address or a network; IPv4 written as IPv6 becomes IPv4, because peers are compared in that form.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let wrong = || format!("{} is not an IP address or network", quote(text));
    let net = match text.parse::<IpAddr>() {
        Ok(ip) => IpNet::from(ip.to_canonical()),
        Err(_) => text.parse::<IpNet>().map_err(|_| wrong())?,
    };
    let net = match net {
        IpNet::V6(v6) => v6
            .addr()
            .to_ipv4_mapped()
            .filter(|_| v6.prefix_len() >= 96)
            .map(|v4| {
                Ipv4Net::new(v4, v6.prefix_len() - 96)
                    .map(IpNet::V4)
                    .map_err(|_| wrong())
            })
            .transpose()?
            .unwrap_or(net),
        IpNet::V4(_) => net,
    };
    if net.prefix_len() == 0 {
        return Err(format!("{} is the whole Internet", quote(text)));
    }
    Ok(net.trunc())
}
