//! Making a part: beside the writer, from what is durable, under another name until it is proven.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::super::dir::{make_dir, sync_dir};
use super::super::frame;
use super::super::store::{Head, Reader};
use super::error::{BackupError, PartFault};
use super::folder::{FolderLock, PARTIAL_SUFFIX, files, newest_chain, part_name, trouble};
use super::format::{BODY_MAX, BlockWriter, KeyScope, PartHeader, PartSummary};
use super::keys::{KeyChange, KeySetHasher, KnownKeys};
use super::{OnProgress, PART_SUFFIX, Progress, read};
use crate::types::{Position, Timestamp};

/// Where a part goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Destination {
    /// Into a folder, which is made (mode 0700) if it is not there, under a name that tells what it holds.
    Folder(PathBuf),
    /// Into this file, which must not be there.
    File(PathBuf),
}

/// Where a part begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Since {
    /// At position 0, with all keys.
    Beginning,
    /// At this position, at which an append must have ended; with all keys, since nobody knows what its receiver has.
    Position(Position),
    /// Where the newest chain of the folder ends, with the keys that changed; at the beginning if there is none that
    /// this ledger continues.
    Newest,
}

/// What to make.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// Where it goes.
    pub to: Destination,
    /// Where it begins.
    pub since: Since,
    /// The time that it carries.
    pub now: Timestamp,
}

/// What was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Made {
    /// The new file; none if nothing had happened since the part before.
    pub path: Option<PathBuf>,
    /// What it says about itself.
    pub header: PartHeader,
    /// What is in it.
    pub summary: PartSummary,
    /// Its length.
    pub bytes: u64,
    /// BLAKE3 of the file.
    pub hash: [u8; 32],
    /// Why it begins at position 0 although it was to continue a chain.
    pub fresh_start: Option<String>,
}

/// What a part continues.
struct Start {
    from: Head,
    known: Option<KnownKeys>,
    why_fresh: Option<String>,
}

/// Makes a part of what is durable now, proves it, and gives it its name.
pub fn back_up(
    reader: &dyn Reader,
    order: &Order,
    progress: &mut OnProgress<'_>,
) -> Result<Made, BackupError> {
    let folder = match &order.to {
        Destination::Folder(folder) => {
            make_dir(folder)?;
            folder.as_path()
        }
        Destination::File(file) => folder_of(file),
    };
    let _lock = FolderLock::take(folder)?;
    let to = reader.head();
    let start = start(reader, order)?;
    let header = PartHeader {
        ledger: reader.ledger_id(),
        from: start.from,
        to,
        at: order.now,
        keys: match start.known {
            Some(_) => KeyScope::Changes,
            None => KeyScope::All,
        },
    };
    let path = match &order.to {
        Destination::Folder(folder) => {
            for left in files(folder, &format!("{PART_SUFFIX}{PARTIAL_SUFFIX}"))? {
                fs::remove_file(&left).map_err(trouble("remove the unfinished backup", &left))?;
            }
            folder.join(part_name(&header))
        }
        Destination::File(file) => file.clone(),
    };
    let mut known = start.known;
    let partial = Partial::begin(&path)?;
    let (summary, bytes) =
        partial.write(&mut |out| write_part(reader, &header, known.take(), out, progress))?;
    let hash = partial.prove(&header, &summary, progress)?;
    let is_empty = header.keys == KeyScope::Changes && summary.frames == 0 && summary.key_entries == 0;
    let path = if is_empty {
        None
    } else {
        partial.keep()?;
        Some(path)
    };
    Ok(Made {
        path,
        header,
        summary,
        bytes,
        hash,
        fresh_start: start.why_fresh,
    })
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

fn start(reader: &dyn Reader, order: &Order) -> Result<Start, BackupError> {
    let beginning = |why_fresh| Start {
        from: Head {
            next: Position(0),
            chain: frame::genesis(reader.ledger_id()),
        },
        known: None,
        why_fresh,
    };
    match (order.since, &order.to) {
        (Since::Beginning, _) => Ok(beginning(None)),
        (Since::Position(asked), _) => match reader.chain_at(asked)? {
            Some(chain) => Ok(Start {
                from: Head { next: asked, chain },
                known: None,
                why_fresh: None,
            }),
            None => Err(BackupError::NoBoundary { asked }),
        },
        (Since::Newest, Destination::File(file)) => Err(BackupError::NotAFolder(file.clone())),
        (Since::Newest, Destination::Folder(folder)) => {
            continuing(reader, folder).map(|start| start.unwrap_or_else(|why| beginning(Some(why))))
        }
    }
}

/// Continues the newest chain of a folder, or says why not.
fn continuing(reader: &dyn Reader, folder: &Path) -> Result<Result<Start, String>, BackupError> {
    let chain = match newest_chain(folder, Some(reader.ledger_id())) {
        Ok(chain) => chain,
        Err(fault) if fault.is_damage() => return Ok(Err(fault.to_string())),
        Err(fault) => return Err(fault),
    };
    let Some(last) = chain.last() else {
        return Ok(Err("there was no backup of this ledger in the folder".to_owned()));
    };
    let to = last.header.to;
    if reader.chain_at(to.next)? != Some(to.chain) {
        return Ok(Err(format!(
            "the newest backup ends at position {} in another history of this ledger",
            to.next
        )));
    }
    let base = chain.iter().rposition(|part| part.header.keys == KeyScope::All);
    let mut known = KnownKeys::default();
    for part in &chain[base.unwrap_or(0)..] {
        match read::each_key(&part.path, &mut |id, wrapped| known.apply(id, wrapped)) {
            Ok(()) => {}
            Err(fault) if fault.is_damage() => return Ok(Err(fault.to_string())),
            Err(fault) => return Err(fault),
        }
    }
    Ok(Ok(Start {
        from: to,
        known: Some(known),
        why_fresh: None,
    }))
}

/// Why writing a part stopped.
pub(super) enum Stopped {
    Ledger(super::super::error::StoreError),
    Output(io::Error),
    Interrupted,
}

/// Writes the frames of a header's range, then keys: all, or those that differ from the known ones. Keys are read after
/// the frames, so none is missing that a frame needs, but those destroyed since.
pub(super) fn write_part<W: Write>(
    reader: &dyn Reader,
    header: &PartHeader,
    mut known: Option<KnownKeys>,
    out: W,
    progress: &mut OnProgress<'_>,
) -> Result<(PartSummary, u64), Stopped> {
    let mut blocks = BlockWriter::begin(out, header).map_err(Stopped::Output)?;
    let (mut frames, mut records) = (0, 0);
    let mut stopped = None;
    if header.from.next < header.to.next {
        let scanned = reader.scan(header.from.next, &mut |frame| {
            if frame.first >= header.to.next {
                return ControlFlow::Break(());
            }
            frames += 1;
            records += frame.count();
            if let Err(error) = blocks.frame(frame.bytes) {
                stopped = Some(Stopped::Output(error));
                return ControlFlow::Break(());
            }
            let told = Progress {
                doing: "writing",
                done: frame.next.0,
                of: header.to.next.0,
            };
            if frames % 1_024 == 0 && progress(told).is_break() {
                stopped = Some(Stopped::Interrupted);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        scanned.map_err(Stopped::Ledger)?;
    }
    if let Some(stopped) = stopped {
        return Err(stopped);
    }
    let mut set = KeySetHasher::new();
    let mut changes: Vec<KeyChange> = vec![];
    let mut failed = None;
    let mut key_entries = 0;
    reader
        .data_keys(&mut |id, wrapped| {
            set.add(id, wrapped);
            if let Some(known) = &mut known {
                if !known.see(id, wrapped) {
                    let wrapped = Some(wrapped.to_vec());
                    changes.push(KeyChange { id, wrapped });
                }
            } else {
                key_entries += 1;
                if failed.is_none() {
                    failed = blocks.key(id, Some(wrapped)).err();
                }
            }
        })
        .map_err(Stopped::Ledger)?;
    if let Some(error) = failed {
        return Err(Stopped::Output(error));
    }
    let gone = known.into_iter().flat_map(KnownKeys::unseen);
    changes.extend(gone.map(|id| KeyChange { id, wrapped: None }));
    changes.sort_unstable_by_key(|change| change.id.to_bytes());
    for change in &changes {
        blocks
            .key(change.id, change.wrapped.as_deref())
            .map_err(Stopped::Output)?;
        key_entries += 1;
    }
    let summary = PartSummary {
        frames,
        records,
        key_entries,
        key_set: set.finish(),
    };
    let (_, bytes) = blocks.end(&summary).map_err(Stopped::Output)?;
    Ok((summary, bytes))
}

/// A file that has not got its name yet; dropping it removes it.
pub(super) struct Partial {
    path: PathBuf,
    name: PathBuf,
    file: File,
    kept: bool,
}

impl Partial {
    pub(super) fn begin(path: &Path) -> Result<Self, BackupError> {
        if fs::symlink_metadata(path).is_ok() {
            return Err(BackupError::Exists(path.to_owned()));
        }
        let mut partial = path.as_os_str().to_owned();
        partial.push(PARTIAL_SUFFIX);
        let partial = PathBuf::from(partial);
        // We have the folder, so this is what a killed backup left.
        match fs::remove_file(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(trouble("remove the unfinished backup", &partial)(error));
            }
            Ok(()) | Err(_) => {}
        }
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&partial)
            .map_err(|error| failed(&partial, 0, error))?;
        Ok(Self {
            path: path.to_owned(),
            name: partial,
            file,
            kept: false,
        })
    }

    /// Has the content written, and sees that the disk has it.
    pub(super) fn write<T>(
        &self,
        content: &mut dyn FnMut(&mut dyn Write) -> Result<T, Stopped>,
    ) -> Result<T, BackupError> {
        let mut out = BufWriter::with_capacity(BODY_MAX, &self.file);
        let written = content(&mut out)
            .and_then(|written| out.flush().map(|()| written).map_err(Stopped::Output))
            .and_then(|written| self.file.sync_all().map(|()| written).map_err(Stopped::Output));
        // Whatever a failure left in the buffer has nowhere to go.
        let _ = out.into_parts();
        written.map_err(|stopped| match stopped {
            Stopped::Ledger(error) => error.into(),
            Stopped::Interrupted => BackupError::Interrupted,
            Stopped::Output(error) => {
                let written = self.file.metadata().map_or(0, |metadata| metadata.len());
                failed(&self.path, written, error)
            }
        })
    }

    /// Reads back what was written, from its first byte to its last; returns the file's BLAKE3.
    fn prove(
        &self,
        header: &PartHeader,
        summary: &PartSummary,
        progress: &mut OnProgress<'_>,
    ) -> Result<[u8; 32], BackupError> {
        let read_back = |fault| BackupError::ReadBack {
            path: self.path.clone(),
            fault,
        };
        let read = match read::prove(&self.name, progress) {
            Err(BackupError::Damaged { fault, .. }) => return Err(read_back(fault)),
            read => read?,
        };
        if read != (*header, *summary) {
            return Err(read_back(PartFault::Counts("another part lies there")));
        }
        let mut hasher = blake3::Hasher::new();
        File::open(&self.name)
            .and_then(|file| hasher.update_reader(file).map(drop))
            .map_err(trouble("read back", &self.name))?;
        Ok(*hasher.finalize().as_bytes())
    }

    /// Gives the file its name; durable on `Ok`.
    fn keep(mut self) -> Result<(), BackupError> {
        if fs::symlink_metadata(&self.path).is_ok() {
            return Err(BackupError::Exists(self.path.clone()));
        }
        fs::rename(&self.name, &self.path).map_err(trouble("name the backup", &self.path))?;
        self.kept = true;
        Ok(sync_dir(folder_of(&self.path))?)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed now is removed by the next backup into this folder.
            let _ = fs::remove_file(&self.name);
        }
    }
}

fn failed(path: &Path, written: u64, source: io::Error) -> BackupError {
    let kind = source.kind();
    if kind == io::ErrorKind::StorageFull || kind == io::ErrorKind::QuotaExceeded {
        BackupError::Full {
            path: path.to_owned(),
            written,
        }
    } else {
        trouble("write the backup", path)(source)
    }
}
