//! What keeps the house, while people are in it and the process is killed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use keyledger::system::{SeededEntropy, random_array};

use super::super::process::Server;
use super::{Crowd, Scene, rounds};

/// How often a command is run beside a crowd, at most.
const TIMES_MAX: u32 = 5;

/// Runs commands again and again beside a crowd at work, each on its own, until that is over; how often each was
/// acknowledged.
fn beside<const N: usize>(scene: &Scene, commands: [&[&str]; N], work: impl FnOnce()) -> [u64; N] {
    let (over, done) = (AtomicBool::new(false), [const { AtomicU64::new(0) }; N]);
    std::thread::scope(|scope| {
        for (words, done) in commands.iter().zip(&done) {
            let over = &over;
            scope.spawn(move || {
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

#[test]
fn l_10_kills_while_keys_are_replaced_the_ledger_compacted_and_backed_up_and_snapshots_taken_lose_nobody() {
    let (mut scene, crowd, dice) = (Scene::new(), Crowd::new(), SeededEntropy::new(13));
    scene.home.set("KEYLEDGER_SNAPSHOTS__EVERY", "25");
    let backups = format!("{}/", scene.home.folder().join("backups").display());
    let commands: [&[&str]; 3] = [
        &["keys", "rotate-master-key"],
        &["compact"],
        &["backup", &backups, "--since", "auto"],
    ];
    let times = rounds(4);
    let mut done = [0; 3];
    for _ in 0..times {
        let server = Server::start(&scene.home, &scene.key);
        let client = server.client();
        crowd.check(&client);
        let some = beside(&scene, commands, || {
            crowd.work(&client, &scene.sink, moment(&dice), || server.kill());
        });
        for (all, some) in done.iter_mut().zip(some) {
            *all += some;
        }
    }
    let [replaced, compacted, backed_up] = done;
    assert!(
        done.iter().all(|times| *times > 0),
        "each was done at some time: {done:?}"
    );
    let server = Server::start(&scene.home, &scene.key);
    crowd.check_everything(&server.client(), &scene.home);
    scene.mails_left();
    crowd.check_mails(&scene.sink);
    server.terminate();
    let proven = scene.home.run(&["verify"]).json(0);
    assert_eq!(proven["verdict"], "good", "{proven}");
    let left = |name: &str| scene.home.data().join(name).exists();
    assert!(
        !left("ledger.compact") && !left("keys/master.key.next"),
        "nothing is left unfinished"
    );
    let mut snapshots = std::fs::read_dir(scene.home.data().join("snapshots")).unwrap();
    assert!(snapshots.next().is_some(), "snapshots were taken");
    // The chain of backups goes on through all of it, and its last part opens with the keys of today.
    scene.home.run(&["backup", &backups, "--since", "auto"]).json(0);
    let (new, keys) = (scene.home.folder().join("new"), scene.home.folder().join("keys"));
    std::fs::create_dir(&keys).unwrap();
    for name in ["master.key", "keyring"] {
        std::fs::copy(scene.home.data().join("keys").join(name), keys.join(name)).unwrap();
    }
    scene.home.set("KEYLEDGER_DATA", new.display().to_string());
    scene.home.set("KEYLEDGER_KEYS_DIR", keys.display().to_string());
    assert_eq!(scene.home.run(&["restore", &backups]).json(0)["epoch"], 2);
    let proven = scene.home.run(&["verify"]).json(0);
    assert_eq!(proven["verdict"], "good", "{proven}");
    println!(
        "{replaced} times the master key was replaced, {compacted} times compacted, {backed_up} times backed up"
    );
    scene.tell("kill -9 while all of it is kept", times, &crowd);
}
