//! The ledger as evidence: what somebody who trusts nobody here can check with tools that nobody here wrote.
//!
//! The [`Notary`] signs checkpoints, keeps the tree's tiles beside the ledger and makes proofs and exports; [`verify()`]
//! reads an export without server, keys or data directory. Formats are those of C2SP: `signed-note`, `tlog-checkpoint`,
//! `tlog-tiles` and `tlog-proof`.

pub mod archive;
pub mod checkpoint;
mod export;
pub mod keys;
mod lines;
mod notary;
mod proof;
mod tiles;
pub mod verify;
mod witness;

pub use checkpoint::Checkpoint;
pub use export::{EXPORT_README, ExportFault, Range, Written, unfinished_name};
pub use keys::{hexadecimal, name_key, rotate_key};
pub use notary::{AuditFault, AuditSettings, ExportPass, Notary, Signed};
pub use proof::{Proof, ProofFault};
pub use tiles::TileFault;
pub use verify::{Expected, Finding, Outcome, Proven, verify};
pub use witness::{WitnessFault, WitnessSettings};
