//! Where somebody who is signed in sets up what stages ask for: the flows that stages name for it (`configure_flow`).
//!
//! Pages of an account do the same as the flows that ship, so they need not lead there; as soon as an operator has changed
//! anything about one of these, it is the flow that people walk.

use crate::desk::Desk;
use crate::domain::FactorKind;
use crate::domain::flow::{Designation, Flows, StageSettings};
use crate::types::Slug;

/// Where a second factor can be set up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetUpWay {
    /// Of which kind it is.
    pub kind: FactorKind,
    /// What the stage calls it; empty is the pages' own word.
    pub name: String,
    /// The flow.
    pub flow: Slug,
}

/// Where people set up what stages ask for.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct SetUpWays {
    /// Kinds whose set-up is as it ships, so that a page of the account does the same.
    pub as_shipped: Vec<FactorKind>,
    /// Flows, by the names of their stages.
    pub flows: Vec<SetUpWay>,
}

impl Desk {
    /// Where second factors are set up by whoever is signed in: by the flow that each set-up stage names, if that is for
    /// setting something up and leads through the stage.
    pub fn set_up_ways(&self) -> SetUpWays {
        let flows = self.flows();
        let mut ways = SetUpWays::default();
        for placed in flows.stages() {
            let stage = &placed.value;
            let (kind, name, flow) = match stage.settings() {
                StageSettings::EmailAuthenticatorSetup(set_up) => (
                    FactorKind::Email,
                    set_up.authenticator_type_name.as_str(),
                    set_up.configure_flow.as_ref(),
                ),
                StageSettings::TotpAuthenticatorSetup(set_up) => {
                    (FactorKind::Totp, "", set_up.configure_flow.as_ref())
                }
                StageSettings::Identification(_)
                | StageSettings::Password(_)
                | StageSettings::Email(_)
                | StageSettings::Prompt(_)
                | StageSettings::UserWrite(_)
                | StageSettings::UserLogin(_)
                | StageSettings::UserLogout
                | StageSettings::StaticAuthenticatorSetup(_)
                | StageSettings::AuthenticatorValidation(_)
                | StageSettings::Deny(_) => continue,
            };
            let leads_through = |slug: &&Slug| {
                let plan = flows.plan(slug.as_str()).unwrap_or_default();
                configures(&flows, slug) && plan.iter().any(|step| step.stage.name() == stage.name())
            };
            let Some(flow) = flow.filter(leads_through) else {
                continue;
            };
            if flows.is_as_shipped(flow.as_str()) {
                ways.as_shipped.push(kind);
            } else {
                ways.flows.push(SetUpWay {
                    kind,
                    name: name.to_owned(),
                    flow: flow.clone(),
                });
            }
        }
        ways
    }

    /// The flow in which whoever is signed in changes the password: that of the first password stage of the sign-in, unless
    /// it is as it ships, or could never finish.
    pub fn password_flow(&self) -> Option<Slug> {
        let flows = self.flows();
        let plan = flows.plan(Flows::SIGN_IN)?;
        let flow = plan.iter().find_map(|step| match step.stage.settings() {
            StageSettings::Password(password) => Some(password.configure_flow.clone()),
            StageSettings::Identification(identification) => {
                let beside = flows.stage(identification.password_stage.as_ref()?.as_str())?;
                let StageSettings::Password(password) = beside.settings() else {
                    return None;
                };
                Some(password.configure_flow.clone())
            }
            StageSettings::Email(_)
            | StageSettings::Prompt(_)
            | StageSettings::UserWrite(_)
            | StageSettings::UserLogin(_)
            | StageSettings::UserLogout
            | StageSettings::EmailAuthenticatorSetup(_)
            | StageSettings::TotpAuthenticatorSetup(_)
            | StageSettings::StaticAuthenticatorSetup(_)
            | StageSettings::AuthenticatorValidation(_)
            | StageSettings::Deny(_) => None,
        });
        let can_finish = |slug: &Slug| flows.problems(slug.as_str(), self.settings().mail).is_empty();
        flow.flatten().filter(|slug| {
            configures(&flows, slug) && !flows.is_as_shipped(slug.as_str()) && can_finish(slug)
        })
    }
}

/// Whether a flow is for setting something up.
fn configures(flows: &Flows, slug: &Slug) -> bool {
    let bound = flows.flow(slug.as_str());
    bound.is_some_and(|bound| bound.flow.designation == Designation::StageConfiguration)
}
