//! Flows that can never finish, those that may not go, and settings that cannot be.

use keyledger::domain::flow::{
    ChangeFault, Designation, Edit, EmailStage, Flows, GlobalMail, Identification, Naming, ObjectKey,
    ProblemKind, Stage, StageKind, StageSettings,
};
use keyledger::types::ObjectName;

use super::{bind, edits, flow, founded, kinds, name, no, recovery_guide, slug, stage};

#[test]
fn a_flow_that_can_never_finish_says_why() {
    let scene = founded().done(edits(recovery_guide()));
    let recovery = "password-recovery-flow";
    let without = |order| {
        let flow = slug(recovery);
        scene
            .clone()
            .done(edits(vec![Edit::RemoveBinding { flow, order }]))
    };
    assert_eq!(kinds(&without(10), recovery), [ProblemKind::NoIdentification]);
    assert_eq!(kinds(&without(20), recovery), [ProblemKind::NoEmail]);
    assert_eq!(kinds(&without(30), recovery), [ProblemKind::NoPrompt]);
    assert_eq!(kinds(&without(40), recovery), [ProblemKind::NoWrite]);
    let missing = scene.state.flows().problems(recovery, GlobalMail::Missing);
    let missing: Vec<_> = missing
        .iter()
        .map(|problem| (problem.kind, problem.stage.as_ref().map(ObjectName::as_str)))
        .collect();
    assert_eq!(
        missing,
        [(ProblemKind::NoMailServer, Some("email recovery stage"))]
    );
    let early = vec![
        Edit::RemoveBinding {
            flow: slug(recovery),
            order: 40,
        },
        bind(recovery, 15, "default-password-change-write"),
        stage("no entry", StageSettings::of(StageKind::Deny)),
        bind(recovery, 50, "no entry"),
    ];
    let early = scene.clone().done(edits(early));
    assert_eq!(
        kinds(&early, recovery),
        [ProblemKind::WrongOrder, ProblemKind::AlwaysDenied]
    );
    let empty = scene.done(edits(vec![flow("empty", Designation::Enrollment)]));
    assert_eq!(kinds(&empty, "empty"), [ProblemKind::NoStage]);
    // Whoever has a session only changes no password.
    let change = "default-password-change";
    assert_eq!(kinds(&empty, change), []);
    let bare = empty.done(edits(vec![Edit::RemoveBinding {
        flow: slug(change),
        order: 10,
    }]));
    assert_eq!(kinds(&bare, change), [ProblemKind::NoPassword]);
}

#[test]
fn a28_settings_beyond_their_bounds_are_refused_with_field_and_remedy() {
    let faults = |settings| -> Vec<String> {
        let refused = Stage::new(name("x"), settings).unwrap_err();
        refused
            .iter()
            .map(|fault| format!("{}:{}", fault.field, fault.reason))
            .collect()
    };
    let mut email = EmailStage {
        token_expiry_minutes: 1_441,
        subject: "a\r\nBcc: x@y.org".to_owned(),
        ..EmailStage::default()
    };
    email.server.use_tls = true;
    email.server.use_ssl = true;
    assert_eq!(
        faults(StageSettings::Email(email)),
        [
            "settings.use_ssl:conflict",
            "settings.subject:control-character",
            "settings.token_expiry_minutes:out-of-range"
        ]
    );
    let none = Identification {
        user_fields: vec![],
        ..Identification::default()
    };
    assert_eq!(
        faults(StageSettings::Identification(none)),
        ["settings.user_fields:required"]
    );
}

#[test]
fn a_flow_that_the_pages_lead_to_neither_goes_nor_is_called_otherwise() {
    let scene = founded();
    for led_to in Flows::LED_TO {
        let key = ObjectKey::Flow(slug(led_to));
        let to = ObjectKey::Flow(slug("elsewhere"));
        for edit in [
            Edit::Remove {
                key: key.clone(),
                naming: Naming::Keep,
            },
            Edit::Remove {
                key: key.clone(),
                naming: Naming::Detach,
            },
            Edit::Rename { from: key, to },
        ] {
            let refused = scene.clone().when(edits(vec![edit]));
            refused.refused(no(0, ChangeFault::LedTo));
        }
    }
    // Whoever does not want sign-ups takes their flow away.
    let sign_up = Edit::Remove {
        key: ObjectKey::Flow(slug("default-enrollment-flow")),
        naming: Naming::Detach,
    };
    scene
        .when(edits(vec![sign_up]))
        .then_kinds(&["StageSaved", "FlowRemoved"]);
}

#[test]
fn the_last_stage_of_a_flow_that_the_pages_lead_to_stays() {
    let scene = founded();
    for led_to in Flows::LED_TO {
        let orders = scene.state.flows().flow(led_to).unwrap().bindings.keys();
        let remove = |order: &u16| Edit::RemoveBinding {
            flow: slug(led_to),
            order: *order,
        };
        let all: Vec<Edit> = orders.map(remove).collect();
        let last = u16::try_from(all.len() - 1).unwrap();
        let refused = scene.clone().when(edits(all.clone()));
        refused.refused(no(last, ChangeFault::Emptied));
        let but_one = scene.clone().done(edits(all[1..].to_vec()));
        let refused = but_one.clone().when(edits(all[..1].to_vec()));
        refused.refused(no(0, ChangeFault::Emptied));
        // A stage that is taken out of everything takes its binding along.
        let bound = but_one.state.flows().flow(led_to).unwrap();
        let stage = bound.bindings.values().next().unwrap().stage.clone();
        let detached = Edit::Remove {
            key: ObjectKey::Stage(stage.clone()),
            naming: Naming::Detach,
        };
        let refused = but_one.clone().when(edits(vec![detached]));
        refused.refused(no(0, ChangeFault::Emptied));
        // What is bound anew in the same command may go.
        let anew = vec![all[0].clone(), bind(led_to, 500, stage.as_str())];
        but_one.done(edits(anew));
    }
    // Any other flow may be empty.
    let remove = |order| Edit::RemoveBinding {
        flow: slug("default-invalidation-flow"),
        order,
    };
    scene.done(edits(vec![remove(10)]));
}
