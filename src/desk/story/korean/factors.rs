//! The Korean words of second factors.

use super::Korean;
use crate::domain::{Allowance, Event, FactorKind, FactorProof, FactorUse};

impl Korean<'_> {
    /// Tells an event of second factors; any other has no words here.
    pub(super) fn factor(&self, event: &Event) -> String {
        let whom = &self.whom;
        if let Event::FactorRemoved { kind, by, .. } = event {
            return format!("{whom}의 {} 제거되었습니다 ({})", noun(*kind), self.actor(*by));
        }
        if let Event::FactorConfirmed { kind, .. } = event {
            return format!("{whom}의 {} 2단계 인증 수단으로 확인되었습니다", noun(*kind));
        }
        if let Event::FactorAccepted { proof, action, .. } = event {
            return format!(
                "{whom}의 {} 받아들여졌습니다 ({})",
                given(*proof),
                purpose(*action)
            );
        }
        if let Event::FactorRemembered { kind, shown, .. } = event {
            return format!(
                "{whom}의 {} 같은 브라우저에서 이미 확인되어({}) 다시 묻지 않았습니다",
                noun(*kind),
                shown.rfc3339()
            );
        }
        if let Event::FactorRefused { action, .. } = event {
            return format!("{whom}의 2단계 인증이 틀려 거절되었습니다 ({})", purpose(*action));
        }
        if let Event::FactorCodeRequested { allowance, .. } = event {
            return match allowance {
                Allowance::None => format!(
                    "{whom}에게 메일로 코드를 보내 달라는 요청이 있었습니다. 한도를 넘었거나 설정되지 않아 보내지 않습니다"
                ),
                Allowance::General | Allowance::Reserve => {
                    format!("{whom}에게 메일로 코드를 보내 달라는 요청이 있었습니다")
                }
            };
        }
        if let Event::TotpBegun { .. } = event {
            return format!("{whom}이 인증 앱을 추가하기 시작했습니다");
        }
        if let Event::MailboxBegun { .. } = event {
            return format!("{whom}이 2단계 인증 메일함을 추가하기 시작했습니다");
        }
        format!("{whom}에게 새 복구 코드가 발급되었습니다. 이전 코드는 무효입니다")
    }
}

/// With its particle.
fn noun(kind: FactorKind) -> &'static str {
    match kind {
        FactorKind::Totp => "인증 앱이",
        FactorKind::Email => "코드를 받는 메일함이",
        FactorKind::RecoveryCodes => "복구 코드가",
    }
}

/// With its particle.
fn given(proof: FactorProof) -> String {
    match proof {
        FactorProof::Totp { .. } => "인증 앱 코드가".to_owned(),
        FactorProof::Email { .. } => "메일로 받은 코드가".to_owned(),
        FactorProof::RecoveryCode { number, .. } => format!("{}번 복구 코드가", number + 1),
    }
}

fn purpose(action: FactorUse) -> &'static str {
    match action {
        FactorUse::SignIn => "로그인",
        FactorUse::Recovery => "계정 복구",
        FactorUse::Enrolment => "2단계 인증 수단 확인",
        FactorUse::Change => "2단계 인증 수단 변경",
    }
}
