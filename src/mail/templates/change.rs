//! What a mail says of changed second factors.

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

    /// The stored form; never changes.
    pub fn code(self) -> u8 {
        match self {
            Self::AppAdded => 1,
            Self::MailboxAdded => 2,
            Self::Removed => 3,
            Self::CodesIssued => 4,
            Self::CodeUsed => 5,
            Self::RemovedByOperator => 6,
        }
    }

    /// The inverse of [`FactorChange::code`].
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|change| change.code() == code)
    }

    /// A sentence.
    pub(super) fn words(self, locale: Locale) -> &'static str {
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
