//! Secrets that are derived, never stored: a copy of the ledger holds none, and comparing takes constant time.
//!
//! A mailed secret and a refresh token are public names followed by a MAC over them under a key outside the ledger.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::types::{AddressId, SessionId, TokenId, UserId};

use super::keyring::{KeyId, Keyring, Purpose};
use super::mac::mac;

const VERSION: u8 = 1;
const MAIL_LEN: usize = 1 + 4 + 16 + 32;
const REFRESH_LEN: usize = 1 + 4 + 16 + 4 + 32;
/// Length of a text that carries so many bytes in base64url without padding (RFC 4648 §5).
const fn text_len(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

/// What a mailed secret is good for; a secret of one label proves nothing under another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SecretLabel {
    /// Sets a new password.
    Recovery,
    /// Proves an address.
    VerifyEmail,
    /// "This was not me": undoes what its mail tells of.
    NotMe,
    /// Takes back the closing of an account.
    Reopen,
    /// The second factor of a sign-in.
    SignInCode,
    /// The first code of a mailbox that is to be a second factor.
    EnrolMailbox,
    /// Proves a further address.
    AddAddress,
    /// Sets the first password of somebody who was invited.
    Invitation,
}

impl SecretLabel {
    /// Its bytes in every MAC; never changes.
    pub fn label(self) -> &'static str {
        match self {
            Self::Recovery => "recovery",
            Self::VerifyEmail => "verify-email",
            Self::NotMe => "not-me",
            Self::Reopen => "reopen",
            Self::SignInCode => "sign-in-code",
            Self::EnrolMailbox => "enrol-mailbox",
            Self::AddAddress => "add-address",
            Self::Invitation => "invitation",
        }
    }
}

/// The secret of a mailed link: `base64url(version ‖ key id u32 ‖ token id 16 ‖ MAC 32)`, 71 characters of `[A-Za-z0-9_-]`.
///
/// The MAC binds label, token, user and address. The same arguments give the same secret, so that a mail can be made again;
/// `None` if the ring no longer has the key.
pub fn mail_secret(
    ring: &Keyring,
    key_id: KeyId,
    label: SecretLabel,
    token: TokenId,
    user: UserId,
    address: AddressId,
) -> Option<SecretString> {
    let mac = mail_mac(ring, key_id, label, token, user, address)?;
    let mut bytes = Zeroizing::new([0; MAIL_LEN]);
    bytes[0] = VERSION;
    bytes[1..5].copy_from_slice(&key_id.0.to_be_bytes());
    bytes[5..21].copy_from_slice(&token.0);
    bytes[21..].copy_from_slice(mac.as_slice());
    Some(SecretString::from(URL_SAFE_NO_PAD.encode(bytes.as_slice())))
}

/// A text with the form of a mailed secret; genuine only once [`ParsedMailSecret::verify`] says so.
pub struct ParsedMailSecret {
    key_id: KeyId,
    token: TokenId,
    mac: Zeroizing<[u8; 32]>,
}

/// Reads a mailed secret: exact length, alphabet and version, one spelling for each; nothing is trimmed.
pub fn parse_mail_secret(text: &str) -> Option<ParsedMailSecret> {
    let bytes = decode::<MAIL_LEN>(text)?;
    let (&[version], rest) = bytes.split_first_chunk::<1>()?;
    let (key_id, rest) = rest.split_first_chunk::<4>()?;
    let (token, mac) = rest.split_first_chunk::<16>()?;
    (version == VERSION).then_some(ParsedMailSecret {
        key_id: KeyId(u32::from_be_bytes(*key_id)),
        token: TokenId(*token),
        mac: Zeroizing::new(mac.try_into().ok()?),
    })
}

impl ParsedMailSecret {
    /// The public name by which the token is looked up.
    pub fn token(&self) -> TokenId {
        self.token
    }

    /// Which key it claims to be made with.
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// Whether it was mailed for this purpose, to this address of this user.
    pub fn verify(&self, ring: &Keyring, label: SecretLabel, user: UserId, address: AddressId) -> bool {
        mail_mac(ring, self.key_id, label, self.token, user, address)
            .is_some_and(|genuine| genuine.as_slice().ct_eq(self.mac.as_slice()).into())
    }
}

impl std::fmt::Debug for ParsedMailSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ParsedMailSecret({}, ..)", self.token)
    }
}

fn mail_mac(
    ring: &Keyring,
    key_id: KeyId,
    label: SecretLabel,
    token: TokenId,
    user: UserId,
    address: AddressId,
) -> Option<Zeroizing<[u8; 32]>> {
    let key = ring.get(Purpose::MailToken, key_id)?;
    let parts: [&[u8]; 4] = [label.label().as_bytes(), &token.0, &user.0, &address.0];
    Some(Zeroizing::new(mac(key, "keyledger mail secret v1", &parts)))
}

/// A refresh token: `base64url(version ‖ key id u32 ‖ session id 16 ‖ counter u32 ‖ MAC 32)`, 76 characters.
///
/// The same arguments give the same token, so that the grace window can return the same successor (S-14); `None` if the
/// ring no longer has the key.
pub fn refresh_token(
    ring: &Keyring,
    key_id: KeyId,
    session: SessionId,
    counter: u32,
) -> Option<SecretString> {
    let mac = refresh_mac(ring, key_id, session, counter)?;
    let mut bytes = Zeroizing::new([0; REFRESH_LEN]);
    bytes[0] = VERSION;
    bytes[1..5].copy_from_slice(&key_id.0.to_be_bytes());
    bytes[5..21].copy_from_slice(&session.0);
    bytes[21..25].copy_from_slice(&counter.to_be_bytes());
    bytes[25..].copy_from_slice(mac.as_slice());
    Some(SecretString::from(URL_SAFE_NO_PAD.encode(bytes.as_slice())))
}

/// A text with the form of a refresh token; genuine only once [`ParsedRefreshToken::verify`] says so.
pub struct ParsedRefreshToken {
    key_id: KeyId,
    session: SessionId,
    counter: u32,
    mac: Zeroizing<[u8; 32]>,
}

/// Reads a refresh token: exact length, alphabet and version, one spelling for each; nothing is trimmed.
pub fn parse_refresh_token(text: &str) -> Option<ParsedRefreshToken> {
    let bytes = decode::<REFRESH_LEN>(text)?;
    let (&[version], rest) = bytes.split_first_chunk::<1>()?;
    let (key_id, rest) = rest.split_first_chunk::<4>()?;
    let (session, rest) = rest.split_first_chunk::<16>()?;
    let (counter, mac) = rest.split_first_chunk::<4>()?;
    (version == VERSION).then_some(ParsedRefreshToken {
        key_id: KeyId(u32::from_be_bytes(*key_id)),
        session: SessionId(*session),
        counter: u32::from_be_bytes(*counter),
        mac: Zeroizing::new(mac.try_into().ok()?),
    })
}

impl ParsedRefreshToken {
    /// Which key it claims to be made with.
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// Whose session it continues.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// How many rotations came before it.
    pub fn counter(&self) -> u32 {
        self.counter
    }

    /// Whether it was issued here.
    pub fn verify(&self, ring: &Keyring) -> bool {
        refresh_mac(ring, self.key_id, self.session, self.counter)
            .is_some_and(|genuine| genuine.as_slice().ct_eq(self.mac.as_slice()).into())
    }
}

impl std::fmt::Debug for ParsedRefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ParsedRefreshToken({}, {}, ..)", self.session, self.counter)
    }
}

fn refresh_mac(
    ring: &Keyring,
    key_id: KeyId,
    session: SessionId,
    counter: u32,
) -> Option<Zeroizing<[u8; 32]>> {
    let key = ring.get(Purpose::Refresh, key_id)?;
    let parts: [&[u8]; 2] = [&session.0, &counter.to_be_bytes()];
    Some(Zeroizing::new(mac(key, "keyledger refresh token v1", &parts)))
}

/// Exactly `N` bytes from their one base64url text; the engine refuses padding, other alphabets and stray trailing bits.
pub(super) fn decode<const N: usize>(text: &str) -> Option<Zeroizing<[u8; N]>> {
    if text.len() != text_len(N) {
        return None;
    }
    let mut bytes = Zeroizing::new([0; N]);
    let length = URL_SAFE_NO_PAD.decode_slice(text, bytes.as_mut_slice()).ok()?;
    (length == N).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::system::SeededEntropy;
    use crate::types::Timestamp;

    const TOKEN: TokenId = TokenId([1; 16]);
    const USER: UserId = UserId([2; 16]);
    const ADDRESS: AddressId = AddressId([3; 16]);
    const SESSION: SessionId = SessionId([4; 16]);
    const LABELS: [SecretLabel; 5] = [
        SecretLabel::Recovery,
        SecretLabel::VerifyEmail,
        SecretLabel::NotMe,
        SecretLabel::AddAddress,
        SecretLabel::Reopen,
    ];

    fn ring() -> Keyring {
        Keyring::fresh(Timestamp(0), &SeededEntropy::new(1))
    }

    fn mailed(ring: &Keyring, label: SecretLabel) -> String {
        let (id, _) = ring.active(Purpose::MailToken);
        mail_secret(ring, id, label, TOKEN, USER, ADDRESS)
            .unwrap()
            .expose_secret()
            .to_owned()
    }

    #[test]
    fn a_mailed_secret_verifies_and_names_its_token() {
        let ring = ring();
        let text = mailed(&ring, SecretLabel::Recovery);
        assert_eq!(text.len(), 71);
        assert!(
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        );
        let parsed = parse_mail_secret(&text).unwrap();
        assert_eq!(
            (parsed.token(), parsed.key_id()),
            (TOKEN, ring.active(Purpose::MailToken).0)
        );
        assert!(parsed.verify(&ring, SecretLabel::Recovery, USER, ADDRESS));
        assert_eq!(
            text,
            mailed(&ring, SecretLabel::Recovery),
            "the mail can be made again"
        );
    }

    #[test]
    fn r_26_a_mailed_secret_is_bound_to_purpose_user_and_address() {
        let ring = ring();
        for made_for in LABELS {
            let parsed = parse_mail_secret(&mailed(&ring, made_for)).unwrap();
            for label in LABELS {
                assert_eq!(parsed.verify(&ring, label, USER, ADDRESS), label == made_for);
            }
            assert!(!parsed.verify(&ring, made_for, UserId([9; 16]), ADDRESS));
            assert!(!parsed.verify(&ring, made_for, USER, AddressId([9; 16])));
        }
    }

    #[test]
    fn r_16_no_character_of_a_mailed_secret_can_be_changed() {
        let ring = ring();
        let text = mailed(&ring, SecretLabel::Recovery);
        for at in 0..text.len() {
            for other in ["A", "b", "0", "_", "-", "=", "+", " ", "\n"] {
                let mut changed = text.clone();
                changed.replace_range(at..=at, other);
                let genuine = parse_mail_secret(&changed)
                    .is_some_and(|parsed| parsed.verify(&ring, SecretLabel::Recovery, USER, ADDRESS));
                assert_eq!(genuine, changed == text, "{at}: {other:?}");
            }
        }
    }

    #[test]
    fn a6_absent_and_malformed_secrets_are_none() {
        let text = mailed(&ring(), SecretLabel::Recovery);
        let long = "A".repeat(1 << 20);
        for bad in [
            "",
            " ",
            "null",
            &text[1..],
            &format!("{text}A"),
            &format!(" {text}"),
            &format!("{text}="),
            &long,
        ] {
            assert!(parse_mail_secret(bad).is_none());
            assert!(parse_refresh_token(bad).is_none());
        }
        assert!(parse_mail_secret(&"A".repeat(71)).is_none(), "version 0");
        assert!(parse_mail_secret(&"é".repeat(35)).is_none());
    }

    #[test]
    fn l_10_rotation_ends_no_mailed_secret_and_forgetting_the_key_ends_all() {
        let mut ring = ring();
        let parsed = parse_mail_secret(&mailed(&ring, SecretLabel::Recovery)).unwrap();
        ring.rotate(Purpose::MailToken, Timestamp(1), &SeededEntropy::new(2))
            .unwrap();
        assert!(parsed.verify(&ring, SecretLabel::Recovery, USER, ADDRESS));
        ring.forget_retired(Purpose::MailToken).unwrap();
        assert!(!parsed.verify(&ring, SecretLabel::Recovery, USER, ADDRESS));
        assert!(
            mail_secret(
                &ring,
                parsed.key_id(),
                SecretLabel::Recovery,
                TOKEN,
                USER,
                ADDRESS
            )
            .is_none()
        );
    }

    #[test]
    fn a_refresh_token_verifies_and_names_session_and_counter() {
        let ring = ring();
        let (id, _) = ring.active(Purpose::Refresh);
        let text = refresh_token(&ring, id, SESSION, 7).unwrap();
        let text = text.expose_secret();
        assert_eq!(text.len(), 76);
        let parsed = parse_refresh_token(text).unwrap();
        assert_eq!(
            (parsed.key_id(), parsed.session(), parsed.counter()),
            (id, SESSION, 7)
        );
        assert!(parsed.verify(&ring));
        for at in 0..text.len() {
            let mut changed = text.to_owned();
            let other = if &text[at..=at] == "A" { "B" } else { "A" };
            changed.replace_range(at..=at, other);
            assert!(
                !parse_refresh_token(&changed).is_some_and(|parsed| parsed.verify(&ring)),
                "{at}"
            );
        }
        let next = refresh_token(&ring, id, SESSION, 8).unwrap();
        assert_ne!(next.expose_secret(), text);
    }

    #[test]
    fn r_32_parsed_secrets_do_not_print() {
        let text = mailed(&ring(), SecretLabel::Recovery);
        let printed = format!("{:?}", parse_mail_secret(&text).unwrap());
        assert_eq!(printed, format!("ParsedMailSecret({TOKEN}, ..)"));
    }
}
