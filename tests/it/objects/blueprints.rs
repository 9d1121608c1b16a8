//! Blueprints: the configuration as a file.

use keyledger::desk::{BlueprintMode, ChangeWord, ObjectsFault};
use keyledger::domain::Actor;

use crate::support::House;

/// The recovery guide as a file.
const RECOVERY: &str = r#"
version = 1

[[policies]]
name = "password policy"
kind = "password"
settings = { length_min = 10, amount_symbols = 1 }

[[stages]]
name = "email identification stage"
kind = "identification"
settings = { user_fields = ["username", "email"] }

[[stages]]
name = "email recovery stage"
kind = "email"
settings = { template = "password_reset" }

[[flows]]
name = "password-recovery-flow"
designation = "recovery"
bindings = [
    { order = 10, stage = "email identification stage" },
    { order = 20, stage = "email recovery stage" },
    { order = 30, stage = "default-password-change-prompt" },
    { order = 40, stage = "default-password-change-write" },
]

[[stages]]
name = "default-password-change-prompt"
settings = { validation_policies = ["password policy"] }

[[stages]]
name = "default-authentication-identification"
settings = { recovery_flow = "password-recovery-flow" }
"#;

async fn apply(house: &House, text: &str) -> Vec<(String, ChangeWord)> {
    let told = house
        .desk()
        .apply_blueprint(text, BlueprintMode::Apply, Actor::Operator)
        .await
        .unwrap();
    told.into_iter()
        .map(|change| (change.object, change.change))
        .collect()
}

async fn faults(house: &House, text: &str) -> Vec<String> {
    let before = house.changes().len();
    let refused = house
        .desk()
        .apply_blueprint(text, BlueprintMode::Apply, Actor::Operator)
        .await;
    assert_eq!(house.changes().len(), before, "nothing or all");
    let Err(ObjectsFault::Fields(faults)) = refused else {
        panic!("not refused: {refused:?}");
    };
    let shown = faults.into_iter().map(|fault| {
        let line = fault.line.unwrap_or_default();
        format!(
            "{line}: {} {}: {}",
            fault.object.unwrap_or_default(),
            fault.field,
            fault.reason
        )
    });
    shown.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recovery_guide_as_a_file_is_applied_as_one_and_a_second_time_changes_nothing() {
    let house = House::start().await;
    let before = house.changes().len();
    let preview = house
        .desk()
        .apply_blueprint(RECOVERY, BlueprintMode::Preview, Actor::Operator)
        .await
        .unwrap();
    assert_eq!(house.changes().len(), before, "a preview writes nothing");
    let changed = apply(&house, RECOVERY).await;
    let previewed: Vec<_> = preview
        .iter()
        .map(|change| (change.object.clone(), change.change))
        .collect();
    assert_eq!(changed, previewed);
    assert_eq!(
        changed,
        [
            ("policy \"password policy\"", ChangeWord::Made),
            ("stage \"email identification stage\"", ChangeWord::Made),
            ("stage \"email recovery stage\"", ChangeWord::Made),
            ("stage \"default-password-change-prompt\"", ChangeWord::Changed),
            (
                "stage \"default-authentication-identification\"",
                ChangeWord::Changed
            ),
            ("flow \"password-recovery-flow\"", ChangeWord::Made),
        ]
        .map(|(object, change)| (object.to_owned(), change))
    );
    let prompt = &preview[3].fields;
    assert_eq!(prompt.len(), 1, "only what changes is shown: {prompt:?}");
    assert_eq!(prompt[0].field, "settings.validation_policies");
    assert_eq!(prompt[0].from.as_deref(), Some("[\"classic\"]"));
    assert_eq!(prompt[0].to.as_deref(), Some("[\"password policy\"]"));
    let after = house.changes().len();
    assert_eq!(apply(&house, RECOVERY).await, []);
    assert_eq!(house.changes().len(), after);
    let problems = house
        .desk()
        .flows()
        .problems("password-recovery-flow", house.desk().settings().mail);
    assert_eq!(problems, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_makes_another_ledger_the_same() {
    let (one, other) = (House::start().await, House::start().await);
    apply(&one, RECOVERY).await;
    let exported = one.desk().blueprint();
    assert_eq!(apply(&one, &exported).await, [], "it says what is");
    assert_eq!(apply(&other, &exported).await.len(), 6);
    assert_eq!(other.desk().blueprint(), exported);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_absent_goes_and_what_is_left_out_stays() {
    let house = House::start().await;
    apply(&house, RECOVERY).await;
    let back = r#"
        [[stages]]
        name = "default-authentication-identification"
        settings = { recovery_flow = "default-recovery-flow" }
        [[flows]]
        slug = "password-recovery-flow"
        state = "absent"
        [[stages]]
        name = "email recovery stage"
        state = "absent"
        [[stages]]
        name = "never there"
        state = "absent"
    "#;
    let changed = apply(&house, back).await;
    let removed: Vec<_> = changed
        .iter()
        .filter(|(_, change)| *change == ChangeWord::Removed)
        .collect();
    assert_eq!(removed.len(), 2, "{changed:?}");
    let flows = house.desk().flows();
    assert!(flows.flow("password-recovery-flow").is_none() && flows.stage("email recovery stage").is_none());
    assert!(flows.stage("email identification stage").is_some());
    assert_eq!(flows.flows().count(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a28_a_fault_in_a_blueprint_names_line_object_and_field() {
    let house = House::start().await;
    let text = "[[stages]]\nname = \"x\"\nkind = \"email\"\n\n[stages.settings]\nport = 99999\nsubjct = \"a\"\n\n[[flows]]\nname = \"f\"\n";
    assert_eq!(
        faults(&house, text).await,
        [
            "6: stage \"x\" settings.port: out-of-range",
            "7: stage \"x\" settings.subjct: unknown",
            "9: flow \"f\" designation: required",
        ]
    );
    assert_eq!(
        faults(&house, "[[stages]]\nname = = 1\n").await[0],
        "2:  : syntax"
    );
    assert_eq!(
        faults(&house, "version = 2\n[stages]\n").await,
        ["1:  version: out-of-range", "2:  stages: wrong-type"]
    );
    let dangling = RECOVERY.replace("stage = \"email recovery stage\" }", "stage = \"nothing\" }");
    assert_eq!(
        faults(&house, &dangling).await,
        ["24: flow \"password-recovery-flow\" bindings[1].stage: not-found"]
    );
    let twice = "[[flows]]\nslug = \"a\"\ndesignation = \"recovery\"\n[[flows]]\nslug = \"a\"\ndesignation = \"recovery\"\n";
    assert_eq!(faults(&house, twice).await, ["4: flow \"a\" : duplicate"]);
}
