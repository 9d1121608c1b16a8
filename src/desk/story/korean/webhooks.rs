//! The Korean words of what happens to receivers of events.

use super::super::teller::printable;
use super::Korean;
use crate::domain::WebhookEvent;

impl Korean<'_> {
    /// Tells an event of a receiver. Of its address only the host is told: a path may be a secret.
    pub(super) fn webhook(&self, event: &WebhookEvent) -> String {
        let webhook = event.webhook().short();
        match event {
            WebhookEvent::WebhookCreated { form, by, .. } => format!(
                "웹훅 {webhook} ({}): 만들어졌습니다. 선택한 이벤트를 {}에서 받습니다 ({})",
                printable(form.name.as_str()),
                form.url.origin(),
                self.actor(*by)
            ),
            WebhookEvent::WebhookChanged { form, by, .. } => {
                let state = if form.enabled { "사용" } else { "사용 안 함" };
                format!(
                    "웹훅 {webhook} ({}): 변경되었습니다. {state}, {} ({})",
                    printable(form.name.as_str()),
                    form.url.origin(),
                    self.actor(*by)
                )
            }
            WebhookEvent::WebhookRemoved { by, .. } => {
                format!("웹훅 {webhook}: 삭제되었습니다 ({})", self.actor(*by))
            }
            WebhookEvent::WebhookSecretRotated { old_until, by, .. } => format!(
                "웹훅 {webhook}: 비밀 키가 교체되었습니다. 이전 키도 {}까지 함께 서명합니다 ({})",
                old_until.rfc3339(),
                self.actor(*by)
            ),
            WebhookEvent::WebhookAdvanced {
                cursor, delivered, ..
            } => {
                format!(
                    "웹훅 {webhook}: 이벤트 {delivered}개를 더 받았고, 위치 {cursor} 앞에서 선택한 것을 모두 받았습니다"
                )
            }
            WebhookEvent::WebhookGivenUp {
                event,
                attempts,
                status,
                ..
            } => {
                let answer = match status {
                    0 => "응답 없음".to_owned(),
                    status => format!("상태 {status}"),
                };
                format!(
                    "웹훅 {webhook}: 위치 {event}의 이벤트를 {attempts}번 시도한 뒤 포기했습니다 ({answer})"
                )
            }
            WebhookEvent::WebhookRedelivered { event, by, .. } => format!(
                "웹훅 {webhook}: 포기했던 위치 {event}의 이벤트를 받았습니다 ({})",
                self.actor(*by)
            ),
            WebhookEvent::WebhookStopped { .. } => {
                format!("웹훅 {webhook}: 더 이상 존재하지 않는다고 응답하여 사용을 중지했습니다")
            }
        }
    }
}
