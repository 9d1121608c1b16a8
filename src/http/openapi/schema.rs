//! Shapes of JSON, put together in Rust: JSON Schema 2020-12 as OpenAPI 3.1 takes it.

#![expect(
    clippy::needless_pass_by_value,
    reason = "a shape is said as it is nested, each within the next"
)]

use serde_json::{Map, Value, json};

/// The shape of a value.
#[derive(Clone, Debug)]
pub(super) struct Schema(Value);

/// A member of an object.
pub(super) struct Field {
    name: &'static str,
    schema: Schema,
    is_required: bool,
}

/// A member that is always there.
pub(super) fn must(name: &'static str, schema: Schema) -> Field {
    Field {
        name,
        schema,
        is_required: true,
    }
}

/// A member that may be missing.
pub(super) fn may(name: &'static str, schema: Schema) -> Field {
    Field {
        name,
        schema,
        is_required: false,
    }
}

/// A text.
pub(super) fn text(example: &str) -> Schema {
    Schema(json!({"type": "string", "examples": [example]}))
}

/// An e-mail address. Its grammar is ours (`types/email.rs`), so there is no format.
pub(super) fn email() -> Schema {
    text("user@example.com").about("An e-mail address; capital letters do not matter.")
}

/// A password.
pub(super) fn password(example: &str) -> Schema {
    Schema(json!({"type": "string", "format": "password", "examples": [example]}))
}

/// An id. Opaque, although it looks like a UUID.
pub(super) fn id() -> Schema {
    Schema(json!({"type": "string", "format": "uuid", "examples": ["7f2c1a90-5d0e-4b7f-9a63-0c6f4a1b2d3e"]}))
}

/// A moment, RFC 3339 in UTC.
pub(super) fn time() -> Schema {
    Schema(json!({"type": "string", "format": "date-time", "examples": ["2026-01-20T14:30:00.000Z"]}))
}

/// `true` or `false`.
pub(super) fn flag(example: bool) -> Schema {
    Schema(json!({"type": "boolean", "examples": [example]}))
}

/// A whole number within bounds.
pub(super) fn whole(min: i64, max: i64, example: i64) -> Schema {
    Schema(json!({"type": "integer", "minimum": min, "maximum": max, "examples": [example]}))
}

/// A number of things.
pub(super) fn count(example: u64) -> Schema {
    Schema(json!({"type": "integer", "minimum": 0, "examples": [example]}))
}

/// One of a few words.
pub(super) fn word(words: &[&str]) -> Schema {
    Schema(json!({"type": "string", "enum": words, "examples": [words[0]]}))
}

/// The same value always.
pub(super) fn only(value: impl Into<Value>) -> Schema {
    Schema(json!({"const": value.into()}))
}

/// A list.
pub(super) fn list(of: Schema) -> Schema {
    Schema(json!({"type": "array", "items": of.0}))
}

/// An object of these members, and perhaps others that come with later versions.
pub(super) fn object(fields: impl IntoIterator<Item = Field>) -> Schema {
    object_of(&mut fields.into_iter())
}

fn object_of(fields: &mut dyn Iterator<Item = Field>) -> Schema {
    let mut properties = Map::new();
    let mut required = vec![];
    for field in fields {
        properties.insert(field.name.to_owned(), field.schema.0);
        required.extend(field.is_required.then_some(field.name));
    }
    let mut shape = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        shape["required"] = json!(required);
    }
    Schema(shape)
}

/// What is always `null`, for clients that look for it.
pub(super) fn null() -> Schema {
    Schema(json!({"type": "null", "examples": [null]}))
}

/// An object whose members depend on something else.
pub(super) fn anything(example: Value) -> Schema {
    Schema(json!({"type": "object", "examples": [example]}))
}

/// A shape with a name of its own, see `components`.
pub(super) fn named(name: &str) -> Schema {
    Schema(json!({"$ref": format!("#/components/schemas/{name}")}))
}

/// All of several shapes at once.
pub(super) fn both(one: Schema, other: Schema) -> Schema {
    Schema(json!({"allOf": [one.0, other.0]}))
}

impl Field {
    /// Its name.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Whether it has this name.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name == name
    }
}

impl Schema {
    /// One of several shapes; the first one's example.
    pub(super) fn any_of(shapes: impl IntoIterator<Item = Self>) -> Self {
        let shapes: Vec<Value> = shapes.into_iter().map(|shape| shape.0).collect();
        Self(json!({"anyOf": shapes}))
    }

    /// The same, with these members always there.
    pub(super) fn requiring(mut self, names: &[&str]) -> Self {
        let mut required = self.0["required"].as_array().cloned().unwrap_or_default();
        required.extend(names.iter().map(|name| Value::from(*name)));
        self.0["required"] = required.into();
        self
    }

    /// The same with so many items at most.
    pub(super) fn at_most(mut self, items: usize) -> Self {
        self.0["maxItems"] = items.into();
        self
    }

    /// The same with an example of its own.
    pub(super) fn with_example(mut self, example: impl Into<Value>) -> Self {
        self.0["examples"] = json!([example.into()]);
        self
    }

    /// The same; examples of what it belongs to go without it.
    pub(super) fn without_example(mut self) -> Self {
        self.0["examples"] = json!([]);
        self
    }

    /// The same with words for people.
    pub(super) fn about(mut self, words: &str) -> Self {
        self.0["description"] = words.into();
        self
    }

    /// The same, or `null`.
    pub(super) fn or_null(mut self) -> Self {
        let Some(kind) = self.0["type"].as_str().map(str::to_owned) else {
            return Self(json!({"oneOf": [self.0, {"type": "null"}]}));
        };
        self.0["type"] = json!([kind, "null"]);
        if let Some(words) = self.0.get_mut("enum").and_then(Value::as_array_mut) {
            words.push(Value::Null);
        }
        self
    }

    /// The same as what a caller may leave out: `null` is like absence.
    pub(super) fn of_a_body(mut self) -> Self {
        let required = self.0["required"].clone();
        let is_required = |name: &str| {
            let names = required.as_array();
            names.is_some_and(|names| names.iter().any(|known| known == name))
        };
        if let Some(properties) = self.0.get_mut("properties").and_then(Value::as_object_mut) {
            for (name, shape) in properties {
                if !is_required(name) {
                    *shape = Self(shape.take()).or_null().0;
                }
            }
        }
        self
    }

    /// The same without members that nobody asked for.
    pub(super) fn strict(mut self) -> Self {
        self.0["additionalProperties"] = false.into();
        self
    }

    /// As JSON.
    pub(super) fn json(&self) -> &Value {
        &self.0
    }

    /// An example of it; shapes with names are looked up.
    pub(super) fn example(&self, named: &Map<String, Value>) -> Value {
        example(&self.0, named)
    }
}

fn example(shape: &Value, named: &Map<String, Value>) -> Value {
    if let Some(name) = shape["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return named.get(name).map_or(Value::Null, |shape| example(shape, named));
    }
    if let Some(first) = shape["examples"].get(0) {
        return first.clone();
    }
    if let Some(value) = shape.get("const") {
        return value.clone();
    }
    if let Some(all) = shape["allOf"].as_array() {
        let mut whole = Map::new();
        for part in all {
            if let Value::Object(members) = example(part, named) {
                whole.extend(members);
            }
        }
        return whole.into();
    }
    if let Some(first) = shape["oneOf"].get(0).or_else(|| shape["anyOf"].get(0)) {
        return example(first, named);
    }
    if let Some(items) = shape.get("items") {
        return json!([example(items, named)]);
    }
    let members = shape["properties"].as_object();
    let members = members.into_iter().flatten();
    let shown = members.filter(|(_, shape)| shape["examples"].as_array().is_none_or(|all| !all.is_empty()));
    Value::Object(
        shown
            .map(|(name, shape)| (name.clone(), example(shape, named)))
            .collect(),
    )
}
