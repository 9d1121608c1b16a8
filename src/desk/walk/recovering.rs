//! Getting back in, step by step: the mail, what comes back of it, the new password.

use secrecy::{ExposeSecret, SecretString};

use super::asked_by::AskedBy;
use super::challenge::FlowStep;
use super::effects::{Scene, Stop, about};
use super::execution::{Chosen, Execution, Written};
use super::facts::{Plan, Walker};
use super::{FlowFault, Look};
use crate::crypto::parse_mail_secret;
use crate::desk::passwords::{PasswordOwner, Unfit, kept_passwords};
use crate::desk::recovery::Claim;
use crate::desk::{Command, Desk, Fault, Refusal};
use crate::domain::flow::{Designation, EmailStage, Flows, MailTemplate, StageSettings};
use crate::domain::password_policy::PasswordPolicy;
use crate::domain::{PasswordChange, PasswordVerdict, Purpose};
use crate::engine::Lane;
use crate::types::{EmailAddress, PersonName, Span, Username};

/// What somebody who comes by a mail brings.
#[derive(Clone, Copy, Debug)]
pub enum EnterBy<'a> {
    /// The secret of its link, which says whose it is.
    Link(&'a SecretString),
    /// Its code, and the address that it went to.
    Code(&'a EmailAddress, &'a SecretString),
}

impl Desk {
    /// Asks for the mail of a stage. Nothing tells whether there is anybody to get it.
    pub(super) async fn send_walkers_mail(
        &self,
        execution: &mut Execution,
        scene: &Scene<'_>,
    ) -> Result<(), Stop> {
        let StageSettings::Email(settings) = scene.place.stage.settings() else {
            return Err(Refusal::Outdated.into());
        };
        let visitor = &scene.walker.visitor;
        let who = self.addressee(execution, scene)?;
        let asked = AskedBy::of(scene.plan, scene.place).text();
        let purpose = match settings.template {
            MailTemplate::PasswordReset => Purpose::Recovery,
            MailTemplate::AccountConfirmation => Purpose::VerifyEmail,
        };
        self.request_proof(&who, visitor, purpose, Some(&asked)).await?;
        execution.mails.count(window(settings), self.now());
        Ok(())
    }

    fn addressee(&self, execution: &Execution, scene: &Scene<'_>) -> Result<String, Stop> {
        if let Some(named) = execution.who.as_deref().or(execution.text("email")) {
            return Ok(named.to_owned());
        }
        let user = scene.facts.user.ok_or(Refusal::UserNotFound)?;
        let address = self.first_address(user).ok_or(Refusal::UserNotFound)?;
        Ok(address.as_typed().to_owned())
    }

    /// Finds out what a link's secret or a typed code proves; spends nothing.
    pub(super) async fn try_walkers_proof(
        &self,
        shown: &SecretString,
        execution: &mut Execution,
        scene: &Scene<'_>,
    ) -> Result<(), Stop> {
        let StageSettings::Email(settings) = scene.place.stage.settings() else {
            return Err(Refusal::Outdated.into());
        };
        match settings.template {
            MailTemplate::PasswordReset => {
                let claim = self.claim(shown, execution, scene.walker).await;
                let claim = claim.map_err(about("code"))?;
                let held = self.holder_of(&claim).await;
                held.map_err(|fault| about("code")(self.unless_repeated(fault, shown)))?;
                execution.show_proof(claim.proof);
            }
            MailTemplate::AccountConfirmation => {
                let who = self.addressee(execution, scene)?;
                let address = EmailAddress::parse(&who).map_err(|_| Refusal::TokenNotFound)?;
                self.confirm_verification(&address, shown, &scene.walker.visitor)
                    .await
                    .map_err(about("code"))?;
                execution.done = Some(scene.place.order);
            }
        }
        Ok(())
    }

    async fn claim(
        &self,
        shown: &SecretString,
        execution: &Execution,
        walker: &Walker,
    ) -> Result<Claim, Fault> {
        if parse_mail_secret(shown.expose_secret()).is_some() {
            return self.claim_by_link(shown, &walker.visitor);
        }
        let who = execution.who.as_deref().ok_or(Refusal::TokenNotFound)?;
        let greeting = self.greet_by_name(who, &walker.visitor)?;
        self.claim_by_code(greeting, shown).await
    }

    /// The flow in which somebody gets back in: that of "Forgot password?" where people sign in, or the one that ships.
    pub fn recovery_flow(&self) -> String {
        let attached = self.plan(Flows::SIGN_IN).and_then(|plan| plan.recovery_flow());
        let attached = attached.filter(|slug| self.plan(slug).is_some_and(|plan| leads_back(&plan)));
        attached.unwrap_or_else(|| Flows::RECOVERY.to_owned())
    }

    /// Begins a flow behind its e-mail stage, for somebody who came by a mail, on whatever device. The flow is the one that
    /// asked for the mail. Spends nothing.
    pub async fn enter_recovery(&self, by: EnterBy<'_>, walker: &Walker) -> Result<FlowStep, FlowFault> {
        let (claim, shown) = match by {
            EnterBy::Link(secret) => (self.claim_by_link(secret, &walker.visitor)?, secret),
            EnterBy::Code(address, code) => {
                let greeting = self.greet(address, &walker.visitor)?;
                (self.claim_by_code(greeting, code).await?, code)
            }
        };
        if let Err(fault) = self.holder_of(&claim).await {
            return Err(self.unless_repeated(fault, shown).into());
        }
        let asked = self.asked_by(claim.proof.token);
        let plan = asked.and_then(|asked| self.plan(&asked.flow)).filter(leads_back);
        let plan = plan.or_else(|| self.plan(&self.recovery_flow()));
        let plan = plan.ok_or(FlowFault::NotFound)?;
        let mut execution = self.new_execution(&plan);
        execution.show_proof(claim.proof);
        let mail = plan.recovery_mail().map(|place| place.order);
        execution.pass(mail.unwrap_or_default());
        self.walk(plan, execution, None, walker, Look::AndAct).await
    }

    /// Tests a new password by the policies of a prompt, hashes it, and keeps its verifier, sealed.
    pub(super) async fn choose_password(
        &self,
        password: SecretString,
        policies: &[String],
        execution: &mut Execution,
        scene: &Scene<'_>,
    ) -> Result<(), Stop> {
        let policies = self.policies(policies).ok_or(Refusal::Outdated)?;
        let lane = if scene.facts.user.is_some() {
            Lane::Proof
        } else {
            Lane::Stranger
        };
        if scene.facts.user.is_none() {
            self.may_register(&scene.walker.visitor)?;
        }
        let owner = self.owner_of_new_password(execution, scene);
        if let Err(unfit) = self.test_password_by(lane, &policies, &password, owner).await {
            let fault = self.note_unfit_choice(unfit, execution, scene).await;
            return Err(about("password")(fault));
        }
        let (mut credential, keys) = self.new_credential(lane, password).await?;
        credential.history = kept_passwords(&policies);
        let key = keys.into_iter().map(|(_, key)| key).next();
        let key = key.ok_or(Refusal::Outdated)?;
        execution.choose(&Chosen { credential, key }, scene.facts.user);
        Ok(())
    }

    /// Remembers that whoever has proven to be here chose a password that may not be.
    async fn note_unfit_choice(&self, unfit: Unfit, execution: &Execution, scene: &Scene<'_>) -> Fault {
        let user = scene.facts.user;
        let Some(client) = user.and_then(|user| self.client_of(user, &scene.walker.visitor)) else {
            return unfit.into();
        };
        let (caller, proven) = (scene.facts.caller, execution.password(self.now()));
        match (execution.proof(), caller.zip(proven), unfit.broken()) {
            (Some(proof), _, _) => self.note_unfit(unfit, proof, &client.origin).await,
            (None, Some((caller, proven)), Some(broken)) => {
                let verdict = PasswordVerdict::Right(proven.credential);
                let change = PasswordChange::Refused(broken);
                let noted = self.note_current(caller, verdict, change, &client.origin).await;
                noted.err().unwrap_or_else(|| unfit.into())
            }
            (None, _, _) => unfit.into(),
        }
    }

    /// The policies of these names; those of the REST routes if none is named. `None` if one is gone.
    pub(super) fn policies(&self, names: &[String]) -> Option<Vec<PasswordPolicy>> {
        if names.is_empty() {
            return Some(vec![self.password_policy()]);
        }
        self.engine()
            .read(|state| names.iter().map(|name| state.policy(name).cloned()).collect())
    }

    fn owner_of_new_password(&self, execution: &Execution, scene: &Scene<'_>) -> PasswordOwner {
        let Some(id) = scene.facts.user else {
            let address = execution
                .text("email")
                .and_then(|text| EmailAddress::parse(text).ok());
            return PasswordOwner {
                addresses: address.into_iter().collect(),
                name: execution
                    .text("name")
                    .and_then(|text| PersonName::parse(text).ok()),
                username: execution
                    .text("username")
                    .and_then(|text| Username::parse(text).ok()),
                ..PasswordOwner::default()
            };
        };
        let user = self.engine().read(|state| state.users.get(&id).cloned());
        let known = user
            .map(|user| self.password_owner(id, &user))
            .unwrap_or_default();
        let mailed = execution.proof().map(|proof| self.secrets_of(proof.token));
        PasswordOwner {
            mailed: mailed.unwrap_or_default(),
            ..known
        }
    }

    /// Sets the new password by the mailed proof: one atomic batch, and nobody is signed in.
    pub(super) async fn complete_walk(
        &self,
        execution: &mut Execution,
        scene: &Scene<'_>,
    ) -> Result<(), Stop> {
        let visitor = &scene.walker.visitor;
        let (Some(proof), Some(chosen), Some(user)) =
            (execution.proof(), execution.chosen(), scene.facts.user)
        else {
            return Err(Refusal::TokenNotFound.into());
        };
        let client = self.client_of(user, visitor).ok_or(Refusal::TokenNotFound)?;
        let against = self
            .engine()
            .read(|state| state.users.get(&user)?.credential_id());
        let keys = chosen.keys();
        let command = Command::CompleteRecovery {
            proof,
            client,
            against,
            credential: chosen.credential,
            factor: self.presented_factor(user, execution.factor(), visitor),
            mails: self.notices(user, visitor),
        };
        match self.carry_out(Lane::Proof, command, keys).await {
            Ok(_) => {
                execution.written = Written::Password;
                Ok(())
            }
            Err(fault @ Fault::Refused(Refusal::FactorWrong | Refusal::CodesExhausted)) => {
                // Right on the way, and spent elsewhere meanwhile: another one is asked for.
                execution.forget_factor();
                Err(about("code")(fault))
            }
            Err(fault) => Err(fault.into()),
        }
    }
}

/// Whether a link may lead into a flow.
fn leads_back(plan: &Plan) -> bool {
    plan.flow.designation == Designation::Recovery
}

fn window(settings: &EmailStage) -> Span {
    Span::minutes(i64::from(settings.resend_window_minutes))
}
