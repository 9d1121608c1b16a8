//! The pages behind mailed links (a new password, a confirmed address, an account taken back), and those of an account.
//!
//! A mailed link carries its secret in the fragment, which never reaches a server, a log or a `Referer`; the page's own
//! script puts it into the form, or a person types the code of the same mail. Opening a page asks the desk for nothing:
//! only a POST does, and only a person's click sends one. Every page works without JavaScript, in English and
//! Korean, and loads nothing from anywhere else.
//!
//! Below `/account` are the pages of somebody who is signed in (`account/`): their cookie is held against the ledger on
//! every call (`member.rs`), and every form carries a secret of its session.

mod account;
mod address;
mod ask;
mod assets;
mod back;
mod brand;
mod browsers;
mod confirm;
mod cookie;
mod docs;
pub(super) mod flow;
mod forms;
mod invitation;
mod link;
pub(super) mod look;
pub(super) mod member;
pub(super) mod nav;
mod new_password;
mod not_me;
pub(super) mod notice;
mod qr;
mod recover;
mod reopen;
mod samples;
mod stage;
#[cfg(test)]
mod tests;
pub(super) mod texts;
mod verify;
pub(super) mod viewer;

use std::future::Future;
use std::sync::Arc;

pub use brand::LogoFault;
pub use browsers::refuse_with_page;
pub(super) use cookie::read as read_cookie;
pub(super) use docs::show as show_reference;
pub use look::{Look, LookFault, LookSettings};
pub(super) use member::browser_caller;

use super::response::Response;
use super::router::{Answer, Handler, Route};
use super::services::RETURN;
use super::site::{Access, Site};
use crate::http::Method;

/// The link that clients build themselves has the path that the contract gives it.
const CONFIRM: &str = "/v1/auth/signup/email/confirm";

/// What handlers share.
type Shared = Arc<Site>;

/// The pages' routes.
pub fn routes() -> Vec<Route<Site, Access>> {
    let show = |pattern, handler: Handler<Site>| Route::new(Method::GET, pattern, Access::Open, handler);
    let act = |pattern, handler: Handler<Site>| Route::new(Method::POST, pattern, Access::Open, handler);
    let mut routes = vec![
        show("/assets/{hash}/{name}", |s, r| {
            answer(async move { s.look.serve(&r) })
        }),
        show("/", |s, r| answer(async move { flow::to_home(&s, &r) })),
        show("/recover", |s, r| answer(async move { recover::show(&s, &r) })),
        act("/recover", |s, r| answer(recover::enter(s, r))),
        show("/recover/request", |s, r| {
            answer(async move { flow::to_recovery(&s, &r) })
        }),
        show("/flow/{slug}", |s, r| answer(flow::show(s, r))),
        act("/flow/{slug}", |s, r| answer(flow::answer(s, r))),
        show("/verify", |s, r| answer(async move { verify::show(&s, &r) })),
        act("/verify", |s, r| answer(verify::confirm(s, r))),
        show("/verify/request", |s, r| answer(async move { ask::show(&s, &r) })),
        act("/verify/request", |s, r| answer(ask::send(s, r))),
        show("/not-me", |s, r| answer(async move { not_me::show(&s, &r) })),
        act("/not-me", |s, r| answer(not_me::object(s, r))),
        show("/address", |s, r| answer(async move { address::show(&s, &r) })),
        act("/address", |s, r| answer(address::confirm(s, r))),
        show(RETURN, |s, r| answer(async move { back::show(&s, &r).await })),
        show("/reopen", |s, r| answer(async move { reopen::show(&s, &r) })),
        act("/reopen", |s, r| answer(reopen::take_back(s, r))),
        show("/invitation", |s, r| {
            answer(async move { invitation::show(&s, &r) })
        }),
        act("/invitation", |s, r| answer(invitation::accept(s, r))),
        show(CONFIRM, |s, r| {
            answer(async move { r.voice.settle(confirm::show(&s, &r).await) })
        }),
        act(CONFIRM, |s, r| {
            answer(async move { r.voice.settle(confirm::confirm(&s, &r).await) })
        }),
    ];
    routes.extend(account::routes());
    routes
}

/// A handler's work as the router takes it.
pub(super) fn answer(work: impl Future<Output = Response> + Send + 'static) -> Answer {
    Box::pin(work)
}
