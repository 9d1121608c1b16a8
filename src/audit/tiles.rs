//! The tree's tiles in files beside the ledger, so that a proof need not read the whole ledger.
//!
//! They can be deleted at any time. The first use after a start compares every tile with the ledger and writes anew
//! what is missing or differs; whatever is made from them is checked against the root all the same.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::ledger::tree::tile::{TILE_WIDTH, TileName, Tiling};
use crate::ledger::tree::{leaf_hash, root_of};
use crate::ledger::{Reader, StoreError, TreeHash};
use crate::types::Position;

/// Why tiles cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum TileFault {
    /// The ledger cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder cannot be written or read.
    #[error("the tiles at {} cannot be kept: {}; they can be deleted, and are made again", .0.display(), .1)]
    Folder(PathBuf, #[source] io::Error),
    /// A tile is not what was written.
    #[error("the tile {0} is missing or damaged")]
    Damaged(String),
}

/// The tiles of one ledger.
pub(super) struct Tiles {
    /// Where they lie; none for a ledger in memory.
    folder: Option<PathBuf>,
    edge: Mutex<Edge>,
}

/// How far they are.
#[derive(Default)]
struct Edge {
    size: u64,
    tiling: Tiling,
    /// Leaf hashes of the unfinished tile.
    last: Vec<TreeHash>,
    /// The tiles themselves, where there is no folder.
    kept: HashMap<TileName, Vec<TreeHash>>,
}

impl Tiles {
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            edge: Mutex::default(),
        }
    }

    /// Writes all tiles of the tree of the first `size` records. Blocks on the disk.
    pub(super) fn catch_up(&self, reader: &dyn Reader, size: u64) -> Result<(), TileFault> {
        let mut edge = self.edge.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = self.extend(&mut edge, reader, size);
        if outcome.is_err() {
            // What was written half is made again from the ledger.
            *edge = Edge::default();
        }
        outcome
    }

    /// Forgets how far they are, so that all are compared with the ledger again.
    pub(super) fn distrust(&self) {
        *self.edge.lock().unwrap_or_else(PoisonError::into_inner) = Edge::default();
    }

    fn extend(&self, edge: &mut Edge, reader: &dyn Reader, size: u64) -> Result<(), TileFault> {
        if edge.size >= size {
            return Ok(());
        }
        let mut trouble = None;
        reader.scan(Position(edge.size), &mut |frame| {
            for (position, record) in (frame.first.0..).zip(frame.records()) {
                if position < edge.size {
                    continue;
                }
                if edge.size == size {
                    return ControlFlow::Break(());
                }
                edge.size += 1;
                edge.last.push(leaf_hash(record));
                if edge.last.len() as u64 == TILE_WIDTH
                    && let Err(fault) = self.close_tile(edge)
                {
                    trouble = Some(fault);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })?;
        if let Some(fault) = trouble {
            return Err(fault);
        }
        let partial: Vec<_> = edge
            .tiling
            .partial()
            .map(|(name, hashes)| (name, hashes.to_vec()))
            .chain(TileName::hashes(0, size / TILE_WIDTH, size).map(|name| (name, edge.last.clone())))
            .collect();
        for (name, hashes) in partial {
            if !name.is_full() {
                self.write(&mut edge.kept, name, &hashes)?;
            }
        }
        Ok(())
    }

    fn close_tile(&self, edge: &mut Edge) -> Result<(), TileFault> {
        let leaves = std::mem::take(&mut edge.last);
        let mut full = vec![];
        if let Some(name) = TileName::hashes(0, edge.size / TILE_WIDTH - 1, edge.size) {
            full.push((name, leaves.clone()));
        }
        edge.tiling.push(root_of(&leaves), &mut |name, hashes| {
            full.push((name, hashes.to_vec()));
        });
        for (name, hashes) in full {
            self.write(&mut edge.kept, name, &hashes)?;
        }
        Ok(())
    }

    fn write(
        &self,
        kept: &mut HashMap<TileName, Vec<TreeHash>>,
        name: TileName,
        hashes: &[TreeHash],
    ) -> Result<(), TileFault> {
        if let Some(folder) = &self.folder {
            return write_file(folder, name, hashes.as_flattened())
                .map_err(|error| TileFault::Folder(folder.clone(), error));
        }
        kept.insert(name, hashes.to_vec());
        Ok(())
    }

    /// The hashes of a tile of the tree that was caught up with last; nobody has proven them.
    pub(super) fn fetch(&self, name: TileName) -> Result<Vec<TreeHash>, TileFault> {
        let damaged = || TileFault::Damaged(name.path());
        let full = TileName {
            width: u16::try_from(TILE_WIDTH).unwrap_or(u16::MAX),
            ..name
        };
        // A tile that has been filled since took the place of its unfinished forms.
        let mut hashes = self.read(name).or_else(|| self.read(full)).ok_or_else(damaged)?;
        hashes.truncate(usize::from(name.width));
        Ok(hashes)
    }

    fn read(&self, name: TileName) -> Option<Vec<TreeHash>> {
        let Some(folder) = &self.folder else {
            let edge = self.edge.lock().unwrap_or_else(PoisonError::into_inner);
            return edge.kept.get(&name).cloned();
        };
        let bytes = fs::read(folder.join(name.path())).ok()?;
        let (hashes, rest) = bytes.as_chunks();
        let is_whole = hashes.len() == usize::from(name.width) && rest.is_empty();
        is_whole.then(|| hashes.to_vec())
    }
}

/// Writes a tile, unless it is there already. A full one takes the place of all partial ones.
fn write_file(folder: &Path, name: TileName, bytes: &[u8]) -> io::Result<()> {
    let path = folder.join(name.path());
    if fs::read(&path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut unfinished = path.clone().into_os_string();
    unfinished.push(".new");
    fs::write(&unfinished, bytes)
        .and_then(|()| fs::rename(&unfinished, &path))
        .inspect_err(|_| {
            // A full disk gets its room back; what cannot be removed now goes with the tile's other unfinished forms.
            let _ = fs::remove_file(&unfinished);
        })?;
    if name.is_full() {
        let mut partial = path.into_os_string();
        partial.push(".p");
        match fs::remove_dir_all(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
