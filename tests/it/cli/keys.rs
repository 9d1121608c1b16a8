//! `keys …` and `epoch …`: keys are shown by name, rotated and replaced, and nothing that is alive ends.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use keyledger::crypto::{KeyFault, KeyFiles, MasterSource, SharedKeyring, Vault, WrappedKey};
use keyledger::ledger::{SledOptions, SledStore, Store as _};
use keyledger::system::SeededEntropy;
use keyledger::types::{DataKeyId, Span, Timestamp, UserId};
use serde_json::Value;

use super::{founded, run, run_with};

const ANN: &str = "ann@example.org";
const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

fn ok(data: &Path, words: &str) -> Value {
    let ran = run(data, &format!("{words} --json"));
    assert_eq!(ran.code, 0, "{words}: {}{}", ran.out, ran.err);
    ran.json()
}

fn keys_of(data: &Path, purpose: &str) -> Vec<(u64, bool)> {
    let listed = ok(data, "keys list");
    let items = listed["items"].as_array().unwrap().iter();
    items
        .filter(|key| key["purpose"] == purpose)
        .map(|key| (key["id"].as_u64().unwrap(), key["retired"].is_null()))
        .collect()
}

fn open_keys(data: &Path) -> Result<SharedKeyring, KeyFault> {
    let (ring, files) = KeyFiles::open(&data.join("keys"), MasterSource::File, Span::days(14))?;
    Ok(SharedKeyring::kept(ring, files))
}

fn store(data: &Path) -> SledStore {
    SledStore::open(SledOptions::new(data, "a test", NOW, [9; 16])).unwrap()
}

/// Writes a file that nobody else can read.
fn private(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

/// A ledger with Ann, and the name of her key.
fn with_ann() -> (tempfile::TempDir, std::path::PathBuf, DataKeyId) {
    let (folder, data, _) = founded();
    let made = ok(&data, &format!("user create {ANN} --username ann.b"));
    let id: UserId = made["id"].as_str().unwrap().parse().unwrap();
    (folder, data, DataKeyId::User(id))
}

#[test]
fn l_10_a_rotated_key_makes_way_and_what_it_made_is_still_read() {
    let (_folder, data, _) = with_ann();
    for purpose in [
        "jwt",
        "pepper",
        "api-key",
        "look-up",
        "user-wrap",
        "config-secret",
    ] {
        let before = keys_of(&data, purpose);
        let rotated = ok(&data, &format!("keys rotate {purpose}"));
        assert_eq!(rotated["old"], before[0].0, "{purpose}");
        assert_eq!(ok(&data, &format!("user show {ANN}"))["username"], "ann.b");
        let kept = !["look-up", "user-wrap"].contains(&purpose);
        let after = keys_of(&data, purpose);
        assert_eq!(after.len(), 1 + usize::from(kept), "{purpose}: {after:?}");
        assert_eq!(after.last(), Some(&(rotated["new"].as_u64().unwrap(), true)));
    }
    let copies = std::fs::read_dir(data.join("keys/backups")).unwrap().count();
    assert!(copies <= 2, "{copies}");
    let told = run(&data, "events --type KeyRotated").out;
    assert!(
        told.contains("the pepper key") && told.contains("the operator"),
        "{told}"
    );
    assert_eq!(run(&data, "verify").code, 0);
}

#[test]
fn a_purpose_that_is_none_is_refused_with_words() {
    let (_folder, data, _) = founded();
    let unknown = run(&data, "keys rotate jwtt");
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("jwt"), "{}", unknown.err);
}

#[test]
fn l_10_a_new_master_key_leaves_nothing_that_the_old_one_opens() {
    let (folder, data, ann) = with_ann();
    let old = store(&data).reader().data_key(ann).unwrap().unwrap();
    let old = WrappedKey::from_bytes(&old).unwrap();
    ok(&data, "keys rotate pepper");
    let stolen = folder.path().join("stolen");
    std::fs::create_dir(&stolen).unwrap();
    for name in ["keyring", "master.key"] {
        std::fs::copy(data.join("keys").join(name), stolen.join(name)).unwrap();
    }

    let replaced = ok(&data, "keys rotate-master-key");
    assert_eq!(replaced["rewrapped"], 1);
    assert_eq!(ok(&data, &format!("user show {ANN}"))["email"], ANN);
    let master = |dir: &Path| std::fs::read(dir.join("master.key")).unwrap();
    assert_ne!(master(&data.join("keys")), master(&stolen));
    assert!(!data.join("keys/master.key.next").exists());
    let copies = std::fs::read_dir(data.join("keys/backups")).unwrap().count();
    assert_eq!(copies, 0, "no copy of the old keyring is left");

    let vault = Vault::new(open_keys(&data).unwrap());
    assert!(
        vault.open_wrapped(ann, &old).is_none(),
        "what sled may keep opens nothing"
    );
    let thief = Vault::new({
        let (ring, files) = KeyFiles::open(&stolen, MasterSource::File, Span::days(1)).unwrap();
        SharedKeyring::kept(ring, files)
    });
    let now = store(&data).reader().data_key(ann).unwrap().unwrap();
    let now = WrappedKey::from_bytes(&now).unwrap();
    assert!(thief.open_wrapped(ann, &old).is_some(), "the copy was good once");
    assert!(
        thief.open_wrapped(ann, &now).is_none(),
        "and is no more for what is stored now"
    );
    std::fs::copy(data.join("keys/keyring"), stolen.join("keyring")).unwrap();
    let opened = KeyFiles::open(&stolen, MasterSource::File, Span::days(1));
    assert!(matches!(opened, Err(KeyFault::WrongMaster)));
}

#[test]
fn l_10_a_replacement_that_was_killed_at_any_point_goes_on_at_the_next_start() {
    let entropy = SeededEntropy::new(5);
    // Drawn and not in force; in force and nothing wrapped anew; some wrapped anew; all but the last file renamed.
    for point in 0..4 {
        let (_folder, data, ann) = with_ann();
        ok(&data, "user create bob@example.org");
        let before = std::fs::read(data.join("keys/master.key")).unwrap();
        if point == 0 {
            private(&data.join("keys/master.key.next"), &before);
        } else {
            let keyring = open_keys(&data).unwrap();
            keyring.replace_master(NOW, &entropy).unwrap();
            let mut store = store(&data);
            let vault = Vault::new(keyring.clone());
            let mut names = vec![];
            store
                .reader()
                .data_keys(&mut |id, bytes| names.push((id, WrappedKey::from_bytes(bytes).unwrap())))
                .unwrap();
            assert_eq!(names.len(), 2);
            let take = [0, 0, 1, 2][point];
            for (id, wrapped) in names.into_iter().take(take) {
                let anew = vault.rewrap(id, wrapped, &entropy).unwrap();
                store.put_keys(&[(id, anew.as_bytes().to_vec())]).unwrap();
            }
            if point == 3 {
                let next = std::fs::read(data.join("keys/master.key.next")).unwrap();
                keyring.finish_rewrapping(&entropy).unwrap();
                private(&data.join("keys/master.key.next"), &next);
                private(&data.join("keys/master.key"), &before);
            }
        }
        for name in [ANN, "bob@example.org"] {
            assert_eq!(
                ok(&data, &format!("user show {name}"))["email"],
                name,
                "point {point}"
            );
        }
        let after = std::fs::read(data.join("keys/master.key")).unwrap();
        assert_eq!(after != before, point > 0, "point {point}");
        assert_eq!(keys_of(&data, "user-wrap").len(), 1);
        assert!(point == 0 || !data.join("keys/master.key.next").exists());
        let wrapped = store(&data).reader().data_key(ann).unwrap().unwrap();
        let vault = Vault::new(open_keys(&data).unwrap());
        let wrapped = WrappedKey::from_bytes(&wrapped).unwrap();
        assert!(vault.open_wrapped(ann, &wrapped).is_some(), "point {point}");
        ok(&data, "keys rotate-master-key");
    }
}

#[test]
fn a_master_key_of_the_environment_is_replaced_by_a_second_variable() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (old, new) = ("ab".repeat(32), "cd".repeat(32));
    let with = |words: &str, variables: &[(&str, &str)]| run_with(&data, words, variables);
    let only_old = [("KEYLEDGER_MASTER_KEY", old.as_str())];
    assert_eq!(with("init", &only_old).code, 0);
    assert_eq!(with(&format!("user create {ANN}"), &only_old).code, 0);
    let refused = with("keys rotate-master-key", &only_old);
    assert_eq!(refused.code, 69);
    assert!(refused.err.contains("master_key_next"), "{}", refused.err);

    let both = [
        ("KEYLEDGER_MASTER_KEY", old.as_str()),
        ("KEYLEDGER_MASTER_KEY_NEXT", new.as_str()),
    ];
    let replaced = with("keys rotate-master-key", &both);
    assert_eq!(replaced.code, 0, "{}", replaced.err);
    assert!(replaced.out.contains("master_key_next"), "{}", replaced.out);
    assert!(!replaced.out.contains(&new), "no key is ever shown");
    let show = format!("user show {ANN}");
    assert_eq!(with(&show, &both).code, 0, "both are accepted");
    assert_eq!(with(&show, &only_old).code, 69);
    assert_eq!(with(&show, &[("KEYLEDGER_MASTER_KEY", new.as_str())]).code, 0);
}

#[test]
fn law_15_a_theft_of_keys_ends_what_was_issued_and_secret_api_keys_wait() {
    let (_folder, data, _) = with_ann();
    let before = ok(&data, "epoch show");
    assert_eq!(
        (before["number"].as_u64(), before["reason"].as_str()),
        (Some(1), Some("founded"))
    );
    let unsure = run(&data, "epoch start --reason key-theft");
    assert_eq!(unsure.code, 2);
    assert!(unsure.err.contains("--yes"), "{}", unsure.err);
    assert_eq!(run(&data, "epoch start --reason restored --yes").code, 2);
    let jwt = keys_of(&data, "jwt");
    let told = run(&data, "epoch start --reason key-theft --yes");
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(told.out.contains("rotate-master-key"), "{}", told.out);
    for purpose in ["jwt", "refresh", "mail-token", "code", "look-up"] {
        assert_eq!(keys_of(&data, purpose).len(), 1, "{purpose}: the old one is gone");
    }
    assert!(keys_of(&data, "jwt")[0].0 > jwt[0].0);
    let copies = std::fs::read_dir(data.join("keys/backups")).unwrap().count();
    assert_eq!(copies, 0, "nor is there a copy of the old keyring");
    let after = ok(&data, "epoch show");
    assert_eq!(after["reason"], "key-theft");
    assert_eq!(
        (after["keysWaiting"].as_u64(), after["usersWaiting"].as_u64()),
        (Some(1), Some(1))
    );
    let listed = ok(&data, "key list");
    let waiting = listed["items"].as_array().unwrap().iter();
    let waiting: Vec<_> = waiting.filter(|key| key["waiting"] == true).collect();
    assert_eq!(waiting.len(), 1);
    let id = waiting[0]["id"].as_str().unwrap();
    assert_eq!(run(&data, &format!("key confirm {id}")).code, 0);
    assert_eq!(ok(&data, "epoch show")["keysWaiting"], 0);
    assert_eq!(ok(&data, &format!("user show {ANN}"))["email"], ANN);
    assert_eq!(run(&data, "verify").code, 0);
}
