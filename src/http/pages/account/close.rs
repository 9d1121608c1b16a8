//! Closing the account: it ends at once, and can be taken back by mail for a while.

use serde::Serialize;
use warp::http::StatusCode;

use super::overview::signed_out;
use crate::http::pages::look::Page;
use crate::http::pages::member::{Member, Outcome};
use crate::http::pages::texts::span_in_words;
use crate::http::request::Request;
use crate::http::site::Site;

const PATH: &str = "/account/close";

#[derive(Serialize)]
struct ClosePage<'a> {
    form: &'a str,
    effect: String,
}

/// Shows what closing means, to whoever signed in just now.
pub(super) async fn show(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    member.freshly(request, PATH)?;
    let viewer = &member.viewer;
    let delay = site.desk.engine().limits().lifetimes.withdraw_delay;
    let delay = span_in_words(viewer.locale(), delay);
    let page = ClosePage {
        form: member.form_secret(),
        effect: viewer.say("close", "effect").replace("{delay}", &delay),
    };
    let title = viewer.say("close", "title");
    Ok(viewer.page(StatusCode::OK, Page::Close, &title, page))
}

/// Closes it.
pub(super) async fn close(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    member.button(request)?;
    member.freshly(request, PATH)?;
    let closed = site.desk.withdraw(member.caller, &member.viewer.visitor()).await;
    Ok(match closed {
        Ok(()) => signed_out(&member.viewer, "closed_lead").await,
        Err(fault) => member.trouble(&fault),
    })
}
