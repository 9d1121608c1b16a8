//! What is shown of a place: the challenge that goes with it, or why there is no way on.

use secrecy::SecretString;

use super::challenge::{Challenge, Component, Denial, Done, FlowStep, LeadsTo, Scene, ShownSecret, Wrong};
use super::effects::Scene as Here;
use super::execution::Execution;
use super::facts::{Facts, Place, Plan, Walker};
use super::set_up::{MAILBOX, MAILBOX_SHOWN};
use super::stages::{owes_factor, usable};
use super::{Turn, head};
use crate::desk::{Circumstances, Desk, KnownUser, Undecided, decide_expression};
use crate::domain::FactorKind;
use crate::domain::flow::{
    AuthenticatorValidation, Binding, DeniedAction, EmailAuthenticatorSetup, EmailStage, FieldKind, Flows,
    MailTemplate, NotConfigured, Policy, Prompt, StageSettings,
};
use crate::domain::password_policy::{PasswordPolicy, Rule};
use crate::types::{ObjectName, Span, UserId};

/// Set-up stages that were chosen on the way stand behind every binding.
const SET_UPS: u32 = 1 << 20;

impl Desk {
    /// The next place of an execution: a binding, or behind them a set-up stage that was chosen on the way.
    pub(super) fn next_place(&self, plan: &Plan, execution: &Execution) -> Option<Place> {
        if let Some(place) = plan.from(execution.at) {
            return Some(place.clone());
        }
        let number = execution.at.saturating_sub(SET_UPS);
        let name = execution.set_up.get(usize::try_from(number).ok()?)?;
        let stage = self.engine().read(|state| state.flows().stage(name).cloned())?;
        Some(Place {
            order: SET_UPS + number,
            binding: Binding::plain(0, stage.name().clone()),
            stage,
        })
    }

    pub(super) fn sealed(&self, execution: &Execution) -> SecretString {
        let ring = self.engine().keyring().current();
        execution.seal(&ring, self.engine().entropy())
    }

    fn step(&self, here: &Here<'_>, execution: &Execution, component: Component, errors: Vec<Wrong>) -> Turn {
        Turn::Step(Box::new(FlowStep {
            execution: self.sealed(execution),
            flow: head(here.plan),
            scene: Scene::Ask(Box::new(Challenge { component, errors })),
            restarted: false,
        }))
    }

    /// There is no way on.
    pub(super) fn denied(&self, here: &Here<'_>, execution: &Execution, reason: Denial) -> Turn {
        let next = execution.next.clone().filter(|_| here.walker.caller.is_some());
        let leads_to = match (here.plan.flow.denied_action, next) {
            (DeniedAction::MessageContinue | DeniedAction::Continue, Some(next)) => {
                Some(LeadsTo::Account(Some(next)))
            }
            // Where people sign in there is nowhere else to go on: they would come to the same denial.
            (DeniedAction::Continue, None) if here.plan.flow.slug.as_str() != Flows::SIGN_IN => {
                Some(LeadsTo::SignIn)
            }
            (DeniedAction::MessageContinue | DeniedAction::Continue, None) | (DeniedAction::Message, _) => {
                None
            }
        };
        // Too many wrong answers are told in any case: they are no decision about who somebody is.
        if let Some(leads_to) = leads_to.filter(|_| reason != Denial::TooManyTries) {
            let done = Done {
                session: None,
                leads_to,
            };
            return Turn::Step(Box::new(FlowStep {
                execution: self.sealed(execution),
                flow: head(here.plan),
                scene: Scene::Done(Box::new(done)),
                restarted: false,
            }));
        }
        let mut message = String::new();
        if let (StageSettings::Deny(settings), Denial::Stage) = (here.place.stage.settings(), reason) {
            message.clone_from(&settings.message);
        }
        self.step(here, execution, Component::Deny { message, reason }, vec![])
    }

    /// Something would happen now, and only a person's click may have it happen.
    pub(super) fn to_go_on(&self, here: &Here<'_>, execution: &Execution) -> Turn {
        self.step(here, execution, Component::Continue, vec![])
    }

    /// What a place asks.
    pub(super) fn asked(&self, here: &Here<'_>, execution: &Execution, errors: Vec<Wrong>) -> Turn {
        let component = self.component(here, execution);
        self.step(here, execution, component, errors)
    }

    fn component(&self, here: &Here<'_>, execution: &Execution) -> Component {
        let facts = here.facts;
        match here.place.stage.settings() {
            StageSettings::Identification(settings) => Component::Identification {
                user_fields: settings.user_fields.clone(),
                password: settings.password_stage.is_some(),
                remember: facts.offers_to_stay && settings.password_stage.is_some(),
                recovery_flow: settings.recovery_flow.as_ref().map(ToString::to_string),
                enrollment_flow: settings.enrollment_flow.as_ref().map(ToString::to_string),
            },
            StageSettings::Password(_) => Component::Password {
                who: execution
                    .who
                    .clone()
                    .or_else(|| facts.account.clone())
                    .unwrap_or_default(),
                remember: facts.offers_to_stay && execution.who.is_some(),
                recovery_flow: facts.recovery_flow.clone(),
            },
            StageSettings::Email(settings) => email_sent(settings, execution),
            StageSettings::Prompt(_) if owes_factor(execution, facts) => {
                asks_factor(facts.kinds.clone(), execution)
            }
            StageSettings::Prompt(settings) => {
                // Whoever is here has proven to be the owner of it.
                let account = facts.user.and_then(|user| self.first_address(user));
                let account = account.map(|address| address.as_typed().to_owned());
                self.prompt(settings, account, |key| Some(execution.text(key)?.to_owned()))
            }
            StageSettings::AuthenticatorValidation(settings) => validate(settings, here, execution),
            StageSettings::UserWrite(_) | StageSettings::UserLogin(_) => {
                asks_factor(facts.kinds.clone(), execution)
            }
            StageSettings::UserLogout => Component::UserLogout,
            StageSettings::EmailAuthenticatorSetup(settings) => email_set_up(settings, here, execution),
            StageSettings::TotpAuthenticatorSetup(_) => self.totp_set_up(here, execution),
            StageSettings::StaticAuthenticatorSetup(_) => {
                shown_codes(execution).unwrap_or_else(|| Component::Reauthenticate {
                    reproof: facts.reproofs,
                })
            }
            StageSettings::Deny(settings) => Component::Deny {
                message: settings.message.clone(),
                reason: Denial::Stage,
            },
        }
    }

    /// The fields of a prompt, with what was in them before.
    pub(super) fn prompt(
        &self,
        settings: &Prompt,
        account: Option<String>,
        value: impl Fn(&str) -> Option<String>,
    ) -> Component {
        let fields: Vec<_> = settings
            .ordered()
            .into_iter()
            .filter(|field| field.kind != FieldKind::Hidden)
            .cloned()
            .collect();
        let names: Vec<String> = settings
            .validation_policies
            .iter()
            .map(ToString::to_string)
            .collect();
        let policies = if settings.asks_password() {
            self.policies(&names).unwrap_or_default()
        } else {
            vec![]
        };
        let mut said = policies.iter().map(|policy| &policy.settings().error_message);
        Component::Prompt {
            values: fields
                .iter()
                .filter_map(|field| Some((field.field_key.clone(), value(&field.field_key)?)))
                .collect(),
            fields,
            error_message: said.find(|said| !said.is_empty()).cloned().unwrap_or_default(),
            rules: rules_of(&policies),
            account,
        }
    }

    fn totp_set_up(&self, here: &Here<'_>, execution: &Execution) -> Component {
        if let Some(codes) = shown_codes(execution) {
            return codes;
        }
        let begun = execution.challenge().and(here.facts.caller);
        match begun.and_then(|caller| self.begun_app(caller)) {
            Some(begun) => Component::TotpSetup {
                secret: ShownSecret(begun.secret),
                uri: ShownSecret(begun.uri),
                issuer: begun.issuer,
            },
            None => Component::Reauthenticate {
                reproof: here.facts.reproofs,
            },
        }
    }

    /// Whether the binding at a place applies to whoever walks: asked once, when it is reached. `None` if a policy of it
    /// comes to no answer; then nobody goes on, because what is left out may be what protects.
    pub(super) fn applies(
        &self,
        place: &Place,
        facts: &Facts,
        execution: &Execution,
        walker: &Walker,
    ) -> Option<bool> {
        if place.binding.policies.iter().all(|bound| !bound.enabled) {
            return Some(true);
        }
        let circumstances = Circumstances {
            user: facts.user.and_then(|user| self.known_user(user)),
            prompt_data: execution.prompted(),
            ip: walker.visitor.ip,
            now: facts.now,
        };
        match self.decide_binding(&place.binding, &circumstances) {
            Ok(applies) => Some(applies),
            Err((policy, why)) => {
                let why = why.map_or_else(|| "it is gone".to_owned(), |why| why.to_string());
                tracing::warn!(%policy, why, "an expression policy came to no answer; the flow ends there");
                None
            }
        }
    }

    /// Whether a binding applies; otherwise the policy that came to no answer, and why unless it is gone.
    pub(super) fn decide_binding(
        &self,
        binding: &Binding,
        circumstances: &Circumstances,
    ) -> Result<bool, (ObjectName, Option<Undecided>)> {
        for bound in binding.policies.iter().filter(|bound| bound.enabled) {
            let text = self
                .engine()
                .read(|state| match state.flows().policy(bound.policy.as_str())? {
                    Policy::Expression(policy) => Some(policy.expression().to_owned()),
                    Policy::Password(_) => None,
                });
            let text = text.ok_or_else(|| (bound.policy.clone(), None))?;
            match decide_expression(&text, circumstances) {
                Ok(said) if said == bound.negate => return Ok(false),
                Ok(_) => {}
                Err(why) => return Err((bound.policy.clone(), Some(why))),
            }
        }
        Ok(true)
    }

    /// What an expression may know of a user.
    pub(super) fn known_user(&self, user: UserId) -> Option<KnownUser> {
        let profile = self.profile(user)?;
        Some(KnownUser {
            email: profile.email,
            email_verified: profile.email_verified.is_some(),
            role: profile.role.word(),
            factors: profile.factors.into_iter().map(FactorKind::name).collect(),
        })
    }
}

fn email_sent(settings: &EmailStage, execution: &Execution) -> Component {
    Component::EmailSent {
        who: execution.who.clone().unwrap_or_default(),
        lifetime: Span::minutes(i64::from(settings.token_expiry_minutes)),
        recovers: settings.template == MailTemplate::PasswordReset,
    }
}

fn asks_factor(device_classes: Vec<FactorKind>, execution: &Execution) -> Component {
    Component::AuthenticatorValidate {
        device_classes,
        is_mailed: execution.challenge().is_some(),
    }
}

fn validate(settings: &AuthenticatorValidation, here: &Here<'_>, execution: &Execution) -> Component {
    let kinds = usable(settings, here.facts);
    if kinds.is_empty() && settings.not_configured_action == NotConfigured::Configure {
        let stages = settings.configuration_stages.iter();
        return Component::Choose {
            stages: stages.map(ToString::to_string).collect(),
        };
    }
    asks_factor(kinds, execution)
}

fn email_set_up(settings: &EmailAuthenticatorSetup, here: &Here<'_>, execution: &Execution) -> Component {
    if let Some(codes) = shown_codes(execution) {
        return codes;
    }
    let name = settings.authenticator_type_name.clone();
    if execution.challenge().is_some() {
        return Component::EmailSetupCode {
            name,
            address: execution.text(MAILBOX_SHOWN).unwrap_or_default().to_owned(),
            lifetime: Span::minutes(i64::from(settings.token_expiry_minutes)),
        };
    }
    Component::EmailSetupAddress {
        name,
        suggested: match execution.text(MAILBOX) {
            Some(_) => execution.text(MAILBOX_SHOWN).map(str::to_owned),
            None => here.facts.account.clone(),
        },
        reproof: here.facts.reproofs,
    }
}

fn shown_codes(execution: &Execution) -> Option<Component> {
    if execution.codes.is_empty() {
        return None;
    }
    let codes = execution.codes.iter().cloned();
    Some(Component::StaticSetup {
        codes: codes.map(|code| ShownSecret(SecretString::from(code))).collect(),
    })
}

/// The rules of policies, each once.
fn rules_of(policies: &[PasswordPolicy]) -> Vec<Rule> {
    let mut rules = vec![];
    for rule in policies.iter().flat_map(PasswordPolicy::rules) {
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    rules
}
