//! The faulty disk (`disk.c`), from outside: it is built once, preloaded by a server, and its journal played back.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use keyledger::system::{SeededEntropy, random_array};

use super::super::process::Home;

/// What a power cut does with writes that no fsync had reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cut {
    /// All are lost.
    Everything,
    /// Each is lost or kept, in sectors of 512 bytes, whatever came before it.
    Sectors,
}

const SECTOR: usize = 512;

/// The shared object.
fn object() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/faults/disk.c");
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("disk-{}.so", std::process::id()));
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"])
            .arg(&out)
            .args([source, "-ldl", "-lpthread"])
            .output()
            .expect("a C compiler is there (`cc`)");
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        out
    })
}

/// Gives every process of a home the faulty disk from now on.
pub(super) fn give(home: &mut Home) {
    home.set("LD_PRELOAD", object().display().to_string());
    home.set("FAULTY_DISK_UNDER", home.data().display().to_string());
}

/// Takes it away again.
pub(super) fn take_away(home: &mut Home) {
    home.unset("LD_PRELOAD");
    home.unset("FAULTY_DISK_");
}

/// A folder for the journal of a life.
pub(super) fn journal(home: &mut Home) -> PathBuf {
    let folder = home.folder().join("journal");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    home.set("FAULTY_DISK_JOURNAL", folder.display().to_string());
    folder
}

/// A write that no fsync had reached.
struct Write {
    offset: usize,
    length_before: usize,
    written: Vec<u8>,
    over: Vec<u8>,
    cut_off: Vec<u8>,
}

/// Plays the power cut; says how many writes were lost, or lost in part.
pub(super) fn lose(home: &Home, journal: &Path, cut: Cut, dice: &SeededEntropy) -> u64 {
    let mut files = BTreeMap::new();
    by_inode(&home.data(), &mut files);
    let mut lost = 0;
    for entry in fs::read_dir(journal).unwrap() {
        let entry = entry.unwrap();
        let inode = u64::from_str_radix(entry.file_name().to_str().unwrap(), 16).unwrap();
        // The file of a journal may be gone, by a name that went before it was synced.
        let Some(path) = files.get(&inode) else { continue };
        let writes = read(&fs::read(entry.path()).unwrap());
        let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
        for write in writes.iter().rev() {
            file.write_all_at(&write.over, write.offset as u64).unwrap();
            file.write_all_at(&write.cut_off, write.offset as u64).unwrap();
            file.set_len(write.length_before as u64).unwrap();
        }
        for write in &writes {
            lost += u64::from(cut == Cut::Everything || !keep(&file, write, dice));
        }
    }
    lost
}

/// Lets some sectors of a write have reached the disk; whether all of them did.
fn keep(file: &File, write: &Write, dice: &SeededEntropy) -> bool {
    let mut whole = true;
    for (number, sector) in write.written.chunks(SECTOR).enumerate() {
        if random_array::<1>(dice)[0] < 128 {
            file.write_all_at(sector, (write.offset + number * SECTOR) as u64)
                .unwrap();
        } else {
            whole = false;
        }
    }
    whole
}

fn by_inode(folder: &Path, found: &mut BTreeMap<u64, PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            by_inode(&path, found);
        } else {
            found.insert(metadata.ino(), path);
        }
    }
}

/// The writes of a journal, oldest first. Its last record may be torn by the kill: that write was never made.
fn read(mut bytes: &[u8]) -> Vec<Write> {
    let mut writes = vec![];
    while let Some((numbers, rest)) = bytes.split_at_checked(40) {
        let number = |index: usize| {
            let bytes = numbers[index * 8..][..8].try_into().expect("eight bytes");
            usize::try_from(i64::from_ne_bytes(bytes)).expect("no number is negative")
        };
        let Some((written, rest)) = rest.split_at_checked(number(2)) else {
            break;
        };
        let Some((over, rest)) = rest.split_at_checked(number(3)) else {
            break;
        };
        let Some((cut_off, rest)) = rest.split_at_checked(number(4)) else {
            break;
        };
        writes.push(Write {
            offset: number(0),
            length_before: number(1),
            written: written.to_vec(),
            over: over.to_vec(),
            cut_off: cut_off.to_vec(),
        });
        bytes = rest;
    }
    writes
}
