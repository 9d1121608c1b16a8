//! Percent-encoding (RFC 3986 §2.1).

/// Adds a text in which everything but unreserved characters (§2.3) is percent-encoded.
pub fn percent_encode(text: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.extend([byte >> 4, byte & 15].map(|half| char::from(DIGITS[usize::from(half)])));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_a_link_is_one_word_of_ascii() {
        let mut out = String::new();
        percent_encode("né+a&b@example.org", &mut out);
        assert_eq!(out, "n%C3%A9%2Ba%26b%40example.org");
    }
}
