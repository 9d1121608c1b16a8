//! Why a flow could never finish, said before a user meets it.

mod words;

use super::configuration::{Flows, Step};
use super::objects::Designation;
use super::references::ObjectKey;
use super::stage::{FieldKind, MailTemplate, NotConfigured, Prompt, StageKind, StageSettings, UserCreation};
use super::words::worded;
use crate::types::ObjectName;

worded! {
    /// What is wrong with a flow.
    ProblemKind {
        /// It has no stage.
        NoStage = "no-stage",
        /// Nobody says who they are.
        NoIdentification = "no-identification",
        /// No password is asked.
        NoPassword = "no-password",
        /// No session begins.
        NoLogin = "no-login",
        /// No session ends.
        NoLogout = "no-logout",
        /// No mail proves who it is.
        NoEmail = "no-email",
        /// Nothing asks for the new password before it is written.
        NoPrompt = "no-prompt",
        /// Nothing writes what was filled in.
        NoWrite = "no-write",
        /// Nothing asks for the address of a new account.
        NoAddress = "no-address",
        /// The write stage may not make the account that it should make.
        NeverCreates = "never-creates",
        /// The write stage makes an account where there is one.
        Creates = "creates",
        /// A stage stands before another that it needs.
        WrongOrder = "wrong-order",
        /// An e-mail stage sends the wrong mail.
        WrongTemplate = "wrong-template",
        /// An e-mail stage has no mail server.
        NoMailServer = "no-mail-server",
        /// A stage lets nobody go on, whatever they do.
        AlwaysDenied = "always-denied",
        /// A validation stage sends people to set-up stages and names none.
        NothingToConfigure = "nothing-to-configure",
        /// A link leads to a flow that is for something else.
        WrongDesignation = "wrong-designation",
        /// A prompt names a policy that there is not.
        NoPolicy = "no-policy",
    }
}

/// One thing that is wrong with a flow.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Problem {
    /// What.
    pub kind: ProblemKind,
    /// At which stage; none if it is one that is missing.
    pub stage: Option<ObjectName>,
}

/// What holds outside of the configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GlobalMail {
    /// The program's mail settings name a server.
    Configured,
    /// They do not.
    Missing,
}

impl Flows {
    /// Everything that keeps a flow from ever finishing; empty for a flow that there is not.
    ///
    /// A binding with policies counts as walked where its stage is needed, and as left out where it would be in the way.
    pub fn problems(&self, slug: &str, mail: GlobalMail) -> Vec<Problem> {
        let (Some(bound), Some(plan)) = (self.flow(slug), self.plan(slug)) else {
            return vec![];
        };
        let mut found = Found(vec![]);
        if plan.is_empty() {
            found.missing(ProblemKind::NoStage);
            return found.0;
        }
        match bound.flow.designation {
            Designation::Authentication => authentication(&plan, &mut found),
            Designation::Recovery => recovery(&plan, &mut found),
            Designation::Enrollment => enrollment(&plan, &mut found),
            Designation::Invalidation => found.need(&plan, StageKind::UserLogout, ProblemKind::NoLogout),
            Designation::StageConfiguration => writes_what_is_asked(&plan, &mut found),
        }
        for step in &plan {
            self.at_stage(step, mail, &mut found);
        }
        found.0.sort();
        found.0.dedup();
        found.0
    }

    /// What is wrong with a stage in any flow.
    fn at_stage(&self, step: &Step<'_>, mail: GlobalMail, found: &mut Found) {
        let settings = step.stage.settings();
        let mut at = |kind| found.at(step, kind);
        let own_server = settings
            .mail_server()
            .is_some_and(|server| !server.use_global_settings);
        if settings.mail_server().is_some() && !own_server && mail == GlobalMail::Missing {
            at(ProblemKind::NoMailServer);
        }
        match settings {
            StageSettings::Deny(_) if step.binding.policies.iter().all(|bound| !bound.enabled) => {
                at(ProblemKind::AlwaysDenied);
            }
            StageSettings::AuthenticatorValidation(s)
                if s.not_configured_action == NotConfigured::Configure
                    && s.configuration_stages.is_empty() =>
            {
                at(ProblemKind::NothingToConfigure);
            }
            StageSettings::Identification(_)
            | StageSettings::Password(_)
            | StageSettings::Email(_)
            | StageSettings::Prompt(_)
            | StageSettings::UserWrite(_)
            | StageSettings::UserLogin(_)
            | StageSettings::UserLogout
            | StageSettings::EmailAuthenticatorSetup(_)
            | StageSettings::TotpAuthenticatorSetup(_)
            | StageSettings::StaticAuthenticatorSetup(_)
            | StageSettings::AuthenticatorValidation(_)
            | StageSettings::Deny(_) => {}
        }
        for (field, key) in settings.references() {
            match &key {
                ObjectKey::Flow(slug) => {
                    let wanted = match field {
                        "settings.recovery_flow" => Designation::Recovery,
                        "settings.enrollment_flow" => Designation::Enrollment,
                        _ => Designation::StageConfiguration,
                    };
                    if self
                        .flow(slug.as_str())
                        .is_none_or(|bound| bound.flow.designation != wanted)
                    {
                        at(ProblemKind::WrongDesignation);
                    }
                }
                ObjectKey::Policy(name) => {
                    if self.password_policy(name.as_str()).is_none() {
                        at(ProblemKind::NoPolicy);
                    }
                }
                ObjectKey::Stage(_) => {}
            }
        }
    }
}

struct Found(Vec<Problem>);

impl Found {
    fn missing(&mut self, kind: ProblemKind) {
        self.0.push(Problem { kind, stage: None });
    }

    fn at(&mut self, step: &Step<'_>, kind: ProblemKind) {
        let stage = Some(step.stage.name().clone());
        self.0.push(Problem { kind, stage });
    }

    fn need(&mut self, plan: &[Step<'_>], stage: StageKind, kind: ProblemKind) {
        if first(plan, stage).is_none() {
            self.missing(kind);
        }
    }
}

/// The place of the first stage of a kind.
fn first(plan: &[Step<'_>], kind: StageKind) -> Option<usize> {
    plan.iter().position(|step| step.stage.kind() == kind)
}

/// The place of the first prompt that asks for a password.
fn password_prompt(plan: &[Step<'_>]) -> Option<usize> {
    prompt_with(plan, Prompt::asks_password)
}

/// The place of the first prompt of which something holds.
fn prompt_with(plan: &[Step<'_>], holds: impl Fn(&Prompt) -> bool) -> Option<usize> {
    plan.iter()
        .position(|step| matches!(step.stage.settings(), StageSettings::Prompt(prompt) if holds(prompt)))
}

fn authentication(plan: &[Step<'_>], found: &mut Found) {
    found.need(plan, StageKind::Identification, ProblemKind::NoIdentification);
    found.need(plan, StageKind::UserLogin, ProblemKind::NoLogin);
    let on_one_page = plan.iter().any(|step| {
        matches!(step.stage.settings(), StageSettings::Identification(s) if s.password_stage.is_some())
    });
    if first(plan, StageKind::Password).is_none() && !on_one_page {
        found.missing(ProblemKind::NoPassword);
    }
    in_order(
        plan,
        &[
            first(plan, StageKind::Identification),
            first(plan, StageKind::Password),
            first(plan, StageKind::UserLogin),
        ],
        found,
    );
}

fn recovery(plan: &[Step<'_>], found: &mut Found) {
    found.need(plan, StageKind::Identification, ProblemKind::NoIdentification);
    found.need(plan, StageKind::Email, ProblemKind::NoEmail);
    found.need(plan, StageKind::UserWrite, ProblemKind::NoWrite);
    let prompt = password_prompt(plan);
    if prompt.is_none() {
        found.missing(ProblemKind::NoPrompt);
    }
    templates(plan, MailTemplate::PasswordReset, found);
    creation(plan, UserCreation::AlwaysCreate, ProblemKind::Creates, found);
    in_order(
        plan,
        &[
            first(plan, StageKind::Identification),
            first(plan, StageKind::Email),
            prompt,
            first(plan, StageKind::UserWrite),
        ],
        found,
    );
}

fn enrollment(plan: &[Step<'_>], found: &mut Found) {
    found.need(plan, StageKind::UserWrite, ProblemKind::NoWrite);
    let has_address = |prompt: &Prompt| prompt.fields.iter().any(|field| field.kind == FieldKind::Email);
    let address = prompt_with(plan, has_address);
    if address.is_none() {
        found.missing(ProblemKind::NoAddress);
    }
    let prompt = password_prompt(plan);
    if prompt.is_none() {
        found.missing(ProblemKind::NoPrompt);
    }
    templates(plan, MailTemplate::AccountConfirmation, found);
    creation(plan, UserCreation::NeverCreate, ProblemKind::NeverCreates, found);
    let write = first(plan, StageKind::UserWrite);
    in_order(plan, &[address, write, first(plan, StageKind::Email)], found);
    in_order(plan, &[prompt, write], found);
}

/// Every e-mail stage must send this mail.
fn templates(plan: &[Step<'_>], wanted: MailTemplate, found: &mut Found) {
    for step in plan {
        if matches!(step.stage.settings(), StageSettings::Email(s) if s.template != wanted) {
            found.at(step, ProblemKind::WrongTemplate);
        }
    }
}

/// No write stage may have this mode.
fn creation(plan: &[Step<'_>], barred: UserCreation, kind: ProblemKind, found: &mut Found) {
    for step in plan {
        if matches!(step.stage.settings(), StageSettings::UserWrite(s) if s.user_creation_mode == barred) {
            found.at(step, kind);
        }
    }
}

/// A flow that sets a password up must ask for it before it writes it.
fn writes_what_is_asked(plan: &[Step<'_>], found: &mut Found) {
    let (prompt, write) = (password_prompt(plan), first(plan, StageKind::UserWrite));
    match (prompt, write) {
        (Some(_), None) => found.missing(ProblemKind::NoWrite),
        (None, Some(_)) => found.missing(ProblemKind::NoPrompt),
        (Some(_), Some(_)) => {
            // Nobody writes a password over one that they have not shown.
            found.need(plan, StageKind::Password, ProblemKind::NoPassword);
            in_order(plan, &[first(plan, StageKind::Password), prompt, write], found);
        }
        (None, None) => {}
    }
}

/// Each stage that there is must stand behind those before it in the list.
fn in_order(plan: &[Step<'_>], places: &[Option<usize>], found: &mut Found) {
    let there: Vec<usize> = places.iter().copied().flatten().collect();
    for pair in there.windows(2) {
        if let [earlier, later] = pair
            && later < earlier
            && let Some(step) = plan.get(*later)
        {
            found.at(step, ProblemKind::WrongOrder);
        }
    }
}
