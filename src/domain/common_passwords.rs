//! The built-in list of leaked passwords, searched where it lies in the program: no index, no heap, no start-up work.

use std::cmp::Ordering;

use zeroize::Zeroizing;

/// One password a line, in lower case and NFC, in the order of their bytes; `data/passwords/README.md` says from where.
const LIST: &str = include_str!("../../data/passwords/common.txt");
/// No line is longer, so nothing longer is looked up.
const LINE_BYTES_MAX: usize = 96;

/// Whether the list has the password as typed or in lower case (ASVS 6.2.4, 6.2.12; NIST SP 800-63B-4 §3.1.1.2).
///
/// The whole password is compared, in NFC; the caller normalises. About 19 steps of a binary search, at most twice.
pub fn is_common(password: &str) -> bool {
    if password.is_empty() || password.len() > LINE_BYTES_MAX {
        return false;
    }
    if contains(password) {
        return true;
    }
    // Lower case can need more bytes (`Ⱥ`, 2, becomes `ⱥ`, 3): room for all of them, so that no copy is left behind.
    let mut lower = Zeroizing::new(String::with_capacity(3 * LINE_BYTES_MAX));
    lower.extend(password.chars().flat_map(char::to_lowercase));
    *lower != password && contains(&lower)
}

/// How many passwords the list has.
pub fn count() -> usize {
    all().count()
}

/// The passwords of the list.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    LIST.lines()
}

/// A binary search over bytes: each probe is moved back to the start of its line.
fn contains(wanted: &str) -> bool {
    let (list, wanted) = (LIST.as_bytes(), wanted.as_bytes());
    let (mut low, mut high) = (0, list.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let start = list[low..middle]
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(low, |at| low + at + 1);
        let end = list[middle..high]
            .iter()
            .position(|&byte| byte == b'\n')
            .map_or(high, |at| middle + at);
        match list[start..end].cmp(wanted) {
            Ordering::Equal => return true,
            Ordering::Less => low = end + 1,
            Ordering::Greater => high = start,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use unicode_normalization::UnicodeNormalization;

    use super::*;

    #[test]
    fn the_list_is_sorted_in_lower_case_and_nfc() {
        let lines: Vec<&str> = LIST.lines().collect();
        assert!(lines.is_sorted_by(|a, b| a < b));
        assert!(LIST.ends_with('\n') && !LIST.contains('\r'));
        for line in &lines {
            assert!(!line.is_empty() && line.len() <= LINE_BYTES_MAX, "{line:?}");
            assert_eq!(
                line.nfc().flat_map(char::to_lowercase).collect::<String>(),
                **line
            );
        }
    }

    #[test]
    fn p_06_the_list_has_more_than_10_000_passwords_and_finds_each() {
        assert!(count() >= 10_000, "{}", count());
        for line in LIST.lines() {
            assert!(is_common(line), "{line:?}");
            assert!(is_common(&line.to_ascii_uppercase()), "{line:?}");
        }
    }

    #[test]
    fn p_06_a_leaked_password_is_found_as_typed_and_in_lower_case() {
        for password in ["P@ssw0rd", "p@ssw0rd", "PASSWORD", "123456", "QwErTy", "ПАРОЛЬ"] {
            assert!(is_common(password), "{password}");
        }
    }

    #[test]
    fn a_password_that_is_not_on_a_line_of_its_own_is_not_common() {
        for password in [
            "",
            "\n",
            "password\n",
            "\n123456",
            "123456\nqwerty",
            "p@ssw0r",
            "p@ssw0rd ",
            "\u{10ffff}",
            "\0",
        ] {
            assert!(!is_common(password), "{password:?}");
        }
        assert!(!is_common(&"a".repeat(10_000)));
    }
}
