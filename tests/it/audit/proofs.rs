//! Proofs, and implementations from elsewhere that believe them.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use keyledger::audit::{AuditFault, Notary, Proof, ProofFault};
use keyledger::ledger::tree::leaf_hash;
use keyledger::types::Position;
use sha2::Sha256;
use tlog_tiles::Hash;

use super::scene::{Scene, settings};

#[test]
fn l_03_others_believe_our_checkpoints_and_proofs() {
    let scene = Scene::busy(1);
    let signed = scene.sign();
    let size = signed.checkpoint.size;
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut proofs = vec![];
    for position in (0..size).map(Position) {
        let proof = scene.notary.proof(&signed, position).unwrap();
        theirs.push(proof.record.clone());
        proofs.push(proof);
    }
    assert_eq!(
        theirs.root().as_bytes().as_slice(),
        signed.checkpoint.root.as_slice()
    );
    let text = signed.checkpoint.to_string();
    let read = tlog_tiles::Checkpoint::from_bytes(text.as_bytes()).unwrap();
    assert_eq!((read.origin(), read.size()), ("audit.example.org", size));
    for proof in proofs.iter().step_by(7) {
        let path = proof.path.iter().map(|hash| Hash(*hash)).collect();
        let leaf = Hash(leaf_hash(&proof.record));
        let believed = tlog_tiles::check_record(&path, size, *read.hash(), proof.position.0, leaf);
        assert!(believed.is_ok(), "{}", proof.position);
        let again = Proof::parse(&proof.text()).unwrap();
        assert_eq!(&again, proof);
        assert_eq!(again.check(&signed.key).unwrap(), signed.checkpoint);
    }
}

#[test]
fn a_proof_with_anything_changed_proves_nothing() {
    let scene = Scene::busy(1);
    let signed = scene.sign();
    let text = scene.notary.proof(&signed, Position(300)).unwrap().text();
    for at in 0..text.len() {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] ^= 1;
        let Ok(changed) = String::from_utf8(bytes) else {
            continue;
        };
        let believed = Proof::parse(&changed).and_then(|proof| proof.check(&signed.key));
        assert!(believed.is_err(), "byte {at}");
    }
    let mut moved = Proof::parse(&text).unwrap();
    moved.position = Position(301);
    assert_eq!(
        moved.check(&signed.key),
        Err(ProofFault::Elsewhere(Position(301)))
    );
    let beyond = scene.notary.proof(&signed, Position(signed.checkpoint.size));
    assert!(matches!(beyond, Err(AuditFault::NoSuchPosition { .. })));
}

#[test]
fn tiles_are_files_that_can_be_lost_or_damaged_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::busy(1);
    let signed = scene.sign();
    let mut with_folder = settings();
    with_folder.tiles = Some(folder.path().to_owned());
    let notary = Notary::new(scene.notary.desk().clone(), with_folder);
    let proof = notary.proof(&signed, Position(5)).unwrap();
    let tile = folder.path().join("tile/0/000");
    let whole = std::fs::read(&tile).unwrap();
    assert_eq!(whole.len(), 8_192);
    assert!(folder.path().join("tile/1/000.p/2").exists());
    let mut damaged = whole.clone();
    damaged[4_000] ^= 1;
    for wrong in [damaged, vec![], whole[..8_191].to_vec()] {
        std::fs::write(&tile, wrong).unwrap();
        assert_eq!(notary.proof(&signed, Position(5)).unwrap(), proof);
        assert_eq!(std::fs::read(&tile).unwrap(), whole);
    }
    std::fs::remove_dir_all(folder.path().join("tile")).unwrap();
    assert_eq!(notary.proof(&signed, Position(5)).unwrap(), proof);
    // As the ledger grows, full tiles take the place of unfinished ones, and old proofs can still be made.
    scene.grow(200);
    let later = scene.sign();
    notary.keep_tiles(&later).unwrap();
    assert!(folder.path().join("tile/0/002").exists());
    assert!(!folder.path().join("tile/0/002.p").exists());
    notary
        .proof(&signed, Position(520))
        .unwrap()
        .check(&signed.key)
        .unwrap();
}
