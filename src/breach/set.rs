//! The file of an imported set: fingerprints of hashes in pages of 4 KiB, of which a look-up reads two.
//!
//! ```text
//! file    = header, then pages; each has 4,096 bytes; numbers are little-endian
//! header  = "KLBREACH"  version u16 = 1  source u8 (1 hashes, 2 passwords)  0 × 5
//!           entries u64  lines read u64  least count u64  imported i64 (µs since 1970)
//!           root, 32 bytes: BLAKE3 of the checks of all pages in order
//!           256 × pages u32: how many pages each shard has; shard = the hash's first byte
//!           0 …, then in the last 32 bytes BLAKE3 of all before
//! page    = check, 16 bytes: the start of BLAKE3 of the page's number u32 (from 0) and of all that follows
//!           entries u16  0 × 2  fingerprints u32, ascending  0 …
//! ```
//!
//! Of a hash, its first eight bytes count: `k`, big-endian. In its shard of `n` pages, the page is `(k << 8) · n / 2⁶⁴`
//! and the fingerprint is the lower half of `k`. A page holds at most 1,019 fingerprints of 32 bits, so a hash that is
//! not in the set is taken for one that is at most once in 4.2 million look-ups.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::LeakedHash;
use super::import::Source;
use crate::types::Timestamp;

pub(super) const PAGE_BYTES: usize = 4_096;
/// One for each first byte of a hash.
pub(super) const SHARDS: usize = 256;
/// Fingerprints that fit in a page.
pub(super) const PAGE_ENTRIES_MAX: usize = (PAGE_BYTES - PAGE_HEAD) / 4;
/// How often a hash that is not in a set is taken for one that is, at most, a look-up.
pub const FALSE_POSITIVES_MAX: f64 = 1_019.0 / 4_294_967_296.0;
const _: () = assert!(PAGE_ENTRIES_MAX == 1_019, "the rate is that of a full page");
const _: () = assert!(
    2.0 * FALSE_POSITIVES_MAX <= 1e-6,
    "a password is looked up in two spellings"
);

const MAGIC: [u8; 8] = *b"KLBREACH";
const VERSION: u16 = 1;
const CHECK_BYTES: usize = 16;
const PAGE_HEAD: usize = CHECK_BYTES + 4;
const SHARD_TABLE: usize = 80;
const HEADER_HASH: usize = PAGE_BYTES - 32;

/// Why a set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SetFault {
    /// It cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is something else.
    #[error(
        "{} is not a set of leaked passwords: move it away, and make sets with `keyledger breach import`", path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It is of a newer form.
    #[error("{} was made by a newer keyledger (form {version}): import the list again with this one", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The form's number.
        version: u16,
    },
    /// It is not what was written.
    #[error("{} is damaged ({what}): import the list again with `keyledger breach import`", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        what: String,
    },
}

impl SetFault {
    /// The file that it is about.
    pub fn path(&self) -> &Path {
        match self {
            Self::Unreadable { path, .. }
            | Self::Foreign { path }
            | Self::Newer { path, .. }
            | Self::Damaged { path, .. } => path,
        }
    }
}

/// What the first page says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub(super) source: Source,
    pub(super) entries: u64,
    pub(super) lines: u64,
    pub(super) min_count: u64,
    pub(super) imported: Timestamp,
    pub(super) root: [u8; 32],
    pub(super) pages: Box<[u32; SHARDS]>,
}

impl Header {
    pub(super) fn encode(&self) -> [u8; PAGE_BYTES] {
        let mut page = [0; PAGE_BYTES];
        page[..8].copy_from_slice(&MAGIC);
        page[8..10].copy_from_slice(&VERSION.to_le_bytes());
        page[10] = match self.source {
            Source::Hashes => 1,
            Source::Passwords => 2,
        };
        page[16..24].copy_from_slice(&self.entries.to_le_bytes());
        page[24..32].copy_from_slice(&self.lines.to_le_bytes());
        page[32..40].copy_from_slice(&self.min_count.to_le_bytes());
        page[40..48].copy_from_slice(&self.imported.0.to_le_bytes());
        page[48..80].copy_from_slice(&self.root);
        for (at, pages) in page[SHARD_TABLE..].chunks_exact_mut(4).zip(self.pages.iter()) {
            at.copy_from_slice(&pages.to_le_bytes());
        }
        let hash = blake3::hash(&page[..HEADER_HASH]);
        page[HEADER_HASH..].copy_from_slice(hash.as_bytes());
        page
    }

    fn decode(page: &[u8; PAGE_BYTES], path: &Path) -> Result<Self, SetFault> {
        let path = || path.to_owned();
        if page[..8] != MAGIC {
            return Err(SetFault::Foreign { path: path() });
        }
        let version = u16::from_le_bytes([page[8], page[9]]);
        if version > VERSION {
            return Err(SetFault::Newer {
                path: path(),
                version,
            });
        }
        let damaged = |what: &str| SetFault::Damaged {
            path: path(),
            what: what.to_owned(),
        };
        if page[HEADER_HASH..] != *blake3::hash(&page[..HEADER_HASH]).as_bytes() {
            return Err(damaged("its first page"));
        }
        let source = match page[10] {
            1 => Source::Hashes,
            2 => Source::Passwords,
            _ => return Err(damaged("the kind of its source")),
        };
        let mut pages = Box::new([0; SHARDS]);
        for (at, pages) in page[SHARD_TABLE..].chunks_exact(4).zip(pages.iter_mut()) {
            *pages = number(at);
        }
        let mut root = [0; 32];
        root.copy_from_slice(&page[48..80]);
        Ok(Self {
            source,
            entries: long(&page[16..24]),
            lines: long(&page[24..32]),
            min_count: long(&page[32..40]),
            imported: Timestamp(long(&page[40..48]).cast_signed()),
            root,
            pages,
        })
    }

    /// Pages after the header.
    fn pages_in_all(&self) -> u64 {
        self.pages.iter().map(|pages| u64::from(*pages)).sum()
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

fn long(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// The first byte of the hash.
pub(super) fn shard_of(key: u64) -> usize {
    usize::from(key.to_be_bytes()[0])
}

/// Which of its shard's pages a key belongs to. Ascending keys have ascending pages.
pub(super) fn page_of(key: u64, pages: u32) -> u32 {
    let page = (u128::from(key << 8) * u128::from(pages)) >> 64;
    u32::try_from(page).expect("a part of a number of 32 bits is one")
}

/// The lower half of the key.
pub(super) fn fingerprint_of(key: u64) -> u32 {
    let [.., a, b, c, d] = key.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// Writes a page. `fingerprints` are at most [`PAGE_ENTRIES_MAX`] and ascend.
pub(super) fn encode_page(index: u32, fingerprints: &[u32]) -> [u8; PAGE_BYTES] {
    assert!(
        fingerprints.len() <= PAGE_ENTRIES_MAX,
        "a page is filled up to its end"
    );
    let mut page = [0; PAGE_BYTES];
    let count = u16::try_from(fingerprints.len()).expect("a page holds fewer than 65,536");
    page[CHECK_BYTES..CHECK_BYTES + 2].copy_from_slice(&count.to_le_bytes());
    for (at, fingerprint) in page[PAGE_HEAD..].chunks_exact_mut(4).zip(fingerprints) {
        at.copy_from_slice(&fingerprint.to_le_bytes());
    }
    let check = check_of(index, &page);
    page[..CHECK_BYTES].copy_from_slice(&check);
    page
}

fn check_of(index: u32, page: &[u8; PAGE_BYTES]) -> [u8; CHECK_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&index.to_le_bytes()).update(&page[CHECK_BYTES..]);
    let mut check = [0; CHECK_BYTES];
    check.copy_from_slice(&hasher.finalize().as_bytes()[..CHECK_BYTES]);
    check
}

/// The root over pages that are given in order.
#[derive(Default)]
pub(super) struct Root(blake3::Hasher);

impl Root {
    pub(super) fn add(&mut self, page: &[u8; PAGE_BYTES]) {
        self.0.update(&page[..CHECK_BYTES]);
    }

    pub(super) fn finish(&self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}

/// An imported set, opened.
#[derive(Debug)]
pub struct LeakedSet {
    file: File,
    path: PathBuf,
    header: Header,
}

impl LeakedSet {
    /// Opens a set: its first page and its length are looked at now, every other page when it is read.
    pub fn open(path: &Path) -> Result<Self, SetFault> {
        let unreadable = |source| SetFault::Unreadable {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        if length < PAGE_BYTES as u64 {
            return Err(SetFault::Foreign {
                path: path.to_owned(),
            });
        }
        let mut page = [0; PAGE_BYTES];
        file.read_exact_at(&mut page, 0).map_err(unreadable)?;
        let header = Header::decode(&page, path)?;
        let expected = (1 + header.pages_in_all()) * PAGE_BYTES as u64;
        if length != expected {
            return Err(SetFault::Damaged {
                path: path.to_owned(),
                what: format!("it has {length} bytes instead of {expected}"),
            });
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            header,
        })
    }

    /// Whether a hash is in the set. A yes is wrong once in [`FALSE_POSITIVES_MAX`]⁻¹ look-ups at most; a no is right.
    pub fn has(&self, hash: LeakedHash) -> Result<bool, SetFault> {
        let key = hash.key();
        let shard = shard_of(key);
        let pages = self.header.pages[shard];
        if pages == 0 {
            return Ok(false);
        }
        let before: u32 = self.header.pages[..shard].iter().sum();
        let page = self.page(before + page_of(key, pages))?;
        Ok(fingerprints(&page).binary_search(&fingerprint_of(key)).is_ok())
    }

    /// Reads every page: whether all are what was written, and hold as many entries as the first page says.
    pub fn verify(&self) -> Result<(), SetFault> {
        let pages = u32::try_from(self.header.pages_in_all()).map_err(|_| self.damaged("too many pages"))?;
        let (mut root, mut entries) = (Root::default(), 0);
        for index in 0..pages {
            let page = self.page(index)?;
            root.add(&page);
            entries += fingerprints(&page).len() as u64;
        }
        if root.finish() != self.header.root || entries != self.header.entries {
            return Err(self.damaged("its pages are not all of one import"));
        }
        Ok(())
    }

    /// How many entries it has.
    pub fn entries(&self) -> u64 {
        self.header.entries
    }

    /// How many lines were read for them.
    pub fn lines(&self) -> u64 {
        self.header.lines
    }

    /// The least count that a line had to have; 0 if all were taken.
    pub fn min_count(&self) -> u64 {
        self.header.min_count
    }

    /// When it was imported.
    pub fn imported(&self) -> Timestamp {
        self.header.imported
    }

    /// What the list held.
    pub fn source(&self) -> Source {
        self.header.source
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        (1 + self.header.pages_in_all()) * PAGE_BYTES as u64
    }

    /// How often a hash that is not in the set is taken for one that is, a look-up: about this.
    #[expect(clippy::cast_precision_loss, reason = "a rate has no more than three digits")]
    pub fn false_positives(&self) -> f64 {
        let pages = self.header.pages_in_all().max(1);
        self.header.entries as f64 / pages as f64 / 4_294_967_296.0
    }

    fn page(&self, index: u32) -> Result<[u8; PAGE_BYTES], SetFault> {
        let mut page = [0; PAGE_BYTES];
        let at = (1 + u64::from(index)) * PAGE_BYTES as u64;
        self.file
            .read_exact_at(&mut page, at)
            .map_err(|source| SetFault::Unreadable {
                path: self.path.clone(),
                source,
            })?;
        let count = usize::from(u16::from_le_bytes([page[CHECK_BYTES], page[CHECK_BYTES + 1]]));
        if page[..CHECK_BYTES] != check_of(index, &page) || count > PAGE_ENTRIES_MAX {
            return Err(self.damaged(&format!("the page at byte {at}")));
        }
        Ok(page)
    }

    fn damaged(&self, what: &str) -> SetFault {
        SetFault::Damaged {
            path: self.path.clone(),
            what: what.to_owned(),
        }
    }
}

fn fingerprints(page: &[u8; PAGE_BYTES]) -> Vec<u32> {
    let count = usize::from(u16::from_le_bytes([page[CHECK_BYTES], page[CHECK_BYTES + 1]]));
    page[PAGE_HEAD..]
        .chunks_exact(4)
        .take(count)
        .map(number)
        .collect()
}
