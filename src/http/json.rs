//! JSON objects out of strangers' bytes: strictly, within bounds, and without ever repeating a value.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use warp::http::{HeaderMap, header};
use zeroize::Zeroizing;

use super::reply::Detail;

/// Levels of objects and arrays in one body, the outermost counted.
const DEPTH_MAX: usize = 8;
/// Members of one object.
const MEMBERS_MAX: usize = 128;
/// Characters of a member's name that a fault report may repeat.
const NAME_SHOWN_MAX: usize = 64;

/// A JSON value; text is wiped from memory when it is dropped, because it may be a password.
#[derive(Clone, PartialEq)]
pub enum JsonValue {
    /// `null`.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A number.
    Number(serde_json::Number),
    /// A string.
    Text(Zeroizing<String>),
    /// An array.
    List(Vec<Self>),
    /// An object.
    Object(JsonObject),
}

/// Says the kind only: a value may be a secret.
impl fmt::Debug for JsonValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Flag(_) => "flag",
            Self::Number(_) => "number",
            Self::Text(_) => "text",
            Self::List(_) => "list",
            Self::Object(_) => "object",
        })
    }
}

/// A JSON object in the order it was sent; no name occurs twice.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct JsonObject {
    members: Vec<(String, JsonValue)>,
}

impl JsonObject {
    /// The members, in order.
    pub fn members(&self) -> &[(String, JsonValue)] {
        &self.members
    }

    /// The members, to take.
    pub fn into_members(self) -> Vec<(String, JsonValue)> {
        self.members
    }

    /// The member of this name.
    pub fn member(&self, name: &str) -> Option<&JsonValue> {
        self.members
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// Takes the member of this name out.
    pub fn take(&mut self, name: &str) -> Option<JsonValue> {
        let at = self.members.iter().position(|(known, _)| known == name)?;
        Some(self.members.remove(at).1)
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Adds a member; false, and nothing added, if the name is taken.
    pub(super) fn add(&mut self, name: String, value: JsonValue) -> bool {
        let is_new = self.member(&name).is_none();
        if is_new {
            self.members.push((name, value));
        }
        is_new
    }
}

/// Whether the headers declare JSON: one `Content-Type: application/json`, with no parameter but `charset=utf-8`
/// (RFC 8259 §8.1, §11). An undeclared body is refused, since browsers send those across sites without asking.
pub fn is_declared(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else {
        return false;
    };
    let Ok(text) = only.to_str() else { return false };
    let mut parts = text.split(';').map(str::trim);
    parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
        && parts.all(|part| {
            part.split_once('=').is_some_and(|(name, value)| {
                name.eq_ignore_ascii_case("charset") && value.trim_matches('"').eq_ignore_ascii_case("utf-8")
            })
        })
}

/// Reads one object. Names that occur twice are faults of their own, so that they can be reported together with what
/// is missing; anything that stops the reading is `Err`.
pub fn parse(body: &[u8]) -> Result<(JsonObject, Vec<Detail>), Detail> {
    let text = std::str::from_utf8(body).map_err(|_| Detail::new("body", "not-utf-8"))?;
    let faults = Faults::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = ValueSeed {
        depth: 0,
        path: "",
        faults: &faults,
    }
    .deserialize(&mut reader)
    .and_then(|value| reader.end().map(|()| value));
    let Ok(value) = value else {
        let stop = faults.stop.take();
        return Err(stop.unwrap_or_else(|| Detail::new("body", "not-json")));
    };
    match value {
        JsonValue::Object(object) => Ok((object, faults.twice.take())),
        JsonValue::Null
        | JsonValue::Flag(_)
        | JsonValue::Number(_)
        | JsonValue::Text(_)
        | JsonValue::List(_) => Err(Detail::new("body", "not-an-object")),
    }
}

/// A member's name as far as a fault report may repeat it: names are the client's words too.
pub(super) fn shown_name(path: &str, name: &str) -> String {
    let is_plain = !name.is_empty()
        && name.len() <= NAME_SHOWN_MAX
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let name = if is_plain { name } else { "?" };
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

#[derive(Default)]
struct Faults {
    twice: RefCell<Vec<Detail>>,
    /// Why the reading was stopped; serde's own errors repeat values and are never looked at.
    stop: RefCell<Option<Detail>>,
}

struct ValueSeed<'a> {
    depth: usize,
    path: &'a str,
    faults: &'a Faults,
}

impl ValueSeed<'_> {
    fn stop<E: serde::de::Error>(&self, reason: &'static str) -> E {
        self.faults.stop.replace(Some(Detail::new("body", reason)));
        E::custom(reason)
    }

    fn deeper<E: serde::de::Error>(&self) -> Result<usize, E> {
        if self.depth < DEPTH_MAX {
            Ok(self.depth + 1)
        } else {
            Err(self.stop("too-deep"))
        }
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = JsonValue;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<JsonValue, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = JsonValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<JsonValue, E> {
        Ok(JsonValue::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<JsonValue, E> {
        Ok(JsonValue::Flag(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<JsonValue, E> {
        Ok(JsonValue::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<JsonValue, E> {
        Ok(JsonValue::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<JsonValue, E> {
        serde_json::Number::from_f64(value)
            .map(JsonValue::Number)
            .ok_or_else(|| E::custom("not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<JsonValue, E> {
        Ok(JsonValue::Text(Zeroizing::new(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<JsonValue, A::Error> {
        let depth = self.deeper()?;
        let mut list = Vec::new();
        while let Some(value) = items.next_element_seed(ValueSeed {
            depth,
            path: self.path,
            faults: self.faults,
        })? {
            list.push(value);
        }
        Ok(JsonValue::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<JsonValue, A::Error> {
        let depth = self.deeper()?;
        let mut object = JsonObject::default();
        while let Some(name) = members.next_key::<String>()? {
            if object.members.len() >= MEMBERS_MAX {
                return Err(self.stop("too-many-members"));
            }
            let path = shown_name(self.path, &name);
            let value = members.next_value_seed(ValueSeed {
                depth,
                path: &path,
                faults: self.faults,
            })?;
            if !object.add(name, value) {
                let mut twice = self.faults.twice.borrow_mut();
                if twice.len() >= MEMBERS_MAX {
                    drop(twice);
                    return Err(A::Error::custom("too many faults"));
                }
                twice.push(Detail::new(path, "duplicate"));
            }
        }
        Ok(JsonValue::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(body: &[u8]) -> (String, &'static str) {
        let detail = match parse(body) {
            Err(detail) => detail,
            Ok((_, mut twice)) => twice.remove(0),
        };
        (detail.field.into_owned(), detail.reason)
    }

    #[test]
    fn an_object_keeps_its_order() {
        let (object, faults) = parse(br#" {"b": "x", "a": [1, -2.5, null, true, {}]} "#).unwrap();
        assert!(faults.is_empty());
        let names: Vec<&str> = object.members().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["b", "a"]);
        assert_eq!(
            object.member("b"),
            Some(&JsonValue::Text(Zeroizing::new("x".to_owned())))
        );
    }

    #[test]
    fn r_09_a_name_that_occurs_twice_is_refused_however_it_is_spelled() {
        assert_eq!(
            fault(br#"{"email":"a","email":"b"}"#),
            ("email".into(), "duplicate")
        );
        assert_eq!(
            fault(br#"{"email":"a","em\u0061il":"b"}"#),
            ("email".into(), "duplicate")
        );
        assert_eq!(
            fault(br#"{"x":[{"y":{"z":1,"z":1}}]}"#),
            ("x.y.z".into(), "duplicate")
        );
        assert_eq!(fault(br#"{"<b>":1,"<b>":1}"#), ("?".into(), "duplicate"));
    }

    #[test]
    fn what_is_not_one_json_object_is_refused_by_name() {
        for (body, reason) in [
            (&b""[..], "not-json"),
            (b"{", "not-json"),
            (b"{}{}", "not-json"),
            (b"{\"a\":\"\\ud800\"}", "not-json"),
            (b"\xef\xbb\xbf{}", "not-json"),
            (b"{'a':1}", "not-json"),
            (b"{\"a\":NaN}", "not-json"),
            (b"{\"a\":1e999}", "not-json"),
            (b"\xff", "not-utf-8"),
            (b"[]", "not-an-object"),
            (b"null", "not-an-object"),
            (b"\"secret\"", "not-an-object"),
        ] {
            assert_eq!(fault(body), ("body".into(), reason), "{body:?}");
        }
    }

    #[test]
    fn depth_and_members_are_bounded() {
        let nested = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        assert!(parse(nested(7).as_bytes()).is_ok());
        assert_eq!(fault(nested(8).as_bytes()).1, "too-deep");
        assert_eq!(fault("[".repeat(16_000).as_bytes()).1, "too-deep");
        let many: Vec<String> = (0..129).map(|n| format!("\"m{n}\":0")).collect();
        assert_eq!(
            fault(format!("{{{}}}", many.join(",")).as_bytes()).1,
            "too-many-members"
        );
    }

    #[test]
    fn r_32_a_value_is_never_shown() {
        let (object, _) = parse(br#"{"password":"hunter2","pin":4711}"#).unwrap();
        let shown = format!("{object:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("4711"), "{shown}");
    }

    #[test]
    fn json_must_be_declared() {
        let declared = |types: &[&str]| {
            let mut headers = HeaderMap::new();
            for one in types {
                headers.append(header::CONTENT_TYPE, one.parse().unwrap());
            }
            is_declared(&headers)
        };
        assert!(declared(&["application/json"]));
        assert!(declared(&["Application/JSON; Charset=\"UTF-8\""]));
        assert!(!declared(&[]));
        assert!(!declared(&["text/plain"]));
        assert!(!declared(&["application/json; charset=latin1"]));
        assert!(!declared(&["application/jsonp"]));
        assert!(!declared(&["application/json", "application/json"]));
    }
}
