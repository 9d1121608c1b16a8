//! What happened to the account lately, from the ledger.

use serde::Serialize;
use warp::http::StatusCode;

use super::{Moment, Whence};
use crate::domain::FailCause;
use crate::http::pages::look::Page;
use crate::http::pages::member::{Member, Outcome};
use crate::http::request::Request;
use crate::http::site::Site;

/// Events that people are told of, by their name in the ledger, and the sentence for each.
pub(in crate::http::pages) const TOLD: [(&str, &str); 33] = [
    ("UserRegistered", "registered"),
    ("UserImported", "imported"),
    ("UserInvited", "invited"),
    ("InvitationAccepted", "came"),
    ("PasswordSet", "password_set"),
    ("PasswordRevoked", "password_revoked"),
    ("AddressVerified", "address_verified"),
    ("ProfileChanged", "profile_changed"),
    ("AddressBegun", "address_begun"),
    ("AddressConfirmed", "address_added"),
    ("AddressRemoved", "address_removed"),
    ("PrimaryChanged", "address_primary"),
    ("ObjectionRaised", "objected"),
    ("UserBanned", "banned"),
    ("UserUnbanned", "unbanned"),
    ("WithdrawRequested", "close_requested"),
    ("WithdrawCancelled", "close_cancelled"),
    ("ResetRequested", "reset_requested"),
    ("CodeRefused", "code_refused"),
    ("ProofRefused", "proof_refused"),
    ("RecoveryCompleted", "recovered"),
    ("SignedIn", "signed_in"),
    ("SignInFailed", "sign_in_failed"),
    ("CurrentPasswordWrong", "current_wrong"),
    ("RefreshReplayed", "replayed"),
    ("SessionEnded", "session_ended"),
    ("SessionsEnded", "sessions_ended"),
    ("FactorConfirmed", "factor_added"),
    ("FactorRemoved", "factor_removed"),
    ("RecoveryCodesIssued", "codes_issued"),
    ("FactorRefused", "factor_refused"),
    ("VerificationRequested", "verification_requested"),
    ("SignUpCollided", "collided"),
];

/// A sign-in whose password was right, and which waits for the second factor: no failure, unless nothing follows.
const WAITS: &str = "sign_in_waits";

#[derive(Serialize)]
struct ActivityPage {
    lines: Vec<Told>,
}

#[derive(Serialize)]
struct Told {
    at: Moment,
    what: String,
    whence: Option<Whence>,
}

/// Lists it, newest first.
pub(super) async fn show(site: &Site, request: &Request) -> Outcome {
    let member = Member::of(site, request).await?;
    let viewer = &member.viewer;
    let lines = match site.desk.latest_of(member.caller.user, viewer.locale()).await {
        Ok(lines) => lines,
        Err(fault) => return Ok(member.trouble(&fault)),
    };
    let told = lines.into_iter().filter_map(|line| {
        let (_, name) = TOLD.iter().find(|(event, _)| *event == line.name)?;
        let name: &str = if line.failed == Some(FailCause::FactorMissing) {
            WAITS
        } else {
            name
        };
        let agent = line.user_agent.as_deref();
        Some(Told {
            at: Moment::new(viewer, line.time),
            what: viewer.say("activity", name),
            whence: line.ip.is_some().then(|| Whence::new(viewer, agent, line.ip)),
        })
    });
    let page = ActivityPage {
        lines: told.collect(),
    };
    let title = viewer.say("activity", "title");
    Ok(viewer.page(StatusCode::OK, Page::Activity, &title, page))
}
