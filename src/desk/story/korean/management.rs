//! The Korean words of what administrators do about users and mails.

use super::{Korean, role_words};
use crate::domain::Event;

impl Korean<'_> {
    /// Tells an event of an administrator's work; any other has no words here.
    pub(super) fn management(&self, event: &Event) -> String {
        let whom = &self.whom;
        if let Event::RoleChanged { role, by, .. } = event {
            return format!(
                "{whom}의 역할이 {}(으)로 바뀌었습니다 ({})",
                role_words(*role),
                self.actor(*by)
            );
        }
        if let Event::ProfileEdited { by, .. } = event {
            return format!(
                "{whom}의 이름이나 언어가 관리자에 의해 변경되었습니다 ({})",
                self.actor(*by)
            );
        }
        if let Event::RecoverySent { by, .. } = event {
            return format!("{whom}에게 비밀번호 재설정 메일을 보냅니다 ({})", self.actor(*by));
        }
        if let Event::MailCancelled { queued, by } = event {
            return format!(
                "{}: 발송이 취소되었습니다 ({})",
                self.mail(*queued),
                self.actor(*by)
            );
        }
        if let Event::MailHastened { queued, by } = event {
            return format!("{}: 바로 다시 보냅니다 ({})", self.mail(*queued), self.actor(*by));
        }
        if let Event::UserImported {
            verified, since, by, ..
        } = event
        {
            let proven = if *verified {
                "인증됨"
            } else {
                "인증되지 않음"
            };
            let who = self.actor(*by);
            return format!(
                "{whom}의 계정을 다른 프로그램에서 가져왔습니다 ({who}). 등록 시각 {since}, 주소 {proven}"
            );
        }
        if let Event::PasswordImported { by, .. } = event {
            return format!(
                "{whom}의 비밀번호를 다른 프로그램에서 가져왔습니다 ({})",
                self.actor(*by)
            );
        }
        if let Event::UserInvited { by, .. } = event {
            return format!("{whom}에게 초대 메일을 보냅니다 ({})", self.actor(*by));
        }
        if let Event::InvitationAccepted { .. } = event {
            return format!("{whom}이(가) 초대를 수락했습니다");
        }
        String::new()
    }
}
