//! The English words of each event. Exports quote them, and whoever checks one writes them again: they never change.

mod factors;
mod flows;
mod management;
mod recoveries;
mod safeguards;
mod webhooks;

use super::teller::{Names, Way, Whom, printable, short};
use crate::domain::{
    Actor, Allowance, ApiKeyKind, DropCause, EndCause, EpochReason, Event, FailCause, MailEnd, PasswordCause,
    Purpose, RefusedCause, Subject, SuppressedClass, Via,
};
use crate::mail::Step;
use crate::types::{Position, WebOrigin};

/// Tells events about one person in English.
pub(super) struct English<'a> {
    names: &'a dyn Names,
    whom: String,
}

impl<'a> English<'a> {
    pub(super) fn about(names: &'a dyn Names, whom: &Whom) -> Self {
        let whom = match whom {
            Whom::Masked(address) => address.clone(),
            Whom::User(user) => format!("user {}", user.short()),
            Whom::Address(address) => format!("address {}", address.short()),
            Whom::OfEarlier => "its user".to_owned(),
            Whom::Nobody => "an address without an account".to_owned(),
        };
        Self { names, whom }
    }

    pub(super) fn tell(&self, event: &Event) -> String {
        let whom = &self.whom;
        match event {
            Event::EpochStarted { number, reason } => {
                format!("epoch {number} began: {}", epoch_words(*reason))
            }
            Event::ClockAccepted { kept } => {
                format!("the operator accepted the wall clock; time had been kept at {kept}")
            }
            Event::PolicySaved { policy, by } => {
                let asks = policy.online_check().map_or_else(String::new, |check| {
                    format!(", which asks {} about leaked passwords", check.url)
                });
                format!(
                    "password policy {} saved by {}{asks}",
                    policy.settings().name,
                    self.actor(*by)
                )
            }
            Event::FlowsChanged { change, by } => {
                format!("{} by {}", flows::changed(change), self.actor(*by))
            }
            Event::ApiKeyCreated {
                key, kind, label, by, ..
            } => {
                let kind = match kind {
                    ApiKeyKind::Publishable => "publishable",
                    ApiKeyKind::Secret => "secret",
                };
                let (key, label) = (key.to_string(), printable(label));
                format!(
                    "{kind} API key {} ({label}) made by {}",
                    short(&key),
                    self.actor(*by)
                )
            }
            Event::ApiKeyRevoked { key, by } => {
                format!("API key {} revoked by {}", key.short(), self.actor(*by))
            }
            Event::CheckpointKeyNamed { key, public, .. } => {
                let public = public.to_string();
                format!("checkpoints are signed with key {key} ({}…)", short(&public))
            }
            Event::CheckpointKeyRotated {
                old,
                new,
                new_public,
                by,
                ..
            } => {
                let public = new_public.to_string();
                format!(
                    "checkpoints are signed with key {new} ({}…) instead of key {old}, by {}",
                    short(&public),
                    self.actor(*by)
                )
            }
            Event::KeyRotated {
                purpose,
                old,
                new,
                by,
            } => format!(
                "the {} key {old} made way for {new}, by {}; what it made stays good",
                purpose.name(),
                self.actor(*by)
            ),
            Event::MasterKeyReplaced { by } => format!(
                "the master key was replaced by {}, and every data key wrapped anew",
                self.actor(*by)
            ),
            Event::ApiKeyOriginsNamed { key, origins, by } => {
                let (key, by) = (key.short(), self.actor(*by));
                if origins.is_empty() {
                    format!("API key {key} is for no web pages any more, by {by}")
                } else {
                    let origins: Vec<&str> = origins.iter().map(WebOrigin::as_str).collect();
                    format!(
                        "API key {key} may be used by pages of {}, by {by}",
                        origins.join(", ")
                    )
                }
            }
            Event::ApiKeyConfirmed { key, by } => {
                format!("API key {} confirmed by {}", key.short(), self.actor(*by))
            }
            Event::ApiKeyUsed { key } => format!("API key {} used today", key.short()),
            Event::UserRegistered {
                role,
                by: Actor::Stranger,
                ..
            } => format!("{whom} signed up as {}", role.word()),
            Event::UserRegistered { role, by, .. } => {
                format!("{whom} registered as {} by {}", role.word(), self.actor(*by))
            }
            Event::SignUpCollided { .. } => format!("somebody tried to sign up with the address of {whom}"),
            Event::PasswordSet { cause, .. } => match cause {
                PasswordCause::SignUp => format!("{whom} set a first password"),
                PasswordCause::Changed => {
                    format!("{whom} changed the password; everything issued under the old one is void")
                }
                PasswordCause::Recovered(_) => {
                    format!("{whom} set a new password; everything issued under the old one is void")
                }
            },
            Event::PasswordRevoked { by, .. } => {
                format!("the password of {whom} was taken away by {}", self.actor(*by))
            }
            Event::VerifierUpgraded { .. } => format!("the verifier of {whom} was made stronger"),
            Event::AddressVerified { via, .. } => format!("{whom} proved the address by {}", via_words(*via)),
            Event::UserBanned { by, .. } => format!("{whom} banned by {}", self.actor(*by)),
            Event::UserUnbanned { by, .. } => format!("{whom} let in again by {}", self.actor(*by)),
            Event::WithdrawRequested { until, .. } => format!("{whom} closes the account; final at {until}"),
            Event::ProfileChanged { .. } => format!("{whom} changed their name or language"),
            Event::WithdrawCancelled { .. } => format!("{whom} took the closing back"),
            Event::UserErased { by, .. } => {
                format!("{whom} erased by {}: the keys are destroyed", self.actor(*by))
            }
            Event::ResetRequested {
                subject, allowance, ..
            } => self.asked("a way back in", *subject, *allowance),
            Event::VerificationRequested {
                subject, allowance, ..
            } => self.asked("proof of the address", *subject, *allowance),
            Event::CallbackNamed { request, .. } => {
                format!("the mail of request {request} leads back to where the client said")
            }
            Event::RequestDropped { request, cause } => {
                format!("request {request} leads to no mail: {}", dropped(*cause))
            }
            Event::TokenIssued {
                purpose, expires, by, ..
            } => match by {
                Actor::Stranger => format!(
                    "proof of {} issued for {whom}, good until {expires}",
                    purpose_words(*purpose)
                ),
                Actor::User(_) | Actor::Operator | Actor::ApiKey(_) | Actor::System => format!(
                    "proof of {} issued for {whom} by {}, good until {expires}",
                    purpose_words(*purpose),
                    self.actor(*by)
                ),
            },
            Event::CodeRefused { purpose, .. } => {
                format!(
                    "a wrong code for {} of {whom} was refused",
                    purpose_words(*purpose)
                )
            }
            Event::ProofRefused { cause, .. } => {
                format!("a genuine proof of {whom} was refused: {}", refused(*cause))
            }
            Event::RecoveryCompleted { token, via, .. } => match (self.names.way_of(*token), via) {
                (Way::Mailed, _) => format!("{whom} proved the mailbox by {} and recovers", via_words(*via)),
                (Way::HandedOver, _) => format!("{whom} recovers by {}", handed_words(*via)),
                (Way::Forgotten, Via::Link) => format!("{whom} recovers by a link"),
                (Way::Forgotten, Via::Code) => format!("{whom} recovers by a code"),
            },
            Event::SignUpDisowned { .. } => {
                format!("the owner of the address of {whom} disowned the sign-up")
            }
            Event::SignedIn { session, .. } => {
                format!("{whom} signed in (session {})", session.short())
            }
            Event::SignInFailed { cause, .. } => format!("sign-in for {whom} refused: {}", failed(*cause)),
            Event::CurrentPasswordWrong { .. } => format!("{whom} gave a wrong current password"),
            Event::PasswordRefused { rules, .. } => {
                let codes: Vec<_> = rules.codes().collect();
                format!("a new password of {whom} was refused: {}", codes.join(", "))
            }
            Event::RefreshRotated { session, .. } => {
                format!("session {} of {whom} renewed", session.short())
            }
            Event::RefreshReplayed { session, .. } => {
                format!(
                    "a replaced refresh token of {whom} came back (session {})",
                    session.short()
                )
            }
            Event::RefreshRefused { session, .. } => {
                format!(
                    "a refresh token of session {}, which is over, was refused",
                    session.short()
                )
            }
            Event::SessionEnded {
                session, cause, by, ..
            } => format!(
                "session {} of {whom} ended: {}, by {}",
                session.short(),
                ended(*cause),
                self.actor(*by)
            ),
            Event::SessionsEnded {
                count, except, cause, ..
            } => {
                let scope = if except.is_some() { "all other" } else { "all" };
                format!("{scope} sessions of {whom} ended ({count}): {}", ended(*cause))
            }
            Event::MailQueued { kind, .. } => format!("mail {} to {whom} is due", kind.name()),
            Event::MailDelivered {
                queued,
                attempt,
                status,
            } => {
                format!(
                    "{} delivered (attempt {attempt}, status {status})",
                    self.mail(*queued)
                )
            }
            Event::MailDeferred {
                queued,
                attempt,
                status,
                step,
                next,
            } => format!(
                "{} not delivered yet (attempt {attempt}{}); next try at {next}",
                self.mail(*queued),
                at_step(*step, *status)
            ),
            Event::MailEnded {
                queued,
                attempt,
                status,
                step,
                cause,
            } => format!(
                "{} ended: {} (attempts {attempt}{})",
                self.mail(*queued),
                mail_end(*cause),
                at_step(*step, *status)
            ),
            Event::TotpBegun { .. }
            | Event::MailboxBegun { .. }
            | Event::FactorConfirmed { .. }
            | Event::FactorRemoved { .. }
            | Event::RecoveryCodesIssued { .. }
            | Event::FactorAccepted { .. }
            | Event::FactorRemembered { .. }
            | Event::FactorRefused { .. }
            | Event::FactorCodeRequested { .. } => self.factor(event),
            Event::MailboxNamed { .. }
            | Event::AddressBegun { .. }
            | Event::AddressConfirmed { .. }
            | Event::AddressRemoved { .. }
            | Event::PrimaryChanged { .. }
            | Event::ObjectionOffered { .. }
            | Event::ObjectionRaised { .. }
            | Event::SafeguardsLapsed { .. } => self.safeguard(event),
            Event::RoleChanged { .. }
            | Event::ProfileEdited { .. }
            | Event::RecoverySent { .. }
            | Event::MailCancelled { .. }
            | Event::MailHastened { .. }
            | Event::UserImported { .. }
            | Event::PasswordImported { .. }
            | Event::UserInvited { .. }
            | Event::InvitationAccepted { .. } => self.management(event),
            Event::Webhook(event) => self.webhook(event),
            Event::Suppressed { class, count, first } => {
                let first = if first.is_some() {
                    "; where the first came from was noted"
                } else {
                    ""
                };
                let what = suppressed(*class);
                format!("{count} {what} answered and not written one by one{first}")
            }
        }
    }

    fn asked(&self, what: &str, subject: Subject, allowance: Allowance) -> String {
        let whom = &self.whom;
        match (subject, allowance) {
            (Subject::Stranger(_), _) => {
                format!("somebody asked for {what} for an address without an account: no mail")
            }
            (Subject::Address(_), Allowance::None) => {
                format!("somebody asked for {what} for {whom}: no mail, it is over the limit or not needed")
            }
            (Subject::Address(_), Allowance::General) => format!("somebody asked for {what} for {whom}"),
            (Subject::Address(_), Allowance::Reserve) => {
                format!("a known client asked for {what} for {whom}, out of the reserve")
            }
        }
    }

    fn mail(&self, queued: Position) -> String {
        let whom = &self.whom;
        match self.names.mail_at(queued) {
            Some(kind) => format!("mail {} to {whom}", kind.name()),
            None => format!("the mail of position {queued}"),
        }
    }

    fn actor(&self, actor: Actor) -> String {
        match actor {
            Actor::Stranger => "somebody unknown".to_owned(),
            Actor::User(user) => self
                .names
                .person(user)
                .unwrap_or_else(|| format!("user {}", user.short())),
            Actor::Operator => "the operator".to_owned(),
            Actor::ApiKey(key) => format!("API key {}", key.short()),
            Actor::System => "the system".to_owned(),
        }
    }
}

/// Why an epoch began.
pub(in crate::desk) fn epoch_words(reason: EpochReason) -> &'static str {
    match reason {
        EpochReason::Founded => "the ledger was made",
        EpochReason::Restored => "a backup was put back",
        EpochReason::RollbackAccepted => "a loss of events was accepted",
        EpochReason::KeyTheft => "keys may have been stolen",
        EpochReason::ClockReset => "the clock had run wrong",
    }
}

fn purpose_words(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Recovery => "recovery",
        Purpose::VerifyEmail => "address verification",
        Purpose::Reopen => "taking back the closing",
        Purpose::SignInCode => "a second factor",
        Purpose::EnrolMailbox => "a mailbox as second factor",
        Purpose::AddAddress => "a further address",
        Purpose::Invitation => "an invitation",
    }
}

fn via_words(via: Via) -> &'static str {
    match via {
        Via::Link => "the mailed link",
        Via::Code => "the mailed code",
    }
}

fn handed_words(via: Via) -> &'static str {
    match via {
        Via::Link => "the link that was handed over",
        Via::Code => "the code that was handed over",
    }
}

fn dropped(cause: DropCause) -> &'static str {
    match cause {
        DropCause::AccountNotActive => "the account is not active",
        DropCause::NothingToDo => "there is nothing to prove any more",
        DropCause::EpochEnded => "it is from an earlier epoch",
    }
}

fn refused(cause: RefusedCause) -> &'static str {
    match cause {
        RefusedCause::Expired => "it is too old",
        RefusedCause::Format => "the new password breaks the policy",
        RefusedCause::SameAsPrevious => "the new password is the old one",
        RefusedCause::Leaked => "the new password is in the leaked set",
        RefusedCause::Reused => "it was used before, or a newer one took its place",
    }
}

fn failed(cause: FailCause) -> &'static str {
    match cause {
        FailCause::WrongPassword => "wrong password",
        FailCause::Banned => "the account is banned",
        FailCause::Closing => "the account is closing",
        FailCause::FactorMissing => "no second factor was given",
        FailCause::Unverified => "the address is not verified",
        FailCause::MailboxUnproven => {
            "the password was right; after what happened the mailbox must be proven once"
        }
    }
}

fn ended(cause: EndCause) -> &'static str {
    match cause {
        EndCause::SignedOut => "signed out",
        EndCause::EndedByUser => "ended from another session",
        EndCause::EndedByAdmin => "ended by an administrator",
        EndCause::Displaced => "a newer one took its place",
        EndCause::PasswordChanged => "the password was changed",
        EndCause::Recovered => "the password was recovered",
        EndCause::Replayed => "a refresh token was replayed",
        EndCause::Banned => "the user was banned",
        EndCause::PasswordRevoked => "the password was taken away",
        EndCause::Closing => "the account is closing",
    }
}

fn mail_end(cause: MailEnd) -> &'static str {
    match cause {
        MailEnd::Refused => "the server refused it for good",
        MailEnd::GaveUp => "it was tried for as long as it may be",
        MailEnd::Superseded => "its proof is void, so it was not sent",
        MailEnd::UserGone => "its user is gone",
        MailEnd::EpochEnded => "it is from an earlier epoch",
    }
}

fn at_step(step: u8, status: u16) -> String {
    let step = Step::from_number(step).map(|step| format!(", at {step}"));
    let status = (status > 0).then(|| format!(", status {status}"));
    step.unwrap_or_default() + &status.unwrap_or_default()
}

fn suppressed(class: SuppressedClass) -> &'static str {
    match class {
        SuppressedClass::Requests => "requests for a mail",
        SuppressedClass::SignIns => "failed sign-ins",
        SuppressedClass::Codes => "wrong codes",
        SuppressedClass::Limited => "calls over a limit",
        SuppressedClass::ApiKeys => "calls with an API key that opens nothing",
        SuppressedClass::ForeignTokens => "calls with an access token that is none",
        SuppressedClass::DeadTokens => "calls with an access token that is no longer good",
    }
}
