//! What each kind of stage asks for, and what follows from an answer. Pure: the same execution, facts and answer always
//! lead to the same verdict, and nothing happens here.

mod set_up;

use secrecy::{ExposeSecret, SecretString};

use super::challenge::{Answer, Denial, Mistake, Wrong, takes_text};
use super::execution::{Execution, Written};
use super::facts::{Facts, Place};
use crate::domain::flow::{
    AuthenticatorValidation, EmailStage, FieldKind, Identification, NotConfigured, PasswordStage, Prompt,
    StageSettings, UserCreation, UserField,
};
use crate::domain::{FactorKind, ShownBefore};
use crate::types::{EmailAddress, Span, Username};

use set_up::{email_set_up, set_up, static_set_up, totp_set_up};

/// What follows at a place of a flow.
#[derive(Debug)]
pub(super) enum Verdict {
    /// On to the next place.
    Pass,
    /// Something is asked, or asked again.
    Ask(Vec<Wrong>),
    /// Something is to be done, one after the other; then the place is looked at again, without the answer.
    Do(Vec<Effect>),
    /// Nobody goes on.
    Deny(Denial),
}

/// What a flow does, all of it through the desk.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    /// Keep what somebody calls themself.
    Name { who: String, wants_to_stay: bool },
    /// Refuse a name that is nobody's; only where the operator wants that to be told.
    DemandExistence,
    /// Hold a password against that of whoever was named.
    TryPassword(SecretString),
    /// Hold a password against that of whoever is signed in.
    TryCurrentPassword(SecretString),
    /// Ask for a mail with a link and a code.
    SendMail,
    /// Find out what a link's secret or a typed code proves.
    TryProof(SecretString),
    /// Hold a code against the second factors of whoever was proven to be here.
    TryFactor(SecretString, Vec<FactorKind>),
    /// Mail a code for the second factor.
    MailFactorCode,
    /// Be content with a second factor that was shown at this browser before.
    TakeShownBefore(ShownBefore),
    /// Walk these set-up stages once a session has begun.
    SetUpLater(Vec<String>),
    /// Keep texts of a prompt.
    KeepTexts(Vec<(String, String)>),
    /// Test a new password and keep its verifier.
    ChoosePassword {
        password: SecretString,
        policies: Vec<String>,
    },
    /// The stage was answered.
    Answered,
    /// Set the new password by the mailed proof.
    CompleteRecovery,
    /// Set the new password of whoever is signed in.
    ChangePassword,
    /// Make an account.
    SignUp,
    /// Begin a session.
    BeginSession,
    /// End the session.
    EndSession,
    /// Begin to set up an app.
    BeginTotp(Shown),
    /// Confirm it.
    ConfirmTotp(SecretString),
    /// Mail a code to a mailbox that becomes a factor.
    BeginMailbox(Shown, Option<String>),
    /// Confirm it.
    ConfirmMailbox(SecretString),
    /// Let go of it.
    DropChallenge,
    /// Make recovery codes.
    IssueCodes(Shown),
}

/// What somebody who is signed in showed once more.
#[derive(Clone, Default, Debug)]
pub(super) struct Shown {
    pub(super) password: Option<SecretString>,
    pub(super) factor: Option<SecretString>,
}

fn wrong(field: &str, what: Mistake) -> Verdict {
    Verdict::Ask(vec![Wrong::new(field, what)])
}

const ASK: Verdict = Verdict::Ask(vec![]);

/// What follows at a place.
pub(super) fn consider(
    place: &Place,
    execution: &Execution,
    facts: &Facts,
    answer: Option<&Answer>,
) -> Verdict {
    match place.stage.settings() {
        StageSettings::Identification(settings) => identify(settings, execution, facts, answer),
        StageSettings::Password(settings) => password(settings, execution, facts, answer),
        StageSettings::Email(settings) => email(settings, execution, facts, answer),
        StageSettings::Prompt(settings) => prompt(settings, place, execution, facts, answer),
        StageSettings::UserWrite(settings) => write(settings.user_creation_mode, execution, facts, answer),
        StageSettings::UserLogin(_) => log_in(execution, facts, answer),
        StageSettings::UserLogout => log_out(place, execution, facts, answer),
        StageSettings::EmailAuthenticatorSetup(_) => set_up(place, execution, facts, answer, email_set_up),
        StageSettings::TotpAuthenticatorSetup(_) => set_up(place, execution, facts, answer, totp_set_up),
        StageSettings::StaticAuthenticatorSetup(_) => set_up(place, execution, facts, answer, static_set_up),
        StageSettings::AuthenticatorValidation(settings) => validate(settings, execution, facts, answer),
        StageSettings::Deny(_) => Verdict::Deny(Denial::Stage),
    }
}

fn identify(
    settings: &Identification,
    execution: &Execution,
    facts: &Facts,
    answer: Option<&Answer>,
) -> Verdict {
    let beside = settings.password_stage.is_some();
    let is_known = execution.who.is_some() || facts.user.is_some();
    if is_known && (!beside || facts.user.is_some()) {
        return Verdict::Pass;
    }
    let Some(answer) = answer else { return ASK };
    let named = ["identifier", "email", "username"]
        .iter()
        .find_map(|name| answer.text(name));
    let Some(who) = named else {
        return wrong("identifier", Mistake::Missing);
    };
    let takes = |field| settings.user_fields.contains(&field);
    let is_one = (takes(UserField::Email) && EmailAddress::parse(who).is_ok())
        || (takes(UserField::Username) && Username::parse(who).is_ok());
    if !is_one {
        return wrong("identifier", Mistake::Invalid);
    }
    let mut effects = vec![Effect::Name {
        who: who.to_owned(),
        wants_to_stay: answer.has("remember"),
    }];
    if !settings.pretend_user_exists {
        effects.push(Effect::DemandExistence);
    }
    if beside {
        let Some(password) = answer.secret("password") else {
            return wrong("password", Mistake::Missing);
        };
        effects.push(Effect::TryPassword(password.clone()));
    }
    Verdict::Do(effects)
}

fn password(
    settings: &PasswordStage,
    execution: &Execution,
    facts: &Facts,
    answer: Option<&Answer>,
) -> Verdict {
    if execution.password(facts.now).is_some() {
        return Verdict::Pass;
    }
    if execution.wrong >= settings.failed_attempts_before_cancel {
        return Verdict::Deny(Denial::TooManyTries);
    }
    let is_named = execution.who.is_some();
    if !is_named && facts.caller.is_none() {
        return Verdict::Deny(Denial::Misconfigured);
    }
    let Some(answer) = answer else { return ASK };
    let Some(password) = answer.secret("password") else {
        return wrong("password", Mistake::Missing);
    };
    let password = password.clone();
    if !is_named {
        return Verdict::Do(vec![Effect::TryCurrentPassword(password)]);
    }
    Verdict::Do(vec![
        Effect::Name {
            who: execution.who.clone().unwrap_or_default(),
            wants_to_stay: execution.wants_to_stay || answer.has("remember"),
        },
        Effect::TryPassword(password),
    ])
}

fn email(settings: &EmailStage, execution: &Execution, facts: &Facts, answer: Option<&Answer>) -> Verdict {
    if execution.proof().is_some() || (execution.done.is_some_and(|order| order == execution.at)) {
        return Verdict::Pass;
    }
    if !execution.mails.sent {
        // Whom it goes to: whoever was named, or whoever was written or is signed in.
        let has_recipient =
            execution.who.is_some() || execution.text("email").is_some() || facts.user.is_some();
        return if has_recipient {
            Verdict::Do(vec![Effect::SendMail])
        } else {
            Verdict::Deny(Denial::Misconfigured)
        };
    }
    let Some(answer) = answer else { return ASK };
    if answer.has("resend") {
        let window = Span::minutes(i64::from(settings.resend_window_minutes));
        return if execution.mails.has_room(settings.resend_max, window, facts.now) {
            Verdict::Do(vec![Effect::SendMail])
        } else {
            wrong("resend", Mistake::TooOften)
        };
    }
    match answer.secret("token").or_else(|| answer.secret("code")) {
        Some(proof) => Verdict::Do(vec![Effect::TryProof(proof.clone())]),
        None => wrong("code", Mistake::Missing),
    }
}

/// A recovery has its second factor before anything is filled in, whether a stage asks for it or not: what is said of a new
/// password, that it is the present one or was one before, is for its owner alone, and a mailbox is half of them.
pub(super) fn owes_factor(execution: &Execution, facts: &Facts) -> bool {
    execution.proof().is_some() && facts.demands_factor && !execution.has_factor()
}

fn prompt(
    settings: &Prompt,
    place: &Place,
    execution: &Execution,
    facts: &Facts,
    answer: Option<&Answer>,
) -> Verdict {
    if execution.done == Some(place.order) {
        return Verdict::Pass;
    }
    if owes_factor(execution, facts) {
        return ask_factor(&facts.kinds, execution, answer);
    }
    // The same of whoever has a session only: the password comes first.
    let is_known = facts.user.is_some();
    if settings.asks_password() && is_known && execution.proof().is_none() && !execution.knew_password() {
        return Verdict::Deny(Denial::Misconfigured);
    }
    let Some(answer) = answer else { return ASK };
    let mut errors = vec![];
    let mut texts = vec![];
    let mut passwords: Vec<(&str, Option<&SecretString>)> = vec![];
    for field in settings.ordered() {
        let key = field.field_key.as_str();
        match field.kind {
            FieldKind::Password => passwords.push((key, answer.secret(key))),
            FieldKind::Hidden => texts.push((key.to_owned(), field.initial_value.clone())),
            FieldKind::Static => {}
            FieldKind::Checkbox => {
                if field.required && !answer.has(key) {
                    errors.push(Wrong::new(key, Mistake::Missing));
                }
                texts.push((key.to_owned(), answer.has(key).to_string()));
            }
            FieldKind::Text | FieldKind::Email | FieldKind::Username => {
                debug_assert!(takes_text(field.kind));
                match taken(field.kind, field.required, answer.text(key)) {
                    Ok(text) => texts.push((key.to_owned(), text)),
                    Err(mistake) => errors.push(Wrong::new(key, mistake)),
                }
            }
        }
    }
    let mut effects = vec![Effect::KeepTexts(texts)];
    if let Some(((first, password), others)) = passwords.split_first() {
        match password {
            None => errors.push(Wrong::new(first, Mistake::Missing)),
            Some(password) => {
                for (key, other) in others {
                    // A page that shows the password asks once: what was not sent is not compared.
                    let is_same =
                        other.is_some_and(|other| other.expose_secret() == password.expose_secret());
                    if !is_same && answer.was_sent(key) {
                        errors.push(Wrong::new(key, Mistake::Differs));
                    }
                }
                effects.push(Effect::ChoosePassword {
                    password: (*password).clone(),
                    policies: settings
                        .validation_policies
                        .iter()
                        .map(ToString::to_string)
                        .collect(),
                });
            }
        }
    }
    if !errors.is_empty() {
        return Verdict::Ask(errors);
    }
    effects.push(Effect::Answered);
    Verdict::Do(effects)
}

/// A text as a field takes it.
fn taken(kind: FieldKind, required: bool, text: Option<&str>) -> Result<String, Mistake> {
    let Some(text) = text else {
        return if required {
            Err(Mistake::Missing)
        } else {
            Ok(String::new())
        };
    };
    let is_valid = match kind {
        FieldKind::Email => EmailAddress::parse(text).is_ok(),
        FieldKind::Username => Username::parse(text).is_ok(),
        FieldKind::Text
        | FieldKind::Checkbox
        | FieldKind::Static
        | FieldKind::Hidden
        | FieldKind::Password => !text.contains(char::is_control),
    };
    if is_valid {
        Ok(text.to_owned())
    } else {
        Err(Mistake::Invalid)
    }
}

fn write(creation: UserCreation, execution: &Execution, facts: &Facts, answer: Option<&Answer>) -> Verdict {
    if execution.written != Written::Nothing {
        return Verdict::Pass;
    }
    let has_password = execution.has_chosen_for(facts.user);
    let effect = match creation {
        UserCreation::AlwaysCreate | UserCreation::CreateWhenRequired if facts.user.is_none() => {
            Effect::SignUp
        }
        UserCreation::AlwaysCreate | UserCreation::CreateWhenRequired | UserCreation::NeverCreate => {
            if execution.proof().is_some() {
                return before_factor(execution, facts, answer, Effect::CompleteRecovery, has_password);
            }
            Effect::ChangePassword
        }
    };
    let has_user = facts.caller.is_some() || matches!(effect, Effect::SignUp);
    if has_password && has_user {
        Verdict::Do(vec![effect])
    } else {
        Verdict::Deny(Denial::Misconfigured)
    }
}

fn log_in(execution: &Execution, facts: &Facts, answer: Option<&Answer>) -> Verdict {
    if execution.begun().is_some() {
        return Verdict::Pass;
    }
    let is_proven = execution.password(facts.now).is_some() && execution.who.is_some();
    before_factor(execution, facts, answer, Effect::BeginSession, is_proven)
}

/// Does what the law demands a second factor for. A flow that has no stage for it asks here (R-30, M-05).
fn before_factor(
    execution: &Execution,
    facts: &Facts,
    answer: Option<&Answer>,
    effect: Effect,
    is_ready: bool,
) -> Verdict {
    if !is_ready {
        return Verdict::Deny(Denial::Misconfigured);
    }
    if !facts.demands_factor || execution.has_factor() {
        return Verdict::Do(vec![effect]);
    }
    ask_factor(&facts.kinds, execution, answer)
}

fn ask_factor(kinds: &[FactorKind], execution: &Execution, answer: Option<&Answer>) -> Verdict {
    let mails = kinds.contains(&FactorKind::Email);
    if kinds.is_empty() {
        return Verdict::Deny(Denial::NoFactor);
    }
    let is_only_mail = mails && !kinds.contains(&FactorKind::Totp);
    if is_only_mail && execution.challenge().is_none() {
        return Verdict::Do(vec![Effect::MailFactorCode]);
    }
    let Some(answer) = answer else { return ASK };
    if mails && answer.text("send") == Some("email") {
        return Verdict::Do(vec![Effect::MailFactorCode]);
    }
    match answer.secret("code") {
        Some(code) => Verdict::Do(vec![Effect::TryFactor(code.clone(), kinds.to_vec())]),
        None => wrong("code", Mistake::Missing),
    }
}

fn validate(
    settings: &AuthenticatorValidation,
    execution: &Execution,
    facts: &Facts,
    answer: Option<&Answer>,
) -> Verdict {
    if execution.has_factor() || facts.user.is_none() {
        return Verdict::Pass;
    }
    let is_recovery = execution.proof().is_some();
    if is_recovery && !facts.demands_factor {
        return Verdict::Pass;
    }
    let is_signed_in = facts.caller.is_some() && execution.who.is_none();
    if is_signed_in && facts.demands_factor && proved_within(settings, facts) {
        return Verdict::Pass;
    }
    if let Some(before) = shown_before(settings, facts).filter(|_| !is_recovery) {
        return Verdict::Do(vec![Effect::TakeShownBefore(before)]);
    }
    let kinds = usable(settings, facts);
    if !kinds.is_empty() {
        return ask_factor(&kinds, execution, answer);
    }
    match settings.not_configured_action {
        // Whoever has a factor of another class shows it where the law demands it.
        NotConfigured::Skip => Verdict::Pass,
        NotConfigured::Deny => Verdict::Deny(Denial::NoFactor),
        NotConfigured::Configure if facts.demands_factor || is_recovery => Verdict::Pass,
        NotConfigured::Configure => {
            let stages: Vec<String> = settings
                .configuration_stages
                .iter()
                .map(ToString::to_string)
                .collect();
            if stages.is_empty() {
                return Verdict::Deny(Denial::NoFactor);
            }
            if !execution.set_up.is_empty() {
                return Verdict::Pass;
            }
            if let [only] = stages.as_slice() {
                return Verdict::Do(vec![Effect::SetUpLater(vec![only.clone()])]);
            }
            let Some(answer) = answer else { return ASK };
            match answer
                .text("stage")
                .filter(|chosen| stages.iter().any(|one| one == chosen))
            {
                Some(chosen) => Verdict::Do(vec![Effect::SetUpLater(vec![chosen.to_owned()])]),
                None => wrong("stage", Mistake::Missing),
            }
        }
    }
}

/// Whether somebody who is signed in proved a factor so short a time ago that the stage is content with that. What the law
/// demands one for besides, it asks for itself, after ten minutes whatever a stage says (M-07).
fn proved_within(settings: &AuthenticatorValidation, facts: &Facts) -> bool {
    facts.proved.is_some_and(|(kind, at)| {
        settings.device_classes.contains(&kind)
            && (at..at + settings.last_auth_threshold).contains(&facts.now)
    })
}

/// A factor that was shown at this browser before, if the stage is content with that.
fn shown_before(settings: &AuthenticatorValidation, facts: &Facts) -> Option<ShownBefore> {
    let (factor, kind, at) = facts.shown_at?;
    let within = settings.last_auth_threshold;
    let before = ShownBefore { factor, at, within };
    let is_good = settings.device_classes.contains(&kind) && (at..at + within).contains(&facts.now);
    is_good.then_some(before)
}

/// The factors somebody has of those that a stage asks for.
pub(super) fn usable(settings: &AuthenticatorValidation, facts: &Facts) -> Vec<FactorKind> {
    let has = |kind: &FactorKind| facts.kinds.contains(kind);
    settings.device_classes.iter().copied().filter(has).collect()
}

fn log_out(place: &Place, execution: &Execution, facts: &Facts, answer: Option<&Answer>) -> Verdict {
    if execution.done == Some(place.order) || facts.caller.is_none() {
        return Verdict::Pass;
    }
    match answer {
        None => ASK,
        Some(_) => Verdict::Do(vec![Effect::EndSession, Effect::Answered]),
    }
}
