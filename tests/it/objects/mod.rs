//! Flows, stages, bindings and policies as administrators meet them: over the API and as blueprints.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api;
mod blueprints;
mod guides;
mod secrets;

use serde_json::Value;

use crate::support::{Call, House};

/// The path of an object whose name is not made for paths.
pub(super) fn path(list: &str, name: &str) -> String {
    format!("/v1/admin/{list}/{}", name.replace(' ', "%20"))
}

impl House {
    /// A call of an administrator's program.
    pub(super) fn admin(&self, method: &str, target: &str) -> Call {
        self.call(method, target)
            .without("x-api-key")
            .header("x-api-key", &self.secret)
    }

    /// The names of all events but those that note the day a key was used, which come by themselves.
    pub(super) fn changes(&self) -> Vec<&'static str> {
        let mut names = self.event_names();
        names.retain(|name| *name != "ApiKeyUsed");
        names
    }

    /// The same with a body.
    pub(super) fn admin_json(&self, method: &str, target: &str, body: &Value) -> Call {
        self.admin(method, target).json(body)
    }
}

/// The faults of a refusal: `field:reason`.
pub(super) fn details(refused: &Value) -> Vec<String> {
    let details = refused["details"].as_array().unwrap();
    let shown = details.iter().map(|detail| {
        let text = |name: &str| detail[name].as_str().unwrap().to_owned();
        assert!(!text("message").is_empty(), "a fault says what to do: {detail}");
        format!("{}:{}", text("field"), text("reason"))
    });
    shown.collect()
}
