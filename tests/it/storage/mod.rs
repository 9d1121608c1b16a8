//! The ledger on a disk, over restarts; and the stored form of every event.

#![expect(
    unreachable_pub,
    reason = "one binary; what the tests share is public among them"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod anchor;
mod damage;
mod erasures;
mod golden;
mod restarts;
mod samples;
mod words;
