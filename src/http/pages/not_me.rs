//! "This was not me": the page behind the link that mails about an account carry.

use super::Shared;
use super::link::LinkForm;
use super::notice::{Next, Notice, is_dead};
use super::viewer::Viewer;
use crate::desk::NotMe;
use crate::domain::Objected;
use crate::http::codes::Code;
use crate::http::refusals::of_fault;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;
use crate::mail::templates::moment;

const FORM: LinkForm = LinkForm {
    section: "not_me",
    path: "/not-me",
    part: "n",
    grave: true,
};

/// Shows the button, and does nothing.
pub(super) fn show(site: &Site, request: &Request) -> Response {
    let viewer = Viewer::of(site, request);
    FORM.show(&viewer)
}

/// Undoes what the mail told of; signs nobody in.
pub(super) async fn object(site: Shared, request: Request) -> Response {
    let viewer = Viewer::of(&site, &request);
    let secret = match FORM.secret(&viewer, &request) {
        Ok(secret) => secret,
        Err(instead) => return *instead,
    };
    let say = |name| viewer.say("not_me", name);
    let fault = match site.desk.not_me(&secret, &viewer.visitor()).await {
        Ok(NotMe::SignUpDeleted) => {
            return viewer.done(&say("deleted_title"), &Notice::good(say("deleted_lead")));
        }
        Ok(NotMe::Objected(objected)) => return undone(&viewer, objected),
        Err(fault) => fault,
    };
    let error = of_fault(&fault, viewer.locale(), "password");
    if error.code == Code::AlreadyVerified {
        return viewer.refused(&error, &say("kept_title"), &Notice::bad(say("kept_lead")));
    }
    if is_dead(&error) {
        return viewer.dead(&error, None);
    }
    viewer.trouble(&error)
}

fn undone(viewer: &Viewer<'_>, objected: Objected) -> Response {
    let say = |name| viewer.say("not_me", name);
    let Objected::Undone { locked, contested } = objected else {
        return viewer.done(&say("burned_title"), &Notice::good(say("burned_lead")));
    };
    let lead = if locked { "locked_lead" } else { "undone_lead" };
    let mut paragraphs = vec![];
    if let Some(until) = contested {
        let until = moment(until, viewer.locale());
        paragraphs.push(say("contested").replace("{until}", &until));
    }
    paragraphs.push(say("mailbox"));
    let next = locked.then(|| Next {
        href: viewer.href("/recover/request"),
        words: say("reset"),
    });
    let notice = Notice {
        paragraphs,
        next,
        ..Notice::good(say(lead))
    };
    viewer.done(&say("undone_title"), &notice)
}
