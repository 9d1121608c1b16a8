//! THE map from what the desk says to what a client reads. Exhaustive: a new refusal does not compile until it has its
//! place here.

use super::codes::Code;
use super::remedies::remedy_in;
use super::reply::{ApiError, Detail, RateInfo};
use crate::desk::{AccessFault, Desk, Fault};
use crate::domain::flow::ChangeFault;
use crate::domain::password_policy::Rule;
use crate::domain::{LimitKind, LimitReached, Refusal};
use crate::types::{Locale, Span, Timestamp};

/// What a client is told to wait when strangers have written what they may for now.
const SATURATED_WAIT: Span = Span::minutes(1);

/// The error for a fault of the desk. Faults of a new password are told in `locale`, under the name that `password_field`
/// had in the body.
pub fn of_fault(fault: &Fault, locale: Locale, password_field: &'static str) -> ApiError {
    match fault {
        Fault::Refused(refusal) => of_refusal(*refusal, locale),
        Fault::PasswordFormat(rules) => ApiError::new(Code::InvalidPasswordFormat)
            .with_details(broken_rules(rules, locale, password_field)),
        Fault::SameAsPrevious => Code::SameAsPreviousPassword.into(),
        Fault::WeakPassword => Code::WeakPassword.into(),
        Fault::Repeated => {
            let rate = RateInfo {
                limit: Desk::REPEATS_MAX,
                remaining: 0,
                reset: Desk::REPEATS_WAIT,
            };
            ApiError::new(Code::TooManyRequests).with_retry(Desk::REPEATS_WAIT, Some(rate))
        }
        Fault::Overloaded | Fault::Stopped => overloaded(Desk::OVERLOAD_WAIT),
    }
}

/// The error for a refusal of the law, with what it says besides its code in `locale`.
pub fn of_refusal(refusal: Refusal, locale: Locale) -> ApiError {
    let code = match refusal {
        Refusal::Limited(reached) => return of_limit(reached),
        Refusal::Saturated => return overloaded(SATURATED_WAIT),
        Refusal::Outdated => return overloaded(Desk::OVERLOAD_WAIT),
        Refusal::UsernameTaken => return ApiError::invalid("username", "taken"),
        Refusal::SecretKeyInBrowser => return ApiError::invalid("origins", "secret-key"),
        Refusal::Held(until) => return held(until),
        Refusal::FlowChange(refused) => return of_change(refused.fault, locale),
        Refusal::TokenNotFound => Code::VerificationTokenNotFound,
        Refusal::TokenExpired => Code::VerificationTokenExpired,
        Refusal::AlreadyVerified => Code::AlreadyVerified,
        Refusal::InvalidCredentials => Code::InvalidCredentials,
        Refusal::Banned => Code::AccountBanned,
        Refusal::EmailNotVerified | Refusal::MailboxUnproven => Code::EmailNotVerified,
        Refusal::CurrentPasswordWrong => Code::InvalidPassword,
        Refusal::FactorRequired => Code::MfaRequired,
        Refusal::FactorWrong => Code::InvalidMfaCode,
        Refusal::CodesExhausted => Code::MfaBackupCodesExhausted,
        Refusal::FactorEnabled => Code::MfaAlreadyEnabled,
        Refusal::FactorNotEnabled => Code::MfaNotEnabled,
        Refusal::SetupExpired => Code::MfaSetupExpired,
        Refusal::SessionOver => Code::SessionExpired,
        Refusal::SessionNotFound => Code::SessionNotFound,
        Refusal::RefreshNotFound => Code::InvalidRefreshToken,
        Refusal::AddressTaken => Code::EmailAlreadyExists,
        Refusal::TooManyAddresses => Code::TooManyAddresses,
        Refusal::AddressNotFound => Code::AddressNotFound,
        Refusal::AddressIsPrimary => Code::PrimaryAddress,
        Refusal::AddressInUse => Code::AddressInUse,
        Refusal::UserNotFound | Refusal::UserNotActive => Code::AccountNotFound,
        Refusal::Changed => Code::Changed,
        Refusal::NotAllowed => Code::UserForbidden,
        Refusal::TooManyWebhooks => return ApiError::invalid("webhooks", "too-many"),
        Refusal::TooManyInvitations => return ApiError::invalid("email", "too-many-invitations"),
        Refusal::NotInvited
        | Refusal::NoSuchWebhook
        | Refusal::NoSuchDeadLetter
        | Refusal::ApiKeyNotFound
        | Refusal::NoSuchMail
        | Refusal::NoSuchRequest
        | Refusal::AlreadyFounded => Code::NotFound,
    };
    code.into()
}

/// The error for an edit of flows, stages, bindings or policies.
fn of_change(fault: ChangeFault, locale: Locale) -> ApiError {
    let code = match fault {
        ChangeFault::Unknown => return Code::NotFound.into(),
        ChangeFault::Taken
        | ChangeFault::NameTaken
        | ChangeFault::KindChanged
        | ChangeFault::NoSuchFlow(_)
        | ChangeFault::NoSuchStage(_)
        | ChangeFault::NoSuchPolicy(_)
        | ChangeFault::WrongKind(_)
        | ChangeFault::InUse
        | ChangeFault::LedTo
        | ChangeFault::Emptied
        | ChangeFault::TooMany
        | ChangeFault::List(_) => Code::InvalidParameters,
    };
    let remedy = remedy_in(locale, fault.remedy()).into_owned();
    let detail = Detail::new(fault.field(), fault.reason()).with_message(remedy);
    ApiError::new(code).with_details(vec![detail])
}

/// The error for an access token that opens nothing.
pub fn of_access(fault: AccessFault) -> ApiError {
    let code = match fault {
        AccessFault::Invalid => Code::InvalidToken,
        AccessFault::Expired => Code::TokenExpired,
        AccessFault::SessionOver => Code::SessionExpired,
        AccessFault::AccountGone => Code::AccountNotFound,
    };
    code.into()
}

fn of_limit(reached: LimitReached) -> ApiError {
    let code = match reached.kind {
        LimitKind::Codes => Code::TooManyCodeRequests,
        LimitKind::SignIns => Code::TooManyLoginAttempts,
        LimitKind::ClientMails
        | LimitKind::ClientSignUps
        | LimitKind::CurrentPassword
        | LimitKind::SecondFactor
        | LimitKind::AddressChanges => Code::TooManyRequests,
    };
    let rate = RateInfo {
        limit: reached.limit,
        remaining: 0,
        reset: reached.wait,
    };
    ApiError::new(code).with_retry(reached.wait, Some(rate))
}

/// Until when nothing may be taken away.
fn held(until: Timestamp) -> ApiError {
    let detail = Detail::new("until", "held").with_message(until.rfc3339());
    ApiError::new(Code::ChangeHeld).with_details(vec![detail])
}

fn overloaded(wait: Span) -> ApiError {
    ApiError::new(Code::Overloaded).with_retry(wait, None)
}

fn broken_rules(rules: &[Rule], locale: Locale, field: &'static str) -> Vec<Detail> {
    rules
        .iter()
        .map(|rule| Detail::new(field, rule.code()).with_message(rule.message(locale)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::flow::ChangeRefused;

    fn error(fault: impl Into<Fault>) -> ApiError {
        of_fault(&fault.into(), Locale::En, "newPassword")
    }

    #[test]
    fn each_refusal_has_the_code_of_the_contract() {
        for (refusal, code, status) in [
            (Refusal::TokenNotFound, "auth/verification-token-not-found", 404),
            (Refusal::TokenExpired, "auth/verification-token-expired", 401),
            (Refusal::AlreadyVerified, "auth/already-verified", 400),
            (Refusal::InvalidCredentials, "auth/invalid-credentials", 401),
            (Refusal::Banned, "auth/account-banned", 403),
            (Refusal::EmailNotVerified, "auth/email-not-verified", 403),
            (Refusal::MailboxUnproven, "auth/email-not-verified", 403),
            (Refusal::CurrentPasswordWrong, "auth/invalid-password", 401),
            (Refusal::FactorRequired, "auth/mfa-required", 403),
            (Refusal::FactorWrong, "auth/invalid-mfa-code", 401),
            (Refusal::CodesExhausted, "auth/mfa-backup-codes-exhausted", 400),
            (Refusal::FactorEnabled, "auth/mfa-already-enabled", 409),
            (Refusal::FactorNotEnabled, "auth/mfa-not-enabled", 400),
            (Refusal::SetupExpired, "auth/mfa-setup-expired", 400),
            (Refusal::SessionOver, "auth/session-expired", 401),
            (Refusal::SessionNotFound, "auth/session-not-found", 404),
            (Refusal::RefreshNotFound, "auth/invalid-refresh-token", 401),
            (Refusal::AddressTaken, "auth/email-already-exists", 409),
            (Refusal::TooManyAddresses, "auth/too-many-addresses", 409),
            (Refusal::AddressNotFound, "auth/address-not-found", 404),
            (Refusal::AddressIsPrimary, "auth/primary-address", 409),
            (Refusal::AddressInUse, "auth/address-in-use", 409),
            (Refusal::Held(Timestamp(0)), "auth/change-held", 403),
            (Refusal::UserNotFound, "auth/account-not-found", 404),
            (Refusal::Saturated, "common/overloaded", 503),
            (Refusal::Outdated, "common/overloaded", 503),
        ] {
            let error = error(refusal);
            assert_eq!((error.code.text(), error.code.status()), (code, status));
        }
        for (fault, code) in [
            (Fault::SameAsPrevious, Code::SameAsPreviousPassword),
            (Fault::WeakPassword, Code::WeakPassword),
            (Fault::Overloaded, Code::Overloaded),
            (Fault::Stopped, Code::Overloaded),
        ] {
            assert_eq!(error(fault).code, code);
        }
    }

    #[test]
    fn what_is_wrong_with_a_change_of_flows_is_told_in_the_callers_language() {
        let refused = ChangeRefused {
            edit: 0,
            fault: ChangeFault::InUse,
        };
        let told = |locale| {
            let error = of_refusal(Refusal::FlowChange(refused), locale);
            error.details[0].message.clone().unwrap()
        };
        assert_eq!(told(Locale::En), ChangeFault::InUse.remedy());
        for fault in ChangeFault::ALL {
            let korean = remedy_in(Locale::Ko, fault.remedy());
            assert!(!korean.is_ascii(), "{fault:?}: {korean}");
        }
        assert!(told(Locale::Ko).starts_with("아직 사용 중입니다"));
    }

    #[test]
    fn each_limit_says_which_one_it_is_and_when_to_come_back() {
        for (kind, code) in [
            (LimitKind::ClientMails, Code::TooManyRequests),
            (LimitKind::ClientSignUps, Code::TooManyRequests),
            (LimitKind::CurrentPassword, Code::TooManyRequests),
            (LimitKind::SecondFactor, Code::TooManyRequests),
            (LimitKind::AddressChanges, Code::TooManyRequests),
            (LimitKind::Codes, Code::TooManyCodeRequests),
            (LimitKind::SignIns, Code::TooManyLoginAttempts),
        ] {
            let wait = Span::millis(9_001);
            let error = error(Refusal::Limited(LimitReached { kind, limit: 7, wait }));
            assert_eq!((error.code, error.retry_after), (code, Some(wait)));
            let rate = error.rate.unwrap();
            assert_eq!((rate.limit, rate.remaining, rate.reset), (7, 0, wait));
        }
        assert_eq!(error(Fault::Repeated).code, Code::TooManyRequests);
        assert_eq!(error(Fault::Repeated).rate.unwrap().limit, 10);
    }

    #[test]
    fn each_bearer_fault_has_a_401_of_its_own_but_a_gone_account_is_404() {
        for (fault, code) in [
            (AccessFault::Invalid, Code::InvalidToken),
            (AccessFault::Expired, Code::TokenExpired),
            (AccessFault::SessionOver, Code::SessionExpired),
            (AccessFault::AccountGone, Code::AccountNotFound),
        ] {
            assert_eq!(of_access(fault).code, code);
        }
    }

    #[test]
    fn every_failed_rule_is_told_with_its_code_and_a_sentence_in_the_callers_language() {
        let fault = Fault::PasswordFormat(vec![Rule::LengthMin { min: 8 }, Rule::Context]);
        let english = of_fault(&fault, Locale::En, "password");
        assert_eq!(english.code, Code::InvalidPasswordFormat);
        let shown: Vec<_> = english.details.iter().map(|d| (&*d.field, d.reason)).collect();
        assert_eq!(shown, [("password", "length_min"), ("password", "context")]);
        assert_eq!(
            english.details[0].message.as_deref(),
            Some("Use at least 8 characters.")
        );
        let korean = of_fault(&fault, Locale::Ko, "newPassword");
        assert_eq!(korean.details[0].field, "newPassword");
        assert_eq!(korean.details[0].message.as_deref(), Some("8자 이상 입력하세요."));
    }
}
