//! Writing a snapshot, piece by piece.

use std::borrow::Borrow;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::kept::{Kept, put};
use super::source::Source;
use super::tables::{Ordered, write_contents};
use super::{CHUNK_MAX, CHUNKS_MAX, SnapshotFault, SnapshotHead, seal};
use crate::domain::Earlier;

/// A chunk is closed when it has so many bytes.
const CHUNK_GOAL: usize = 256 << 10;
/// What is written of a table in one look, in bytes and in entries: whoever changes the table waits for so long.
const LOOK_BYTES: usize = 32 << 10;
const LOOK_ENTRIES: usize = 512;
/// Bytes that wait for the disk at most. Everybody's next fsync may have to wait for them too.
const UNSYNCED_MAX: usize = 1 << 20;

/// The chunks of a snapshot that is being written.
pub(super) struct Chunks {
    file: File,
    index: Vec<u8>,
    count: u32,
    /// The chunk that is being filled: number of entries, entries.
    body: Vec<u8>,
    entries: u32,
    unsynced: usize,
}

impl Chunks {
    fn new(file: File) -> Self {
        Self {
            file,
            index: Vec::new(),
            count: 0,
            body: Vec::with_capacity(CHUNK_GOAL + 2 * LOOK_BYTES),
            entries: 0,
            unsynced: 0,
        }
    }

    /// Adds a few entries, as they were, behind those that were added before; says whether there are no more.
    pub(super) fn look<K: Kept + Ord + Copy, V: Kept, W: Borrow<V>>(
        &mut self,
        table: &impl Ordered<K, W>,
        earlier: &mut Earlier<K, V>,
    ) -> bool {
        self.begin();
        let (full, mut looked) = (self.body.len() + LOOK_BYTES, 0);
        earlier.see(
            |last| table.after(last),
            |key, value| {
                if let Some(value) = value {
                    put(key, &mut self.body);
                    put(value, &mut self.body);
                    self.entries += 1;
                }
                looked += 1;
                if looked < LOOK_ENTRIES && self.body.len() < full {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            },
        )
    }

    /// A chunk with one value.
    pub(super) fn one(&mut self, table: u8, value: &impl Kept) -> io::Result<()> {
        self.begin();
        put(value, &mut self.body);
        self.entries = 1;
        self.close(table)
    }

    /// Closes the chunk if it is full enough.
    pub(super) fn close_full(&mut self, table: u8) -> io::Result<()> {
        if self.body.len() < CHUNK_GOAL {
            return Ok(());
        }
        self.close(table)
    }

    /// Closes the chunk if anything is in it.
    pub(super) fn close(&mut self, table: u8) -> io::Result<()> {
        let (body, entries) = (&mut self.body, std::mem::take(&mut self.entries));
        if entries == 0 {
            return Ok(());
        }
        body[..4].copy_from_slice(&entries.to_be_bytes());
        if body.len() > CHUNK_MAX || self.count == CHUNKS_MAX {
            return Err(io::Error::other("there is more state than a snapshot holds"));
        }
        let length = u32::try_from(body.len()).expect("a chunk has at most 4 MiB");
        self.file.write_all(body)?;
        self.index.push(table);
        self.index.extend_from_slice(&length.to_be_bytes());
        self.index.extend_from_slice(blake3::hash(body).as_bytes());
        self.count += 1;
        self.unsynced += body.len();
        body.clear();
        if self.unsynced >= UNSYNCED_MAX {
            // All at once in the end would have the disk busy for so long that commits wait for it.
            self.file.sync_data()?;
            self.unsynced = 0;
        }
        Ok(())
    }

    /// Makes room for the number of entries.
    fn begin(&mut self) {
        if self.body.is_empty() {
            self.body.extend_from_slice(&[0; 4]);
        }
    }
}

/// Writes a snapshot to a new file, for the owner only; durable on `Ok`.
pub(super) fn write(path: &Path, head: &SnapshotHead, source: &mut impl Source) -> Result<(), SnapshotFault> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path).map_err(SnapshotFault::file("make it"))?;
    let head = head.to_bytes();
    file.write_all(&head).map_err(SnapshotFault::writing)?;
    let mut chunks = Chunks::new(file);
    write_contents(source, &mut chunks)?;
    let Chunks {
        mut file,
        index,
        count,
        ..
    } = chunks;
    let sealed = file
        .write_all(&index)
        .and_then(|()| file.write_all(&count.to_be_bytes()))
        .and_then(|()| file.write_all(&seal(&head, &index, count)))
        .and_then(|()| file.sync_all());
    sealed.map_err(SnapshotFault::writing)
}
