//! Mails that wait: the outbox has what the server said last, and the events have where it happened.

use std::collections::HashMap;

use tokio::task::spawn_blocking;

use super::{Desk, EventFilter, Fault};
use crate::domain::{Event, Mail, Recorded, sealed_address};
use crate::mail::Step;
use crate::types::{MailId, Position};

/// A mail that is neither delivered nor given up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WaitingMail {
    /// Where it was queued.
    pub queued: Position,
    /// What is known of it.
    pub mail: Mail,
    /// The address, masked; none if its key is gone.
    pub to: Option<String>,
    /// At which step its last try failed; none before that.
    pub step: Option<Step>,
}

impl Desk {
    /// How many mails wait, and a page of them, oldest first.
    pub async fn waiting_mails(&self, skip: usize, take: usize) -> Result<(usize, Vec<WaitingMail>), Fault> {
        let (count, page) = self.engine().read(|state| {
            let page = state.outbox.iter().skip(skip).take(take);
            let page: Vec<_> = page
                .map(|(queued, mail)| {
                    let sealed = sealed_address(state, mail.user, mail.address).cloned();
                    (*queued, mail.clone(), sealed)
                })
                .collect();
            (state.outbox.len(), page)
        });
        let tried = page.iter().filter(|(_, mail, _)| mail.attempts > 0);
        let steps = match tried.map(|(queued, ..)| *queued).min() {
            Some(oldest) => self.failed_steps(oldest).await?,
            None => HashMap::new(),
        };
        let mails = page.into_iter().map(|(queued, mail, sealed)| WaitingMail {
            queued,
            to: sealed.and_then(|sealed| self.masked(mail.user, &sealed)),
            step: steps.get(&queued).copied(),
            mail,
        });
        Ok((count, mails.collect()))
    }

    /// Where a mail was queued that still waits.
    pub fn waiting_mail(&self, id: MailId) -> Option<Position> {
        self.engine().read(|state| {
            let mut mails = state.outbox.iter();
            mails.find(|(_, mail)| mail.id == id).map(|(queued, _)| *queued)
        })
    }

    /// Where the last tries of mails failed.
    async fn failed_steps(&self, oldest: Position) -> Result<HashMap<Position, Step>, Fault> {
        let desk = self.clone();
        let filter = EventFilter {
            name: Some("MailDeferred".to_owned()),
            after: Some(oldest),
            ..EventFilter::default()
        };
        let read = spawn_blocking(move || desk.latest_events(&filter)).await;
        let told = read.map_err(|_| Fault::Stopped)?.map_err(|error| {
            tracing::error!(%error, "the events could not be read");
            Fault::Overloaded
        })?;
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
