//! The console's templates. Operators do not override them: the console is theirs, not their users'.

use crate::http::pages::look::sources;

/// Names and texts.
pub(in crate::http) const TEMPLATES: &[(&str, &str)] = sources! {
    "console/layout.html"
    "console/overview.html"
    "console/flows.html"
    "console/flow.html"
    "console/tabs.html"
    "console/problems.html"
    "console/bindings.html"
    "console/stages.html"
    "console/policies.html"
    "console/policy.html"
    "console/type.html"
    "console/form.html"
    "console/input.html"
    "console/control.html"
    "console/detach.html"
};
