//! Who goes first where there is a queue: before the writer, and before the threads that hash passwords.

/// Which queue. Strangers never get more than their share of what both wait for (law 10).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lane {
    /// A token, a session, an administrator, a worker.
    Proof,
    /// Somebody who has proven nothing.
    Stranger,
}
