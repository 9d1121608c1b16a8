//! What a browser keeps of a second factor that was shown at it, so that a flow can be content with that for a while
//! (`last_auth_threshold`).
//!
//! It opens nothing by itself: whose factor it was, which, and under which password, sealed. With the password it stands for
//! the factor in a sign-in, as long as both are what they were; what the law demands a factor for otherwise takes none of
//! it.

use bincode::config::standard;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::execution::Execution;
use super::facts::{Plan, Walker};
use crate::crypto::{self, Carried};
use crate::desk::Desk;
use crate::domain::flow::StageSettings;
use crate::domain::{FactorKind, FactorProof, State};
use crate::types::{FactorId, Position, Span, Timestamp, UserId};

/// What a browser is to keep, and for how long.
pub struct ToKeep {
    /// It, for a cookie.
    pub secret: SecretString,
    /// For how long it is of use.
    pub lifetime: Span,
}

#[derive(Serialize, Deserialize)]
struct Form {
    user: [u8; 16],
    credential: [u8; 16],
    factor: [u8; 16],
    epoch: u32,
    at: i64,
    /// Where the session began that it was shown for.
    position: u64,
}

/// How long the stages of a flow are content with a factor that was shown before; zero if they never are.
fn longest(plan: &Plan) -> Span {
    let content = plan.settings().filter_map(|settings| {
        if let StageSettings::AuthenticatorValidation(validation) = settings {
            Some(validation.last_auth_threshold)
        } else {
            None
        }
    });
    content.max().unwrap_or(Span(0))
}

impl Desk {
    /// What a browser is to keep of the factor that a sign-in at it was proven with: of an app or a mailbox, if a stage of
    /// the flow is content with that later. A code on paper is for whoever has lost the others.
    pub(super) fn factor_to_keep(&self, plan: &Plan, execution: &Execution) -> Option<ToKeep> {
        let lifetime = longest(plan);
        let (begun, proof) = (execution.begun()?, execution.factor()?);
        let factor = match proof {
            FactorProof::Totp { factor, .. } | FactorProof::Email { factor, .. } => factor,
            FactorProof::RecoveryCode { .. } => return None,
        };
        if lifetime <= Span(0) {
            return None;
        }
        let (credential, epoch, position) = self.engine().read(|state| {
            let credential = state.users.get(&begun.user)?.credential_id()?;
            let position = state.sessions.get(&begun.session)?.position;
            Some((credential, state.epoch().number, position))
        })?;
        let form = Form {
            user: begun.user.0,
            credential: credential.0,
            factor: factor.0,
            epoch,
            at: self.now().0,
            position: position.0,
        };
        let clear = bincode::serde::encode_to_vec(&form, standard()).ok()?;
        let ring = self.engine().keyring().current();
        let entropy = self.engine().entropy();
        Some(ToKeep {
            secret: crypto::seal_carried(&ring, Carried::ShownFactor, &clear, entropy),
            lifetime,
        })
    }

    /// Which factor of a user was shown at a browser before, of which kind, and when; none if they have it no more, if it
    /// was under another password, before all of their sessions were ended, or before an epoch.
    pub(super) fn shown_at(
        &self,
        walker: &Walker,
        user: UserId,
        state: &State,
    ) -> Option<(FactorId, FactorKind, Timestamp)> {
        let ring = self.engine().keyring().current();
        let kept = walker.shown_factor.as_ref()?.expose_secret();
        let clear = crypto::open_carried(&ring, Carried::ShownFactor, kept)?;
        let (form, length): (Form, usize) = bincode::serde::decode_from_slice(&clear, standard()).ok()?;
        let owner = state.users.get(&user)?;
        let credential = owner.credential_id()?;
        let holds = length == clear.len()
            && form.user == user.0
            && form.credential == credential.0
            && form.epoch == state.epoch().number
            && Position(form.position) > owner.valid_from;
        let factor = FactorId(form.factor);
        let kind = state.factors.get(&user)?.kind_of(factor)?;
        holds.then_some((factor, kind, Timestamp(form.at)))
    }
}
