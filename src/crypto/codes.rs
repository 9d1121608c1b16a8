//! Codes that a person types from a mail: 50 uniform bits in Crockford's base 32, derived and never stored.

use std::fmt;

use secrecy::SecretString;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::types::{AddressId, TokenId, UserId};

use super::keyring::{KeyId, Keyring, Purpose};
use super::mac::mac;
use super::tokens::SecretLabel;

/// Characters of a code, without the dash.
pub const CODE_LEN: usize = 10;
/// Characters between dashes.
const GROUP: usize = 5;

/// 32 characters, so that five bits choose one without bias; no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// A code with all that people put between its characters; more is no code.
const INPUT_MAX: usize = 64;

/// What a person typed, in its one spelling; not yet known to be right. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct TypedCode([u8; CODE_LEN]);

impl Drop for TypedCode {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for TypedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypedCode(..)")
    }
}

/// The code of a mail, as `XXXXX-XXXXX`; the same arguments give the same code, `None` if the ring no longer has the key.
///
/// Its key is not that of the link secret: neither says anything about the other.
pub fn typed_code(
    ring: &Keyring,
    key_id: KeyId,
    label: SecretLabel,
    token: TokenId,
    user: UserId,
    address: AddressId,
) -> Option<SecretString> {
    let code = derive(ring, key_id, label, token, user, address)?;
    Some(spell(&code.0))
}

/// The text of a code, in groups of five.
pub(super) fn spell(code: &[u8]) -> SecretString {
    let mut text = Zeroizing::new(String::with_capacity(code.len() * 6 / 5));
    for (at, &byte) in code.iter().enumerate() {
        if at > 0 && at % GROUP == 0 {
            text.push('-');
        }
        text.push(char::from(byte));
    }
    SecretString::from(text.as_str())
}

/// The character of five bits.
pub(super) fn crockford(bits: u8) -> u8 {
    ALPHABET[usize::from(bits & 31)]
}

/// Digits of a code that is mailed as second factor.
const FACTOR_CODE_LEN: usize = 6;

/// The last six digits of a number, leading zeros kept.
pub(super) fn digits(number: u64) -> [u8; FACTOR_CODE_LEN] {
    let mut rest = number;
    let mut out = [b'0'; FACTOR_CODE_LEN];
    for digit in out.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    out
}

/// Reads six digits, however they are grouped; `None` if it is anything else.
pub fn normalise_digits(typed: &str) -> Option<[u8; FACTOR_CODE_LEN]> {
    let code: Zeroizing<[u8; FACTOR_CODE_LEN]> = normalise(typed)?;
    code.iter().all(u8::is_ascii_digit).then_some(*code)
}

/// The six digits that are mailed as second factor: derived like every typed code, and never stored.
pub fn factor_code(
    ring: &Keyring,
    key_id: KeyId,
    label: SecretLabel,
    token: TokenId,
    user: UserId,
    address: AddressId,
) -> Option<SecretString> {
    let code = derive_digits(ring, key_id, label, token, user, address)?;
    Some(SecretString::from(std::str::from_utf8(code.as_slice()).ok()?))
}

/// Whether the typed digits are those that were mailed; in constant time.
pub fn factor_code_matches(
    ring: &Keyring,
    key_id: KeyId,
    label: SecretLabel,
    token: TokenId,
    user: UserId,
    address: AddressId,
    typed: [u8; FACTOR_CODE_LEN],
) -> bool {
    derive_digits(ring, key_id, label, token, user, address)
        .is_some_and(|genuine| genuine.ct_eq(&typed).into())
}

fn derive_digits(
    ring: &Keyring,
    key_id: KeyId,
    label: SecretLabel,
    token: TokenId,
    user: UserId,
    address: AddressId,
) -> Option<Zeroizing<[u8; FACTOR_CODE_LEN]>> {
    let key = ring.get(Purpose::Code, key_id)?;
    let parts: [&[u8]; 4] = [label.label().as_bytes(), &token.0, &user.0, &address.0];
    let full = Zeroizing::new(mac(key, "keyledger factor code v1", &parts));
    // Of 2^64 numbers, so that no code is likelier than another by more than one in 10^13.
    let (head, _) = full.split_first_chunk::<8>()?;
    Some(Zeroizing::new(digits(u64::from_be_bytes(*head))))
}

/// Reads what a person typed: spaces, dashes and case do not matter, I and L are 1, O is 0; `None` if it cannot be a code.
pub fn normalise_code(typed: &str) -> Option<TypedCode> {
    normalise(typed).map(|code| TypedCode(*code))
}

/// Reads so many characters of the alphabet, however they are grouped; `None` if it is anything else.
pub(super) fn normalise<const N: usize>(typed: &str) -> Option<Zeroizing<[u8; N]>> {
    if typed.len() > INPUT_MAX {
        return None;
    }
    let mut code = Zeroizing::new([0; N]);
    let mut length = 0;
    for char in typed.chars().filter(|&char| !is_separator(char)) {
        *code.get_mut(length)? = canonical(char)?;
        length += 1;
    }
    (length == N).then_some(code)
}

/// Whether the typed code is the one that was mailed; in constant time.
pub fn code_matches(
    ring: &Keyring,
    key_id: KeyId,
    label: SecretLabel,
    token: TokenId,
    user: UserId,
    address: AddressId,
    typed: &TypedCode,
) -> bool {
    derive(ring, key_id, label, token, user, address).is_some_and(|genuine| genuine.0.ct_eq(&typed.0).into())
}

fn derive(
    ring: &Keyring,
    key_id: KeyId,
    label: SecretLabel,
    token: TokenId,
    user: UserId,
    address: AddressId,
) -> Option<TypedCode> {
    let key = ring.get(Purpose::Code, key_id)?;
    let parts: [&[u8]; 4] = [label.label().as_bytes(), &token.0, &user.0, &address.0];
    let full = Zeroizing::new(mac(key, "keyledger typed code v1", &parts));
    let (head, _) = full.split_first_chunk::<8>()?;
    let mut bits = u64::from_be_bytes(*head);
    let mut code = TypedCode([0; CODE_LEN]);
    for character in &mut code.0 {
        *character = ALPHABET[usize::from(bits.to_be_bytes()[0] >> 3)];
        bits <<= 5;
    }
    Some(code)
}

/// White space of any kind, and the dashes that keyboards and mail programs make of `-`.
fn is_separator(char: char) -> bool {
    char.is_whitespace()
        || matches!(
            char,
            '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}'
        )
}

fn canonical(char: char) -> Option<u8> {
    let upper = u8::try_from(char).ok()?.to_ascii_uppercase();
    let upper = match upper {
        b'I' | b'L' => b'1',
        b'O' => b'0',
        other => other,
    };
    ALPHABET.contains(&upper).then_some(upper)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::system::{SeededEntropy, random_id};
    use crate::types::Timestamp;

    const USER: UserId = UserId([2; 16]);
    const ADDRESS: AddressId = AddressId([3; 16]);

    fn ring() -> Keyring {
        Keyring::fresh(Timestamp(0), &SeededEntropy::new(1))
    }

    #[test]
    fn r_34_a_code_is_grouped_and_forgives_how_it_is_typed() {
        let ring = ring();
        let (id, _) = ring.active(Purpose::Code);
        let token = TokenId([1; 16]);
        let code = typed_code(&ring, id, SecretLabel::Recovery, token, USER, ADDRESS).unwrap();
        let code = code.expose_secret();
        assert_eq!((code.len(), code.find('-')), (11, Some(5)));
        let bare = code.replace('-', "");
        for typed in [
            code.to_owned(),
            code.to_lowercase(),
            bare.clone(),
            format!("  {} {}\u{a0}\n", &code[..5], &code[6..]),
            code.replace('-', "\u{2013}"),
            bare.chars().flat_map(|char| [char, ' ']).collect(),
            code.replace('1', "l").replace('0', "o"),
            code.replace('1', "I").replace('0', "O"),
        ] {
            let typed = normalise_code(&typed).unwrap();
            assert!(code_matches(
                &ring,
                id,
                SecretLabel::Recovery,
                token,
                USER,
                ADDRESS,
                &typed
            ));
            assert!(!code_matches(
                &ring,
                id,
                SecretLabel::VerifyEmail,
                token,
                USER,
                ADDRESS,
                &typed
            ));
            assert!(!code_matches(
                &ring,
                id,
                SecretLabel::Recovery,
                TokenId([9; 16]),
                USER,
                ADDRESS,
                &typed
            ));
            assert!(!code_matches(
                &ring,
                KeyId(99),
                SecretLabel::Recovery,
                token,
                USER,
                ADDRESS,
                &typed
            ));
        }
    }

    #[test]
    fn look_alikes_are_read_as_the_digit() {
        assert_eq!(normalise_code("iIlL1-oO000").unwrap().0, *b"1111100000");
        assert_eq!(normalise_code("abcde-vwxyz").unwrap().0, *b"ABCDEVWXYZ");
    }

    #[test]
    fn a6_what_cannot_be_a_code_is_none() {
        let long = "-".repeat(65);
        for typed in [
            "",
            "-",
            "12345-6789",
            "12345-678901",
            "U2345-67890",
            "1234\u{661}-67890",
            "12345_67890",
            "12345-6789\0",
            "１２３４５６７８９０",
            &long,
        ] {
            assert!(normalise_code(typed).is_none(), "{typed:?}");
        }
    }

    #[test]
    fn r_17_codes_are_uniform_over_the_alphabet() {
        let (ring, entropy) = (ring(), SeededEntropy::new(2));
        let (id, _) = ring.active(Purpose::Code);
        let mut counts = [[0_u32; 256]; CODE_LEN];
        let codes = 32_000;
        for _ in 0..codes {
            let token = TokenId(random_id(&entropy));
            let code = derive(&ring, id, SecretLabel::Recovery, token, USER, ADDRESS).unwrap();
            for (place, &character) in code.0.iter().enumerate() {
                counts[place][usize::from(character)] += 1;
            }
        }
        for place in counts {
            // Expected 1,000 each, standard deviation 31: six of them either way.
            assert!(
                ALPHABET
                    .iter()
                    .all(|&character| place[usize::from(character)].abs_diff(1_000) < 190)
            );
            assert_eq!(
                place.iter().sum::<u32>(),
                codes,
                "no character outside the alphabet"
            );
        }
    }
}
