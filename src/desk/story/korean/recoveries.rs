//! The Korean words of a recovery's steps.

use super::super::recoveries::{Ending, Step, StepWhat};
use super::{Korean, dropped, handed_words, mail_end, refused, via_words};
use crate::domain::{Allowance, MailKind};

impl Korean<'_> {
    /// Whose recovery it is, and how it ended.
    pub(in crate::desk::story) fn ending(&self, ending: Ending) -> String {
        let end = match ending {
            Ending::Completed => "완료되었습니다".to_owned(),
            Ending::Open(until) => format!("아직 {until}까지 사용할 수 있습니다"),
            Ending::Due => "곧 메일을 보냅니다".to_owned(),
            Ending::NoMail => "한도를 넘어 메일을 보내지 않았습니다".to_owned(),
            Ending::Dropped(cause) => format!("메일을 보내지 않았습니다. {}", dropped(cause)),
            Ending::Superseded => "완료되지 않았습니다. 더 새로운 것으로 대체되었습니다".to_owned(),
            Ending::Expired => "완료되지 않았습니다. 기한이 지났습니다".to_owned(),
            Ending::Void => "완료되지 않았습니다. 묶여 있던 비밀번호나 계정이 바뀌었습니다".to_owned(),
        };
        format!("{}의 계정 복구: {end}", self.whom)
    }

    /// A step, with how often it came and where it came from.
    pub(in crate::desk::story) fn step(&self, step: &Step) -> String {
        let words = match step.what {
            StepWhat::Asked(allowance) => match allowance {
                Allowance::None => "요청함, 한도 초과".to_owned(),
                Allowance::General => "요청함".to_owned(),
                Allowance::Reserve => "알려진 기기에서 예비 한도로 요청함".to_owned(),
            },
            StepWhat::Issued(by) => format!("직접 전달하도록 발급됨 ({})", self.actor(by)),
            StepWhat::Delivered(MailKind::PasswordReset) => "메일 전달됨".to_owned(),
            StepWhat::Delivered(kind) => format!("안내 메일 {} 전달됨", kind.name()),
            StepWhat::Deferred(kind) => format!("메일 {} 아직 전달하지 못함", kind.name()),
            StepWhat::NotDelivered(kind, cause) => {
                format!("메일 {} 전달하지 못함: {}", kind.name(), mail_end(cause))
            }
            StepWhat::WrongCode => "거절됨: 틀린 코드".to_owned(),
            StepWhat::Refused(cause) => format!("거절됨: {}", refused(cause)),
            StepWhat::WrongFactor => "거절됨: 틀린 2단계 인증".to_owned(),
            StepWhat::FactorAccepted => "2단계 인증 확인됨".to_owned(),
            StepWhat::Proven(via) => format!("{} 완료됨", via_words(via)),
            StepWhat::ProvenAsHanded(via) => format!("{} 완료됨", handed_words(via)),
            StepWhat::AddressVerified => "주소가 인증된 것으로 처리됨".to_owned(),
            StepWhat::PasswordSet => "새 비밀번호 설정됨, 이전에 발급된 것은 모두 무효".to_owned(),
            StepWhat::SessionsEnded(count) => format!("세션 {count}개 종료됨"),
            StepWhat::FactorRemoved => "2단계 인증 수단 제거됨".to_owned(),
            StepWhat::Dropped(cause) => format!("메일 없음: {}", dropped(cause)),
        };
        let times = match step.times {
            1 => String::new(),
            times => format!(", {times}번"),
        };
        let from = step.ip.map_or_else(String::new, |ip| format!(" ({ip}에서)"));
        format!("{words}{times}{from}")
    }
}
