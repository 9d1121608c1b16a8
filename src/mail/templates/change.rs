//! What a mail says of changed second factors and addresses.

use crate::types::Locale;

/// What happened to somebody's second factors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FactorChange {
    /// An authenticator app was added.
    AppAdded,
    /// A mailbox was added.
    MailboxAdded,
    /// The user took some away.
    Removed,
    /// New recovery codes were made.
    CodesIssued,
    /// A recovery code was used.
    CodeUsed,
    /// An administrator took some away.
    RemovedByOperator,
}

impl FactorChange {
    const ALL: [Self; 6] = [
        Self::AppAdded,
        Self::MailboxAdded,
        Self::Removed,
        Self::CodesIssued,
        Self::CodeUsed,
        Self::RemovedByOperator,
    ];

    fn code(self) -> u8 {
        match self {
            Self::AppAdded => 1,
            Self::MailboxAdded => 2,
            Self::Removed => 3,
            Self::CodesIssued => 4,
            Self::CodeUsed => 5,
            Self::RemovedByOperator => 6,
        }
    }

    fn words(self, locale: Locale) -> &'static str {
        match (self, locale) {
            (Self::AppAdded, Locale::En) => "An authenticator app was added, with new recovery codes.",
            (Self::AppAdded, Locale::Ko) => "인증 앱이 추가되고 새 복구 코드가 발급되었습니다.",
            (Self::MailboxAdded, Locale::En) => "Codes by e-mail were added.",
            (Self::MailboxAdded, Locale::Ko) => "이메일 인증 코드가 추가되었습니다.",
            (Self::Removed, Locale::En) => "Two-step sign-in was removed, in part or altogether.",
            (Self::Removed, Locale::Ko) => "2단계 인증이 일부 또는 전부 해제되었습니다.",
            (Self::CodesIssued, Locale::En) => "New recovery codes were made; the old ones no longer work.",
            (Self::CodesIssued, Locale::Ko) => "새 복구 코드가 발급되어 이전 코드는 쓸 수 없습니다.",
            (Self::CodeUsed, Locale::En) => "A recovery code was used.",
            (Self::CodeUsed, Locale::Ko) => "복구 코드가 사용되었습니다.",
            (Self::RemovedByOperator, Locale::En) => {
                "An administrator removed two-step sign-in, in part or altogether."
            }
            (Self::RemovedByOperator, Locale::Ko) => "관리자가 2단계 인증을 일부 또는 전부 해제했습니다.",
        }
    }
}

/// What happened to somebody's addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddressChange {
    /// One was added.
    Added,
    /// One was removed.
    Removed,
    /// One became the first.
    Primary,
}

impl AddressChange {
    const ALL: [Self; 3] = [Self::Added, Self::Removed, Self::Primary];

    fn code(self) -> u8 {
        match self {
            Self::Added => 101,
            Self::Removed => 102,
            Self::Primary => 103,
        }
    }

    fn words(self, locale: Locale) -> &'static str {
        match (self, locale) {
            (Self::Added, Locale::En) => "This e-mail address was added to your account:",
            (Self::Added, Locale::Ko) => "회원님의 계정에 아래 이메일 주소가 추가되었습니다.",
            (Self::Removed, Locale::En) => "This e-mail address was removed from your account:",
            (Self::Removed, Locale::Ko) => "회원님의 계정에서 아래 이메일 주소가 삭제되었습니다.",
            (Self::Primary, Locale::En) => "This is the main e-mail address of your account now:",
            (Self::Primary, Locale::Ko) => "회원님 계정의 대표 이메일 주소가 아래 주소로 변경되었습니다.",
        }
    }
}

/// What a mail tells of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// Second factors.
    Factors(FactorChange),
    /// Addresses.
    Addresses(AddressChange),
}

impl Change {
    /// The stored form; never changes.
    pub fn code(self) -> u8 {
        match self {
            Self::Factors(change) => change.code(),
            Self::Addresses(change) => change.code(),
        }
    }

    /// The inverse of [`Change::code`].
    pub fn from_code(code: u8) -> Option<Self> {
        let factors = FactorChange::ALL.into_iter().map(Self::Factors);
        let addresses = AddressChange::ALL.into_iter().map(Self::Addresses);
        factors.chain(addresses).find(|change| change.code() == code)
    }

    /// A sentence.
    pub(super) fn words(self, locale: Locale) -> &'static str {
        match self {
            Self::Factors(change) => change.words(locale),
            Self::Addresses(change) => change.words(locale),
        }
    }
}
