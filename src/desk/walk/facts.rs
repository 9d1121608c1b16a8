//! What stages look at: the flow as it is configured, and what the ledger knows of whoever walks it.

use secrecy::SecretString;

use super::asked_by::AskedBy;
use super::challenge::Reproofs;
use super::execution::{Execution, Written};
use crate::desk::{Caller, Desk, Visitor};
use crate::domain::flow::{
    Binding, BoundFlow, Designation, Flows, Identification, Stage, StageSettings, UserCreation,
};
use crate::domain::{FactorKind, RecoveryFactors, live_session, recovery_factors};
use crate::types::{FactorId, Timestamp, UserId};

/// Somebody who walks a flow.
#[derive(Clone)]
pub struct Walker {
    /// Where from.
    pub visitor: Visitor,
    /// Who they are, if they are signed in.
    pub caller: Option<Caller>,
    /// What their browser kept of a second factor that was shown at it.
    pub shown_factor: Option<SecretString>,
}

/// A flow with its stages, as it is now.
pub(super) struct Plan {
    pub(super) flow: crate::domain::flow::Flow,
    pub(super) version: u64,
    pub(super) epoch: u32,
    pub(super) steps: Vec<Place>,
}

/// A stage at its place.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) order: u32,
    pub(super) binding: Binding,
    pub(super) stage: Stage,
}

impl Plan {
    fn of(flows: &Flows, slug: &str, epoch: u32) -> Option<Self> {
        let BoundFlow { flow, .. } = flows.flow(slug)?;
        let steps = flows.plan(slug)?.into_iter().map(|step| Place {
            order: u32::from(step.binding.order),
            binding: step.binding.clone(),
            stage: step.stage.clone(),
        });
        Some(Self {
            flow: flow.clone(),
            version: flows.version(slug)?.0,
            epoch,
            steps: steps.collect(),
        })
    }

    /// The next place at or behind an order.
    pub(super) fn from(&self, order: u32) -> Option<&Place> {
        self.steps.iter().find(|place| place.order >= order)
    }

    pub(super) fn settings(&self) -> impl Iterator<Item = &StageSettings> {
        self.steps.iter().map(|place| place.stage.settings())
    }

    fn identification(&self) -> Option<&Identification> {
        self.settings().find_map(|settings| {
            if let StageSettings::Identification(settings) = settings {
                Some(settings)
            } else {
                None
            }
        })
    }

    /// Whether sessions that it begins can be asked to stay.
    pub(super) fn offers_to_stay(&self) -> bool {
        self.settings().any(|settings| {
            matches!(settings, StageSettings::UserLogin(settings) if settings.remember_me_offset.0 > 0)
        })
    }

    /// Where its first "Forgot password?" leads.
    pub(super) fn recovery_flow(&self) -> Option<String> {
        let slug = self.identification()?.recovery_flow.as_ref();
        slug.map(ToString::to_string)
    }

    /// Where its first "Sign up" leads.
    pub(super) fn enrolment_flow(&self) -> Option<String> {
        let slug = self.identification()?.enrollment_flow.as_ref();
        slug.map(ToString::to_string)
    }

    /// Whether accounts that it makes wait until their address is proven.
    pub(super) fn makes_inactive_users(&self) -> bool {
        self.settings().any(|settings| {
            matches!(settings, StageSettings::UserWrite(settings)
                if settings.create_users_as_inactive && settings.user_creation_mode != UserCreation::NeverCreate)
        })
    }

    /// The e-mail stage behind an order: the one that the mail of a new account is of.
    pub(super) fn mail_behind(&self, order: u32) -> Option<AskedBy> {
        let is_mail =
            |place: &&Place| place.order > order && matches!(place.stage.settings(), StageSettings::Email(_));
        self.steps
            .iter()
            .find(is_mail)
            .map(|place| AskedBy::of(self, place))
    }

    /// The e-mail stage that sends recoveries.
    pub(super) fn recovery_mail(&self) -> Option<&Place> {
        let is_mail = |place: &&Place| matches!(place.stage.settings(), StageSettings::Email(_));
        (self.flow.designation == Designation::Recovery)
            .then(|| self.steps.iter().find(is_mail))
            .flatten()
    }
}

/// What is known of whoever walks, and proven.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Facts {
    pub(super) now: Timestamp,
    pub(super) designation: Designation,
    /// Who is signed in, before the flow or by it.
    pub(super) caller: Option<Caller>,
    /// What they must show once more before they set something up.
    pub(super) reproofs: Reproofs,
    /// Whose account it is, by what was proven: a mailed proof, a password, a session.
    pub(super) user: Option<UserId>,
    /// An address of theirs, masked.
    pub(super) account: Option<String>,
    /// The second factors that what they are at may be proven with.
    pub(super) kinds: Vec<FactorKind>,
    /// Whether what they are at cannot be done without one.
    pub(super) demands_factor: bool,
    /// Which kind of second factor their session proved last, and when.
    pub(super) proved: Option<(FactorKind, Timestamp)>,
    /// Which of their second factors was shown at this browser before, of which kind, and when: for a sign-in with the
    /// password.
    pub(super) shown_at: Option<(FactorId, FactorKind, Timestamp)>,
    /// Whether the flow offers to stay signed in.
    pub(super) offers_to_stay: bool,
    /// Where "Forgot password?" leads.
    pub(super) recovery_flow: Option<String>,
}

impl Desk {
    /// The flow of a slug.
    pub(super) fn plan(&self, slug: &str) -> Option<Plan> {
        self.engine()
            .read(|state| Plan::of(state.flows(), slug, state.epoch().number))
    }

    /// What is known at a place of an execution.
    pub(super) fn facts(&self, plan: &Plan, execution: &Execution, walker: &Walker) -> Facts {
        let now = self.now();
        let begun = execution.begun();
        let (caller, user, kinds, demands_factor, proved, shown_at) = self.engine().read(|state| {
            let epoch = state.epoch();
            let caller = match begun {
                // To sign in, to get back in or to sign up is to be somebody new, whoever is signed in here.
                None => match plan.flow.designation {
                    Designation::StageConfiguration | Designation::Invalidation => walker.caller,
                    Designation::Authentication | Designation::Recovery | Designation::Enrollment => None,
                },
                Some(begun) => live_session(state, begun.user, begun.session, now)
                    .ok()
                    .map(|(user, _)| Caller {
                        user: begun.user,
                        session: begun.session,
                        role: user.role,
                    }),
            };
            let token = execution.proof().and_then(|proof| state.tokens.get(&proof.token));
            let by_password = execution.password(now).and_then(|proven| {
                let named = self.whose(execution.who.as_deref()?, state)?;
                let user = state.users.get(&named)?;
                (user.credential_id() == Some(proven.credential)).then_some(named)
            });
            let user = token
                .map(|token| token.user)
                .or(by_password)
                .or(caller.map(|caller| caller.user));
            let factors = user.and_then(|user| state.factors.get(&user));
            let enrolled = factors.filter(|factors| factors.is_enrolled());
            let mut kinds = enrolled.map(|factors| factors.kinds(epoch)).unwrap_or_default();
            // What comes to a mailbox proves nothing beside a proof that came to a mailbox.
            let demands = if let Some(token) = token {
                kinds.retain(|kind| *kind != FactorKind::Email);
                recovery_factors(state, token) == RecoveryFactors::Demand
            } else {
                // A code by mail signs in, and does nothing else.
                if execution.who.is_none() {
                    kinds.retain(|kind| *kind != FactorKind::Email);
                }
                enrolled.is_some()
            };
            let proved = caller.and_then(|caller| factors?.proved_in(caller.session));
            let signs_in = by_password.filter(|_| token.is_none());
            let shown_at = signs_in.and_then(|user| self.shown_at(walker, user, state));
            (caller, user, kinds, demands, proved, shown_at)
        });
        let needs_factor = caller.is_some_and(|caller| self.lacks_fresh_factor(caller));
        Facts {
            now,
            designation: plan.flow.designation,
            caller,
            reproofs: Reproofs {
                password: !caller.is_some_and(|caller| self.is_fresh(caller)),
                factor: needs_factor,
            },
            user,
            account: user.and_then(|user| self.masked_address(user)),
            kinds,
            demands_factor: demands_factor && execution.written == Written::Nothing,
            proved,
            shown_at,
            offers_to_stay: plan.offers_to_stay(),
            recovery_flow: plan.recovery_flow(),
        }
    }
}
