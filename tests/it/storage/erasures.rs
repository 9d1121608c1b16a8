//! The erasure list: an older copy of the ledger, put back, brings nobody back.

use std::path::{Path, PathBuf};

use keyledger::crypto::WrappedKey;
use keyledger::desk::{Desk, EventFilter, SignUpAnswer, SignUpForm};
use keyledger::domain::{Actor, EpochReason, Event};
use keyledger::engine::{BootError, BootReport, Engine, Rollback};
use keyledger::ledger::anchor::ANCHOR_FILE;
use keyledger::ledger::erasures::ERASURES_FILE;
use keyledger::ledger::sled::LEDGER_DIR;
use keyledger::ledger::{Anchor, Erasure, Erasures, Store};
use keyledger::types::{DataKeyId, PersonName, Position, Timestamp, UserId};
use secrecy::SecretString;
use tempfile::TempDir;

use crate::rig::{PATIENCE, Rig, block_on, close, email, found, visitor};

const ADA: &str = "ada@example.org";
const BOB: &str = "bob@example.org";

/// A ledger on disk with Ada and Bob.
struct Place {
    rig: Rig,
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            rig: Rig::new(),
            dir: TempDir::new().unwrap(),
        };
        let (engine, _) = place.boot(Rollback::Refuse).unwrap();
        found(&engine);
        let desk = place.rig.desk(engine);
        for address in [ADA, BOB] {
            let form = SignUpForm {
                address: email(address),
                password: SecretString::from("Correct-Horse-7-Battery"),
                name: PersonName::parse("Somebody").unwrap(),
                locale: None,
            };
            let answer = block_on(desk.sign_up(form, &visitor("192.0.2.1"))).unwrap();
            assert!(matches!(answer, SignUpAnswer::SignedIn(_)));
        }
        place.note(&desk);
        close(desk);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn boot(&self, rollback: Rollback) -> Result<(Engine, BootReport), BootError> {
        let store = self.rig.sled(self.dir.path()).unwrap();
        self.rig
            .boot_anchored(store, Some(&self.path(ANCHOR_FILE)), rollback)
    }

    fn open(&self, rollback: Rollback) -> (Desk, BootReport) {
        let (engine, report) = self.boot(rollback).unwrap();
        (self.rig.desk(engine), report)
    }

    fn note(&self, desk: &Desk) {
        let mut anchor = Anchor::open(&self.path(ANCHOR_FILE)).unwrap();
        desk.engine().note_anchor(&mut anchor).unwrap();
    }

    /// Erases Ada, and puts the ledger back as it was before.
    fn erase_ada_and_go_back(&self) -> UserId {
        copy(&self.path(LEDGER_DIR), &self.path("copy"));
        let (desk, _) = self.open(Rollback::Refuse);
        let ada = desk.find_user(ADA).unwrap();
        block_on(desk.erase_user(ada, Actor::Operator)).unwrap();
        self.note(&desk);
        close(desk);
        std::fs::remove_dir_all(self.path(LEDGER_DIR)).unwrap();
        std::fs::rename(self.path("copy"), self.path(LEDGER_DIR)).unwrap();
        ada
    }

    fn list(&self) -> Vec<(UserId, Erasure)> {
        let list = Erasures::open(&self.path(ERASURES_FILE)).unwrap();
        list.users().collect()
    }

    fn refused(&self) -> BootError {
        match self.boot(Rollback::Refuse) {
            Err(error) => error,
            Ok(_) => panic!("it started"),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The events since the last epoch began, that event first.
fn of_this_epoch(desk: &Desk) -> Vec<Event> {
    let all = desk.events(&EventFilter::default()).unwrap();
    let began = |recorded: &_| matches!(recorded, Event::EpochStarted { .. });
    let first = all.iter().rposition(|recorded| began(&recorded.event)).unwrap();
    all[first..]
        .iter()
        .map(|recorded| recorded.event.clone())
        .collect()
}

#[test]
fn l_11_an_erasure_is_listed_before_it_is_answered() {
    let place = Place::new();
    assert_eq!(place.list(), []);
    let (desk, _) = place.open(Rollback::Refuse);
    let ada = desk.find_user(ADA).unwrap();
    block_on(desk.erase_user(ada, Actor::Operator)).unwrap();
    let position = desk.engine().read(|state| state.erased[&ada]);
    let at = place.rig.clock_now();
    assert_eq!(place.list(), [(ada, Erasure { at, position })]);
    close(desk);
}

#[test]
fn l_11_an_older_ledger_is_refused_because_of_the_list_alone_and_accepted_erases_again_first() {
    let place = Place::new();
    let ada = place.erase_ada_and_go_back();
    std::fs::remove_file(place.path(ANCHOR_FILE)).unwrap();
    let words = place.refused().to_string();
    assert!(
        words.contains("1 users on the erasure list") && words.contains("--accept-rollback"),
        "{words}"
    );

    let (desk, report) = place.open(Rollback::Accept);
    assert_eq!(report.epoch, Some(EpochReason::RollbackAccepted));
    assert_eq!(report.erased_again, 1);
    let by = Actor::System;
    let expected = [
        Event::EpochStarted {
            number: 2,
            reason: EpochReason::RollbackAccepted,
        },
        Event::UserErased { user: ada, by },
    ];
    assert_eq!(of_this_epoch(&desk), expected);
    assert_eq!(desk.find_user(ADA), None);
    assert!(desk.find_user(BOB).is_some());
    assert!(!desk.engine().vault().contains(DataKeyId::User(ada)));
    place.note(&desk);
    close(desk);
    let store = place.rig.sled(place.dir.path()).unwrap();
    let key = store.reader().data_key(DataKeyId::User(ada)).unwrap();
    assert_eq!(key, None, "the store has forgotten the key again");
    drop(store);
    let (desk, report) = place.open(Rollback::Refuse);
    assert_eq!((report.epoch, report.erased_again), (None, 0));
    assert_eq!(place.list().len(), 1);
    close(desk);
}

#[test]
fn l_11_a_restore_begins_an_epoch_of_its_own_whatever_the_anchor_says() {
    let place = Place::new();
    let ada = place.erase_ada_and_go_back();
    let (desk, report) = place.open(Rollback::Restored);
    assert_eq!(report.epoch, Some(EpochReason::Restored));
    let erased = Event::UserErased {
        user: ada,
        by: Actor::System,
    };
    assert_eq!(of_this_epoch(&desk)[1], erased);
    place.note(&desk);
    close(desk);

    // Nothing was erased that this ledger does not know, and still a restore is a restore.
    let (desk, report) = place.open(Rollback::Restored);
    assert_eq!(report.epoch, Some(EpochReason::Restored));
    assert_eq!(desk.engine().read(|state| state.epoch().number), 3);
    close(desk);
}

#[test]
fn l_11_who_is_listed_and_unknown_stays_listed_and_no_key_of_theirs_survives_a_start() {
    let place = Place::new();
    let unheard = UserId([77; 16]);
    let erasure = Erasure {
        at: Timestamp(1),
        position: Position(9_999),
    };
    Erasures::open(&place.path(ERASURES_FILE))
        .unwrap()
        .add([(unheard, erasure)])
        .unwrap();
    let id = DataKeyId::User(unheard);
    let mut store = place.rig.sled(place.dir.path()).unwrap();
    store.put_keys(&[(id, vec![1; WrappedKey::LEN])]).unwrap();
    drop(store);
    let (desk, report) = place.open(Rollback::Refuse);
    assert_eq!((report.destroyed, report.epoch), (1, None));
    assert_eq!(desk.engine().reader().data_key(id).unwrap(), None);
    assert_eq!(place.list(), [(unheard, erasure)]);
    close(desk);
}

#[test]
fn l_11_what_a_crash_kept_from_the_list_is_listed_by_the_next_start() {
    let place = Place::new();
    let (desk, _) = place.open(Rollback::Refuse);
    let ada = desk.find_user(ADA).unwrap();
    // Something that is in the way: the event is durable, and the list cannot be written.
    std::fs::create_dir(place.path("erasures.new")).unwrap();
    let erased = block_on(desk.erase_user(ada, Actor::Operator));
    assert_eq!(erased, Err(keyledger::desk::Fault::Stopped), "nobody is told");
    assert!(desk.engine().stop(PATIENCE));
    assert!(
        place.rig.failures()[0].contains("erasure list"),
        "{:?}",
        place.rig.failures()
    );
    desk.passwords().stop();
    drop(desk);
    let store = place.rig.sled(place.dir.path()).unwrap();
    let key = store.reader().data_key(DataKeyId::User(ada)).unwrap();
    assert!(key.is_some(), "no key dies before its owner is listed");
    drop(store);

    std::fs::remove_dir(place.path("erasures.new")).unwrap();
    let (desk, report) = place.open(Rollback::Refuse);
    assert_eq!(report.destroyed, 2, "the user's key and the password's");
    assert_eq!(place.list().len(), 1);
    assert_eq!(place.list()[0].0, ada);
    close(desk);
}

#[test]
fn l_10_a_data_key_of_an_unknown_form_stops_the_start_and_is_left_alone() {
    let place = Place::new();
    let (desk, _) = place.open(Rollback::Refuse);
    let ada = DataKeyId::User(desk.find_user(ADA).unwrap());
    let mut foreign = desk.engine().reader().data_key(ada).unwrap().unwrap();
    close(desk);
    foreign[0] = 9;
    let mut store = place.rig.sled(place.dir.path()).unwrap();
    store.put_keys(&[(ada, foreign.clone())]).unwrap();
    drop(store);
    let words = place.refused().to_string();
    assert!(
        words.contains("scheme 9") && words.contains("nothing was changed"),
        "{words}"
    );
    let store = place.rig.sled(place.dir.path()).unwrap();
    assert_eq!(store.reader().data_key(ada).unwrap(), Some(foreign));
}

#[test]
fn l_10_a_keyring_that_is_older_than_the_ledger_stops_the_start() {
    let place = Place::new();
    let (desk, _) = place.open(Rollback::Refuse);
    let ada = DataKeyId::User(desk.find_user(ADA).unwrap());
    let mut later = desk.engine().reader().data_key(ada).unwrap().unwrap();
    close(desk);
    later[1..5].copy_from_slice(&900_u32.to_be_bytes());
    let mut store = place.rig.sled(place.dir.path()).unwrap();
    store.put_keys(&[(ada, later)]).unwrap();
    drop(store);
    let words = place.refused().to_string();
    assert!(
        words.contains("key 900") && words.contains("newest keyring"),
        "{words}"
    );
}
