//! Seeded lives of the whole house: random people, a rough mail server, a failing disk and a jumping clock, against an
//! oracle that folds what was acknowledged by itself.
//!
//! What runs is real from the desk down: passwords, proofs, keys, law, writer and ledger format; the disk is
//! `ledger::memory` with its faults, and clock and entropy come from the seed. One thing happens at a time, so a seed
//! always gives the same bytes. A seed that fails says how to see it again; `KEYLEDGER_SIM_SEEDS=100000` tries more.

#![expect(clippy::unwrap_used, reason = "a simulation that cannot go on fails")]

mod addresses;
mod apps;
mod attempt;
mod chance;
mod compare;
mod ending;
mod follow;
mod life;
mod machine;
mod management;
mod oracle;
mod people;
mod post;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use life::{Life, Met};

/// Steps of one life.
const STEPS: usize = 60;
/// Lives in every run of the tests.
const SEEDS: u64 = 1_000;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Lives the lives of some seeds, on all cores; says what they met.
fn live(seeds: std::ops::Range<u64>) -> Met {
    let (next, met) = (AtomicU64::new(seeds.start), Mutex::new(Met::new()));
    let faults = Mutex::new(vec![]);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || faults.lock().unwrap().len() > 2 {
                        return;
                    }
                    match Life::new(seed).live(STEPS) {
                        Ok(told) => {
                            let mut met = met.lock().unwrap();
                            for (what, times) in told.met {
                                *met.entry(what).or_default() += times;
                            }
                        }
                        Err(fault) => faults.lock().unwrap().push(format!(
                            "seed {seed}: {fault}\n  (again: KEYLEDGER_SIM_SEED={seed} cargo test --test it sim::)"
                        )),
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    met.into_inner().unwrap()
}

#[test]
fn law_6_a23_a_thousand_seeded_lives_lose_nothing_that_was_acknowledged() {
    let seeds = match number("KEYLEDGER_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("KEYLEDGER_SIM_SEEDS").unwrap_or(SEEDS),
    };
    let whole = seeds.end - seeds.start >= SEEDS;
    let met = live(seeds);
    // Printed by `--nocapture`: what a run has seen.
    for (what, times) in &met {
        println!("{times:>8}  {what}");
    }
    if !whole {
        return;
    }
    // Lives in which nothing goes wrong would prove nothing.
    for what in [
        "a crash kept what was in doubt",
        "a crash lost what was in doubt",
        "a group in doubt",
        "a mail came twice, recognisably",
        "Refresh refused with consequences",
        "SignIn refused with consequences",
        "Confirm refused with consequences",
        "a start failed on the disk",
        "killed",
        "stopped while keys could not be destroyed",
    ] {
        assert!(
            met.get(what).is_some_and(|times| *times > 1),
            "{what}: {:?}",
            met.get(what)
        );
    }
    let tried = [
        "SignUp",
        "Create",
        "SignIn",
        "Ask",
        "Answer",
        "Confirm",
        "Verify",
        "Disown",
        "Reopen",
        "Change",
        "Refresh",
        "EndSession",
        "EndSessions",
        "Withdraw",
        "Ban",
        "Unban",
        "RevokePassword",
        "Erase",
        "EraseDue",
        "AdminRecovery",
        "NewKey",
        "TouchKey",
        "ConfirmKey",
        "RenewClosing",
        "RevokeKey",
        "SignOut",
        "SavePolicy",
        "NewEpoch",
        "AcceptClock",
        "Delivered",
        "Deferred",
        "Ended",
        "BeginApp",
        "ConfirmApp",
        "RemoveApp",
        "RevokeFactors",
        "NameAddress",
        "ProveAddress",
        "DropAddress",
        "ChangeRole",
        "EditProfile",
        "SendRecovery",
        "CancelMail",
        "HastenMail",
        "NameOrigins",
        "ChangeFlows",
    ];
    for attempt in tried {
        let what = format!("{attempt} done");
        assert!(met.contains_key(&what), "no life met: {what}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for seed in [1, 7, 42, 4_711] {
        let one = Life::new(seed).live(STEPS).unwrap();
        let two = Life::new(seed).live(STEPS).unwrap();
        assert_eq!(one.bytes, two.bytes, "seed {seed}");
        assert_eq!(one.met, two.met, "seed {seed}");
        let other = Life::new(seed + 1).live(STEPS).unwrap();
        assert_ne!(one.bytes, other.bytes, "seeds {seed} and the next");
    }
}
