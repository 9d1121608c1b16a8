//! Setting up second factors, step by step, for whoever is signed in.

use secrecy::{ExposeSecret, SecretString};

use super::asked_by::AskedBy;
use super::effects::{Scene, Stop, about};
use super::execution::Execution;
use super::stages::Shown;
use crate::desk::{Caller, Desk, Refusal, Reproof};
use crate::types::{EmailAddress, TokenId};

/// Under which name an execution keeps the address that a code went to; no prompt's field has a dot in its name.
pub(super) const MAILBOX: &str = "set_up.mailbox";
/// The same, masked, as it is shown.
pub(super) const MAILBOX_SHOWN: &str = "set_up.mailbox_shown";

impl Shown {
    fn reproof(&self) -> Reproof<'_> {
        match &self.password {
            Some(password) => Reproof::Password(password),
            None => Reproof::FreshSession,
        }
    }
}

fn caller_of(scene: &Scene<'_>) -> Result<Caller, Stop> {
    Ok(scene.facts.caller.ok_or(Refusal::SessionOver)?)
}

impl Desk {
    /// Whether somebody has a second factor and did not prove it in this session lately.
    pub(super) fn lacks_fresh_factor(&self, caller: Caller) -> bool {
        let now = self.now();
        self.engine().read(|state| {
            let factors = state.factors.get(&caller.user);
            factors.is_some_and(|factors| factors.is_enrolled() && !factors.is_fresh(caller.session, now))
        })
    }

    pub(super) async fn begin_walkers_totp(
        &self,
        shown: &Shown,
        execution: &mut Execution,
        scene: &Scene<'_>,
    ) -> Result<(), Stop> {
        let caller = caller_of(scene)?;
        self.begin_totp(
            caller,
            shown.reproof(),
            shown.factor.as_ref(),
            &scene.walker.visitor,
        )
        .await
        .map_err(about(shown.field()))?;
        // Which one it is, the ledger knows; here it only counts that there is one.
        execution.set_challenge(Some(TokenId([0; 16])));
        Ok(())
    }

    pub(super) async fn confirm_walkers_totp(
        &self,
        code: &SecretString,
        execution: &mut Execution,
        scene: &Scene<'_>,
    ) -> Result<(), Stop> {
        let caller = caller_of(scene)?;
        let codes = self.confirm_totp(caller, code, &scene.walker.visitor).await;
        let codes = codes.map_err(about("code"))?;
        execution.set_challenge(None);
        show_codes(&codes, execution, scene);
        Ok(())
    }

    pub(super) async fn begin_walkers_mailbox(
        &self,
        shown: &Shown,
        address: Option<String>,
        execution: &mut Execution,
        scene: &Scene<'_>,
    ) -> Result<(), Stop> {
        let caller = caller_of(scene)?;
        let address = address.and_then(|text| EmailAddress::parse(&text).ok());
        let visitor = &scene.walker.visitor;
        let asked = AskedBy::of(scene.plan, scene.place);
        let begun = async {
            let factor = shown.factor.as_ref();
            let who = self
                .reauthenticated(caller, shown.reproof(), factor, visitor)
                .await?;
            self.begin_mailbox_as(who, address.as_ref(), Some(&asked), visitor)
                .await
        };
        let begun = begun.await.map_err(about(shown.field()))?;
        execution.set_challenge(Some(begun.challenge));
        if let Some(address) = address {
            execution.keep_text(MAILBOX, address.as_typed());
        }
        execution.keep_text(MAILBOX_SHOWN, &begun.masked);
        Ok(())
    }

    pub(super) async fn confirm_walkers_mailbox(
        &self,
        code: &SecretString,
        execution: &mut Execution,
        scene: &Scene<'_>,
    ) -> Result<(), Stop> {
        let caller = caller_of(scene)?;
        let challenge = execution.challenge().ok_or(Refusal::FactorNotEnabled)?;
        let codes = self
            .confirm_mailbox(caller, challenge, code, &scene.walker.visitor)
            .await
            .map_err(about("code"))?;
        execution.set_challenge(None);
        show_codes(&codes, execution, scene);
        Ok(())
    }

    pub(super) async fn issue_walkers_codes(
        &self,
        shown: &Shown,
        execution: &mut Execution,
        scene: &Scene<'_>,
    ) -> Result<(), Stop> {
        let caller = caller_of(scene)?;
        let codes = self
            .issue_recovery_codes(
                caller,
                shown.reproof(),
                shown.factor.as_ref(),
                &scene.walker.visitor,
            )
            .await
            .map_err(about(shown.field()))?;
        show_codes(&codes, execution, scene);
        Ok(())
    }
}

/// Shows recovery codes once, if some came; else the stage is behind.
fn show_codes(codes: &[SecretString], execution: &mut Execution, scene: &Scene<'_>) {
    if codes.is_empty() {
        execution.done = Some(scene.place.order);
    }
    let shown = codes.iter().map(|code| code.expose_secret().to_owned());
    execution.codes = shown.collect();
}

impl Shown {
    /// The field that a refusal is about.
    fn field(&self) -> &'static str {
        if self.factor.is_some() {
            "mfaCode"
        } else {
            "password"
        }
    }
}
