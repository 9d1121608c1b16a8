//! The English words of a recovery's steps.

use super::super::recoveries::{Ending, Step, StepWhat};
use super::{English, dropped, handed_words, mail_end, refused, via_words};
use crate::domain::{Allowance, MailKind};

impl English<'_> {
    /// Whose recovery it is, and how it ended.
    pub(in crate::desk::story) fn ending(&self, ending: Ending) -> String {
        let end = match ending {
            Ending::Completed => "completed".to_owned(),
            Ending::Open(until) => format!("still open, until {until}"),
            Ending::Due => "about to be mailed".to_owned(),
            Ending::NoMail => "no mail, over the limit".to_owned(),
            Ending::Dropped(cause) => format!("no mail, {}", dropped(cause)),
            Ending::Superseded => "never completed, a newer one took its place".to_owned(),
            Ending::Expired => "never completed, it is too old".to_owned(),
            Ending::Void => "never completed, what it was bound to is gone".to_owned(),
        };
        format!("recovery of {}: {end}", self.whom)
    }

    /// A step, with how often it came and where it came from.
    pub(in crate::desk::story) fn step(&self, step: &Step) -> String {
        let words = match step.what {
            StepWhat::Asked(allowance) => match allowance {
                Allowance::None => "asked for, over the limit".to_owned(),
                Allowance::General => "asked for".to_owned(),
                Allowance::Reserve => "asked for by a known client, out of the reserve".to_owned(),
            },
            StepWhat::Issued(by) => format!("issued by {}, to be handed over", self.actor(by)),
            StepWhat::Delivered(MailKind::PasswordReset) => "mailed".to_owned(),
            StepWhat::Delivered(kind) => format!("notice {} delivered", kind.name()),
            StepWhat::Deferred(kind) => format!("mail {} not delivered yet", kind.name()),
            StepWhat::NotDelivered(kind, cause) => {
                format!("mail {} not delivered: {}", kind.name(), mail_end(cause))
            }
            StepWhat::WrongCode => "refused: a wrong code".to_owned(),
            StepWhat::Refused(cause) => format!("refused: {}", refused(cause)),
            StepWhat::WrongFactor => "refused: a wrong second factor".to_owned(),
            StepWhat::FactorAccepted => "second factor accepted".to_owned(),
            StepWhat::Proven(via) => format!("completed by {}", via_words(via)),
            StepWhat::ProvenAsHanded(via) => format!("completed by {}", handed_words(via)),
            StepWhat::AddressVerified => "the address counts as verified".to_owned(),
            StepWhat::PasswordSet => "new password set, everything issued before is void".to_owned(),
            StepWhat::SessionsEnded(1) => "1 session ended".to_owned(),
            StepWhat::SessionsEnded(count) => format!("{count} sessions ended"),
            StepWhat::FactorRemoved => "second factor removed".to_owned(),
            StepWhat::Dropped(cause) => format!("no mail: {}", dropped(cause)),
        };
        let times = match step.times {
            1 => String::new(),
            2 => ", twice".to_owned(),
            times => format!(", {times} times"),
        };
        let from = step.ip.map_or_else(String::new, |ip| format!(" (from {ip})"));
        format!("{words}{times}{from}")
    }
}
