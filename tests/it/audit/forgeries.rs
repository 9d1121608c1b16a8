//! Files that are not what they claim to be.

use keyledger::audit::{Expected, Outcome, Range, Signed};
use keyledger::crypto::{Keyring, Purpose, Signer, VerifierKey};
use keyledger::domain::{Event, Recorded};
use keyledger::engine::Lane;
use keyledger::ledger::codec;
use keyledger::ledger::{Batch, CommandPart, MemoryStore, Store};
use keyledger::system::SeededEntropy;
use keyledger::types::{CommandId, Position, Span};

use super::scene::{Scene, check, disproven, key, proven, since, small};
use crate::people::{ADA, HOME, NOON};
use crate::rig::{Rig, run};

const NOBODY: Expected = Expected {
    key: None,
    since: None,
};

/// The files of an export: where each begins, and its name.
fn files(export: &[u8]) -> Vec<(usize, usize, String)> {
    let mut found = vec![];
    for entry in tar::Archive::new(export).entries().unwrap() {
        let entry = entry.unwrap();
        let begin = usize::try_from(entry.raw_header_position()).unwrap();
        let length = usize::try_from(entry.size()).unwrap().next_multiple_of(512);
        let name = entry.path().unwrap().display().to_string();
        found.push((begin, begin + 512 + length, name));
    }
    found
}

fn file<'a>(export: &'a [u8], name: &str) -> &'a [u8] {
    let (begin, end, _) = files(export)
        .into_iter()
        .find(|(.., found)| found == name)
        .unwrap();
    &export[begin..end]
}

/// The export with one file taken from elsewhere.
fn with(export: &[u8], name: &str, other: &[u8]) -> Vec<u8> {
    let (begin, end, _) = files(export)
        .into_iter()
        .find(|(.., found)| found == name)
        .unwrap();
    [&export[..begin], other, &export[end..]].concat()
}

#[test]
fn l_03_an_export_is_proven_with_nothing_but_the_file() {
    let scene = Scene::busy(1);
    let signed = scene.sign();
    let size = signed.checkpoint.size;
    let export = scene.export_of(&signed, Range::whole(size));
    let found = proven(&export, &key(&signed.key));
    assert!(size > 2 * 256, "some bundles: {size}");
    assert_eq!((found.checkpoint.size, found.lawful_to), (size, size));
    assert_eq!(found.checkpoint.root, signed.checkpoint.root);
    assert_eq!(found.epoch, 1);
    // Without the key the check says so.
    let unsure = proven(&export, &NOBODY);
    assert!(unsure.remarks.iter().any(|remark| remark.contains("--key")));
    // And the lines for people are there, each with its position and without a word of anybody.
    let names: Vec<_> = files(&export).into_iter().map(|(.., name)| name).collect();
    assert!(names.contains(&"tile/entries/000".to_owned()), "{names:?}");
    assert!(names.contains(&"tile/1/000.p/2".to_owned()), "{names:?}");
    let lines = file(&export, "events/00000000000000000256.ndjson");
    let text = String::from_utf8_lossy(&lines[512..]);
    let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(first["position"], 256);
    assert!(first["text"].as_str().unwrap().len() > 5);
}

#[test]
fn l_03_every_changed_byte_of_an_export_is_found() {
    let scene = small();
    let export = scene.export();
    proven(&export, &NOBODY);
    for at in 0..export.len() {
        let mut changed = export.clone();
        changed[at] ^= 1 << (at % 8);
        let outcome = check(&changed, &NOBODY);
        assert!(!matches!(outcome, Outcome::Proven(_)), "byte {at}");
    }
    let large = Scene::busy(1).export();
    for at in (0..large.len()).step_by(1_009) {
        let mut changed = large.clone();
        changed[at] ^= 0x40;
        let outcome = check(&changed, &NOBODY);
        assert!(!matches!(outcome, Outcome::Proven(_)), "byte {at}");
    }
}

#[test]
fn l_03_an_export_that_was_cut_short_or_prolonged_is_found() {
    let export = Scene::busy(1).export();
    for length in (0..export.len()).step_by(4_093) {
        let outcome = check(&export[..length], &NOBODY);
        assert!(!matches!(outcome, Outcome::Proven(_)), "{length}");
    }
    let finding = disproven(&export[..export.len() - 1], &NOBODY);
    assert!(finding.what.contains("cut short"), "{finding:?}");
    disproven(&[export.as_slice(), &[0]].concat(), &NOBODY);
}

#[test]
fn l_03_bundles_in_another_order_or_missing_are_found_at_their_place() {
    let export = Scene::busy(1).export();
    let (first, second) = (
        file(&export, "tile/entries/000"),
        file(&export, "tile/entries/001"),
    );
    let at = |name: &str| {
        files(&export)
            .into_iter()
            .find(|(.., found)| found == name)
            .unwrap()
    };
    let ((begin, end, _), (later, last, _)) = (at("tile/entries/000"), at("tile/entries/001"));
    let swapped = [
        &export[..begin],
        second,
        &export[end..later],
        first,
        &export[last..],
    ]
    .concat();
    assert_eq!(disproven(&swapped, &NOBODY).position, Some(Position(0)));
    for name in [
        "tile/entries/001",
        "events/00000000000000000256.ndjson",
        "tile/0/001",
    ] {
        let finding = disproven(&with(&export, name, &[]), &NOBODY);
        assert_eq!(finding.position, Some(Position(256)), "{name}: {finding:?}");
    }
    // Records of two places exchanged, under the right name.
    let renamed = [&file(&export, "tile/entries/001")[..512], &first[512..]].concat();
    let moved = with(&export, "tile/entries/001", &renamed);
    let finding = disproven(&moved, &NOBODY);
    assert_eq!(finding.position, Some(Position(256)), "{finding:?}");
}

#[test]
fn l_03_two_ledgers_do_not_make_one() {
    let (ours, theirs) = (Scene::busy(1), Scene::new(2));
    theirs.grow(700);
    let (export, other) = (ours.export(), theirs.export());
    let entries = file(&other, "tile/entries/001");
    let one = with(&export, "tile/entries/001", entries);
    assert!(!matches!(check(&one, &NOBODY), Outcome::Proven(_)));
    // Whole bundles of another ledger, tiles and all: the tree tells.
    let mut spliced = export.clone();
    for name in [
        "tile/entries/001",
        "events/00000000000000000256.ndjson",
        "tile/0/001",
    ] {
        spliced = with(&spliced, name, file(&other, name));
    }
    let finding = disproven(&spliced, &NOBODY);
    assert!(finding.position.is_some(), "{finding:?}");
}

#[test]
fn l_03_a_remembered_checkpoint_shows_a_ledger_that_was_put_back() {
    let scene = Scene::busy(1);
    let early = scene.sign();
    let old_export = scene.export_of(&early, Range::whole(early.checkpoint.size));
    scene.grow(40);
    let late = scene.sign();
    let export = scene.export_of(&late, Range::whole(late.checkpoint.size));
    let found = proven(&export, &since(&early));
    assert_eq!(found.since, Some(early.checkpoint.size));
    assert_eq!(proven(&export, &since(&late)).since, Some(late.checkpoint.size));
    // The older file is a whole and honest one; only what is remembered shows that it is not the newest.
    proven(&old_export, &key(&early.key));
    let finding = disproven(&old_export, &since(&late));
    assert_eq!(finding.position, Some(Position(early.checkpoint.size)));
    assert!(finding.remedy.contains("put back"), "{finding:?}");
    // Rewritten from somewhere in the middle, and longer than before: the same key, another history.
    let rig = Rig::new();
    let fork = Scene::on(rig, MemoryStore::new([1; 16]));
    fork.grow(late.checkpoint.size);
    let finding = disproven(&fork.export(), &since(&early));
    assert_eq!(
        finding.position,
        Some(Position(early.checkpoint.size)),
        "{finding:?}"
    );
    // A checkpoint that somebody made up is no memory.
    let made_up = Expected {
        key: None,
        since: Some(early.note.replace("audit.example.org", "audit.example.net")),
    };
    assert!(matches!(
        check(&export, &made_up),
        Outcome::Untold(_) | Outcome::Disproven(_)
    ));
}

#[test]
fn l_03_a_forged_checkpoint_convinces_nobody() {
    let scene = Scene::busy(1);
    let signed = scene.sign();
    let stranger = Signer::new(
        Keyring::fresh(NOON, &SeededEntropy::new(99))
            .active(Purpose::Signing)
            .1,
    );
    let forged = Signed {
        checkpoint: signed.checkpoint.clone(),
        note: stranger.note(&signed.checkpoint.origin, &signed.checkpoint.to_string()),
        key: VerifierKey::new(signed.checkpoint.origin.clone(), stranger.public()),
    };
    let export = scene.export_of(&forged, Range::whole(forged.checkpoint.size));
    // The log itself names another key, so not even the export's own is believed.
    for expected in [NOBODY, key(&signed.key), key(&forged.key)] {
        let finding = disproven(&export, &expected);
        assert!(finding.what.contains("key"), "{finding:?}");
    }
}

/// A ledger to which somebody who holds its keys added an event of their own making.
fn with_event(event: Event) -> (Vec<u8>, Position) {
    let scene = small();
    let engine = scene.notary.desk().engine().clone();
    run(&engine, Lane::Proof, ADA.signs_in(HOME, 5)).unwrap();
    run(&engine, Lane::Proof, ADA.is_banned()).unwrap();
    scene.sign();
    let last_time = engine.read(keyledger::domain::State::last_time);
    drop(engine);
    let (rig, mut store) = scene.stop();
    let next = store.head().next;
    let recorded = Recorded {
        position: next,
        time: last_time + Span::seconds(1),
        command: CommandId([7; 16]),
        event,
    };
    let batch = Batch {
        epoch: 1,
        id: [1; 16],
        records: vec![codec::encode(&recorded, CommandPart::Last).unwrap()],
        keys: vec![],
    };
    store.append(next, &batch).unwrap();
    (Scene::on(rig, store).export(), next)
}

#[test]
fn a4_l_03_a_log_that_breaks_the_law_is_disproven_at_its_position_whoever_signed_it() {
    let cases: [(&str, Event); 4] = [
        ("the user is not active", ADA.signed_in(6)),
        (
            "a token was used that was not this user's, or not live",
            Event::RecoveryCompleted {
                user: ADA.user(),
                token: ADA.token(77),
                address: ADA.address(),
                via: keyledger::domain::Via::Link,
                origin: crate::people::origin(),
            },
        ),
        (
            // Banned, and so signed out everywhere.
            "a session that was over was refreshed",
            Event::RefreshRotated {
                user: ADA.user(),
                session: ADA.session(5),
                counter: 1,
                refresh_key: 1,
                idle: Span::days(7),
                origin: None,
            },
        ),
        (
            "no such live API key",
            Event::ApiKeyUsed {
                key: keyledger::types::ApiKeyId([9; 16]),
            },
        ),
    ];
    for (words, event) in cases {
        let (export, position) = with_event(event);
        let finding = disproven(&export, &NOBODY);
        assert_eq!((finding.position, finding.what.as_str()), (Some(position), words));
        assert!(finding.remedy.contains("honest"), "{finding:?}");
    }
}

#[test]
fn a_part_of_the_log_proves_where_it_stands_and_says_what_it_does_not() {
    let scene = Scene::busy(1);
    let signed = scene.sign();
    let size = signed.checkpoint.size;
    let range = Range::covering(Some(Position(300)), Some(Position(310)), size).unwrap();
    assert_eq!((range.from, range.to), (256, 512));
    let export = scene.export_of(&signed, range);
    let found = proven(&export, &since(&signed));
    assert_eq!((found.lawful_to, found.since), (0, Some(size)));
    let remarks = found.remarks.join(" ");
    assert!(
        remarks.contains("a part of the log") && remarks.contains("not checked"),
        "{remarks}"
    );
    let names: Vec<_> = files(&export).into_iter().map(|(.., name)| name).collect();
    assert!(!names.contains(&"tile/entries/000".to_owned()), "{names:?}");
    let beginning = Range::covering(None, Some(Position(1)), size).unwrap();
    let found = proven(&scene.export_of(&signed, beginning), &key(&signed.key));
    assert_eq!(found.lawful_to, 256);
    assert_eq!(Range::covering(Some(Position(size)), None, size), None);
    // Declaring a part does not hide what is missing from it.
    let wider = with(&export, "range", file(&scene.export(), "range"));
    assert!(!matches!(check(&wider, &NOBODY), Outcome::Proven(_)));
}

#[test]
fn what_is_no_export_is_called_so_and_neither_proven_nor_disproven() {
    for foreign in [
        &b""[..],
        b"hello",
        &[0; 4096],
        include_bytes!("../../../Cargo.lock"),
    ] {
        let Outcome::Untold(finding) = check(foreign, &NOBODY) else {
            panic!("a foreign file")
        };
        assert!(finding.remedy.contains("audit export"), "{finding:?}");
    }
}
