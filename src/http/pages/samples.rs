//! What every page is given, as samples: `data/web/samples.json`. The operator's templates are tried on them at start,
//! and while we develop, every page that is rendered is held against its samples, so that they stay true.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Serialize;
use serde_json::Value;

use super::look::Page;

static SAMPLES: LazyLock<BTreeMap<String, Vec<Value>>> = LazyLock::new(|| {
    let source = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/web/samples.json"));
    serde_json::from_str(source)
        .expect("the compiled-in samples are lists of values by page, as a test has read them")
});

/// The samples of a page: with everything that may be there, and with as little as possible.
pub(super) fn of(page: Page) -> &'static [Value] {
    SAMPLES.get(page.file()).map_or(&[], Vec::as_slice)
}

/// Whether a page's values have the shape of one of its samples, or of what several of them show together.
pub(super) fn fit(page: Page, values: &impl Serialize) -> bool {
    let Ok(values) = serde_json::to_value(values) else {
        return false;
    };
    of(page).iter().any(|sample| has_shape(&values, sample))
}

/// Whether two values have the same members, all the way down; what is null or empty in either has any shape.
fn has_shape(value: &Value, sample: &Value) -> bool {
    match (value, sample) {
        (Value::Null, _) | (_, Value::Null) => true,
        (Value::Object(value), Value::Object(sample)) => {
            value.len() == sample.len()
                && value
                    .iter()
                    .all(|(name, inner)| sample.get(name).is_some_and(|other| has_shape(inner, other)))
        }
        (Value::Array(value), Value::Array(sample)) => match (value.first(), sample.first()) {
            (Some(value), Some(sample)) => has_shape(value, sample),
            (None, _) | (_, None) => true,
        },
        (value, sample) => std::mem::discriminant(value) == std::mem::discriminant(sample),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_page_has_samples_and_no_other_has() {
        for page in Page::ALL {
            assert!(!of(page).is_empty(), "{page:?}");
        }
        assert_eq!(SAMPLES.len(), Page::ALL.len());
    }

    #[test]
    fn a_shape_is_the_members_and_not_what_they_hold() {
        let sample = json!({ "a": "x", "b": [{ "c": 1 }], "d": null });
        assert!(has_shape(&json!({ "a": "y", "b": [], "d": "z" }), &sample));
        assert!(has_shape(
            &json!({ "a": null, "b": [{ "c": 2 }], "d": null }),
            &sample
        ));
        assert!(!has_shape(&json!({ "a": "y", "b": [] }), &sample));
        assert!(!has_shape(
            &json!({ "a": "y", "b": [{ "e": 1 }], "d": 1 }),
            &sample
        ));
        assert!(!has_shape(&json!({ "a": 1, "b": [], "d": 1 }), &sample));
    }
}
