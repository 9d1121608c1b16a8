//! THE table of error codes: what a client matches on, and the sentences that people read.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $status:literal $code:literal $en:literal $ko:literal;)+) => {
        /// A fault as the REST contract names it; each with one HTTP status, one code and one sentence a language.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Code {
            $($(#[$doc])* $name,)+
        }

        impl Code {
            /// All of them, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            /// The code: `topic/fault`.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The English sentence; clients match on it, so it never changes.
            pub const fn english(self) -> &'static str {
                match self { $(Self::$name => $en,)+ }
            }

            /// The Korean sentence.
            pub const fn korean(self) -> &'static str {
                match self { $(Self::$name => $ko,)+ }
            }
        }
    };
}

codes! {
    /// The request cannot be read, or fields of it are missing or of the wrong type.
    InvalidParameters 400 "common/invalid-parameters"
        "The request has missing or invalid parameters; see details."
        "요청에 빠졌거나 잘못된 값이 있습니다. details를 확인해 주세요.";
    /// No such path.
    NotFound 404 "common/not-found"
        "There is nothing at this address."
        "요청하신 주소를 찾을 수 없습니다.";
    /// The path exists, the method does not.
    MethodNotAllowed 405 "common/method-not-allowed"
        "This method is not allowed here; see the Allow header."
        "이 주소에서 허용되지 않는 메서드입니다. Allow 헤더를 확인해 주세요.";
    /// The client took too long to send its request.
    RequestTimeout 408 "common/request-timeout"
        "The request took too long to arrive. Please send it again."
        "요청이 제시간에 도착하지 않았습니다. 다시 보내 주세요.";
    /// A request with the same idempotency key is still running.
    IdempotencyInProgress 409 "common/idempotency-in-progress"
        "A request with this Idempotency-Key is still running. Please try again shortly."
        "같은 Idempotency-Key의 요청이 아직 처리 중입니다. 잠시 후 다시 시도해 주세요.";
    /// Somebody else changed the object that `If-Match` names a version of.
    Changed 412 "common/changed"
        "This has changed since you looked at it. Look again, and repeat what you meant."
        "조회한 뒤에 변경되었습니다. 다시 확인한 후 시도해 주세요.";
    /// The body is not declared as JSON.
    UnsupportedMediaType 415 "common/unsupported-media-type"
        "Send the body as Content-Type: application/json."
        "본문은 Content-Type: application/json으로 보내 주세요.";
    /// The idempotency key was used with another body.
    IdempotencyKeyReused 422 "common/idempotency-key-reused"
        "This Idempotency-Key was already used with a different body."
        "이 Idempotency-Key는 이미 다른 본문에 사용되었습니다.";
    /// A bug; the log knows more under the same request id.
    Internal 500 "common/internal"
        "Something went wrong on our side. Please try again, and give the request id if it happens again."
        "서버에 문제가 발생했습니다. 다시 시도해 주시고, 반복되면 요청 ID를 알려 주세요.";
    /// A queue or pool is full.
    Overloaded 503 "common/overloaded"
        "The service is busy. Please try again in a moment."
        "지금은 서비스가 혼잡합니다. 잠시 후 다시 시도해 주세요.";

    /// No API key, or an unknown, revoked or expired one.
    InvalidApiKey 401 "auth/invalid-api-key"
        "The API key is missing or not valid."
        "API 키가 없거나 올바르지 않습니다.";
    /// A limit per client or per user.
    TooManyRequests 429 "auth/too-many-requests"
        "Too many requests (429)."
        "요청이 너무 많습니다. 잠시 후 다시 시도해 주세요.";
    /// Too many wrong sign-ins.
    TooManyLoginAttempts 429 "auth/too-many-login-attempts"
        "Too many failed sign-ins. Please wait before you try again."
        "로그인 실패가 너무 많습니다. 잠시 기다린 후 다시 시도해 주세요.";
    /// Too many wrong typed codes.
    TooManyCodeRequests 429 "auth/too-many-code-requests"
        "Too many wrong codes. Please wait, or use the link in the mail."
        "잘못된 코드를 너무 많이 입력했습니다. 잠시 기다리거나 메일의 링크를 사용해 주세요.";

    /// Not an e-mail address.
    InvalidEmail 400 "auth/invalid-email"
        "This is not a valid e-mail address."
        "올바른 이메일 주소가 아닙니다.";
    /// No such token for this address.
    VerificationTokenNotFound 404 "auth/verification-token-not-found"
        "This link or code is not valid. Please request a new one."
        "유효하지 않은 링크 또는 코드입니다. 새로 요청해 주세요.";
    /// A genuine token that is too old.
    VerificationTokenExpired 401 "auth/verification-token-expired"
        "This link or code has expired. Please request a new one."
        "링크 또는 코드가 만료되었습니다. 새로 요청해 주세요.";
    /// The password policy is broken.
    InvalidPasswordFormat 400 "auth/invalid-password-format"
        "The password does not meet the requirements; see details."
        "비밀번호가 요구 조건에 맞지 않습니다. details를 확인해 주세요.";
    /// The password is in the leaked-password set.
    WeakPassword 400 "auth/weak-password"
        "This password appears in lists of leaked passwords. Please choose another."
        "유출된 비밀번호 목록에 있는 비밀번호입니다. 다른 비밀번호를 선택해 주세요.";
    /// The current password is wrong.
    InvalidPassword 401 "auth/invalid-password"
        "The current password is wrong."
        "현재 비밀번호가 올바르지 않습니다.";
    /// The new password is the current one.
    SameAsPreviousPassword 400 "auth/same-as-previous-password"
        "The new password is the same as the current one."
        "새 비밀번호가 현재 비밀번호와 같습니다.";
    /// The signed-in account is gone.
    AccountNotFound 404 "auth/account-not-found"
        "This account no longer exists."
        "더 이상 존재하지 않는 계정입니다.";

    /// The address has an account already.
    EmailAlreadyExists 409 "auth/email-already-exists"
        "Email already exists."
        "이미 사용 중인 이메일입니다.";
    /// The user has as many addresses as may be.
    TooManyAddresses 409 "auth/too-many-addresses"
        "This account has as many e-mail addresses as it may have. Please remove one first."
        "더 이상 이메일 주소를 추가할 수 없습니다. 먼저 다른 주소를 삭제해 주세요.";
    /// The user has no such address.
    AddressNotFound 404 "auth/address-not-found"
        "There is no such e-mail address in this account."
        "이 계정에서 해당 이메일 주소를 찾을 수 없습니다.";
    /// The address that a user is known by cannot be removed.
    PrimaryAddress 409 "auth/primary-address"
        "This is the main e-mail address. Please make another one the main address first."
        "대표 이메일 주소입니다. 먼저 다른 주소를 대표 주소로 설정해 주세요.";
    /// Codes of a second factor go to the address.
    AddressInUse 409 "auth/address-in-use"
        "Sign-in codes are sent to this address. Please remove that second factor first."
        "로그인 인증 코드를 받는 주소입니다. 먼저 해당 2단계 인증을 해제해 주세요.";
    /// Nothing is taken away for a while after a recovery that only a mailbox proved.
    ChangeHeld 403 "auth/change-held"
        "The account was recovered by e-mail a short while ago: addresses and second factors cannot be removed before the time in details."
        "이메일로 계정을 복구한 지 얼마 되지 않아, details에 표시된 시각까지는 이메일 주소와 2단계 인증을 삭제할 수 없습니다.";
    /// Wrong address or password.
    InvalidCredentials 401 "auth/invalid-credentials"
        "The e-mail address or the password is wrong."
        "이메일 또는 비밀번호가 올바르지 않습니다.";
    /// A second factor is needed.
    MfaRequired 403 "auth/mfa-required"
        "A second factor is required. Please send mfaCode as well."
        "2단계 인증이 필요합니다. mfaCode를 함께 보내 주세요.";
    /// The second factor is wrong.
    InvalidMfaCode 401 "auth/invalid-mfa-code"
        "The second-factor code is wrong or already used."
        "2단계 인증 코드가 올바르지 않거나 이미 사용되었습니다.";
    /// The account is banned.
    AccountBanned 403 "auth/account-banned"
        "This account has been suspended. Please contact the administrator."
        "정지된 계정입니다. 관리자에게 문의해 주세요.";
    /// The address must be verified first.
    EmailNotVerified 403 "auth/email-not-verified"
        "Please verify your e-mail address first."
        "먼저 이메일 주소를 인증해 주세요.";
    /// The refresh token is unknown, spent or of an ended session.
    InvalidRefreshToken 401 "auth/invalid-refresh-token"
        "The refresh token is not valid. Please sign in again."
        "리프레시 토큰이 유효하지 않습니다. 다시 로그인해 주세요.";
    /// No such session of this user.
    SessionNotFound 404 "auth/session-not-found"
        "There is no such session."
        "해당 세션을 찾을 수 없습니다.";
    /// No access token.
    Unauthorized 401 "auth/unauthorized"
        "Please sign in: no access token was sent."
        "로그인이 필요합니다. 액세스 토큰이 없습니다.";
    /// The access token is not one of ours.
    InvalidToken 401 "auth/invalid-token"
        "The access token is not valid."
        "액세스 토큰이 유효하지 않습니다.";
    /// The access token is too old.
    TokenExpired 401 "auth/token-expired"
        "The access token has expired. Please refresh it."
        "액세스 토큰이 만료되었습니다. 갱신해 주세요.";
    /// The session of the access token ended or expired.
    SessionExpired 401 "auth/session-expired"
        "The session has ended. Please sign in again."
        "세션이 종료되었습니다. 다시 로그인해 주세요.";

    /// The address is verified already.
    AlreadyVerified 400 "auth/already-verified"
        "This e-mail address is already verified."
        "이미 인증된 이메일 주소입니다.";
    /// The address to return to is not in the configured list.
    InvalidUrl 400 "auth/invalid-url"
        "This URL is not allowed."
        "허용되지 않은 URL입니다.";

    /// The factor is enrolled already.
    MfaAlreadyEnabled 409 "auth/mfa-already-enabled"
        "The second factor is already enabled."
        "2단계 인증이 이미 활성화되어 있습니다.";
    /// There is no factor to confirm or disable.
    MfaNotEnabled 400 "auth/mfa-not-enabled"
        "The second factor is not enabled."
        "2단계 인증이 활성화되어 있지 않습니다.";
    /// The enrolment waited too long for its confirmation.
    MfaSetupExpired 400 "auth/mfa-setup-expired"
        "The set-up has expired. Please start again."
        "설정 시간이 만료되었습니다. 처음부터 다시 진행해 주세요.";
    /// All recovery codes are used.
    MfaBackupCodesExhausted 400 "auth/mfa-backup-codes-exhausted"
        "All recovery codes have been used. Please make new ones."
        "복구 코드를 모두 사용했습니다. 새로 발급해 주세요.";

    /// No such flow.
    FlowNotFound 404 "flow/not-found"
        "There is no such flow."
        "해당 플로우를 찾을 수 없습니다.";
    /// The execution is none of ours, or too old.
    FlowExecutionOver 404 "flow/execution-not-found"
        "This execution does not exist, or its time is over. Please start the flow again."
        "존재하지 않거나 시간이 지난 실행입니다. 플로우를 처음부터 다시 시작해 주세요.";
    /// The flow is for people who are not signed in.
    FlowForStrangers 409 "flow/signed-in-already"
        "You are signed in already. Please sign out first."
        "이미 로그인되어 있습니다. 먼저 로그아웃해 주세요.";

    /// No such user.
    UserNotFound 404 "user/not-found"
        "There is no such user."
        "해당 사용자를 찾을 수 없습니다.";
    /// The call needs somebody signed in.
    UserUnauthorized 401 "user/unauthorized"
        "Please sign in to do this."
        "로그인이 필요한 작업입니다.";
    /// The user is banned, or their account is closing.
    UserNotActive 409 "user/not-active"
        "This user is banned, or the account is closing, so this cannot be done."
        "정지되었거나 닫히는 중인 계정이라 이 작업을 할 수 없습니다.";
    /// The caller may not do this.
    UserForbidden 403 "user/forbidden"
        "You are not allowed to do this."
        "이 작업을 수행할 권한이 없습니다.";
    /// Not one of the roles.
    UserInvalidRole 400 "user/invalid-role"
        "The role must be admin, user or guest."
        "역할은 admin, user, guest 중 하나여야 합니다.";
    /// The name is empty or too long.
    UserInvalidName 400 "user/invalid-name"
        "The name must have 1 to 100 characters."
        "이름은 1자 이상 100자 이하여야 합니다.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// The contract's codes, written down a second time on purpose.
    const CONTRACT: &str = "
        400 common/invalid-parameters  404 common/not-found  405 common/method-not-allowed
        408 common/request-timeout  409 common/idempotency-in-progress  415 common/unsupported-media-type
        412 common/changed  422 common/idempotency-key-reused  500 common/internal  503 common/overloaded
        401 auth/invalid-api-key  429 auth/too-many-requests  429 auth/too-many-login-attempts
        429 auth/too-many-code-requests
        400 auth/invalid-email  404 auth/verification-token-not-found  401 auth/verification-token-expired
        400 auth/invalid-password-format  400 auth/weak-password  401 auth/invalid-password
        400 auth/same-as-previous-password  404 auth/account-not-found
        409 auth/email-already-exists  401 auth/invalid-credentials  403 auth/mfa-required
        401 auth/invalid-mfa-code  403 auth/account-banned  403 auth/email-not-verified
        401 auth/invalid-refresh-token  404 auth/session-not-found  401 auth/unauthorized
        401 auth/invalid-token  401 auth/token-expired  401 auth/session-expired
        400 auth/already-verified  400 auth/invalid-url
        409 auth/mfa-already-enabled  400 auth/mfa-not-enabled  400 auth/mfa-setup-expired
        400 auth/mfa-backup-codes-exhausted
        409 auth/too-many-addresses  404 auth/address-not-found  409 auth/primary-address
        409 auth/address-in-use  403 auth/change-held
        404 flow/not-found  404 flow/execution-not-found  409 flow/signed-in-already
        404 user/not-found  409 user/not-active  401 user/unauthorized  403 user/forbidden  400 user/invalid-role  400 user/invalid-name";

    #[test]
    fn the_table_holds_the_codes_of_the_contract() {
        let words: Vec<&str> = CONTRACT.split_whitespace().collect();
        let contract: HashSet<(u16, &str)> = words
            .chunks(2)
            .map(|pair| (pair[0].parse().unwrap(), pair[1]))
            .collect();
        let ours: HashSet<(u16, &str)> = Code::ALL.iter().map(|c| (c.status(), c.text())).collect();
        assert_eq!(ours, contract);
        assert_eq!(Code::ALL.len(), contract.len(), "no code twice");
    }

    #[test]
    fn every_code_speaks_english_and_korean() {
        for code in Code::ALL {
            assert!(
                code.english().ends_with('.') && code.english().is_ascii(),
                "{code:?}"
            );
            assert!(code.korean().contains(|c| ('가'..='힣').contains(&c)), "{code:?}");
        }
        assert_eq!(Code::EmailAlreadyExists.english(), "Email already exists.");
        assert_eq!(Code::TooManyRequests.english(), "Too many requests (429).");
    }
}
