//! The Korean words of addresses and objections.

use super::{Korean, via_words};
use crate::domain::{Event, ObjectionAbout};

impl Korean<'_> {
    /// Tells an event of addresses or objections; any other has no words here.
    pub(super) fn safeguard(&self, event: &Event) -> String {
        let whom = &self.whom;
        if let Event::MailboxNamed { .. } = event {
            return format!("{whom}이 메일함을 지정하여 그 메일함으로 코드를 보냅니다");
        }
        if let Event::AddressBegun { .. } = event {
            return format!("{whom}이 이메일 주소를 추가하기 시작했습니다");
        }
        if let Event::AddressConfirmed { via, .. } = event {
            return format!("{whom}의 추가 이메일 주소가 인증되었습니다 ({})", via_words(*via));
        }
        if let Event::AddressRemoved { until, .. } = event {
            return format!("{whom}이 이메일 주소를 삭제했습니다. {until} 전에는 다른 사람이 쓸 수 없습니다");
        }
        if let Event::PrimaryChanged { .. } = event {
            return format!("{whom}이 대표 이메일 주소를 바꾸었습니다");
        }
        if let Event::ObjectionOffered { about, expires, .. } = event {
            return format!(
                "{whom}이 {expires}까지 이의를 제기할 수 있습니다 ({})",
                noun(*about)
            );
        }
        if let Event::ObjectionRaised { .. } = event {
            return format!("{whom}의 메일함에서 본인이 아니라고 알려 와 해당 변경을 되돌렸습니다");
        }
        format!("{whom}의 이의 제기를 위해 보관하던 내용을 더 이상 보관하지 않습니다")
    }
}

fn noun(about: ObjectionAbout) -> &'static str {
    match about {
        ObjectionAbout::Recovery => "계정 복구",
        ObjectionAbout::Password => "새 비밀번호",
        ObjectionAbout::Factors => "2단계 인증 변경",
        ObjectionAbout::Addresses => "이메일 주소 변경",
        ObjectionAbout::SignIn => "로그인",
    }
}
