//! Walking flows: a person answers one stage after another, in a browser or through the API, with one effect.
//!
//! What a stage asks, and what follows from an answer, is pure ([`stages`]); what follows is done by what the desk does for
//! every other door ([`effects`]), so that a flow is no second way around limits, equal answers and remembered refusals.
//! The client carries where it stands, sealed ([`execution`]): executions survive restarts, cost no room here, and end by
//! their time.

mod asked_by;
mod challenge;
mod configuring;
mod effects;
mod enrolling;
mod execution;
mod facts;
mod latest;
mod preview;
mod recovering;
mod set_up;
mod shown_factor;
mod signing_in;
mod stages;
#[cfg(test)]
mod tests;
mod views;

pub(super) use asked_by::AskedBy;
pub use asked_by::StageMail;
pub use challenge::{
    Answer, BegunSession, Challenge, Component, Denial, Done, FlowHead, FlowStep, LeadsTo, Mistake, Reproofs,
    Scene, ShownSecret, Wrong,
};
pub use configuring::{SetUpWay, SetUpWays};
pub use facts::Walker;
pub(super) use latest::Latest;
pub use preview::{DryRun, DryStep, DryVerdict};
pub use recovering::EnterBy;
pub use shown_factor::ToKeep;

use crate::desk::{Desk, Fault, Refusal};
use crate::domain::flow::{Designation, InvalidResponse, Requirement};
use crate::system::random_id;
use effects::{Scene as Here, Stop};
use execution::{Execution, Written};
use facts::Plan;
use stages::{Verdict, consider};

/// Stages and effects that one answer may lead through; no plan has so many.
const TURNS_MAX: usize = 64;

/// Why a flow is not walked on.
#[derive(Clone, PartialEq, Debug)]
pub enum FlowFault {
    /// There is no such flow.
    NotFound,
    /// The execution is none of ours, or its time is over.
    Over,
    /// The flow is for people who are signed in.
    SignInFirst,
    /// The flow is for people who are not signed in.
    SignedIn,
    /// What the desk says.
    Refused(Fault),
}

impl From<Fault> for FlowFault {
    fn from(fault: Fault) -> Self {
        Self::Refused(fault)
    }
}

impl From<Refusal> for FlowFault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.into())
    }
}

/// Whether anything may happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Look {
    /// A page is opened: whatever opens it, nothing happens.
    Only,
    /// Somebody sent something.
    AndAct,
}

/// What a walk through the stages comes to.
enum Turn {
    /// A step.
    Step(Box<FlowStep>),
    /// What was proven does not hold any more, or a stage wants it so: from the beginning.
    Anew(Vec<Wrong>),
}

fn head(plan: &Plan) -> FlowHead {
    let flow = &plan.flow;
    let is_titled = flow.title != flow.name && flow.title.as_str() != flow.slug.as_str();
    FlowHead {
        slug: flow.slug.to_string(),
        title: flow.title.to_string(),
        untitled: (!is_titled).then_some(flow.designation),
    }
}

impl Desk {
    /// Shows the first stage of a flow; nothing happens. `next` is a page of ours to come back to.
    pub async fn open_flow(
        &self,
        slug: &str,
        next: Option<String>,
        walker: &Walker,
    ) -> Result<FlowStep, FlowFault> {
        let plan = self.enter(slug, walker)?;
        let mut execution = self.new_execution(&plan);
        execution.next = next;
        self.walk(plan, execution, None, walker, Look::Only).await
    }

    /// Begins a flow, as far as nobody need be asked.
    pub async fn begin_flow(&self, slug: &str, walker: &Walker) -> Result<FlowStep, FlowFault> {
        let plan = self.enter(slug, walker)?;
        let execution = self.new_execution(&plan);
        self.walk(plan, execution, None, walker, Look::AndAct).await
    }

    /// Shows once more what an execution asks; nothing happens.
    pub async fn look_at_flow(&self, execution: &str, walker: &Walker) -> Result<FlowStep, FlowFault> {
        match self.pick_up(execution, walker)? {
            Ok((plan, execution)) => self.walk(plan, execution, None, walker, Look::Only).await,
            Err(changed) => self.anew(&changed, walker, Look::Only).await,
        }
    }

    /// Goes on with an answer.
    pub async fn answer_flow(
        &self,
        execution: &str,
        answer: &Answer,
        walker: &Walker,
    ) -> Result<FlowStep, FlowFault> {
        match self.pick_up(execution, walker)? {
            Ok((plan, mut execution)) => {
                execution.answers = execution.answers.saturating_add(1);
                self.walk(plan, execution, Some(answer), walker, Look::AndAct)
                    .await
            }
            Err(changed) => self.anew(&changed, walker, Look::AndAct).await,
        }
    }

    /// Which flow an execution is of, if it is one of ours.
    pub fn flow_of(&self, execution: &str) -> Option<String> {
        let ring = self.engine().keyring().current();
        Execution::open(&ring, execution, self.now()).map(|execution| execution.flow)
    }

    fn enter(&self, slug: &str, walker: &Walker) -> Result<Plan, FlowFault> {
        let plan = self.plan(slug).ok_or(FlowFault::NotFound)?;
        match (plan.flow.authentication, walker.caller) {
            (Requirement::RequireAuthenticated, None) => Err(FlowFault::SignInFirst),
            (Requirement::RequireUnauthenticated, Some(_)) => Err(FlowFault::SignedIn),
            (Requirement::None | Requirement::RequireAuthenticated, Some(_))
            | (Requirement::None | Requirement::RequireUnauthenticated, None) => Ok(plan),
        }
    }

    fn new_execution(&self, plan: &Plan) -> Execution {
        let id = random_id(self.engine().entropy());
        Execution::new(plan.flow.slug.as_str(), plan.version, plan.epoch, self.now(), id)
    }

    /// The flow and the place that an execution stands at, or the flow's slug if it was changed in between.
    fn pick_up(&self, text: &str, walker: &Walker) -> Result<Result<(Plan, Execution), String>, FlowFault> {
        let ring = self.engine().keyring().current();
        let execution = Execution::open(&ring, text, self.now()).ok_or(FlowFault::Over)?;
        let plan = self.plan(&execution.flow).ok_or(FlowFault::Over)?;
        if plan.version != execution.version || plan.epoch != execution.epoch {
            return Ok(Err(execution.flow));
        }
        if plan.flow.authentication == Requirement::RequireAuthenticated && walker.caller.is_none() {
            return Err(FlowFault::SignInFirst);
        }
        Ok(Ok((plan, execution)))
    }

    async fn anew(&self, slug: &str, walker: &Walker, look: Look) -> Result<FlowStep, FlowFault> {
        let plan = self.enter(slug, walker)?;
        let execution = self.new_execution(&plan);
        let step = self.walk(plan, execution, None, walker, look).await?;
        Ok(FlowStep {
            restarted: true,
            ..step
        })
    }

    /// Walks on; once more from the beginning, looking only, if what was proven on the way does not hold any more, or a
    /// stage wants that after a wrong answer.
    async fn walk(
        &self,
        plan: Plan,
        execution: Execution,
        answer: Option<&Answer>,
        walker: &Walker,
        look: Look,
    ) -> Result<FlowStep, FlowFault> {
        let next = execution.next.clone();
        let errors = match self.walk_on(&plan, execution, answer, walker, look).await? {
            Turn::Step(step) => return Ok(*step),
            Turn::Anew(errors) => errors,
        };
        let plan = self.enter(plan.flow.slug.as_str(), walker)?;
        let mut execution = self.new_execution(&plan);
        execution.next = next;
        match self.walk_on(&plan, execution, None, walker, Look::Only).await? {
            Turn::Step(step) => Ok(begun_anew(*step, errors)),
            Turn::Anew(_) => Err(Fault::Overloaded.into()),
        }
    }

    /// Goes from stage to stage until something is asked, or the end is reached.
    async fn walk_on(
        &self,
        plan: &Plan,
        mut execution: Execution,
        mut answer: Option<&Answer>,
        walker: &Walker,
        look: Look,
    ) -> Result<Turn, FlowFault> {
        for _ in 0..TURNS_MAX {
            let Some(place) = self.next_place(plan, &execution) else {
                return self.finish(plan, &execution, walker);
            };
            execution.at = place.order;
            let facts = self.facts(plan, &execution, walker);
            let here = Here {
                plan,
                place: &place,
                facts: &facts,
                walker,
            };
            if !execution.applies {
                match self.applies(&place, &facts, &execution, walker) {
                    Some(true) => execution.applies = true,
                    Some(false) => {
                        execution.pass(place.order);
                        continue;
                    }
                    None => return Ok(self.denied(&here, &execution, Denial::Misconfigured)),
                }
            }
            let errors = match consider(&place, &execution, &facts, answer) {
                Verdict::Pass => {
                    execution.pass(place.order);
                    answer = None;
                    continue;
                }
                Verdict::Ask(errors) => errors,
                Verdict::Deny(denial) => return Ok(self.denied(&here, &execution, denial)),
                // Whatever opens a page, a person's click is what makes things happen.
                Verdict::Do(_) if look == Look::Only => return Ok(self.to_go_on(&here, &execution)),
                Verdict::Do(effects) => {
                    answer = None;
                    match self.perform_all(effects, &mut execution, &here).await {
                        Ok(()) => continue,
                        Err(Stop::Fault(Fault::Refused(Refusal::Outdated))) => {
                            return Ok(Turn::Anew(vec![]));
                        }
                        Err(Stop::Fault(fault)) => return Err(fault.into()),
                        Err(Stop::Wrong(wrong)) => vec![wrong],
                    }
                }
            };
            if !errors.is_empty() {
                execution.wrong = execution.wrong.saturating_add(1);
                if place.binding.invalid_response_action == InvalidResponse::Restart {
                    return Ok(Turn::Anew(errors));
                }
            }
            let facts = self.facts(plan, &execution, walker);
            let here = Here {
                facts: &facts,
                ..here
            };
            // Too many wrong answers end a flow at once, not with the next one.
            if let Verdict::Deny(denial) = consider(&place, &execution, &facts, None) {
                return Ok(self.denied(&here, &execution, denial));
            }
            return Ok(self.asked(&here, &execution, errors));
        }
        Err(Fault::Overloaded.into())
    }

    async fn perform_all(
        &self,
        effects: Vec<stages::Effect>,
        execution: &mut Execution,
        here: &Here<'_>,
    ) -> Result<(), Stop> {
        for effect in effects {
            // On the heap: of all that may be done one thing is, and it need not be carried along.
            Box::pin(self.perform(effect, execution, here)).await?;
        }
        Ok(())
    }

    fn finish(&self, plan: &Plan, execution: &Execution, walker: &Walker) -> Result<Turn, FlowFault> {
        let next = execution.next.clone();
        let leads_to = match plan.flow.designation {
            _ if execution.written == Written::Password => LeadsTo::SignInAnew,
            _ if execution.written == Written::User => LeadsTo::SignInFirst,
            Designation::Recovery | Designation::Invalidation => LeadsTo::SignedOut,
            Designation::Authentication | Designation::Enrollment | Designation::StageConfiguration => {
                LeadsTo::Account(next)
            }
        };
        let session = match execution.begun() {
            None => None,
            Some(begun) => {
                let facts = self.facts(plan, execution, walker);
                let caller = facts.caller.ok_or(Refusal::SessionOver)?;
                let tokens = self.tokens(begun.user, caller.role, begun.session, 0, begun.refresh_key);
                Some(BegunSession {
                    caller,
                    tokens: tokens.ok_or(Fault::Stopped)?,
                    stays: execution.wants_to_stay,
                    shown_factor: self.factor_to_keep(plan, execution),
                })
            }
        };
        Ok(Turn::Step(Box::new(FlowStep {
            execution: self.sealed(&execution.handed_over()),
            flow: head(plan),
            scene: Scene::Done(Box::new(Done { session, leads_to })),
            restarted: false,
        })))
    }
}

/// The first step once more, with what was wrong with the last answer.
fn begun_anew(step: FlowStep, errors: Vec<Wrong>) -> FlowStep {
    let scene = match step.scene {
        Scene::Ask(challenge) => Scene::Ask(Box::new(Challenge { errors, ..*challenge })),
        done @ Scene::Done(_) => done,
    };
    FlowStep {
        scene,
        restarted: true,
        ..step
    }
}
