//! The one place that reads the process's environment, current directory and configuration files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::types::Locale;

/// Environment variables by name.
pub type Environment = BTreeMap<OsString, OsString>;

/// The longest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The environment of this process.
pub(super) fn variables() -> Environment {
    std::env::vars_os().collect()
}

/// The language that the process is asked to speak: of `LC_ALL`, `LC_MESSAGES` and `LANG` the first that is set (POSIX, base
/// definitions §8.2), or English where that names none that there is.
pub fn language_of_process() -> Locale {
    let set = |name: &&str| std::env::var(name).is_ok_and(|value| !value.is_empty());
    let first = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find(set);
    let value = first.and_then(|name| std::env::var(name).ok());
    value.as_deref().map_or(Locale::En, language_of)
}

/// The language of a locale as POSIX writes it: `ko_KR.UTF-8`.
fn language_of(posix: &str) -> Locale {
    let name = posix.split(['.', '@']).next().unwrap_or(posix);
    Locale::parse(name).unwrap_or_default()
}

/// The current directory, `.` if it cannot be named.
pub(super) fn directory() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."))
}

/// Reads a file of at most 1 MiB.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "it is larger than 1 MiB",
        ));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_of_the_machine_is_understood() {
        for korean in ["ko", "ko_KR", "ko_KR.UTF-8", "ko.UTF-8", "ko_KR@euc"] {
            assert_eq!(language_of(korean), Locale::Ko, "{korean}");
        }
        for english in ["", "C", "C.UTF-8", "POSIX", "en_GB.UTF-8", "fr_FR"] {
            assert_eq!(language_of(english), Locale::En, "{english}");
        }
    }
}
