//! The pages of an account: what somebody who is signed in sees of it, and does with it.

mod activity;
mod addresses;
mod close;
mod confirm;
mod factors;
mod go_on;
mod overview;
mod password;
mod profile;
mod sessions;

#[cfg(test)]
pub(super) use activity::TOLD;

use std::net::IpAddr;

use serde::Serialize;

use super::answer;
use super::member::Outcome;
use super::viewer::Viewer;
use crate::http::Method;
use crate::http::router::Route;
use crate::http::site::{Access, Site};
use crate::mail::templates::moment;
use crate::types::Timestamp;

/// One line of the table: method, path, handler.
macro_rules! page {
    ($method:ident $pattern:literal $handler:path) => {
        Route::new(Method::$method, $pattern, Access::Open, |site, request| {
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
        page!(GET "/account" overview::show),
        page!(POST "/account/sign-out" overview::sign_out),
        page!(GET "/account/confirm" confirm::show),
        page!(POST "/account/confirm" confirm::confirm),
        page!(GET "/account/go-on" go_on::show),
        page!(GET "/account/profile" profile::show),
        page!(POST "/account/profile" profile::change),
        page!(GET "/account/password" password::show),
        page!(POST "/account/password" password::change),
        page!(GET "/account/addresses" addresses::show),
        page!(POST "/account/addresses" addresses::add),
        page!(POST "/account/addresses/confirm" addresses::confirm),
        page!(POST "/account/addresses/drop" addresses::drop_waiting),
        page!(POST "/account/addresses/remove" addresses::remove),
        page!(POST "/account/addresses/primary" addresses::make_primary),
        page!(GET "/account/factors" factors::show),
        page!(POST "/account/factors/app" factors::begin_app),
        page!(GET "/account/factors/app" factors::show_app),
        page!(POST "/account/factors/app/confirm" factors::confirm_app),
        page!(POST "/account/factors/mail" factors::begin_mail),
        page!(GET "/account/factors/mail" factors::show_mail),
        page!(POST "/account/factors/mail/confirm" factors::confirm_mail),
        page!(POST "/account/factors/codes" factors::issue_codes),
        page!(POST "/account/factors/remove" factors::remove),
        page!(GET "/account/sessions" sessions::show),
        page!(POST "/account/sessions/end" sessions::end),
        page!(POST "/account/sessions/end-others" sessions::end_others),
        page!(POST "/account/sessions/end-all" sessions::end_all),
        page!(GET "/account/activity" activity::show),
        page!(GET "/account/close" close::show),
        page!(POST "/account/close" close::close),
    ]
}

/// A moment, for people and for the script that tells it in their time zone.
#[derive(Clone, Serialize)]
struct Moment {
    iso: String,
    words: String,
}

impl Moment {
    fn new(viewer: &Viewer<'_>, at: Timestamp) -> Self {
        Self {
            iso: at.rfc3339(),
            words: moment(at, viewer.locale()),
        }
    }
}

/// Where something came from, as far as its origin can still be read.
#[derive(Serialize)]
struct Whence {
    device: String,
    ip: Option<IpAddr>,
}

impl Whence {
    fn new(viewer: &Viewer<'_>, user_agent: Option<&str>, ip: Option<IpAddr>) -> Self {
        Self {
            device: crate::http::device::device_name_in(viewer.locale(), user_agent.unwrap_or_default()),
            ip,
        }
    }
}
