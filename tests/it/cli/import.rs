//! Users of another program, on the command line.

use std::path::Path;

use serde_json::{Value, json};

use super::{Ran, founded, run};

/// MD5 of `abc`.
const WEAK: &str = "900150983cd24fb0d6963f7d28e17f72";
/// bcrypt of `abc` (jBCrypt's tests).
const STRONG: &str = "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i";

fn import(data: &Path, lines: &[Value], flags: &str) -> Ran {
    let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
    std::fs::write(data.parent().unwrap().join("users.ndjson"), text.join("\n")).unwrap();
    run(data, &format!("user import users.ndjson --json {flags}"))
}

fn counts(ran: &Ran) -> [u64; 3] {
    let json = ran.json();
    ["imported", "skipped", "refused"].map(|name| json[name].as_u64().unwrap())
}

#[test]
fn p_12_users_come_along_and_the_same_file_can_be_run_again() {
    let (_folder, data, _) = founded();
    let lines = [
        json!({ "email": "ann@example.org", "email_verified": true, "username": "ann", "name": "Ann", "role": "admin",
            "created_at": "2019-03-09T16:04:12Z", "password_hash": STRONG }),
        json!({ "email": "ben@example.org", "password_hash": WEAK }),
        json!({ "email": "cy@example.org", "locale": "ko" }),
        json!({ "email": "BEN@example.org" }),
    ];
    let foreseen = import(&data, &lines, "--dry-run");
    assert_eq!(foreseen.code, 0, "{}{}", foreseen.out, foreseen.err);
    assert_eq!(counts(&foreseen), [3, 1, 0]);
    assert_eq!(foreseen.json()["skippedLines"], json!([4]));
    assert_eq!(
        run(&data, "user list --json").json()["total"],
        0,
        "nothing was done"
    );

    let done = import(&data, &lines, "");
    assert_eq!((done.code, counts(&done)), (0, [3, 1, 0]), "{}", done.out);
    let ann = run(&data, "user show ann --json").json();
    assert_eq!(ann["created"], "2019-03-09T16:04:12.000Z");
    assert_eq!(
        (&ann["role"], &ann["hasPassword"]),
        (&json!("admin"), &json!(true))
    );
    assert!(ann["emailVerified"].is_string());
    let cy = run(&data, "user show cy@example.org --json").json();
    assert_eq!((&cy["locale"], &cy["hasPassword"]), (&json!("ko"), &json!(false)));
    assert!(cy["emailVerified"].is_null());

    let again = import(&data, &lines, "");
    assert_eq!((again.code, counts(&again)), (0, [0, 4, 0]), "{}", again.out);
    assert_eq!(run(&data, "user list --json").json()["total"], 3);
    assert_eq!(run(&data, "verify --json").json()["verdict"], "good");
    let told = run(&data, "events").out;
    assert!(told.contains("known elsewhere since 2019-03-09"), "{told}");
}

#[test]
fn p_12_lines_that_cannot_be_taken_are_told_by_line_and_field_and_the_others_go_on() {
    let (_folder, data, _) = founded();
    let hash = |hash: &str| json!({ "email": "x@example.org", "password_hash": hash });
    let lines = [
        json!({ "email": "ann@example.org", "username": "ann" }),
        json!({ "email": "ben@example.org", "username": "ANN" }),
        hash(&STRONG.replace("$06$", "$31$")),
        hash("$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"),
        hash("$scrypt$ln=30,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI"),
        hash("pbkdf2_sha256$1000000000$salt$r1uLUxoxpP2Ued/qxvmje7UH9PUJBkRrvf9gGPL7Cps="),
        json!({ "email": "dee@example.org", "admin": true }),
        json!({ "email": "eve@example.org" }),
    ];
    for flags in ["--dry-run", ""] {
        let ran = import(&data, &lines, flags);
        assert_eq!((ran.code, counts(&ran)), (1, [2, 0, 6]), "{}{}", ran.out, ran.err);
        let mut told: Vec<(u64, String)> = ran.json()["refusals"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                (
                    one["line"].as_u64().unwrap(),
                    one["field"].as_str().unwrap().to_owned(),
                )
            })
            .collect();
        told.sort();
        let expected = [
            (2, "username"),
            (3, "password_hash"),
            (4, "password_hash"),
            (5, "password_hash"),
            (6, "password_hash"),
            (7, "admin"),
        ];
        assert_eq!(told, expected.map(|(line, field)| (line, field.to_owned())));
        assert!(
            !ran.out.contains("c29tZXNhbHQ"),
            "a hash is not told: {}",
            ran.out
        );
    }
    let words = run(&data, "user import users.ndjson");
    assert_eq!(words.code, 1);
    assert!(
        words.out.contains("cost from 4 to 13") && words.out.contains("Skipped lines: 1, 8"),
        "{}",
        words.out
    );
    let none = run(&data, "user import nowhere.ndjson --json");
    assert_eq!((none.code, &none.json()["error"]["field"]), (2, &json!("FILE")));
}

#[test]
fn p_12_a_weak_hash_is_nowhere_in_the_data_directory() {
    let (_folder, data, _) = founded();
    let done = import(
        &data,
        &[json!({ "email": "ben@example.org", "password_hash": WEAK })],
        "",
    );
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let bytes: Vec<u8> = (0..WEAK.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&WEAK[at..at + 2], 16).unwrap())
        .collect();
    let mut folders = vec![data];
    let mut looked = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(held) = std::fs::read(&path) else { continue };
            looked += 1;
            for secret in [WEAK.as_bytes(), &bytes, b"layered", b"ben@example"] {
                let found = held.windows(secret.len()).any(|window| window == secret);
                assert!(!found, "{} holds {secret:?}", path.display());
            }
        }
    }
    assert!(looked > 3);
}

#[test]
fn r_47_somebody_is_invited_once_more_and_not_at_all_on_the_command_line() {
    let (_folder, data, _) = founded();
    let made = run(
        &data,
        "user invite ann@example.org --role guest --expires-in-days 3 --json",
    );
    assert_eq!(made.code, 0, "{}{}", made.out, made.err);
    assert_eq!(
        (&made.json()["role"], &made.json()["open"]),
        (&json!("guest"), &json!(true))
    );
    let listed = run(&data, "user invitations --json").json();
    assert_eq!(
        (&listed["total"], &listed["items"][0]["email"]),
        (&json!(1), &json!("ann@example.org"))
    );
    assert_eq!(
        run(&data, "user invite ann@example.org").code,
        1,
        "the address has an account"
    );
    let again = run(&data, "user invite-again ann@example.org --json");
    assert_eq!(again.code, 0, "{}", again.out);
    let words = run(&data, "user invitations").out;
    assert!(
        words.contains("ann@example.org") && words.contains("guest"),
        "{words}"
    );
    assert_eq!(run(&data, "user uninvite ann@example.org").code, 0);
    assert_eq!(run(&data, "user invitations --json").json()["total"], 0);
    assert_eq!(
        run(&data, "user show ann@example.org").code,
        1,
        "the account is erased"
    );
    assert_eq!(
        run(&data, "user invite ann@example.org --expires-in-days 31").code,
        2
    );
}
