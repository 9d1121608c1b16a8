//! Tiles: the tree cut into files of up to 256 hashes, as `c2sp.org/tlog-tiles` lays them out.
//!
//! A tile of level 0 holds leaf hashes, one of level `n` the roots of full tiles of the level below. An entry bundle
//! holds the records of a tile of level 0, each after its length, u16 big-endian.

use super::{Frontier, TreeHash, root_of};

/// Hashes in a full tile.
pub const TILE_WIDTH: u64 = 256;
/// Levels of the tree in one level of tiles.
pub const TILE_HEIGHT: u32 = 8;
/// The highest level of tiles that a tree of 2⁶⁴ leaves has.
pub const MAX_LEVEL: u8 = 7;

/// What a tile's file holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TileKind {
    /// Hashes of this level.
    Hashes(u8),
    /// The records themselves.
    Entries,
}

/// The name of a tile or an entry bundle.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TileName {
    /// What it holds.
    pub kind: TileKind,
    /// Its place in its level, counted from the left.
    pub index: u64,
    /// How many hashes or records it holds: 1 to 256, fewer than 256 only at the right edge.
    pub width: u16,
}

impl TileName {
    /// The tile of hashes of `level` at `index` in a tree of `size` leaves; `None` if that tree has none there.
    pub fn hashes(level: u8, index: u64, size: u64) -> Option<Self> {
        let kind = TileKind::Hashes(level);
        width(level, index, size).map(|width| Self { kind, index, width })
    }

    /// The entry bundle at `index` in a tree of `size` leaves; `None` if that tree has none there.
    pub fn entries(index: u64, size: u64) -> Option<Self> {
        let kind = TileKind::Entries;
        width(0, index, size).map(|width| Self { kind, index, width })
    }

    /// Whether it holds all the 256 that it can hold.
    pub fn is_full(&self) -> bool {
        u64::from(self.width) == TILE_WIDTH
    }

    /// Its path below the log's folder: `tile/0/x001/234` or `tile/entries/000.p/17`.
    pub fn path(&self) -> String {
        let kind = match self.kind {
            TileKind::Hashes(level) => level.to_string(),
            TileKind::Entries => "entries".to_owned(),
        };
        let mut groups = format!("{:03}", self.index % 1000);
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups = format!("x{:03}/{groups}", rest % 1000);
            rest /= 1000;
        }
        if self.is_full() {
            format!("tile/{kind}/{groups}")
        } else {
            format!("tile/{kind}/{groups}.p/{}", self.width)
        }
    }

    /// The inverse of [`TileName::path`]; `None` for anything it never writes.
    pub fn parse(path: &str) -> Option<Self> {
        let (kind, place) = path.strip_prefix("tile/")?.split_once('/')?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            level => TileKind::Hashes(level.parse().ok().filter(|level| *level <= MAX_LEVEL)?),
        };
        let (groups, width) = match place.split_once(".p/") {
            Some((groups, width)) => (
                groups,
                width.parse().ok().filter(|width| (1..256).contains(width))?,
            ),
            None => (place, 256),
        };
        let index = groups.split('/').try_fold(0_u64, |index, group| {
            let digits = group.strip_prefix('x').unwrap_or(group);
            let number: u64 = digits.parse().ok().filter(|_| digits.len() == 3)?;
            index.checked_mul(1000)?.checked_add(number)
        })?;
        let name = Self { kind, index, width };
        // Whatever else a number parses from (a sign, zeros before it) is not how a name is written.
        (name.path() == path).then_some(name)
    }
}

/// How many hashes the tile at `index` of `level` has in a tree of `size` leaves; `None` if none.
fn width(level: u8, index: u64, size: u64) -> Option<u16> {
    let in_level = size.checked_shr(TILE_HEIGHT * u32::from(level)).unwrap_or(0);
    let before = index.checked_mul(TILE_WIDTH)?;
    let there = in_level.checked_sub(before)?.min(TILE_WIDTH);
    u16::try_from(there).ok().filter(|width| *width > 0)
}

/// All tiles of hashes of a tree of `size` leaves, level by level.
pub fn all_hashes(size: u64) -> impl Iterator<Item = TileName> {
    (0..=MAX_LEVEL).flat_map(move |level| (0..).map_while(move |index| TileName::hashes(level, index, size)))
}

/// The right edge of a tree in tiles: fed with the roots of full tiles of level 0, it says which tiles above are full
/// then.
#[derive(Clone, Debug, Default)]
pub struct Tiling {
    /// The tree over those roots.
    roots: Frontier,
    /// What the unfinished tile of each level holds, beginning with level 1.
    edge: [Vec<TreeHash>; MAX_LEVEL as usize],
}

impl Tiling {
    /// Adds the root of the next full tile of level 0, telling the tiles that are full now, the lowest first.
    pub fn push(&mut self, root: TreeHash, full: &mut impl FnMut(TileName, &[TreeHash])) {
        let count = self.roots.size() + 1;
        let edge = &mut self.edge;
        self.roots.push_telling(root, &mut |height, hash| {
            if height % TILE_HEIGHT != 0 {
                return;
            }
            for (level, tile) in (1..).zip(edge.iter_mut()) {
                if TILE_HEIGHT * (u32::from(level) - 1) != height {
                    continue;
                }
                tile.push(*hash);
                if tile.len() as u64 == TILE_WIDTH {
                    let index = (count >> (height + TILE_HEIGHT)) - 1;
                    let kind = TileKind::Hashes(level);
                    full(
                        TileName {
                            kind,
                            index,
                            width: 256,
                        },
                        tile,
                    );
                    tile.clear();
                }
            }
        });
    }

    /// The unfinished tiles above level 0, the lowest first.
    pub fn partial(&self) -> impl Iterator<Item = (TileName, &[TreeHash])> {
        let count = self.roots.size();
        (1..).zip(&self.edge).filter_map(move |(level, tile)| {
            let width = u16::try_from(tile.len()).ok().filter(|width| *width > 0)?;
            let index = count.checked_shr(TILE_HEIGHT * u32::from(level)).unwrap_or(0);
            let kind = TileKind::Hashes(level);
            Some((TileName { kind, index, width }, tile.as_slice()))
        })
    }

    /// The right edge of the whole tree, with the leaves of the unfinished tile of level 0.
    pub fn frontier(&self, last: &[TreeHash]) -> Frontier {
        let mut lower = Frontier::default();
        for leaf in last {
            lower.push(*leaf);
        }
        Frontier::joined(&self.roots, TILE_HEIGHT, &lower)
    }
}

/// Finds complete nodes in tiles of a tree of `size` leaves; `fetch` gives a tile's hashes, as many as it is wide.
///
/// What a tile says is taken at its word: a proof that was made from it must be checked against a root.
pub fn node<E>(
    size: u64,
    height: u32,
    index: u64,
    fetch: &mut dyn FnMut(TileName) -> Result<Vec<TreeHash>, E>,
) -> Result<TreeHash, E> {
    let level = u8::try_from(height / TILE_HEIGHT).expect("a tree is at most 64 high");
    let within = height % TILE_HEIGHT;
    let per_tile = TILE_HEIGHT - within;
    let name = TileName::hashes(level, index >> per_tile, size).expect("a complete node of this tree");
    let hashes = fetch(name)?;
    let first = (index & ((1 << per_tile) - 1)) << within;
    let first = usize::try_from(first).expect("a tile has 256 hashes");
    Ok(root_of(&hashes[first..first + (1 << within)]))
}
