//! `given(events).when(command).then(events)`: the law in sentences.
//!
//! Every event, given or decided, is held against `lawful` before it is folded, so a sentence cannot tell of a world
//! that could not be.

use keyledger::domain::{
    Command, Context, Decision, EpochReason, Event, LimitKind, Limits, Outcome, Recorded, Refusal, State,
    SuppressedClass, decide, evolve, lawful,
};
use keyledger::ledger::codec::event_name;
use keyledger::types::{AddressId, CommandId, Span, Tag, Timestamp};

use crate::people::{NOON, Person};

/// A world, and the time in it.
#[derive(Clone)]
pub struct Scene {
    /// What strangers did beyond what is written.
    pub unwritten: std::sync::Arc<keyledger::domain::Unwritten>,
    pub state: State,
    pub now: Timestamp,
    pub limits: Limits,
    pub username_taken: bool,
}

/// What came of a command, and the world after it.
pub struct Decided {
    pub scene: Scene,
    pub decision: Decision,
    pub command: Command,
}

/// A ledger in its first epoch in which these things happened at noon.
pub fn given(events: impl IntoIterator<Item = Event>) -> Scene {
    let founded = Event::EpochStarted {
        number: 1,
        reason: EpochReason::Founded,
    };
    let scene = Scene {
        unwritten: std::sync::Arc::default(),
        state: State::default(),
        now: NOON,
        limits: Limits::default(),
        username_taken: false,
    };
    scene.and([founded]).and(events)
}

/// Whose address a look-up tag is, as the directory would say.
pub fn found(state: &State, lookup: Option<Tag>) -> Option<AddressId> {
    let lookup = lookup?;
    let person = Person(lookup.0[0]);
    let address = person.named_by(lookup);
    state.addresses.contains_key(&address).then_some(address)
}

impl Scene {
    /// Then these things happened.
    pub fn and(mut self, events: impl IntoIterator<Item = Event>) -> Self {
        for event in events {
            self.record(event);
        }
        self
    }

    /// Time passed.
    pub fn after(mut self, span: Span) -> Self {
        self.now = self.now + span;
        self
    }

    /// Under other limits.
    pub fn under(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Folds one event, which must be lawful.
    pub fn record(&mut self, event: Event) {
        let recorded = Recorded {
            position: self.state.next(),
            time: self.now,
            command: CommandId([0; 16]),
            event,
        };
        if let Err(fault) = lawful(&self.state, &recorded) {
            panic!("{fault}: {:?}", recorded.event);
        }
        evolve(&mut self.state, &recorded);
    }

    /// Decides a command and folds what follows.
    pub fn when(mut self, command: Command) -> Decided {
        let decision = self.decide(&command);
        self.unwritten.count(&decision.unwritten, self.now);
        for event in decision.events.clone() {
            self.record(event);
        }
        Decided {
            scene: self,
            decision,
            command,
        }
    }

    /// Decides a command, and folds nothing.
    pub fn decide(&self, command: &Command) -> Decision {
        let context = Context {
            unwritten: &self.unwritten,
            now: self.now,
            limits: &self.limits,
            found: found(&self.state, command.address_lookup()),
            username_taken: self.username_taken,
        };
        let decision = decide(&self.state, command.clone(), &context);
        assert_eq!(
            decision,
            decide(&self.state, command.clone(), &context),
            "a decision is a function"
        );
        decision
    }

    /// This was done, and accepted.
    pub fn done(self, command: Command) -> Self {
        let decided = self.when(command);
        assert!(
            decided.decision.verdict.is_ok(),
            "{:?}: {:?}",
            decided.command,
            decided.decision
        );
        decided.scene
    }

    /// This was tried so many times, with whatever answer.
    pub fn tried(mut self, times: u32, command: impl Fn(u32) -> Command) -> Self {
        for number in 0..times {
            self = self.when(command(number)).scene;
        }
        self
    }
}

impl Decided {
    /// It was accepted, and exactly this happened.
    pub fn then(self, events: impl IntoIterator<Item = Event>) -> Self {
        assert!(self.decision.verdict.is_ok(), "{:?}", self.decision);
        assert_eq!(self.decision.events, Vec::from_iter(events));
        self
    }

    /// It was accepted, and these kinds of things happened, in this order.
    pub fn then_kinds(self, kinds: &[&str]) -> Self {
        assert!(self.decision.verdict.is_ok(), "{:?}", self.decision);
        self.kinds(kinds)
    }

    fn kinds(self, kinds: &[&str]) -> Self {
        let names: Vec<_> = self.decision.events.iter().map(event_name).collect();
        assert_eq!(names, kinds, "{:?}", self.decision);
        self
    }

    /// The caller is told this.
    pub fn answered(self, outcome: &Outcome) -> Self {
        assert_eq!(self.decision.verdict.as_ref(), Ok(outcome));
        self
    }

    /// It was refused, and nothing was written.
    pub fn refused(self, refusal: Refusal) -> Self {
        assert_eq!(self.decision.verdict, Err(refusal), "{:?}", self.decision);
        assert_eq!(self.decision.events, [], "a refusal without events");
        self
    }

    /// It was refused, and the refusal is remembered as exactly this.
    pub fn refused_and_remembered(self, events: impl IntoIterator<Item = Event>, refusal: Refusal) -> Self {
        assert_eq!(self.decision.verdict, Err(refusal), "{:?}", self.decision);
        assert_eq!(self.decision.events, Vec::from_iter(events));
        self
    }

    /// It was refused, and the refusal is remembered as these kinds of things.
    pub fn refused_with_kinds(self, kinds: &[&str], refusal: Refusal) -> Self {
        assert_eq!(self.decision.verdict, Err(refusal), "{:?}", self.decision);
        self.kinds(kinds)
    }

    /// A limit of that kind was reached; the wait is not zero, and nothing was written but counted.
    pub fn limited(self, kind: LimitKind) -> Self {
        match self.decision.verdict {
            Err(Refusal::Limited(reached)) => {
                assert_eq!(reached.kind, kind);
                assert!(reached.wait > Span(0), "a limit says when to come back");
            }
            ref other => panic!("not limited: {other:?}"),
        }
        assert_eq!(self.decision.events, []);
        self.counted_as(SuppressedClass::Limited)
    }

    /// How long a limited caller is told to wait.
    pub fn wait(&self) -> Span {
        match self.decision.verdict {
            Err(Refusal::Limited(reached)) => reached.wait,
            ref other => panic!("not limited: {other:?}"),
        }
    }

    /// It was not written but counted.
    pub fn counted_as(self, class: SuppressedClass) -> Self {
        assert_eq!(self.decision.suppressed, Some(class));
        self
    }
}
