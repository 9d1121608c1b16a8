//! Templates of an operator, as they lie in a folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::TemplateFault;

const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The entries of a folder in the order of their names, without what editors and systems leave there.
pub(crate) fn entries(dir: &Path) -> Result<Vec<(String, PathBuf)>, TemplateFault> {
    let unreadable = |source| TemplateFault::Unreadable {
        file: dir.to_owned(),
        source,
    };
    let listing = match fs::read_dir(dir) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut entries = Vec::new();
    for entry in listing {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && !name.ends_with('~') {
            entries.push((name, entry.path()));
        }
    }
    entries.sort();
    Ok(entries)
}

/// The text of a template; a bound on its bytes, and UTF-8.
pub(crate) fn text_of(file: &Path) -> Result<String, TemplateFault> {
    let unreadable = |source| TemplateFault::Unreadable {
        file: file.to_owned(),
        source,
    };
    let kind = fs::metadata(file).map_err(unreadable)?;
    let not_a_template = |what: &str| TemplateFault::NotATemplate {
        file: file.to_owned(),
        what: what.to_owned(),
    };
    if !kind.is_file() {
        return Err(not_a_template("a template is a file"));
    }
    if kind.len() > FILE_BYTES_MAX {
        return Err(not_a_template("a template has at most 64 KiB"));
    }
    let bytes = fs::read(file).map_err(unreadable)?;
    // A mark that some editors put first would end up in the subject.
    let text = String::from_utf8(bytes).map_err(|_| not_a_template("it is not UTF-8; save it as UTF-8"))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// A name that nothing asks for.
pub(crate) fn unknown(file: PathBuf, what: &str) -> TemplateFault {
    TemplateFault::NotATemplate {
        file,
        what: format!("no template has this name; {what}"),
    }
}
