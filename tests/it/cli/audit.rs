//! Evidence at the command line: with a data directory to make it, without one to check it.

use std::path::Path;

use super::{founded, run};

#[test]
fn l_03_an_export_is_made_here_and_checked_elsewhere() {
    let (folder, data, _) = founded();
    run(&data, "user create ann@example.org --name Ann");
    let first = run(&data, "audit checkpoint --json").json();
    let vkey = first["key"].as_str().unwrap().to_owned();
    let old = folder.path().join("old.checkpoint");
    std::fs::write(&old, first["checkpoint"].as_str().unwrap()).unwrap();
    run(&data, "user ban ann@example.org");

    let made = run(&data, "audit export log.tar --json");
    assert_eq!(made.code, 0, "{}{}", made.out, made.err);
    assert_eq!(made.json()["key"], *vkey);
    let again = run(&data, "audit export log.tar");
    assert_eq!(again.code, 2, "{}", again.err);
    assert!(again.err.contains("not replaced"), "{}", again.err);
    let bytes = std::fs::read(folder.path().join("log.tar")).unwrap();
    for canary in ["ann@example.org", "Ann"] {
        let found = bytes
            .windows(canary.len())
            .any(|window| window == canary.as_bytes());
        assert!(!found, "{canary} is in the export");
    }

    // On another machine, with nothing but the file, the key and the checkpoint.
    let elsewhere = tempfile::tempdir().unwrap();
    let none = elsewhere.path().join("none");
    let copy = |name: &str, bytes: &[u8]| std::fs::write(elsewhere.path().join(name), bytes).unwrap();
    copy("log.tar", &bytes);
    copy("old", &std::fs::read(&old).unwrap());
    let proven = run(
        &none,
        &format!("audit verify log.tar --key {vkey} --since old --json"),
    );
    assert_eq!(proven.code, 0, "{}{}", proven.out, proven.err);
    let body = proven.json();
    assert_eq!(
        (&body["verdict"], &body["lawfulTo"]),
        (&"proven".into(), &body["size"])
    );
    assert!(run(&none, "audit verify log.tar").out.contains("Proven"));
    assert!(!none.exists(), "checking makes nothing");

    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    copy("damaged.tar", &damaged);
    let found = run(&none, "audit verify damaged.tar");
    assert_eq!(found.code, 1, "{}", found.out);
    assert!(found.out.starts_with("Disproven"), "{}", found.out);
    copy("foreign.tar", b"not an export");
    assert_eq!(run(&none, "audit verify foreign.tar").code, 2);
    assert_eq!(run(&none, "audit verify missing.tar").code, 2);
    let wrong_key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    assert_eq!(
        run(&none, &format!("audit verify log.tar --key {wrong_key}")).code,
        1
    );
    assert_eq!(run(&none, "audit verify log.tar --key nonsense").code, 2);
}

#[test]
fn l_03_the_key_of_checkpoints_is_rotated_and_the_first_one_still_leads_to_it() {
    let (_folder, data, _) = founded();
    let first = run(&data, "audit checkpoint --json").json()["key"].clone();
    for _ in 0..2 {
        let rotated = run(&data, "keys rotate signing");
        assert_eq!(rotated.code, 0, "{}{}", rotated.out, rotated.err);
    }
    let last = run(&data, "audit checkpoint --json").json()["key"].clone();
    assert_ne!(first, last);
    run(&data, "audit export log.tar");
    let checked = run(
        &data,
        &format!("audit verify log.tar --key {}", first.as_str().unwrap()),
    );
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
    assert!(checked.out.contains(last.as_str().unwrap()), "{}", checked.out);
}

#[test]
fn one_record_is_shown_and_proven() {
    let (folder, data, _) = founded();
    let vkey = run(&data, "audit checkpoint --json").json()["key"]
        .as_str()
        .unwrap()
        .to_owned();
    let shown = run(&data, "audit show 0 --json").json();
    assert_eq!(shown["event"]["type"], "EpochStarted");
    assert_eq!(shown["leaf"].as_str().unwrap().len(), 64);
    let proof = run(&data, "audit proof 3");
    assert!(proof.out.starts_with("c2sp.org/tlog-proof@v1\n"), "{}", proof.out);
    let file: &Path = &folder.path().join("three.tlog-proof");
    std::fs::write(file, &proof.out).unwrap();
    let checked = run(&data, &format!("audit verify three.tlog-proof --key {vkey}"));
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
    std::fs::write(file, proof.out.replace("index 3", "index 2")).unwrap();
    assert_eq!(
        run(&data, &format!("audit verify three.tlog-proof --key {vkey}")).code,
        1
    );
    let beyond = run(&data, "audit show 99");
    assert_eq!(beyond.code, 1);
    assert!(beyond.err.contains("ends before"), "{}", beyond.err);
    assert_eq!(run(&data, "audit export x.tar --from 99").code, 2);
}
