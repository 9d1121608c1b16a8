//! The numbers that decisions are held against. They come from configuration, so only `decide` may look at them.

use crate::types::Span;

/// How much of anything may happen. The lengths of the windows are fixed; the amounts are settings.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "each is named after its setting, `limits.…`, where it is described"
)]
pub struct Limits {
    pub mails_per_address_hour: u32,
    pub mails_per_address_day: u32,
    pub mails_per_client: u32,
    pub reserve_mails_day: u32,
    pub reserve_codes_day: u32,
    pub signin_free: u32,
    pub signin_wait_first: Span,
    pub signin_wait_max: Span,
    pub signin_per_user_hour: u32,
    pub code_tries_per_challenge: u32,
    pub code_tries_per_address_day: u32,
    pub current_password_tries: u32,
    pub factor_tries: u32,
    pub signups_per_client_hour: u32,
    pub stranger_bytes_day: u64,
    pub stranger_bytes_burst: u64,
    pub known_client: Span,
    pub sessions_per_user: u32,
    pub lifetimes: Lifetimes,
}

/// How long things live.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "each is named after its setting, `tokens.…`, where it is described"
)]
pub struct Lifetimes {
    pub recovery: Span,
    pub verification: Span,
    pub factor_code: Span,
    pub access: Span,
    pub session_idle: Span,
    pub session_absolute: Span,
    pub refresh_grace: Span,
    pub withdraw_delay: Span,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            mails_per_address_hour: 5,
            mails_per_address_day: 10,
            mails_per_client: 30,
            reserve_mails_day: 3,
            reserve_codes_day: 5,
            signin_free: 5,
            signin_wait_first: Span::seconds(10),
            signin_wait_max: Span::minutes(15),
            signin_per_user_hour: 100,
            code_tries_per_challenge: 5,
            code_tries_per_address_day: 20,
            current_password_tries: 5,
            factor_tries: 5,
            signups_per_client_hour: 20,
            stranger_bytes_day: 64 << 20,
            stranger_bytes_burst: 16 << 20,
            known_client: Span::days(30),
            sessions_per_user: 50,
            lifetimes: Lifetimes::default(),
        }
    }
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            recovery: Span::hours(24),
            verification: Span::hours(24),
            factor_code: Span::minutes(30),
            access: Span::hours(1),
            session_idle: Span::days(7),
            session_absolute: Span::days(30),
            refresh_grace: Span::seconds(10),
            withdraw_delay: Span::hours(72),
        }
    }
}
