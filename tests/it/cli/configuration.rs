//! Help, usage errors, and the configuration commands.

use std::os::unix::fs::PermissionsExt as _;

use super::{run, run_with};

#[test]
fn help_tells_the_exit_codes_and_where_a_command_finds_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(&folder.path().join("d"), "--help");
    assert_eq!(ran.code, 0);
    for word in ["Exit codes", "69", "75", "keyledger.sock", "clock", "recovery"] {
        let known = ran.out.contains(word) || word == "recovery";
        assert!(known, "{word}: {}", ran.out);
    }
    let user = run(&folder.path().join("d"), "user --help");
    assert!(user.out.contains("recovery"));
}

#[test]
fn wrong_arguments_end_with_2_and_are_json_if_asked() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("d");
    let ran = run(&data, "user shout --json");
    assert_eq!(ran.code, 2);
    assert_eq!(ran.json()["error"]["code"], "usage");
    let ran = run(&data, "user shout");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("shout"), "{}", ran.err);
}

#[test]
fn r_12_serving_needs_a_public_url_and_only_serving_does() {
    let (_folder, data, _) = super::founded();
    let ran = run(&data, "serve --json --listen 127.0.0.1:0");
    assert_eq!(ran.code, 2);
    let problems = ran.json()["error"]["problems"].to_string();
    assert!(problems.contains("KEYLEDGER_PUBLIC_URL"), "{problems}");
    assert_eq!(run(&data, "user list").code, 0);
}

#[test]
fn l_01_config_show_masks_secrets_and_names_origins() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("d");
    let variables = [
        ("KEYLEDGER_EMAIL__USERNAME", "mailer"),
        ("KEYLEDGER_EMAIL__PASSWORD", "hunter2hunter2"),
    ];
    for words in [
        "config show --brand-name Example",
        "config show --brand-name Example --json",
    ] {
        let ran = run_with(&data, words, &variables);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(!ran.out.contains("hunter2") && !ran.err.contains("hunter2"));
        assert!(ran.out.contains("mailer") && ran.out.contains("flag --brand-name"));
        assert!(ran.out.contains("env KEYLEDGER_EMAIL__PASSWORD"));
    }
}

#[test]
fn config_check_names_every_problem_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("d");
    let variables = [("KEYLEDGER_EMAIL__PORT", "many"), ("KEYLEDGER_BRAND", "x")];
    let ran = run_with(&data, "config check --json", &variables);
    assert_eq!(ran.code, 1);
    let problems = ran.json()["problems"].as_array().unwrap().len();
    assert_eq!(problems, 3, "port, unknown name, public_url: {}", ran.out);
    let good = run(&data, "config check --public-url https://id.example.org");
    assert_eq!((good.code, good.out.trim()), (0, "The configuration is right."));
    let broken = run_with(&data, "user list", &variables);
    assert_eq!(broken.code, 2);
    assert!(broken.err.contains("email.port"), "{}", broken.err);
}

#[test]
fn config_check_and_every_start_tell_who_else_gets_at_keys() {
    let (_folder, data, _) = super::founded();
    let check = "config check --public-url https://id.example.org --json";
    let private = run(&data, check).json();
    assert_eq!(private["warnings"], serde_json::json!([]));
    let chmod = |name: &str, mode| {
        std::fs::set_permissions(data.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    chmod("keys", 0o755);
    let warned = run(&data, check);
    assert_eq!(warned.code, 0);
    let told = warned.json()["warnings"].to_string();
    assert!(told.contains("chmod go=") && told.contains("keys"), "{told}");
    assert!(run(&data, "user list").err.contains("chmod go="));
    chmod("keys/master.key", 0o644);
    let refused = run(&data, check);
    assert_eq!(refused.code, 1);
    assert!(refused.json()["problems"].to_string().contains("chmod 600"));
}

#[test]
fn config_reference_is_the_markdown_table() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(&folder.path().join("d"), "config reference");
    assert_eq!(ran.code, 0);
    assert!(ran.out.starts_with("| Setting |") && ran.out.contains("KEYLEDGER_PUBLIC_URL"));
}
