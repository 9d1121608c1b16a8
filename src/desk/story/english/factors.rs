//! The English words of second factors.

use super::English;
use crate::domain::{Allowance, Event, FactorKind, FactorProof, FactorUse};

impl English<'_> {
    /// Tells an event of second factors; any other has no words here.
    pub(super) fn factor(&self, event: &Event) -> String {
        let whom = &self.whom;
        if let Event::FactorRemoved { kind, by, .. } = event {
            return format!("{} of {whom} removed by {}", noun(*kind), self.actor(*by));
        }
        if let Event::FactorConfirmed { kind, .. } = event {
            return format!("{} of {whom} confirmed as second factor", noun(*kind));
        }
        if let Event::FactorAccepted { proof, action, .. } = event {
            return format!("{} of {whom} accepted {}", given(*proof), purpose(*action));
        }
        if let Event::FactorRemembered { kind, shown, .. } = event {
            return format!(
                "{} of {whom} was shown at the same browser before ({}) and not asked for again",
                noun(*kind),
                shown.rfc3339()
            );
        }
        if let Event::FactorRefused { action, .. } = event {
            return format!("a wrong second factor of {whom} refused {}", purpose(*action));
        }
        if let Event::FactorCodeRequested { allowance, .. } = event {
            return match allowance {
                Allowance::None => {
                    format!(
                        "a code by mail was asked for {whom}: no mail, it is over the limit or not set up"
                    )
                }
                Allowance::General | Allowance::Reserve => format!("a code by mail was asked for {whom}"),
            };
        }
        if let Event::TotpBegun { .. } = event {
            return format!("{whom} began to add an authenticator app");
        }
        if let Event::MailboxBegun { .. } = event {
            return format!("{whom} began to add a mailbox as second factor");
        }
        format!("{whom} got new recovery codes; earlier ones are void")
    }
}

fn noun(kind: FactorKind) -> &'static str {
    match kind {
        FactorKind::Totp => "the authenticator app",
        FactorKind::Email => "the mailbox for codes",
        FactorKind::RecoveryCodes => "the recovery codes",
    }
}

fn given(proof: FactorProof) -> String {
    match proof {
        FactorProof::Totp { .. } => "a code of the authenticator app".to_owned(),
        FactorProof::Email { .. } => "a mailed code".to_owned(),
        FactorProof::RecoveryCode { number, .. } => format!("recovery code {}", number + 1),
    }
}

fn purpose(action: FactorUse) -> &'static str {
    match action {
        FactorUse::SignIn => "to sign in",
        FactorUse::Recovery => "to recover",
        FactorUse::Enrolment => "to confirm a second factor",
        FactorUse::Change => "to change second factors",
    }
}
