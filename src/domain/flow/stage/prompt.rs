//! The fields of a prompt.

use super::super::words::worded;

worded! {
    /// What a field takes.
    FieldKind {
        /// A line of text.
        Text = "text",
        /// An address.
        Email = "email",
        /// A user name.
        Username = "username",
        /// A password.
        Password = "password",
        /// Yes or no.
        Checkbox = "checkbox",
        /// Nothing: a text to read.
        Static = "static",
        /// Nothing that a person sees: its initial value.
        Hidden = "hidden",
    }
}

/// A field of a prompt.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PromptField {
    /// Its name in answers and in `prompt_data`: 1–64 of `a`–`z`, `0`–`9` and `_`, the first a letter.
    pub field_key: String,
    /// What stands above it, up to 100 characters; empty is the pages' own word for its key, in the reader's language.
    pub label: String,
    /// What it takes; `type` in JSON and in blueprints.
    pub kind: FieldKind,
    /// Whether it must be filled in.
    pub required: bool,
    /// What an empty one shows, up to 200 characters.
    pub placeholder: String,
    /// What is in it at first, up to 500 characters; never for a password.
    pub initial_value: String,
    /// Its place on the page; unique within the prompt.
    pub order: u16,
    /// What stands below it, up to 500 characters.
    pub sub_text: String,
}

impl PromptField {
    /// A required field with nothing in it.
    pub fn new(field_key: &str, kind: FieldKind, order: u16) -> Self {
        Self {
            field_key: field_key.to_owned(),
            label: String::new(),
            kind,
            required: true,
            placeholder: String::new(),
            initial_value: String::new(),
            order,
            sub_text: String::new(),
        }
    }

    pub(super) fn has_key(&self) -> bool {
        let mut bytes = self.field_key.bytes();
        self.field_key.len() <= 64
            && bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
            && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    }
}
