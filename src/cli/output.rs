//! What a command prints: for people, or one line of JSON.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};

use serde::Serialize;
use serde_json::{Value, json};

use super::control::Answer;
use super::exit::Failure;

/// For whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// For people.
    Text,
    /// For programs.
    Json,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ink {
    Plain,
    Coloured,
}

/// Standard output and standard error of this command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    form: Form,
    ink: Ink,
}

impl Output {
    /// Colours only where somebody looks: on a terminal.
    pub(super) fn of_process(form: Form) -> Self {
        let ink = if io::stderr().is_terminal() {
            Ink::Coloured
        } else {
            Ink::Plain
        };
        Self { form, ink }
    }

    pub(super) fn form(self) -> Form {
        self.form
    }

    /// Prints a result in the form that was asked for.
    pub(super) fn result(self, json: &impl Serialize, text: &str) {
        match self.form {
            Form::Json => print_json(json),
            Form::Text => print(text),
        }
    }

    /// Prints one of many results, and tells when nobody reads them any more.
    pub(super) fn line(self, json: &impl Serialize, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match self.form {
            Form::Json => writeln!(out, "{}", json_line(json))?,
            Form::Text => writeln!(out, "{}", harmless(text, Ink::Plain))?,
        }
        out.flush()
    }

    /// Says why the command came to nothing: on standard error, or as JSON on standard output.
    pub(super) fn failure(self, failure: &Failure) {
        match self.form {
            Form::Json => print_json(&json!({ "error": failure })),
            Form::Text => {
                let (red, end) = self.colours();
                let field = failure
                    .field
                    .as_ref()
                    .map_or_else(String::new, |field| format!("{field}: "));
                let mut text = format!("{red}error:{end} {field}{}", failure.message);
                for problem in &failure.problems {
                    let _ = write!(text, "\n  {problem}");
                }
                if let Some(remedy) = &failure.remedy {
                    let _ = write!(text, "\n  {remedy}");
                }
                // Nobody is left to tell if standard error is closed.
                let _ = writeln!(io::stderr().lock(), "{}", harmless(&text, self.ink));
            }
        }
    }

    fn colours(self) -> (&'static str, &'static str) {
        match self.ink {
            Ink::Coloured => ("\u{1b}[1;31m", "\u{1b}[0m"),
            Ink::Plain => ("", ""),
        }
    }
}

fn print_json(body: &impl Serialize) {
    print(&json_line(body));
}

fn json_line(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("answers are plain data, which JSON can hold")
}

fn print(text: &str) {
    let mut out = io::stdout().lock();
    // A reader that went away, as `head` does, is no failure of the command.
    let _ = writeln!(out, "{}", harmless(text.trim_end(), Ink::Plain));
    let _ = out.flush();
}

/// Names and programs of strangers are shown on an operator's terminal: what could steer it, or turn the writing
/// around, is left out (CWE-150).
fn harmless(text: &str, ink: Ink) -> String {
    let escape = |c: char| c == '\u{1b}' && ink == Ink::Coloured;
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars()
        .filter(|c| (!c.is_control() || *c == '\n' || escape(*c)) && !turns(*c))
        .collect()
}

/// A table with aligned columns, for people; cells never hold line breaks.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (cell, width) in cells.zip(&widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    };
    line(&mut head.iter().copied());
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
    text
}

/// Names and values under each other, for people; values that are not there are left out.
pub(super) fn sheet(rows: &[(&str, Option<String>)]) -> String {
    let width = rows
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for (name, value) in rows {
        if let Some(value) = value {
            let _ = writeln!(text, "{name:width$}  {value}");
        }
    }
    text
}

/// The value of JSON that an answer prints: its body without its name. What was found at a moment stands beside it.
pub(super) fn body(answer: &Answer) -> Value {
    let answered = serde_json::to_value(answer).expect("answers are plain data, which JSON can hold");
    let body = only_member(answered);
    let Answer::Past(_) = answer else {
        return body;
    };
    let mut past = only_member(body);
    let Some(Value::Object(found)) = past.get_mut("found").map(Value::take) else {
        return past;
    };
    let mut moment = past["moment"].take();
    if let Value::Object(members) = &mut moment {
        members.extend(found);
    }
    moment
}

/// What stands behind the only name of an object.
fn only_member(value: Value) -> Value {
    let Value::Object(members) = value else {
        return value;
    };
    members
        .into_iter()
        .next()
        .map_or(Value::Null, |(_, member)| member)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_left_out() {
        assert_eq!(harmless("a\u{1b}[2J\tb\r\nc\u{202e}d", Ink::Plain), "a[2Jb\ncd");
    }

    #[test]
    fn a_table_is_aligned() {
        let rows = vec![
            vec!["1".to_owned(), "long cell".to_owned()],
            vec!["22".to_owned(), "x".to_owned()],
        ];
        assert_eq!(table(&["id", "what"], &rows), "id  what\n1   long cell\n22  x\n");
    }
}
