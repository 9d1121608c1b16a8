//! The REST API under `/v1/auth` and `/v1/audit`: parse, one call of the desk, answer.

mod account;
mod audit;
mod flows;
pub(super) mod forms;
mod gate;
mod health;
mod mfa;
mod password;
mod past;
mod sessions;
mod shapes;
mod tokens;
mod verification;

use super::Method;
use super::router::{Hooks, Route};
use super::site::{Access, Site};

/// One line of the table: method, path, who may call, handler.
macro_rules! route {
    ($method:ident $pattern:literal $access:ident $handler:path) => {
        Route::new(Method::$method, $pattern, Access::$access, |site, request| {
            Box::pin(async move {
                let outcome = $handler(&site, &request).await;
                request.voice.settle(outcome)
            })
        })
    };
}

/// The API's routes.
pub fn routes() -> Vec<Route<Site, Access>> {
    vec![
        route!(GET "/healthz" Health health::alive),
        route!(GET "/readyz" Health health::ready),
        route!(POST "/v1/auth/password/reset/request" ApiKey password::request_reset),
        route!(POST "/v1/auth/password/reset/confirm" ApiKey password::confirm_reset),
        route!(POST "/v1/auth/password/change" SignedIn password::change),
        route!(POST "/v1/auth/email/signup" ApiKey account::sign_up),
        route!(POST "/v1/auth/email/signin" ApiKey account::sign_in),
        route!(GET "/v1/auth/me" SignedIn account::show_me),
        route!(DELETE "/v1/auth/withdraw" SignedIn account::withdraw),
        route!(POST "/v1/auth/withdraw/cancel" ApiKey account::cancel_withdraw),
        route!(POST "/v1/auth/refresh" ApiKey tokens::refresh),
        route!(GET "/v1/auth/sessions" SignedIn sessions::list),
        route!(DELETE "/v1/auth/sessions" SignedIn sessions::end_all),
        route!(DELETE "/v1/auth/sessions/{id}" SignedIn sessions::end),
        route!(POST "/v1/auth/signout" SignedIn sessions::sign_out),
        route!(POST "/v1/auth/email/verify/send" ApiKey verification::send),
        route!(POST "/v1/auth/email/verify/resend" ApiKey verification::send),
        route!(POST "/v1/auth/email/verify/confirm" ApiKey verification::confirm),
        route!(POST "/v1/auth/signup/email/resend" ApiKey verification::send),
        route!(POST "/v1/auth/mfa/enable" SignedIn mfa::enable),
        route!(POST "/v1/auth/mfa/confirm" SignedIn mfa::confirm),
        route!(POST "/v1/auth/mfa/disable" SignedIn mfa::disable),
        route!(POST "/v1/auth/mfa/recovery-codes" SignedIn mfa::issue_recovery_codes),
        route!(POST "/v1/auth/mfa/email/enable" SignedIn mfa::enable_email),
        route!(POST "/v1/auth/mfa/email/confirm" SignedIn mfa::confirm_email),
        route!(POST "/v1/auth/mfa/email/challenge" ApiKey mfa::challenge_email),
        route!(POST "/v1/flows/{slug}/executions" ApiKey flows::begin),
        route!(POST "/v1/flows/executions/{executionId}" ApiKey flows::go_on),
        route!(GET "/v1/audit/events" Administrator audit::events),
        route!(GET "/v1/audit/state" Administrator past::state),
        route!(GET "/v1/audit/checkpoint" Administrator audit::checkpoint),
        route!(GET "/v1/audit/proof/{position}" Administrator audit::proof),
        route!(GET "/v1/audit/export" Administrator audit::export),
    ]
}

/// What happens before and after every handler.
pub fn hooks() -> Hooks<Site, Access> {
    Hooks {
        gate: gate::admit,
        ..Hooks::default()
    }
}
