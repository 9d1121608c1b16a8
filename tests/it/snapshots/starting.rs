//! Starts that go on from a snapshot.

use std::os::unix::fs::PermissionsExt;

use keyledger::desk::{Desk, SignUpForm};
use keyledger::domain::Actor;
use keyledger::engine::{BootError, Lane, fold, state_hash};
use keyledger::ledger::{MemoryStore, Shelf};
use keyledger::types::{DataKeyId, PersonName, Position, Span, UserId};
use secrecy::SecretString;
use tempfile::TempDir;

use super::{snapshots, take};
use crate::engine::{Gate, workload};
use crate::people::{ADA, ELSEWHERE, HOME, NOBODY, Person};
use crate::rig::{PATIENCE, Rig, block_on, close, email, run, visitor};
use crate::support::{House, Storage};

const PASSWORD: &str = "Correct-Horse-7-Battery";

fn sign_up(desk: &Desk, address: &str) -> UserId {
    let form = SignUpForm {
        address: email(address),
        password: SecretString::from(PASSWORD),
        name: PersonName::parse("Ada").unwrap(),
        locale: None,
    };
    assert!(block_on(desk.sign_up(form, &visitor("192.0.2.1"))).is_ok());
    desk.find_user(address).unwrap()
}

fn signs_in(desk: &Desk, address: &str) -> bool {
    let password = SecretString::from(PASSWORD);
    block_on(desk.sign_in(&email(address), &password, None, &visitor("192.0.2.1"))).is_ok()
}

#[test]
fn law_1_a_start_from_a_snapshot_comes_to_the_state_of_a_start_that_folds_everything() {
    let dir = TempDir::new().unwrap();
    let mut rig = Rig::new();
    let gate = Gate::before(MemoryStore::new([1; 16]));
    let engine = rig.start(gate.store());
    workload(&engine, &rig.clock);
    let first = take(dir.path(), &engine);
    assert_eq!(
        (first.at, first.events),
        (engine.head().next, engine.head().next.0)
    );
    for command in [
        NOBODY.fails_to_sign_in(ELSEWHERE),
        ADA.fails_to_sign_in(ELSEWHERE),
    ] {
        run(&engine, Lane::Stranger, command).unwrap_err();
    }
    run(&engine, Lane::Proof, Person(0x23).is_erased()).unwrap();
    rig.clock.advance(Span::hours(2));
    run(&engine, Lane::Stranger, Person(0x70).signs_up(HOME)).unwrap();
    // The second is made of the first and what came after it.
    let second = take(dir.path(), &engine);
    assert_eq!(second.events, second.at.0 - first.at.0);
    run(&engine, Lane::Stranger, Person(0x71).signs_up(HOME)).unwrap();
    let (live, durable) = (engine.read(state_hash), engine.durable());
    assert!(engine.stop(PATIENCE));

    for from in [second.at, first.at] {
        rig.shelf = Some(Shelf::of(dir.path()));
        let (engine, report) = rig.boot(gate.look(|store| store.reopen()).unwrap()).unwrap();
        assert_eq!(
            (report.snapshot, report.events),
            (Some(from), durable.head.next.0)
        );
        assert_eq!(engine.read(state_hash), live);
        assert_eq!(engine.durable(), durable, "the tree too");
        assert!(engine.stop(PATIENCE));
        if from == second.at {
            std::fs::remove_file(&second.path).unwrap();
        }
    }
    // What goes on from a snapshot is what a later fold of everything finds.
    let gate = Gate::before(gate.look(|store| store.reopen()).unwrap());
    let engine = rig.start(gate.store());
    run(&engine, Lane::Stranger, Person(0x72).signs_up(HOME)).unwrap();
    let live = engine.read(state_hash);
    assert!(engine.stop(PATIENCE));
    let folded = fold(&mut gate.look(|store| store.reopen()).unwrap()).unwrap();
    assert_eq!(state_hash(&folded.state), live);
}

#[test]
fn a_start_from_a_snapshot_finds_everybody_by_address_and_opens_what_is_sealed() {
    let dir = TempDir::new().unwrap();
    let mut rig = Rig::new();
    rig.shelf = Some(Shelf::of(dir.path()));
    let desk = rig.open(dir.path());
    sign_up(&desk, "ada@example.org");
    let taken = take(dir.path(), desk.engine());
    sign_up(&desk, "bob@example.org");
    close(desk);

    let desk = rig.open(dir.path());
    assert!(desk.engine().head().next > taken.at);
    for address in ["ada@example.org", "bob@example.org"] {
        assert!(signs_in(&desk, address), "{address}");
        let user = desk.find_user(address).unwrap();
        assert_eq!(desk.profile(user).unwrap().name.as_deref(), Some("Ada"));
    }
    close(desk);
    // Under another look-up key the tables of the snapshot find nobody, and are made anew.
    let mut ring = (*rig.ring.current()).clone();
    ring.rotate(
        keyledger::crypto::Purpose::Lookup,
        rig.clock_now(),
        &keyledger::system::SeededEntropy::new(3),
    )
    .unwrap();
    rig.ring = keyledger::crypto::SharedKeyring::new(ring);
    let desk = rig.open(dir.path());
    assert!(signs_in(&desk, "ada@example.org") && signs_in(&desk, "bob@example.org"));
    close(desk);
}

#[test]
fn l_11_a_snapshot_from_before_an_erasure_does_not_bring_the_person_back() {
    let dir = TempDir::new().unwrap();
    let mut rig = Rig::new();
    rig.shelf = Some(Shelf::of(dir.path()));
    let desk = rig.open(dir.path());
    let user = sign_up(&desk, "ada@example.org");
    let taken = take(dir.path(), desk.engine());
    block_on(desk.erase_user(user, Actor::Operator)).unwrap();
    close(desk);

    let store = rig.sled(dir.path()).unwrap();
    let (engine, report) = rig.boot(store).unwrap();
    assert_eq!(report.snapshot, Some(taken.at));
    let desk = rig.desk(engine);
    assert!(desk.find_user("ada@example.org").is_none() && desk.profile(user).is_none());
    assert!(!desk.engine().vault().contains(DataKeyId::User(user)));
    assert_eq!(
        desk.engine().reader().data_key(DataKeyId::User(user)).unwrap(),
        None
    );
    // The address is free, and belongs to somebody else from now on.
    assert_ne!(sign_up(&desk, "ada@example.org"), user);
    close(desk);
}

#[test]
fn l_10_a_keyring_that_is_older_than_the_ledger_is_refused_by_a_start_from_a_snapshot_too() {
    let dir = TempDir::new().unwrap();
    let mut rig = Rig::new();
    rig.shelf = Some(Shelf::of(dir.path()));
    let desk = rig.open(dir.path());
    sign_up(&desk, "ada@example.org");
    let older = (*rig.ring.current()).clone();
    desk.rotate_key(keyledger::domain::KeyPurpose::UserWrap, Actor::Operator)
        .unwrap();
    take(dir.path(), desk.engine());
    close(desk);

    rig.ring = keyledger::crypto::SharedKeyring::new(older);
    let refused = rig.boot(rig.sled(dir.path()).unwrap()).err().unwrap();
    assert!(matches!(refused, BootError::KeyringTooOld { .. }), "{refused}");
    assert!(
        refused.to_string().contains("Put the newest keyring back"),
        "{refused}"
    );
}

#[test]
fn the_newest_two_are_kept_for_the_owner_only_and_what_a_crash_left_is_removed() {
    let dir = TempDir::new().unwrap();
    let rig = Rig::new();
    let engine = rig.start(MemoryStore::new([1; 16]));
    let mut taken = vec![];
    for n in 0..4 {
        run(&engine, Lane::Stranger, Person(n).signs_up(HOME)).unwrap();
        taken.push(take(dir.path(), &engine));
        let left = taken[0].path.with_extension("snap.writing");
        std::fs::write(left, "half").unwrap();
    }
    take(dir.path(), &engine);
    let folder = taken[0].path.parent().unwrap();
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    assert_eq!(names, [taken[2].path.clone(), taken[3].path.clone()]);
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(folder), mode(&taken[3].path)), (0o700, 0o600));
    assert!(engine.stop(PATIENCE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_house_takes_snapshots_by_itself_and_starts_from_them() {
    let mut house = House::with(|plan| {
        plan.storage = Storage::Disk;
        plan.snapshots_every = std::num::NonZeroU64::new(2);
    })
    .await;
    let shelf = Shelf::of(house.folder());
    house.until("a snapshot", |_| !shelf.files().is_empty()).await;
    house.restart().await;
    let report = house.app().premises().report.clone();
    let from = report.snapshot.expect("the start went on from it");
    assert!(Position(0) < from && from.0 <= report.events);
    let verified = tokio::task::spawn_blocking({
        let desk = house.desk().clone();
        move || desk.verify().unwrap()
    });
    assert_eq!(verified.await.unwrap().agrees, Some(true));
    house.stop().await;
}

#[test]
fn a_stop_takes_a_last_one_when_enough_has_happened() {
    let dir = TempDir::new().unwrap();
    let rig = Rig::new();
    let engine = rig.start(MemoryStore::new([1; 16]));
    run(&engine, Lane::Stranger, ADA.signs_up(HOME)).unwrap();
    assert!(engine.stop(PATIENCE));
    let last = snapshots(dir.path()).take_last(&engine).unwrap().unwrap();
    assert_eq!(last.at, engine.head().next);
    assert_eq!(
        snapshots(dir.path()).take_last(&engine).unwrap(),
        None,
        "nothing new"
    );
}
