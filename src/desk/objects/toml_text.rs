//! Blueprints as text: TOML, read with the line of every field, and written in an order that reads well.

use std::fmt::Write as _;

use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use super::reading::ObjectFault;
use super::tree::{Node, Tree};

/// Bytes that a blueprint may have.
pub const BLUEPRINT_BYTES_MAX: usize = 256 << 10;
/// Faults of one file that are told.
const FAULTS_MAX: usize = 20;
/// How deep tables and lists may lie in each other.
const DEPTH_MAX: u8 = 8;

/// Reads a blueprint.
pub(super) fn read(text: &str) -> Result<Node, Vec<ObjectFault>> {
    let fault = |line, reason, remedy: String| ObjectFault {
        object: None,
        line,
        field: String::new(),
        reason,
        remedy: remedy.into(),
    };
    if text.len() > BLUEPRINT_BYTES_MAX {
        let remedy = "a blueprint has at most 256 KiB: split it".to_owned();
        return Err(vec![fault(None, "too-long", remedy)]);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let faults = errors.into_iter().take(FAULTS_MAX).map(|error| {
            let line = line_of(text, error.span().map_or(0, |span| span.start));
            fault(Some(line), "syntax", error.message().to_owned())
        });
        return Err(faults.collect());
    }
    Ok(Node {
        tree: table_of(text, table.get_ref(), DEPTH_MAX),
        line: Some(1),
    })
}

fn table_of(text: &str, table: &DeTable<'_>, depth: u8) -> Tree {
    let mut fields: Vec<(String, Node)> = table
        .iter()
        .map(|(key, value)| {
            let node = Node {
                tree: tree_of(text, value.get_ref(), depth - 1),
                line: Some(line_of(text, key.span().start)),
            };
            (key.get_ref().to_string(), node)
        })
        .collect();
    fields.sort_by_key(|(_, node)| node.line);
    Tree::Table(fields)
}

fn tree_of(text: &str, value: &DeValue<'_>, depth: u8) -> Tree {
    if depth == 0 {
        return Tree::Other;
    }
    match value {
        DeValue::String(written) => Tree::Text(Zeroizing::new(written.to_string())),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Tree::Other, Tree::Whole)
        }
        DeValue::Boolean(flag) => Tree::Flag(*flag),
        DeValue::Array(items) => Tree::List(
            items
                .iter()
                .map(|item| Node {
                    tree: tree_of(text, item.get_ref(), depth - 1),
                    line: Some(line_of(text, item.span().start)),
                })
                .collect(),
        ),
        DeValue::Table(table) => table_of(text, table, depth),
        DeValue::Float(_) | DeValue::Datetime(_) => Tree::Other,
    }
}

fn line_of(text: &str, offset: usize) -> u32 {
    let breaks = text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
    u32::try_from(1 + breaks).unwrap_or(u32::MAX)
}

/// Writes the objects of one kind, each as a table of the list of that name.
pub(super) fn write(list: &str, objects: impl Iterator<Item = Tree>, out: &mut String) {
    for object in objects {
        let Tree::Table(fields) = object else { continue };
        let _ = writeln!(out, "\n[[{list}]]");
        for (name, node) in &fields {
            match &node.tree {
                // What a stage or a policy is set to gets a table of its own.
                Tree::Table(settings) if !settings.is_empty() => {
                    let _ = writeln!(out, "[{list}.{name}]");
                    for (name, node) in settings {
                        field(name, &node.tree, out);
                    }
                }
                Tree::Table(_) => {}
                Tree::Null | Tree::Flag(_) | Tree::Whole(_) | Tree::Text(_) | Tree::List(_) | Tree::Other => {
                    field(name, &node.tree, out);
                }
            }
        }
    }
}

fn field(name: &str, tree: &Tree, out: &mut String) {
    let _ = write!(out, "{name} = ");
    // Lists of tables read best with one a line.
    if let Tree::List(items) = tree
        && items.iter().any(|item| matches!(item.tree, Tree::Table(_)))
    {
        out.push_str("[\n");
        for item in items {
            out.push_str("    ");
            inline(&item.tree, out);
            out.push_str(",\n");
        }
        out.push(']');
    } else {
        inline(tree, out);
    }
    out.push('\n');
}

/// A value on one line.
pub(super) fn inline(tree: &Tree, out: &mut String) {
    match tree {
        Tree::Null | Tree::Other => out.push_str("\"\""),
        Tree::Flag(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Tree::Whole(number) => {
            let _ = write!(out, "{number}");
        }
        Tree::Text(text) => quoted(text, out),
        Tree::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                inline(&item.tree, out);
            }
            out.push(']');
        }
        Tree::Table(fields) => {
            out.push('{');
            for (at, (name, node)) in fields.iter().enumerate() {
                let _ = write!(out, "{} {name} = ", if at > 0 { "," } else { "" });
                inline(&node.tree, out);
            }
            out.push_str(" }");
        }
    }
}

/// A basic string of TOML.
fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            control if control.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}
