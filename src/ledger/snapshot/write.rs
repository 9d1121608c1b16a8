//! Writing a snapshot.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::kept::{Kept, put};
use super::tables::write_contents;
use super::{CHUNK_MAX, CHUNKS_MAX, SnapshotFault, SnapshotHead, View, seal};

/// A chunk is closed when it has so many bytes.
const CHUNK_GOAL: usize = 256 << 10;

/// Bytes that are written before the disk is waited for, so that a commit of the ledger beside it never waits behind more.
const UNSYNCED_MAX: usize = 1 << 20;

/// The chunks of a snapshot that is being written.
pub(super) struct Chunks {
    file: File,
    unsynced: usize,
    index: Vec<u8>,
    count: u32,
}

impl Chunks {
    pub(super) fn table<'a, K: Kept + 'a, V: Kept + 'a>(
        &mut self,
        table: u8,
        entries: impl Iterator<Item = (&'a K, &'a V)>,
    ) -> io::Result<()> {
        let mut body = Vec::with_capacity(CHUNK_GOAL + (CHUNK_GOAL >> 2));
        let mut count = 0_u32;
        for (key, value) in entries {
            if body.is_empty() {
                body.extend_from_slice(&[0; 4]);
            }
            put(key, &mut body);
            put(value, &mut body);
            count += 1;
            if body.len() >= CHUNK_GOAL {
                self.close(table, count, &mut body)?;
                count = 0;
            }
        }
        if count > 0 {
            self.close(table, count, &mut body)?;
        }
        Ok(())
    }

    pub(super) fn one(&mut self, table: u8, value: &impl Kept) -> io::Result<()> {
        let mut body = vec![0; 4];
        put(value, &mut body);
        self.close(table, 1, &mut body)
    }

    fn close(&mut self, table: u8, count: u32, body: &mut Vec<u8>) -> io::Result<()> {
        body[..4].copy_from_slice(&count.to_be_bytes());
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
        if self.unsynced >= UNSYNCED_MAX {
            self.file.sync_data()?;
            self.unsynced = 0;
        }
        body.clear();
        Ok(())
    }
}

/// Writes a snapshot to a new file, for the owner only; durable on `Ok`.
pub(super) fn write(path: &Path, head: &SnapshotHead, contents: &View<'_>) -> Result<(), SnapshotFault> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path).map_err(SnapshotFault::file("make it"))?;
    let head = head.to_bytes();
    let filled = (|| {
        file.write_all(&head)?;
        let mut chunks = Chunks {
            file,
            unsynced: 0,
            index: Vec::new(),
            count: 0,
        };
        write_contents(contents, &mut chunks)?;
        let Chunks {
            mut file,
            index,
            count,
            ..
        } = chunks;
        file.write_all(&index)?;
        file.write_all(&count.to_be_bytes())?;
        file.write_all(&seal(&head, &index, count))?;
        file.sync_all()
    })();
    filled.map_err(SnapshotFault::file("write it"))
}
