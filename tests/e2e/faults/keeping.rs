//! What keeps the house, while people are in it and the process is killed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use keyledger::system::{SeededEntropy, random_array};

use super::super::process::Server;
use super::{Crowd, Scene, rounds};

/// How often a command is run beside a crowd, at most.
const TIMES_MAX: u32 = 5;

/// Runs a command again and again beside a crowd at work, until that is over; how often it was acknowledged.
fn beside(scene: &Scene, words: &[&str], work: impl FnOnce()) -> u64 {
    let (over, done) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Not for ever: whoever is at work must get on as well.
            for _ in 0..TIMES_MAX {
                if over.load(Ordering::Acquire) {
                    break;
                }
                if scene.home.run(words).code() == Some(0) {
                    done.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        work();
        over.store(true, Ordering::Release);
    });
    done.into_inner()
}

fn moment(dice: &SeededEntropy) -> u64 {
    10 + u64::from_be_bytes(random_array(dice)) % 40
}

#[test]
fn l_10_a_kill_while_the_master_key_is_replaced_loses_nobody_and_the_next_start_goes_on() {
    let (scene, crowd, dice) = (Scene::new(), Crowd::new(), SeededEntropy::new(12));
    let times = rounds(6);
    let mut replaced = 0;
    for _ in 0..times {
        let server = Server::start(&scene.home, &scene.key);
        let client = server.client();
        crowd.check(&client);
        // Once the server is gone the command opens the ledger itself, and replaces the key there.
        replaced += beside(&scene, &["keys", "rotate-master-key"], || {
            crowd.work(&client, &scene.sink, moment(&dice), || server.kill());
        });
    }
    let server = Server::start(&scene.home, &scene.key);
    crowd.check_everything(&server.client(), &scene.home);
    scene.mails_left();
    crowd.check_mails(&scene.sink);
    server.terminate();
    assert_eq!(scene.home.run(&["verify"]).json(0)["verdict"], "good");
    let told = scene
        .home
        .run(&["events", "--type", "MasterKeyReplaced", "--limit", "1000"])
        .json(0)["total"]
        .as_u64();
    assert!(told >= Some(replaced), "{told:?} of {replaced} are in the ledger");
    let next = scene.home.data().join("keys").join("master.key.next");
    assert!(!next.exists(), "no replacement is left unfinished");
    scene.tell("kill -9 while the master key is replaced", times, &crowd);
}
