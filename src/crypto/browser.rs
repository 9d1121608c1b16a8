//! What a browser carries: the secret in its session's cookie, and the one in the forms of that session.
//!
//! Derived like every other secret, so that a copy of the ledger holds none (S-01): the public id of the session,
//! followed by a MAC over it under a key outside the ledger. A secret of one use proves nothing in the place of another.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::types::SessionId;

use super::keyring::{KeyId, Keyring, Purpose};
use super::mac::mac;
use super::tokens::decode;

const VERSION: u8 = 1;
const LEN: usize = 1 + 4 + 16 + 32;

/// Where a browser carries a secret of its session.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BrowserUse {
    /// In the cookie that is the session.
    Cookie,
    /// In the cookie that goes to services behind this server, and opens nothing here.
    Service,
    /// In the forms that its pages send, so that no other site can write them (S-09).
    Form,
}

impl BrowserUse {
    /// Its bytes in every MAC; never changes.
    fn label(self) -> &'static str {
        match self {
            Self::Cookie => "cookie",
            Self::Service => "service",
            Self::Form => "form",
        }
    }
}

/// A secret of a session: `base64url(version ‖ key id u32 ‖ session id 16 ‖ MAC 32)`, 71 characters of `[A-Za-z0-9_-]`.
/// `None` if the ring no longer has the key.
pub fn browser_secret(
    ring: &Keyring,
    key_id: KeyId,
    usage: BrowserUse,
    session: SessionId,
) -> Option<SecretString> {
    let mac = browser_mac(ring, key_id, usage, session)?;
    let mut bytes = Zeroizing::new([0; LEN]);
    bytes[0] = VERSION;
    bytes[1..5].copy_from_slice(&key_id.0.to_be_bytes());
    bytes[5..21].copy_from_slice(&session.0);
    bytes[21..].copy_from_slice(mac.as_slice());
    Some(SecretString::from(URL_SAFE_NO_PAD.encode(bytes.as_slice())))
}

/// The session that a secret of this use was made for here; one spelling for each, compared in constant time.
pub fn open_browser_secret(ring: &Keyring, usage: BrowserUse, text: &str) -> Option<SessionId> {
    let bytes = decode::<LEN>(text)?;
    let (&[version], rest) = bytes.split_first_chunk::<1>()?;
    let (key_id, rest) = rest.split_first_chunk::<4>()?;
    let (session, shown) = rest.split_first_chunk::<16>()?;
    let session = SessionId(*session);
    let genuine = browser_mac(ring, KeyId(u32::from_be_bytes(*key_id)), usage, session)?;
    let holds: bool = genuine.as_slice().ct_eq(shown).into();
    (version == VERSION && holds).then_some(session)
}

fn browser_mac(
    ring: &Keyring,
    key_id: KeyId,
    usage: BrowserUse,
    session: SessionId,
) -> Option<Zeroizing<[u8; 32]>> {
    let key = ring.get(Purpose::Refresh, key_id)?;
    let parts: [&[u8]; 2] = [usage.label().as_bytes(), &session.0];
    Some(Zeroizing::new(mac(key, "keyledger browser session v1", &parts)))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::crypto::{parse_refresh_token, refresh_token};
    use crate::system::SeededEntropy;
    use crate::types::Timestamp;

    const SESSION: SessionId = SessionId([4; 16]);

    fn ring() -> Keyring {
        Keyring::fresh(Timestamp(0), &SeededEntropy::new(1))
    }

    fn secret(ring: &Keyring, usage: BrowserUse) -> String {
        let (id, _) = ring.active(Purpose::Refresh);
        let secret = browser_secret(ring, id, usage, SESSION).unwrap();
        secret.expose_secret().to_owned()
    }

    #[test]
    fn s_01_a_secret_opens_its_session_for_its_use_and_for_no_other() {
        let ring = ring();
        let (cookie, form) = (secret(&ring, BrowserUse::Cookie), secret(&ring, BrowserUse::Form));
        assert_eq!(cookie.len(), 71);
        assert_eq!(
            open_browser_secret(&ring, BrowserUse::Cookie, &cookie),
            Some(SESSION)
        );
        assert_eq!(open_browser_secret(&ring, BrowserUse::Form, &form), Some(SESSION));
        assert_eq!(open_browser_secret(&ring, BrowserUse::Form, &cookie), None);
        assert_eq!(open_browser_secret(&ring, BrowserUse::Cookie, &form), None);
        let (id, _) = ring.active(Purpose::Refresh);
        let refresh = refresh_token(&ring, id, SESSION, 0).unwrap();
        assert_eq!(
            open_browser_secret(&ring, BrowserUse::Cookie, refresh.expose_secret()),
            None
        );
        assert!(parse_refresh_token(&cookie).is_none());
        let another = Keyring::fresh(Timestamp(0), &SeededEntropy::new(2));
        assert_eq!(open_browser_secret(&another, BrowserUse::Cookie, &cookie), None);
    }

    #[test]
    fn no_character_of_a_secret_can_be_changed() {
        let ring = ring();
        let cookie = secret(&ring, BrowserUse::Cookie);
        for at in 0..cookie.len() {
            for other in ["A", "b", "0", "_", "-", "=", ";", " "] {
                let mut changed = cookie.clone();
                changed.replace_range(at..=at, other);
                let opened = open_browser_secret(&ring, BrowserUse::Cookie, &changed);
                assert_eq!(opened.is_some(), changed == cookie, "{at}: {other:?}");
            }
        }
        for bad in ["", "null", &cookie[1..], &format!("{cookie}A")] {
            assert_eq!(open_browser_secret(&ring, BrowserUse::Cookie, bad), None);
        }
    }

    #[test]
    fn l_10_rotation_ends_no_browser_session() {
        let mut ring = ring();
        let cookie = secret(&ring, BrowserUse::Cookie);
        ring.rotate(Purpose::Refresh, Timestamp(1), &SeededEntropy::new(2))
            .unwrap();
        assert!(open_browser_secret(&ring, BrowserUse::Cookie, &cookie).is_some());
        ring.forget_retired(Purpose::Refresh).unwrap();
        assert!(open_browser_secret(&ring, BrowserUse::Cookie, &cookie).is_none());
    }
}
