//! Samples of changes to flows, stages, bindings and policies.

use keyledger::domain::FactorKind;
use keyledger::domain::flow::{
    AuthenticatorValidation, Binding, BoundPolicy, DeniedAction, Deny, Designation, EmailAuthenticatorSetup,
    EmailStage, ExpressionPolicy, FieldKind, Flow, FlowChange, Identification, InvalidResponse, MailServer,
    MailTemplate, NotConfigured, PasswordStage, Prompt, PromptField, Requirement, Stage, StageKind,
    StageSecret, StageSettings, UserCreation, UserLogin, UserWrite,
};
use keyledger::domain::{Actor, Event};
use keyledger::types::{ObjectName, SealedConfig, Slug, Span};

fn name(text: &str) -> ObjectName {
    ObjectName::parse(text).expect("a name")
}

fn slug(text: &str) -> Slug {
    Slug::parse(text).expect("a slug")
}

fn changed(change: FlowChange) -> Event {
    Event::FlowsChanged {
        change: Box::new(change),
        by: Actor::Operator,
    }
}

/// A server of a stage's own, with a password in the form of a seal.
fn server() -> MailServer {
    let mut sealed: Vec<u8> = (0..57).collect();
    sealed[..5].copy_from_slice(&[1, 0, 0, 0, 9]);
    MailServer {
        use_global_settings: false,
        host: "smtp.example.org".to_owned(),
        port: 587,
        username: "apikey".to_owned(),
        password: Some(StageSecret {
            owner: [0x0e; 16],
            sealed: SealedConfig(sealed.into()),
        }),
        use_tls: true,
        use_ssl: false,
        timeout: 20,
        from_address: "Keyledger <system@example.org>".to_owned(),
    }
}

fn flows() -> Vec<FlowChange> {
    let designations = Designation::ALL.iter().copied();
    let others = [
        (Requirement::None, DeniedAction::MessageContinue),
        (Requirement::RequireAuthenticated, DeniedAction::Message),
        (Requirement::RequireUnauthenticated, DeniedAction::Continue),
    ];
    designations
        .zip(others.into_iter().cycle())
        .map(
            |(designation, (authentication, denied_action))| FlowChange::FlowSaved {
                flow: Flow {
                    slug: slug("password-recovery-flow"),
                    name: name("Password recovery"),
                    title: name("비밀번호 복구"),
                    designation,
                    authentication,
                    denied_action,
                },
            },
        )
        .collect()
}

fn settings() -> Vec<StageSettings> {
    let field = |at, kind| PromptField {
        label: "A label".to_owned(),
        placeholder: "nothing yet".to_owned(),
        sub_text: "below".to_owned(),
        required: at == 1,
        ..PromptField::new(&format!("key_{at}"), kind, at)
    };
    let mut settings: Vec<StageSettings> = StageKind::ALL
        .iter()
        .map(|kind| StageSettings::of(*kind))
        .collect();
    settings.extend([
        StageSettings::Identification(Identification {
            case_insensitive: false,
            password_stage: Some(name("default-authentication-password")),
            enrollment_flow: Some(slug("default-enrollment-flow")),
            recovery_flow: Some(slug("default-recovery-flow")),
            ..Identification::default()
        }),
        StageSettings::Password(PasswordStage {
            configure_flow: Some(slug("default-password-change")),
            failed_attempts_before_cancel: 100,
        }),
        StageSettings::Email(EmailStage {
            server: server(),
            subject: "Reset it".to_owned(),
            template: MailTemplate::AccountConfirmation,
            token_expiry_minutes: 1_440,
            ..EmailStage::default()
        }),
        StageSettings::Prompt(Prompt {
            fields: (1..)
                .zip(FieldKind::ALL)
                .map(|(at, kind)| field(at, *kind))
                .collect(),
            validation_policies: vec![name("classic"), name("nist")],
        }),
        StageSettings::UserLogin(UserLogin {
            session_duration: Span::hours(12),
            remember_me_offset: Span::days(30),
            terminate_other_sessions: true,
        }),
        StageSettings::EmailAuthenticatorSetup(EmailAuthenticatorSetup {
            authenticator_type_name: "Mail".to_owned(),
            server: server(),
            configure_flow: Some(slug("default-authenticator-email-setup")),
            ..EmailAuthenticatorSetup::default()
        }),
        StageSettings::Deny(Deny {
            message: "Not from here.".to_owned(),
        }),
    ]);
    settings.extend(UserCreation::ALL.iter().map(|mode| {
        StageSettings::UserWrite(UserWrite {
            user_creation_mode: *mode,
            create_users_as_inactive: false,
        })
    }));
    settings.extend(NotConfigured::ALL.iter().map(|action| {
        StageSettings::AuthenticatorValidation(AuthenticatorValidation {
            device_classes: vec![FactorKind::Totp],
            not_configured_action: *action,
            configuration_stages: vec![name("default-authenticator-totp-setup")],
            last_auth_threshold: Span::minutes(5),
        })
    }));
    settings
}

pub(super) fn events() -> Vec<Event> {
    let mut changes = flows();
    let (from, to) = (slug("old"), slug("new"));
    changes.push(FlowChange::FlowRemoved { slug: from.clone() });
    changes.push(FlowChange::FlowRenamed { from, to });
    changes.extend(settings().into_iter().map(|settings| FlowChange::StageSaved {
        stage: Stage::new(name("email recovery stage"), settings).expect("settings that hold"),
    }));
    let (from, to) = (name("old stage"), name("new stage"));
    changes.push(FlowChange::StageRemoved { name: from.clone() });
    changes.push(FlowChange::StageRenamed { from, to });
    changes.extend(
        InvalidResponse::ALL
            .iter()
            .map(|action| FlowChange::BindingSaved {
                flow: slug("password-recovery-flow"),
                binding: Binding {
                    policies: vec![BoundPolicy {
                        policy: name("from outside"),
                        negate: true,
                        enabled: *action == InvalidResponse::Retry,
                    }],
                    invalid_response_action: *action,
                    ..Binding::plain(40, name("default-password-change-write"))
                },
            }),
    );
    changes.push(FlowChange::BindingRemoved {
        flow: slug("password-recovery-flow"),
        order: 25,
    });
    let expression = "request.ip not in ['192.0.2.1']\nand user.email_verified".to_owned();
    changes.push(FlowChange::ExpressionSaved {
        policy: ExpressionPolicy::new(name("from outside"), expression).expect("an expression"),
    });
    let (from, to) = (name("old policy"), name("new policy"));
    changes.push(FlowChange::PolicyRemoved { name: from.clone() });
    changes.push(FlowChange::PolicyRenamed { from, to });
    changes.into_iter().map(changed).collect()
}
