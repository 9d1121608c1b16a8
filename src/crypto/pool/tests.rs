use std::sync::mpsc;

use secrecy::ExposeSecret as _;

use super::*;
use crate::crypto::keyring::Keyring;
use crate::system::SeededEntropy;
use crate::types::Timestamp;

fn ring() -> SharedKeyring {
    SharedKeyring::new(Keyring::fresh(Timestamp(0), &SeededEntropy::new(1)))
}

fn settings(workers: usize, waiting_max: usize) -> PoolSettings {
    let workers = NonZeroUsize::new(workers).unwrap();
    PoolSettings {
        workers,
        waiting_max,
        params: PasswordParams::default(),
    }
}

fn pool_of(settings: PoolSettings, ring: SharedKeyring) -> PasswordPool {
    PasswordPool::start(settings, ring, Arc::new(SeededEntropy::new(2))).unwrap()
}

fn pool() -> PasswordPool {
    pool_of(settings(1, 64), ring())
}

fn hash(pool: &PasswordPool, password: &str) -> SecretString {
    pool.hash_blocking(password.into()).unwrap()
}

fn verify(pool: &PasswordPool, password: &str, verifier: &SecretString) -> Verdict {
    pool.verify_blocking(password.into(), Some(verifier.clone()))
        .unwrap()
}

const RIGHT: Verdict = Verdict::Right {
    rehash: Rehash::NotNeeded,
};
const OLD: Verdict = Verdict::Right { rehash: Rehash::Due };

/// Entropy that tells when a worker asks for a salt, and lets it have one when told: stops a hash at a known place.
struct Gate {
    asked: Mutex<mpsc::Sender<()>>,
    go: Mutex<mpsc::Receiver<()>>,
}

impl Entropy for Gate {
    fn fill(&self, out: &mut [u8]) {
        if thread::current()
            .name()
            .is_some_and(|name| name.starts_with("password-"))
        {
            locked(&self.asked).send(()).unwrap();
            locked(&self.go).recv().unwrap();
        }
        out.fill(7);
    }
}

fn gated(waiting_max: usize) -> (PasswordPool, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let ((asked, has_asked), (go, may_go)) = (mpsc::channel(), mpsc::channel());
    let gate = Gate {
        asked: Mutex::new(asked),
        go: Mutex::new(may_go),
    };
    let pool = PasswordPool::start(settings(1, waiting_max), ring(), Arc::new(gate)).unwrap();
    (pool, has_asked, go)
}

#[test]
fn p_09_a_verifier_is_argon2id_with_its_cost_salt_and_pepper_in_it() {
    let pool = pool();
    let (one, two) = (hash(&pool, "correct horse"), hash(&pool, "correct horse"));
    assert!(
        one.expose_secret()
            .starts_with("$argon2id$v=19$m=19456,t=2,p=1,keyid=")
    );
    assert_ne!(
        one.expose_secret(),
        two.expose_secret(),
        "each has a salt of its own"
    );
    assert_eq!(Verifier::parse(one.expose_secret()).unwrap().salt.len(), 16);
    assert_eq!(verify(&pool, "correct horse", &one), RIGHT);
    assert_eq!(verify(&pool, "correct horsf", &one), Verdict::Wrong);
    assert!(RIGHT.matches() && OLD.matches() && !Verdict::Wrong.matches());
}

#[test]
fn p_02_no_password_is_cut_short() {
    let pool = pool();
    let long = "a".repeat(71);
    for (password, other) in [
        (format!("{long}b"), format!("{long}c")),
        (format!("{long}bb"), format!("{long}bc")),
        ("nul\0one".into(), "nul\0two".into()),
        ("비밀번호가".into(), "비밀번호나".into()),
        ("x".repeat(4_096), "x".repeat(4_095)),
    ] {
        let verifier = hash(&pool, &password);
        assert_eq!(verify(&pool, &password, &verifier), RIGHT);
        assert_eq!(verify(&pool, &other, &verifier), Verdict::Wrong);
    }
}

#[test]
fn p_03_the_spelling_of_a_keyboard_does_not_matter() {
    let pool = pool();
    let verifier = hash(&pool, "e\u{301}te\u{301} \u{1112}\u{1161}\u{11ab}");
    assert_eq!(verify(&pool, "\u{e9}t\u{e9}\u{3000}\u{d55c}", &verifier), RIGHT);
}

#[test]
fn p_10_the_pepper_is_needed_and_rotates_without_ending_a_password() {
    let ring = ring();
    let before = pool_of(settings(1, 8), ring.clone());
    let verifier = hash(&before, "correct horse");
    let mut rotated = Keyring::clone(&ring.current());
    rotated
        .rotate(Purpose::Pepper, Timestamp(1), &SeededEntropy::new(3))
        .unwrap();
    let after = pool_of(settings(1, 8), SharedKeyring::new(rotated));
    assert_eq!(verify(&after, "correct horse", &verifier), OLD);
    assert_eq!(verify(&after, "wrong horse", &verifier), Verdict::Wrong);
    assert_eq!(
        verify(&after, "correct horse", &hash(&after, "correct horse")),
        RIGHT
    );

    let stranger = Keyring::fresh(Timestamp(0), &SeededEntropy::new(9));
    let stolen = pool_of(settings(1, 8), SharedKeyring::new(stranger));
    assert_eq!(
        verify(&stolen, "correct horse", &verifier),
        Verdict::Wrong,
        "the same key id, another key"
    );
    assert_eq!(
        verify(&before, "correct horse", &hash(&after, "correct horse")),
        Verdict::Wrong,
        "an unknown key id"
    );
}

#[test]
fn p_09_a_verifier_of_another_cost_is_replaced_at_sign_in() {
    let ring = ring();
    let weak = pool_of(settings(1, 8), ring.clone());
    let verifier = hash(&weak, "correct horse");
    let params = PasswordParams::checked(24_576, 3, 1).unwrap();
    let strong = pool_of(
        PoolSettings {
            params,
            ..settings(1, 8)
        },
        ring,
    );
    assert_eq!(verify(&strong, "correct horse", &verifier), OLD);
    let renewed = hash(&strong, "correct horse");
    assert_eq!(verify(&strong, "correct horse", &renewed), RIGHT);
    assert_eq!(
        verify(&weak, "correct horse", &renewed),
        OLD,
        "one that needs more memory than the thread has"
    );
}

#[test]
fn p_12_imported_verifiers_are_checked_within_bounds_and_replaced() {
    let pool = pool();
    // A known answer from the argon2 crate's tests (kat.rs): password "password", salt "somesalt".
    let imported = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    assert_eq!(verify(&pool, "password", &imported.into()), OLD);
    assert_eq!(verify(&pool, "passwore", &imported.into()), Verdict::Wrong);
    for hostile in [
        imported.replace("m=65536", "m=4194304"),
        imported.replace("t=2", "t=4294967295"),
        "$1$md5".into(),
    ] {
        assert_eq!(verify(&pool, "password", &hostile.into()), Verdict::Wrong);
    }
}

#[test]
fn p_13_an_unknown_user_costs_a_real_hash_with_the_same_parameters() {
    let pool = pool();
    let dummy = Verifier::parse(pool.shared.dummy.expose_secret()).unwrap();
    let (active, _) = pool.shared.ring.current().active(Purpose::Pepper);
    assert!(
        !dummy.is_outdated(PasswordParams::default(), active),
        "it is what a known user has"
    );

    let mut memory = vec![Block::new(); dummy.blocks()];
    assert_eq!(
        pool.shared.verify(&"anything".into(), None, &mut memory),
        Verdict::Wrong
    );
    let touched = memory
        .iter()
        .filter(|block| block.as_ref() != Block::new().as_ref())
        .count();
    assert_eq!(touched, memory.len(), "every block was computed");
}

#[test]
fn p_11_hashing_never_exceeds_its_memory_and_refuses_beyond_its_queue() {
    let (pool, asked, go) = gated(2);
    assert_eq!(pool.memory_bytes(), 19 * 1_024 * 1_024);
    assert_eq!(pool.memory_bytes_max(), 256 * 1_024 * 1_024);
    let running = pool.ask_hash(Lane::Stranger, "one".into()).unwrap();
    asked.recv().unwrap();
    let waiting = pool.ask_hash(Lane::Proof, "two".into()).unwrap();
    let unknown = pool.ask_verify(Lane::Stranger, "three".into(), None).unwrap();
    assert_eq!(pool.waiting(), 2);
    assert_eq!(pool.hash_blocking("four".into()).unwrap_err(), Busy);
    for verifier in [None, Some("$argon2id$".into())] {
        let refused = pool.ask_verify(Lane::Stranger, "four".into(), verifier);
        assert_eq!(refused.unwrap_err(), Busy, "known or unknown, the same refusal");
    }
    go.send(()).unwrap();
    go.send(()).unwrap();
    assert!(running.blocking_recv().is_ok() && waiting.blocking_recv().is_ok());
    assert_eq!(unknown.blocking_recv(), Ok(Verdict::Wrong));
}

#[test]
fn p_11_strangers_fill_half_of_the_queue_and_leave_the_rest_to_those_with_a_proof() {
    let (pool, asked, go) = gated(4);
    let running = pool.ask_hash(Lane::Stranger, "one".into()).unwrap();
    asked.recv().unwrap();
    let ask = |lane| pool.ask_hash(lane, "another".into());
    let mut waiting = vec![ask(Lane::Stranger).unwrap(), ask(Lane::Stranger).unwrap()];
    assert_eq!(ask(Lane::Stranger).unwrap_err(), Busy);
    waiting.extend([ask(Lane::Proof).unwrap(), ask(Lane::Proof).unwrap()]);
    assert_eq!(ask(Lane::Proof).unwrap_err(), Busy);
    for _ in 0..=waiting.len() {
        go.send(()).unwrap();
    }
    assert!(running.blocking_recv().is_ok());
    assert!(waiting.into_iter().all(|answer| answer.blocking_recv().is_ok()));
}

#[test]
fn p_11_a_proof_waits_for_one_stranger_and_not_for_all_who_came_before() {
    let (pool, asked, go) = gated(16);
    let running = pool.ask_hash(Lane::Stranger, "one".into()).unwrap();
    asked.recv().unwrap();
    let strangers: Vec<_> = (0..8)
        .map(|_| pool.ask_hash(Lane::Stranger, "two".into()).unwrap())
        .collect();
    let mut proofs: Vec<_> = (0..2)
        .map(|_| pool.ask_hash(Lane::Proof, "three".into()).unwrap())
        .collect();
    let mut done_after = vec![];
    for hashed in 0..=10 {
        go.send(()).unwrap();
        if hashed < 10 {
            // The next one has begun, so this one has been answered.
            asked.recv().unwrap();
        }
        proofs.retain_mut(|answer| {
            let done = answer.try_recv().is_ok();
            done_after.extend(done.then_some(hashed));
            !done
        });
    }
    assert_eq!(done_after, [1, 3], "every other turn");
    assert!(running.blocking_recv().is_ok());
    assert!(strangers.into_iter().all(|answer| answer.blocking_recv().is_ok()));
}

#[test]
fn a_caller_that_has_gone_costs_no_hash() {
    let (pool, asked, go) = gated(8);
    let first = pool.ask_hash(Lane::Proof, "one".into()).unwrap();
    asked.recv().unwrap();
    drop(pool.ask_hash(Lane::Proof, "two".into()).unwrap());
    go.send(()).unwrap();
    first.blocking_recv().unwrap();
    assert_eq!(pool.verify_blocking("three".into(), None), Ok(Verdict::Wrong));
    assert!(asked.try_recv().is_err(), "no salt was drawn for the second");
}

#[test]
fn a_stopped_pool_has_finished_what_waited_and_takes_nothing_new() {
    let pool = pool_of(settings(2, 8), ring());
    let waiting: Vec<_> = (0..4)
        .map(|_| pool.ask_hash(Lane::Proof, "password".into()).unwrap())
        .collect();
    pool.stop();
    for mut answer in waiting {
        assert!(answer.try_recv().is_ok());
    }
    assert_eq!(pool.hash_blocking("password".into()).unwrap_err(), Busy);
    pool.stop();
}

#[tokio::test]
async fn the_asynchronous_way_is_the_same() {
    let pool = pool();
    let verifier = pool.hash(Lane::Proof, "correct horse".into()).await.unwrap();
    assert_eq!(
        pool.verify(Lane::Proof, "correct horse".into(), Some(verifier))
            .await,
        Ok(RIGHT)
    );
    assert_eq!(
        pool.verify(Lane::Stranger, "correct horse".into(), None).await,
        Ok(Verdict::Wrong)
    );
}
