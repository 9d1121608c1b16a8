//! A line of an import: an object of JSON, or a row of a table of comma-separated values (RFC 4180, a row a line) whose
//! first line names its columns.

use serde_json::{Map, Value};

use crate::crypto::ForeignHash;
use crate::desk::{Incoming, NewPerson};
use crate::domain::Role;
use crate::types::{EmailAddress, Locale, PersonName, Timestamp, Username};

/// The fields that there are.
const FIELDS: [&str; 8] = [
    "email",
    "email_verified",
    "username",
    "name",
    "role",
    "locale",
    "created_at",
    "password_hash",
];

/// What is wrong with a line.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct RowFault {
    pub(super) field: Option<String>,
    pub(super) problem: String,
}

impl RowFault {
    pub(super) fn of_line(problem: impl Into<String>) -> Self {
        Self {
            field: None,
            problem: problem.into(),
        }
    }

    fn of(field: &str, problem: impl std::fmt::Display) -> Self {
        Self {
            field: Some(field.to_owned()),
            problem: problem.to_string(),
        }
    }

    /// The user name is somebody else's.
    pub(super) fn taken() -> Self {
        Self::of("username", "is somebody else's: leave it out, or give another")
    }
}

/// How the lines of a file are read: decided by its first.
#[derive(Default)]
pub(super) enum Table {
    /// Nothing was read yet.
    #[default]
    Unknown,
    /// An object a line.
    Objects,
    /// Rows with these columns.
    Columns(Vec<String>),
}

/// A user as a line tells of them.
pub(super) struct Row(Map<String, Value>);

impl Table {
    /// Reads a line; nothing if it is empty or names the columns.
    pub(super) fn row(&mut self, line: &[u8]) -> Result<Option<Row>, RowFault> {
        let line = std::str::from_utf8(line).map_err(|_| RowFault::of_line("is not in UTF-8"))?;
        // A mark that some programs put before a file.
        let line = line.strip_prefix('\u{feff}').unwrap_or(line).trim();
        if line.is_empty() {
            return Ok(None);
        }
        if matches!(self, Self::Unknown) {
            if !line.starts_with('{') {
                let columns = cells(line)?;
                for column in &columns {
                    known(column)?;
                }
                *self = Self::Columns(columns);
                return Ok(None);
            }
            *self = Self::Objects;
        }
        let fields = match self {
            Self::Columns(columns) => {
                let cells = cells(line)?;
                if cells.len() != columns.len() {
                    return Err(RowFault::of_line(format!(
                        "has {} cells for {} columns: put cells with commas in quotation marks",
                        cells.len(),
                        columns.len()
                    )));
                }
                let named = columns.iter().cloned().zip(cells);
                // What is empty is not there.
                let filled = named.filter(|(_, cell)| !cell.is_empty());
                filled.map(|(name, cell)| (name, Value::String(cell))).collect()
            }
            Self::Unknown | Self::Objects => match serde_json::from_str(line) {
                Ok(Value::Object(fields)) => fields,
                Ok(_) | Err(_) => return Err(RowFault::of_line("is not an object of JSON in one line")),
            },
        };
        for field in fields.keys() {
            known(field)?;
        }
        Ok(Some(Row(fields)))
    }
}

fn known(field: &str) -> Result<(), RowFault> {
    if FIELDS.contains(&field) {
        return Ok(());
    }
    let short: String = field.chars().take(40).collect();
    Err(RowFault::of(
        &short,
        format!("is no field of a user; there are {}", FIELDS.join(", ")),
    ))
}

/// The cells of a row; one in quotation marks may hold commas, and two marks for each of its own.
fn cells(line: &str) -> Result<Vec<String>, RowFault> {
    let (mut cells, mut cell, mut quoted) = (vec![], String::new(), false);
    let mut rest = line.chars().peekable();
    while let Some(char) = rest.next() {
        match char {
            '"' if quoted && rest.peek() == Some(&'"') => {
                rest.next();
                cell.push('"');
            }
            '"' if quoted || cell.is_empty() => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            other => cell.push(other),
        }
    }
    if quoted {
        return Err(RowFault::of_line(
            "ends within quotation marks: a row is one line",
        ));
    }
    cells.push(cell);
    Ok(cells)
}

impl Row {
    fn text(&self, field: &str) -> Result<Option<&str>, RowFault> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Err(RowFault::of(field, "must be a text"))
            }
        }
    }

    fn flag(&self, field: &str) -> Result<bool, RowFault> {
        match self.0.get(field) {
            None | Some(Value::Null) => return Ok(false),
            Some(Value::Bool(flag)) => return Ok(*flag),
            Some(Value::String(text)) => match text.to_ascii_lowercase().as_str() {
                "true" | "t" | "1" => return Ok(true),
                "false" | "f" | "0" => return Ok(false),
                _ => {}
            },
            Some(Value::Number(_) | Value::Array(_) | Value::Object(_)) => {}
        }
        Err(RowFault::of(field, "must be true or false"))
    }

    fn read<T, E: std::fmt::Display>(
        &self,
        field: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, RowFault> {
        let text = self.text(field)?;
        text.map(|text| parse(text).map_err(|fault| RowFault::of(field, fault)))
            .transpose()
    }

    /// Who it is, if everything that the line says can be taken.
    pub(super) fn incoming(&self) -> Result<Incoming, RowFault> {
        let address = self
            .read("email", EmailAddress::parse)?
            .ok_or_else(|| RowFault::of("email", "is missing"))?;
        let role = |text: &str| {
            let all = [Role::Admin, Role::User, Role::Guest];
            let found = all.into_iter().find(|role| role.word() == text);
            found.ok_or("is none of admin, user and guest")
        };
        let since = |text: &str| {
            Timestamp::parse_rfc3339(text).ok_or("must be a time like 2024-03-09T16:04:12Z (RFC 3339)")
        };
        Ok(Incoming {
            person: NewPerson {
                address,
                name: self.read("name", PersonName::parse)?,
                username: self.read("username", Username::parse)?,
                role: self.read("role", role)?.unwrap_or(Role::User),
                locale: self
                    .read("locale", |text| Locale::parse(text).ok_or("is none of en and ko"))?
                    .unwrap_or(Locale::En),
            },
            verified: self.flag("email_verified")?,
            since: self.read("created_at", since)?,
            hash: self.read("password_hash", ForeignHash::parse)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(lines: &[&str]) -> Vec<Result<Option<Row>, RowFault>> {
        let mut table = Table::default();
        lines.iter().map(|line| table.row(line.as_bytes())).collect()
    }

    #[test]
    fn a_table_and_objects_say_the_same() {
        let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let quoted = format!(r#"ada@example.org,t,"Lovelace, ""Ada""",{hash:?},"#);
        let object = format!(
            r#"{{"email":"ada@example.org","email_verified":true,"name":"Lovelace, \"Ada\"","password_hash":"{hash}"}}"#
        );
        let table = rows(&[
            "\u{feff}email,email_verified,name,password_hash,username",
            "",
            &quoted,
        ]);
        let objects = rows(&[&object]);
        for row in [&table[2], &objects[0]] {
            let incoming = row.as_ref().ok().unwrap().as_ref().unwrap().incoming().unwrap();
            assert_eq!(incoming.person.address.as_typed(), "ada@example.org");
            assert_eq!(incoming.person.name.unwrap().as_str(), "Lovelace, \"Ada\"");
            assert!(incoming.verified && incoming.hash.is_some() && incoming.person.username.is_none());
        }
    }

    #[test]
    fn what_cannot_be_taken_names_its_field_and_says_nothing_of_what_it_holds() {
        let fault = |line: &str| {
            let mut read = rows(&["{\"email\":\"a@example.org\"}", line]).pop().unwrap();
            match &mut read {
                Ok(Some(row)) => row.incoming().err().unwrap(),
                Ok(None) => panic!("{line} is empty"),
                Err(_) => read.err().unwrap(),
            }
        };
        for (line, field) in [
            (r#"{"name":"A"}"#, Some("email")),
            (r#"{"email":"nobody"}"#, Some("email")),
            (
                r#"{"email":"a@example.org","emailVerified":true}"#,
                Some("emailVerified"),
            ),
            (
                r#"{"email":"a@example.org","email_verified":"perhaps"}"#,
                Some("email_verified"),
            ),
            (r#"{"email":"a@example.org","role":"root"}"#, Some("role")),
            (
                r#"{"email":"a@example.org","created_at":"yesterday"}"#,
                Some("created_at"),
            ),
            (r#"{"email":"a@example.org","locale":"xx"}"#, Some("locale")),
            (
                r#"{"email":"a@example.org","password_hash":17}"#,
                Some("password_hash"),
            ),
            (
                r#"{"email":"a@example.org","password_hash":"secret-text"}"#,
                Some("password_hash"),
            ),
            ("[1]", None),
            ("{", None),
        ] {
            let found = fault(line);
            assert_eq!(found.field.as_deref(), field, "{line}");
            assert!(!found.problem.contains("secret-text"), "{}", found.problem);
        }
        let uneven = rows(&["email,name", "a@example.org", "a@example.org,\"x"]);
        assert!(
            uneven[1]
                .as_ref()
                .err()
                .unwrap()
                .problem
                .contains("1 cells for 2 columns")
        );
        assert!(
            uneven[2]
                .as_ref()
                .err()
                .unwrap()
                .problem
                .contains("quotation marks")
        );
        assert!(
            rows(&["email,colour"])[0]
                .as_ref()
                .err()
                .unwrap()
                .problem
                .contains("no field")
        );
    }
}
