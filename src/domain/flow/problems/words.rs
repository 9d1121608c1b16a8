//! What is wrong with a flow and what to do, in sentences.

use super::ProblemKind;
use crate::types::Locale;

impl ProblemKind {
    /// What is wrong and what to do, in a sentence.
    pub fn sentence(self, locale: Locale) -> &'static str {
        let (english, korean) = self.sentences();
        match locale {
            Locale::En => english,
            Locale::Ko => korean,
        }
    }

    fn sentences(self) -> (&'static str, &'static str) {
        match self {
            Self::NoStage => (
                "The flow has no stage: bind some.",
                "플로우에 스테이지가 없습니다. 스테이지를 바인딩하세요.",
            ),
            Self::NoIdentification => (
                "Nobody says who they are: bind an identification stage first.",
                "사용자를 식별하지 않습니다. 식별 스테이지를 맨 앞에 바인딩하세요.",
            ),
            Self::NoPassword => (
                "No password is asked: bind a password stage, or name one in the identification stage.",
                "비밀번호를 묻지 않습니다. 비밀번호 스테이지를 바인딩하거나 식별 스테이지에 지정하세요.",
            ),
            Self::NoLogin => (
                "No session begins: bind a user login stage last.",
                "세션이 시작되지 않습니다. 사용자 로그인 스테이지를 맨 뒤에 바인딩하세요.",
            ),
            Self::NoLogout => (
                "No session ends: bind a user logout stage.",
                "세션이 종료되지 않습니다. 사용자 로그아웃 스테이지를 바인딩하세요.",
            ),
            Self::NoEmail => (
                "Nothing proves that a mailbox is the person's: bind an email stage after the identification stage.",
                "메일함의 주인임을 확인하지 않습니다. 식별 스테이지 뒤에 이메일 스테이지를 바인딩하세요.",
            ),
            Self::NoPrompt => (
                "A password is to be written and none is asked for: bind a prompt stage with a password field.",
                "저장할 비밀번호를 입력받지 않습니다. 비밀번호 필드가 있는 프롬프트 스테이지를 바인딩하세요.",
            ),
            Self::NoWrite => (
                "Nothing is written: bind a user write stage.",
                "아무것도 저장되지 않습니다. 사용자 쓰기 스테이지를 바인딩하세요.",
            ),
            Self::NoAddress => (
                "A new account needs an address: give a prompt stage a field of type email.",
                "새 계정에는 이메일 주소가 필요합니다. 프롬프트 스테이지에 email 유형의 필드를 추가하세요.",
            ),
            Self::NeverCreates => (
                "No account is made: set user_creation_mode of the write stage to always_create.",
                "계정이 만들어지지 않습니다. 쓰기 스테이지의 user_creation_mode를 always_create로 설정하세요.",
            ),
            Self::Creates => (
                "The account is there already: set user_creation_mode of the write stage to never_create.",
                "계정이 이미 있습니다. 쓰기 스테이지의 user_creation_mode를 never_create로 설정하세요.",
            ),
            Self::WrongOrder => (
                "The stage stands before one that it needs: move it behind identification, email and prompt, in this order.",
                "먼저 와야 할 스테이지보다 앞에 있습니다. 식별, 이메일, 프롬프트 다음 순서로 옮기세요.",
            ),
            Self::WrongTemplate => (
                "The stage mails something else: set template to password_reset for recovery and to account_confirmation for enrollment.",
                "다른 메일을 보냅니다. 복구에는 password_reset, 가입에는 account_confirmation 템플릿을 지정하세요.",
            ),
            Self::NoMailServer => (
                "The stage has no mail server: configure the mail settings, or switch use_global_settings off and fill in its own.",
                "메일 서버가 없습니다. 메일 설정을 구성하거나 use_global_settings를 끄고 직접 입력하세요.",
            ),
            Self::AlwaysDenied => (
                "The stage lets nobody go on: bind a policy to it, or take it away.",
                "누구도 진행할 수 없습니다. 스테이지에 정책을 연결하거나 바인딩을 제거하세요.",
            ),
            Self::NothingToConfigure => (
                "People without a factor are to set one up, and no stage for it is named: fill in configuration_stages.",
                "인증 수단이 없는 사용자가 설정할 스테이지가 없습니다. configuration_stages를 지정하세요.",
            ),
            Self::WrongDesignation => (
                "The stage links to a flow that is for something else: choose one of the right designation.",
                "용도가 다른 플로우로 연결됩니다. 용도에 맞는 플로우를 선택하세요.",
            ),
            Self::NoPolicy => (
                "The stage names a password policy that there is not: make it, or name another.",
                "없는 비밀번호 정책을 가리킵니다. 정책을 만들거나 다른 정책을 지정하세요.",
            ),
        }
    }
}
