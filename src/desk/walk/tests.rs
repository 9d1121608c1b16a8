//! The core of walking, without a server: what a stage asks, and what follows from an answer.

use secrecy::SecretString;

use super::challenge::{Answer, Reproofs};
use super::execution::{Chosen, Execution, LIFE, Mails, PROVEN_FOR};
use super::facts::{Facts, Place};
use super::stages::{Effect, Verdict, consider};
use crate::crypto::{Keyring, WrappedKey};
use crate::domain::flow::{
    AuthenticatorValidation, Binding, Designation, EmailStage, FieldKind, Identification, NotConfigured,
    Prompt, PromptField, Stage, StageKind, StageSettings, UserCreation, UserWrite,
};
use crate::domain::{FactorKind, FactorProof, NewCredential, ProofFound, Via};
use crate::system::SeededEntropy;
use crate::types::{CredentialId, FactorId, ObjectName, Sealed, Span, Timestamp, TokenId, UserId};

const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

fn place(settings: StageSettings) -> Place {
    let name = ObjectName::parse("a stage").unwrap();
    Place {
        order: 10,
        binding: Binding::plain(10, name.clone()),
        stage: Stage::new(name, settings).unwrap(),
    }
}

fn execution() -> Execution {
    let mut execution = Execution::new("a-flow", 7, 1, NOW, [1; 16]);
    execution.at = 10;
    execution
}

fn facts() -> Facts {
    Facts {
        now: NOW,
        designation: Designation::Authentication,
        caller: None,
        reproofs: Reproofs {
            password: true,
            factor: false,
        },
        user: None,
        account: None,
        kinds: vec![],
        demands_factor: false,
        proved: None,
        shown_at: None,
        offers_to_stay: false,
        recovery_flow: None,
    }
}

/// Of somebody whose password or mail was right.
fn known() -> Facts {
    Facts {
        user: Some(UserId([2; 16])),
        ..facts()
    }
}

fn answer(fields: &[(&str, &str)]) -> Answer {
    let mut answer = Answer::default();
    for (name, value) in fields {
        answer.put(name, SecretString::from(*value));
    }
    answer
}

/// What a verdict comes to, in words.
fn told(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pass => "pass".to_owned(),
        Verdict::Ask(errors) if errors.is_empty() => "ask".to_owned(),
        Verdict::Ask(errors) => {
            let told = errors
                .iter()
                .map(|wrong| format!("{}:{:?}", wrong.field, wrong.what));
            told.collect::<Vec<_>>().join(" ")
        }
        Verdict::Do(effects) => {
            let told = effects.iter().map(|effect| {
                let text = format!("{effect:?}");
                text.split(['(', ' ', '{']).next().unwrap_or_default().to_owned()
            });
            told.collect::<Vec<_>>().join("+")
        }
        Verdict::Deny(denial) => format!("deny {denial:?}"),
    }
}

fn considered(
    settings: StageSettings,
    execution: &Execution,
    facts: &Facts,
    fields: &[(&str, &str)],
) -> String {
    told(&consider(
        &place(settings),
        execution,
        facts,
        Some(&answer(fields)),
    ))
}

#[test]
fn who_somebody_is_must_have_a_form_that_the_stage_takes() {
    let by_email = || {
        StageSettings::Identification(Identification {
            user_fields: vec![crate::domain::flow::UserField::Email],
            ..Identification::default()
        })
    };
    let both = || StageSettings::of(StageKind::Identification);
    let ask = |settings, who| considered(settings, &execution(), &facts(), &[("identifier", who)]);
    assert_eq!(ask(both(), "ada@example.org"), "Name");
    assert_eq!(ask(both(), "ada"), "Name");
    assert_eq!(ask(by_email(), "ada"), "identifier:Invalid");
    assert_eq!(ask(both(), " "), "identifier:Missing");
    let email = considered(both(), &execution(), &facts(), &[("email", "ada@example.org")]);
    assert_eq!(email, "Name", "forms call it by what it is");
}

#[test]
fn a_password_beside_the_name_is_asked_for_with_it_and_not_again() {
    let settings = || {
        StageSettings::Identification(Identification {
            password_stage: ObjectName::parse("a password stage"),
            ..Identification::default()
        })
    };
    let fields = [("identifier", "ada@example.org")];
    assert_eq!(
        considered(settings(), &execution(), &facts(), &fields),
        "password:Missing"
    );
    let fields = [fields[0], ("password", "secret")];
    assert_eq!(
        considered(settings(), &execution(), &facts(), &fields),
        "Name+TryPassword"
    );
    let mut proven = execution();
    proven.who = Some("ada@example.org".to_owned());
    proven.prove_password(CredentialId([3; 16]), NOW);
    let password = place(StageSettings::of(StageKind::Password));
    assert_eq!(told(&consider(&password, &proven, &known(), None)), "pass");
}

#[test]
fn a_proven_password_is_good_for_a_while_only() {
    let mut proven = execution();
    proven.who = Some("ada@example.org".to_owned());
    proven.prove_password(CredentialId([3; 16]), NOW);
    let login = place(StageSettings::of(StageKind::UserLogin));
    assert_eq!(told(&consider(&login, &proven, &known(), None)), "BeginSession");
    let later = Facts {
        now: NOW + PROVEN_FOR,
        ..known()
    };
    assert_eq!(
        told(&consider(&login, &proven, &later, None)),
        "deny Misconfigured"
    );
}

#[test]
fn m_05_r_30_what_the_law_demands_a_factor_for_asks_even_if_no_stage_does() {
    let mut proven = execution();
    proven.who = Some("ada@example.org".to_owned());
    proven.prove_password(CredentialId([3; 16]), NOW);
    let demanding = Facts {
        demands_factor: true,
        kinds: vec![FactorKind::Totp, FactorKind::RecoveryCodes],
        ..known()
    };
    let login = || StageSettings::of(StageKind::UserLogin);
    assert_eq!(
        considered(login(), &proven, &demanding, &[("code", "123456")]),
        "TryFactor"
    );
    assert_eq!(considered(login(), &proven, &demanding, &[]), "code:Missing");
    let none_left = Facts {
        kinds: vec![],
        ..demanding.clone()
    };
    assert_eq!(considered(login(), &proven, &none_left, &[]), "deny NoFactor");
    let mut mailed = execution();
    mailed.show_proof(ProofFound {
        token: TokenId([4; 16]),
        via: Via::Link,
    });
    let write = StageSettings::of(StageKind::UserWrite);
    assert_eq!(
        considered(write, &mailed, &demanding, &[]),
        "deny Misconfigured",
        "without a new password there is nothing to write"
    );
}

#[test]
fn r_30_a_prompt_asks_for_the_factor_of_a_recovery_first_and_for_the_password_of_a_session() {
    let prompt = || {
        StageSettings::Prompt(Prompt {
            fields: vec![PromptField::new("password", FieldKind::Password, 10)],
            validation_policies: vec![],
        })
    };
    let mut mailed = execution();
    mailed.show_proof(ProofFound {
        token: TokenId([4; 16]),
        via: Via::Link,
    });
    let ask = |execution: &Execution, facts: &Facts, field| {
        considered(prompt(), execution, facts, &[(field, "something")])
    };
    let chosen = "KeepTexts+ChoosePassword+Answered";
    let demanding = Facts {
        demands_factor: true,
        kinds: vec![FactorKind::RecoveryCodes],
        ..known()
    };
    assert_eq!(ask(&mailed, &demanding, "password"), "code:Missing");
    assert_eq!(ask(&mailed, &demanding, "code"), "TryFactor");
    assert_eq!(ask(&mailed, &known(), "password"), chosen);
    mailed.prove_factor(FactorProof::RecoveryCode {
        set: FactorId([6; 16]),
        number: 3,
    });
    assert_eq!(ask(&mailed, &demanding, "password"), chosen);
    // Whoever has a session and was not asked for the password learns nothing of it; somebody new has none.
    assert_eq!(ask(&execution(), &known(), "password"), "deny Misconfigured");
    assert_eq!(ask(&execution(), &facts(), "password"), chosen);
    let mut proven = execution();
    proven.prove_password(CredentialId([3; 16]), NOW);
    assert_eq!(ask(&proven, &known(), "password"), chosen);
}

#[test]
fn r_30_a_factor_shown_at_the_browser_before_is_enough_in_a_sign_in_and_as_long_as_the_stage_says() {
    let validation = |last_auth_threshold| {
        StageSettings::AuthenticatorValidation(AuthenticatorValidation {
            last_auth_threshold,
            ..AuthenticatorValidation::default()
        })
    };
    let shown = Facts {
        demands_factor: true,
        kinds: vec![FactorKind::Totp],
        shown_at: Some((FactorId([6; 16]), FactorKind::Totp, NOW - Span::hours(1))),
        ..known()
    };
    let ask =
        |execution: &Execution, within| considered(validation(within), execution, &shown, &[("x", "y")]);
    let day = Span::days(1);
    assert_eq!(ask(&execution(), day), "TakeShownBefore");
    assert_eq!(ask(&execution(), Span::hours(1)), "code:Missing");
    assert_eq!(ask(&execution(), Span(0)), "code:Missing");
    let mut recovering = execution();
    recovering.show_proof(ProofFound {
        token: TokenId([4; 16]),
        via: Via::Link,
    });
    assert_eq!(ask(&recovering, day), "code:Missing");
}

#[test]
fn somebody_without_a_factor_goes_on_is_stopped_or_sets_one_up_as_the_stage_says() {
    let validation = |not_configured_action| {
        StageSettings::AuthenticatorValidation(AuthenticatorValidation {
            not_configured_action,
            configuration_stages: vec![ObjectName::parse("set-up").unwrap()],
            ..AuthenticatorValidation::default()
        })
    };
    let ask = |action| considered(validation(action), &execution(), &known(), &[]);
    assert_eq!(ask(NotConfigured::Skip), "pass");
    assert_eq!(ask(NotConfigured::Deny), "deny NoFactor");
    assert_eq!(ask(NotConfigured::Configure), "SetUpLater");
    let stranger = considered(validation(NotConfigured::Deny), &execution(), &facts(), &[]);
    assert_eq!(stranger, "pass", "nothing is told of somebody who proved nothing");
}

#[test]
fn m_06_a_code_is_mailed_by_itself_only_where_there_is_nothing_else_to_give() {
    let validation = || StageSettings::of(StageKind::AuthenticatorValidation);
    let has = |kinds: &[FactorKind]| Facts {
        kinds: kinds.to_vec(),
        demands_factor: true,
        ..known()
    };
    let verdict = |facts: &Facts| told(&consider(&place(validation()), &execution(), facts, None));
    assert_eq!(
        verdict(&has(&[FactorKind::Email, FactorKind::RecoveryCodes])),
        "MailFactorCode"
    );
    let both = has(&[FactorKind::Totp, FactorKind::Email]);
    assert_eq!(verdict(&both), "ask");
    assert_eq!(
        considered(validation(), &execution(), &both, &[("send", "email")]),
        "MailFactorCode"
    );
}

#[test]
fn a_stage_sends_so_many_mails_in_a_window_and_no_more() {
    let settings = || {
        StageSettings::Email(EmailStage {
            resend_max: 2,
            ..EmailStage::default()
        })
    };
    let mut asked = execution();
    assert_eq!(
        considered(settings(), &asked, &facts(), &[]),
        "deny Misconfigured"
    );
    asked.who = Some("ada@example.org".to_owned());
    assert_eq!(considered(settings(), &asked, &facts(), &[]), "SendMail");
    let window = Span::minutes(5);
    asked.mails.count(window, NOW);
    asked.mails.count(window, NOW);
    let again = [("resend", "true")];
    assert_eq!(
        considered(settings(), &asked, &facts(), &again),
        "resend:TooOften"
    );
    let later = Facts {
        now: NOW + window,
        ..facts()
    };
    assert_eq!(considered(settings(), &asked, &later, &again), "SendMail");
    assert!(!Mails::default().sent);
}

#[test]
fn a_prompt_takes_its_fields_and_tells_every_fault_at_once() {
    let settings = || {
        StageSettings::Prompt(Prompt {
            fields: vec![
                PromptField::new("name", FieldKind::Text, 10),
                PromptField::new("email", FieldKind::Email, 20),
                PromptField::new("terms", FieldKind::Checkbox, 30),
                PromptField::new("password", FieldKind::Password, 40),
                PromptField::new("password_repeat", FieldKind::Password, 50),
            ],
            validation_policies: vec![],
        })
    };
    let ask = |fields: &[(&str, &str)]| considered(settings(), &execution(), &facts(), fields);
    let nothing = ask(&[("email", "nonsense")]);
    assert_eq!(
        nothing,
        "name:Missing email:Invalid terms:Missing password:Missing"
    );
    let good = [
        ("name", "Ada"),
        ("email", "ada@example.org"),
        ("terms", "true"),
        ("password", "secret"),
    ];
    assert_eq!(
        ask(&good),
        "KeepTexts+ChoosePassword+Answered",
        "shown, and so typed once"
    );
    let differs = [&good[..], &[("password_repeat", "")]].concat();
    assert_eq!(ask(&differs), "password_repeat:Differs");
}

#[test]
fn an_account_is_made_only_where_the_stage_may_and_nobody_is_known() {
    let write = |user_creation_mode| {
        StageSettings::UserWrite(UserWrite {
            user_creation_mode,
            create_users_as_inactive: true,
        })
    };
    let ask = |mode, facts: &Facts| considered(write(mode), &execution(), facts, &[]);
    for mode in UserCreation::ALL {
        assert_eq!(ask(*mode, &facts()), "deny Misconfigured", "without a password");
    }
}

#[test]
fn a_password_is_written_only_for_whom_it_was_tested() {
    let write = || StageSettings::of(StageKind::UserWrite);
    let key = WrappedKey::from_bytes(&[1; WrappedKey::LEN]).unwrap();
    let credential = NewCredential {
        id: CredentialId([5; 16]),
        verifier: Sealed(vec![1].into()),
        history: 0,
    };
    let chosen = Chosen { credential, key };
    let mut execution = execution();
    execution.show_proof(ProofFound {
        token: TokenId([4; 16]),
        via: Via::Link,
    });
    // Asked before the proof, it was held against nobody's present and former passwords.
    execution.choose(&chosen, None);
    assert_eq!(
        considered(write(), &execution, &known(), &[]),
        "deny Misconfigured"
    );
    execution.choose(&chosen, known().user);
    assert_eq!(considered(write(), &execution, &known(), &[]), "CompleteRecovery");
}

#[test]
fn what_a_client_carries_opens_within_its_time_and_for_this_server_alone() {
    let entropy = SeededEntropy::new(1);
    let ring = Keyring::fresh(NOW, &entropy);
    let mut carried = execution();
    carried.who = Some("ada@example.org".to_owned());
    assert!(carried.keep_text("name", "Ada"));
    assert!(
        !carried.keep_text("long", &"x".repeat(2_000)),
        "texts have a bound"
    );
    let text = carried.seal(&ring, &entropy);
    let text = secrecy::ExposeSecret::expose_secret(&text);
    assert_eq!(Execution::open(&ring, text, NOW), Some(carried));
    assert_eq!(Execution::open(&ring, text, NOW + LIFE), None);
    let another = Keyring::fresh(NOW, &SeededEntropy::new(2));
    assert_eq!(Execution::open(&another, text, NOW), None);
}

#[test]
fn an_empty_text_is_no_answer_and_a_secret_is_never_printed() {
    let empty = answer(&[("identifier", "  "), ("remember", "false")]);
    assert!(empty.text("identifier").is_none() && !empty.has("remember") && empty.was_sent("identifier"));
    let effect = Effect::TryPassword(SecretString::from("hunter2"));
    assert!(!format!("{effect:?}").contains("hunter2"));
}
