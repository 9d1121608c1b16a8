//! Reads `keyledger.toml` into names and written values, keeping the line of each.

use toml::de::{DeTable, DeValue};

use super::value::Raw;

/// One `name = value`, its name being the whole path.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) raw: Raw,
}

/// A file that is not TOML.
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) reason: String,
}

/// Reads a whole file. `sections` are the tables that are opened; any other table is a value of the wrong type, or
/// (if none of its leaves is a setting) a group of unknown names.
pub(super) fn parse(text: &str) -> Result<Vec<Entry>, Vec<Fault>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let fault = |error: toml::de::Error| Fault {
            line: line_of(text, error.span().map_or(0, |span| span.start)),
            reason: error.message().to_owned(),
        };
        return Err(errors.into_iter().take(20).map(fault).collect());
    }
    let mut entries = Vec::new();
    walk(text, "", table.get_ref(), &mut entries);
    entries.sort_by_key(|entry| entry.line);
    Ok(entries)
}

fn walk(text: &str, prefix: &str, table: &DeTable<'_>, entries: &mut Vec<Entry>) {
    for (key, value) in table {
        // A quoted key with a dot in it is one name, not a path.
        let key_text = key.get_ref();
        let name = if key_text.contains('.') {
            format!("{prefix}{key_text:?}")
        } else {
            format!("{prefix}{key_text}")
        };
        let line = line_of(text, key.span().start);
        match value.get_ref().as_table() {
            Some(inner) if !inner.is_empty() => walk(text, &format!("{name}."), inner, entries),
            Some(_) if super::SECTIONS.contains(&name.as_str()) => {}
            _ => entries.push(Entry {
                name,
                line,
                raw: raw(value.get_ref()),
            }),
        }
    }
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Raw::Other("a whole number beyond 64 bits"), Raw::Integer),
        DeValue::Boolean(flag) => Raw::Flag(*flag),
        DeValue::Array(items) => items
            .iter()
            .map(|item| item.get_ref().as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
            .map_or(Raw::Other("a list of other things than strings"), Raw::List),
        DeValue::Float(_) => Raw::Other("a fraction"),
        DeValue::Datetime(_) => Raw::Other("a date"),
        DeValue::Table(_) => Raw::Other("a table"),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|b| *b == b'\n').count()
}
