//! From a ledger to its backup and back.

use std::os::unix::fs::PermissionsExt as _;

use super::{chain_at, copied_keys, done, parts, run, state_before};
use crate::cli::founded;

#[test]
fn a_ledger_comes_back_from_its_parts_with_the_same_state_and_chain() {
    let (folder, data, _) = founded();
    let (to, keys) = (folder.path().join("backups/"), folder.path().join("keys.sealed"));
    done(&data, "user create ann@example.org --username ann.b");
    let words = format!(
        "backup {} --since auto --with-keys {}",
        to.display(),
        keys.display()
    );
    let first = done(&data, &words);
    assert_eq!(first["keyFile"], keys.display().to_string());
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&keys), mode(&parts(&to)[0]), mode(&to)),
        (0o600, 0o600, 0o700)
    );
    done(&data, "user create bob@example.org");
    let second = done(&data, &format!("backup {} --since auto", to.display()));
    assert_eq!(second["from"], first["next"]);
    done(&data, "user create cyd@example.org");
    let third = done(&data, &format!("backup {} --since auto", to.display()));
    assert_eq!(parts(&to).len(), 3);
    let next = third["next"].as_u64().unwrap();

    let new = folder.path().join("new");
    let restored = done(
        &new,
        &format!("restore {} --keys {}", to.display(), keys.display()),
    );
    assert_eq!(
        (restored["parts"].as_u64(), restored["epoch"].as_u64()),
        (Some(3), Some(2))
    );
    assert_eq!(state_before(&new, next), state_before(&data, next));
    assert_eq!(chain_at(&new, next), chain_at(&data, next));
    assert_eq!(done(&new, "verify")["verdict"], "good");
    assert_eq!(done(&new, "user show ann.b")["email"], "ann@example.org");
    assert_eq!(done(&new, "user list")["total"], 3);
    let told = run(&new, "events --type EpochStarted").out;
    assert!(told.contains("a backup was put back"), "{told}");
    // The restored ledger is a history of its own: its backups do not go on where the old ones ended.
    let fresh = done(&new, &format!("backup {} --since auto", to.display()));
    assert_eq!(fresh["from"], next, "the epoch's events follow the old ones");

    // Named one by one and in any order, without the keys, which lie where the settings say.
    let mut names: Vec<String> = parts(&to)[..3]
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    names.reverse();
    let other = folder.path().join("other");
    let words = format!(
        "restore {} --keys-dir {}",
        names.join(" "),
        copied_keys(&new).display()
    );
    assert_eq!(done(&other, &words)["chain"], third["chain"]);
}

#[test]
fn a_restore_that_cannot_be_whole_says_what_is_missing_and_leaves_nothing() {
    let (folder, data, _) = founded();
    let to = folder.path().join("backups/");
    for n in 0..3 {
        done(&data, &format!("user create u{n}@example.org"));
        done(&data, &format!("backup {} --since auto", to.display()));
    }
    let new = folder.path().join("new");
    let all = format!("restore {}", to.display());
    let keyless = run(&new, &format!("{all} --json"));
    assert_eq!(
        (keyless.code, keyless.json()["error"]["field"].as_str()),
        (2, Some("--keys"))
    );
    assert!(
        keyless.out.contains("a backup does not hold the keys"),
        "{}",
        keyless.out
    );

    let shared = run(&new, &format!("{all} --keys-dir {}", data.join("keys").display()));
    assert_eq!(shared.code, 2);
    assert!(shared.err.contains("belongs to the ledger in"), "{}", shared.err);
    let (_elsewhere, foreign, _) = founded();
    let wrong = run(
        &new,
        &format!("{all} --keys-dir {}", copied_keys(&foreign).display()),
    );
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("do not open with these keys"), "{}", wrong.err);

    let keyed = format!("--keys-dir {}", copied_keys(&data).display());
    let named = |which: &[usize]| {
        let names = which.iter().map(|n| parts(&to)[*n].display().to_string());
        format!("restore {} {keyed}", names.collect::<Vec<_>>().join(" "))
    };
    let gap = run(&new, &named(&[0, 2]));
    assert_eq!(gap.code, 1);
    assert!(gap.err.contains("a part is missing between them"), "{}", gap.err);
    let headless = run(&new, &named(&[1, 2]));
    assert_eq!(headless.code, 1);
    assert!(headless.err.contains("end at 0"), "{}", headless.err);
    let stray = folder.path().join("stray.klbackup");
    done(&foreign, &format!("backup {}", stray.display()));
    let mixed = run(&new, &format!("{} {}", named(&[0, 1, 2]), stray.display()));
    assert_eq!(mixed.code, 1);
    assert!(mixed.err.contains("of another ledger"), "{}", mixed.err);
    assert!(!new.exists(), "all of that was seen before anything was written");

    let occupied = run(&data, &all);
    assert_eq!(occupied.code, 2);
    assert!(occupied.err.contains("is not empty"), "{}", occupied.err);
}

#[test]
fn a_killed_restore_says_so_and_is_done_again() {
    let (folder, data, _) = founded();
    let (file, keys) = (
        folder.path().join("whole.klbackup"),
        folder.path().join("keys.sealed"),
    );
    done(&data, "user create ann@example.org");
    done(
        &data,
        &format!("backup {} --with-keys {}", file.display(), keys.display()),
    );
    let new = folder.path().join("new");
    let words = format!("restore {} --keys {}", file.display(), keys.display());
    done(&new, &words);
    // As a kill just before the end leaves it.
    std::fs::write(new.join("restore.incomplete"), b"").unwrap();
    for words in ["user list", "init", "verify"] {
        let refused = run(&new, words);
        assert_ne!(refused.code, 0, "{words}");
        let said = format!("{}{}", refused.out, refused.err);
        assert!(said.contains("has not ended"), "{said}");
    }
    assert_eq!(done(&new, &words)["epoch"], 2);
    assert_eq!(done(&new, "user list")["total"], 1);
}

#[test]
fn l_11_a_backup_from_before_an_erasure_brings_nobody_back() {
    let (folder, data, _) = founded();
    let (before, after) = (
        folder.path().join("before.klbackup"),
        folder.path().join("after.klbackup"),
    );
    let keys = folder.path().join("keys.sealed");
    done(&data, "user create ann@example.org --username ann.b");
    done(&data, "user create bob@example.org");
    done(
        &data,
        &format!("backup {} --with-keys {}", before.display(), keys.display()),
    );
    done(&data, "user erase ann.b --yes");
    let later = done(&data, &format!("backup {}", after.display()));
    assert_eq!(
        later["keys"], 1,
        "the key of the erased user is not in a later backup"
    );

    let known = folder.path().join("known");
    let words = format!("restore {} --keys {}", before.display(), keys.display());
    let list = data.join("keys/erasures");
    let restored = done(&known, &format!("{words} --erasures {}", list.display()));
    assert_eq!(
        (restored["erasedAgain"].as_u64(), restored["keys"].as_u64()),
        (Some(1), Some(1))
    );
    assert_eq!(run(&known, "user show ann.b").code, 1);
    assert_eq!(done(&known, "user list")["total"], 1);
    assert_eq!(done(&known, "verify")["verdict"], "good");

    // The list of the keys' folder counts without being named.
    let beside = folder.path().join("beside");
    let words = format!(
        "restore {} --keys-dir {}",
        before.display(),
        copied_keys(&data).display()
    );
    assert_eq!(done(&beside, &words)["erasedAgain"], 1);
}

#[test]
fn a_backup_holds_no_key_and_a_key_backup_needs_its_passphrase() {
    let (folder, data, _) = founded();
    let (file, keys) = (
        folder.path().join("whole.klbackup"),
        folder.path().join("keys.sealed"),
    );
    done(&data, "user create canary.quokka@example.org --name Quetzalcoatl");
    let backup = format!("backup {} --with-keys {}", file.display(), keys.display());
    let silent = crate::cli::run(&data, &backup);
    assert_eq!(silent.code, 2);
    assert!(
        silent.err.contains("KEYLEDGER_BACKUP__PASSPHRASE"),
        "{}",
        silent.err
    );
    done(&data, &backup);
    let bytes = [std::fs::read(&file).unwrap(), std::fs::read(&keys).unwrap()].concat();
    let master = std::fs::read_to_string(data.join("keys/master.key")).unwrap();
    let raw: Vec<u8> = (0..32)
        .map(|n| u8::from_str_radix(&master[2 * n..2 * n + 2], 16).unwrap())
        .collect();
    let ring = std::fs::read(data.join("keys/keyring")).unwrap();
    for secret in [
        master.trim().as_bytes(),
        &raw,
        &ring[..64],
        b"canary.quokka",
        b"Quetzalcoatl",
    ] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }
    let wrong = crate::cli::run_with(
        &folder.path().join("new"),
        &format!("restore {} --keys {}", file.display(), keys.display()),
        &[("KEYLEDGER_BACKUP__PASSPHRASE", "another passphrase")],
    );
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.err.contains("the passphrase is another one"),
        "{}",
        wrong.err
    );
}
