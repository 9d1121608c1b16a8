//! Lists of leaked passwords on the command line.

use super::{founded, run, run_saying};

/// The SHA-1 of `P@ssw0rd`, and one of nothing in particular.
const HASHES: &str =
    "21BD12DC183F740EE76F27B78EB39C8AD972A757:83129\r\n00000000A8DAE4228F821FB418F59826079BF368:4\r\n";

#[test]
fn a_list_is_imported_shown_asked_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let list = folder.path().join("pwned.txt");
    std::fs::write(&list, HASHES).unwrap();

    let made = run(&data, "breach import pwned.txt --min-count 5 --json");
    assert_eq!(made.code, 0, "{}{}", made.out, made.err);
    let set = &made.json()["set"];
    assert_eq!(
        (set["name"].as_str(), set["entries"].as_u64()),
        (Some("hibp"), Some(1))
    );
    assert!(set["falsePositives"].as_f64().unwrap() < 1e-6);
    let plain = run_saying(
        &data,
        "breach import - --plain --name ours",
        b"Quiet-Harbor-19\n\xff\n",
    );
    assert_eq!(plain.code, 0, "{}", plain.err);
    assert!(
        plain.out.contains("1 entries from 2 lines") && plain.out.contains("1 lines were left out"),
        "{}",
        plain.out
    );

    let shown = run(&data, "breach show --verify --json");
    assert_eq!(shown.code, 0, "{}", shown.err);
    let names: Vec<_> = shown.json()["sets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|set| set["name"].clone())
        .collect();
    assert_eq!(names, ["hibp", "ours"]);

    let check = |password: &str| {
        let ran = run_saying(&data, "breach check --json", password.as_bytes());
        let answer = ran.json();
        (ran.code, answer["builtIn"].clone(), answer["sets"].clone())
    };
    assert_eq!(check("P@ssw0rd\n"), (1, true.into(), serde_json::json!(["hibp"])));
    assert_eq!(
        check("Quiet-Harbor-19"),
        (1, false.into(), serde_json::json!(["ours"]))
    );
    assert_eq!(
        check("Loud-Mountain-27\r\n"),
        (0, false.into(), serde_json::json!([]))
    );
    assert_eq!(run_saying(&data, "breach check", b"\n").code, 2);

    assert_eq!(run(&data, "breach remove ours").code, 0);
    assert_eq!(check("Quiet-Harbor-19").0, 0);
    let again = run(&data, "breach remove ours --json");
    assert_eq!(
        (again.code, again.json()["error"]["field"].clone()),
        (1, "NAME".into())
    );
}

#[test]
fn what_cannot_be_imported_says_where_and_why_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(run_saying(&data, "breach import -", HASHES.as_bytes()).code, 0);
    let refused = |words: &str, list: &str| {
        let ran = run_saying(&data, &format!("breach import {words} --json"), list.as_bytes());
        let told = ran.json()["error"]["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        (ran.code, told)
    };
    let (code, told) = refused("-", &format!("{HASHES}hunter2\n"));
    assert!(
        code == 2 && told.contains("line 3") && told.contains("--plain"),
        "{told}"
    );
    let (code, told) = refused("-", "21BD12DC183F740EE76F27B78EB39C8AD972A757 9\n");
    assert!(code == 2 && told.contains("line 1"), "{told}");
    let (code, told) = refused("- --min-count 9", "21BD12DC183F740EE76F27B78EB39C8AD972A757\n");
    assert!(code == 2 && told.contains("no count"), "{told}");
    let (code, told) = refused("- --min-count 100000", HASHES);
    assert!(code == 2 && told.contains("none of 2 lines"), "{told}");
    assert_eq!(run(&data, "breach import none.txt").code, 2);
    assert_eq!(run(&data, "breach import - --name No").code, 2);
    let shown = run(&data, "breach show --json").json();
    assert_eq!(shown["sets"][0]["entries"], 2);
}

#[test]
fn a_damaged_set_is_told_of_and_the_built_in_list_still_applies() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(run_saying(&data, "breach import -", HASHES.as_bytes()).code, 0);
    let set = data.join("breached/hibp.set");
    let mut bytes = std::fs::read(&set).unwrap();
    bytes[30] ^= 1;
    std::fs::write(&set, bytes).unwrap();
    let shown = run(&data, "breach show");
    assert!(
        shown.code == 1 && shown.out.contains("is damaged"),
        "{}{}",
        shown.out,
        shown.err
    );
    assert_eq!(run_saying(&data, "breach check", b"password").code, 1);
    let unknown = run_saying(&data, "breach check", b"Loud-Mountain-27");
    assert!(
        unknown.code == 2 && unknown.err.contains("import the list again"),
        "{}",
        unknown.err
    );
}

#[test]
fn p_07_the_online_check_is_turned_on_for_a_policy_by_name_and_told_of_in_the_ledger() {
    let (_folder, data, _) = founded();
    let on = run(
        &data,
        "breach online on --url https://ranges.example.org/ --allowed-count 3 --json",
    );
    assert_eq!(on.code, 0, "{}{}", on.out, on.err);
    let on = on.json();
    assert_eq!(
        (
            on["policy"].as_str(),
            on["service"].as_str(),
            on["allowedCount"].as_u64()
        ),
        (Some("classic"), Some("https://ranges.example.org"), Some(3))
    );
    assert!(
        run(&data, "events")
            .out
            .contains("asks https://ranges.example.org about leaked passwords")
    );
    assert!(run(&data, "breach online off --json").json()["service"].is_null());
    for (words, code, field) in [
        ("on --url http://ranges.example.org", 2, "--url"),
        ("on --url https://user@ranges.example.org", 2, "--url"),
        ("off --policy none", 1, "--policy"),
    ] {
        let refused = run(&data, &format!("breach online {words} --json"));
        assert_eq!(
            (refused.code, &refused.json()["error"]["field"]),
            (code, &field.into()),
            "{words}"
        );
    }
    assert_eq!(run(&data, "verify").code, 0);
}
