//! The console under `/admin`: pages for administrators, on their own listener (L-07).
//!
//! They are made like the pages of an account: the same templates, languages, cookies and secrets in forms. Whoever opens
//! one is looked at by [`Administrator`] first. What changes the configuration, or is dangerous otherwise, asks for a fresh
//! sign-in (S-08). Each section of the menu is a file, and none of them holds logic: a page parses, calls one function of
//! the desk, and shows what came of it.

mod administrator;
mod bindings;
mod flows;
mod form;
mod overview;
mod policies;
mod stages;
mod templates;
#[cfg(test)]
mod tests;

use super::Method;
use super::pages::answer;
use super::pages::member::Outcome;
use super::request::WIDE_FORM_BYTES_MAX;
use super::router::Route;
use super::site::{Access, Site};

pub(super) use templates::TEMPLATES;

/// One line of the table: method, path, handler.
macro_rules! page {
    ($method:ident $pattern:literal $handler:path) => {
        Route::new(Method::$method, $pattern, Access::Console, |site, request| {
            answer(async move {
                let outcome: Outcome = $handler(&site, &request).await;
                outcome.unwrap_or_else(|instead| *instead)
            })
        })
    };
}

/// The same for a form, which may be wide.
macro_rules! form {
    ($pattern:literal $handler:path) => {
        page!(POST $pattern $handler).with_body_bytes_max(WIDE_FORM_BYTES_MAX)
    };
}

/// The routes.
pub(super) fn routes() -> Vec<Route<Site, Access>> {
    vec![
        page!(GET "/admin" overview::show),
        page!(GET "/admin/flows" flows::list),
        page!(GET "/admin/create/flow" flows::begin),
        form!("/admin/create/flow" flows::create),
        page!(GET "/admin/flows/{slug}" flows::show),
        page!(GET "/admin/flows/{slug}/edit" flows::edit),
        form!("/admin/flows/{slug}/edit" flows::update),
        form!("/admin/flows/{slug}/delete" flows::delete),
        form!("/admin/flows/{slug}/try" flows::dry_run),
        page!(GET "/admin/flows/{slug}/export" flows::export),
        page!(GET "/admin/blueprint" flows::export_all),
        page!(GET "/admin/flows/{slug}/bindings" bindings::list),
        page!(GET "/admin/flows/{slug}/bind" bindings::begin),
        form!("/admin/flows/{slug}/bind" bindings::bind),
        page!(GET "/admin/flows/{slug}/create-and-bind" bindings::begin_stage),
        form!("/admin/flows/{slug}/create-and-bind" bindings::create_stage),
        page!(GET "/admin/flows/{slug}/bindings/{order}" bindings::edit),
        form!("/admin/flows/{slug}/bindings/{order}" bindings::update),
        page!(GET "/admin/flows/{slug}/bindings/{order}/stage" bindings::edit_stage),
        form!("/admin/flows/{slug}/bindings/{order}/stage" bindings::update_stage),
        form!("/admin/flows/{slug}/bindings/{order}/move" bindings::move_it),
        form!("/admin/flows/{slug}/bindings/{order}/delete" bindings::delete),
        page!(GET "/admin/stages" stages::list),
        page!(GET "/admin/create/stage" stages::begin),
        form!("/admin/create/stage" stages::create),
        page!(GET "/admin/stages/{name}" stages::edit),
        form!("/admin/stages/{name}" stages::update),
        page!(GET "/admin/stages/{name}/preview" stages::preview),
        form!("/admin/stages/{name}/delete" stages::delete),
        page!(GET "/admin/policies" policies::list),
        page!(GET "/admin/create/policy" policies::begin),
        form!("/admin/create/policy" policies::create),
        page!(GET "/admin/policies/{name}" policies::edit),
        form!("/admin/policies/{name}" policies::update),
        form!("/admin/policies/{name}/test" policies::test),
        form!("/admin/policies/{name}/delete" policies::delete),
    ]
}
