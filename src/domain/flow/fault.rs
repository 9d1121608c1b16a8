//! What is wrong with a field of an object, and what to do about it.

/// A field that cannot be as it is.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{field}: {remedy}")]
pub struct FieldFault {
    /// The field's path, as in JSON and in blueprints: `settings.fields[2].label`.
    pub field: String,
    /// A stable word for programs: `out-of-range`, `too-long`, …
    pub reason: &'static str,
    /// What to do about it, for people.
    pub remedy: &'static str,
}

impl FieldFault {
    /// A fault of a field.
    pub fn new(field: impl Into<String>, reason: &'static str, remedy: &'static str) -> Self {
        Self {
            field: field.into(),
            reason,
            remedy,
        }
    }
}

/// Collects the faults of one object: each check that does not hold adds one.
#[derive(Default)]
pub(super) struct Faults(pub(super) Vec<FieldFault>);

impl Faults {
    /// Adds a fault unless it holds.
    pub(super) fn ensure(
        &mut self,
        holds: bool,
        field: impl Into<String>,
        reason: &'static str,
        remedy: &'static str,
    ) {
        if !holds {
            self.0.push(FieldFault::new(field, reason, remedy));
        }
    }

    /// A text must be one line of so many characters.
    pub(super) fn line(
        &mut self,
        text: &str,
        (min, max): (usize, usize),
        field: impl Into<String>,
        remedy: &'static str,
    ) {
        let length = text.chars().count();
        let reason = if length < min { "too-short" } else { "too-long" };
        if (min..=max).contains(&length) {
            self.ensure(
                !text.contains(char::is_control),
                field,
                "control-character",
                "remove the line breaks and control characters",
            );
        } else {
            self.0.push(FieldFault::new(field, reason, remedy));
        }
    }

    /// The object, unless there is a fault.
    pub(super) fn or<T>(self, object: T) -> Result<T, Vec<FieldFault>> {
        if self.0.is_empty() {
            Ok(object)
        } else {
            Err(self.0)
        }
    }
}
