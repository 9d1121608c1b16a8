//! The console's templates. Operators do not override them: the console is theirs, not their users'.

use crate::http::pages::look::sources;

/// Names and texts.
pub(in crate::http) const TEMPLATES: &[(&str, &str)] = sources! {
    "console/layout.html"
    "console/overview.html"
    "console/flows.html"
};
