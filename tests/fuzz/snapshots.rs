//! Snapshots: hashes and seal are mended after a change, so that it meets what reads the tables.

use std::fs;
use std::sync::{Arc, OnceLock};

use keyledger::ledger::snapshot::{SNAPSHOTS_DIR, Wanted};
use keyledger::ledger::{MemoryStore, Reader, Shelf};

use crate::engine::workload;
use crate::rig::{PATIENCE, Rig};
use crate::snapshots::take;

const HEAD_LEN: usize = 116;
/// Of a chunk in the index: table, length, hash.
const ENTRY_LEN: usize = 37;
/// Number of chunks and seal.
const TAIL_LEN: usize = 36;
const DOMAIN: &[u8] = b"keyledger/snapshot/v1";

/// A snapshot, and the ledger that it belongs to.
struct Taken {
    reader: Arc<dyn Reader>,
    name: String,
    whole: Vec<u8>,
}

fn taken() -> &'static Taken {
    static TAKEN: OnceLock<Taken> = OnceLock::new();
    TAKEN.get_or_init(|| {
        let (rig, data) = (Rig::new(), tempfile::tempdir().unwrap());
        let engine = rig.start(MemoryStore::new([1; 16]));
        workload(&engine, &rig.clock);
        let path = take(data.path(), &engine).path;
        let reader = Arc::clone(engine.reader());
        assert!(engine.stop(PATIENCE));
        Taken {
            reader,
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            whole: fs::read(path).unwrap(),
        }
    })
}

pub(super) fn snapshots() -> Vec<Vec<u8>> {
    vec![taken().whole.clone()]
}

pub(super) fn read_snapshot(bytes: &[u8]) -> String {
    let (taken, data) = (taken(), tempfile::tempdir().unwrap());
    let folder = data.path().join(SNAPSHOTS_DIR);
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join(&taken.name), with_sound_seals(bytes)).unwrap();
    let (found, skipped) = Shelf::of(data.path()).find(&*taken.reader, Wanted::Newest);
    match (found, skipped.first()) {
        (Some(found), _) => {
            assert_eq!(
                found.contents.state.next(),
                found.head.at.next,
                "its parts belong together"
            );
            "found".to_owned()
        }
        (None, Some(skipped)) => skipped.fault.to_string(),
        (None, None) => "passed over".to_owned(),
    }
}

/// Computes hashes and seal anew, as far as chunks can be told apart.
fn with_sound_seals(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let number = |out: &[u8], at: usize| u32::from_be_bytes([out[at], out[at + 1], out[at + 2], out[at + 3]]);
    let Some(tail_at) = out.len().checked_sub(TAIL_LEN).filter(|at| *at >= HEAD_LEN) else {
        return out;
    };
    let count = number(&out, tail_at);
    let index_len = usize::try_from(count)
        .unwrap_or(usize::MAX)
        .checked_mul(ENTRY_LEN);
    let index_at = index_len.and_then(|length| tail_at.checked_sub(length));
    let Some(index_at) = index_at.filter(|at| *at >= HEAD_LEN) else {
        return out;
    };
    let mut at = HEAD_LEN;
    for entry in (index_at..tail_at).step_by(ENTRY_LEN) {
        let end = at.saturating_add(usize::try_from(number(&out, entry + 1)).unwrap_or(usize::MAX));
        if end > index_at {
            break;
        }
        let hash = blake3::hash(&out[at..end]);
        out[entry + 5..entry + ENTRY_LEN].copy_from_slice(hash.as_bytes());
        at = end;
    }
    let mut seal = blake3::Hasher::new();
    seal.update(DOMAIN)
        .update(&out[..HEAD_LEN])
        .update(&out[index_at..tail_at])
        .update(&count.to_be_bytes());
    out[tail_at + 4..].copy_from_slice(seal.finalize().as_bytes());
    out
}
