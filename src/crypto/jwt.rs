//! Access tokens: JWTs (RFC 7519, compact form of RFC 7515) of exactly one shape, HS256 under a key of the ring.
//!
//! Only this house makes them, so only the bytes that [`issue`] writes are read: one header per key, no other algorithm, no
//! other order of fields. Clients may decode `sub` and `exp`; whether the session still lives is not the token's to say.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::types::{SessionId, Timestamp, UserId};

use super::keyring::{KeyId, Keyring, Purpose, SecretKey};

/// Longest token that is looked at, in bytes.
const TOKEN_MAX: usize = 2_048;
/// Length of an HMAC-SHA256 in base64url.
const SIGNATURE_TEXT_LEN: usize = 43;
const HEADER_START: &[u8] = br#"{"alg":"HS256","typ":"JWT","kid":""#;
const HEADER_END: &[u8] = br#""}"#;
/// The header with the ten digits of the longest key id.
const HEADER_MAX: usize = HEADER_START.len() + 10 + HEADER_END.len();

/// What a token says; times count whole seconds in the token (`NumericDate`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claims {
    /// `sub`: whose token it is.
    pub user: UserId,
    /// `role`: what the user was when it was issued, for the client's eyes.
    pub role: String,
    /// `jti`: the session that it stands or falls with.
    pub session: SessionId,
    /// `iat`: when it was issued.
    pub issued: Timestamp,
    /// `exp`: from when on it is refused.
    pub expires: Timestamp,
}

/// Why a token is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JwtFault {
    /// Not one of ours, or changed.
    #[error("not an access token of this server")]
    Invalid,
    /// Genuine, and past its `exp`.
    #[error("the access token has expired")]
    Expired,
}

/// Makes the token of these claims under the active key.
pub fn issue(ring: &Keyring, claims: &Claims) -> String {
    let (id, key) = ring.active(Purpose::Jwt);
    let payload = Payload {
        sub: Cow::Owned(claims.user.to_string()),
        role: Cow::Borrowed(&claims.role),
        jti: Cow::Owned(claims.session.to_string()),
        iat: claims.issued.unix_seconds(),
        exp: claims.expires.unix_seconds(),
    };
    let payload = serde_json::to_vec(&payload).expect("strings and numbers always serialise");
    let mut header = HEADER_START.to_vec();
    header.extend_from_slice(id.to_string().as_bytes());
    header.extend_from_slice(HEADER_END);

    let mut token = String::with_capacity(512);
    URL_SAFE_NO_PAD.encode_string(header, &mut token);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    let signature = signer(key, token.as_bytes()).finalize().into_bytes();
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    token
}

/// Reads a token; expiry is told only of a genuine one.
pub fn verify(ring: &Keyring, token: &str, now: Timestamp) -> Result<Claims, JwtFault> {
    let claims = genuine(ring, token).ok_or(JwtFault::Invalid)?;
    if now >= claims.expires {
        Err(JwtFault::Expired)
    } else {
        Ok(claims)
    }
}

/// The claims of a token with our header, a key that we have and its signature.
fn genuine(ring: &Keyring, token: &str) -> Option<Claims> {
    if token.len() > TOKEN_MAX {
        return None;
    }
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    let key = ring.get(Purpose::Jwt, key_id(header)?)?;
    if signature.len() != SIGNATURE_TEXT_LEN {
        return None;
    }
    // Slack, because the decoder asks for the room that the text could need at most.
    let mut bytes = [0; 36];
    let length = URL_SAFE_NO_PAD.decode_slice(signature, &mut bytes).ok()?;
    signer(key, signed.as_bytes())
        .verify_slice(bytes.get(..length)?)
        .ok()?;

    let mut bytes = [0; TOKEN_MAX];
    let length = URL_SAFE_NO_PAD.decode_slice(payload, &mut bytes).ok()?;
    let payload: Payload<'_> = serde_json::from_slice(bytes.get(..length)?).ok()?;
    Some(Claims {
        user: payload.sub.parse().ok()?,
        role: payload.role.into_owned(),
        session: payload.jti.parse().ok()?,
        issued: from_seconds(payload.iat)?,
        expires: from_seconds(payload.exp)?,
    })
}

/// The key id of a header that is ours to the byte.
fn key_id(header: &str) -> Option<KeyId> {
    let mut bytes = [0; HEADER_MAX + 3];
    if header.len() > HEADER_MAX.div_ceil(3) * 4 {
        return None;
    }
    let length = URL_SAFE_NO_PAD.decode_slice(header, &mut bytes).ok()?;
    let digits = bytes
        .get(..length)?
        .strip_prefix(HEADER_START)?
        .strip_suffix(HEADER_END)?;
    let canonical = digits.first().is_some_and(|first| (b'1'..=b'9').contains(first))
        && digits.iter().all(u8::is_ascii_digit);
    if !canonical {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok().map(KeyId)
}

fn signer(key: &SecretKey, text: &[u8]) -> Hmac<Sha256> {
    let mut signer = Hmac::<Sha256>::new_from_slice(key.bytes()).expect("HMAC takes keys of any length");
    signer.update(text);
    signer
}

fn from_seconds(seconds: i64) -> Option<Timestamp> {
    seconds.checked_mul(1_000_000).map(Timestamp)
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload<'a> {
    #[serde(borrow)]
    sub: Cow<'a, str>,
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    jti: Cow<'a, str>,
    iat: i64,
    exp: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SeededEntropy;
    use crate::types::Span;

    const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

    fn ring() -> Keyring {
        Keyring::fresh(Timestamp(0), &SeededEntropy::new(1))
    }

    fn claims() -> Claims {
        Claims {
            user: UserId([1; 16]),
            role: "user".into(),
            session: SessionId([2; 16]),
            issued: NOW,
            expires: NOW + Span::hours(1),
        }
    }

    /// A token with any header and payload, signed with the active key.
    fn signed(ring: &Keyring, header: &str, payload: &str) -> String {
        let (_, key) = ring.active(Purpose::Jwt);
        let text = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(payload)
        );
        let signature = signer(key, text.as_bytes()).finalize().into_bytes();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    #[test]
    fn a_token_says_what_was_issued_until_it_expires() {
        let ring = ring();
        let token = issue(&ring, &claims());
        assert_eq!(verify(&ring, &token, NOW), Ok(claims()));
        assert_eq!(verify(&ring, &token, claims().expires - Span(1)), Ok(claims()));
        assert_eq!(verify(&ring, &token, claims().expires), Err(JwtFault::Expired));
    }

    #[test]
    fn a_client_can_decode_it() {
        let ring = ring();
        let token = issue(&ring, &claims());
        let parts: Vec<_> = token
            .split('.')
            .map(|part| URL_SAFE_NO_PAD.decode(part).unwrap())
            .collect();
        let header: serde_json::Value = serde_json::from_slice(&parts[0]).unwrap();
        let payload: serde_json::Value = serde_json::from_slice(&parts[1]).unwrap();
        let kid = ring.active(Purpose::Jwt).0.to_string();
        assert_eq!(
            header,
            serde_json::json!({"alg": "HS256", "typ": "JWT", "kid": kid})
        );
        assert_eq!(
            payload,
            serde_json::json!({
                "sub": claims().user.to_string(), "role": "user", "jti": claims().session.to_string(),
                "iat": 1_800_000_000, "exp": 1_800_003_600,
            })
        );
    }

    #[test]
    fn a_role_may_hold_any_text() {
        let ring = ring();
        let odd = Claims {
            role: "a\"b\\c\n관리자".into(),
            ..claims()
        };
        assert_eq!(verify(&ring, &issue(&ring, &odd), NOW), Ok(odd));
    }

    #[test]
    fn no_character_of_a_token_can_be_changed() {
        let ring = ring();
        let token = issue(&ring, &claims());
        for at in 0..token.len() {
            for other in ["A", "b", "_", "=", "."] {
                let mut changed = token.clone();
                changed.replace_range(at..=at, other);
                if changed != token {
                    assert_eq!(
                        verify(&ring, &changed, NOW),
                        Err(JwtFault::Invalid),
                        "{at} {other}"
                    );
                }
            }
        }
        for length in 0..token.len() {
            assert_eq!(verify(&ring, &token[..length], NOW), Err(JwtFault::Invalid));
        }
    }

    #[test]
    fn other_algorithms_headers_and_keys_are_refused_even_with_a_right_signature() {
        let ring = ring();
        let kid = ring.active(Purpose::Jwt).0;
        let payload = format!(
            r#"{{"sub":"{}","role":"user","jti":"{}","iat":1800000000,"exp":1800003600}}"#,
            claims().user,
            claims().session
        );
        let ours = format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{kid}"}}"#);
        assert_eq!(
            verify(&ring, &signed(&ring, &ours, &payload), NOW),
            Ok(claims()),
            "the harness signs rightly"
        );
        let refresh = ring.active(Purpose::Refresh).0;
        for header in [
            ours.replace("HS256", "none"),
            ours.replace("HS256", "HS384"),
            ours.replace("HS256", "RS256"),
            ours.replace("HS256", "hs256"),
            ours.replace(r#","typ":"JWT""#, ""),
            ours.replace(&kid.to_string(), &format!("0{kid}")),
            ours.replace(&kid.to_string(), &format!("+{kid}")),
            ours.replace(&format!(r#""{kid}""#), r#""""#),
            ours.replace(&format!(r#""{kid}""#), r#""99999""#),
            ours.replace(&format!(r#""{kid}""#), r#""99999999999""#),
            ours.replace(&format!(r#""{kid}""#), &format!(r#""{refresh}""#)),
            ours.replace('}', r#","jku":"http://evil.example"}"#),
            format!(" {ours}"),
            String::new(),
        ] {
            assert_eq!(
                verify(&ring, &signed(&ring, &header, &payload), NOW),
                Err(JwtFault::Invalid),
                "{header}"
            );
        }
        let unsigned = format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(&ours),
            URL_SAFE_NO_PAD.encode(&payload)
        );
        assert_eq!(verify(&ring, &unsigned, NOW), Err(JwtFault::Invalid));
    }

    #[test]
    fn sizes_and_spellings_are_bounded() {
        let ring = ring();
        let token = issue(&ring, &claims());
        let huge = "a".repeat(1 << 20);
        for bad in [
            "",
            ".",
            "..",
            "...",
            "a.b.c",
            &huge,
            &format!("{token}="),
            &format!("{token}A"),
            &format!(" {token}"),
            &format!("{token}.a"),
            &format!("{}.{huge}.a", token.split('.').next().unwrap()),
        ] {
            assert_eq!(verify(&ring, bad, NOW), Err(JwtFault::Invalid));
        }
        // The last character of 32 bytes in base64 has two bits to spare: another spelling of them is another token.
        let last = token.len() - 1;
        let spellings = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let accepted = spellings
            .chars()
            .filter(|&char| verify(&ring, &format!("{}{char}", &token[..last]), NOW).is_ok());
        assert_eq!(accepted.count(), 1);
    }

    #[test]
    fn an_expired_token_with_a_wrong_signature_is_only_invalid() {
        let ring = ring();
        let mut token = issue(&ring, &claims());
        let other = if token.ends_with('A') { "E" } else { "A" };
        token.replace_range(token.len() - 1.., other);
        assert_eq!(verify(&ring, &token, NOW + Span::days(1)), Err(JwtFault::Invalid));
    }

    #[test]
    fn l_10_rotation_ends_no_token_and_forgetting_the_key_ends_all() {
        let mut ring = ring();
        let token = issue(&ring, &claims());
        ring.rotate(Purpose::Jwt, NOW, &SeededEntropy::new(2)).unwrap();
        assert_eq!(verify(&ring, &token, NOW), Ok(claims()));
        ring.forget_retired(Purpose::Jwt).unwrap();
        assert_eq!(verify(&ring, &token, NOW), Err(JwtFault::Invalid));
    }
}
