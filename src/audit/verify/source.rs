//! Reading an export file by file, in the one order in which it is written.

use std::io::Read;

use super::super::archive::{ArchiveFault, ArchiveReader};
use super::super::checkpoint::Checkpoint;
use super::super::export::{EXPORT_README, Range, events_file};
use super::super::lines::LINE_MAX;
use super::bundle::{Buffers, Bundle, Records};
use super::{CONTRADICTS, DAMAGED, Stop};
use crate::crypto::{Note, VerifierKey};
use crate::ledger::record::MAX_RECORD;
use crate::ledger::tree::tile::{MAX_LEVEL, TILE_HEIGHT, TILE_WIDTH, TileName};
use crate::types::Position;

/// Bytes of a signed note, at most.
const NOTE_MAX: usize = 64 << 10;
const HASH: usize = 32;
const WIDTH: usize = 256;

/// An export that is being read.
pub(super) struct Source<R> {
    archive: ArchiveReader<R>,
    key: VerifierKey,
    pub(super) checkpoint: Checkpoint,
    pub(super) range: Range,
    /// The index of the next bundle.
    next: u64,
    is_done: bool,
}

impl<R: Read> Source<R> {
    /// Reads what stands before the records, and checks the signature.
    pub(super) fn open(input: R) -> Result<Self, Stop> {
        let mut archive = ArchiveReader::new(input);
        let readme = match archive.file("README.txt", EXPORT_README.len()) {
            Err(fault @ (ArchiveFault::Other { .. } | ArchiveFault::Truncated(_))) => {
                return Err(Stop::untold(
                    format!("the file is no export of a keyledger, or its beginning is damaged: {fault}"),
                    "name a file that `keyledger audit export` wrote",
                ));
            }
            read => read.map_err(|fault| Stop::archive(None, &fault))?,
        };
        if readme != EXPORT_README.as_bytes() {
            return Err(Stop::disproven(None, "its README.txt was changed", DAMAGED));
        }
        let mut text = |name: &str| {
            let bytes = archive
                .file(name, NOTE_MAX)
                .map_err(|fault| Stop::archive(None, &fault))?;
            String::from_utf8(bytes)
                .map_err(|_| Stop::disproven(None, format!("its `{name}` is not text"), DAMAGED))
        };
        let (note, vkey, range) = (text("checkpoint")?, text("vkey")?, text("range")?);
        let damaged = |what: String| Stop::disproven(None, what, DAMAGED);
        let key: VerifierKey = vkey
            .strip_suffix('\n')
            .unwrap_or_default()
            .parse()
            .map_err(|fault| damaged(format!("its `vkey`: {fault}")))?;
        let wrong = |fault| damaged(format!("its `checkpoint`: {fault}"));
        let note = Note::parse(&note).map_err(wrong)?;
        let checkpoint = Checkpoint::of_note(&note).map_err(wrong)?;
        note.verify(&key).map_err(wrong)?;
        if checkpoint.origin != key.name {
            return Err(Stop::disproven(
                None,
                format!(
                    "its checkpoint is of {}, and its key is of {}",
                    checkpoint.origin, key.name
                ),
                CONTRADICTS,
            ));
        }
        let range = Range::parse(&range, checkpoint.size)
            .ok_or_else(|| damaged("its `range` cannot be, for a log of this size".to_owned()))?;
        Ok(Self {
            archive,
            key,
            checkpoint,
            range,
            next: 0,
            is_done: false,
        })
    }

    /// Reads the next bundle and the tiles after it; `None` after the last.
    pub(super) fn next(&mut self, buffers: &Buffers) -> Result<Option<Bundle>, Stop> {
        let (index, size) = (self.next, self.checkpoint.size);
        let first = index.saturating_mul(TILE_WIDTH);
        if self.is_done {
            return Ok(None);
        }
        let Some(tile) = TileName::hashes(0, index, size) else {
            self.is_done = true;
            return Ok(Some(self.last(first)?));
        };
        self.next += 1;
        let records = match TileName::entries(index, size).filter(|_| self.range.holds(first)) {
            Some(name) => {
                let mut records = buffers.records();
                let Records { entries, lines } = &mut records;
                self.file_into(first, &name.path(), WIDTH * (2 + MAX_RECORD), entries)?;
                self.file_into(first, &events_file(first), WIDTH * LINE_MAX, lines)?;
                Some(records)
            }
            None => None,
        };
        let leaves = self.tile(first, tile)?;
        let mut above = vec![];
        if tile.is_full() {
            // A tile above is written as soon as the last one below it is full.
            let mut count = index + 1;
            for level in 1..=MAX_LEVEL {
                if count % TILE_WIDTH != 0 {
                    break;
                }
                count /= TILE_WIDTH;
                if let Some(name) = TileName::hashes(level, count - 1, size) {
                    above.push((name, self.tile(first, name)?));
                }
            }
        }
        Ok(Some(Bundle {
            first: Position(first),
            records,
            leaves,
            above,
        }))
    }

    /// The unfinished tiles of the levels above the leaves.
    fn last(&mut self, first: u64) -> Result<Bundle, Stop> {
        let size = self.checkpoint.size;
        let mut above = vec![];
        for level in 1..=MAX_LEVEL {
            let count = size.checked_shr(TILE_HEIGHT * u32::from(level)).unwrap_or(0);
            let name = TileName::hashes(level, count / TILE_WIDTH, size).filter(|name| !name.is_full());
            if let Some(name) = name {
                above.push((name, self.tile(first, name)?));
            }
        }
        Ok(Bundle {
            first: Position(size),
            records: None,
            leaves: vec![],
            above,
        })
    }

    fn tile(&mut self, first: u64, name: TileName) -> Result<Vec<u8>, Stop> {
        let bytes = usize::from(name.width) * HASH;
        let tile = self.file(first, &name.path(), bytes)?;
        if tile.len() == bytes {
            return Ok(tile);
        }
        let what = format!("`{}` is shorter than its name says", name.path());
        Err(Stop::disproven(Position(first), what, DAMAGED))
    }

    fn file(&mut self, first: u64, name: &str, bytes_max: usize) -> Result<Vec<u8>, Stop> {
        let mut content = vec![];
        self.file_into(first, name, bytes_max, &mut content)?;
        Ok(content)
    }

    fn file_into(
        &mut self,
        first: u64,
        name: &str,
        bytes_max: usize,
        content: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        self.archive
            .file_into(name, bytes_max, content)
            .map_err(|fault| Stop::archive(Some(Position(first)), &fault))
    }

    /// Reads the end; gives the key that signed the checkpoint.
    pub(super) fn finish(self) -> Result<VerifierKey, Stop> {
        let end = Position(self.checkpoint.size);
        self.archive
            .finish()
            .map_err(|fault| Stop::archive(Some(end), &fault))?;
        Ok(self.key)
    }
}
