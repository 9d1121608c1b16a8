//! What happened, as the command line tells it.

use super::{founded, run, run_with};

#[test]
fn l_01_events_are_told_in_the_language_of_the_machine_or_in_the_one_that_is_asked_for() {
    let (_folder, data, _) = founded();
    run(&data, "user create ann@example.org");
    run(&data, "user ban ann@example.org");
    let banned = |words: &str, variables: &[(&str, &str)]| {
        let told = run_with(
            &data,
            &format!("events --type UserBanned --json {words}"),
            variables,
        );
        told.json()["items"][0]["text"].as_str().unwrap().to_owned()
    };
    let english = banned("", &[]);
    assert!(english.contains("banned by the operator"), "{english}");
    let korean = banned("", &[("LANG", "ko_KR.UTF-8")]);
    assert!(korean.contains("차단되었습니다 (운영자)"), "{korean}");
    assert_eq!(
        banned("", &[("LANG", "ko_KR.UTF-8"), ("LC_ALL", "C.UTF-8")]),
        english
    );
    assert_eq!(banned("--language ko", &[("LANG", "C")]), korean);
    assert_eq!(banned("--language en", &[("LANG", "ko")]), english);
    let wrong = run(&data, "events --language fr");
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.err.contains("--language") && wrong.err.contains("en and ko"),
        "{}",
        wrong.err
    );
}

#[test]
fn where_there_is_nothing_to_tell_that_is_said_in_the_same_language() {
    let (_folder, data, _) = founded();
    for (words, said) in [
        ("events --explain --language ko", "해당하는 복구 기록이 없습니다."),
        ("events --explain --language en", "There are no such recoveries."),
        (
            "events --type UserBanned --language ko",
            "해당하는 이벤트가 없습니다.",
        ),
    ] {
        assert_eq!(run(&data, words).out.trim(), said, "{words}");
    }
}

#[test]
fn l_01_a_reader_goes_on_behind_a_cursor_and_is_told_when_what_it_had_read_was_taken_away() {
    let (folder, data, _) = founded();
    run(&data, "user create ann@example.org");
    let all = run(&data, "events --json").json();
    let count = all["items"].as_array().unwrap().len();
    let mut after = "0".to_owned();
    let mut read = 1;
    while read < count {
        let page = run(&data, &format!("events --limit 2 --after {after} --json")).json();
        let items = page["items"].as_array().unwrap();
        assert_eq!(items[0]["position"], read, "{page}");
        read += items.len();
        page["next"].as_str().unwrap().clone_into(&mut after);
        assert_eq!(after, items.last().unwrap()["cursor"].as_str().unwrap());
        assert!(after.starts_with("1:"), "{after}");
    }
    assert_eq!(after, all["next"].as_str().unwrap());
    let none = run(&data, &format!("events --after {after} --json")).json();
    assert_eq!(
        (none["total"].as_u64(), none["next"].as_str()),
        (Some(0), Some(after.as_str()))
    );

    let (backup, keys) = (folder.path().join("backup"), folder.path().join("keys.sealed"));
    let passphrase = [("KEYLEDGER_BACKUP__PASSPHRASE", "six random words in a row")];
    let words = format!("backup {} --with-keys {}", backup.display(), keys.display());
    assert_eq!(run_with(&data, &words, &passphrase).code, 0);
    run(&data, "user create bob@example.org");
    let lost = run(&data, "events --json").json()["next"]
        .as_str()
        .unwrap()
        .to_owned();

    // The ledger is put back as it was before Bob came: what was read of him is not part of it any more.
    let new = folder.path().join("new");
    let words = format!("restore {} --keys {}", backup.display(), keys.display());
    assert_eq!(run_with(&new, &words, &passphrase).code, 0);
    let refused = run(&new, &format!("events --after {lost}"));
    assert_eq!(refused.code, 1, "{}{}", refused.out, refused.err);
    for part in [
        lost.as_str(),
        "epoch 2 began",
        "a backup was put back",
        after.as_str(),
        "--after",
    ] {
        assert!(refused.err.contains(part), "{part}: {}", refused.err);
    }
    let on = run(&new, &format!("events --after {after} --json")).json();
    assert_eq!(on["items"][0]["type"], "EpochStarted", "{on}");
    assert!(on["next"].as_str().unwrap().starts_with("2:"), "{on}");
    let plain = lost.split_once(':').unwrap().1;
    let plain = run(&new, &format!("events --after {plain} --limit 1"));
    assert_eq!(
        plain.code, 0,
        "a bare position is taken at its word: {}",
        plain.err
    );
    for (cursor, said) in [
        ("3:1", "had no epoch 3"),
        ("1:999999", "epoch 2 began"),
        ("2:999999", "ends before"),
    ] {
        let refused = run(&new, &format!("events --after {cursor}"));
        assert_eq!(refused.code, 1, "{cursor}");
        assert!(refused.err.contains(said), "{cursor}: {}", refused.err);
    }
    assert_eq!(run(&new, "events --after 1:x").code, 2);
}
