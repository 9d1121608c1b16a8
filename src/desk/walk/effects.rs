//! What flows do, all of it through what the desk does for every other door: limits, order of answers, what is
//! remembered and what is equal for known and unknown are the same.

use secrecy::SecretString;

use super::challenge::{Mistake, Wrong};
use super::execution::Execution;
use super::facts::{Facts, Place, Plan, Walker};
use super::stages::Effect;
use crate::desk::{Desk, Fault, Refusal, Reproof};
use crate::domain::flow::Designation;

/// Why an effect did not come about.
pub(super) enum Stop {
    /// Something is wrong with a field: it is asked again.
    Wrong(Wrong),
    /// Something that says nothing about any field: a limit, a full queue.
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Fault(refusal.into())
    }
}

/// Says of which field a fault tells something.
pub(super) fn about(field: &'static str) -> impl Fn(Fault) -> Stop {
    move |fault| {
        let tells_nothing = match &fault {
            Fault::Refused(refusal) => {
                matches!(
                    refusal,
                    Refusal::Limited(_) | Refusal::Saturated | Refusal::Outdated
                )
            }
            Fault::PasswordFormat(_) | Fault::SameAsPrevious | Fault::WeakPassword => false,
            Fault::Repeated | Fault::Overloaded | Fault::Stopped => true,
        };
        if tells_nothing {
            Stop::Fault(fault)
        } else {
            Stop::Wrong(Wrong::new(field, Mistake::Refused(fault)))
        }
    }
}

/// Where an effect takes place.
pub(super) struct Scene<'a> {
    pub(super) plan: &'a Plan,
    pub(super) place: &'a Place,
    pub(super) facts: &'a Facts,
    pub(super) walker: &'a Walker,
}

impl Desk {
    /// Has an effect come about, and notes in the execution what came of it.
    pub(super) async fn perform(
        &self,
        effect: Effect,
        execution: &mut Execution,
        scene: &Scene<'_>,
    ) -> Result<(), Stop> {
        match effect {
            Effect::Name { who, wants_to_stay } => {
                execution.who = Some(who);
                execution.wants_to_stay = wants_to_stay;
                Ok(())
            }
            Effect::DemandExistence => self.demand_existence(execution),
            Effect::TryPassword(password) => self.try_walkers_password(&password, execution, scene).await,
            Effect::TryCurrentPassword(password) => {
                self.try_current_password(&password, execution, scene).await
            }
            Effect::SendMail => self.send_walkers_mail(execution, scene).await,
            Effect::TryProof(proof) => self.try_walkers_proof(&proof, execution, scene).await,
            Effect::TryFactor(code, kinds) => self.try_walkers_factor(&code, &kinds, execution, scene).await,
            Effect::MailFactorCode => self.mail_factor_code(execution, scene).await,
            Effect::TakeShownBefore(before) => {
                execution.take_shown_before(before);
                Ok(())
            }
            Effect::SetUpLater(stages) => {
                execution.set_up = stages;
                Ok(())
            }
            Effect::KeepTexts(texts) => self.keep_texts(execution, &texts, scene).await,
            Effect::ChoosePassword { password, policies } => {
                self.choose_password(password, &policies, execution, scene).await
            }
            Effect::Answered => {
                execution.done = Some(scene.place.order);
                Ok(())
            }
            Effect::CompleteRecovery => self.complete_walk(execution, scene).await,
            Effect::ChangePassword => self.change_walkers_password(execution, scene).await,
            Effect::SignUp => self.sign_up_walker(execution, scene).await,
            Effect::BeginSession => self.begin_walkers_session(execution, scene).await,
            Effect::EndSession => self.end_walkers_session(execution, scene).await,
            Effect::BeginTotp(shown) => self.begin_walkers_totp(&shown, execution, scene).await,
            Effect::ConfirmTotp(code) => self.confirm_walkers_totp(&code, execution, scene).await,
            Effect::BeginMailbox(shown, address) => {
                self.begin_walkers_mailbox(&shown, address, execution, scene)
                    .await
            }
            Effect::ConfirmMailbox(code) => self.confirm_walkers_mailbox(&code, execution, scene).await,
            Effect::DropChallenge => {
                execution.set_challenge(None);
                Ok(())
            }
            Effect::IssueCodes(shown) => self.issue_walkers_codes(&shown, execution, scene).await,
        }
    }

    async fn try_current_password(
        &self,
        password: &SecretString,
        execution: &mut Execution,
        scene: &Scene<'_>,
    ) -> Result<(), Stop> {
        let caller = scene.facts.caller.ok_or(Refusal::SessionOver)?;
        let credential = self
            .reauthenticate(caller, Reproof::Password(password), &scene.walker.visitor)
            .await
            .map_err(about("password"))?;
        execution.prove_password(credential, self.now());
        Ok(())
    }

    /// Keeps what a prompt took. A user name that somebody else has is told while another can be typed; the law asks
    /// again. What was free a moment ago, and was sent once more with another password, is not asked about again.
    async fn keep_texts(
        &self,
        execution: &mut Execution,
        texts: &[(String, String)],
        scene: &Scene<'_>,
    ) -> Result<(), Stop> {
        for (key, text) in texts {
            let is_new = key == "username" && scene.facts.designation == Designation::Enrollment;
            if is_new && execution.text(key) != Some(text) {
                self.try_username(text, &scene.walker.visitor)
                    .await
                    .map_err(about("username"))?;
            }
            if !execution.keep_text(key, text) {
                return Err(Stop::Wrong(Wrong::new(key, Mistake::TooLong)));
            }
        }
        Ok(())
    }

    async fn end_walkers_session(&self, execution: &mut Execution, scene: &Scene<'_>) -> Result<(), Stop> {
        if let Some(caller) = scene.facts.caller {
            match self.sign_out(caller, &scene.walker.visitor).await {
                // It has ended meanwhile, which is what was wanted.
                Ok(()) | Err(Fault::Refused(Refusal::SessionNotFound)) => {}
                Err(fault) => return Err(fault.into()),
            }
        }
        execution.forget_password();
        Ok(())
    }
}
