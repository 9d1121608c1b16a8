//! Recovery codes: 75 bits each in Crockford's base 32, of which only keyed hashes are kept.

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::types::FactorId;

use super::codes::{crockford, spell};
use super::mac::mac;
use super::seal::DataKey;

/// Characters of a code, without its dashes.
const LEN: usize = 15;
/// Bytes of a kept hash.
const HASH_LEN: usize = 16;

/// What a person typed, in its one spelling; not yet known to be right.
pub struct TypedRecoveryCode(Zeroizing<[u8; LEN]>);

/// Makes the codes of a set from a salt that nobody can guess, as `XXXXX-XXXXX-XXXXX`. The same arguments give the same
/// codes: so the answer to an enrolment can repeat those that were shown when it began.
pub fn recovery_codes(key: &DataKey, set: FactorId, salt: &[u8], count: u8) -> Vec<SecretString> {
    (0..count)
        .map(|number| {
            let full = Zeroizing::new(mac(key, "keyledger recovery code v1", &[salt, &set.0, &[number]]));
            let mut wide = [0; 16];
            wide.copy_from_slice(&full[..16]);
            let mut bits = Zeroizing::new(u128::from_be_bytes(wide));
            let mut code = Zeroizing::new([0; LEN]);
            for character in code.iter_mut() {
                *character = crockford(bits.to_be_bytes()[0] >> 3);
                *bits <<= 5;
            }
            spell(code.as_slice())
        })
        .collect()
}

/// Reads what a person typed; `None` if it cannot be a recovery code.
pub fn normalise_recovery_code(typed: &str) -> Option<TypedRecoveryCode> {
    super::codes::normalise(typed).map(TypedRecoveryCode)
}

fn hash(key: &DataKey, set: FactorId, code: &[u8]) -> [u8; HASH_LEN] {
    let full = mac(key, "keyledger recovery code hash v1", &[&set.0, code]);
    let mut cut = [0; HASH_LEN];
    cut.copy_from_slice(&full[..HASH_LEN]);
    cut
}

/// The hashes of a set, in the order of its codes.
pub fn recovery_hashes(key: &DataKey, set: FactorId, codes: &[SecretString]) -> Zeroizing<Vec<u8>> {
    let typed = codes
        .iter()
        .filter_map(|code| normalise_recovery_code(code.expose_secret()));
    Zeroizing::new(typed.flat_map(|code| hash(key, set, code.0.as_slice())).collect())
}

/// Which code of a set was typed; all are compared, in constant time.
pub fn find_recovery_code(
    key: &DataKey,
    set: FactorId,
    hashes: &[u8],
    typed: &TypedRecoveryCode,
) -> Option<u8> {
    let given = hash(key, set, typed.0.as_slice());
    let mut found = None;
    for (number, kept) in (0_u8..).zip(hashes.chunks_exact(HASH_LEN)) {
        if kept.ct_eq(&given).into() {
            found = Some(number);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::types::{DataKeyId, UserId};

    const SET: FactorId = FactorId([4; 16]);

    fn key(byte: u8) -> DataKey {
        DataKey::new(DataKeyId::User(UserId([1; 16])), [byte; 32])
    }

    #[test]
    fn r_45_codes_have_75_bits_are_found_by_hashes_only_and_belong_to_one_set_and_user() {
        let codes = recovery_codes(&key(1), SET, b"salt", 10);
        let texts: BTreeSet<&str> = codes.iter().map(ExposeSecret::expose_secret).collect();
        assert_eq!(texts.len(), 10);
        let hashes = recovery_hashes(&key(1), SET, &codes);
        assert_eq!(hashes.len(), 160);
        for (number, code) in (0..).zip(&codes) {
            let text = code.expose_secret();
            assert_eq!((text.len(), text.replace('-', "").len()), (17, 15));
            for typed in [
                text.to_lowercase(),
                text.replace('-', " "),
                text.replace('0', "o"),
            ] {
                let typed = normalise_recovery_code(&typed).unwrap();
                assert_eq!(find_recovery_code(&key(1), SET, &hashes, &typed), Some(number));
                assert_eq!(find_recovery_code(&key(2), SET, &hashes, &typed), None);
                assert_eq!(
                    find_recovery_code(&key(1), FactorId([5; 16]), &hashes, &typed),
                    None
                );
            }
        }
        let again = recovery_codes(&key(1), SET, b"salt", 10);
        assert_eq!(again[9].expose_secret(), codes[9].expose_secret());
        let other = recovery_codes(&key(1), SET, b"tlas", 1);
        assert_ne!(other[0].expose_secret(), codes[0].expose_secret());
        for not_one in ["", "123456", "ABCDE-FGHJK", "ABCDE-FGHJK-MNPQRS"] {
            assert!(normalise_recovery_code(not_one).is_none());
        }
    }
}
