//! The Korean words of each event.
//!
//! Names end in a word whose last letter is known (님, 키, 시스템), so that the particle behind them is always the right one.

mod factors;
mod flows;
mod management;
mod recoveries;
mod safeguards;
mod webhooks;

use super::teller::{Names, Way, Whom, printable, short};
use crate::domain::{
    Actor, Allowance, ApiKeyKind, DropCause, EndCause, EpochReason, Event, FailCause, MailEnd, PasswordCause,
    Purpose, RefusedCause, Role, Subject, SuppressedClass, Via,
};
use crate::mail::Step;
use crate::types::{Position, UserId, WebOrigin};

/// Tells events about one person in Korean.
pub(super) struct Korean<'a> {
    names: &'a dyn Names,
    /// Ends in 님 for everybody who has an account.
    whom: String,
}

impl<'a> Korean<'a> {
    pub(super) fn about(names: &'a dyn Names, whom: &Whom) -> Self {
        let whom = match whom {
            Whom::Masked(address) => format!("{address} 님"),
            Whom::User(user) => user_words(*user),
            Whom::Address(address) => format!("주소 {} 님", address.short()),
            Whom::OfEarlier => "해당 사용자 님".to_owned(),
            Whom::Nobody => "계정이 없는 주소의 누군가".to_owned(),
        };
        Self { names, whom }
    }

    pub(super) fn tell(&self, event: &Event) -> String {
        let whom = &self.whom;
        match event {
            Event::EpochStarted { number, reason } => {
                format!("에포크 {number}: 새로 시작되었습니다 ({})", epoch(*reason))
            }
            Event::ClockAccepted { kept } => {
                format!("운영자가 시스템 시계를 받아들였습니다. 그때까지의 시각은 {kept}")
            }
            Event::PolicySaved { policy, by } => {
                let asks = policy.online_check().map_or_else(String::new, |check| {
                    format!(". 유출된 비밀번호는 {} 주소에 확인합니다", check.url)
                });
                format!(
                    "비밀번호 정책 {}: 저장되었습니다 ({}){asks}",
                    policy.settings().name,
                    self.actor(*by)
                )
            }
            Event::FlowsChanged { change, by } => {
                format!("{} ({})", flows::changed(change), self.actor(*by))
            }
            Event::ApiKeyCreated {
                key, kind, label, by, ..
            } => {
                let kind = match kind {
                    ApiKeyKind::Publishable => "공개",
                    ApiKeyKind::Secret => "비밀",
                };
                format!(
                    "{kind} API 키 {} ({}): 만들어졌습니다 ({})",
                    key.short(),
                    printable(label),
                    self.actor(*by)
                )
            }
            Event::ApiKeyRevoked { key, by } => {
                format!("API 키 {}: 폐기되었습니다 ({})", key.short(), self.actor(*by))
            }
            Event::CheckpointKeyNamed { key, public, .. } => {
                format!(
                    "체크포인트의 서명 키는 {key}번입니다 ({}…)",
                    short(&public.to_string())
                )
            }
            Event::CheckpointKeyRotated {
                old,
                new,
                new_public,
                by,
                ..
            } => format!(
                "체크포인트의 서명 키가 {old}번에서 {new}번으로 바뀌었습니다 ({}…, {})",
                short(&new_public.to_string()),
                self.actor(*by)
            ),
            Event::KeyRotated {
                purpose,
                old,
                new,
                by,
            } => format!(
                "{} 키가 {old}번에서 {new}번으로 바뀌었습니다. 이전 키로 만든 것은 계속 유효합니다 ({})",
                purpose.name(),
                self.actor(*by)
            ),
            Event::MasterKeyReplaced { by } => format!(
                "마스터 키가 교체되었고 모든 데이터 키가 다시 암호화되었습니다 ({})",
                self.actor(*by)
            ),
            Event::ApiKeyOriginsNamed { key, origins, by } => {
                let (key, by) = (key.short(), self.actor(*by));
                if origins.is_empty() {
                    format!("API 키 {key}: 이제 어떤 웹 페이지에서도 사용할 수 없습니다 ({by})")
                } else {
                    let origins: Vec<&str> = origins.iter().map(WebOrigin::as_str).collect();
                    format!(
                        "API 키 {key}: {} 페이지에서 사용할 수 있습니다 ({by})",
                        origins.join(", ")
                    )
                }
            }
            Event::ApiKeyConfirmed { key, by } => format!(
                "API 키 {}: 다시 사용할 수 있습니다 ({})",
                key.short(),
                self.actor(*by)
            ),
            Event::ApiKeyUsed { key } => {
                format!("API 키 {}: 오늘 사용되었습니다", key.short())
            }
            Event::UserRegistered {
                role,
                by: Actor::Stranger,
                ..
            } => format!("{whom}이 {} 역할로 가입했습니다", role_words(*role)),
            Event::UserRegistered { role, by, .. } => {
                format!(
                    "{whom}이 {} 역할로 등록되었습니다 ({})",
                    role_words(*role),
                    self.actor(*by)
                )
            }
            Event::SignUpCollided { .. } => format!("누군가 {whom}의 주소로 가입하려고 했습니다"),
            Event::PasswordSet { cause, .. } => match cause {
                PasswordCause::SignUp => format!("{whom}이 첫 비밀번호를 설정했습니다"),
                PasswordCause::Changed => {
                    format!("{whom}이 비밀번호를 변경했습니다. 이전 비밀번호로 발급된 것은 모두 무효입니다")
                }
                PasswordCause::Recovered(_) => format!(
                    "{whom}이 새 비밀번호를 설정했습니다. 이전 비밀번호로 발급된 것은 모두 무효입니다"
                ),
            },
            Event::PasswordRevoked { by, .. } => {
                format!("{whom}의 비밀번호가 회수되었습니다 ({})", self.actor(*by))
            }
            Event::VerifierUpgraded { .. } => {
                format!("{whom}의 비밀번호 검증값이 더 강하게 저장되었습니다")
            }
            Event::AddressVerified { via, .. } => {
                format!("{whom}이 {} 주소를 인증했습니다", via_words(*via))
            }
            Event::UserBanned { by, .. } => format!("{whom}이 차단되었습니다 ({})", self.actor(*by)),
            Event::UserUnbanned { by, .. } => {
                format!("{whom}의 차단이 해제되었습니다 ({})", self.actor(*by))
            }
            Event::WithdrawRequested { until, .. } => {
                format!("{whom}이 계정을 닫았습니다. 완전히 파기되는 때는 {until}")
            }
            Event::ProfileChanged { .. } => format!("{whom}이 이름이나 언어를 변경했습니다"),
            Event::WithdrawCancelled { .. } => format!("{whom}이 계정 닫기를 취소했습니다"),
            Event::UserErased { by, .. } => format!(
                "{whom}의 정보가 파기되었습니다. 암호 키가 없어졌습니다 ({})",
                self.actor(*by)
            ),
            Event::ResetRequested {
                subject, allowance, ..
            } => self.asked("비밀번호 재설정", *subject, *allowance),
            Event::VerificationRequested {
                subject, allowance, ..
            } => self.asked("주소 인증", *subject, *allowance),
            Event::CallbackNamed { request, .. } => {
                format!("요청 {request}의 메일에 있는 링크는 클라이언트가 말한 주소로 이어집니다")
            }
            Event::RequestDropped { request, cause } => {
                format!("요청 {request}에는 메일을 보내지 않습니다: {}", dropped(*cause))
            }
            Event::TokenIssued {
                purpose, expires, by, ..
            } => match by {
                Actor::Stranger => format!(
                    "{whom}에게 {} 증표가 발급되었습니다. 기한은 {expires}",
                    purpose_words(*purpose)
                ),
                Actor::User(_) | Actor::Operator | Actor::ApiKey(_) | Actor::System => format!(
                    "{whom}에게 {} 증표가 발급되었습니다 ({}). 기한은 {expires}",
                    purpose_words(*purpose),
                    self.actor(*by)
                ),
            },
            Event::CodeRefused { purpose, .. } => {
                format!("{whom}의 {} 코드가 틀려 거절되었습니다", purpose_words(*purpose))
            }
            Event::ProofRefused { cause, .. } => {
                format!("{whom}의 올바른 증표가 거절되었습니다: {}", refused(*cause))
            }
            Event::RecoveryCompleted { token, via, .. } => match (self.names.way_of(*token), via) {
                (Way::Mailed, _) => {
                    format!("{whom}이 {} 메일함을 증명하고 계정을 되찾습니다", via_words(*via))
                }
                (Way::HandedOver, _) => format!("{whom}이 {} 계정을 되찾습니다", handed_words(*via)),
                (Way::Forgotten, Via::Link) => format!("{whom}이 링크로 계정을 되찾습니다"),
                (Way::Forgotten, Via::Code) => format!("{whom}이 코드로 계정을 되찾습니다"),
            },
            Event::SignUpDisowned { .. } => {
                format!("주소의 주인이 {whom}의 가입은 본인이 한 것이 아니라고 했습니다")
            }
            Event::SignedIn { session, .. } => {
                format!("{whom}이 로그인했습니다 (세션 {})", session.short())
            }
            Event::SignInFailed { cause, .. } => {
                format!("{whom}의 로그인이 거절되었습니다: {}", failed(*cause))
            }
            Event::CurrentPasswordWrong { .. } => {
                format!("{whom}이 현재 비밀번호를 잘못 입력했습니다")
            }
            Event::PasswordRefused { rules, .. } => {
                let codes: Vec<_> = rules.codes().collect();
                format!("{whom}의 새 비밀번호가 거절되었습니다: {}", codes.join(", "))
            }
            Event::RefreshRotated { session, .. } => {
                format!("{whom}의 세션 {}: 연장되었습니다", session.short())
            }
            Event::RefreshReplayed { session, .. } => format!(
                "{whom}의 이미 교체된 갱신 토큰이 다시 쓰였습니다 (세션 {})",
                session.short()
            ),
            Event::RefreshRefused { session, .. } => {
                format!("끝난 세션 {}의 갱신 토큰이 거절되었습니다", session.short())
            }
            Event::SessionEnded {
                session, cause, by, ..
            } => format!(
                "{whom}의 세션 {}: 끝났습니다. {} ({})",
                session.short(),
                ended(*cause),
                self.actor(*by)
            ),
            Event::SessionsEnded {
                count, except, cause, ..
            } => {
                let scope = if except.is_some() {
                    "다른 모든 세션이"
                } else {
                    "모든 세션이"
                };
                format!("{whom}의 {scope} 끝났습니다 ({count}개): {}", ended(*cause))
            }
            Event::MailQueued { kind, .. } => {
                format!("{whom}에게 보낼 메일: {}", kind.name())
            }
            Event::MailDelivered {
                queued,
                attempt,
                status,
            } => format!(
                "{}: 전달되었습니다 (시도 {attempt}회, 응답 {status})",
                self.mail(*queued)
            ),
            Event::MailDeferred {
                queued,
                attempt,
                status,
                step,
                next,
            } => format!(
                "{}: 아직 전달하지 못했습니다 (시도 {attempt}회{}). 다음 시도는 {next}",
                self.mail(*queued),
                at_step(*step, *status)
            ),
            Event::MailEnded {
                queued,
                attempt,
                status,
                step,
                cause,
            } => format!(
                "{}: 더 이상 보내지 않습니다. {} (시도 {attempt}회{})",
                self.mail(*queued),
                mail_end(*cause),
                at_step(*step, *status)
            ),
            Event::TotpBegun { .. }
            | Event::MailboxBegun { .. }
            | Event::FactorConfirmed { .. }
            | Event::FactorRemoved { .. }
            | Event::RecoveryCodesIssued { .. }
            | Event::FactorAccepted { .. }
            | Event::FactorRemembered { .. }
            | Event::FactorRefused { .. }
            | Event::FactorCodeRequested { .. } => self.factor(event),
            Event::MailboxNamed { .. }
            | Event::AddressBegun { .. }
            | Event::AddressConfirmed { .. }
            | Event::AddressRemoved { .. }
            | Event::PrimaryChanged { .. }
            | Event::ObjectionOffered { .. }
            | Event::ObjectionRaised { .. }
            | Event::SafeguardsLapsed { .. } => self.safeguard(event),
            Event::RoleChanged { .. }
            | Event::ProfileEdited { .. }
            | Event::RecoverySent { .. }
            | Event::MailCancelled { .. }
            | Event::MailHastened { .. }
            | Event::UserImported { .. }
            | Event::PasswordImported { .. }
            | Event::UserInvited { .. }
            | Event::InvitationAccepted { .. } => self.management(event),
            Event::Webhook(event) => self.webhook(event),
            Event::Suppressed { class, count, first } => {
                let first = if first.is_some() {
                    ". 첫 번째가 어디에서 왔는지 적어 두었습니다"
                } else {
                    ""
                };
                let what = suppressed(*class);
                format!("{what} {count}건에 답했으며 하나씩 기록하지는 않았습니다{first}")
            }
        }
    }

    fn asked(&self, what: &str, subject: Subject, allowance: Allowance) -> String {
        let whom = &self.whom;
        match (subject, allowance) {
            (Subject::Stranger(_), _) => {
                format!("누군가 계정이 없는 주소로 {what} 메일을 요청했습니다. 메일은 보내지 않습니다")
            }
            (Subject::Address(_), Allowance::None) => format!(
                "누군가 {whom}의 {what} 메일을 요청했습니다. 한도를 넘었거나 필요하지 않아 보내지 않습니다"
            ),
            (Subject::Address(_), Allowance::General) => {
                format!("누군가 {whom}의 {what} 메일을 요청했습니다")
            }
            (Subject::Address(_), Allowance::Reserve) => {
                format!("알려진 기기에서 {whom}의 {what} 메일을 예비 한도로 요청했습니다")
            }
        }
    }

    fn mail(&self, queued: Position) -> String {
        let whom = &self.whom;
        match self.names.mail_at(queued) {
            Some(kind) => format!("{whom}에게 보내는 메일 {}", kind.name()),
            None => format!("위치 {queued}의 메일"),
        }
    }

    fn actor(&self, actor: Actor) -> String {
        match actor {
            Actor::Stranger => "알 수 없는 사람".to_owned(),
            Actor::User(user) => self
                .names
                .person(user)
                .map_or_else(|| user_words(user), |address| format!("{address} 님")),
            Actor::Operator => "운영자".to_owned(),
            Actor::ApiKey(key) => format!("API 키 {}", key.short()),
            Actor::System => "시스템".to_owned(),
        }
    }
}

fn user_words(user: UserId) -> String {
    format!("사용자 {} 님", user.short())
}

fn role_words(role: Role) -> &'static str {
    match role {
        Role::Admin => "관리자",
        Role::User => "사용자",
        Role::Guest => "손님",
    }
}

fn epoch(reason: EpochReason) -> &'static str {
    match reason {
        EpochReason::Founded => "원장이 만들어졌습니다",
        EpochReason::Restored => "백업에서 복원되었습니다",
        EpochReason::RollbackAccepted => "이벤트의 유실을 받아들였습니다",
        EpochReason::KeyTheft => "키가 도난당했을 수 있습니다",
        EpochReason::ClockReset => "시계가 잘못 가고 있었습니다",
    }
}

fn purpose_words(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Recovery => "계정 복구",
        Purpose::VerifyEmail => "주소 인증",
        Purpose::Reopen => "계정 닫기 취소",
        Purpose::SignInCode => "2단계 인증",
        Purpose::EnrolMailbox => "2단계 인증 메일함 등록",
        Purpose::AddAddress => "이메일 주소 추가",
        Purpose::Invitation => "초대",
    }
}

fn via_words(via: Via) -> &'static str {
    match via {
        Via::Link => "메일의 링크로",
        Via::Code => "메일의 코드로",
    }
}

fn handed_words(via: Via) -> &'static str {
    match via {
        Via::Link => "직접 전달받은 링크로",
        Via::Code => "직접 전달받은 코드로",
    }
}

fn dropped(cause: DropCause) -> &'static str {
    match cause {
        DropCause::AccountNotActive => "사용할 수 없는 계정입니다",
        DropCause::NothingToDo => "더 증명할 것이 없습니다",
        DropCause::EpochEnded => "이전 에포크의 요청입니다",
    }
}

fn refused(cause: RefusedCause) -> &'static str {
    match cause {
        RefusedCause::Expired => "기한이 지났습니다",
        RefusedCause::Format => "새 비밀번호가 정책에 맞지 않습니다",
        RefusedCause::SameAsPrevious => "새 비밀번호가 이전 비밀번호와 같습니다",
        RefusedCause::Leaked => "새 비밀번호가 유출된 목록에 있습니다",
        RefusedCause::Reused => "이미 사용했거나 더 새로운 것으로 대체되었습니다",
    }
}

fn failed(cause: FailCause) -> &'static str {
    match cause {
        FailCause::WrongPassword => "비밀번호가 틀렸습니다",
        FailCause::Banned => "차단된 계정입니다",
        FailCause::Closing => "닫히는 중인 계정입니다",
        FailCause::FactorMissing => "2단계 인증 코드가 없습니다",
        FailCause::Unverified => "인증되지 않은 주소입니다",
        FailCause::MailboxUnproven => "비밀번호는 맞지만 그동안의 일로 메일함을 한 번 증명해야 합니다",
    }
}

fn ended(cause: EndCause) -> &'static str {
    match cause {
        EndCause::SignedOut => "로그아웃했습니다",
        EndCause::EndedByUser => "다른 세션에서 끝냈습니다",
        EndCause::EndedByAdmin => "관리자가 끝냈습니다",
        EndCause::Displaced => "더 새로운 세션에 자리를 내주었습니다",
        EndCause::PasswordChanged => "비밀번호가 변경되었습니다",
        EndCause::Recovered => "계정을 되찾으며 비밀번호가 바뀌었습니다",
        EndCause::Replayed => "교체된 갱신 토큰이 다시 쓰였습니다",
        EndCause::Banned => "사용자가 차단되었습니다",
        EndCause::PasswordRevoked => "비밀번호가 회수되었습니다",
        EndCause::Closing => "계정이 닫힙니다",
    }
}

fn mail_end(cause: MailEnd) -> &'static str {
    match cause {
        MailEnd::Refused => "받는 서버가 완전히 거절했습니다",
        MailEnd::GaveUp => "정해진 기한까지 시도했습니다",
        MailEnd::Superseded => "증표가 무효여서 보내지 않았습니다",
        MailEnd::UserGone => "사용자가 없어졌습니다",
        MailEnd::EpochEnded => "이전 에포크의 메일입니다",
    }
}

fn at_step(step: u8, status: u16) -> String {
    let step = Step::from_number(step).map(|step| format!(", {} 단계", step_words(step)));
    let status = (status > 0).then(|| format!(", 응답 {status}"));
    step.unwrap_or_default() + &status.unwrap_or_default()
}

fn step_words(step: Step) -> &'static str {
    match step {
        Step::Compose => "메일 작성",
        Step::Resolve => "호스트 찾기",
        Step::Connect => "연결",
        Step::Greeting => "인사",
        Step::Hello => "EHLO",
        Step::Tls => "TLS",
        Step::Auth => "AUTH",
        Step::MailFrom => "MAIL FROM",
        Step::RcptTo => "RCPT TO",
        Step::Data => "DATA",
    }
}

fn suppressed(class: SuppressedClass) -> &'static str {
    match class {
        SuppressedClass::Requests => "메일 요청",
        SuppressedClass::SignIns => "실패한 로그인",
        SuppressedClass::Codes => "틀린 코드",
        SuppressedClass::Limited => "한도를 넘은 호출",
        SuppressedClass::ApiKeys => "아무것도 열지 못하는 API 키로 한 호출",
        SuppressedClass::ForeignTokens => "이 서버가 발급하지 않은 액세스 토큰으로 한 호출",
        SuppressedClass::DeadTokens => "더는 유효하지 않은 액세스 토큰으로 한 호출",
    }
}
