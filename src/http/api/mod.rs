//! The REST API under `/v1/auth`, `/v1/users`, `/v1/admin` and `/v1/audit`: parse, one call of the desk, answer.

mod account;
mod addresses;
mod admin;
pub(super) mod audit;
mod cors;
mod flows;
pub(super) mod forms;
mod gate;
mod health;
mod invitations;
mod keeping;
mod keys;
mod mfa;
mod once;
mod password;
mod past;
mod services;
mod sessions;
mod shapes;
pub(super) mod stream;
pub(super) mod system;
mod tokens;
mod users;
mod verification;
mod webhooks;

use std::sync::Arc;

use self::once::Turn;
use super::router::{Hooks, Route};
use super::site::{Access, Site};
use super::{Head, Method, Response, pages};

/// One line of the table: method, path, who may call, handler.
macro_rules! route {
    ($method:ident $pattern:literal $access:ident $handler:path) => {
        Route::new(Method::$method, $pattern, Access::$access, |site, request| {
            let turn = Turn::of(&site, &request);
            turn.take(Box::pin(async move {
                let outcome = $handler(&site, &request).await;
                request.voice.settle(outcome)
            }))
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
        route!(GET "/v1/auth/addresses" SignedIn addresses::list),
        route!(POST "/v1/auth/addresses" SignedIn addresses::add),
        route!(POST "/v1/auth/addresses/confirm" SignedIn addresses::confirm),
        route!(POST "/v1/auth/addresses/{id}/primary" SignedIn addresses::make_primary),
        route!(DELETE "/v1/auth/addresses/{id}" SignedIn addresses::remove),
        route!(POST "/v1/auth/mfa/enable" SignedIn mfa::enable),
        route!(POST "/v1/auth/mfa/confirm" SignedIn mfa::confirm),
        route!(POST "/v1/auth/mfa/disable" SignedIn mfa::disable),
        route!(POST "/v1/auth/mfa/recovery-codes" SignedIn mfa::issue_recovery_codes),
        route!(POST "/v1/auth/mfa/email/enable" SignedIn mfa::enable_email),
        route!(POST "/v1/auth/mfa/email/confirm" SignedIn mfa::confirm_email),
        route!(POST "/v1/auth/mfa/email/challenge" ApiKey mfa::challenge_email),
        route!(GET "/v1/admin/flows" Administrator admin::flows::list),
        route!(POST "/v1/admin/flows" Administrator admin::flows::make)
            .with_body_bytes_max(admin::BODY_BYTES_MAX),
        route!(GET "/v1/admin/flows/{slug}" Administrator admin::flows::show),
        route!(PATCH "/v1/admin/flows/{slug}" Administrator admin::flows::change)
            .with_body_bytes_max(admin::BODY_BYTES_MAX),
        route!(DELETE "/v1/admin/flows/{slug}" Administrator admin::flows::remove),
        route!(GET "/v1/admin/flows/{slug}/bindings" Administrator admin::bindings::list),
        route!(POST "/v1/admin/flows/{slug}/bindings" Administrator admin::bindings::make),
        route!(GET "/v1/admin/flows/{slug}/bindings/{order}" Administrator admin::bindings::show),
        route!(PATCH "/v1/admin/flows/{slug}/bindings/{order}" Administrator admin::bindings::change),
        route!(DELETE "/v1/admin/flows/{slug}/bindings/{order}" Administrator admin::bindings::remove),
        route!(GET "/v1/admin/stages" Administrator admin::stages::list),
        route!(POST "/v1/admin/stages" Administrator admin::stages::make),
        route!(GET "/v1/admin/stages/{name}" Administrator admin::stages::show),
        route!(PATCH "/v1/admin/stages/{name}" Administrator admin::stages::change),
        route!(DELETE "/v1/admin/stages/{name}" Administrator admin::stages::remove),
        route!(PUT "/v1/admin/api-keys/{id}/origins" Administrator keys::name_origins),
        route!(GET "/v1/admin/policies" Administrator admin::policies::list),
        route!(POST "/v1/admin/policies" Administrator admin::policies::make),
        route!(GET "/v1/admin/policies/{name}" Administrator admin::policies::show),
        route!(PATCH "/v1/admin/policies/{name}" Administrator admin::policies::change),
        route!(DELETE "/v1/admin/policies/{name}" Administrator admin::policies::remove),
        route!(POST "/v1/flows/{slug}/executions" ApiKey flows::begin),
        route!(POST "/v1/flows/executions/{executionId}" ApiKey flows::go_on),
        route!(POST "/v1/auth/accounts/check" Person system::check_account),
        route!(GET "/v1/users" Person users::list),
        route!(POST "/v1/users" Person users::make),
        route!(GET "/v1/users/{id}" Person users::show),
        route!(PATCH "/v1/users/{id}" Person users::change),
        route!(DELETE "/v1/users/{id}" Person users::remove),
        route!(PATCH "/v1/users/{id}/role" Person users::change_role),
        route!(GET "/v1/users/{id}/profile" Person users::show_profile),
        route!(PATCH "/v1/users/{id}/profile" Person users::change_profile),
        route!(POST "/v1/auth/invitations/accept" ApiKey invitations::accept),
        route!(GET "/v1/admin/invitations" Administrator invitations::list),
        route!(POST "/v1/admin/invitations" Administrator invitations::make),
        route!(POST "/v1/admin/invitations/{id}/send" Administrator invitations::send_again),
        route!(DELETE "/v1/admin/invitations/{id}" Administrator invitations::take_back),
        route!(POST "/v1/admin/users/{id}/recovery" Administrator keeping::make_recovery),
        route!(POST "/v1/admin/users/{id}/recovery/send" Administrator keeping::send_recovery),
        route!(POST "/v1/admin/users/{id}/ban" Administrator keeping::ban),
        route!(POST "/v1/admin/users/{id}/unban" Administrator keeping::unban),
        route!(DELETE "/v1/admin/users/{id}/password" Administrator keeping::revoke_password),
        route!(GET "/v1/admin/users/{id}/sessions" Administrator keeping::sessions),
        route!(DELETE "/v1/admin/users/{id}/sessions" Administrator keeping::end_sessions),
        route!(DELETE "/v1/admin/users/{id}/sessions/{session}" Administrator keeping::end_session),
        route!(GET "/v1/admin/users/{id}/factors" Administrator keeping::factors),
        route!(DELETE "/v1/admin/users/{id}/factors" Administrator keeping::remove_factors),
        route!(GET "/v1/admin/users/{id}/events" Administrator keeping::events),
        route!(GET "/v1/admin/outbox" Administrator system::outbox),
        route!(POST "/v1/admin/outbox/{id}/retry" Administrator system::retry_mail),
        route!(DELETE "/v1/admin/outbox/{id}" Administrator system::cancel_mail),
        route!(GET "/v1/admin/api-keys" Administrator system::keys),
        route!(POST "/v1/admin/api-keys" Administrator system::make_key),
        route!(DELETE "/v1/admin/api-keys/{id}" Administrator system::revoke_key),
        route!(POST "/v1/admin/api-keys/{id}/confirm" Administrator system::confirm_key),
        route!(GET "/v1/admin/webhooks" Administrator webhooks::list),
        route!(POST "/v1/admin/webhooks" Administrator webhooks::make),
        route!(GET "/v1/admin/webhooks/{id}" Administrator webhooks::show),
        route!(PATCH "/v1/admin/webhooks/{id}" Administrator webhooks::change),
        route!(DELETE "/v1/admin/webhooks/{id}" Administrator webhooks::remove),
        route!(POST "/v1/admin/webhooks/{id}/secret" Administrator webhooks::rotate_secret),
        route!(POST "/v1/admin/webhooks/{id}/test" Administrator webhooks::test),
        route!(GET "/v1/admin/webhooks/{id}/deliveries" Administrator webhooks::deliveries),
        route!(POST "/v1/admin/webhooks/{id}/redeliver" Administrator webhooks::redeliver),
        route!(GET "/v1/admin/configuration" Administrator system::configuration),
        route!(POST "/v1/admin/mail/test" Administrator system::try_mail),
        route!(POST "/v1/introspect" Service services::introspect),
        route!(GET "/v1/forward-auth" Forwarded services::forward_auth),
        route!(GET "/v1/audit/events" Administrator audit::events),
        route!(GET "/v1/audit/events/stream" Administrator stream::events),
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
        finish,
    }
}

fn finish(site: &Arc<Site>, access: Option<&Access>, head: &Head, response: &mut Response) {
    pages::refuse_with_page(site, access, head, response);
    cors::share(site, head, response);
}
