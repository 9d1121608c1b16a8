//! What auditors read: signed notes, checkpoints, proofs and exports.

use std::sync::OnceLock;

use keyledger::audit::{Checkpoint, Expected, Outcome, Proof, verify};
use keyledger::crypto::{Note, VerifierKey};
use keyledger::types::Position;

use crate::audit::scene::small;

/// What one small ledger gives out, at two sizes.
struct Evidence {
    key: VerifierKey,
    notes: Vec<String>,
    proofs: Vec<String>,
    exports: Vec<Vec<u8>>,
}

fn evidence() -> &'static Evidence {
    static MADE: OnceLock<Evidence> = OnceLock::new();
    MADE.get_or_init(|| {
        let scene = small();
        let mut exports = vec![scene.export()];
        let mut notes = vec![scene.sign().note.clone()];
        scene.grow(3);
        exports.push(scene.export());
        let signed = scene.sign();
        notes.push(signed.note.clone());
        let proof = |position| scene.notary.proof(&signed, Position(position)).unwrap().text();
        let proofs = [0, 3, 6].map(proof).to_vec();
        let key = signed.key.clone();
        scene.stop();
        Evidence {
            key,
            notes,
            proofs,
            exports,
        }
    })
}

fn bytes(texts: &[String]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.clone().into_bytes()).collect()
}

/// Whether a checkpoint is one that was signed.
fn was_signed(checkpoint: &Checkpoint) -> bool {
    evidence()
        .notes
        .iter()
        .any(|note| Checkpoint::of_note(&Note::parse(note).unwrap()).as_ref() == Ok(checkpoint))
}

pub(super) fn notes() -> Vec<Vec<u8>> {
    bytes(&evidence().notes)
}

pub(super) fn read_note(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let read = Note::parse(&text).and_then(|note| {
        let checkpoint = Checkpoint::of_note(&note)?;
        note.verify(&evidence().key)?;
        Ok(checkpoint)
    });
    match read {
        Ok(checkpoint) => {
            assert!(was_signed(&checkpoint), "a checkpoint that nobody signed");
            "signed".to_owned()
        }
        Err(fault) => fault.to_string(),
    }
}

pub(super) fn proofs() -> Vec<Vec<u8>> {
    bytes(&evidence().proofs)
}

pub(super) fn read_proof(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match Proof::parse(&text).and_then(|proof| Ok((proof.check(&evidence().key)?, proof))) {
        Ok((checkpoint, proof)) => {
            assert!(
                was_signed(&checkpoint),
                "a proof under a checkpoint that nobody signed"
            );
            let mut genuine = evidence().proofs.iter().map(|text| Proof::parse(text).unwrap());
            let known = genuine.any(|known| known.record == proof.record);
            assert!(known, "a proof of a record that is not there");
            "proven".to_owned()
        }
        Err(fault) => fault.to_string(),
    }
}

pub(super) fn exports() -> Vec<Vec<u8>> {
    evidence().exports.clone()
}

pub(super) fn read_export(bytes: &[u8]) -> String {
    let expected = Expected {
        key: Some(evidence().key.clone()),
        since: None,
    };
    match verify(bytes, &expected, &mut |_, _| {}) {
        Outcome::Proven(proven) => {
            assert!(
                was_signed(&proven.checkpoint),
                "an export of a tree that nobody signed"
            );
            "proven".to_owned()
        }
        Outcome::Disproven(finding) | Outcome::Untold(finding) => finding.what,
    }
}
