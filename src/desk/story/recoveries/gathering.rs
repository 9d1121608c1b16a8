//! Putting stories together while events go by in their order.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Ending, Recovery, Step, StepWhat};
use crate::desk::Desk;
use crate::domain::{
    Actor, Allowance, Event, FactorUse, MailKind, PasswordCause, Purpose, Recorded, Subject, is_token_alive,
};
use crate::types::{CommandId, Position, TokenId, UserId};

/// Steps that a story tells, at most: beyond it nothing but its end is added.
const STEPS_MAX: usize = 100;
/// Stories that are put together at once, at most: of more, the latest are told.
const DRAFTS_MAX: usize = 10_000;
/// Events of one story by which it is found, at most.
const POSITIONS_MAX: usize = 1_000;

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
pub(super) struct Gathering<'a> {
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
    pub(super) fn new(desk: &'a Desk) -> Self {
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
        let is_full = steps.len() >= STEPS_MAX;
        match steps.last_mut() {
            Some(last) if last.what == what => last.times += 1,
            Some(_) if is_full => {}
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
    pub(super) fn hear(&mut self, recorded: &Recorded) {
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
                    let draft = self.drafts.get(&story);
                    let first = draft.and_then(|draft| draft.recovery.steps.first());
                    let what = match first.map(|step| step.what) {
                        Some(StepWhat::Issued(by)) if by != Actor::Stranger => StepWhat::ProvenAsHanded(*via),
                        Some(_) | None => StepWhat::Proven(*via),
                    };
                    self.add(story, recorded, what);
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
    pub(super) fn finish(self) -> Vec<(BTreeSet<Position>, Recovery)> {
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
