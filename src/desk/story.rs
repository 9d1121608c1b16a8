//! Events told to people: one line each, with addresses masked, and in the OWASP logging vocabulary where it has a word.

mod english;
mod korean;
mod reading;
mod recoveries;
mod teller;
mod told;
mod traces;

use std::net::IpAddr;

use super::{Desk, Origin};
use crate::crypto::{self, Field};
use crate::domain::{Actor, Event, FailCause, MailKind, Recorded, Subject, SuppressedClass, WebhookEvent};
use crate::ledger::codec::event_name;
use crate::types::{
    AddressId, DataKeyId, EmailAddress, Locale, Position, Sealed, Timestamp, TokenId, UserId,
};
pub(super) use english::epoch_words;
pub use reading::{EVENTS_MAX, EventFilter};
pub use recoveries::{Ending, Recovery, RecoveryTold, STORIES_MAX, Step, StepWhat, Which};
use teller::{Names, Way, Whom, tell};
pub use told::EventTold;
pub(super) use traces::Traces;

/// An event in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Where it stands.
    pub position: Position,
    /// When it was decided.
    pub time: Timestamp,
    /// Its name in the ledger: `SignInFailed`.
    pub name: &'static str,
    /// Its name in the OWASP logging vocabulary, if that has one: `authn_login_fail` (L-01).
    pub term: Option<&'static str>,
    /// Why it failed, if it is a sign-in that did.
    pub failed: Option<FailCause>,
    /// Whom it concerns.
    pub user: Option<UserId>,
    /// Their address, masked; none if it cannot be read any more.
    pub who: Option<String>,
    /// The address it came from, while it can be read.
    pub ip: Option<IpAddr>,
    /// The program it came from, while it can be read.
    pub user_agent: Option<String>,
    /// What happened.
    pub text: String,
}

impl Desk {
    /// Tells an event in a language.
    pub fn describe(&self, recorded: &Recorded, locale: Locale) -> Line {
        let event = &recorded.event;
        let user = self.concerned(event);
        let origin = self.origin_seen(event);
        let who = user.and_then(|user| self.masked_address(user));
        let whom = Self::whom(user, who.as_ref());
        Line {
            position: recorded.position,
            time: recorded.time,
            name: event_name(event),
            term: vocabulary(event),
            failed: if let Event::SignInFailed { cause, .. } = event {
                Some(*cause)
            } else {
                None
            },
            user,
            who,
            ip: origin.as_ref().map(|origin| origin.ip),
            user_agent: origin.map(|origin| origin.user_agent),
            text: tell(locale, self, &whom, event),
        }
    }

    /// Whom something is about: by the masked address if it can be read.
    fn whom(user: Option<UserId>, masked: Option<&String>) -> Whom {
        match (masked, user) {
            (Some(masked), _) => Whom::Masked(masked.clone()),
            (None, Some(user)) => Whom::User(user),
            (None, None) => Whom::Nobody,
        }
    }

    /// The address and program that an event came from, while they can be read.
    fn origin_seen(&self, event: &Event) -> Option<Origin> {
        let sealed = origin_of(event)?;
        let owner = match sealed.key_id()? {
            DataKeyId::User(user) => Some(user),
            DataKeyId::Credential(_) | DataKeyId::Day(_) => None,
        };
        // What administrators do elsewhere than at the machine comes from nowhere.
        self.open_origin(owner, sealed)
            .filter(|origin| !origin.ip.is_unspecified())
    }

    /// Whom a request was about, as far as that is known today.
    fn owner(&self, subject: Subject) -> Option<UserId> {
        match subject {
            Subject::Address(address) => self.named(About::Address(address)),
            Subject::Stranger(_) => None,
        }
    }

    /// Whom an event concerns, as far as it can still be told.
    pub fn concerned(&self, event: &Event) -> Option<UserId> {
        match about(event) {
            // What it names is a request or a queued mail, which name nothing earlier in turn.
            About::Earlier(earlier) => match about(&self.event_at(earlier).ok()??.event) {
                About::Earlier(_) => None,
                named @ (About::User(_) | About::Address(_) | About::Nobody) => self.named(named),
            },
            named @ (About::User(_) | About::Address(_) | About::Nobody) => self.named(named),
        }
    }

    fn named(&self, about: About) -> Option<UserId> {
        match about {
            About::User(user) => Some(user),
            About::Address(address) => self.engine().read(|state| state.addresses.get(&address).copied()),
            About::Earlier(_) | About::Nobody => None,
        }
    }

    /// The address that a user signs in with, masked; `None` if it cannot be read any more.
    pub fn masked_address(&self, user: UserId) -> Option<String> {
        let sealed = self
            .engine()
            .read(|state| Some(state.users.get(&user)?.addresses.first()?.sealed.clone()))?;
        self.masked(user, &sealed)
    }

    /// What a sealed address of a user says, masked; `None` if it cannot be read any more.
    pub(super) fn masked(&self, user: UserId, sealed: &Sealed) -> Option<String> {
        let key = self.engine().vault().key(DataKeyId::User(user))?;
        let clear = crypto::open(&key, Field::UserAddress, user.0, sealed)?;
        let address = EmailAddress::parse(std::str::from_utf8(&clear).ok()?).ok()?;
        Some(address.masked())
    }
}

impl Names for Desk {
    fn person(&self, user: UserId) -> Option<String> {
        self.masked_address(user)
    }

    fn mail_at(&self, queued: Position) -> Option<MailKind> {
        if let Event::MailQueued { kind, .. } = self.event_at(queued).ok()??.event {
            Some(kind)
        } else {
            None
        }
    }

    fn way_of(&self, proof: TokenId) -> Way {
        self.engine().read(|state| match state.tokens.get(&proof) {
            Some(proof) if proof.by == Actor::Stranger => Way::Mailed,
            Some(_) => Way::HandedOver,
            None => Way::Forgotten,
        })
    }
}

/// Knows nobody, and looks nothing up.
struct Stranger;

impl Names for Stranger {
    fn person(&self, _: UserId) -> Option<String> {
        None
    }

    fn mail_at(&self, _: Position) -> Option<MailKind> {
        None
    }

    /// What an event says itself does not tell; exports have always said it so.
    fn way_of(&self, _: TokenId) -> Way {
        Way::Mailed
    }
}

/// Tells an event from what it says itself, without a word of personal data. What it says in English is the same for
/// everybody, for ever: exports quote it.
pub fn tell_plainly(event: &Event, locale: Locale) -> String {
    let whom = match about(event) {
        About::User(user) => Whom::User(user),
        About::Address(address) => Whom::Address(address),
        About::Earlier(_) => Whom::OfEarlier,
        About::Nobody => Whom::Nobody,
    };
    tell(locale, &Stranger, &whom, event)
}

/// What is said where no event was found.
pub fn no_events(locale: Locale) -> &'static str {
    match locale {
        Locale::En => "There are no such events.",
        Locale::Ko => "해당하는 이벤트가 없습니다.",
    }
}

/// What is said where no recovery was found.
pub fn no_recoveries(locale: Locale) -> &'static str {
    match locale {
        Locale::En => "There are no such recoveries.",
        Locale::Ko => "해당하는 복구 기록이 없습니다.",
    }
}

/// The event's name in the OWASP logging vocabulary (L-01); none where it has no word for it.
pub fn vocabulary(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::PolicySaved { .. }
        | Event::FlowsChanged { .. }
        | Event::UserUnbanned { .. }
        | Event::RoleChanged { .. }
        | Event::RecoverySent { .. }
        | Event::UserInvited { .. }
        | Event::MailCancelled { .. }
        | Event::MailHastened { .. }
        | Event::ApiKeyConfirmed { .. }
        | Event::ApiKeyOriginsNamed { .. }
        | Event::CheckpointKeyRotated { .. } => "authz_admin",
        Event::Webhook(event) => return webhook_term(event),
        Event::ApiKeyCreated { .. }
        | Event::TokenIssued { .. }
        | Event::TotpBegun { .. }
        | Event::MailboxBegun { .. }
        | Event::FactorCodeRequested { .. }
        | Event::MailboxNamed { .. }
        | Event::AddressBegun { .. } => "authn_token_created",
        Event::ApiKeyRevoked { .. } | Event::FactorRemoved { .. } | Event::ObjectionRaised { .. } => {
            "authn_token_revoked"
        }
        Event::UserRegistered { .. } | Event::UserImported { .. } => "user_created",
        Event::PasswordSet { .. }
        | Event::PasswordImported { .. }
        | Event::PasswordRevoked { .. }
        | Event::RecoveryCompleted { .. } => "authn_password_change",
        Event::AddressVerified { .. }
        | Event::WithdrawCancelled { .. }
        | Event::ProfileChanged { .. }
        | Event::ProfileEdited { .. }
        | Event::FactorConfirmed { .. }
        | Event::AddressConfirmed { .. }
        | Event::AddressRemoved { .. }
        | Event::PrimaryChanged { .. }
        | Event::InvitationAccepted { .. }
        | Event::RecoveryCodesIssued { .. } => "user_updated",
        Event::UserBanned { .. } => "authn_login_lock",
        Event::WithdrawRequested { .. } => "user_archived",
        Event::UserErased { .. } | Event::SignUpDisowned { .. } => "user_deleted",
        Event::ProofRefused { .. }
        | Event::CodeRefused { .. }
        | Event::CurrentPasswordWrong { .. }
        | Event::PasswordRefused { .. } => "authn_password_change_fail",
        Event::SignedIn { .. } | Event::FactorAccepted { .. } | Event::FactorRemembered { .. } => {
            "authn_login_success"
        }
        Event::SignInFailed { .. } | Event::FactorRefused { .. } => "authn_login_fail",
        Event::RefreshRotated { .. } => "session_renewed",
        Event::RefreshReplayed { .. } | Event::RefreshRefused { .. } => "authn_token_reuse",
        Event::SessionEnded { .. } | Event::SessionsEnded { .. } => "session_expired",
        Event::Suppressed { class, .. } => match class {
            SuppressedClass::Requests
            | SuppressedClass::SignIns
            | SuppressedClass::Codes
            | SuppressedClass::Limited => "excess_rate_limit_exceeded",
            SuppressedClass::ApiKeys | SuppressedClass::ForeignTokens => "authn_login_fail",
            SuppressedClass::DeadTokens => "authn_token_reuse",
        },
        Event::EpochStarted { .. }
        | Event::ClockAccepted { .. }
        | Event::CheckpointKeyNamed { .. }
        | Event::KeyRotated { .. }
        | Event::MasterKeyReplaced { .. }
        | Event::ApiKeyUsed { .. }
        | Event::SignUpCollided { .. }
        | Event::VerifierUpgraded { .. }
        | Event::ResetRequested { .. }
        | Event::VerificationRequested { .. }
        | Event::CallbackNamed { .. }
        | Event::RequestDropped { .. }
        | Event::MailQueued { .. }
        | Event::MailDelivered { .. }
        | Event::MailDeferred { .. }
        | Event::ObjectionOffered { .. }
        | Event::SafeguardsLapsed { .. }
        | Event::MailEnded { .. } => return None,
    })
}

fn webhook_term(event: &WebhookEvent) -> Option<&'static str> {
    match event {
        WebhookEvent::WebhookCreated { .. }
        | WebhookEvent::WebhookChanged { .. }
        | WebhookEvent::WebhookRemoved { .. }
        | WebhookEvent::WebhookSecretRotated { .. }
        | WebhookEvent::WebhookRedelivered { .. } => Some("authz_admin"),
        WebhookEvent::WebhookAdvanced { .. }
        | WebhookEvent::WebhookGivenUp { .. }
        | WebhookEvent::WebhookStopped { .. } => None,
    }
}

/// The words that [`vocabulary`] has, in the order of their letters.
pub const TERMS: &[&str] = &[
    "authn_login_fail",
    "authn_login_lock",
    "authn_login_success",
    "authn_password_change",
    "authn_password_change_fail",
    "authn_token_created",
    "authn_token_reuse",
    "authn_token_revoked",
    "authz_admin",
    "excess_rate_limit_exceeded",
    "session_expired",
    "session_renewed",
    "user_archived",
    "user_created",
    "user_deleted",
    "user_updated",
];

/// Whom an event names.
#[derive(Clone, Copy)]
enum About {
    User(UserId),
    Address(AddressId),
    /// Whomever the event at that position names.
    Earlier(Position),
    Nobody,
}

fn about(event: &Event) -> About {
    match event {
        Event::UserRegistered { user, .. }
        | Event::PasswordSet { user, .. }
        | Event::PasswordRevoked { user, .. }
        | Event::VerifierUpgraded { user, .. }
        | Event::AddressVerified { user, .. }
        | Event::UserBanned { user, .. }
        | Event::UserUnbanned { user, .. }
        | Event::WithdrawRequested { user, .. }
        | Event::WithdrawCancelled { user, .. }
        | Event::ProfileChanged { user, .. }
        | Event::UserErased { user, .. }
        | Event::TokenIssued { user, .. }
        | Event::ProofRefused { user, .. }
        | Event::RecoveryCompleted { user, .. }
        | Event::SignUpDisowned { user, .. }
        | Event::SignedIn { user, .. }
        | Event::CurrentPasswordWrong { user, .. }
        | Event::PasswordRefused { user, .. }
        | Event::RefreshRotated { user, .. }
        | Event::RefreshReplayed { user, .. }
        | Event::SessionEnded { user, .. }
        | Event::SessionsEnded { user, .. }
        | Event::TotpBegun { user, .. }
        | Event::MailboxBegun { user, .. }
        | Event::FactorConfirmed { user, .. }
        | Event::FactorRemoved { user, .. }
        | Event::RecoveryCodesIssued { user, .. }
        | Event::FactorAccepted { user, .. }
        | Event::FactorRemembered { user, .. }
        | Event::FactorRefused { user, .. }
        | Event::FactorCodeRequested { user, .. }
        | Event::MailboxNamed { user, .. }
        | Event::AddressBegun { user, .. }
        | Event::AddressConfirmed { user, .. }
        | Event::AddressRemoved { user, .. }
        | Event::PrimaryChanged { user, .. }
        | Event::ObjectionOffered { user, .. }
        | Event::ObjectionRaised { user, .. }
        | Event::SafeguardsLapsed { user }
        | Event::RoleChanged { user, .. }
        | Event::ProfileEdited { user, .. }
        | Event::RecoverySent { user, .. }
        | Event::UserImported { user, .. }
        | Event::PasswordImported { user, .. }
        | Event::UserInvited { user, .. }
        | Event::InvitationAccepted { user, .. }
        | Event::MailQueued { user, .. } => About::User(*user),
        Event::RefreshRefused { user, .. } => user.map_or(About::Nobody, About::User),
        Event::SignUpCollided { address, .. } => About::Address(*address),
        Event::ResetRequested { subject, .. }
        | Event::VerificationRequested { subject, .. }
        | Event::CodeRefused { subject, .. }
        | Event::SignInFailed { subject, .. } => match subject {
            Subject::Address(address) => About::Address(*address),
            Subject::Stranger(_) => About::Nobody,
        },
        Event::RequestDropped { request: earlier, .. }
        | Event::CallbackNamed { request: earlier, .. }
        | Event::MailDelivered { queued: earlier, .. }
        | Event::MailDeferred { queued: earlier, .. }
        | Event::MailCancelled { queued: earlier, .. }
        | Event::MailHastened { queued: earlier, .. }
        | Event::MailEnded { queued: earlier, .. } => About::Earlier(*earlier),
        Event::EpochStarted { .. }
        | Event::ClockAccepted { .. }
        | Event::CheckpointKeyNamed { .. }
        | Event::CheckpointKeyRotated { .. }
        | Event::PolicySaved { .. }
        | Event::FlowsChanged { .. }
        | Event::ApiKeyCreated { .. }
        | Event::ApiKeyRevoked { .. }
        | Event::ApiKeyUsed { .. }
        | Event::ApiKeyOriginsNamed { .. }
        | Event::ApiKeyConfirmed { .. }
        | Event::KeyRotated { .. }
        | Event::MasterKeyReplaced { .. }
        | Event::Webhook(_)
        | Event::Suppressed { .. } => About::Nobody,
    }
}

fn origin_of(event: &Event) -> Option<&Sealed> {
    match event {
        Event::UserRegistered { origin, .. }
        | Event::SignUpCollided { origin, .. }
        | Event::PasswordSet { origin, .. }
        | Event::AddressVerified { origin, .. }
        | Event::WithdrawRequested { origin, .. }
        | Event::WithdrawCancelled { origin, .. }
        | Event::ProfileChanged { origin, .. }
        | Event::ResetRequested { origin, .. }
        | Event::VerificationRequested { origin, .. }
        | Event::CodeRefused { origin, .. }
        | Event::ProofRefused { origin, .. }
        | Event::RecoveryCompleted { origin, .. }
        | Event::SignUpDisowned { origin, .. }
        | Event::SignedIn { origin, .. }
        | Event::SignInFailed { origin, .. }
        | Event::TotpBegun { origin, .. }
        | Event::MailboxBegun { origin, .. }
        | Event::FactorConfirmed { origin, .. }
        | Event::RecoveryCodesIssued { origin, .. }
        | Event::FactorAccepted { origin, .. }
        | Event::FactorRemembered { origin, .. }
        | Event::FactorRefused { origin, .. }
        | Event::FactorCodeRequested { origin, .. }
        | Event::MailboxNamed { origin, .. }
        | Event::AddressBegun { origin, .. }
        | Event::AddressConfirmed { origin, .. }
        | Event::AddressRemoved { origin, .. }
        | Event::PrimaryChanged { origin, .. }
        | Event::ObjectionRaised { origin, .. }
        | Event::InvitationAccepted { origin, .. }
        | Event::CurrentPasswordWrong { origin, .. }
        | Event::PasswordRefused { origin, .. }
        | Event::RefreshReplayed { origin, .. }
        | Event::RefreshRefused { origin, .. } => Some(origin),
        Event::EpochStarted { .. }
        | Event::ClockAccepted { .. }
        | Event::CheckpointKeyNamed { .. }
        | Event::CheckpointKeyRotated { .. }
        | Event::PolicySaved { .. }
        | Event::FlowsChanged { .. }
        | Event::ApiKeyCreated { .. }
        | Event::ApiKeyRevoked { .. }
        | Event::ApiKeyUsed { .. }
        | Event::ApiKeyOriginsNamed { .. }
        | Event::ApiKeyConfirmed { .. }
        | Event::KeyRotated { .. }
        | Event::MasterKeyReplaced { .. }
        | Event::VerifierUpgraded { .. }
        | Event::PasswordRevoked { .. }
        | Event::UserBanned { .. }
        | Event::UserUnbanned { .. }
        | Event::UserErased { .. }
        | Event::RoleChanged { .. }
        | Event::ProfileEdited { .. }
        | Event::RecoverySent { .. }
        | Event::UserImported { .. }
        | Event::PasswordImported { .. }
        | Event::UserInvited { .. }
        | Event::MailCancelled { .. }
        | Event::MailHastened { .. }
        | Event::CallbackNamed { .. }
        | Event::RequestDropped { .. }
        | Event::TokenIssued { .. }
        | Event::MailQueued { .. }
        | Event::MailDelivered { .. }
        | Event::MailDeferred { .. }
        | Event::ObjectionOffered { .. }
        | Event::SafeguardsLapsed { .. }
        | Event::Webhook(_)
        | Event::MailEnded { .. } => None,
        Event::RefreshRotated { origin, .. }
        | Event::SessionEnded { origin, .. }
        | Event::SessionsEnded { origin, .. }
        | Event::Suppressed { first: origin, .. }
        | Event::FactorRemoved { origin, .. } => origin.as_ref(),
    }
}
