//! The engine over a disk that fails, stalls and loses.

#![expect(
    unreachable_pub,
    reason = "one binary; what the tests share is public among them"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod concurrency;
mod faults;
mod folding;
mod gate;
mod replay;
mod webhooks;
mod write_points;

pub use gate::Gate;
pub use replay::workload;
