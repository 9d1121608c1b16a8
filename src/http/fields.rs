//! Takes typed fields out of a body or a query, and reports every faulty one at once.

use std::ops::RangeInclusive;

use secrecy::SecretString;

use super::codes::Code;
use super::json::{JsonObject, JsonValue, shown_name};
use super::reply::{ApiError, Detail};

/// Reads fields by name; the faults come out of [`Fields::finish`].
///
/// A field that is missing or of the wrong type reads as an empty value, so that the others are still looked at; nothing
/// read may be used before `finish` has said that all of it is good. `null` is a wrong type for a field that must be
/// there (R-27), and like absence for one that need not.
#[derive(Debug)]
#[must_use = "faults show only in `finish`"]
pub struct Fields {
    object: JsonObject,
    faults: Vec<Detail>,
    path: String,
    source: Source,
}

/// Where fields come from; a query knows only text, so its numbers and flags are read from text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A JSON body.
    Body,
    /// A query string.
    Query,
}

impl Fields {
    /// Reads from this object; `faults` were found while it was made.
    pub fn new(source: Source, object: JsonObject, faults: Vec<Detail>) -> Self {
        Self {
            object,
            faults,
            path: String::new(),
            source,
        }
    }

    /// Text that must be there; it may be empty.
    pub fn text(&mut self, name: &'static str) -> String {
        let value = self.object.take(name);
        self.required(name, value, as_text)
    }

    /// Text that need not be there.
    pub fn optional_text(&mut self, name: &'static str) -> Option<String> {
        let value = self.object.take(name);
        self.optional(name, value, as_text)
    }

    /// A secret that must be there: it neither prints nor lingers.
    pub fn secret(&mut self, name: &'static str) -> SecretString {
        let value = self.object.take(name);
        self.required(name, value, as_secret)
    }

    /// A secret that need not be there.
    pub fn optional_secret(&mut self, name: &'static str) -> Option<SecretString> {
        let value = self.object.take(name);
        self.optional(name, value, as_secret)
    }

    /// `true` or `false` that must be there.
    pub fn flag(&mut self, name: &'static str) -> bool {
        let value = self.take_scalar(name);
        self.required(name, value, as_flag)
    }

    /// `true` or `false` that need not be there.
    pub fn optional_flag(&mut self, name: &'static str) -> Option<bool> {
        let value = self.take_scalar(name);
        self.optional(name, value, as_flag)
    }

    /// A whole number within a range, that must be there.
    pub fn whole(&mut self, name: &'static str, range: &RangeInclusive<i64>) -> i64 {
        let value = self.take_scalar(name);
        let number = self.required(name, value, as_whole);
        self.within(name, range, number)
    }

    /// A whole number within a range, that need not be there.
    pub fn optional_whole(&mut self, name: &'static str, range: &RangeInclusive<i64>) -> Option<i64> {
        let value = self.take_scalar(name);
        let number = self.optional(name, value, as_whole)?;
        Some(self.within(name, range, number))
    }

    /// A list of texts that must be there; it may be empty.
    pub fn texts(&mut self, name: &'static str) -> Vec<String> {
        let value = self.object.take(name);
        self.required(name, value, as_texts)
    }

    /// A list of texts that need not be there.
    pub fn optional_texts(&mut self, name: &'static str) -> Option<Vec<String>> {
        let value = self.object.take(name);
        self.optional(name, value, as_texts)
    }

    /// An object that need not be there, read by `read`; its faults carry the path `name.field`.
    pub fn optional_object<T>(&mut self, name: &'static str, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let value = self.object.take(name);
        let object = self.optional(name, value, |value| match value {
            JsonValue::Object(object) => Some(object),
            JsonValue::Null
            | JsonValue::Flag(_)
            | JsonValue::Number(_)
            | JsonValue::Text(_)
            | JsonValue::List(_) => None,
        })?;
        let mut inner = Self {
            object,
            faults: Vec::new(),
            path: shown_name(&self.path, name),
            source: self.source,
        };
        let read = read(&mut inner);
        self.faults.append(&mut inner.faults);
        Some(read)
    }

    /// A value of any kind, for a reader of its own.
    pub fn raw(&mut self, name: &'static str) -> Option<JsonValue> {
        self.object.take(name)
    }

    /// Every text, number and flag by its name, for forms whose fields an operator chose; a list or an object is a fault.
    pub fn into_texts(mut self) -> Result<Vec<(String, SecretString)>, ApiError> {
        let mut texts = vec![];
        for (name, value) in std::mem::take(&mut self.object).into_members() {
            match value {
                JsonValue::Text(text) => texts.push((name, SecretString::from(text.as_str()))),
                JsonValue::Flag(flag) => texts.push((name, flag.to_string().into())),
                JsonValue::Number(number) => texts.push((name, number.to_string().into())),
                JsonValue::Null => {}
                JsonValue::List(_) | JsonValue::Object(_) => self.fault(&name, "wrong-type"),
            }
        }
        self.finish()?;
        Ok(texts)
    }

    /// Adds a fault found elsewhere, so that it is reported with the others. The reason is a stable word.
    pub fn fault(&mut self, name: &str, reason: &'static str) {
        let field = shown_name(&self.path, name);
        self.faults.push(Detail::new(field, reason));
    }

    /// All members, for a reader of its own; faults found so far are told instead.
    pub fn into_members(mut self) -> Result<Vec<(String, JsonValue)>, ApiError> {
        let object = std::mem::take(&mut self.object);
        self.finish().map(|()| object.into_members())
    }

    /// Ends the reading; fields that nobody asked for are ignored. All faults make one
    /// `400 common/invalid-parameters`.
    pub fn finish(self) -> Result<(), ApiError> {
        if self.faults.is_empty() {
            return Ok(());
        }
        Err(ApiError::new(Code::InvalidParameters).with_details(self.faults))
    }

    /// Ends the reading; a field that nobody asked for is a fault (the admin API; A28).
    pub fn finish_strict(mut self) -> Result<(), ApiError> {
        self.refuse_the_rest();
        self.finish()
    }

    /// Makes a fault of every field that nobody asked for; for use within [`Fields::optional_object`].
    pub fn refuse_the_rest(&mut self) {
        let object = std::mem::take(&mut self.object);
        for (name, _) in object.members() {
            self.fault(name, "unknown");
        }
    }

    /// Takes a number or flag; from a query it is what its text spells.
    fn take_scalar(&mut self, name: &str) -> Option<JsonValue> {
        let value = self.object.take(name)?;
        Some(match (self.source, &value) {
            (Source::Query, JsonValue::Text(text)) => match text.as_str() {
                "true" => JsonValue::Flag(true),
                "false" => JsonValue::Flag(false),
                digits => digits
                    .parse::<i64>()
                    .map_or(value, |number| JsonValue::Number(number.into())),
            },
            (Source::Query | Source::Body, _) => value,
        })
    }

    fn required<T: Default>(
        &mut self,
        name: &'static str,
        value: Option<JsonValue>,
        read: impl FnOnce(JsonValue) -> Option<T>,
    ) -> T {
        let Some(value) = value else {
            self.fault(name, "required");
            return T::default();
        };
        let read = read(value);
        if read.is_none() {
            self.fault(name, "wrong-type");
        }
        read.unwrap_or_default()
    }

    fn optional<T>(
        &mut self,
        name: &'static str,
        value: Option<JsonValue>,
        read: impl FnOnce(JsonValue) -> Option<T>,
    ) -> Option<T> {
        let value = value.filter(|value| *value != JsonValue::Null)?;
        let read = read(value);
        if read.is_none() {
            self.fault(name, "wrong-type");
        }
        read
    }

    fn within(&mut self, name: &'static str, range: &RangeInclusive<i64>, number: i64) -> i64 {
        let is_reported = self
            .faults
            .iter()
            .any(|fault| fault.field == shown_name(&self.path, name));
        if !is_reported && !range.contains(&number) {
            self.fault(name, "out-of-range");
        }
        number
    }
}

fn as_text(value: JsonValue) -> Option<String> {
    match value {
        JsonValue::Text(mut text) => Some(std::mem::take(&mut *text)),
        JsonValue::Null
        | JsonValue::Flag(_)
        | JsonValue::Number(_)
        | JsonValue::List(_)
        | JsonValue::Object(_) => None,
    }
}

fn as_texts(value: JsonValue) -> Option<Vec<String>> {
    match value {
        JsonValue::List(items) => items.into_iter().map(as_text).collect(),
        JsonValue::Null
        | JsonValue::Flag(_)
        | JsonValue::Number(_)
        | JsonValue::Text(_)
        | JsonValue::Object(_) => None,
    }
}

/// Copies into memory of exactly the right size; the source is wiped when it is dropped here.
fn as_secret(value: JsonValue) -> Option<SecretString> {
    match value {
        JsonValue::Text(text) => Some(SecretString::from(text.as_str())),
        JsonValue::Null
        | JsonValue::Flag(_)
        | JsonValue::Number(_)
        | JsonValue::List(_)
        | JsonValue::Object(_) => None,
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "one of several readers of one shape"
)]
fn as_flag(value: JsonValue) -> Option<bool> {
    match value {
        JsonValue::Flag(flag) => Some(flag),
        JsonValue::Null
        | JsonValue::Number(_)
        | JsonValue::Text(_)
        | JsonValue::List(_)
        | JsonValue::Object(_) => None,
    }
}

fn as_whole(value: JsonValue) -> Option<i64> {
    match value {
        JsonValue::Number(number) => number.as_i64(),
        JsonValue::Null
        | JsonValue::Flag(_)
        | JsonValue::Text(_)
        | JsonValue::List(_)
        | JsonValue::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::parse;
    use super::*;
    use secrecy::ExposeSecret;

    fn fields(body: &str) -> Fields {
        let (object, faults) = parse(body.as_bytes()).unwrap();
        Fields::new(Source::Body, object, faults)
    }

    fn shown(error: &ApiError) -> String {
        let shown: Vec<String> = error
            .details
            .iter()
            .map(|d| format!("{}:{}", d.field, d.reason))
            .collect();
        shown.join(" ")
    }

    #[test]
    fn fields_are_read_and_unknown_ones_ignored() {
        let mut f = fields(r#"{"email":"a@b.c","password":"p","page":3,"deep":{"on":true},"else":1}"#);
        assert_eq!(f.text("email"), "a@b.c");
        assert_eq!(f.secret("password").expose_secret(), "p");
        assert_eq!(f.whole("page", &(1..=9)), 3);
        assert_eq!(f.optional_object("deep", |deep| deep.flag("on")), Some(true));
        assert_eq!(f.optional_text("mfaCode"), None);
        f.finish().unwrap();
    }

    #[test]
    fn all_faulty_fields_are_reported_and_no_value() {
        let mut f = fields(r#"{"a":7,"b":"hunter2","c":{"d":[]},"e":"x","e":"y","n":99,"o":null}"#);
        f.text("a");
        f.flag("b");
        f.optional_object("c", |c| (c.text("d"), c.text("f")));
        f.text("e");
        f.whole("n", &(1..=10));
        f.whole("m", &(1..=10));
        assert_eq!(f.optional_text("o"), None);
        let error = f.finish().unwrap_err();
        assert_eq!(error.code, Code::InvalidParameters);
        assert_eq!(
            shown(&error),
            "e:duplicate a:wrong-type b:wrong-type c.d:wrong-type c.f:required n:out-of-range m:required"
        );
    }

    #[test]
    fn r_27_r_09_a_token_or_an_address_must_be_one_text() {
        for value in ["null", "[]", "[\"a@b.c\"]", "{}", "7", "true", "0.5"] {
            let mut f = fields(&format!("{{\"token\":{value}}}"));
            f.text("token");
            assert_eq!(shown(&f.finish().unwrap_err()), "token:wrong-type", "{value}");
        }
        let mut f = fields("{}");
        f.secret("token");
        assert_eq!(shown(&f.finish().unwrap_err()), "token:required");
    }

    #[test]
    fn a28_the_admin_api_refuses_unknown_fields() {
        let mut f = fields(r#"{"name":"x","isAdmin":true,"weird name":1}"#);
        f.text("name");
        assert_eq!(
            shown(&f.finish_strict().unwrap_err()),
            "isAdmin:unknown ?:unknown"
        );
    }
}
