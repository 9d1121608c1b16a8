//! What a copy of the disk, a backup or a log gives away: nothing that is anybody's.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod disk;
mod logs;
