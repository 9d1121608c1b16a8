//! The bare disk: one write and one fdatasync at a time.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A directory on the disk that the build lies on: never in memory, where an fsync costs nothing.
pub(crate) fn directory() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the build's directory takes another one")
}

/// How often a second these bytes can be appended to a file and made durable, one after the other.
pub(crate) fn write_and_sync(bytes: &[u8], time: Duration) -> f64 {
    let directory = directory();
    let mut file = File::create(directory.path().join("limit")).expect("a new file can be made");
    let began = Instant::now();
    let mut count = 0_u32;
    while began.elapsed() < time {
        file.write_all(bytes).expect("the disk has room");
        file.sync_data().expect("the disk works");
        count += 1;
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}
