//! What keeps the house, while people are in it and the process is killed: keys replaced, the ledger compacted, snapshots
//! taken.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use keyledger::system::{SeededEntropy, random_array};

use super::super::process::Server;
use super::disk;
use super::{Crowd, Scene, rounds};

/// Runs commands one after another, again and again, beside a crowd at work, until that is over; how often each was
/// acknowledged.
fn beside<const N: usize>(scene: &Scene, commands: [&[&str]; N], work: impl FnOnce()) -> [u64; N] {
    let over = AtomicBool::new(false);
    let done = [const { AtomicU64::new(0) }; N];
    std::thread::scope(|scope| {
        for (words, done) in commands.iter().zip(&done) {
            let over = &over;
            scope.spawn(move || {
                while !over.load(Ordering::Acquire) {
                    if scene.home.run(words).code() == Some(0) {
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        work();
        over.store(true, Ordering::Release);
    });
    done.map(AtomicU64::into_inner)
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
        let [done] = beside(&scene, [&["keys", "rotate-master-key"]], || {
            crowd.work(&client, &scene.sink, moment(&dice), || server.kill());
        });
        replaced += done;
    }
    let server = Server::start(&scene.home, &scene.key);
    crowd.check_everything(&server.client(), &scene.home);
    scene.mails_left();
    crowd.check_mails(&scene.sink);
    server.terminate();
    assert_eq!(scene.home.run(&["verify"]).json(0)["verdict"], "good");
    let told = scene.home.run(&["events", "--type", "MasterKeyReplaced"]).json(0)["total"].as_u64();
    assert!(told >= Some(replaced), "{told:?} of {replaced} are in the ledger");
    let next = scene.home.data().join("keys").join("master.key.next");
    assert!(!next.exists(), "no replacement is left unfinished");
    scene.tell("kill -9 while the master key is replaced", times, &crowd);
}

#[test]
fn keys_are_rotated_the_ledger_compacted_and_snapshots_taken_together_under_load_and_kills() {
    let (mut scene, crowd, dice) = (Scene::new(), Crowd::new(), SeededEntropy::new(13));
    scene.home.set("KEYLEDGER_SNAPSHOTS__EVERY", "15");
    let times = rounds(4);
    let mut done = [0; 3];
    for round in 0..times {
        let server = Server::start(&scene.home, &scene.key);
        let client = server.client();
        crowd.check(&client);
        let commands: [&[&str]; 3] = [
            &["keys", "rotate", "user-wrap"],
            &["compact"],
            &["keys", "rotate", "look-up"],
        ];
        let counts = beside(&scene, commands, || {
            crowd.work(&client, &scene.sink, moment(&dice), || {
                if round % 2 == 0 {
                    server.kill();
                } else {
                    server.terminate();
                }
            });
        });
        for (all, count) in done.iter_mut().zip(counts) {
            *all += count;
        }
    }
    let server = Server::start(&scene.home, &scene.key);
    crowd.check_everything(&server.client(), &scene.home);
    scene.mails_left();
    crowd.check_mails(&scene.sink);
    server.terminate();
    assert_eq!(scene.home.run(&["verify"]).json(0)["verdict"], "good");
    assert!(done.iter().all(|count| *count > 0), "{done:?}");
    let snapshots = std::fs::read_dir(scene.home.data().join("snapshots")).unwrap();
    assert!(snapshots.count() > 0, "a start goes on from one");
    scene.tell("rotations, compactions and snapshots with kill -9", times, &crowd);
}

#[test]
fn law_6_a_full_disk_under_a_snapshot_costs_that_snapshot_and_nothing_else() {
    let (mut scene, crowd) = (Scene::new(), Crowd::new());
    let snapshots = scene.home.data().join("snapshots");
    scene.home.set("KEYLEDGER_SNAPSHOTS__EVERY", "15");
    let times = rounds(3);
    for round in 0..times {
        disk::give(&mut scene.home);
        scene
            .home
            .set("FAULTY_DISK_UNDER", snapshots.display().to_string());
        // Room for nothing, for the head, for a part.
        scene.home.set("FAULTY_DISK_GROWS", (round % 3 * 300).to_string());
        let server = Server::start(&scene.home, &scene.key);
        let client = server.client();
        crowd.work(&client, &scene.sink, 30, || {});
        crowd.check(&client);
        server.terminate();
        let said = scene.home.said().to_lowercase();
        assert!(
            said.contains("nothing is lost") && said.contains("space") && !said.contains("stack backtrace"),
            "{said}"
        );
        disk::take_away(&mut scene.home);
    }
    assert_eq!(
        std::fs::read_dir(&snapshots).map_or(0, Iterator::count),
        0,
        "no half snapshot is left"
    );
    let server = Server::start(&scene.home, &scene.key);
    crowd.check_everything(&server.client(), &scene.home);
    scene.mails_left();
    crowd.check_mails(&scene.sink);
    server.terminate();
    assert!(
        std::fs::read_dir(&snapshots).unwrap().count() > 0,
        "with room there is one"
    );
    assert_eq!(scene.home.run(&["verify"]).json(0)["verdict"], "good");
    scene.tell("full disk under a snapshot", times, &crowd);
}
