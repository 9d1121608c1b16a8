//! The power goes: whatever no fsync had reached is lost, all of it or any of it.

use keyledger::system::{SeededEntropy, random_array};

use super::super::process::Server;
use super::disk::{self, Cut};
use super::{Crowd, Scene, rounds};

#[test]
fn law_6_a_power_cut_takes_nothing_that_was_acknowledged() {
    let (mut scene, crowd, dice) = (Scene::new(), Crowd::new(), SeededEntropy::new(11));
    let times = rounds(8);
    let mut lost = 0;
    for round in 0..times {
        disk::give(&mut scene.home);
        let journal = disk::journal(&mut scene.home);
        let server = Server::start(&scene.home, &scene.key);
        disk::take_away(&mut scene.home);
        if round % 4 == 0 {
            crowd.setting(&scene.home);
        }
        let client = server.client();
        crowd.check(&client);
        let until = 1 + u64::from_be_bytes(random_array(&dice)) % 30;
        crowd.work(&client, &scene.sink, until, || server.kill());
        let cut = if round % 2 == 0 {
            Cut::Everything
        } else {
            Cut::Sectors
        };
        lost += disk::lose(&scene.home, &journal, cut, &dice);
    }
    assert!(
        lost > 0,
        "the disk forgot nothing in {times} cuts, so they were none"
    );
    let server = Server::start(&scene.home, &scene.key);
    crowd.check_everything(&server.client(), &scene.home);
    scene.mails_left();
    crowd.check_mails(&scene.sink);
    server.terminate();
    let proven = scene.home.run(&["verify"]).json(0);
    assert_eq!(proven["verdict"], "good", "{proven}");
    println!("{lost} writes without an fsync were lost, whole or in part");
    scene.tell("power cut", times, &crowd);
}

/// The test above would prove nothing if the disk did not forget: without our fsync it does.
#[test]
fn the_faulty_disk_forgets_what_is_not_synced() {
    let mut scene = Scene::new();
    disk::give(&mut scene.home);
    let journal = disk::journal(&mut scene.home);
    let file = scene.home.data().join("probe");
    std::fs::write(&file, "synced").unwrap();
    let script = format!(
        "printf lost >> {0}; printf 'kept' > {0}.new; sync -d {0}.new",
        file.display()
    );
    let written = std::process::Command::new("sh")
        .args(["-c", &script])
        .envs(scene.home.variables())
        .status()
        .unwrap();
    assert!(written.success());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "syncedlost");
    let lost = disk::lose(&scene.home, &journal, Cut::Everything, &SeededEntropy::new(1));
    assert_eq!(lost, 1);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "synced");
    let kept = file.with_file_name("probe.new");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "kept");
}
