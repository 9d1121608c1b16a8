//! An export: the ledger as a static log of `c2sp.org/tlog-tiles` in one tar file, for somebody who has nothing else.
//!
//! | file | |
//! |---|---|
//! | `README.txt` | what this is, for whoever unpacks it |
//! | `checkpoint` | the signed statement of size and root |
//! | `vkey` | the key that signed it |
//! | `range` | which records are here: `from N`, `to M` |
//! | `tile/entries/…` | 256 records each, those of the range |
//! | `events/….ndjson` | the same for people, one line of JSON an event; named by the first position |
//! | `tile/0/…` | their leaf hashes; those of the whole ledger, whatever the range |
//! | `tile/1/…` and up | the tree above |
//!
//! The three kinds follow one another bundle by bundle, and a tile follows the last one below it, so that an export is
//! written and checked in one pass with little memory.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::archive::ArchiveWriter;
use super::lines::Lines;
use super::notary::Signed;
use crate::ledger::codec::{self, CodecFault};
use crate::ledger::tree::tile::{TILE_WIDTH, TileName, Tiling};
use crate::ledger::tree::{leaf_hash, root_of};
use crate::ledger::{Reader, StoreError, TreeHash, record};
use crate::types::Position;

/// Bytes that are written to a file at once.
const WRITTEN_AT_ONCE: usize = 1 << 20;

/// What every export says to people.
pub const EXPORT_README: &str = include_str!("export_readme.txt");

/// Which records an export holds: from, and up to but without; both at the edge of a bundle of 256, or at the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    /// The first.
    pub from: u64,
    /// The one after the last.
    pub to: u64,
}

impl Range {
    /// The smallest range of whole bundles that holds what is asked for; `None` if nothing is.
    pub fn covering(from: Option<Position>, to: Option<Position>, size: u64) -> Option<Self> {
        let from = from.map_or(0, |from| from.0);
        let to = to.map_or(size, |to| to.0.min(size));
        (from < to).then(|| Self {
            from: from - from % TILE_WIDTH,
            to: to.next_multiple_of(TILE_WIDTH).min(size),
        })
    }

    /// Everything there is.
    pub fn whole(size: u64) -> Self {
        Self { from: 0, to: size }
    }

    pub(super) fn holds(&self, position: u64) -> bool {
        (self.from..self.to).contains(&position)
    }

    pub(super) fn text(&self) -> String {
        format!("from {}\nto {}\n", self.from, self.to)
    }

    /// The inverse of [`Range::text`] for an export of a ledger of `size` records.
    pub(super) fn parse(text: &str, size: u64) -> Option<Self> {
        let (from, to) = text
            .strip_prefix("from ")?
            .strip_suffix('\n')?
            .split_once("\nto ")?;
        let range = Self {
            from: from.parse().ok()?,
            to: to.parse().ok()?,
        };
        let is_whole = range.to == size || range.to.is_multiple_of(TILE_WIDTH);
        let is_range =
            range.from <= range.to && range.to <= size && range.from.is_multiple_of(TILE_WIDTH) && is_whole;
        (is_range && range.text() == text).then_some(range)
    }
}

/// The file of events for people that begins at a position.
pub(super) fn events_file(first: u64) -> String {
    format!("events/{first:020}.ndjson")
}

/// Why an export cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ExportFault {
    /// It cannot be written.
    #[error("the export cannot be written: {0}")]
    Io(#[from] io::Error),
    /// The ledger cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record cannot be read.
    #[error("position {0}: {1}")]
    Event(Position, CodecFault),
    /// The ledger is shorter than the checkpoint, or its records lead to another root.
    #[error("the ledger on the disk is not the one that was signed: run `keyledger verify`")]
    NotTheSame,
}

/// What was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written {
    /// Which records.
    pub range: Range,
    /// Bytes of the archive.
    pub bytes: u64,
}

/// Writes an export of what a checkpoint states; `progress` is told how many records were read.
pub(super) fn write(
    reader: &dyn Reader,
    signed: &Signed,
    range: Range,
    out: impl Write,
    progress: &mut dyn FnMut(u64),
) -> Result<Written, ExportFault> {
    let mut archive = ArchiveWriter::new(out);
    archive.file("README.txt", EXPORT_README.as_bytes())?;
    archive.file("checkpoint", signed.note.as_bytes())?;
    archive.file("vkey", format!("{}\n", signed.key).as_bytes())?;
    archive.file("range", range.text().as_bytes())?;
    let size = signed.checkpoint.size;
    let mut exporter = Exporter {
        archive,
        range,
        size,
        next: 0,
        tiling: Tiling::default(),
        bundle: Bundle::default(),
        lines: Lines::default(),
    };
    let mut trouble = None;
    reader.scan(Position(0), &mut |frame| {
        for record in frame.records() {
            if exporter.next == size {
                return ControlFlow::Break(());
            }
            if let Err(fault) = exporter.take(record) {
                trouble = Some(fault);
                return ControlFlow::Break(());
            }
        }
        progress(exporter.next);
        ControlFlow::Continue(())
    })?;
    if let Some(fault) = trouble {
        return Err(fault);
    }
    let root = exporter.tiling.frontier(&exporter.bundle.leaves).root();
    if (exporter.next, root) != (size, signed.checkpoint.root) {
        return Err(ExportFault::NotTheSame);
    }
    exporter.finish_bundle()?;
    let Exporter {
        mut archive, tiling, ..
    } = exporter;
    for (name, hashes) in tiling.partial() {
        archive.file(&name.path(), hashes.as_flattened())?;
    }
    let bytes = archive.finish()?;
    Ok(Written { range, bytes })
}

/// What a file is called until it is whole.
pub fn unfinished_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// Writes an export into a new file; it gets its name when it is whole and on the disk.
pub(super) fn write_file(
    reader: &dyn Reader,
    signed: &Signed,
    range: Range,
    path: &Path,
) -> Result<Written, ExportFault> {
    if path.try_exists()? {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "the file exists, and is not replaced",
        )
        .into());
    }
    let unfinished = unfinished_name(path);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    let out = BufWriter::with_capacity(WRITTEN_AT_ONCE, &file);
    let written = write(reader, signed, range, out, &mut |_| {}).and_then(|written| {
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        Ok(written)
    });
    if written.is_err() {
        // What is wrong is told already.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

/// Up to 256 records on their way.
#[derive(Default)]
struct Bundle {
    leaves: Vec<TreeHash>,
    entries: Vec<u8>,
    lines: String,
}

struct Exporter<W> {
    archive: ArchiveWriter<W>,
    range: Range,
    size: u64,
    next: u64,
    tiling: Tiling,
    bundle: Bundle,
    lines: Lines,
}

impl<W: Write> Exporter<W> {
    fn take(&mut self, raw: &[u8]) -> Result<(), ExportFault> {
        let leaf = leaf_hash(raw);
        if self.range.holds(self.next) {
            let at = Position(self.next);
            let recorded = record::decode(raw)
                .map_err(CodecFault::from)
                .and_then(|(header, payload)| codec::decode_outline(&header, payload))
                .map_err(|fault| ExportFault::Event(at, fault))?;
            let length = u16::try_from(raw.len()).expect("a record has at most 3,800 bytes");
            self.bundle.entries.extend_from_slice(&length.to_be_bytes());
            self.bundle.entries.extend_from_slice(raw);
            self.lines.add(&mut self.bundle.lines, &recorded, &leaf);
        }
        self.bundle.leaves.push(leaf);
        self.next += 1;
        if self.bundle.leaves.len() as u64 == TILE_WIDTH {
            let root = root_of(&self.bundle.leaves);
            self.finish_bundle()?;
            let mut full = vec![];
            self.tiling
                .push(root, &mut |name, hashes| full.push((name, hashes.to_vec())));
            for (name, hashes) in full {
                self.archive.file(&name.path(), hashes.as_flattened())?;
            }
        }
        Ok(())
    }

    /// Writes what was collected, if anything was.
    fn finish_bundle(&mut self) -> io::Result<()> {
        let bundle = std::mem::take(&mut self.bundle);
        let first = self.next - bundle.leaves.len() as u64;
        let index = first / TILE_WIDTH;
        let Some(tile) = TileName::hashes(0, index, self.size).filter(|_| !bundle.leaves.is_empty()) else {
            return Ok(());
        };
        if let Some(entries) = TileName::entries(index, self.size).filter(|_| self.range.holds(first)) {
            self.archive.file(&entries.path(), &bundle.entries)?;
            self.archive.file(&events_file(first), bundle.lines.as_bytes())?;
        }
        self.archive.file(&tile.path(), bundle.leaves.as_flattened())
    }
}
