//! Signing in, step by step.

use secrecy::SecretString;

use super::asked_by::AskedBy;
use super::challenge::{Mistake, Wrong};
use super::effects::{Scene, Stop, about};
use super::execution::{Begun, Execution};
use super::facts::Plan;
use crate::desk::greeting::Greeting;
use crate::desk::{Command, Desk, Enumeration, Fault, Outcome, Refusal, Visitor};
use crate::domain::flow::{StageKind, StageSettings, UserLogin};
use crate::domain::{
    FactorKind, FactorProof, FactorShown, FactorUse, FactorVerdict, NewSession, OtherSessions,
    PasswordVerdict, SessionTerms, Walk,
};
use crate::engine::Lane;
use crate::mail::templates::FactorChange;
use crate::system::random_id;
use crate::types::{CredentialId, ObjectName, SessionId, Span, Timestamp, UserId};

/// The stage that ships for codes by mail.
const CODES: &str = "default-authenticator-email-setup";

impl Desk {
    pub(super) fn demand_existence(&self, execution: &mut Execution) -> Result<(), Stop> {
        let who = execution.who.clone().unwrap_or_default();
        if self.engine().read(|state| self.whose(&who, state)).is_some() {
            return Ok(());
        }
        execution.who = None;
        let fault = Fault::from(Refusal::UserNotFound);
        Err(Stop::Wrong(Wrong::new("identifier", Mistake::Refused(fault))))
    }

    /// Holds a password against that of whoever was named; a wrong one is remembered before it is told, and costs as much
    /// for somebody who is nobody (P-13).
    pub(super) async fn try_walkers_password(
        &self,
        password: &SecretString,
        execution: &mut Execution,
        scene: &Scene<'_>,
    ) -> Result<(), Stop> {
        let who = execution.who.clone().unwrap_or_default();
        let attempt = || self.try_password(&who, password, scene.plan, &scene.walker.visitor);
        let credential = Self::until_current(attempt).await.map_err(about("password"))?;
        execution.prove_password(credential, self.now());
        Ok(())
    }

    async fn try_password(
        &self,
        who: &str,
        password: &SecretString,
        plan: &Plan,
        visitor: &Visitor,
    ) -> Result<CredentialId, Fault> {
        let Greeting { found, ask, keys } = self.greet_by_name(who, visitor)?;
        self.may_sign_in(found, &ask)?;
        let owner = found.map(|(_, id)| id);
        let user = owner.and_then(|id| self.engine().read(|state| state.users.get(&id).cloned()));
        let (verdict, checked) = self.judge_password(user.as_deref(), password).await?;
        let lane = match verdict {
            PasswordVerdict::Right(_) => Lane::Proof,
            PasswordVerdict::Wrong => Lane::Stranger,
        };
        let command = Command::Walk(Walk::TryPassword {
            ask,
            verdict,
            require_verified: self.requires_verified(plan),
        });
        match self.carry_out(lane, command, keys).await {
            // Right so far: the second factor is asked at its stage.
            Ok(_) | Err(Fault::Refused(Refusal::FactorRequired)) => {}
            Err(fault) => return Err(self.unless_told_too_much(fault)),
        }
        let (PasswordVerdict::Right(right), Some(owner)) = (verdict, owner) else {
            return Err(Refusal::InvalidCredentials.into());
        };
        self.upgrade_if_due(owner, verdict, checked, password);
        Ok(right)
    }

    /// Whether an address that was never proven keeps its owner out: as the settings say, and where the sign-up that this
    /// flow offers makes accounts that wait for it.
    fn requires_verified(&self, plan: &Plan) -> bool {
        // Where sign-up keeps silent about taken addresses, signing in with what was just chosen must not tell either.
        let silent = self.settings().enumeration == Enumeration::Strict;
        let enrols_inactive = || {
            let enrolment = plan.enrolment_flow().and_then(|slug| self.plan(&slug));
            enrolment.is_some_and(|plan| plan.makes_inactive_users())
        };
        self.settings().require_verified_email || silent || enrols_inactive()
    }

    fn unless_told_too_much(&self, fault: Fault) -> Fault {
        let silent = self.settings().enumeration == Enumeration::Strict;
        if silent && matches!(fault, Fault::Refused(Refusal::EmailNotVerified)) {
            Refusal::InvalidCredentials.into()
        } else {
            fault
        }
    }

    /// Holds a code against the second factors of whoever was proven to be here. It is spent by what follows.
    pub(super) async fn try_walkers_factor(
        &self,
        code: &SecretString,
        kinds: &[FactorKind],
        execution: &mut Execution,
        scene: &Scene<'_>,
    ) -> Result<(), Stop> {
        let visitor = &scene.walker.visitor;
        let user = scene.facts.user.ok_or(Refusal::UserNotFound)?;
        let client = self.client_of(user, visitor).ok_or(Refusal::UserNotFound)?;
        let mut factor = self.shown_factor(Some(user), Some(code), visitor);
        if let FactorVerdict::Right(proof) = factor.verdict
            && !kinds.contains(&proof.kind())
        {
            factor.verdict = FactorVerdict::Wrong;
        }
        let verdict = factor.verdict;
        // Whoever is signed in presents it to nothing later: it counts for their session, and is spent at once.
        let session = scene.facts.caller.filter(|_| execution.who.is_none());
        let session = session.map(|caller| caller.session);
        let action = match (execution.proof(), session) {
            (Some(_), _) => FactorUse::Recovery,
            (None, Some(_)) => FactorUse::Change,
            (None, None) => FactorUse::SignIn,
        };
        let command = Command::Walk(Walk::TryFactor {
            user,
            factor,
            action,
            session: session.filter(|_| action == FactorUse::Change),
            origin: client.origin,
        });
        self.carry_out(Lane::Proof, command, vec![])
            .await
            .map_err(about("code"))?;
        match verdict {
            FactorVerdict::Right(proof) => {
                execution.prove_factor(proof);
                Ok(())
            }
            FactorVerdict::Absent | FactorVerdict::Wrong | FactorVerdict::Exhausted => {
                Err(about("code")(Refusal::FactorWrong.into()))
            }
        }
    }

    /// A second factor that was right on the way, as it is presented at the end.
    pub(super) fn presented_factor(
        &self,
        user: UserId,
        proof: Option<FactorProof>,
        visitor: &Visitor,
    ) -> FactorShown {
        let Some(proof) = proof else {
            return self.shown_factor(None, None, visitor);
        };
        let change = match proof.kind() {
            FactorKind::RecoveryCodes => Some(FactorChange::CodeUsed),
            FactorKind::Totp | FactorKind::Email => None,
        };
        FactorShown {
            verdict: FactorVerdict::Right(proof),
            mails: self.notices_of_change(user, &visitor.origin(), change),
        }
    }

    /// Mails a code for the second factor; a newer one voids the one before (M-06).
    pub(super) async fn mail_factor_code(
        &self,
        execution: &mut Execution,
        scene: &Scene<'_>,
    ) -> Result<(), Stop> {
        let (who, visitor) = (execution.who.clone().unwrap_or_default(), &scene.walker.visitor);
        let proven = execution.password(self.now()).ok_or(Refusal::Outdated)?;
        let Greeting { found, ask, keys } = self.greet_by_name(&who, visitor)?;
        let proof = self.new_proof();
        let asked = self.code_stage(scene);
        let mail = found.and_then(|(_, user)| {
            let key = self.user_key(user).ok()?;
            Some(self.mail_of_stage(&key, user, &visitor.origin(), asked.as_ref()))
        });
        let command = Command::ChallengeMailbox {
            ask,
            verdict: PasswordVerdict::Right(proven.credential),
            proof,
            mail,
            lifetime: asked.and_then(|asked| Some(self.stage_mail(&asked)?.lifetime)),
        };
        self.carry_out(Lane::Stranger, command, keys).await?;
        execution.set_challenge(Some(proof.token));
        Ok(())
    }

    /// The set-up stage whose words and server the codes of a sign-in have: the one that the validation names, or the one
    /// that ships.
    fn code_stage(&self, scene: &Scene<'_>) -> Option<AskedBy> {
        let mut named: &[ObjectName] = &[];
        if let StageSettings::AuthenticatorValidation(settings) = scene.place.stage.settings() {
            named = &settings.configuration_stages;
        }
        let named = named.iter().map(ToString::to_string);
        let stage = named.chain([CODES.to_owned()]).find(|name| {
            self.engine().read(|state| {
                let stage = state.flows().stage(name);
                stage.is_some_and(|stage| stage.kind() == StageKind::EmailAuthenticatorSetup)
            })
        })?;
        Some(AskedBy {
            flow: scene.plan.flow.slug.to_string(),
            stage,
        })
    }

    /// Begins the session that everything before was for. It is a new one always (S-02, A24).
    pub(super) async fn begin_walkers_session(
        &self,
        execution: &mut Execution,
        scene: &Scene<'_>,
    ) -> Result<(), Stop> {
        let (who, visitor) = (execution.who.clone().unwrap_or_default(), &scene.walker.visitor);
        let proven = execution.password(self.now()).ok_or(Refusal::Outdated)?;
        let user = scene.facts.user.ok_or(Refusal::Outdated)?;
        let StageSettings::UserLogin(settings) = scene.place.stage.settings() else {
            return Err(Refusal::Outdated.into());
        };
        let Greeting { ask, keys, .. } = self.greet_by_name(&who, visitor)?;
        let refresh_key = self.refresh_key();
        let session = SessionId(random_id(self.engine().entropy()));
        let mut factor = self.presented_factor(user, execution.factor(), visitor);
        self.prepare_sign_in_notice(user, ask.client.network, &mut factor, visitor);
        let command = Command::Walk(Walk::SignIn {
            ask,
            verdict: PasswordVerdict::Right(proven.credential),
            factor,
            session: NewSession { session, refresh_key },
            terms: SessionTerms {
                shown_before: execution.shown_before(),
                ..self.terms(settings, execution.wants_to_stay, proven.at)
            },
            require_verified: self.requires_verified(scene.plan),
        });
        match self.carry_out(Lane::Proof, command, keys).await {
            Ok(Outcome::Session(Some(session))) => {
                execution.begin(Begun {
                    user,
                    session,
                    refresh_key,
                });
                execution.set_challenge(None);
                Ok(())
            }
            Ok(_) => Err(Refusal::InvalidCredentials.into()),
            Err(fault) => {
                // What was proven does not hold any more: a code was used elsewhere, a password was changed.
                if let Fault::Refused(
                    Refusal::FactorWrong | Refusal::CodesExhausted | Refusal::FactorRequired,
                ) = fault
                {
                    execution.forget_factor();
                    return Err(about("code")(fault));
                }
                Err(self.unless_told_too_much(fault).into())
            }
        }
    }

    /// How long a session lives, as the stage says; never longer than the settings allow.
    fn terms(&self, settings: &UserLogin, wants_to_stay: bool, proven: Timestamp) -> SessionTerms {
        let lifetimes = &self.limits().lifetimes;
        let asked = if settings.session_duration.0 == 0 {
            lifetimes.session_absolute
        } else if wants_to_stay {
            Span(settings.session_duration.0 + settings.remember_me_offset.0)
        } else {
            settings.session_duration
        };
        let absolute = Span(asked.0.min(lifetimes.session_absolute.0));
        SessionTerms {
            proven,
            idle: Span(lifetimes.session_idle.0.min(absolute.0)),
            absolute,
            others: if settings.terminate_other_sessions {
                OtherSessions::End
            } else {
                OtherSessions::Stay
            },
            shown_before: None,
        }
    }
}
