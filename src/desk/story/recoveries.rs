//! Recoveries as stories: from being asked for to the last notice, each in one piece, whatever happened in between.

mod gathering;

use std::net::IpAddr;
use std::ops::ControlFlow;

use super::super::{Cursor, Desk};
use super::teller::{tell_ending, tell_step};
use crate::domain::{Actor, Allowance, DropCause, MailEnd, MailKind, RefusedCause, Via};
use crate::ledger::StoreError;
use crate::types::{Locale, Position, Timestamp, TokenId, UserId};
use gathering::Gathering;

/// Stories that one question is answered with, at most.
pub const STORIES_MAX: usize = 1_000;

/// Which recoveries are asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Which {
    /// The latest, of everybody.
    Latest,
    /// The latest of a user.
    Of(UserId),
    /// The one that the event at a position belongs to.
    At(Position),
    /// The one with this proof.
    With(TokenId),
}

/// How a recovery ended, as far as it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// The user has a new password.
    Completed,
    /// The proof still opens something, until then.
    Open(Timestamp),
    /// Nothing is issued yet.
    Due,
    /// No mail was to leave: over the limit.
    NoMail,
    /// There was nobody to mail to.
    Dropped(DropCause),
    /// A newer proof took its place.
    Superseded,
    /// It was too old.
    Expired,
    /// What it was bound to is gone: the password changed, an epoch began, the user was erased.
    Void,
}

/// Something that happened in a recovery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StepWhat {
    /// Somebody asked for it.
    Asked(Allowance),
    /// Somebody had it issued without being asked by mail.
    Issued(Actor),
    /// A mail was taken by the next server; the proof itself, or a notice.
    Delivered(MailKind),
    /// A mail was not taken yet.
    Deferred(MailKind),
    /// A mail will not be.
    NotDelivered(MailKind, MailEnd),
    /// A wrong code was typed.
    WrongCode,
    /// The genuine proof came with something that may not be.
    Refused(RefusedCause),
    /// A second factor was wrong.
    WrongFactor,
    /// A second factor was right.
    FactorAccepted,
    /// The proof came back, and was good.
    Proven(Via),
    /// The same, of a proof that whoever issued it handed over.
    ProvenAsHanded(Via),
    /// The address counts as proven from now on.
    AddressVerified,
    /// The new password was set.
    PasswordSet,
    /// So many sessions ended.
    SessionsEnded(u32),
    /// Second factors went with it, because the mailbox alone had to do.
    FactorRemoved,
    /// No mail will come of it.
    Dropped(DropCause),
}

/// A step, and how often it came in a row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Where the first of them stands.
    pub position: Position,
    /// When the first of them happened.
    pub time: Timestamp,
    /// What happened.
    pub what: StepWhat,
    /// How often.
    pub times: u32,
    /// The address that the first of them came from, while it can be read.
    pub ip: Option<IpAddr>,
}

/// A recovery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recovery {
    /// Whose; none if the request led to nobody who is known today.
    pub user: Option<UserId>,
    /// The proof, once one was issued.
    pub token: Option<TokenId>,
    /// What happened, in order; never empty.
    pub steps: Vec<Step>,
    /// How it ended.
    pub ending: Ending,
    /// When the proof ends.
    pub expires: Option<Timestamp>,
}

/// A recovery in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecoveryTold {
    /// Where it begins.
    pub cursor: Cursor,
    /// When it began.
    pub began: Timestamp,
    /// Whose.
    pub user: Option<UserId>,
    /// Their address, masked.
    pub who: Option<String>,
    /// The proof.
    pub token: Option<TokenId>,
    /// Whose recovery it is, and how it ended.
    pub title: String,
    /// The ending alone: `completed`, `open`, `due`, `no-mail`, `dropped`, `superseded`, `expired`, `void`.
    pub ending: &'static str,
    /// When each step happened, and what it was.
    pub steps: Vec<(Position, Timestamp, String)>,
}

impl Ending {
    /// Its stable word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Open(_) => "open",
            Self::Due => "due",
            Self::NoMail => "no-mail",
            Self::Dropped(_) => "dropped",
            Self::Superseded => "superseded",
            Self::Expired => "expired",
            Self::Void => "void",
        }
    }
}

impl Desk {
    /// Recoveries, the latest so many, oldest first. Goes through the ledger, so it blocks.
    pub fn recoveries(&self, which: &Which, limit: usize) -> Result<Vec<Recovery>, StoreError> {
        let limit = limit.clamp(1, STORIES_MAX);
        let mut gathering = Gathering::new(self);
        self.scan_events(Position(0), &mut |recorded| {
            gathering.hear(&recorded);
            ControlFlow::Continue(())
        })?;
        let mut found = gathering.finish();
        found.retain(|(positions, recovery)| match which {
            Which::Latest => true,
            Which::Of(user) => recovery.user == Some(*user),
            Which::At(position) => positions.contains(position),
            Which::With(token) => recovery.token == Some(*token),
        });
        let first = found.len().saturating_sub(limit);
        Ok(found.drain(first..).map(|(_, recovery)| recovery).collect())
    }

    /// Tells a recovery in a language.
    pub fn tell_recovery(&self, recovery: &Recovery, locale: Locale) -> Result<RecoveryTold, StoreError> {
        let first = &recovery.steps[0];
        let who = recovery.user.and_then(|user| self.masked_address(user));
        let whom = Self::whom(recovery.user, who.as_ref());
        let step = |step: &Step| (step.position, step.time, tell_step(locale, self, &whom, step));
        Ok(RecoveryTold {
            cursor: self.cursor(first.position)?,
            began: first.time,
            user: recovery.user,
            token: recovery.token,
            title: tell_ending(locale, self, &whom, recovery.ending),
            ending: recovery.ending.word(),
            steps: recovery.steps.iter().map(step).collect(),
            who,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::Stranger;
    use super::super::teller::Whom;
    use super::*;

    #[test]
    fn l_01_every_step_and_ending_has_words_in_english_and_in_korean() {
        let asked = [Allowance::None, Allowance::General, Allowance::Reserve].map(StepWhat::Asked);
        let kinds = [MailKind::PasswordReset, MailKind::PasswordChanged];
        let steps = [
            StepWhat::Issued(Actor::Operator),
            StepWhat::NotDelivered(MailKind::PasswordReset, MailEnd::GaveUp),
            StepWhat::WrongCode,
            StepWhat::Refused(RefusedCause::Expired),
            StepWhat::WrongFactor,
            StepWhat::FactorAccepted,
            StepWhat::Proven(Via::Link),
            StepWhat::Proven(Via::Code),
            StepWhat::ProvenAsHanded(Via::Link),
            StepWhat::ProvenAsHanded(Via::Code),
            StepWhat::AddressVerified,
            StepWhat::PasswordSet,
            StepWhat::SessionsEnded(1),
            StepWhat::SessionsEnded(3),
            StepWhat::FactorRemoved,
            StepWhat::Dropped(DropCause::NothingToDo),
        ];
        let steps = asked.into_iter().chain(steps);
        let steps = steps
            .chain(kinds.map(StepWhat::Delivered))
            .chain(kinds.map(StepWhat::Deferred));
        let endings = [
            Ending::Completed,
            Ending::Open(Timestamp(0)),
            Ending::Due,
            Ending::NoMail,
            Ending::Dropped(DropCause::NothingToDo),
            Ending::Superseded,
            Ending::Expired,
            Ending::Void,
        ];
        let whom = Whom::User(UserId([7; 16]));
        let mut told: Vec<[String; 2]> = vec![];
        for what in steps {
            let step = Step {
                position: Position(1),
                time: Timestamp(0),
                what,
                times: 4,
                ip: Some([192, 0, 2, 1].into()),
            };
            let text = |locale| tell_step(locale, &Stranger, &whom, &step);
            let texts = [text(Locale::En), text(Locale::Ko)];
            assert!(texts[0].contains(", 4 times (from 192.0.2.1)"), "{texts:?}");
            assert!(texts[1].contains(", 4번 (192.0.2.1에서)"), "{texts:?}");
            told.push(texts);
        }
        told.extend(endings.map(|ending| {
            let text = |locale| tell_ending(locale, &Stranger, &whom, ending);
            [text(Locale::En), text(Locale::Ko)]
        }));
        let is_hangul = |text: &str| text.chars().any(|letter| ('가'..='힣').contains(&letter));
        for texts in &told {
            assert!(!is_hangul(&texts[0]) && is_hangul(&texts[1]), "{texts:?}");
        }
        for language in 0..2 {
            let different: BTreeSet<_> = told.iter().map(|texts| &texts[language]).collect();
            assert_eq!(different.len(), told.len(), "no two are told alike");
        }
    }
}
