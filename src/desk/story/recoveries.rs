//! Recoveries as stories: from being asked for to the last notice, each in one piece, whatever happened in between.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::ops::ControlFlow;

use super::super::{Cursor, Desk};
use super::teller::{tell_ending, tell_step};
use crate::domain::{
    Actor, Allowance, DropCause, Event, FactorUse, MailEnd, MailKind, PasswordCause, Purpose, Recorded,
    RefusedCause, Subject, Via, is_token_alive,
};
use crate::ledger::StoreError;
use crate::types::{CommandId, Locale, Position, Timestamp, TokenId, UserId};

/// Stories that one question is answered with, at most.
pub const STORIES_MAX: usize = 1_000;
/// Steps that a story tells, at most: beyond it nothing but its end is added.
const STEPS_MAX: usize = 100;
/// Stories that are put together at once, at most: of more, the latest are told.
const DRAFTS_MAX: usize = 10_000;
/// Events of one story by which it is found, at most.
const POSITIONS_MAX: usize = 1_000;

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
    expires: Option<Timestamp>,
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

/// What events name that belongs to a story.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Request(Position),
    Token(TokenId),
    /// Whose latest recovery it is.
    User(UserId),
}

/// A story that is being put together.
struct Draft {
    recovery: Recovery,
    /// Everything that belongs to it.
    positions: BTreeSet<Position>,
    is_superseded: bool,
}

/// Hears events in their order and puts the stories together.
struct Gathering<'a> {
    desk: &'a Desk,
    /// By where they begin; the oldest go when there are too many.
    drafts: BTreeMap<Position, Draft>,
    /// Where the story of something begins.
    index: HashMap<Key, Position>,
    /// Mails, by where they were queued.
    mails: HashMap<Position, (MailKind, Position)>,
    /// The command that just issued or completed something: what follows in it belongs to that story too.
    command: Option<(CommandId, Position)>,
}

impl<'a> Gathering<'a> {
    fn new(desk: &'a Desk) -> Self {
        Self {
            desk,
            drafts: BTreeMap::new(),
            index: HashMap::new(),
            mails: HashMap::new(),
            command: None,
        }
    }

    fn begin(&mut self, recorded: &Recorded, user: Option<UserId>, what: StepWhat) {
        let recovery = Recovery {
            user,
            token: None,
            steps: vec![],
            ending: Ending::Due,
            expires: None,
        };
        let draft = Draft {
            recovery,
            positions: BTreeSet::new(),
            is_superseded: false,
        };
        self.drafts.insert(recorded.position, draft);
        self.add(recorded.position, recorded, what);
        if self.drafts.len() > DRAFTS_MAX {
            self.drafts.pop_first();
        }
        if self.index.len() + self.mails.len() > 8 * DRAFTS_MAX {
            let drafts = &self.drafts;
            self.index.retain(|_, story| drafts.contains_key(story));
            self.mails.retain(|_, (_, story)| drafts.contains_key(story));
        }
    }

    /// Adds a step to a story, or one more of the same to its last step.
    fn add(&mut self, story: Position, recorded: &Recorded, what: StepWhat) {
        let Some(draft) = self.drafts.get_mut(&story) else {
            return;
        };
        if draft.positions.len() < POSITIONS_MAX {
            draft.positions.insert(recorded.position);
        }
        let steps = &mut draft.recovery.steps;
        match steps.last_mut() {
            Some(last) if last.what == what => last.times += 1,
            Some(_) if steps.len() >= STEPS_MAX => {}
            Some(_) | None => steps.push(Step {
                position: recorded.position,
                time: recorded.time,
                what,
                times: 1,
                ip: self.desk.origin_seen(&recorded.event).map(|origin| origin.ip),
            }),
        }
    }

    fn add_to(&mut self, key: Key, recorded: &Recorded, what: StepWhat) {
        if let Some(story) = self.index.get(&key) {
            self.add(*story, recorded, what);
        }
    }

    /// The story of the command that an event is part of.
    fn same_command(&self, recorded: &Recorded) -> Option<Position> {
        self.command
            .filter(|(command, _)| *command == recorded.command)
            .map(|(_, story)| story)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "most events belong to no recovery")]
    fn hear(&mut self, recorded: &Recorded) {
        match &recorded.event {
            Event::ResetRequested {
                subject: subject @ Subject::Address(_),
                allowance,
                ..
            } => {
                let owner = self.desk.owner(*subject);
                self.begin(recorded, owner, StepWhat::Asked(*allowance));
                self.index
                    .insert(Key::Request(recorded.position), recorded.position);
                if *allowance == Allowance::None {
                    self.end(recorded.position, Ending::NoMail);
                }
            }
            Event::RequestDropped { request, cause } => {
                self.add_to(Key::Request(*request), recorded, StepWhat::Dropped(*cause));
                self.end(*request, Ending::Dropped(*cause));
            }
            Event::TokenIssued {
                purpose: Purpose::Recovery,
                ..
            } => self.issued(recorded),
            Event::MailQueued { kind, token, .. } => {
                let of_token = token.and_then(|token| self.index.get(&Key::Token(token)).copied());
                if let Some(story) = of_token.or_else(|| self.same_command(recorded)) {
                    self.mails.insert(recorded.position, (*kind, story));
                }
            }
            Event::MailDelivered { queued, .. } => self.mail(*queued, recorded, StepWhat::Delivered),
            Event::MailDeferred { queued, .. } => self.mail(*queued, recorded, StepWhat::Deferred),
            Event::MailEnded { queued, cause, .. } => {
                self.mail(*queued, recorded, |kind| StepWhat::NotDelivered(kind, *cause));
            }
            Event::CodeRefused {
                purpose: Purpose::Recovery,
                token: Some(token),
                ..
            } => self.add_to(Key::Token(*token), recorded, StepWhat::WrongCode),
            Event::ProofRefused { token, cause, .. } => {
                self.add_to(Key::Token(*token), recorded, StepWhat::Refused(*cause));
            }
            Event::FactorRefused {
                user,
                action: FactorUse::Recovery,
                ..
            } => self.add_to(Key::User(*user), recorded, StepWhat::WrongFactor),
            Event::FactorAccepted {
                user,
                action: FactorUse::Recovery,
                ..
            } => self.add_to(Key::User(*user), recorded, StepWhat::FactorAccepted),
            Event::RecoveryCompleted { token, via, .. } => {
                if let Some(story) = self.index.get(&Key::Token(*token)).copied() {
                    self.add(story, recorded, StepWhat::Proven(*via));
                    self.end(story, Ending::Completed);
                    self.command = Some((recorded.command, story));
                }
            }
            other => {
                let what = match other {
                    Event::AddressVerified { .. } => StepWhat::AddressVerified,
                    Event::PasswordSet {
                        cause: PasswordCause::Recovered(_),
                        ..
                    } => StepWhat::PasswordSet,
                    Event::SessionsEnded { count, .. } => StepWhat::SessionsEnded(*count),
                    Event::FactorRemoved { .. } => StepWhat::FactorRemoved,
                    _ => return,
                };
                if let Some(story) = self.same_command(recorded) {
                    self.add(story, recorded, what);
                }
            }
        }
    }

    fn issued(&mut self, recorded: &Recorded) {
        let Event::TokenIssued {
            token,
            user,
            request,
            expires,
            by,
            ..
        } = &recorded.event
        else {
            return;
        };
        if let Some(before) = self.index.get(&Key::User(*user))
            && let Some(draft) = self.drafts.get_mut(before)
        {
            draft.is_superseded = true;
        }
        let of_request = request.and_then(|request| self.index.get(&Key::Request(request)).copied());
        let story = of_request.unwrap_or(recorded.position);
        if of_request.is_none() {
            self.begin(recorded, Some(*user), StepWhat::Issued(*by));
        }
        if let Some(draft) = self.drafts.get_mut(&story) {
            draft.recovery.user = Some(*user);
            draft.recovery.token = Some(*token);
            draft.recovery.expires = Some(*expires);
            draft.positions.insert(recorded.position);
        }
        self.index.insert(Key::Token(*token), story);
        self.index.insert(Key::User(*user), story);
        self.command = Some((recorded.command, story));
    }

    fn mail(&mut self, queued: Position, recorded: &Recorded, what: impl Fn(MailKind) -> StepWhat) {
        if let Some((kind, story)) = self.mails.get(&queued).copied() {
            self.add(story, recorded, what(kind));
        }
    }

    fn end(&mut self, story: Position, ending: Ending) {
        if let Some(draft) = self.drafts.get_mut(&story) {
            draft.recovery.ending = ending;
        }
    }

    /// The stories, oldest first, each with what belongs to it.
    fn finish(self) -> Vec<(BTreeSet<Position>, Recovery)> {
        let now = self.desk.now();
        let engine = self.desk.engine();
        let finish = |mut draft: Draft| {
            let Recovery {
                ending,
                token,
                expires,
                ..
            } = &mut draft.recovery;
            if *ending == Ending::Due
                && let (Some(token), Some(expires)) = (*token, *expires)
            {
                let is_alive = engine.read(|state| is_token_alive(state, token, now, engine.limits()));
                *ending = if is_alive {
                    Ending::Open(expires)
                } else if draft.is_superseded {
                    Ending::Superseded
                } else if now >= expires {
                    Ending::Expired
                } else {
                    Ending::Void
                };
            }
            (draft.positions, draft.recovery)
        };
        self.drafts.into_values().map(finish).collect()
    }
}

#[cfg(test)]
mod tests {
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
