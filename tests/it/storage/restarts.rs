//! What a restart keeps: everything, counters above all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keyledger::crypto::SecretLabel;
use keyledger::desk::{Desk, Fault, SignUpAnswer, SignUpForm, Tokens};
use keyledger::domain::{Actor, LimitKind, Refusal};
use keyledger::engine::{Lane, Rollback, state_hash};
use keyledger::ledger::{Batch, Head, Reader, SledStore, Store, StoreError};
use keyledger::types::{DataKeyId, PersonName, Position, Span, TokenId};
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;

use crate::people::{ADA, Net, Person};
use crate::rig::{PATIENCE, Rig, block_on, close, email, issue_all, run, visitor};

const PASSWORD: &str = "Correct-Horse-7-Battery";

fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

/// Ada signs up from 192.0.2.1.
fn sign_up(desk: &Desk) -> Tokens {
    let form = SignUpForm {
        address: email("ada@example.org"),
        password: SecretString::from(PASSWORD),
        name: PersonName::parse("Ada").unwrap(),
        locale: None,
    };
    match block_on(desk.sign_up(form, &visitor("192.0.2.1"))) {
        Ok(SignUpAnswer::SignedIn(tokens)) => tokens,
        Ok(SignUpAnswer::MailSent) => panic!("settings tell that an address is taken"),
        Err(fault) => panic!("{fault:?}"),
    }
}

fn requests_reset(desk: &Desk, address: &str, ip: &str) -> Result<(), Fault> {
    block_on(desk.request_reset(&email(address), &visitor(ip)))
}

fn confirms(desk: &Desk, proof: &str) -> Result<(), Fault> {
    let new = SecretString::from("Another-Horse-8-Stable");
    let proof = SecretString::from(proof.to_owned());
    block_on(desk.confirm_reset(
        &email("ada@example.org"),
        &proof,
        new,
        None,
        &visitor("198.51.100.9"),
    ))
}

/// The secrets of the newest proof: link and code.
fn newest_proof(desk: &Desk) -> (TokenId, String, String) {
    let (id, token) = desk.engine().read(|state| {
        let newest = state.tokens.iter().max_by_key(|(_, token)| token.position);
        newest.map(|(id, token)| (*id, token.clone())).expect("a proof")
    });
    let link = desk.link_secret(id, &token, SecretLabel::Recovery).unwrap();
    let code = desk.typed_code(id, &token).unwrap();
    (
        id,
        link.expose_secret().to_owned(),
        code.expose_secret().to_owned(),
    )
}

fn limited(result: Result<(), Fault>) -> LimitKind {
    match result {
        Err(Fault::Refused(Refusal::Limited(reached))) => reached.kind,
        other => panic!("not limited: {other:?}"),
    }
}

fn waiting(desk: &Desk) -> usize {
    desk.engine().read(|state| state.requests.len())
}

#[test]
fn a_restart_comes_back_to_the_same_state_and_the_same_addresses() {
    let (rig, dir) = (Rig::new(), folder());
    let desk = rig.open(dir.path());
    sign_up(&desk);
    requests_reset(&desk, "ada@example.org", "192.0.2.7").unwrap();
    requests_reset(&desk, "nobody@example.org", "192.0.2.7").unwrap();
    issue_all(&desk);
    let (live, head) = (desk.engine().read(state_hash), desk.engine().head());
    close(desk);
    let desk = rig.open(dir.path());
    assert_eq!(desk.engine().read(state_hash), live);
    assert_eq!(desk.engine().head(), head);
    let user = desk.find_user("ADA@example.org").expect("found by address again");
    assert_eq!(desk.profile(user).unwrap().email, "ada@example.org");
    close(desk);
}

#[test]
fn r_05_limits_on_mails_survive_a_restart() {
    let (rig, dir) = (Rig::new(), folder());
    let mut desk = rig.open(dir.path());
    sign_up(&desk);
    rig.clock.advance(Span::days(1));
    for n in 0..8 {
        requests_reset(&desk, "ada@example.org", &format!("198.51.100.{n}")).unwrap();
        if n == 2 {
            close(desk);
            desk = rig.open(dir.path());
        }
    }
    assert_eq!(waiting(&desk), 5, "five an hour, whatever happened in between");
    close(desk);
}

#[test]
fn r_05_the_limit_of_a_client_survives_a_restart_for_known_and_unknown_addresses() {
    for address in ["ada@example.org", "nobody@example.org"] {
        let (rig, dir) = (Rig::new(), folder());
        let mut desk = rig.open(dir.path());
        sign_up(&desk);
        for n in 0..30 {
            requests_reset(&desk, address, "198.51.100.1").unwrap();
            if n == 20 {
                close(desk);
                desk = rig.open(dir.path());
            }
        }
        let over = requests_reset(&desk, address, "198.51.100.1");
        assert_eq!(limited(over), LimitKind::ClientMails);
        close(desk);
        let desk = rig.open(dir.path());
        let over = requests_reset(&desk, address, "198.51.100.1");
        assert_eq!(limited(over), LimitKind::ClientMails);
        requests_reset(&desk, address, "198.51.100.2").unwrap();
        close(desk);
    }
}

#[test]
fn r_29_a16_wrong_codes_survive_a_restart_and_the_link_still_works() {
    let (rig, dir) = (Rig::new(), folder());
    let mut desk = rig.open(dir.path());
    sign_up(&desk);
    requests_reset(&desk, "ada@example.org", "198.51.100.1").unwrap();
    issue_all(&desk);
    let (id, link, code) = newest_proof(&desk);
    for n in 0..20 {
        let wrong = confirms(&desk, "AAAAA-AAAAA");
        assert_eq!(wrong, Err(Fault::Refused(Refusal::TokenNotFound)), "try {n}");
        if n % 7 == 3 {
            close(desk);
            desk = rig.open(dir.path());
        }
    }
    assert_eq!(desk.engine().read(|state| state.tokens[&id].tries), 20);
    close(desk);
    let desk = rig.open(dir.path());
    assert_eq!(limited(confirms(&desk, "AAAAA-AAAAA")), LimitKind::Codes);
    assert_eq!(limited(confirms(&desk, &code)), LimitKind::Codes);
    confirms(&desk, &link).unwrap();
    close(desk);
}

#[test]
fn r_20_a_spent_proof_is_spent_after_a_restart() {
    let (rig, dir) = (Rig::new(), folder());
    let desk = rig.open(dir.path());
    sign_up(&desk);
    requests_reset(&desk, "ada@example.org", "198.51.100.1").unwrap();
    issue_all(&desk);
    let (_, link, code) = newest_proof(&desk);
    confirms(&desk, &link).unwrap();
    close(desk);
    let desk = rig.open(dir.path());
    for proof in [link, code] {
        assert_eq!(
            confirms(&desk, &proof),
            Err(Fault::Refused(Refusal::TokenNotFound))
        );
    }
    close(desk);
}

#[test]
fn s_16_a23_what_was_revoked_is_revoked_after_a_restart() {
    let (rig, dir) = (Rig::new(), folder());
    let desk = rig.open(dir.path());
    let first = sign_up(&desk);
    let caller = desk.authenticate(&first.access).unwrap();
    let ada = visitor("192.0.2.1");
    let second = block_on(desk.refresh(&first.refresh, &ada)).unwrap();
    let by = Actor::User(caller.user);
    block_on(desk.end_session(caller.user, caller.session, by, None)).unwrap();
    close(desk);
    let desk = rig.open(dir.path());
    for tokens in [&first, &second] {
        assert!(desk.authenticate(&tokens.access).is_err());
        let refreshed = block_on(desk.refresh(&tokens.refresh, &ada));
        assert_eq!(refreshed.err(), Some(Fault::Refused(Refusal::RefreshNotFound)));
    }
    let again = block_on(desk.sign_in(
        &email("ada@example.org"),
        &SecretString::from(PASSWORD),
        None,
        &ada,
    ));
    assert!(desk.authenticate(&again.unwrap().access).is_ok());
    close(desk);
}

#[test]
fn law_13_keys_of_the_erased_are_destroyed_again_at_every_start() {
    let (rig, dir) = (Rig::new(), folder());
    let desk = rig.open(dir.path());
    sign_up(&desk);
    let user = desk.find_user("ada@example.org").unwrap();
    let id = DataKeyId::User(user);
    let wrapped = desk.engine().vault().wrapped(id).unwrap();
    block_on(desk.erase_user(user, Actor::Operator)).unwrap();
    close(desk);

    // An old copy of the key comes back, as from a backup.
    let mut store = rig.sled(dir.path()).unwrap();
    assert_eq!(store.reader().data_key(id).unwrap(), None, "destroyed at the end");
    store.put_keys(&[(id, wrapped.as_bytes().to_vec())]).unwrap();
    assert!(store.reader().data_key(id).unwrap().is_some());
    drop(store);

    let (engine, report) = rig.boot(rig.sled(dir.path()).unwrap()).unwrap();
    assert_eq!(report.destroyed, 1);
    assert!(!engine.vault().contains(id));
    assert_eq!(engine.reader().data_key(id).unwrap(), None);
    assert!(engine.stop(PATIENCE));
}

#[test]
fn r_18_the_verifier_of_a_replaced_password_dies_with_its_key() {
    let (rig, dir) = (Rig::new(), folder());
    let desk = rig.open(dir.path());
    sign_up(&desk);
    let user = desk.find_user("ada@example.org").unwrap();
    let credential = || {
        desk.engine()
            .read(|state| state.users[&user].credential.clone().unwrap())
    };
    let old = credential();
    requests_reset(&desk, "ada@example.org", "198.51.100.1").unwrap();
    issue_all(&desk);
    confirms(&desk, &newest_proof(&desk).1).unwrap();
    let new = credential();
    assert_ne!(old.id, new.id);
    assert!(!desk.engine().vault().contains(DataKeyId::Credential(old.id)));
    close(desk);
    let (engine, _) = rig.boot(rig.sled(dir.path()).unwrap()).unwrap();
    assert_eq!(
        engine.reader().data_key(DataKeyId::Credential(old.id)).unwrap(),
        None
    );
    assert!(engine.vault().contains(DataKeyId::Credential(new.id)));
    assert!(engine.stop(PATIENCE));
}

#[test]
fn a_second_process_is_told_who_holds_the_ledger() {
    let (rig, dir) = (Rig::new(), folder());
    let desk = rig.open(dir.path());
    let Err(held) = rig.sled(dir.path()) else {
        panic!("two writers")
    };
    assert!(matches!(held, StoreError::Held { .. }));
    assert!(held.to_string().contains("a test"), "{held}");
    close(desk);
    assert!(rig.sled(dir.path()).is_ok(), "a stop lets go");
}

/// Counts device flushes within appends and rehearsals.
struct Counted(SledStore, Arc<AtomicU64>);

impl Counted {
    fn counting<T>(&mut self, write: impl FnOnce(&mut SledStore) -> T) -> T {
        let flushes = |store: &SledStore| {
            let file = store.durable_file();
            file.synced_for_sled() + file.synced_by_us()
        };
        let before = flushes(&self.0);
        let written = write(&mut self.0);
        self.1.fetch_add(flushes(&self.0) - before, Ordering::Relaxed);
        written
    }
}

impl Store for Counted {
    fn reader(&self) -> Arc<dyn Reader> {
        self.0.reader()
    }
    fn append(&mut self, expected: Position, batch: &Batch) -> Result<Head, StoreError> {
        self.counting(|store| store.append(expected, batch))
    }
    fn rehearse(&mut self) -> Result<(), StoreError> {
        self.counting(Store::rehearse)
    }
    fn put_keys(&mut self, keys: &[(DataKeyId, Vec<u8>)]) -> Result<(), StoreError> {
        self.0.put_keys(keys)
    }
    fn destroy_keys(&mut self, keys: &[DataKeyId]) -> Result<(), StoreError> {
        self.0.destroy_keys(keys)
    }
    fn cut(&mut self, from: Position) -> Result<Head, StoreError> {
        self.0.cut(from)
    }
}

#[test]
fn r_02_beyond_the_budget_a_request_about_nobody_waits_for_the_disk_like_one_about_somebody() {
    const REQUESTS: u8 = 20;
    let (mut rig, dir) = (Rig::new(), folder());
    rig.limits.mails_per_client = u32::MAX;
    rig.limits.stranger_bytes_day = 0;
    let flushes = Arc::new(AtomicU64::new(0));
    let store = Counted(rig.sled(dir.path()).unwrap(), Arc::clone(&flushes));
    let (engine, _) = rig.boot_anchored(store, None, Rollback::Refuse).unwrap();
    crate::rig::found(&engine);
    let people = (0..REQUESTS).map(|n| Person(0x40 + n));
    for person in people.clone() {
        run(&engine, Lane::Proof, person.is_created()).unwrap();
    }
    let nobodies = (0..REQUESTS).map(|n| Person(0x80 + n));
    let mut seen = vec![];
    for asked in [people.collect::<Vec<_>>(), nobodies.collect()] {
        flushes.store(0, Ordering::Relaxed);
        let before = engine.head().next;
        for person in asked {
            run(&engine, Lane::Stranger, person.requests_reset(Net(1))).unwrap();
        }
        seen.push((flushes.load(Ordering::Relaxed), engine.head().next.0 - before.0));
    }
    // sled's own thread flushes twice a second, and may do so within a write.
    let one_each = u64::from(REQUESTS)..=u64::from(REQUESTS) + u64::from(REQUESTS) / 4;
    assert!(
        seen.iter().all(|(flushed, _)| one_each.contains(flushed)),
        "{seen:?}"
    );
    assert_eq!(
        (seen[0].1, seen[1].1),
        (u64::from(REQUESTS), 0),
        "and leaves nothing"
    );
    assert!(engine.stop(PATIENCE));
}

#[test]
fn law_6_a_command_costs_one_device_flush() {
    const COMMANDS: u8 = 40;
    let (rig, dir) = (Rig::new(), folder());
    let flushes = Arc::new(AtomicU64::new(0));
    let store = Counted(rig.sled(dir.path()).unwrap(), Arc::clone(&flushes));
    let (engine, _) = rig.boot_anchored(store, None, Rollback::Refuse).unwrap();
    crate::rig::found(&engine);
    flushes.store(0, Ordering::Relaxed);
    for n in 0..COMMANDS {
        let command = Person(0x40 + n).signs_up(Net(u16::from(n)));
        run(&engine, Lane::Stranger, command).unwrap();
    }
    let counted = flushes.load(Ordering::Relaxed);
    // sled's own thread flushes twice a second, and may do so within an append.
    let expected = u64::from(COMMANDS)..=u64::from(COMMANDS) + u64::from(COMMANDS) / 4;
    assert!(expected.contains(&counted), "{counted} for {COMMANDS}");
    assert_eq!(engine.read(|state| state.users.len()), usize::from(COMMANDS));
    assert!(run(&engine, Lane::Proof, ADA.is_banned()).is_err());
    assert!(engine.stop(PATIENCE));
}
