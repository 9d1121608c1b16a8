//! What a start folds is what was live.

use std::ops::ControlFlow;

use keyledger::domain::{Command, LimitKind, PasswordVerdict, Purpose, Refusal, State};
use keyledger::engine::{Engine, Lane, Trouble, fold, state_hash};
use keyledger::ledger::tree::leaf_hash;
use keyledger::ledger::{Frontier, MemoryStore, Store};
use keyledger::types::{Position, Span};

use super::gate::Gate;
use crate::people::{ADA, BOB, ELSEWHERE, HOME, NOBODY, Net, Person, code, link, mail};
use crate::rig::{PATIENCE, Rig, run};

/// A bit of everything; refusals too.
pub fn workload(engine: &Engine, clock: &keyledger::system::TestClock) {
    let proof = |command| run(engine, Lane::Proof, command);
    let stranger = |command| run(engine, Lane::Stranger, command);
    stranger(ADA.signs_up(HOME)).unwrap();
    stranger(BOB.signs_up_quietly(ELSEWHERE, None)).unwrap();
    for n in 0..20 {
        let person = Person(0x20 + n);
        stranger(person.signs_up(Net(100 + u16::from(n)))).unwrap();
        proof(person.signs_in(Net(7), 5)).unwrap();
        let _ = stranger(person.fails_to_sign_in(ELSEWHERE));
        clock.advance(Span::seconds(37));
    }
    for _ in 0..7 {
        let _ = stranger(NOBODY.requests_reset(ELSEWHERE));
        let _ = stranger(ADA.requests_reset(ELSEWHERE));
        let _ = stranger(ADA.guesses(ELSEWHERE));
        let _ = stranger(NOBODY.guesses(ELSEWHERE));
    }
    let requests: Vec<Position> = engine.read(|state| state.requests.keys().copied().collect());
    let mut last = 49;
    for request in requests {
        last += 1;
        proof(ADA.issue(request.0, last)).unwrap();
    }
    assert_eq!(
        proof(ADA.recovers(link(ADA.token(50)), 1, 2)),
        Err(Trouble::Refused(Refusal::TokenNotFound))
    );
    proof(ADA.recovers(code(ADA.token(last)), 1, 2)).unwrap();
    proof(ADA.signs_in_with(HOME, PasswordVerdict::Right(ADA.password(2)), 7)).unwrap();
    for counter in 0..3 {
        proof(ADA.refreshes(7, counter)).unwrap();
        clock.advance(Span::minutes(5));
    }
    let _ = proof(ADA.refreshes(7, 0));
    proof(BOB.signs_in(HOME, 3)).unwrap();
    proof(BOB.withdraws(3, 9)).unwrap();
    proof(Person(0x21).is_banned()).unwrap();
    proof(Person(0x22).is_erased()).unwrap();
    let outbox: Vec<Position> = engine.read(|state| state.outbox.keys().copied().collect());
    for (queued, attempt) in outbox.into_iter().step_by(2).zip(1_u16..) {
        let status = 250;
        let delivered = Command::MailDelivered {
            queued,
            attempt,
            status,
        };
        proof(delivered).unwrap();
    }
}

#[test]
fn law_1_a_replay_comes_to_the_state_that_was_live() {
    let rig = Rig::new();
    let gate = Gate::before(MemoryStore::new([1; 16]));
    let engine = rig.start(gate.store());
    workload(&engine, &rig.clock);
    let live = engine.read(state_hash);
    let (next, time) = engine.read(|state| (state.next(), state.last_time()));
    assert!(engine.stop(PATIENCE));
    let mut again = gate.look(|store| store.reopen()).unwrap();
    let folded = fold(&mut again).unwrap();
    assert_eq!(state_hash(&folded.state), live);
    assert_eq!((folded.state.next(), folded.state.last_time()), (next, time));
    assert_eq!((folded.events, folded.cut), (next.0, None));
    assert_eq!(
        folded.tree,
        engine.durable().tree,
        "the tree grew as it is folded"
    );
    // And a second fold is no other than the first.
    assert_eq!(state_hash(&fold(&mut again).unwrap().state), live);
}

#[test]
fn the_hash_of_a_state_tells_every_state_from_the_next() {
    let rig = Rig::new();
    let engine = rig.start(MemoryStore::new([1; 16]));
    let mut seen = std::collections::HashSet::from([state_hash(&State::default())]);
    for command in [
        ADA.signs_up(HOME),
        ADA.fails_to_sign_in(ELSEWHERE),
        NOBODY.fails_to_sign_in(ELSEWHERE),
        ADA.requests(Purpose::Recovery, ELSEWHERE),
        ADA.signs_in(HOME, 2),
        ADA.refreshes(2, 0),
        ADA.is_banned(),
    ] {
        let _ = run(&engine, Lane::Proof, command);
        assert!(seen.insert(engine.read(state_hash)), "a new state, a new hash");
    }
    assert!(engine.stop(PATIENCE));
}

#[test]
fn a16_a_wrong_password_is_durable_when_its_refusal_arrives() {
    let rig = Rig::new();
    let gate = Gate::before(MemoryStore::new([1; 16]));
    let engine = rig.start(gate.store());
    run(&engine, Lane::Stranger, ADA.signs_up(HOME)).unwrap();
    for tries in 1..=5 {
        let before = engine.head().next;
        let refused = run(&engine, Lane::Stranger, ADA.fails_to_sign_in(ELSEWHERE));
        assert_eq!(refused, Err(Trouble::Refused(Refusal::InvalidCredentials)));
        assert_eq!(engine.head().next, before.next(), "try {tries}");
        let mut disk = gate.look(|store| store.reopen()).unwrap();
        assert_eq!(disk.head(), engine.head());
        let folded = fold(&mut disk).unwrap().state;
        let guard = folded.guards.get(&ADA.user()).unwrap().clone();
        assert_eq!(guard.sign_ins[0].1, tries);
    }
    assert!(engine.stop(PATIENCE));
    // The next process counts on.
    let engine = rig.start(gate.look(|store| store.reopen()).unwrap());
    engine.read(|state| {
        assert!(state.guards.get(&ADA.user()).is_some());
    });
    assert!(engine.stop(PATIENCE));
}

#[test]
fn what_was_not_written_is_counted_and_taken_once() {
    let mut rig = Rig::new();
    rig.limits.mails_per_client = 1;
    let engine = rig.start(MemoryStore::new([1; 16]));
    let ask = || run(&engine, Lane::Stranger, NOBODY.requests_reset(ELSEWHERE));
    ask().unwrap();
    for _ in 0..3 {
        let Err(Trouble::Refused(Refusal::Limited(reached))) = ask() else {
            panic!("limited")
        };
        assert_eq!(reached.kind, LimitKind::ClientMails);
    }
    let counts = engine.take_suppressed();
    assert_eq!(
        counts.values().map(|counted| counted.count).collect::<Vec<_>>(),
        [3]
    );
    assert!(engine.take_suppressed().is_empty());
    assert!(engine.stop(PATIENCE));
}

#[test]
fn two_sign_ups_in_one_group_cannot_share_an_address() {
    let rig = Rig::new();
    let gate = Gate::before(MemoryStore::new([1; 16]));
    let engine = rig.start(gate.store());
    gate.close();
    let first = engine.begin(Lane::Proof, BOB.is_created(), vec![]).unwrap();
    gate.wait_for_an_append();
    let mut twin = ADA.signs_up(ELSEWHERE);
    if let Command::SignUp { new, .. } = &mut twin {
        new.user = Person(0x77).user();
        new.address = Person(0x77).address();
    }
    let one = engine.begin(Lane::Stranger, ADA.signs_up(HOME), vec![]).unwrap();
    let two = engine.begin(Lane::Stranger, twin, vec![]).unwrap();
    gate.open();
    crate::rig::block_on(async {
        assert!(first.outcome().await.is_ok());
        assert!(one.outcome().await.is_ok());
        assert_eq!(two.outcome().await, Err(Trouble::Refused(Refusal::AddressTaken)));
    });
    assert_eq!(engine.read(|state| state.users.len()), 2);
    assert!(engine.stop(PATIENCE));
}

#[test]
fn a_sign_up_for_a_taken_address_leaves_no_keys_of_a_user_who_never_came_to_be() {
    use keyledger::system::SeededEntropy;
    use keyledger::types::DataKeyId;

    let rig = Rig::new();
    let gate = Gate::before(MemoryStore::new([1; 16]));
    let engine = rig.start(gate.store());
    let entropy = SeededEntropy::new(3);
    let keys = |person: Person| -> Vec<_> {
        [
            DataKeyId::User(person.user()),
            DataKeyId::Credential(person.password(1)),
            DataKeyId::Day(20_000),
        ]
        .map(|id| (id, engine.vault().make(id, &entropy).1))
        .into()
    };
    engine
        .execute_blocking(Lane::Stranger, ADA.signs_up(HOME), keys(ADA))
        .unwrap();
    assert_eq!(gate.counts().1, 3);
    let mut again = ADA.signs_up_quietly(HOME, Some(mail(5)));
    if let Command::SignUp { new, credential, .. } = &mut again {
        new.user = BOB.user();
        credential.id = BOB.password(1);
    }
    engine.execute_blocking(Lane::Stranger, again, keys(BOB)).unwrap();
    assert_eq!(gate.counts().1, 4, "the day's key only");
    assert!(!engine.vault().contains(DataKeyId::User(BOB.user())));
    assert!(engine.stop(PATIENCE));
}

#[test]
fn requests_that_wait_for_their_mail_wait_over_a_restart() {
    let rig = Rig::new();
    let gate = Gate::before(MemoryStore::new([1; 16]));
    let engine = rig.start(gate.store());
    run(&engine, Lane::Stranger, ADA.signs_up(HOME)).unwrap();
    run(&engine, Lane::Stranger, ADA.requests_reset(ELSEWHERE)).unwrap();
    let waiting = engine.read(|state| state.requests.clone());
    assert_eq!(waiting.len(), 1);
    assert!(engine.stop(PATIENCE));
    let folded = fold(&mut gate.look(|store| store.reopen()).unwrap())
        .unwrap()
        .state;
    assert_eq!(folded.requests, waiting);
}

#[test]
fn the_tree_that_readers_see_is_over_exactly_what_is_durable() {
    let rig = Rig::new();
    let gate = Gate::before(MemoryStore::new([1; 16]));
    let engine = rig.start(gate.store());
    workload(&engine, &rig.clock);
    let durable = engine.durable();
    let mut expected = Frontier::default();
    engine
        .reader()
        .scan(Position(0), &mut |frame| {
            frame
                .records()
                .for_each(|record| expected.push(leaf_hash(record)));
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(durable.head, engine.head());
    assert_eq!(durable.tree.size(), durable.head.next.0);
    assert_eq!(durable.tree, expected);
    assert!(engine.stop(PATIENCE));
    // The next process goes on with the same tree.
    let engine = rig.start(gate.look(|store| store.reopen()).unwrap());
    assert_eq!(engine.durable().tree, expected);
    assert!(engine.stop(PATIENCE));
}
