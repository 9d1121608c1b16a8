//! Reads `.env` files.
//!
//! A line is `NAME=VALUE`, perhaps after `export `. A value without quotes ends at the line's end or at ` #`; in single
//! quotes everything is literal; in double quotes `\n`, `\r`, `\t`, `\"`, `\\`, `\$` and `` \` `` are escapes. Quoted values may
//! span lines. There is no interpolation: `$` is a dollar sign.

/// One line `NAME=VALUE`.
pub(super) struct Entry {
    pub(super) name: String,
    /// The line of the name, from 1.
    pub(super) line: usize,
    /// The value, or what is wrong with it (which matters only if the name is ours).
    pub(super) value: Result<String, &'static str>,
}

/// A line that is no entry, so that what follows cannot be trusted either.
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) reason: &'static str,
}

/// Reads a whole file: what could be read, and what could not. Texts of lines are not repeated: they may be secrets.
pub(super) fn parse(text: &str) -> (Vec<Entry>, Vec<Fault>) {
    let mut reader = Reader {
        rest: text.strip_prefix('\u{feff}').unwrap_or(text),
        line: 1,
    };
    let (mut entries, mut faults) = (Vec::new(), Vec::new());
    while !reader.rest.is_empty() {
        let line = reader.line;
        match reader.entry() {
            Ok(None) => {}
            Ok(Some((name, value))) => entries.push(Entry { name, line, value }),
            Err(reason) => faults.push(Fault { line, reason }),
        }
    }
    (entries, faults)
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

type Read = (String, Result<String, &'static str>);

impl<'a> Reader<'a> {
    fn entry(&mut self) -> Result<Option<Read>, &'static str> {
        let start = self.rest.trim_start_matches([' ', '\t']);
        if start.starts_with(['#', '\n', '\r']) || start.is_empty() {
            self.rest_of_line();
            return Ok(None);
        }
        let end = self.rest.find(['\n', '=']).unwrap_or(self.rest.len());
        let (name, after) = self.rest.split_at(end);
        let Some(after) = after.strip_prefix('=') else {
            self.rest_of_line();
            return Err("expected `NAME=VALUE`, a comment or an empty line");
        };
        let name = name.trim();
        let name = name
            .strip_prefix("export")
            .filter(|rest| rest.starts_with([' ', '\t']))
            .unwrap_or(name)
            .trim();
        let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(fits) {
            self.rest_of_line();
            return Err("the name before `=` has to be letters, digits and `_`");
        }
        self.rest = after;
        let value = after.trim_start_matches([' ', '\t']);
        let value = match value.chars().next() {
            Some(mark @ ('\'' | '"')) => {
                self.rest = &value[1..];
                self.quoted(mark)?
            }
            _ => Ok(bare(self.rest_of_line())),
        };
        Ok(Some((name.to_owned(), value)))
    }

    fn quoted(&mut self, mark: char) -> Result<Result<String, &'static str>, &'static str> {
        let (mut value, mut fault) = (String::new(), None);
        let mut chars = self.rest.char_indices();
        while let Some((at, c)) = chars.next() {
            if c == mark {
                self.advance(at + 1);
                let after = self.rest_of_line().trim();
                if !(after.is_empty() || after.starts_with('#')) {
                    fault = Some("text follows the closing quote");
                }
                return Ok(fault.map_or(Ok(value), Err));
            }
            let escape = c == '\\' && mark == '"';
            match if escape { chars.next() } else { None } {
                None => value.push(c),
                Some((_, 'n')) => value.push('\n'),
                Some((_, 'r')) => value.push('\r'),
                Some((_, 't')) => value.push('\t'),
                Some((_, escaped @ ('"' | '\\' | '$' | '`'))) => value.push(escaped),
                Some(_) => fault = Some("an unknown escape after `\\`; double it, or use single quotes"),
            }
        }
        self.advance(self.rest.len());
        Err("a quote is opened here and never closed")
    }

    fn rest_of_line(&mut self) -> &'a str {
        let text = self.rest.split('\n').next().unwrap_or("");
        self.advance((text.len() + 1).min(self.rest.len()));
        text.strip_suffix('\r').unwrap_or(text)
    }

    fn advance(&mut self, bytes: usize) {
        let (gone, rest) = self.rest.split_at(bytes);
        self.line += gone.bytes().filter(|b| *b == b'\n').count();
        self.rest = rest;
    }
}

/// A value without quotes: up to a `#` that follows white space.
fn bare(text: &str) -> String {
    let comment = text
        .char_indices()
        .find(|(at, c)| *c == '#' && text[..*at].ends_with([' ', '\t']));
    comment.map_or(text, |(at, _)| &text[..at]).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(String, usize, Result<String, &'static str>)> {
        let (entries, faults) = parse(text);
        assert!(faults.is_empty(), "line {}: {}", faults[0].line, faults[0].reason);
        entries
            .into_iter()
            .map(|entry| (entry.name, entry.line, entry.value))
            .collect()
    }

    fn one(text: &str) -> Result<String, &'static str> {
        values(text).pop().unwrap().2
    }

    fn fault(text: &str) -> (usize, &'static str) {
        let (_, mut faults) = parse(text);
        let fault = faults.pop().unwrap();
        (fault.line, fault.reason)
    }

    #[test]
    fn plain_lines_comments_and_blank_lines_are_read() {
        let text =
            "\u{feff}# 메일\r\n\r\nA=1\r\n  export B = two words  # note\nC=\n\tD=x#y\nE= # none\nF='#1'";
        let expected = [
            ("A", 3, "1"),
            ("B", 4, "two words"),
            ("C", 5, ""),
            ("D", 6, "x#y"),
            ("E", 7, ""),
            ("F", 8, "#1"),
        ];
        let expected = expected.map(|(name, line, value)| (name.to_owned(), line, Ok(value.to_owned())));
        assert_eq!(values(text), expected);
    }

    #[test]
    fn quotes_keep_what_they_hold() {
        assert_eq!(one(r#"A="a\"b\\c\n\$d" # x"#), Ok("a\"b\\c\n$d".to_owned()));
        assert_eq!(one(r"A='a\n$b # c'"), Ok(r"a\n$b # c".to_owned()));
        assert_eq!(one("A='비밀 번호'"), Ok("비밀 번호".to_owned()));
        assert_eq!(one("A=it's"), Ok("it's".to_owned()));
        assert_eq!(one("A=a=b==$c"), Ok("a=b==$c".to_owned()));
        assert_eq!(
            values("A=\"1\n2\"\nB=3")[1],
            ("B".to_owned(), 3, Ok("3".to_owned()))
        );
    }

    #[test]
    fn a_wrong_value_belongs_to_its_name_alone() {
        assert!(one(r#"A="\d""#).is_err());
        assert!(one("A='x' y").is_err());
        assert_eq!(values("A='x' y\nB=1").len(), 2);
    }

    #[test]
    fn a_wrong_line_is_named_and_the_rest_still_read() {
        assert_eq!(fault("A=1\nnonsense\nB=2").0, 2);
        assert_eq!(fault("A=1\n\n2A=1").0, 3);
        assert_eq!(fault("=x").0, 1);
        assert_eq!(
            fault("A=1\nB='x\nC=2"),
            (2, "a quote is opened here and never closed")
        );
        assert_eq!(parse("nonsense\nB=2").0.len(), 1);
    }
}
