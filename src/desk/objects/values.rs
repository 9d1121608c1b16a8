//! How each value of an object is written.

use super::form::{Referred, Shape};
use super::reading::{Reading, Table, Value};
use super::tree::{Node, Tree};
use crate::domain::FactorKind;
use crate::domain::flow::{
    Binding, BoundPolicy, DeniedAction, Designation, FieldKind, InvalidResponse, MailTemplate, NotConfigured,
    PromptField, Requirement, StageKind, UserCreation, UserField,
};
use crate::types::units::{read_duration, write_duration};
use crate::types::{ObjectName, Slug, Span};

/// Reads a text by a parser; what it refuses is a fault with this remedy.
fn parsed<T>(
    node: Node,
    at: &str,
    reading: &mut Reading<'_>,
    parse: impl FnOnce(&str) -> Option<T>,
    remedy: impl FnOnce() -> String,
) -> Option<T> {
    let text = String::read(node, at, reading)?;
    let value = parse(&text);
    if value.is_none() {
        reading.fault(at, "form", remedy());
    }
    value
}

macro_rules! texts {
    ($($type:ident as $shape:expr, $remedy:literal;)*) => {$(
        impl Value for $type {
            fn shape(field: &'static str) -> Shape {
                $shape(field)
            }
            fn show(&self) -> Tree {
                Tree::text(self.as_str())
            }
            fn read(node: Node, at: &str, reading: &mut Reading<'_>) -> Option<Self> {
                parsed(node, at, reading, $type::parse, || $remedy.to_owned())
            }
        }
    )*};
}
texts! {
    ObjectName as name_shape, "write 1 to 100 characters on one line";
    Slug as slug_shape, "write 1 to 100 of a-z, 0-9, - and _, the first a letter or digit";
}

/// A name is an object's own, or says which other one is meant.
fn name_shape(field: &'static str) -> Shape {
    match field {
        "stage" => Shape::Object(Referred::Stage),
        "password_stage" => Shape::Object(Referred::PasswordStage),
        "configuration_stages" => Shape::Object(Referred::SetUpStage),
        "validation_policies" => Shape::Object(Referred::PasswordPolicy),
        "policy" => Shape::Object(Referred::ExpressionPolicy),
        _ => Shape::Text,
    }
}

fn slug_shape(field: &'static str) -> Shape {
    match field {
        "slug" => Shape::Text,
        "recovery_flow" => Shape::Object(Referred::Flow(Designation::Recovery)),
        "enrollment_flow" => Shape::Object(Referred::Flow(Designation::Enrollment)),
        _ => Shape::Object(Referred::Flow(Designation::StageConfiguration)),
    }
}

macro_rules! words {
    ($($type:ident),*) => {$(
        impl Value for $type {
            fn shape(_: &'static str) -> Shape {
                Shape::Choice($type::ALL.iter().map(|one| one.word()).collect())
            }
            fn show(&self) -> Tree {
                Tree::text(self.word())
            }
            fn read(node: Node, at: &str, reading: &mut Reading<'_>) -> Option<Self> {
                let all = || $type::ALL.iter().map(|one| one.word()).collect::<Vec<_>>().join(", ");
                parsed(node, at, reading, $type::from_word, || format!("choose one of {}", all()))
            }
        }
    )*};
}
words!(
    Designation,
    Requirement,
    DeniedAction,
    InvalidResponse,
    StageKind,
    UserField,
    MailTemplate,
    UserCreation,
    NotConfigured,
    FieldKind
);

/// The classes of devices: recovery codes are called `static`.
impl Value for FactorKind {
    fn shape(_: &'static str) -> Shape {
        Shape::Choice(vec!["email", "totp", "static"])
    }
    fn show(&self) -> Tree {
        Tree::text(match self {
            Self::Email => "email",
            Self::Totp => "totp",
            Self::RecoveryCodes => "static",
        })
    }
    fn read(node: Node, at: &str, reading: &mut Reading<'_>) -> Option<Self> {
        let class = |text: &str| match text {
            "email" => Some(Self::Email),
            "totp" => Some(Self::Totp),
            "static" => Some(Self::RecoveryCodes),
            _ => None,
        };
        parsed(node, at, reading, class, || {
            "choose one of email, totp, static".to_owned()
        })
    }
}

/// A length of time such as `12h`; a whole number counts seconds, and 0 switches off.
impl Value for Span {
    fn shape(_: &'static str) -> Shape {
        Shape::Time
    }
    fn show(&self) -> Tree {
        Tree::text(write_duration(self.to_std()))
    }
    fn read(node: Node, at: &str, reading: &mut Reading<'_>) -> Option<Self> {
        let text = match &node.tree {
            Tree::Whole(seconds) => Node {
                tree: Tree::text(seconds.to_string()),
                ..node
            },
            Tree::Null | Tree::Flag(_) | Tree::Text(_) | Tree::List(_) | Tree::Table(_) | Tree::Other => node,
        };
        let length = |text: &str| {
            let seconds = i64::try_from(read_duration(text)?.as_secs()).ok()?;
            seconds.checked_mul(Self::seconds(1).0).map(Self)
        };
        parsed(text, at, reading, length, || {
            "write a length of time such as 15m, 12h or 30d; 0s switches it off".to_owned()
        })
    }
}

impl Value for PromptField {
    fn shape(_: &'static str) -> Shape {
        Shape::Rows(vec![
            ("field_key", String::shape("field_key")),
            ("label", String::shape("label")),
            ("type", FieldKind::shape("type")),
            ("required", bool::shape("required")),
            ("placeholder", String::shape("placeholder")),
            ("initial_value", String::shape("initial_value")),
            ("order", u16::shape("order")),
            ("sub_text", String::shape("sub_text")),
        ])
    }
    fn show(&self) -> Tree {
        Tree::table([
            ("field_key", self.field_key.show()),
            ("label", self.label.show()),
            ("type", self.kind.show()),
            ("required", self.required.show()),
            ("placeholder", self.placeholder.show()),
            ("initial_value", self.initial_value.show()),
            ("order", self.order.show()),
            ("sub_text", self.sub_text.show()),
        ])
    }
    fn read(node: Node, at: &str, reading: &mut Reading<'_>) -> Option<Self> {
        Self::read_nth(node, at, 0, reading)
    }
    /// A field without an order stands where the list has it.
    fn read_nth(node: Node, at: &str, nth: u16, reading: &mut Reading<'_>) -> Option<Self> {
        let mut table = Table::open(node, at, reading);
        let key: Option<String> = table.required("field_key", reading);
        let kind: Option<FieldKind> = table.required("type", reading);
        let place = nth.saturating_add(1).saturating_mul(10);
        let mut field = Self::new(
            key.as_deref().unwrap_or_default(),
            kind.unwrap_or(FieldKind::Text),
            place,
        );
        table.patch("label", &mut field.label, reading);
        table.patch("required", &mut field.required, reading);
        table.patch("placeholder", &mut field.placeholder, reading);
        table.patch("initial_value", &mut field.initial_value, reading);
        table.patch("order", &mut field.order, reading);
        table.patch("sub_text", &mut field.sub_text, reading);
        table.finish(reading);
        (key.is_some() && kind.is_some()).then_some(field)
    }
}

impl Value for BoundPolicy {
    fn shape(_: &'static str) -> Shape {
        Shape::Rows(vec![
            ("policy", Option::<ObjectName>::shape("policy")),
            ("negate", bool::shape("negate")),
            ("enabled", bool::shape("enabled")),
        ])
    }
    fn show(&self) -> Tree {
        Tree::table([
            ("policy", self.policy.show()),
            ("negate", self.negate.show()),
            ("enabled", self.enabled.show()),
        ])
    }
    fn read(node: Node, at: &str, reading: &mut Reading<'_>) -> Option<Self> {
        let mut table = Table::open(node, at, reading);
        let policy = table.required("policy", reading);
        let negate = table.optional("negate", reading).unwrap_or(false);
        let enabled = table.optional("enabled", reading).unwrap_or(true);
        table.finish(reading);
        Some(Self {
            policy: policy?,
            negate,
            enabled,
        })
    }
}

impl Value for Binding {
    fn shape(_: &'static str) -> Shape {
        Shape::Rows(vec![
            ("order", u16::shape("order")),
            ("stage", ObjectName::shape("stage")),
            ("policies", Vec::<BoundPolicy>::shape("policies")),
            (
                "invalid_response_action",
                InvalidResponse::shape("invalid_response_action"),
            ),
        ])
    }
    fn show(&self) -> Tree {
        Tree::table([
            ("order", self.order.show()),
            ("stage", self.stage.show()),
            ("policies", self.policies.show()),
            ("invalid_response_action", self.invalid_response_action.show()),
        ])
    }
    fn read(node: Node, at: &str, reading: &mut Reading<'_>) -> Option<Self> {
        let mut table = Table::open(node, at, reading);
        let order = table.required("order", reading);
        let stage = table.required("stage", reading);
        let policies = table.optional("policies", reading);
        let action = table.optional("invalid_response_action", reading);
        table.finish(reading);
        Some(Self {
            order: order?,
            stage: stage?,
            policies: policies.unwrap_or_default(),
            invalid_response_action: action.unwrap_or(InvalidResponse::Retry),
        })
    }
}
