use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::crypto::key_files::{KeyFiles, MasterSource};
use crate::system::SeededEntropy;

const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

struct Bench {
    dir: tempfile::TempDir,
    entropy: SeededEntropy,
    master: MasterKey,
}

impl Bench {
    fn new() -> Self {
        let entropy = SeededEntropy::new(1);
        let master = MasterKey::fresh(&entropy);
        Self {
            dir: tempfile::tempdir().unwrap(),
            entropy,
            master,
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("keys/keyring")
    }

    fn create(&self) -> Keyring {
        Keyring::create(&self.path(), &self.master, NOW, &self.entropy).unwrap()
    }
}

fn same(one: &Keyring, two: &Keyring) -> bool {
    one.next == two.next
        && one.keys.len() == two.keys.len()
        && one.keys.iter().zip(&two.keys).all(|(a, b)| {
            (a.purpose, a.id, a.created, a.state, a.secret.0)
                == (b.purpose, b.id, b.created, b.state, b.secret.0)
        })
}

#[test]
fn a_ring_survives_its_file() {
    let bench = Bench::new();
    let ring = bench.create();
    assert!(same(&ring, &Keyring::open(&bench.path(), &bench.master).unwrap()));
    assert_eq!(
        fs::metadata(bench.path()).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn each_purpose_has_a_key_of_its_own_and_answers_to_no_other() {
    let ring = Keyring::fresh(NOW, &SeededEntropy::new(1));
    let (jwt, key) = ring.active(Purpose::Jwt);
    assert_eq!(ring.get(Purpose::Jwt, jwt).unwrap().0, key.0);
    assert!(ring.get(Purpose::Refresh, jwt).is_none());
    let mut secrets: Vec<_> = ring.keys.iter().map(|key| key.secret.0).collect();
    secrets.sort_unstable();
    secrets.dedup();
    assert_eq!(secrets.len(), Purpose::ALL.len());
    for purpose in Purpose::ALL {
        assert_eq!(Purpose::from_name(purpose.name()), Some(purpose));
        assert_eq!(purpose::from_code(purpose::code(purpose)), Some(purpose));
    }
}

#[test]
fn l_10_rotation_keeps_the_old_key_and_survives_its_file() {
    let bench = Bench::new();
    let mut ring = bench.create();
    let (old, _) = ring.active(Purpose::Pepper);
    let new = ring.rotate(Purpose::Pepper, NOW, &bench.entropy).unwrap();
    ring.save(&bench.path(), &bench.master, &bench.entropy).unwrap();
    let ring = Keyring::open(&bench.path(), &bench.master).unwrap();
    assert_eq!(ring.active(Purpose::Pepper).0, new);
    assert!(new > old && ring.get(Purpose::Pepper, old).is_some());
    let states: Vec<_> = ring.all(Purpose::Pepper).map(|key| (key.id, key.state)).collect();
    assert_eq!(states, [(old, KeyState::Retired), (new, KeyState::Active)]);
    assert_eq!(
        fs::metadata(bench.path()).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn retired_keys_are_forgotten_only_where_nothing_stored_is_lost() {
    let entropy = SeededEntropy::new(1);
    let mut ring = Keyring::fresh(NOW, &entropy);
    let (old, _) = ring.active(Purpose::Refresh);
    let new = ring.rotate(Purpose::Refresh, NOW, &entropy).unwrap();
    assert_eq!(ring.forget_retired(Purpose::Refresh).unwrap(), 1);
    assert!(ring.get(Purpose::Refresh, old).is_none());
    assert_eq!(ring.active(Purpose::Refresh).0, new);
    assert!(
        ring.rotate(Purpose::Refresh, NOW, &entropy).unwrap() > new,
        "ids never repeat"
    );
    for purpose in [
        Purpose::Pepper,
        Purpose::UserWrap,
        Purpose::ConfigSecret,
        Purpose::Lookup,
        Purpose::ApiKey,
    ] {
        assert!(matches!(
            ring.forget_retired(purpose),
            Err(KeyFault::StillNeeded(_))
        ));
    }
}

#[test]
fn a_wrong_master_key_a_missing_and_a_damaged_file_are_told_apart() {
    let bench = Bench::new();
    assert!(matches!(
        Keyring::open(&bench.path(), &bench.master),
        Err(KeyFault::RingMissing(_))
    ));
    bench.create();
    let other = MasterKey::fresh(&bench.entropy);
    assert!(matches!(
        Keyring::open(&bench.path(), &other),
        Err(KeyFault::WrongMaster)
    ));
    let whole = fs::read(bench.path()).unwrap();
    for at in [0, 9, 30, 60, whole.len() - 40, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(bench.path(), bytes).unwrap();
        assert!(
            matches!(
                Keyring::open(&bench.path(), &bench.master),
                Err(KeyFault::RingDamaged(_))
            ),
            "byte {at}"
        );
    }
    for length in [0, 7, 40, whole.len() - 1] {
        fs::write(bench.path(), &whole[..length]).unwrap();
        assert!(matches!(
            Keyring::open(&bench.path(), &bench.master),
            Err(KeyFault::RingDamaged(_))
        ));
    }
    fs::write(bench.path(), &whole).unwrap();
    Keyring::open(&bench.path(), &bench.master).unwrap();
}

#[test]
fn a_forged_checksum_does_not_pass_for_the_seal() {
    let bench = Bench::new();
    bench.create();
    let mut bytes = fs::read(bench.path()).unwrap();
    let end = bytes.len() - CHECKSUM_LEN;
    bytes[end - 20] ^= 1;
    let checksum = blake3::hash(&bytes[..end]);
    bytes[end..].copy_from_slice(checksum.as_bytes());
    fs::write(bench.path(), bytes).unwrap();
    assert!(matches!(
        Keyring::open(&bench.path(), &bench.master),
        Err(KeyFault::RingDamaged(_))
    ));
}

#[test]
fn a_ring_is_never_created_over_another() {
    let bench = Bench::new();
    let ring = bench.create();
    let again = Keyring::create(&bench.path(), &bench.master, NOW, &bench.entropy);
    assert!(matches!(again, Err(KeyFault::RingExists(_))));
    assert!(same(&ring, &Keyring::open(&bench.path(), &bench.master).unwrap()));
}

#[test]
fn a_shared_ring_shows_a_change_only_after_it_is_saved() {
    let bench = Bench::new();
    bench.create();
    let folder = bench.dir.path().join("keys");
    let source = MasterSource::Settings {
        master: bench.master.clone(),
        next: None,
    };
    let (ring, files) = KeyFiles::open(&folder, source, crate::types::Span::days(14)).unwrap();
    let shared = SharedKeyring::kept(ring, files);
    let before = shared.current();
    let rotate = |ring: &mut Keyring| ring.rotate(Purpose::Jwt, NOW, &bench.entropy);
    // Something that is in the way of the new file.
    fs::create_dir(folder.join("keyring.new")).unwrap();
    assert!(shared.change(NOW, &bench.entropy, rotate).is_err());
    fs::remove_dir(folder.join("keyring.new")).unwrap();
    assert_eq!(
        shared.current().active(Purpose::Jwt).0,
        before.active(Purpose::Jwt).0
    );
    let id = shared.change(NOW, &bench.entropy, rotate).unwrap();
    assert_eq!(shared.current().active(Purpose::Jwt).0, id);
    assert_eq!(
        Keyring::open(&bench.path(), &bench.master)
            .unwrap()
            .active(Purpose::Jwt)
            .0,
        id
    );
}

#[test]
fn keys_do_not_print() {
    let ring = Keyring::fresh(NOW, &SeededEntropy::new(1));
    let text = format!("{ring:?} {:?}", SharedKeyring::new(ring.clone()));
    assert!(
        text.contains("SecretKey(..)") && !text.contains("SecretKey(["),
        "{text}"
    );
}

#[test]
fn the_number_of_keys_is_bounded() {
    let entropy = SeededEntropy::new(1);
    let mut ring = Keyring::fresh(NOW, &entropy);
    while ring.keys.len() < KEYS_MAX {
        ring.rotate(Purpose::Jwt, NOW, &entropy).unwrap();
    }
    assert!(matches!(
        ring.rotate(Purpose::Jwt, NOW, &entropy),
        Err(KeyFault::TooMany)
    ));
}
