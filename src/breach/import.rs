//! From a list of any size to a set, in bounded memory: hashes are dealt out to 256 files, each is sorted and becomes
//! pages. Nothing is changed before the new set is whole, verified and on the disk; what an interrupted import left
//! behind is removed by the next one, which begins anew.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::lines::{Entry, Lines};
use super::set::{
    Header, LeakedSet, PAGE_BYTES, PAGE_ENTRIES_MAX, Root, SHARDS, SetFault, encode_page, fingerprint_of,
    page_of, shard_of,
};
use super::shelf::{SETS_MAX, SetName, Shelf};
use crate::types::Timestamp;

/// Keys of one shard, repeated ones too: 256 MiB, all that is in memory at once. Of evenly spread hashes, 8.6 thousand
/// million fit in.
const SHARD_KEYS_MAX: usize = 1 << 25;
/// Bytes that wait for their shard's file; there are 256 such buffers.
const SHARD_BUFFER: usize = 32 * 1024;
/// Fingerprints that a page is meant to have, at first; pages are added until none has too many.
const PAGE_ENTRIES_MEANT: usize = 940;
/// Lines between two reports.
const REPORT_EVERY: u64 = 1 << 16;
const WORKSHOP: &str = ".importing";

/// What a list holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// `SHA-1[:count]`, as Have I Been Pwned can be downloaded.
    Hashes,
    /// Passwords, one a line.
    Passwords,
}

/// What to import.
#[derive(Clone, Debug)]
pub struct Import {
    /// What the set will be called; one of the same name is replaced.
    pub name: SetName,
    /// What the lines are.
    pub source: Source,
    /// Hashes that were seen fewer times are left out; 0 takes all.
    pub min_count: u64,
    /// When.
    pub now: Timestamp,
}

/// How far an import is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// The list is being read: so many lines, so many bytes.
    Reading {
        /// Lines.
        lines: u64,
        /// Bytes.
        bytes: u64,
    },
    /// So many of the 256 parts are sorted and written.
    Writing {
        /// Parts.
        shards: usize,
    },
    /// The set is read once more before it takes its place.
    Verifying,
}

/// What came of an import.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Imported {
    /// Lines that were read.
    pub lines: u64,
    /// Entries of the set, each once.
    pub entries: u64,
    /// Lines that no password can be: not UTF-8, or longer than 4,096 bytes.
    pub unusable: u64,
    /// Bytes of the set's file.
    pub bytes: u64,
}

/// Why nothing was imported; the sets that were there are as they were.
#[derive(Debug, thiserror::Error)]
pub enum ImportFault {
    /// The list cannot be read.
    #[error("the list cannot be read: {0}")]
    Input(#[source] io::Error),
    /// A line is not of the form that was announced.
    #[error("line {number}: {problem}; a list of passwords, one a line, is imported with --plain")]
    Line {
        /// Which, from 1.
        number: u64,
        /// What is wrong.
        problem: &'static str,
    },
    /// Nothing was taken.
    #[error("none of {lines} lines is taken: lower --min-count, or name another list")]
    Empty {
        /// Lines that were read.
        lines: u64,
    },
    /// Too many hashes begin alike.
    #[error(
        "too many lines have hashes that begin with {first:02X}: remove repeated lines (`sort -u`); what remains must be \
         SHA-1, and at most 8,000 million lines"
    )]
    Crowded {
        /// The first byte.
        first: usize,
    },
    /// There are too many sets.
    #[error(
        "there are {SETS_MAX} sets already: remove one with `keyledger breach remove`, or replace one with --name"
    )]
    TooManySets,
    /// Another import is under way.
    #[error("another import into {} is under way: wait for it", folder.display())]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder or a file in it cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What was written is not what is read.
    #[error("the set was not written as it should be, and is thrown away: {0}")]
    Verification(#[from] SetFault),
}

impl Import {
    /// Reads a list to its end, and puts the set into the folder.
    pub fn run(
        &self,
        shelf: &Shelf,
        input: impl BufRead,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Imported, ImportFault> {
        let folder = shelf.folder();
        fs::create_dir_all(folder).map_err(unwritable(folder))?;
        // Held until the end of this function, and given back by the system if the process dies.
        let place = File::open(folder).map_err(unwritable(folder))?;
        place.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => ImportFault::Busy {
                folder: folder.to_owned(),
            },
            TryLockError::Error(source) => unwritable(folder)(source),
        })?;
        let names = shelf.names().map_err(unwritable(folder))?;
        if names.len() >= SETS_MAX && !names.contains(&self.name) {
            return Err(ImportFault::TooManySets);
        }
        let workshop = Workshop::open(folder)?;
        let (mut shards, read) = self.deal(&workshop, input, progress)?;
        let draft = workshop.path.join("set");
        let entries = self.write(&draft, &mut shards, read.lines, progress)?;
        progress(Progress::Verifying);
        let set = LeakedSet::open(&draft)?;
        set.verify()?;
        fs::rename(&draft, shelf.path(&self.name)).map_err(unwritable(folder))?;
        place.sync_all().map_err(unwritable(folder))?;
        Ok(Imported {
            entries,
            bytes: set.bytes(),
            ..read
        })
    }

    /// Deals the hashes out to their shards.
    fn deal(
        &self,
        workshop: &Workshop,
        input: impl BufRead,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(Vec<Shard>, Imported), ImportFault> {
        let mut shards = (0..SHARDS)
            .map(|first| Shard::create(workshop, first))
            .collect::<Result<Vec<_>, _>>()?;
        let mut lines = Lines::new(input);
        let mut unusable = 0;
        while let Some(entry) = lines.next(self.source, self.min_count)? {
            match entry {
                Entry::Hash(hash) => shards[shard_of(hash.key())].add(hash.key())?,
                Entry::Left => {}
                Entry::NoPassword => unusable += 1,
            }
            if lines.number.is_multiple_of(REPORT_EVERY) {
                let (lines, bytes) = (lines.number, lines.bytes);
                progress(Progress::Reading { lines, bytes });
            }
        }
        let lines = lines.number;
        if shards.iter().all(|shard| shard.keys == 0) {
            return Err(ImportFault::Empty { lines });
        }
        let read = Imported {
            lines,
            entries: 0,
            unusable,
            bytes: 0,
        };
        Ok((shards, read))
    }

    /// Writes the set's file, shard by shard, and gives it to the disk; says how many entries it has.
    fn write(
        &self,
        draft: &Path,
        shards: &mut [Shard],
        lines: u64,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<u64, ImportFault> {
        let unwritable = unwritable(draft);
        let mut header = Header {
            source: self.source,
            entries: 0,
            lines,
            min_count: self.min_count,
            imported: self.now,
            root: [0; 32],
            pages: Box::new([0; SHARDS]),
        };
        let mut out = BufWriter::with_capacity(1 << 20, File::create(draft).map_err(&unwritable)?);
        // The place of the header, which is known at the end.
        out.write_all(&[0; PAGE_BYTES]).map_err(&unwritable)?;
        let (mut root, mut index) = (Root::default(), 0);
        for (first, shard) in shards.iter_mut().enumerate() {
            let keys = shard.sorted_keys()?;
            let pages = pages_for(&keys).ok_or(ImportFault::Crowded { first })?;
            header.pages[first] = pages;
            header.entries += keys.len() as u64;
            for fingerprints in paged(&keys, pages) {
                let page = encode_page(index, &fingerprints);
                root.add(&page);
                out.write_all(&page).map_err(&unwritable)?;
                index += 1;
            }
            progress(Progress::Writing { shards: first + 1 });
        }
        header.root = root.finish();
        let mut file = out.into_inner().map_err(|error| unwritable(error.into_error()))?;
        file.seek(SeekFrom::Start(0)).map_err(&unwritable)?;
        file.write_all(&header.encode()).map_err(&unwritable)?;
        file.sync_all().map_err(&unwritable)?;
        Ok(header.entries)
    }
}

fn unwritable(path: &Path) -> impl Fn(io::Error) -> ImportFault {
    move |source| ImportFault::Unwritable {
        path: path.to_owned(),
        source,
    }
}

/// The fewest pages, about, among which sorted keys fit; none if they are no evenly spread hashes.
fn pages_for(keys: &[u64]) -> Option<u32> {
    let least = keys.len().div_ceil(PAGE_ENTRIES_MEANT);
    let mut pages = least;
    while pages <= 4 * least {
        let count = u32::try_from(pages).ok()?;
        let fits = |keys: &[u64]| keys.len() <= PAGE_ENTRIES_MAX;
        if keys
            .chunk_by(|one, next| page_of(*one, count) == page_of(*next, count))
            .all(fits)
        {
            return Some(count);
        }
        pages += pages.div_ceil(50);
    }
    None
}

/// The fingerprints of each page in turn, those of empty pages too.
fn paged(keys: &[u64], pages: u32) -> impl Iterator<Item = Vec<u32>> {
    let mut rest = keys;
    (0..pages).map(move |page| {
        let (own, after) = rest.split_at(rest.partition_point(|key| page_of(*key, pages) <= page));
        rest = after;
        let mut fingerprints: Vec<u32> = own.iter().map(|key| fingerprint_of(*key)).collect();
        fingerprints.sort_unstable();
        fingerprints
    })
}

/// The folder of an import under way; gone when it ends.
struct Workshop {
    path: PathBuf,
}

impl Workshop {
    /// Begins anew, whatever an import before left. The folder above is locked.
    fn open(folder: &Path) -> Result<Self, ImportFault> {
        let path = folder.join(WORKSHOP);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritable(&path)(error)),
            Ok(()) | Err(_) => {}
        }
        fs::create_dir(&path).map_err(unwritable(&path))?;
        Ok(Self { path })
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // What stays is removed by the next import.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// The keys that begin alike, on their way through a file.
struct Shard {
    first: usize,
    path: PathBuf,
    out: BufWriter<File>,
    keys: usize,
}

impl Shard {
    fn create(workshop: &Workshop, first: usize) -> Result<Self, ImportFault> {
        let path = workshop.path.join(format!("{first:02x}"));
        let file = File::options()
            .create_new(true)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(unwritable(&path))?;
        Ok(Self {
            first,
            path,
            out: BufWriter::with_capacity(SHARD_BUFFER, file),
            keys: 0,
        })
    }

    fn add(&mut self, key: u64) -> Result<(), ImportFault> {
        if self.keys == SHARD_KEYS_MAX {
            return Err(ImportFault::Crowded { first: self.first });
        }
        self.keys += 1;
        let written = self.out.write_all(&key.to_le_bytes());
        written.map_err(unwritable(&self.path))
    }

    /// All keys, ascending, each once; the file is given up.
    fn sorted_keys(&mut self) -> Result<Vec<u64>, ImportFault> {
        let mut keys = Vec::with_capacity(self.keys);
        self.read_into(&mut keys).map_err(unwritable(&self.path))?;
        assert_eq!(keys.len(), self.keys, "a shard is read as it was written");
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }

    fn read_into(&mut self, keys: &mut Vec<u64>) -> io::Result<()> {
        self.out.flush()?;
        let file = self.out.get_mut();
        file.seek(SeekFrom::Start(0))?;
        let mut block = vec![0; 64 * 1024];
        let mut left = self.keys * 8;
        while left > 0 {
            let take = left.min(block.len());
            file.read_exact(&mut block[..take])?;
            keys.extend(block[..take].chunks_exact(8).map(key));
            left -= take;
        }
        file.set_len(0)
    }
}

fn key(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}
