//! Objects as JSON and blueprints write them: one tree for both, so that each field is read and shown in one place.

use std::fmt;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

/// A value, and the line it stands on if it comes from a file.
#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    /// The value.
    pub tree: Tree,
    /// The line, from 1.
    pub line: Option<u32>,
}

/// A value; text is wiped from memory when it is dropped, because it may be a password.
#[derive(Clone, PartialEq)]
pub enum Tree {
    /// Nothing, which only JSON can write.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Whole(i64),
    /// Text.
    Text(Zeroizing<String>),
    /// A list.
    List(Vec<Node>),
    /// Named fields, in their order.
    Table(Vec<(String, Node)>),
    /// Something that no field takes: a fraction, a date.
    Other,
}

impl Tree {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Zeroizing::new(text.into()))
    }

    /// A table of these fields.
    pub fn table(fields: impl IntoIterator<Item = (&'static str, Self)>) -> Self {
        let fields = fields
            .into_iter()
            .map(|(name, tree)| (name.to_owned(), Node::from(tree)));
        Self::Table(fields.collect())
    }

    /// Adds a field to a table.
    #[must_use]
    pub fn with(mut self, name: &str, tree: Self) -> Self {
        if let Self::Table(fields) = &mut self {
            fields.push((name.to_owned(), tree.into()));
        }
        self
    }

    /// A list of these values.
    pub fn list(items: impl IntoIterator<Item = Self>) -> Self {
        Self::List(items.into_iter().map(Node::from).collect())
    }

    /// The field of a table.
    pub fn field(&self, name: &str) -> Option<&Self> {
        let Self::Table(fields) = self else { return None };
        let found = fields.iter().find(|(known, _)| known == name);
        found.map(|(_, node)| &node.tree)
    }
}

/// Values that come from no file.
impl From<Tree> for Node {
    fn from(tree: Tree) -> Self {
        Self { tree, line: None }
    }
}

/// Says the kind only: a value may be a secret.
impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Flag(_) => "flag",
            Self::Whole(_) => "whole",
            Self::Text(_) => "text",
            Self::List(_) => "list",
            Self::Table(_) => "table",
            Self::Other => "other",
        })
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null | Self::Other => serializer.serialize_unit(),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Whole(number) => serializer.serialize_i64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items
                    .iter()
                    .try_for_each(|node| list.serialize_element(&node.tree))?;
                list.end()
            }
            Self::Table(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, node) in fields {
                    map.serialize_entry(name, &node.tree)?;
                }
                map.end()
            }
        }
    }
}
