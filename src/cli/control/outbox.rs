//! Mails that wait: the outbox has what the server said last, and the events have where it happened.

use super::clerk::{Clerk, bounded, page};
use super::request::{Answer, MailRow};
use crate::cli::exit::Failure;
use crate::desk::WaitingMail;
use crate::mail::Step;

impl Clerk {
    pub(super) async fn outbox(&self, take: u32) -> Result<Answer, Failure> {
        let (count, mails) = self.desk.waiting_mails(0, bounded(take)).await?;
        Ok(Answer::Outbox(page(
            count,
            mails.into_iter().map(mail_row).collect(),
        )))
    }
}

fn mail_row(waiting: WaitingMail) -> MailRow {
    let WaitingMail { mail, to, step, .. } = waiting;
    let reason = (mail.attempts > 0).then(|| match (mail.status, step) {
        (0, Some(step)) => silence(step).to_owned(),
        (0, None) => "no answer".to_owned(),
        (status, _) => format!("the server said {status}"),
    });
    MailRow {
        id: mail.id.to_string(),
        kind: mail.kind.name().to_owned(),
        to,
        queued: mail.queued.rfc3339(),
        attempts: u32::from(mail.attempts),
        next: mail.next.rfc3339(),
        step: step.map(|step| step.code().to_owned()),
        status: (mail.status != 0).then_some(mail.status),
        reason,
    }
}

/// What it means that a step failed although the server said nothing.
fn silence(step: Step) -> &'static str {
    match step {
        Step::Compose => "the mail could not be written",
        Step::Resolve => "the host was not found",
        Step::Connect => "no connection",
        Step::Tls => "no protected connection",
        Step::Greeting | Step::Hello | Step::Auth | Step::MailFrom | Step::RcptTo | Step::Data => "no answer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Mail, MailKind};
    use crate::types::{AddressId, Locale, MailId, Position, Sealed, Timestamp, UserId};

    fn waiting(attempts: u16, status: u16, step: Option<Step>) -> WaitingMail {
        let mail = Mail {
            id: MailId([1; 16]),
            kind: MailKind::PasswordReset,
            user: UserId([2; 16]),
            address: AddressId([3; 16]),
            token: None,
            locale: Locale::En,
            details: Sealed(b"details".as_slice().into()),
            queued: Timestamp(0),
            attempts,
            next: Timestamp(0),
            status,
        };
        WaitingMail {
            queued: Position(7),
            mail,
            to: None,
            step,
        }
    }

    #[test]
    fn a_mail_that_waits_says_where_its_last_try_failed_and_why() {
        let told = |attempts, status, step| {
            let row = mail_row(waiting(attempts, status, step));
            (row.step, row.status, row.reason)
        };
        assert_eq!(told(0, 0, None), (None, None, None));
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            told(2, 0, Some(Step::Connect)),
            (some("connect"), None, some("no connection"))
        );
        assert_eq!(
            told(1, 451, Some(Step::RcptTo)),
            (some("rcpt_to"), Some(451), some("the server said 451"))
        );
    }
}
