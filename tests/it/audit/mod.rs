//! Evidence: what an auditor can prove with a file, and what a liar cannot make them believe.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod forgeries;
mod keys;
mod mailing;
mod proofs;
pub(crate) mod scene;
mod witness;
