//! Imported sets as files: what they find, what they take, and what damages them.

use std::fs;
use std::io::{self, BufReader, Read};

use keyledger::breach::{
    FALSE_POSITIVES_MAX, Import, ImportFault, LeakedHash, SETS_MAX, SetFault, Shelf, Source,
};
use keyledger::types::Timestamp;

use super::import;

fn shelf() -> (tempfile::TempDir, Shelf) {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Shelf::at(folder.path().join("breached"));
    (folder, shelf)
}

/// So many passwords that nobody has.
fn passwords(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("Leaked-{n}-word")).collect()
}

fn has(shelf: &Shelf, password: &str) -> bool {
    let (found, faults) = shelf.look_up(&[LeakedHash::of(password)]);
    assert!(faults.is_empty(), "{faults:?}");
    !found.is_empty()
}

#[test]
fn p_06_every_entry_of_a_list_is_found_and_others_are_not() {
    let (_folder, shelf) = shelf();
    // More than fit in a page for each first byte of a hash.
    let listed = passwords(300_000);
    let imported = import(&shelf, "big", Source::Passwords, 0, listed.join("\n")).unwrap();
    assert_eq!(
        (imported.lines, imported.entries, imported.unusable),
        (300_000, 300_000, 0)
    );
    let set = shelf.open(&"big".parse().unwrap()).unwrap();
    set.verify().unwrap();
    assert!(set.false_positives() <= FALSE_POSITIVES_MAX);
    for password in listed.iter().step_by(50) {
        assert!(set.has(LeakedHash::of(password)).unwrap(), "{password}");
    }
    // One mistake is to be expected in some 250 times as many; which they are, the words decide, the same in each run.
    let mistakes = (0..20_000).filter(|n| set.has(LeakedHash::of(&format!("other {n}"))).unwrap());
    assert_eq!(mistakes.count(), 0);
}

#[test]
fn a_list_may_be_in_any_order_repeat_itself_and_end_without_a_line_break() {
    let (_folder, shelf) = shelf();
    let mut listed = passwords(3_000);
    listed.reverse();
    listed.extend(passwords(1_000));
    let list = format!("\u{feff}{}\r\n\r\ne\u{301}t\u{e9}", listed.join("\r\n"));
    let imported = import(&shelf, "odd", Source::Passwords, 0, list).unwrap();
    assert_eq!((imported.lines, imported.entries), (4_002, 3_001));
    assert!(has(&shelf, "Leaked-2999-word") && has(&shelf, "\u{e9}t\u{e9}"));
}

#[test]
fn lines_that_no_password_can_be_are_counted_and_take_no_memory() {
    let (_folder, shelf) = shelf();
    let endless = io::repeat(b'x')
        .take(3 << 20)
        .chain(&b"\n\xff\xfe\nLeaked-1-word\n"[..]);
    let import = Import {
        name: "garbage".parse().unwrap(),
        source: Source::Passwords,
        min_count: 0,
        now: Timestamp(0),
    };
    let imported = import.run(&shelf, BufReader::new(endless), &mut |_| {}).unwrap();
    assert_eq!((imported.lines, imported.entries, imported.unusable), (3, 1, 2));
    assert!(has(&shelf, "Leaked-1-word"));
}

#[test]
fn a_new_list_takes_the_place_of_the_one_of_its_name_and_a_broken_one_does_not() {
    let (_folder, shelf) = shelf();
    import(&shelf, "a", Source::Passwords, 0, "first").unwrap();
    import(&shelf, "a", Source::Passwords, 0, "second").unwrap();
    assert!(!has(&shelf, "first") && has(&shelf, "second"));
    let broken = import(&shelf, "a", Source::Hashes, 0, "not a hash");
    assert!(matches!(broken, Err(ImportFault::Line { number: 1, .. })));
    struct Breaks;
    impl Read for Breaks {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let import = Import {
        name: "a".parse().unwrap(),
        source: Source::Passwords,
        min_count: 0,
        now: Timestamp(0),
    };
    let gone = import.run(&shelf, BufReader::new(Breaks), &mut |_| {});
    assert!(matches!(gone, Err(ImportFault::Input(_))));
    assert!(has(&shelf, "second"));
    let left: Vec<_> = fs::read_dir(shelf.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["a.set"], "an import cleans up after itself");
}

#[test]
fn what_a_killed_import_left_is_removed_by_the_next_and_two_at_once_are_refused() {
    let (_folder, shelf) = shelf();
    fs::create_dir_all(shelf.folder().join(".importing")).unwrap();
    fs::write(shelf.folder().join(".importing/00"), "half").unwrap();
    import(&shelf, "a", Source::Passwords, 0, "first").unwrap();
    assert!(!shelf.folder().join(".importing").exists());
    let other = fs::File::open(shelf.folder()).unwrap();
    other.try_lock().unwrap();
    let refused = import(&shelf, "a", Source::Passwords, 0, "second");
    assert!(matches!(refused, Err(ImportFault::Busy { .. })));
}

#[test]
fn hashes_that_all_begin_alike_and_too_many_sets_are_refused() {
    let (_folder, shelf) = shelf();
    // The first eight bytes are alike but for the last ones: one page would have to hold all.
    let crowded: Vec<String> = (0..3_000_u64)
        .map(|n| format!("{:016X}{:024}", (0xAB << 56) | n, 0))
        .collect();
    let refused = import(&shelf, "a", Source::Hashes, 0, crowded.join("\n"));
    assert!(matches!(refused, Err(ImportFault::Crowded { .. })), "{refused:?}");
    for n in 0..SETS_MAX {
        import(&shelf, &format!("s{n}"), Source::Passwords, 0, "one").unwrap();
    }
    let refused = import(&shelf, "more", Source::Passwords, 0, "one");
    assert!(matches!(refused, Err(ImportFault::TooManySets)));
    import(&shelf, "s0", Source::Passwords, 0, "two").unwrap();
}

#[test]
fn a_damaged_cut_foreign_or_newer_set_is_refused_and_the_others_still_answer() {
    let (_folder, shelf) = shelf();
    let listed = passwords(5_000);
    import(&shelf, "a", Source::Passwords, 0, listed.join("\n")).unwrap();
    import(&shelf, "b", Source::Passwords, 0, "Leaked-7-word").unwrap();
    let path = shelf.path(&"a".parse().unwrap());
    let good = fs::read(&path).unwrap();
    let page = 4_096;
    let look_up = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let (found, mut faults) = shelf.look_up(&[LeakedHash::of("Leaked-7-word")]);
        assert_eq!(found.last().unwrap().to_string(), "b");
        let verified = shelf.open(&"a".parse().unwrap()).and_then(|set| set.verify());
        (faults.pop(), verified)
    };
    let (fault, verified) = look_up(&good);
    assert!(fault.is_none() && verified.is_ok());
    for at in [20, 100, page - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        let (fault, _) = look_up(&bad);
        assert!(matches!(fault, Some(SetFault::Damaged { .. })), "{at}");
    }
    for at in [page + 3, page + 17, page + 40, 3 * page + 4_000] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        let (_, verified) = look_up(&bad);
        assert!(matches!(verified, Err(SetFault::Damaged { .. })), "{at}");
    }
    let mut swapped = good.clone();
    swapped.copy_within(page..2 * page, 2 * page);
    assert!(
        look_up(&swapped).1.is_err(),
        "a page in another's place is found out"
    );
    assert!(matches!(
        look_up(&good[..good.len() - page]).0,
        Some(SetFault::Damaged { .. })
    ));
    assert!(matches!(
        look_up(b"something else").0,
        Some(SetFault::Foreign { .. })
    ));
    let mut newer = good.clone();
    newer[8] = 2;
    assert!(matches!(
        look_up(&newer).0,
        Some(SetFault::Newer { version: 2, .. })
    ));
    let mut every = good.clone();
    for start in (page..good.len()).step_by(page) {
        every[start + 20] ^= 1;
    }
    let told = look_up(&every).0.unwrap().to_string();
    assert!(
        told.contains("is damaged") && told.contains("keyledger breach import"),
        "{told}"
    );
}
