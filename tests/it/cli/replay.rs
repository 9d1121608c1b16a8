//! The past at the command line, with the server stopped.

use serde_json::Value;

use super::{founded, run};

/// Where the last event stands.
fn last(data: &std::path::Path) -> u64 {
    let told = run(data, "events --limit 1 --json").json();
    told["items"][0]["position"].as_u64().unwrap()
}

#[test]
fn l_03_what_was_at_a_moment_is_told_by_position_and_by_time() {
    let (_folder, data, _) = founded();
    let made = run(&data, "user create ann@example.org --name Ann --json").json();
    let id = made["id"].as_str().unwrap();
    let then = last(&data);
    run(&data, "user ban ann@example.org");
    let banned = last(&data);
    run(&data, "user erase ann@example.org --yes");
    let ask = |words: String| -> Value {
        let ran = run(&data, &format!("replay {words} --json"));
        assert_eq!(ran.code, 0, "{words}: {}{}", ran.out, ran.err);
        ran.json()
    };
    let users = ask(format!("--at {then} users"));
    assert_eq!(
        (users["position"].as_u64(), users["users"]["total"].as_u64()),
        (Some(then), Some(1))
    );
    let user = &users["users"]["items"][0];
    assert_eq!(
        (user["id"].as_str(), user["standing"].as_str()),
        (Some(id), Some("active"))
    );
    assert!(
        user["email"].is_null() && user["name"].is_null(),
        "their key is destroyed: {user}"
    );
    assert_eq!(
        ask(format!("--at 1:{banned} users"))["users"]["items"][0]["standing"],
        "banned"
    );
    let now = ask("--at 0s".to_owned());
    assert_eq!(
        (
            now["counts"]["users"].as_u64(),
            now["root"].as_str().unwrap().len()
        ),
        (Some(0), 64)
    );
    let counts = ask(format!("--at {then}"));
    assert_eq!(counts["cursor"], format!("1:{then}"));
    assert_eq!(
        ask(format!("--at {}", counts["at"].as_str().unwrap()))["counts"],
        counts["counts"]
    );

    let sign_in = ask(format!("--at {banned} sign-in {id}"));
    assert_eq!(sign_in["signIn"]["could"], false);
    let codes: Vec<_> = sign_in["signIn"]["obstacles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| o["code"].clone())
        .collect();
    assert_eq!(codes, ["banned", "no-password"]);
    let words = run(&data, &format!("replay --at {banned} sign-in {id}")).out;
    assert!(
        words.contains("No.") && words.contains("the user was banned"),
        "{words}"
    );
    assert_eq!(ask(format!("--at {then} sessions {id}"))["sessions"]["total"], 0);
    assert_eq!(ask(format!("--at {then} tokens"))["tokens"]["total"], 0);
    let configuration = &ask(format!("--at {then} configuration"))["configuration"];
    assert_eq!(configuration["apiKeys"].as_array().unwrap().len(), 2);
    let flows = configuration["flows"].as_array().unwrap();
    let recovery = flows
        .iter()
        .find(|flow| flow["slug"] == "default-recovery-flow")
        .unwrap();
    let bound = recovery["bindings"][0]["stage"].as_str().unwrap();
    let stages = configuration["stages"].as_array().unwrap();
    assert!(
        stages.iter().any(|stage| stage["name"] == bound),
        "{bound}: {stages:?}"
    );
    let mail = stages
        .iter()
        .find(|stage| stage["name"] == "default-recovery-email");
    let settings = &mail.unwrap()["settings"];
    assert_eq!(
        (&settings["resend_max"], &settings["template"]),
        (&"5".into(), &"password_reset".into()),
        "{settings}"
    );
    let policies = configuration["policies"].as_array().unwrap();
    assert!(
        policies.iter().any(|policy| policy["name"] == "classic"),
        "{policies:?}"
    );
    for question in ["users", "tokens", "configuration"] {
        let ran = run(&data, &format!("replay --at {then} {question}"));
        assert!(
            ran.code == 0 && ran.out.starts_with("As it was at "),
            "{}{}",
            ran.out,
            ran.err
        );
    }
    assert_eq!(run(&data, "verify").code, 0, "looking changes nothing");
}

#[test]
fn l_03_what_changed_between_two_moments_is_told_by_kind() {
    let (_folder, data, _) = founded();
    run(&data, "user create ann@example.org");
    let first = last(&data);
    run(&data, "user create bob@example.org");
    run(&data, "user ban ann@example.org");
    run(&data, "user recovery bob@example.org");
    run(&data, "user create cyd@example.org");
    run(&data, "user erase cyd@example.org --yes");
    run(&data, "key create --kind secret --label backend");
    run(&data, "breach online on");
    let later = last(&data);
    let changes = run(&data, &format!("replay --diff {first} {later} --json"));
    assert_eq!(changes.code, 0, "{}{}", changes.out, changes.err);
    let changes = changes.json();
    assert_eq!(
        (
            changes["from"]["position"].as_u64(),
            changes["to"]["position"].as_u64()
        ),
        (Some(first), Some(later))
    );
    let whats: Vec<_> = changes["changes"]["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["what"].clone())
        .collect();
    assert_eq!(
        whats,
        [
            "user-made",
            "user-banned",
            "token-issued",
            "policy-saved",
            "api-key-made"
        ],
        "who came and went in between is no change"
    );
    assert_eq!(changes["counts"]["user-banned"], 1);
    let words = run(&data, &format!("replay --diff {first} {later}")).out;
    assert!(words.contains("a…@e…e.org was banned"), "{words}");
    assert!(
        run(&data, &format!("replay --diff {later} {later}"))
            .out
            .contains("Nothing changed")
    );
    let part = run(&data, &format!("replay --diff {first} {later} --limit 1 --json")).json();
    assert_eq!(
        (
            part["changes"]["total"].as_u64(),
            part["changes"]["items"].as_array().unwrap().len()
        ),
        (Some(5), 1)
    );
}

#[test]
fn a_moment_that_is_none_names_its_argument_and_the_remedy() {
    let (_folder, data, _) = founded();
    run(&data, "user create ann@example.org");
    let end = last(&data);
    for (words, code, said) in [
        (
            "--at 2999-01-01 users".to_owned(),
            2,
            vec!["--at", "in the future", "name a time up to"],
        ),
        (
            "--at 2001-01-01 users".to_owned(),
            2,
            vec!["--at", "before the first event", "from"],
        ),
        (
            format!("--at {}", end + 1),
            2,
            vec!["--at", "ends before", &*format!("up to {end}")],
        ),
        ("--at 7:1".to_owned(), 1, vec!["--at", "no epoch 7"]),
        ("--at yesterday".to_owned(), 2, vec!["--at", "not a moment"]),
        (
            format!("--diff {end} 0"),
            2,
            vec!["--diff", "before the first", "earlier moment first"],
        ),
        (format!("--diff 0 {end} users"), 2, vec!["--diff", "no question"]),
        ("users".to_owned(), 2, vec!["--at"]),
        (
            "--at 0 sign-in bob@example.org".to_owned(),
            1,
            vec!["user", "no such user"],
        ),
        (
            "--at 0 sessions ann@example.org".to_owned(),
            1,
            vec!["user", "did not exist yet"],
        ),
    ] {
        let ran = run(&data, &format!("replay {words}"));
        assert_eq!(ran.code, code, "{words}: {}{}", ran.out, ran.err);
        for part in said {
            assert!(ran.err.contains(part), "{words}: {part}: {}", ran.err);
        }
    }
}
