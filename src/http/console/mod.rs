//! The console under `/admin`: pages for administrators, on their own listener (L-07).
//!
//! They are made like the pages of an account: the same templates, languages, cookies and secrets in forms. Whoever opens
//! one is looked at by `Administrator` first. What changes the configuration, or is dangerous otherwise, asks for a fresh
//! sign-in (S-08). Each section of the menu is a file, and none of them holds logic: a page parses, calls one function of
//! the desk, and shows what came of it.

mod administrator;
mod bindings;
mod events;
mod flows;
mod form;
mod house;
mod invitations;
mod keys;
mod overview;
mod people;
mod person;
mod policies;
mod settings;
mod shown;
mod stages;
mod templates;
#[cfg(test)]
mod tests;
mod webhooks;

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
        page!(GET "/admin/users" people::list),
        page!(GET "/admin/users/new" people::ask_new),
        page!(POST "/admin/users/new" people::make),
        page!(GET "/admin/users/invitations" invitations::list),
        page!(POST "/admin/users/invitations/send" invitations::send),
        page!(POST "/admin/users/invitations/delete" invitations::take_back),
        page!(GET "/admin/users/{id}" person::show),
        page!(POST "/admin/users/{id}/edit" person::edit),
        page!(POST "/admin/users/{id}/role" person::change_role),
        page!(POST "/admin/users/{id}/ban" person::ban),
        page!(POST "/admin/users/{id}/unban" person::unban),
        page!(POST "/admin/users/{id}/sessions" person::end_sessions),
        page!(POST "/admin/users/{id}/factors" person::remove_factors),
        page!(POST "/admin/users/{id}/password" person::revoke_password),
        page!(POST "/admin/users/{id}/send" person::send_recovery),
        page!(POST "/admin/users/{id}/recovery" person::make_recovery),
        page!(POST "/admin/users/{id}/erase" person::erase),
        page!(GET "/admin/events" events::list),
        page!(GET "/admin/events/live" events::live),
        page!(GET "/admin/events/stream" events::follow),
        page!(GET "/admin/events/checkpoint" events::checkpoint),
        page!(GET "/admin/events/export" events::export),
        page!(POST "/admin/events/verify" events::verify),
        page!(GET "/admin/events/{position}" events::show),
        page!(GET "/admin/events/{position}/proof" events::proof),
        page!(GET "/admin/system" house::show),
        page!(POST "/admin/system/mail" house::try_mail),
        page!(GET "/admin/system/outbox" house::outbox),
        page!(POST "/admin/system/outbox/retry" house::retry_mail),
        page!(POST "/admin/system/outbox/cancel" house::cancel_mail),
        page!(GET "/admin/system/templates" house::templates),
        page!(GET "/admin/system/templates/{kind}/{language}" house::template),
        page!(GET "/admin/system/templates/{kind}/{language}/html" house::template_html),
        page!(GET "/admin/system/keys" keys::list),
        page!(POST "/admin/system/keys" keys::make),
        page!(POST "/admin/system/keys/revoke" keys::revoke),
        page!(POST "/admin/system/keys/confirm" keys::confirm),
        page!(POST "/admin/system/keys/origins" keys::name_origins),
        page!(GET "/admin/system/webhooks" webhooks::list),
        page!(POST "/admin/system/webhooks" webhooks::make),
        page!(GET "/admin/system/webhooks/{id}" webhooks::show),
        page!(POST "/admin/system/webhooks/{id}" webhooks::update),
        page!(POST "/admin/system/webhooks/{id}/test" webhooks::test),
        page!(POST "/admin/system/webhooks/{id}/redeliver" webhooks::redeliver),
        page!(POST "/admin/system/webhooks/{id}/secret" webhooks::rotate_secret),
        page!(POST "/admin/system/webhooks/{id}/remove" webhooks::remove),
        page!(GET "/admin/system/configuration" house::configuration),
    ]
}
