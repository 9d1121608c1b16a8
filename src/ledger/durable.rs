//! Makes sled's flush a real one: acknowledged means fsynced.
//!
//! # What is wrong
//!
//! sled 0.34 writes a log buffer with `pwrite` and then, on Linux, calls `sync_file_range` where it should call `fsync`
//! (`src/pagecache/iobuf.rs`, `write_to_log`; spacejam/sled#1452). That call writes no metadata, the file's length among
//! it, and does not flush the drive's cache: a power loss takes acknowledged commits.
//!
//! # What this does
//!
//! The program defines the symbol `sync_file_range` itself, so the linker gives sled ours. Ours calls `fdatasync`. It
//! does so not on sled's descriptor but on our own of the same file, opened before sled's first write and never
//! reopened: the kernel reports a failed write-back once to each descriptor, sled's background flusher calls fsync on
//! sled's descriptor and merely logs the error, and so sled's could answer "fine" after a loss. Ours cannot. A failure
//! also sticks: [`DurableFile::failed`] stays set, later calls fail at once, and the store refuses to go on.
//!
//! # Why a flush that returned `Ok` needs nothing more
//!
//! * Every log buffer, whoever seals it (a commit's flush, an insert that finds it full, the background flusher, garbage
//!   collection), goes through `write_to_log` on one thread: `pwrite_all`, then `sync_file_range`, and only if that
//!   succeeded `mark_interval`. So no interval is marked before an fdatasync that began after its own write has ended.
//! * `stable_lsn` moves only over intervals that are marked without a hole (`mark_fsync`), and `Db::flush` returns only
//!   when `stable_lsn` has reached everything reserved when it began (`max_reserved_lsn`, `make_stable_inner`): our
//!   inserts among it, because they returned before. If the background flusher took our buffer away, the flush waits
//!   for that thread's interval, and so for that thread's fdatasync.
//! * A failure before that is sled's `global_error`, which the waiting flush returns, or our own sticky flag, which the
//!   store looks at after each flush. `ENOSYS` never leaves this function: sled would turn to its own descriptor.
//!
//! So one commit costs one device flush, not two. Whether the symbol is truly ours is not assumed: the store writes a
//! probe at each start and sees whether [`DurableFile::synced_for_sled`] moved; if not (another system, a strange
//! linker), each commit ends with an fdatasync of its own.

#![expect(
    unsafe_code,
    reason = "defines a C symbol for sled: three small unsafe places, reasoned in place"
)]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Our own descriptor of a database file, and what is known about its fsyncs.
#[derive(Debug)]
pub struct DurableFile {
    file: File,
    device: u64,
    inode: u64,
    synced_for_sled: AtomicU64,
    synced_by_us: AtomicU64,
    failed: AtomicBool,
}

/// The files that sled may want synced; entries of closed stores are swept when the next one opens.
static FILES: Mutex<Vec<Weak<DurableFile>>> = Mutex::new(Vec::new());

impl DurableFile {
    /// Opens (creates) a database file before sled does, and from then on syncs it for sled.
    pub fn open(path: &Path) -> io::Result<Arc<Self>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        let metadata = file.metadata()?;
        let entry = Arc::new(Self {
            file,
            device: metadata.dev(),
            inode: metadata.ino(),
            synced_for_sled: AtomicU64::new(0),
            synced_by_us: AtomicU64::new(0),
            failed: AtomicBool::new(false),
        });
        let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        files.retain(|file| file.strong_count() > 0);
        files.push(Arc::downgrade(&entry));
        drop(files);
        keep_symbol();
        Ok(entry)
    }

    /// How many fdatasyncs sled caused and got.
    pub fn synced_for_sled(&self) -> u64 {
        self.synced_for_sled.load(Ordering::Acquire)
    }

    /// How many fdatasyncs the store itself made.
    pub fn synced_by_us(&self) -> u64 {
        self.synced_by_us.load(Ordering::Acquire)
    }

    /// Whether any fdatasync ever failed: what the disk holds is then unknown until the file is opened and read anew.
    pub fn failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Makes everything written to the file durable, whoever wrote it.
    pub fn sync(&self) -> io::Result<()> {
        self.fdatasync()?;
        self.synced_by_us.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }

    fn fdatasync(&self) -> io::Result<()> {
        if self.failed() {
            return Err(io::Error::other("an earlier fdatasync of this file failed"));
        }
        self.file
            .sync_data()
            .inspect_err(|_| self.failed.store(true, Ordering::Release))
    }

    /// Marks the file as failed, as a disk would: for tests of what follows.
    #[cfg(test)]
    pub(crate) fn fail_from_now_on(&self) {
        self.failed.store(true, Ordering::Release);
    }
}

#[cfg(target_os = "linux")]
fn find(device: u64, inode: u64) -> Option<Arc<DurableFile>> {
    let files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
    // The newest first: an older entry of the same file is a store that is just closing.
    files
        .iter()
        .rev()
        .filter_map(Weak::upgrade)
        .find(|file| (file.device, file.inode) == (device, inode))
}

/// Refers to the symbol, so that no linker drops it from a program that opens a store.
fn keep_symbol() {
    #[cfg(target_os = "linux")]
    std::hint::black_box(
        sync_file_range
            as extern "C" fn(libc::c_int, libc::off64_t, libc::off64_t, libc::c_uint) -> libc::c_int,
    );
}

/// Stands in for the C library's `sync_file_range(2)`: makes the whole file durable, and so does more than it was asked.
// SAFETY of the name: the only caller in this program is sled; the signature is the C library's, and an fdatasync keeps
// every promise of the original (the pages of the range are written when it returns).
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
extern "C" fn sync_file_range(
    fd: libc::c_int,
    _offset: libc::off64_t,
    _count: libc::off64_t,
    _flags: libc::c_uint,
) -> libc::c_int {
    match sync_for_sled(fd) {
        Ok(()) => 0,
        Err(error) => {
            // Never ENOSYS (see the top of this file), and never nothing.
            let code = match error.raw_os_error() {
                Some(code) if code != libc::ENOSYS => code,
                _ => libc::EIO,
            };
            // SAFETY: the C library's errno of this thread; the pointer is valid as long as the thread.
            unsafe { *libc::__errno_location() = code };
            -1
        }
    }
}

#[cfg(target_os = "linux")]
fn sync_for_sled(fd: libc::c_int) -> io::Result<()> {
    use std::mem::ManuallyDrop;
    use std::os::fd::FromRawFd;

    if fd < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: the caller owns `fd` and keeps it open during this call; ManuallyDrop never closes it.
    let callers = ManuallyDrop::new(unsafe { File::from_raw_fd(fd) });
    let metadata = callers.metadata()?;
    match find(metadata.dev(), metadata.ino()) {
        Some(ours) => {
            ours.fdatasync()?;
            ours.synced_for_sled.fetch_add(1, Ordering::AcqRel);
            Ok(())
        }
        None => callers.sync_data(),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::Write;
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn the_symbol_syncs_our_descriptor_whatever_descriptor_is_given() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let ours = DurableFile::open(&path).unwrap();
        let mut theirs = OpenOptions::new().write(true).open(&path).unwrap();
        theirs.write_all(b"log").unwrap();
        assert_eq!(sync_file_range(theirs.as_raw_fd(), 0, 3, 7), 0);
        assert_eq!((ours.synced_for_sled(), ours.synced_by_us()), (1, 0));
        let stranger = File::create(dir.path().join("other")).unwrap();
        assert_eq!(sync_file_range(stranger.as_raw_fd(), 0, 0, 7), 0);
        assert_eq!(ours.synced_for_sled(), 1);
    }

    #[test]
    fn a_failure_sticks_and_says_eio() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let ours = DurableFile::open(&path).unwrap();
        ours.fail_from_now_on();
        let theirs = File::open(&path).unwrap();
        assert_eq!(sync_file_range(theirs.as_raw_fd(), 0, 0, 7), -1);
        assert_eq!(io::Error::last_os_error().raw_os_error(), Some(libc::EIO));
        assert!(ours.sync().is_err());
        assert_eq!((ours.synced_for_sled(), ours.synced_by_us()), (0, 0));
        assert_eq!(sync_file_range(-1, 0, 0, 7), -1);
    }
}
