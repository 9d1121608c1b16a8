//! Pages behind mailed links that have no typed code.

use serde::Serialize;

use super::viewer::Viewer;

/// A page for a mailed link that has no typed code: without the script, the link is pasted.
#[derive(Serialize)]
pub(super) struct LinkPage {
    lead: String,
    effect: String,
    submit: String,
    action: String,
    /// The name of the secret in the fragment.
    part: &'static str,
    /// Whether the button destroys something.
    grave: bool,
    problem: Option<String>,
    errors: LinkErrors,
}

#[derive(Serialize)]
struct LinkErrors {
    link: Option<String>,
}

impl LinkPage {
    /// The page whose texts are in `section`, whose form goes to `path` and whose secret is called `part`.
    pub(super) fn new(
        viewer: &Viewer<'_>,
        section: &str,
        path: &str,
        part: &'static str,
        missing: Option<String>,
    ) -> Self {
        Self {
            lead: viewer.say(section, "lead"),
            effect: viewer.say(section, "effect"),
            submit: viewer.say(section, "submit"),
            action: viewer.href(path),
            part,
            grave: false,
            problem: None,
            errors: LinkErrors { link: missing },
        }
    }

    /// The same with a button that destroys something.
    pub(super) fn grave(self) -> Self {
        Self { grave: true, ..self }
    }
}
