//! Password policies: what is asked about them.

use serde::{Deserialize, Serialize};

use super::clerk::Clerk;
use crate::cli::exit::Failure;
use crate::domain::Actor;
use crate::domain::password_policy::PasswordPolicy;

/// Whether a policy asks a range service of leaked passwords, and which.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct OnlineCheckForm {
    /// The policy's name; none is that of the REST routes.
    pub(in crate::cli) policy: Option<String>,
    /// Whether to ask.
    pub(in crate::cli) ask: bool,
    /// Where; none leaves it as it is.
    pub(in crate::cli) url: Option<String>,
    /// How often it may have seen a password that is taken.
    pub(in crate::cli) allowed_count: u32,
}

/// The same, as it is from now on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct OnlineCheckShown {
    pub(in crate::cli) policy: String,
    /// The service that is asked; none if none is.
    pub(in crate::cli) service: Option<String>,
    pub(in crate::cli) allowed_count: u32,
}

impl Clerk {
    /// Turns the online check of a policy on or off.
    pub(super) async fn set_online_check(
        &self,
        form: OnlineCheckForm,
        by: Actor,
    ) -> Result<OnlineCheckShown, Failure> {
        let desk = &self.desk;
        let name = form.policy.as_deref().unwrap_or(&desk.settings().password_policy);
        let policy = desk.engine().read(|state| state.policy(name).cloned());
        let mut settings = policy
            .ok_or_else(|| {
                Failure::refused(format!("there is no password policy `{name}`")).field("--policy")
            })?
            .settings()
            .clone();
        settings.check_have_i_been_pwned = form.ask;
        if form.ask {
            settings.hibp_allowed_count = form.allowed_count;
            settings.hibp_url = form.url.unwrap_or(settings.hibp_url);
        }
        let policy = PasswordPolicy::checked(settings)
            .map_err(|fault| Failure::usage(fault.to_string()).field("--url"))?;
        let shown = OnlineCheckShown {
            policy: policy.settings().name.clone(),
            service: policy.online_check().map(|check| check.url.to_string()),
            allowed_count: policy.settings().hibp_allowed_count,
        };
        desk.save_policy(policy, by).await?;
        Ok(shown)
    }
}
