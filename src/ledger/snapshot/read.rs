//! Reading a snapshot, on all cores.

use std::collections::BTreeMap;
use std::fs::File;
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use super::super::record::field;
use super::tables::{Filling, unpack};
use super::{
    CHUNK_MAX, CHUNKS_MAX, Contents, ENTRY_LEN, HEAD_LEN, SnapshotFault, SnapshotHead, TAIL_LEN, seal,
};

/// Threads that read at most; more wait for memory only.
const READERS_MAX: usize = 4;

/// One chunk of a snapshot that is being read.
struct Place {
    table: u8,
    at: u64,
    length: usize,
    hash: [u8; 32],
}

/// A snapshot of which head and index were read.
pub(super) struct Begun {
    pub(super) head: SnapshotHead,
    file: File,
    places: Vec<Place>,
}

impl Begun {
    /// Reads and proves head and index.
    pub(super) fn open(path: &Path) -> Result<Self, SnapshotFault> {
        let file = File::open(path).map_err(SnapshotFault::file("open it"))?;
        let (head, places) = read_index(&file)?;
        Ok(Self { head, file, places })
    }

    /// Reads the rest, and proves it whole.
    pub(super) fn finish(self) -> Result<(SnapshotHead, Contents), SnapshotFault> {
        let head = self.head;
        let contents = read_chunks(&self.file, &self.places)?;
        let (state, tree) = (&contents.state, &contents.tree);
        let fits = state.next() == head.at.next
            && state.last_time() == head.time
            && state.epoch().number == head.epoch
            && tree.size() == head.at.next.0
            && tree.root() == head.root;
        if fits {
            Ok((head, contents))
        } else {
            Err(SnapshotFault::Damaged("its parts do not belong together"))
        }
    }
}

fn read_index(file: &File) -> Result<(SnapshotHead, Vec<Place>), SnapshotFault> {
    let reading = SnapshotFault::file;
    let length = file.metadata().map_err(reading("read it"))?.len();
    if length < (HEAD_LEN + TAIL_LEN) as u64 {
        return Err(SnapshotFault::Damaged("it is too short"));
    }
    let mut head_bytes = [0; HEAD_LEN];
    file.read_exact_at(&mut head_bytes, 0)
        .map_err(reading("read its head"))?;
    let head = SnapshotHead::from_bytes(&head_bytes)?;
    let mut tail = [0; TAIL_LEN];
    file.read_exact_at(&mut tail, length - TAIL_LEN as u64)
        .map_err(reading("read its end"))?;
    let count = u32::from_be_bytes(field(&tail, 0));
    let index_len = u64::from(count) * ENTRY_LEN as u64;
    let index_at = length
        .checked_sub(TAIL_LEN as u64 + index_len)
        .filter(|_| count <= CHUNKS_MAX)
        .ok_or(SnapshotFault::Damaged("its end is not there"))?;
    let mut index = vec![0; usize::try_from(index_len).expect("an index has at most 40 MiB")];
    file.read_exact_at(&mut index, index_at)
        .map_err(reading("read its index"))?;
    if seal(&head_bytes, &index, count) != field::<32>(&tail, 4) {
        return Err(SnapshotFault::Damaged("its seal does not hold"));
    }
    let mut at = HEAD_LEN as u64;
    let mut places = Vec::with_capacity(count as usize);
    for entry in index.chunks_exact(ENTRY_LEN) {
        let length = u32::from_be_bytes(field(entry, 1)) as usize;
        if !(4..=CHUNK_MAX).contains(&length) {
            return Err(SnapshotFault::Damaged("a chunk has an impossible length"));
        }
        places.push(Place {
            table: entry[0],
            at,
            length,
            hash: field(entry, 5),
        });
        at += length as u64;
    }
    if at == index_at {
        Ok((head, places))
    } else {
        Err(SnapshotFault::Damaged("its length is not that of its chunks"))
    }
}

/// Reads all chunks, on all cores, and puts them in their places in their order: this thread as soon as the next one is
/// read, and until then it reads too.
fn read_chunks(file: &File, places: &[Place]) -> Result<Contents, SnapshotFault> {
    let next = AtomicUsize::new(0);
    let read_next = |bytes: &mut Vec<u8>| {
        let at = next.fetch_add(1, Ordering::Relaxed);
        places.get(at).map(|place| (at, read_chunk(file, place, bytes)))
    };
    let readers = std::thread::available_parallelism()
        .map_or(1, NonZeroUsize::get)
        .min(READERS_MAX);
    let (read, unplaced) = mpsc::channel();
    std::thread::scope(|scope| {
        let reading = |_| {
            let read = read.clone();
            scope.spawn(move || {
                let mut bytes = Vec::new();
                // Ends when all is read, or nobody wants more.
                while let Some(chunk) = read_next(&mut bytes) {
                    if read.send(chunk).is_err() {
                        break;
                    }
                }
            })
        };
        let others: Vec<_> = (1..readers).map(reading).collect();
        drop(read);
        let mut placing = Placing::default();
        let mut bytes = Vec::new();
        let placed = loop {
            let chunk = match unplaced.try_recv() {
                Ok(chunk) => Some(chunk),
                Err(_) => read_next(&mut bytes).or_else(|| unplaced.recv().ok()),
            };
            let Some((at, read)) = chunk else {
                break Ok(());
            };
            if let Err(fault) = read.and_then(|filling| placing.take(at, filling)) {
                break Err(fault);
            }
        };
        // Nobody need read on.
        next.store(places.len(), Ordering::Relaxed);
        for other in others {
            // Of one that fails, a chunk is missing.
            let _ = other.join();
        }
        placed?;
        placing.finish(places.len())
    })
}

/// Chunks come from several threads, and belong in their order.
#[derive(Default)]
struct Placing {
    contents: Contents,
    placed: usize,
    early: BTreeMap<usize, Filling>,
}

impl Placing {
    fn take(&mut self, at: usize, filling: Filling) -> Result<(), SnapshotFault> {
        self.early.insert(at, filling);
        while let Some(fill) = self.early.remove(&self.placed) {
            if !fill(&mut self.contents) {
                return Err(SnapshotFault::Damaged("its entries are not in order"));
            }
            self.placed += 1;
        }
        Ok(())
    }

    fn finish(self, all: usize) -> Result<Contents, SnapshotFault> {
        if self.placed == all {
            Ok(self.contents)
        } else {
            Err(SnapshotFault::Damaged("reading it failed"))
        }
    }
}

fn read_chunk(file: &File, place: &Place, bytes: &mut Vec<u8>) -> Result<Filling, SnapshotFault> {
    bytes.resize(place.length, 0);
    file.read_exact_at(bytes, place.at)
        .map_err(SnapshotFault::file("read a chunk of it"))?;
    if blake3::hash(bytes) != place.hash {
        return Err(SnapshotFault::Damaged("a chunk is not what was written"));
    }
    let count = u32::from_be_bytes(field(bytes, 0)) as usize;
    unpack(place.table, count, &bytes[4..])
        .map_err(|_| SnapshotFault::Damaged("a chunk holds what no release wrote"))
}
