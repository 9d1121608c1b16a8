//! Flows, stages, bindings and policies: what administrators may change, and what follows.

mod problems;

use keyledger::domain::flow::{
    Binding, BoundPolicy, ChangeFault, ChangeRefused, DeniedAction, Designation, Edit, EmailStage,
    ExpressionPolicy, Flow, FlowChange, Flows, GlobalMail, Identification, MailServer, Naming, ObjectKey,
    Policy, Presence, ProblemKind, Prompt, Requirement, Stage, StageKind, StageSettings,
};
use keyledger::domain::password_policy::{PasswordPolicy, PasswordPolicySettings};
use keyledger::domain::{Actor, Command, Event, Outcome, Recorded, Refusal};
use keyledger::ledger::{CommandPart, codec};
use keyledger::types::{ApiKeyId, CommandId, ObjectName, Position, Slug};

use super::scene::{Scene, given};
use crate::people::NOON;

pub fn name(text: &str) -> ObjectName {
    ObjectName::parse(text).unwrap()
}

pub fn slug(text: &str) -> Slug {
    Slug::parse(text).unwrap()
}

fn flow(text: &str, designation: Designation) -> Edit {
    Edit::SaveFlow {
        flow: Flow {
            slug: slug(text),
            name: name(text),
            title: name(text),
            designation,
            authentication: Requirement::None,
            denied_action: DeniedAction::MessageContinue,
        },
        presence: Presence::New,
    }
}

fn stage(text: &str, settings: StageSettings) -> Edit {
    Edit::SaveStage {
        stage: Box::new(Stage::new(name(text), settings).unwrap()),
        presence: Presence::Either,
    }
}

fn bind(flow: &str, order: u16, stage: &str) -> Edit {
    Edit::SaveBinding {
        flow: slug(flow),
        binding: Binding::plain(order, name(stage)),
        presence: Presence::New,
    }
}

fn password_policy(text: &str) -> Edit {
    let policy = PasswordPolicy::checked(PasswordPolicySettings::named(text)).unwrap();
    Edit::SavePolicy {
        policy: Box::new(Policy::Password(policy)),
        presence: Presence::Either,
    }
}

fn expression(text: &str, expression: &str) -> Edit {
    let policy = ExpressionPolicy::new(name(text), expression.to_owned()).unwrap();
    Edit::SavePolicy {
        policy: Box::new(Policy::Expression(policy)),
        presence: Presence::Either,
    }
}

fn edits(edits: Vec<Edit>) -> Command {
    Command::ChangeFlows {
        edits,
        against: None,
        by: Actor::Operator,
    }
}

fn no(edit: u16, fault: ChangeFault) -> Refusal {
    Refusal::FlowChange(ChangeRefused { edit, fault })
}

fn kinds(scene: &Scene, flow: &str) -> Vec<ProblemKind> {
    let problems = scene.state.flows().problems(flow, GlobalMail::Configured);
    problems.into_iter().map(|problem| problem.kind).collect()
}

/// A ledger with the policies that ship.
fn founded() -> Scene {
    given([])
        .done(edits(vec![password_policy("classic")]))
        .done(edits(vec![password_policy("nist")]))
}

fn with_policy(flow: &str, order: u16, stage: &str, policy: &str) -> Edit {
    Edit::SaveBinding {
        flow: slug(flow),
        binding: Binding {
            policies: vec![BoundPolicy {
                policy: name(policy),
                negate: false,
                enabled: true,
            }],
            ..Binding::plain(order, name(stage))
        },
        presence: Presence::Either,
    }
}

/// Set-up guide, steps 2 to 8, as one command; the names are the guide's.
fn recovery_guide() -> Vec<Edit> {
    let recovery = "password-recovery-flow";
    let prompt = |scene: &Scene| match scene.state.flows().stage("default-password-change-prompt") {
        Some(stage) => {
            let StageSettings::Prompt(prompt) = stage.settings() else {
                panic!("a prompt, not {stage:?}");
            };
            prompt.clone()
        }
        None => panic!("the stage ships"),
    };
    vec![
        password_policy("password policy"),
        stage(
            "email identification stage",
            StageSettings::Identification(Identification::default()),
        ),
        stage(
            "email recovery stage",
            StageSettings::Email(EmailStage::default()),
        ),
        flow(recovery, Designation::Recovery),
        bind(recovery, 10, "email identification stage"),
        bind(recovery, 20, "email recovery stage"),
        bind(recovery, 30, "default-password-change-prompt"),
        bind(recovery, 40, "default-password-change-write"),
        stage(
            "default-password-change-prompt",
            StageSettings::Prompt(Prompt {
                validation_policies: vec![name("password policy")],
                ..prompt(&given([]))
            }),
        ),
        stage(
            "default-authentication-identification",
            StageSettings::Identification(Identification {
                recovery_flow: Some(slug(recovery)),
                ..Identification::default()
            }),
        ),
    ]
}

#[test]
fn every_ledger_has_the_objects_that_ship_from_its_first_event_on() {
    let scene = founded();
    let flows = scene.state.flows();
    let plan = |slug: &str| -> Vec<(u16, String)> {
        let steps = flows.plan(slug).unwrap();
        steps
            .iter()
            .map(|step| (step.binding.order, step.stage.name().to_string()))
            .collect()
    };
    let sign_in = [
        (10, "default-authentication-identification"),
        (20, "default-authentication-password"),
        (30, "default-authentication-mfa-validation"),
        (100, "default-authentication-login"),
    ];
    assert_eq!(
        plan("default-authentication-flow"),
        sign_in.map(|(at, stage)| (at, stage.to_owned()))
    );
    let recovery = [
        (10, "default-recovery-identification"),
        (20, "default-recovery-email"),
        (25, "default-authentication-mfa-validation"),
        (30, "default-password-change-prompt"),
        (40, "default-password-change-write"),
    ];
    assert_eq!(
        plan("default-recovery-flow"),
        recovery.map(|(at, stage)| (at, stage.to_owned()))
    );
    assert_eq!((flows.flows().count(), flows.stages().count()), (8, 15));
    for bound in flows.flows() {
        let slug = bound.flow.slug.as_str();
        assert_eq!(kinds(&scene, slug), [], "{slug}");
    }
}

/// Every ledger is folded from these, so they can never be edited: a release that ships others brings them by an event.
#[test]
fn law_16_what_ships_never_changes() {
    let (ships, by) = (Flows::default(), Actor::System);
    let flows = ships.flows().map(|bound| FlowChange::FlowSaved {
        flow: bound.flow.clone(),
    });
    let bindings = ships.flows().flat_map(|bound| {
        let flow = bound.flow.slug.clone();
        let bind = move |binding: &Binding| FlowChange::BindingSaved {
            flow: flow.clone(),
            binding: binding.clone(),
        };
        bound.bindings.values().map(bind)
    });
    let stages = ships.stages().map(|placed| FlowChange::StageSaved {
        stage: placed.value.clone(),
    });
    let mut hasher = blake3::Hasher::new();
    for change in flows.chain(bindings).chain(stages) {
        let change = Box::new(change);
        let recorded = Recorded {
            position: Position(0),
            time: NOON,
            command: CommandId([0; 16]),
            event: Event::FlowsChanged { change, by },
        };
        hasher.update(&codec::encode(&recorded, CommandPart::Last).unwrap());
    }
    assert_eq!(&hasher.finalize().to_hex()[..16], "48b1902e4aed00f0");
}

#[test]
fn the_recovery_guide_is_one_command_and_its_flow_can_finish() {
    let decided = founded().when(edits(recovery_guide()));
    let scene = decided
        .then_kinds(&[
            "PolicySaved",
            "StageSaved",
            "StageSaved",
            "FlowSaved",
            "BindingSaved",
            "BindingSaved",
            "BindingSaved",
            "BindingSaved",
            "StageSaved",
            "StageSaved",
        ])
        .scene;
    assert_eq!(kinds(&scene, "password-recovery-flow"), []);
    let again: Vec<Edit> = recovery_guide()
        .into_iter()
        .map(|mut edit| {
            if let Edit::SaveFlow { presence, .. } = &mut edit {
                *presence = Presence::Either;
            } else if let Edit::SaveBinding { presence, .. } = &mut edit {
                *presence = Presence::Known;
            }
            edit
        })
        .collect();
    scene.when(edits(again)).then([]);
}

#[test]
fn edits_are_carried_out_together_or_not_at_all() {
    let mut guide = recovery_guide();
    guide.push(bind("password-recovery-flow", 50, "no such stage"));
    let fault = no(10, ChangeFault::NoSuchStage("stage"));
    let scene = founded().when(edits(guide)).refused(fault).scene;
    assert_eq!(scene.state.flows().flow("password-recovery-flow"), None);
}

#[test]
fn what_was_computed_against_an_older_configuration_is_refused() {
    let scene = founded();
    let against = scene.state.flows().changed();
    let command = |against| Command::ChangeFlows {
        edits: vec![flow("one", Designation::Recovery)],
        against: Some(against),
        by: Actor::Operator,
    };
    let scene = scene.done(edits(vec![flow("two", Designation::Recovery)]));
    let scene = scene.when(command(against)).refused(Refusal::Outdated).scene;
    let against = scene.state.flows().changed();
    scene.when(command(against)).then_kinds(&["FlowSaved"]);
}

#[test]
fn names_slugs_and_orders_are_unique() {
    let scene = founded().done(edits(recovery_guide()));
    let refused = |edit: Edit, fault| {
        scene.clone().when(edits(vec![edit])).refused(no(0, fault));
    };
    refused(
        flow("password-recovery-flow", Designation::Recovery),
        ChangeFault::Taken,
    );
    let mut same_name = flow("another", Designation::Recovery);
    if let Edit::SaveFlow { flow, .. } = &mut same_name {
        flow.name = name("password-recovery-flow");
    }
    refused(same_name, ChangeFault::NameTaken);
    refused(
        bind("password-recovery-flow", 10, "default-recovery-email"),
        ChangeFault::Taken,
    );
    refused(expression("classic", "true"), ChangeFault::KindChanged);
    refused(
        stage("email recovery stage", StageSettings::of(StageKind::Deny)),
        ChangeFault::KindChanged,
    );
}

#[test]
fn a_reference_leads_to_an_object_of_the_right_kind() {
    let scene = founded().done(edits(vec![expression("from outside", "true")]));
    let refused = |edit: Edit, fault| {
        scene.clone().when(edits(vec![edit])).refused(no(0, fault));
    };
    let identification = |change: fn(&mut Identification)| {
        let mut settings = Identification::default();
        change(&mut settings);
        stage("who", StageSettings::Identification(settings))
    };
    refused(
        identification(|s| s.recovery_flow = Some(slug("nowhere"))),
        ChangeFault::NoSuchFlow("settings.recovery_flow"),
    );
    refused(
        identification(|s| s.password_stage = Some(name("nothing"))),
        ChangeFault::NoSuchStage("settings.password_stage"),
    );
    refused(
        identification(|s| s.password_stage = Some(name("default-recovery-email"))),
        ChangeFault::WrongKind("settings.password_stage"),
    );
    let prompt = |policy| {
        let validation_policies = vec![name(policy)];
        let fields = vec![];
        stage(
            "new",
            StageSettings::Prompt(Prompt {
                fields,
                validation_policies,
            }),
        )
    };
    refused(
        prompt("nothing"),
        ChangeFault::NoSuchPolicy("settings.validation_policies"),
    );
    refused(
        prompt("from outside"),
        ChangeFault::WrongKind("settings.validation_policies"),
    );
    let recovery = "default-recovery-flow";
    let bound = |policy| with_policy(recovery, 25, "default-authentication-mfa-validation", policy);
    refused(bound("nothing"), ChangeFault::NoSuchPolicy("policies"));
    refused(bound("classic"), ChangeFault::WrongKind("policies"));
    scene
        .clone()
        .when(edits(vec![bound("from outside")]))
        .then_kinds(&["BindingSaved"]);
}

#[test]
fn what_is_named_cannot_go_unless_it_is_detached() {
    let scene = founded().done(edits(recovery_guide()));
    let remove = |key: &ObjectKey, naming| {
        edits(vec![Edit::Remove {
            key: key.clone(),
            naming,
        }])
    };
    for (key, events) in [
        (
            ObjectKey::Stage(name("email recovery stage")),
            &["BindingRemoved", "StageRemoved"][..],
        ),
        (
            ObjectKey::Flow(slug("password-recovery-flow")),
            &["StageSaved", "FlowRemoved"],
        ),
        (
            ObjectKey::Policy(name("password policy")),
            &["StageSaved", "PolicyRemoved"],
        ),
    ] {
        let kept = remove(&key, Naming::Keep);
        scene.clone().when(kept).refused(no(0, ChangeFault::InUse));
        let after = scene
            .clone()
            .when(remove(&key, Naming::Detach))
            .then_kinds(events);
        assert!(!after.scene.state.flows().has(&key));
        let gone = remove(&key, Naming::Keep);
        after.scene.when(gone).refused(no(0, ChangeFault::Unknown));
    }
}

#[test]
fn what_names_an_object_follows_its_new_name() {
    let scene = founded().done(edits(recovery_guide()));
    let rename = |from, to| Edit::Rename { from, to };
    let scene = scene
        .when(edits(vec![
            rename(
                ObjectKey::Flow(slug("password-recovery-flow")),
                ObjectKey::Flow(slug("way-back")),
            ),
            rename(
                ObjectKey::Stage(name("email recovery stage")),
                ObjectKey::Stage(name("mail")),
            ),
            rename(
                ObjectKey::Policy(name("password policy")),
                ObjectKey::Policy(name("strict")),
            ),
        ]))
        .then_kinds(&["FlowRenamed", "StageRenamed", "PolicyRenamed"])
        .scene;
    let flows = scene.state.flows();
    assert_eq!(kinds(&scene, "way-back"), []);
    assert_eq!(flows.flow("way-back").unwrap().bindings[&20].stage, name("mail"));
    let named = |stage: &str| flows.stage(stage).unwrap().settings().references();
    let recovery = ("settings.recovery_flow", ObjectKey::Flow(slug("way-back")));
    assert_eq!(named("default-authentication-identification"), [recovery]);
    let policy = ("settings.validation_policies", ObjectKey::Policy(name("strict")));
    assert_eq!(named("default-password-change-prompt"), [policy]);
    assert_eq!(scene.state.policy("strict").unwrap().settings().name, "strict");
    let taken = rename(
        ObjectKey::Stage(name("mail")),
        ObjectKey::Stage(name("default-recovery-email")),
    );
    scene.when(edits(vec![taken])).refused(no(0, ChangeFault::Taken));
}

#[test]
fn the_version_of_a_flow_moves_with_whatever_it_leads_through() {
    let mut scene = founded().done(edits(recovery_guide()));
    let version = |scene: &Scene, slug: &str| scene.state.flows().version(slug).unwrap();
    let recovery = "password-recovery-flow";
    let other = version(&scene, "default-authenticator-totp-setup");
    for edit in [
        password_policy("unused"),
        flow("unused", Designation::Recovery),
        expression("outside", "true"),
    ] {
        let before = version(&scene, recovery);
        scene = scene.done(edits(vec![edit]));
        assert_eq!(version(&scene, recovery), before);
    }
    let subject = EmailStage {
        subject: "Another".to_owned(),
        ..EmailStage::default()
    };
    let stricter = PasswordPolicySettings {
        length_min: 12,
        ..PasswordPolicySettings::named("password policy")
    };
    for edit in [
        stage("email recovery stage", StageSettings::Email(subject)),
        Edit::SavePolicy {
            policy: Box::new(Policy::Password(PasswordPolicy::checked(stricter).unwrap())),
            presence: Presence::Known,
        },
        with_policy(recovery, 20, "email recovery stage", "outside"),
        expression("outside", "false"),
        Edit::RemoveBinding {
            flow: slug(recovery),
            order: 10,
        },
    ] {
        let before = version(&scene, recovery);
        scene = scene.done(edits(vec![edit]));
        assert!(version(&scene, recovery) > before);
    }
    assert_eq!(version(&scene, "default-authenticator-totp-setup"), other);
    assert_eq!(other, Position(0));
}

#[test]
fn r_46_a_secret_key_leads_no_mails_over_a_server_of_its_choice() {
    let over = |host: &str| {
        let server = MailServer {
            use_global_settings: false,
            host: host.to_owned(),
            ..MailServer::default()
        };
        let settings = EmailStage {
            server,
            ..EmailStage::default()
        };
        vec![stage("default-recovery-email", StageSettings::Email(settings))]
    };
    let by_key = |edits| Command::ChangeFlows {
        edits,
        against: None,
        by: Actor::ApiKey(ApiKeyId([9; 16])),
    };
    given([])
        .when(by_key(over("mx.example.net")))
        .refused(Refusal::NotAllowed);
    let set = given([]).done(edits(over("mx.example.org")));
    set.clone()
        .when(by_key(over("mx.example.net")))
        .refused(Refusal::NotAllowed);
    // What a person has chosen may stay, and codes of a sign-in are not what lets people back in.
    set.clone()
        .when(by_key(over("mx.example.org")))
        .answered(&Outcome::Done);
    let aside = || {
        let Edit::SaveStage { stage, .. } = over("mx.example.net").remove(0) else {
            panic!("it is a stage");
        };
        self::stage("aside", stage.settings().clone())
    };
    set.clone().when(by_key(vec![aside()])).answered(&Outcome::Done);
    let bound = vec![aside(), bind("default-recovery-flow", 15, "aside")];
    set.when(by_key(bound)).refused(Refusal::NotAllowed);
}
