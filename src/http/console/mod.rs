//! The console under `/admin`: pages for administrators, on their own listener (L-07).
//!
//! They are made like the pages of an account: the same templates, languages, cookies and secrets in forms. Whoever opens
//! one is looked at by [`Administrator`] first. What changes the configuration, or is dangerous otherwise, asks for a fresh
//! sign-in (S-08). Each section of the menu is a file, and none of them holds logic: a page parses, calls one function of
//! the desk, and shows what came of it.

mod administrator;
mod flows;
mod overview;
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
    ]
}
