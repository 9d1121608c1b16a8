//! Many callers, one writer.

use keyledger::domain::{Outcome, Purpose, Refusal, State};
use keyledger::engine::{Begun, LANE_DEPTH_MAX, Lane, Trouble};
use keyledger::ledger::MemoryStore;

use super::gate::Gate;
use crate::people::{ADA, BOB, ELSEWHERE, HOME, NOBODY, Net, Person, link};
use crate::rig::{PATIENCE, Rig, block_on, run};

fn person(n: u8) -> Person {
    Person(0x30 + n)
}

#[test]
fn r_20_a5_of_64_parallel_completions_of_one_proof_exactly_one_wins() {
    let rig = Rig::new();
    let engine = rig.start(MemoryStore::new([1; 16]));
    run(&engine, Lane::Stranger, ADA.signs_up(HOME)).unwrap();
    run(&engine, Lane::Stranger, ADA.requests_reset(ELSEWHERE)).unwrap();
    let request = engine.read(|state| *state.requests.keys().next().unwrap());
    run(&engine, Lane::Proof, ADA.issue(request.0, 5)).unwrap();
    let verdicts: Vec<_> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..64)
            .map(|n| {
                let engine = engine.clone();
                scope.spawn(move || run(&engine, Lane::Proof, ADA.recovers(link(ADA.token(5)), 1, 100 + n)))
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    let won: Vec<_> = (0..)
        .zip(&verdicts)
        .filter(|(_, verdict)| verdict.is_ok())
        .collect();
    assert_eq!(won.len(), 1);
    for (n, verdict) in (0..).zip(&verdicts) {
        if n != won[0].0 {
            assert_eq!(*verdict, Err(Trouble::Refused(Refusal::TokenNotFound)));
        }
    }
    let password = engine.read(|state| state.users[&ADA.user()].credential_id());
    assert_eq!(password, Some(ADA.password(100 + won[0].0)));
    assert!(engine.stop(PATIENCE));
}

#[test]
fn law_3_no_reader_sees_what_is_not_durable() {
    let rig = Rig::new();
    let gate = Gate::before(MemoryStore::new([1; 16]));
    let engine = rig.start(gate.store());
    let published = engine.published();
    let (before, head) = (engine.read(State::next), engine.head());
    gate.close();
    let begun = engine.begin(Lane::Stranger, ADA.signs_up(HOME), vec![]).unwrap();
    gate.wait_for_an_append();
    // Decided, and not on the disk.
    engine.read(|state| {
        assert!(state.users.is_empty() && state.sessions.is_empty() && state.tokens.is_empty());
        assert_eq!(state.next(), before);
        assert_eq!(engine.directory().address(ADA.lookup(), state), None);
    });
    assert_eq!((engine.head(), *published.borrow()), (head, before));
    gate.open();
    assert!(block_on(begun.outcome()).is_ok());
    engine.read(|state| {
        assert!(state.users.contains_key(&ADA.user()));
        assert_eq!(
            engine.directory().address(ADA.lookup(), state),
            Some(ADA.address())
        );
    });
    assert_eq!(engine.head().next, engine.read(State::next));
    assert_eq!(*published.borrow(), engine.head().next);
    assert!(engine.stop(PATIENCE));
}

#[test]
fn commands_that_wait_together_share_one_append() {
    let rig = Rig::new();
    let gate = Gate::before(MemoryStore::new([1; 16]));
    let engine = rig.start(gate.store());
    gate.close();
    let before = gate.counts().0;
    let first = engine.begin(Lane::Stranger, ADA.signs_up(HOME), vec![]).unwrap();
    gate.wait_for_an_append();
    let others: Vec<Begun> = (0..100)
        .map(|n| {
            let command = person(n).signs_up(Net(100 + u16::from(n)));
            engine.begin(Lane::Stranger, command, vec![]).unwrap()
        })
        .collect();
    gate.open();
    block_on(async {
        assert!(first.outcome().await.is_ok());
        for other in others {
            assert!(other.outcome().await.is_ok());
        }
    });
    assert_eq!(gate.counts().0, before + 2);
    assert_eq!(engine.read(|state| state.users.len()), 101);
    assert!(engine.stop(PATIENCE));
}

#[test]
fn refusals_without_events_need_no_append() {
    let rig = Rig::new();
    let gate = Gate::before(MemoryStore::new([1; 16]));
    let engine = rig.start(gate.store());
    gate.close();
    let refused = run(&engine, Lane::Proof, NOBODY.is_banned());
    assert_eq!(refused, Err(Trouble::Refused(Refusal::UserNotFound)));
    gate.open();
    assert!(engine.stop(PATIENCE));
}

#[test]
fn law_10_strangers_cannot_starve_whoever_has_a_proof() {
    let rig = Rig::new();
    let gate = Gate::before(MemoryStore::new([1; 16]));
    let engine = rig.start(gate.store());
    run(&engine, Lane::Stranger, ADA.signs_up(HOME)).unwrap();
    gate.close();
    let flood = |n: usize| {
        let command = NOBODY.requests_reset(Net(u16::try_from(1_000 + n).unwrap()));
        engine.begin(Lane::Stranger, command, vec![])
    };
    let mut strangers = vec![flood(0).unwrap()];
    gate.wait_for_an_append();
    strangers.extend((0..LANE_DEPTH_MAX).map(|n| flood(n + 1).unwrap()));
    let owner = engine.begin(Lane::Proof, ADA.signs_in(HOME, 2), vec![]).unwrap();
    // The flood's first command, then one group: the owner is in it, although 4,096 came before.
    gate.pass_one();
    gate.wait_for_an_append();
    gate.pass_one();
    assert_eq!(
        block_on(owner.outcome()),
        Ok(Outcome::Session(Some(ADA.session(2))))
    );
    assert!(
        gate.counts().0 <= 2 + 3,
        "founding, sign-up, and no more than three"
    );
    gate.open();
    block_on(async {
        for stranger in strangers {
            assert!(stranger.outcome().await.is_ok());
        }
    });
    assert!(engine.stop(PATIENCE));
}

#[test]
fn law_18_a_full_lane_refuses_at_once_and_leaves_the_other_open() {
    let rig = Rig::new();
    let gate = Gate::before(MemoryStore::new([1; 16]));
    let engine = rig.start(gate.store());
    gate.close();
    let ask = |lane| engine.begin(lane, NOBODY.is_banned(), vec![]);
    let first = engine.begin(Lane::Stranger, ADA.signs_up(HOME), vec![]).unwrap();
    gate.wait_for_an_append();
    let waiting: Vec<_> = (0..LANE_DEPTH_MAX)
        .map(|_| ask(Lane::Stranger).unwrap())
        .collect();
    assert_eq!(ask(Lane::Stranger).err(), Some(Trouble::Overloaded));
    let proof = ask(Lane::Proof).unwrap();
    gate.open();
    block_on(async {
        assert!(first.outcome().await.is_ok());
        let not_found = Err(Trouble::Refused(Refusal::UserNotFound));
        assert_eq!(proof.outcome().await, not_found);
        for one in waiting {
            assert_eq!(one.outcome().await, not_found);
        }
    });
    assert!(ask(Lane::Stranger).is_ok(), "room again");
    assert!(engine.stop(PATIENCE));
}

#[test]
fn a_stop_carries_out_what_waits_and_takes_nothing_more() {
    let rig = Rig::new();
    let gate = Gate::before(MemoryStore::new([1; 16]));
    let engine = rig.start(gate.store());
    gate.close();
    let first = engine.begin(Lane::Stranger, ADA.signs_up(HOME), vec![]).unwrap();
    gate.wait_for_an_append();
    let waiting: Vec<_> = (0..50)
        .map(|n| engine.begin(Lane::Proof, person(n).is_created(), vec![]).unwrap())
        .collect();
    assert!(!engine.stop(std::time::Duration::ZERO), "not done in no time");
    assert_eq!(
        engine.begin(Lane::Proof, BOB.is_created(), vec![]).err(),
        Some(Trouble::Stopped)
    );
    gate.open();
    block_on(async {
        assert!(first.outcome().await.is_ok());
        for one in waiting {
            assert!(one.outcome().await.is_ok());
        }
    });
    assert!(engine.stop(PATIENCE));
    assert!(!engine.is_running());
    assert_eq!(rig.failures().len(), 0);
    assert_eq!(engine.read(|state| state.users.len()), 51);
}

#[test]
fn a_caller_who_goes_away_does_not_take_the_command_back() {
    let rig = Rig::new();
    let engine = rig.start(MemoryStore::new([1; 16]));
    drop(engine.begin(Lane::Stranger, ADA.signs_up(HOME), vec![]).unwrap());
    run(
        &engine,
        Lane::Stranger,
        NOBODY.requests(Purpose::Recovery, ELSEWHERE),
    )
    .unwrap();
    assert!(engine.read(|state| state.users.contains_key(&ADA.user())));
    assert!(engine.stop(PATIENCE));
}
