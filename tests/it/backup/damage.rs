//! A backup that is not what was written: found, named, and never put back.

use keyledger::ledger::backup::{BackupError, prove};

use super::{copied_keys, done, run};
use crate::cli::founded;

#[test]
fn a_flipped_byte_at_every_thousandth_offset_is_found_and_its_place_named() {
    let (folder, data, _) = founded();
    for n in 0..60 {
        // Through one engine each: the ledger has frames of many appends.
        if n % 20 == 0 {
            done(&data, &format!("user create u{n}@example.org"));
        }
        done(
            &data,
            "key create --label a-label-of-some-length-that-fills-the-ledger",
        );
    }
    let file = folder.path().join("whole.klbackup");
    done(&data, &format!("backup {}", file.display()));
    let whole = std::fs::read(&file).unwrap();
    let damaged = folder.path().join("damaged.klbackup");
    for at in (0..whole.len()).step_by(1_000).chain([whole.len() - 1]) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        std::fs::write(&damaged, &bytes).unwrap();
        let error = prove(&damaged, &mut |_| std::ops::ControlFlow::Continue(())).unwrap_err();
        assert!(error.is_damage(), "byte {at}: {error}");
        let said = error.to_string();
        assert!(said.contains("damaged.klbackup"), "{said}");
        assert!(said.contains("at byte") || at < 9, "byte {at}: {said}");
    }
    for length in (0..whole.len()).step_by(1_000) {
        std::fs::write(&damaged, &whole[..length]).unwrap();
        let error = prove(&damaged, &mut |_| std::ops::ControlFlow::Continue(())).unwrap_err();
        assert!(matches!(error, BackupError::Damaged { .. }), "{length}: {error}");
        assert!(error.to_string().contains("cut short"), "{length}: {error}");
    }
    let new = folder.path().join("new");
    let words = format!(
        "restore {} --keys-dir {}",
        damaged.display(),
        copied_keys(&data).display()
    );
    let refused = run(&new, &words);
    assert_eq!(refused.code, 1, "{}", refused.err);
    assert!(
        refused.err.contains("use another copy of this file"),
        "{}",
        refused.err
    );
    assert!(!new.exists());
    let missing = run(&new, &format!("restore {}", folder.path().join("none").display()));
    assert_eq!(missing.code, 2, "what cannot be read proves nothing");
}
