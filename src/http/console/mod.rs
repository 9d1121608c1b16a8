//! The console under `/admin`: pages for administrators, on their own listener (L-07).
//!
//! They are made like the pages of an account: the same templates, languages, cookies and secrets in forms. Whoever opens
//! one is looked at by [`Administrator`] first. What changes the configuration, or is dangerous otherwise, asks for a fresh
//! sign-in (S-08). Each section of the menu is a file, and none of them holds logic: a page parses, calls one function of
//! the desk, and shows what came of it.

mod administrator;
mod events;
mod flows;
mod house;
mod keys;
mod overview;
mod people;
mod person;
mod shown;
mod templates;

use super::Method;
use super::pages::answer;
use super::pages::member::Outcome;
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

/// The routes.
pub(super) fn routes() -> Vec<Route<Site, Access>> {
    vec![
        page!(GET "/admin" overview::show),
        page!(GET "/admin/flows" flows::list),
        page!(GET "/admin/users" people::list),
        page!(GET "/admin/users/new" people::ask_new),
        page!(POST "/admin/users/new" people::make),
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
        page!(GET "/admin/system/configuration" house::configuration),
    ]
}
