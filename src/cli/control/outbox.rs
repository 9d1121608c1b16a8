//! Mails that wait: the outbox has what the server said last, and the events have where it happened.

use std::collections::HashMap;

use tokio::task::spawn_blocking;

use super::clerk::{Clerk, bounded, page};
use super::request::{Answer, MailRow};
use crate::cli::exit::Failure;
use crate::desk::{EventFilter, WaitingMail};
use crate::domain::{Event, Recorded};
use crate::mail::Step;
use crate::types::Position;

impl Clerk {
    pub(super) async fn outbox(&self, take: u32) -> Result<Answer, Failure> {
        let (count, mails) = self.desk.waiting_mails(bounded(take));
        let tried = mails.iter().filter(|waiting| waiting.mail.attempts > 0);
        let steps = match tried.map(|waiting| waiting.queued).min() {
            Some(oldest) => self.failed_steps(oldest).await?,
            None => HashMap::new(),
        };
        let row = |waiting: WaitingMail| {
            let step = steps.get(&waiting.queued).copied();
            mail_row(waiting, step)
        };
        Ok(Answer::Outbox(page(count, mails.into_iter().map(row).collect())))
    }

    /// Where the last tries of mails failed: the outbox has only what the server said.
    async fn failed_steps(&self, oldest: Position) -> Result<HashMap<Position, Step>, Failure> {
        let desk = self.desk.clone();
        let filter = EventFilter {
            name: Some("MailDeferred".to_owned()),
            after: Some(oldest),
            ..EventFilter::default()
        };
        let told = spawn_blocking(move || desk.latest_events(&filter))
            .await
            .map_err(|_| Failure::later("the events could not be read"))??;
        let step = |recorded: Recorded| {
            if let Event::MailDeferred { queued, step, .. } = recorded.event {
                Some((queued, Step::from_number(step)?))
            } else {
                None
            }
        };
        Ok(told.into_iter().filter_map(step).collect())
    }
}

fn mail_row(waiting: WaitingMail, step: Option<Step>) -> MailRow {
    let WaitingMail { queued: _, mail, to } = waiting;
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
    use crate::types::{AddressId, Locale, MailId, Sealed, Timestamp, UserId};

    fn waiting(attempts: u16, status: u16) -> WaitingMail {
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
        }
    }

    #[test]
    fn a_mail_that_waits_says_where_its_last_try_failed_and_why() {
        let told = |attempts, status, step| {
            let row = mail_row(waiting(attempts, status), step);
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
