//! Takes typed values out of trees, and reports every faulty field at once.

use std::borrow::Cow;
use std::collections::HashMap;

use secrecy::SecretString;

use super::form::Shape;
use super::tree::{Node, Tree};
use crate::domain::flow::{FieldFault, StageSecret};

/// What a secret is shown as; written back, it means the one that is there.
pub const MASK: &str = "********";

/// Something wrong with a field of an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ObjectFault {
    /// The object, such as `stage "email recovery stage"`; none for the file as a whole.
    pub object: Option<String>,
    /// The line it stands on, if it comes from a file.
    pub line: Option<u32>,
    /// The field's path in the object.
    pub field: String,
    /// A stable word for programs.
    pub reason: &'static str,
    /// What to do about it.
    pub remedy: Cow<'static, str>,
}

/// What reading an object needs beyond its text.
pub(super) trait Secrets {
    /// Seals a secret.
    fn seal(&self, clear: &SecretString) -> StageSecret;
    /// Whether a sealed secret is this one.
    fn is(&self, sealed: &StageSecret, clear: &str) -> bool;
}

/// The faults found so far in one object, and where its fields stand.
pub(super) struct Reading<'a> {
    pub(super) secrets: &'a dyn Secrets,
    object: Option<String>,
    line: Option<u32>,
    lines: HashMap<String, u32>,
    pub(super) faults: Vec<ObjectFault>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(secrets: &'a dyn Secrets, line: Option<u32>) -> Self {
        Self {
            secrets,
            object: None,
            line,
            lines: HashMap::new(),
            faults: vec![],
        }
    }

    /// From here on faults are about this object.
    pub(super) fn of(&mut self, object: String) {
        for fault in &mut self.faults {
            fault.object.get_or_insert_with(|| object.clone());
        }
        self.object = Some(object);
    }

    pub(super) fn fault(&mut self, field: &str, reason: &'static str, remedy: impl Into<Cow<'static, str>>) {
        let fault = ObjectFault {
            object: self.object.clone(),
            line: self.line_of(field),
            field: field.to_owned(),
            reason,
            remedy: remedy.into(),
        };
        self.faults.push(fault);
    }

    /// Takes over what the law found.
    pub(super) fn take<T>(&mut self, found: Result<T, Vec<FieldFault>>, at: &str) -> Option<T> {
        match found {
            Ok(value) => Some(value),
            Err(faults) => {
                for fault in faults {
                    self.fault(&format!("{at}{}", fault.field), fault.reason, fault.remedy);
                }
                None
            }
        }
    }

    /// The line of a field, or else of what it lies in.
    pub(super) fn line_of(&self, field: &str) -> Option<u32> {
        let mut field = field;
        loop {
            if let Some(line) = self.lines.get(field) {
                return Some(*line);
            }
            match field.rfind(['.', '[']) {
                Some(end) => field = &field[..end],
                None => return self.line,
            }
        }
    }

    /// Remembers where a field stands.
    pub(super) fn stands(&mut self, field: &str, line: Option<u32>) {
        if let Some(line) = line {
            self.lines.insert(field.to_owned(), line);
        }
    }
}

/// The fields of a table that is being read.
pub(super) struct Table {
    fields: Vec<(String, Node)>,
    path: String,
    asked: Vec<&'static str>,
}

impl Table {
    /// Opens a table; anything else is a fault, and an empty one.
    pub(super) fn open(node: Node, path: &str, reading: &mut Reading<'_>) -> Self {
        reading.stands(path, node.line);
        let fields = match node.tree {
            Tree::Table(fields) => fields,
            Tree::Null | Tree::Flag(_) | Tree::Whole(_) | Tree::Text(_) | Tree::List(_) | Tree::Other => {
                reading.fault(path, "wrong-type", "write a table of fields");
                vec![]
            }
        };
        Self {
            fields,
            path: path.to_owned(),
            asked: vec![],
        }
    }

    pub(super) fn path(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    /// Takes a field out, unread.
    pub(super) fn take(&mut self, name: &'static str) -> Option<Node> {
        self.asked.push(name);
        let at = self.fields.iter().position(|(known, _)| known == name)?;
        Some(self.fields.remove(at).1)
    }

    /// Reads a field that need not be there.
    pub(super) fn optional<T: Value>(&mut self, name: &'static str, reading: &mut Reading<'_>) -> Option<T> {
        let node = self.take(name)?;
        let path = self.path(name);
        reading.stands(&path, node.line);
        T::read(node, &path, reading)
    }

    /// Reads a field that must be there.
    pub(super) fn required<T: Value>(&mut self, name: &'static str, reading: &mut Reading<'_>) -> Option<T> {
        if self.fields.iter().any(|(known, _)| known == name) {
            return self.optional(name, reading);
        }
        self.asked.push(name);
        reading.fault(&self.path(name), "required", "this field must be there");
        None
    }

    /// Has a field that is there take the place of the value.
    pub(super) fn patch<T: Value>(&mut self, name: &'static str, value: &mut T, reading: &mut Reading<'_>) {
        if let Some(node) = self.take(name) {
            let path = self.path(name);
            reading.stands(&path, node.line);
            value.patch(node, &path, reading);
        }
    }

    /// Ends the reading: a field that nobody asked for is a fault (A28).
    pub(super) fn finish(self, reading: &mut Reading<'_>) {
        for (name, node) in &self.fields {
            let path = self.path(&shown(name));
            reading.stands(&path, node.line);
            let near = self
                .asked
                .iter()
                .max_by(|one, other| strsim::jaro(one, name).total_cmp(&strsim::jaro(other, name)));
            let remedy = match near.filter(|near| strsim::jaro(near, name) > 0.8) {
                Some(near) => format!("there is no such field; did you mean {near}?"),
                None => format!("there is no such field; there are: {}", self.asked.join(", ")),
            };
            reading.fault(&path, "unknown", remedy);
        }
    }
}

/// A name that may be repeated: plain, and not long.
fn shown(name: &str) -> String {
    let is_plain = name.len() <= 64
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if is_plain { name.to_owned() } else { "?".to_owned() }
}

/// A value that stands in a field.
pub(super) trait Value: Sized {
    /// What a field of this name takes, for whoever makes a form of it.
    fn shape(field: &'static str) -> Shape;
    /// As JSON and blueprints write it.
    fn show(&self) -> Tree;
    /// Reads it; a fault is reported.
    fn read(node: Node, at: &str, reading: &mut Reading<'_>) -> Option<Self>;
    /// Reads it as the entry of a list.
    fn read_nth(node: Node, at: &str, _nth: u16, reading: &mut Reading<'_>) -> Option<Self> {
        Self::read(node, at, reading)
    }
    /// Has what is written take the place of this.
    fn patch(&mut self, node: Node, at: &str, reading: &mut Reading<'_>) {
        if let Some(value) = Self::read(node, at, reading) {
            *self = value;
        }
    }
}

impl Value for String {
    fn shape(_: &'static str) -> Shape {
        Shape::Text
    }
    fn show(&self) -> Tree {
        Tree::text(self)
    }
    fn read(node: Node, at: &str, reading: &mut Reading<'_>) -> Option<Self> {
        match node.tree {
            Tree::Text(mut text) => Some(std::mem::take(&mut *text)),
            Tree::Null | Tree::Flag(_) | Tree::Whole(_) | Tree::List(_) | Tree::Table(_) | Tree::Other => {
                reading.fault(at, "wrong-type", "write a text");
                None
            }
        }
    }
}

impl Value for bool {
    fn shape(_: &'static str) -> Shape {
        Shape::Flag
    }
    fn show(&self) -> Tree {
        Tree::Flag(*self)
    }
    fn read(node: Node, at: &str, reading: &mut Reading<'_>) -> Option<Self> {
        match node.tree {
            Tree::Flag(flag) => Some(flag),
            Tree::Null | Tree::Whole(_) | Tree::Text(_) | Tree::List(_) | Tree::Table(_) | Tree::Other => {
                reading.fault(at, "wrong-type", "write true or false");
                None
            }
        }
    }
}

macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl Value for $type {
            fn shape(_: &'static str) -> Shape {
                Shape::Whole
            }
            fn show(&self) -> Tree {
                Tree::Whole(i64::from(*self))
            }
            fn read(node: Node, at: &str, reading: &mut Reading<'_>) -> Option<Self> {
                match node.tree {
                    Tree::Whole(number) => {
                        let read = <$type>::try_from(number).ok();
                        if read.is_none() {
                            let remedy = format!("write a whole number from 0 to {}", <$type>::MAX);
                            reading.fault(at, "out-of-range", remedy);
                        }
                        read
                    }
                    Tree::Null | Tree::Flag(_) | Tree::Text(_) | Tree::List(_) | Tree::Table(_) | Tree::Other => {
                        reading.fault(at, "wrong-type", "write a whole number");
                        None
                    }
                }
            }
        }
    )*};
}
numbers!(u8, u16, u32);

impl<T: Value> Value for Vec<T> {
    fn shape(field: &'static str) -> Shape {
        T::shape(field).several()
    }
    fn show(&self) -> Tree {
        Tree::list(self.iter().map(Value::show))
    }
    fn read(node: Node, at: &str, reading: &mut Reading<'_>) -> Option<Self> {
        match node.tree {
            Tree::List(items) => {
                let mut read = Vec::with_capacity(items.len());
                let mut is_whole = true;
                for (nth, item) in (0..).zip(items) {
                    let path = format!("{at}[{nth}]");
                    reading.stands(&path, item.line);
                    match T::read_nth(item, &path, nth, reading) {
                        Some(value) => read.push(value),
                        None => is_whole = false,
                    }
                }
                is_whole.then_some(read)
            }
            Tree::Null | Tree::Flag(_) | Tree::Whole(_) | Tree::Text(_) | Tree::Table(_) | Tree::Other => {
                reading.fault(at, "wrong-type", "write a list");
                None
            }
        }
    }
}

/// Names that need not be there: an empty text is none, and so is `null`.
impl<T: Value> Value for Option<T> {
    fn shape(field: &'static str) -> Shape {
        T::shape(field).or_none()
    }
    fn show(&self) -> Tree {
        self.as_ref().map_or_else(|| Tree::text(""), Value::show)
    }
    fn read(node: Node, at: &str, reading: &mut Reading<'_>) -> Option<Self> {
        match &node.tree {
            Tree::Null => Some(None),
            Tree::Text(text) if text.is_empty() => Some(None),
            Tree::Text(_) | Tree::Flag(_) | Tree::Whole(_) | Tree::List(_) | Tree::Table(_) | Tree::Other => {
                T::read(node, at, reading).map(Some)
            }
        }
    }
}
