//! The chain of keys that sign checkpoints.

use keyledger::audit::{Expected, Outcome};
use keyledger::crypto::{Keyring, Purpose, SharedKeyring};
use keyledger::domain::{Actor, Command, EpochReason, Event};
use keyledger::engine::Lane;
use keyledger::system::{Clock as _, SeededEntropy};

use super::scene::{Scene, check, disproven, key, proven, since, small};
use crate::rig::{block_on, run};

fn rotated(scene: Scene, seed: u64) -> Scene {
    let (mut rig, store) = scene.stop();
    let mut ring = Keyring::clone(&rig.ring.current());
    ring.rotate(Purpose::Signing, rig.clock.now(), &SeededEntropy::new(seed))
        .unwrap();
    rig.ring = SharedKeyring::new(ring);
    Scene::on(rig, store)
}

#[test]
fn l_03_an_auditor_who_holds_the_first_key_follows_its_successors() {
    let scene = small();
    let first = scene.sign();
    let scene = rotated(rotated(scene, 31), 32);
    block_on(scene.notary.settle_key(Actor::Operator)).unwrap();
    let third = scene.sign();
    assert_ne!(first.key, third.key);
    let export = scene.export();
    // Both ways: a rotation is signed by both keys.
    assert_eq!(proven(&export, &key(&first.key)).key, third.key);
    let back = Expected {
        key: Some(third.key.clone()),
        since: Some(first.note.clone()),
    };
    assert_eq!(proven(&export, &back).since, Some(first.checkpoint.size));
    let names: Vec<_> = scene
        .notary
        .desk()
        .events(&keyledger::desk::EventFilter::default())
        .unwrap()
        .into_iter()
        .filter(|recorded| {
            matches!(
                recorded.event,
                Event::CheckpointKeyNamed { .. } | Event::CheckpointKeyRotated { .. }
            )
        })
        .map(|recorded| matches!(recorded.event, Event::CheckpointKeyRotated { .. }))
        .collect();
    // One rotation: nothing was signed between the two changes of the keyring.
    assert_eq!(names, [false, true]);
}

#[test]
fn l_03_a_key_that_no_earlier_one_vouches_for_is_named_and_not_trusted() {
    let scene = small();
    let before = scene.sign();
    let (mut rig, store) = scene.stop();
    // The keyring is lost with its epoch: another one names its own key.
    rig.ring = SharedKeyring::new(Keyring::fresh(rig.clock.now(), &SeededEntropy::new(77)));
    let scene = Scene::on(rig, store);
    let refused = block_on(scene.notary.settle_key(Actor::System)).unwrap_err();
    assert!(refused.to_string().contains("put the keyring back"), "{refused}");
    let epoch = Command::StartEpoch {
        reason: EpochReason::KeyTheft,
        erase: vec![],
    };
    run(scene.notary.desk().engine(), Lane::Proof, epoch).unwrap();
    let after = scene.sign();
    assert_eq!(after.checkpoint.origin.as_str(), "audit.example.org#2");
    let export = scene.export();
    assert_eq!(proven(&export, &key(&after.key)).epoch, 2);
    let finding = disproven(&export, &key(&before.key));
    assert!(finding.what.contains("does not vouch"), "{finding:?}");
    // What was remembered is still the beginning of the log.
    let remembered = Expected {
        key: Some(after.key.clone()),
        since: since(&before).since,
    };
    let found = proven(&export, &remembered);
    assert!(
        found.remarks.iter().any(|remark| remark.contains("new epoch")),
        "{found:?}"
    );
    assert!(matches!(check(&export, &since(&after)), Outcome::Proven(_)));
}

#[test]
fn checkpoints_are_signed_once_a_second_at_most_and_only_when_something_is_new() {
    let scene = small();
    let first = scene.sign();
    scene.grow(3);
    assert_eq!(
        block_on(scene.notary.checkpoint()).unwrap(),
        first,
        "within a second"
    );
    let second = scene.sign();
    assert_eq!(second.checkpoint.size, first.checkpoint.size + 3);
    assert_eq!(scene.sign().note, second.note, "nothing is new");
}
