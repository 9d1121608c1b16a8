//! `keyledger blueprint` with the server stopped.

use super::{founded, run};

const BLUEPRINT: &str =
    "[[stages]]\nname = \"email recovery stage\"\nkind = \"email\"\nsettings = { subject = \"Back in\" }\n";

#[test]
fn a_blueprint_is_shown_applied_and_exported() {
    let (folder, data, _) = founded();
    let file = folder.path().join("flows.toml");
    std::fs::write(&file, BLUEPRINT).unwrap();
    let shown = run(&data, "blueprint apply flows.toml --dry-run");
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert!(shown.out.contains("1 object would change"), "{}", shown.out);
    assert!(
        shown.out.contains("+ stage \"email recovery stage\""),
        "{}",
        shown.out
    );
    assert!(
        shown.out.contains("settings.subject: \"Back in\""),
        "{}",
        shown.out
    );
    let applied = run(&data, "blueprint apply flows.toml --json").json();
    assert_eq!(
        (&applied["applied"], &applied["changes"][0]["change"]),
        (&true.into(), &"made".into())
    );
    let again = run(&data, "blueprint apply flows.toml");
    assert!(again.out.contains("Nothing to change"), "{}", again.out);
    assert_eq!(run(&data, "blueprint export all.toml").code, 0);
    let exported = std::fs::read_to_string(folder.path().join("all.toml")).unwrap();
    assert!(exported.contains("name = \"email recovery stage\""), "{exported}");
    assert_eq!(run(&data, "blueprint export").out.trim(), exported.trim());
    assert_eq!(
        run(&data, "blueprint apply all.toml --json").json()["changes"],
        serde_json::json!([])
    );
    let there = run(&data, "blueprint export all.toml");
    assert_eq!(there.code, 2, "a file that is there is not written over");
    let told = run(&data, "events").out;
    assert!(
        told.contains("email stage email recovery stage saved by the operator"),
        "{told}"
    );
}

#[test]
fn a28_a_blueprint_with_faults_changes_nothing_and_names_lines() {
    let (folder, data, _) = founded();
    let file = folder.path().join("flows.toml");
    std::fs::write(
        &file,
        format!("{BLUEPRINT}\n[[stages]]\nname = \"x\"\nkind = \"deny\"\nsettings = {{ mesage = \"no\" }}\n"),
    )
    .unwrap();
    let ran = run(&data, "blueprint apply flows.toml");
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(
        ran.err
            .contains("line 9, stage \"x\", settings.mesage: there is no such field; did you mean message?"),
        "{}",
        ran.err
    );
    assert!(
        !run(&data, "blueprint export")
            .out
            .contains("email recovery stage")
    );
    assert_eq!(run(&data, "blueprint apply none.toml").code, 2);
}
