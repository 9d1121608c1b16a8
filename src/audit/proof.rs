//! Proofs of `c2sp.org/tlog-proof`: that one record stands at one place of the tree that a checkpoint states. The record
//! itself travels along as extra data, so that the proof is all that is needed.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::Checkpoint;
use crate::crypto::{Note, NoteFault, VerifierKey};
use crate::ledger::TreeHash;
use crate::ledger::tree::leaf_hash;
use crate::ledger::tree::proof::{MAX_PROOF, root_from_inclusion};
use crate::types::Position;

const HEAD: &str = "c2sp.org/tlog-proof@v1";
/// Bytes of a proof, at most: a record, its hashes and a note of the usual length.
const PROOF_MAX: usize = 128 << 10;

/// Why a proof proves nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProofFault {
    /// Not of the form that the specification gives.
    #[error("it is not a proof of c2sp.org/tlog-proof@v1: {0}")]
    Malformed(&'static str),
    /// The checkpoint is not one, or not signed.
    #[error("its checkpoint: {0}")]
    Checkpoint(#[from] NoteFault),
    /// The hashes lead to another root.
    #[error("the record is not at position {0} of the tree that the checkpoint states")]
    Elsewhere(Position),
}

/// A proof that was read and is not proven.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    /// The record's bytes.
    pub record: Vec<u8>,
    /// Where it stands.
    pub position: Position,
    /// The hashes from its sibling up.
    pub path: Vec<TreeHash>,
    /// The signed checkpoint.
    pub checkpoint: String,
}

impl Proof {
    /// The text of the proof.
    pub fn text(&self) -> String {
        let mut out = format!(
            "{HEAD}\nextra {}\nindex {}\n",
            STANDARD.encode(&self.record),
            self.position
        );
        for hash in &self.path {
            writeln!(out, "{}", STANDARD.encode(hash)).expect("a text can always be written to");
        }
        out + "\n" + &self.checkpoint
    }

    /// Whether text may be a proof, by its first line.
    pub fn is_likely(text: &str) -> bool {
        text.starts_with(HEAD)
    }

    /// Reads the text of a proof.
    pub fn parse(text: &str) -> Result<Self, ProofFault> {
        let malformed = ProofFault::Malformed;
        if text.len() > PROOF_MAX {
            return Err(malformed("it is longer than 128 KiB"));
        }
        let (head, checkpoint) = text
            .split_once("\n\n")
            .ok_or(malformed("no empty line stands before its checkpoint"))?;
        let mut lines = head.split('\n');
        if lines.next() != Some(HEAD) {
            return Err(malformed("its first line is another"));
        }
        let record = lines
            .next()
            .and_then(|line| line.strip_prefix("extra "))
            .and_then(|encoded| STANDARD.decode(encoded).ok())
            .ok_or(malformed("its second line does not hold the record"))?;
        let digits = lines.next().and_then(|line| line.strip_prefix("index "));
        let position = digits
            .and_then(|digits| digits.parse::<u64>().ok())
            .filter(|position| digits == Some(position.to_string().as_str()))
            .ok_or(malformed("its third line does not say the position"))?;
        let hash = |line: &str| STANDARD.decode(line).ok()?.try_into().ok();
        let path: Vec<TreeHash> = lines
            .map(hash)
            .collect::<Option<_>>()
            .filter(|path: &Vec<TreeHash>| path.len() <= MAX_PROOF)
            .ok_or(malformed("its hashes cannot be read"))?;
        Ok(Self {
            record,
            position: Position(position),
            path,
            checkpoint: checkpoint.to_owned(),
        })
    }

    /// Checks the checkpoint's signature and that the record stands where the proof says.
    pub fn check(&self, key: &VerifierKey) -> Result<Checkpoint, ProofFault> {
        let note = Note::parse(&self.checkpoint)?;
        let checkpoint = Checkpoint::of_note(&note)?;
        note.verify(key)?;
        let leaf = leaf_hash(&self.record);
        let root = root_from_inclusion(leaf, self.position.0, checkpoint.size, &self.path);
        if root == Some(checkpoint.root) {
            Ok(checkpoint)
        } else {
            Err(ProofFault::Elsewhere(self.position))
        }
    }
}
