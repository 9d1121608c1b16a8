//! What was typed into a form, as the desk reads objects.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use super::super::administrator::Administrator;
use crate::desk::{Desk, ObjectForm, Shape, Tree};
use crate::domain::flow::Naming;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::types::Position;

/// Rows that a form is read for; the law allows fewer.
const ROWS_MAX: usize = 30;

/// The fields of a form that was sent.
pub(in crate::http::console) struct Typed(BTreeMap<String, SecretString>);

impl Typed {
    /// Reads them, or answers why not.
    pub(in crate::http::console) fn of(
        administrator: &Administrator<'_>,
        request: &Request,
    ) -> Result<Self, Box<Response>> {
        let fields = administrator.fields(request)?;
        let texts = fields.into_texts();
        let texts = texts.map_err(|error| Box::new(administrator.viewer().trouble(&error)))?;
        Ok(Self(texts.into_iter().collect()))
    }

    /// A field's text; empty if it was not sent.
    pub(in crate::http::console) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", ExposeSecret::expose_secret)
    }

    /// A field that nothing of is kept.
    pub(in crate::http::console) fn secret(&self, name: &str) -> SecretString {
        self.0.get(name).cloned().unwrap_or_default()
    }

    /// Whether a box was ticked or a button pressed.
    pub(in crate::http::console) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether what names an object that is removed was to let go of it.
    pub(in crate::http::console) fn naming(&self) -> Naming {
        if self.has("detach") {
            Naming::Detach
        } else {
            Naming::Keep
        }
    }

    /// The version of the object that the form was made of.
    pub(in crate::http::console) fn version(&self) -> Option<Position> {
        self.text("version").parse().ok().map(Position)
    }

    /// What was typed into a form, as a table of its fields. What may be left out of a new object and was, is left out.
    pub(in crate::http::console) fn tree(&self, form: &ObjectForm, desk: &Desk) -> Tree {
        let mut tree = Tree::table([]);
        for field in &form.fields {
            let value = self.value(&field.path, &field.shape, desk);
            let is_left_out = form.version.is_none()
                && ["title", "slug"].contains(&field.path.as_str())
                && value == Tree::text("");
            if !is_left_out {
                put(&mut tree, &field.path, value);
            }
        }
        tree
    }

    fn value(&self, path: &str, shape: &Shape, desk: &Desk) -> Tree {
        let ticked = |name: &str| self.has(&format!("{path}.{name}"));
        match shape {
            Shape::Text
            | Shape::Secret
            | Shape::Time
            | Shape::Choice(_)
            | Shape::Object(_)
            | Shape::MaybeObject(_) => Tree::text(self.text(path)),
            Shape::Lines => Tree::text(self.text(path).replace("\r\n", "\n")),
            // What is no number is told by whoever reads it.
            Shape::Whole => {
                let text = self.text(path).trim();
                text.parse().map_or_else(|_| Tree::text(text), Tree::Whole)
            }
            Shape::Flag => Tree::Flag(self.has(path)),
            Shape::Choices(words) => {
                let chosen = words.iter().filter(|word| ticked(word));
                Tree::list(chosen.map(|word| Tree::text(*word)))
            }
            Shape::Objects(of) => {
                let chosen = desk.referable(*of).into_iter().filter(|name| ticked(name));
                Tree::list(chosen.map(Tree::text))
            }
            Shape::Rows(cells) => {
                let rows = (0..ROWS_MAX).filter_map(|nth| self.row(&format!("{path}[{nth}]"), cells, desk));
                Tree::list(rows)
            }
        }
    }

    fn row(&self, at: &str, cells: &[(&'static str, Shape)], desk: &Desk) -> Option<Tree> {
        let (first, _) = cells.first()?;
        if self.text(&format!("{at}.{first}")).trim().is_empty() {
            return None;
        }
        let mut row = Tree::table([]);
        for (name, shape) in cells {
            let path = format!("{at}.{name}");
            let is_left_out = *shape == Shape::Whole && self.text(&path).trim().is_empty();
            if !is_left_out {
                row = row.with(name, self.value(&path, shape, desk));
            }
        }
        Some(row)
    }
}

/// Puts a value where a path of names leads.
fn put(tree: &mut Tree, path: &str, value: Tree) {
    let Tree::Table(fields) = tree else { return };
    let Some((head, rest)) = path.split_once('.') else {
        fields.push((path.to_owned(), value.into()));
        return;
    };
    let at = fields.iter().position(|(name, _)| name == head);
    let at = at.unwrap_or_else(|| {
        fields.push((head.to_owned(), Tree::table([]).into()));
        fields.len() - 1
    });
    put(&mut fields[at].1.tree, rest, value);
}
