//! What the pages of a flow are headed with.

use crate::desk::FlowHead;
use crate::domain::flow::Designation;
use crate::http::pages::viewer::Viewer;

/// Titles that ship, and the sentence for each.
const SHIPPED: [(&str, &str); 8] = [
    ("Sign in", "title_sign_in"),
    ("Reset your password", "title_recovery"),
    ("Change your password", "title_change"),
    ("Create an account", "title_enrollment"),
    ("Codes by e-mail", "title_email"),
    ("Authenticator app", "title_totp"),
    ("Recovery codes", "title_codes"),
    ("Sign out", "title_sign_out"),
];

/// The operator's words; those that ship, and what a flow without a title is for, in the reader's language.
pub(in crate::http::pages) fn title(viewer: &Viewer<'_>, flow: &FlowHead) -> String {
    let shipped = SHIPPED.iter().find(|(title, _)| *title == flow.title);
    let name = match (shipped, flow.untitled) {
        (Some((_, name)), _) => *name,
        (None, None) => return flow.title.clone(),
        (None, Some(Designation::Authentication)) => "title_sign_in",
        (None, Some(Designation::Enrollment)) => "title_enrollment",
        (None, Some(Designation::Recovery)) => "title_recovery",
        (None, Some(Designation::Invalidation)) => "title_sign_out",
        (None, Some(Designation::StageConfiguration)) => "title_set_up",
    };
    viewer.say("flow", name)
}
