//! The console's templates. Operators do not override them: the console is theirs, not their users'.

use crate::http::pages::look::sources;

/// Names and texts.
pub(in crate::http) const TEMPLATES: &[(&str, &str)] = sources! {
    "console/layout.html"
    "console/overview.html"
    "console/flows.html"
    "console/act.html"
    "console/pager.html"
    "console/verification.html"
    "console/settings_table.html"
    "console/people.html"
    "console/person.html"
    "console/person_new.html"
    "console/recovery.html"
    "console/events.html"
    "console/event.html"
    "console/live.html"
    "console/system_nav.html"
    "console/mail.html"
    "console/outbox.html"
    "console/templates.html"
    "console/template.html"
    "console/keys.html"
    "console/key_new.html"
    "console/configuration.html"
};
