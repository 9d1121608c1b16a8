//! kill -9 under load, and SIGTERM under load.

use keyledger::system::SeededEntropy;
use keyledger::system::random_array;

use super::super::process::Server;
use super::{Crowd, Scene, rounds};

/// How many things are acknowledged before the kill: from one on, so that starts are killed into as well.
fn moment(dice: &SeededEntropy) -> u64 {
    1 + u64::from_be_bytes(random_array(dice)) % 40
}

#[test]
fn law_6_a23_whatever_was_acknowledged_survives_every_kill_and_nothing_is_half_done() {
    let (scene, crowd, dice) = (Scene::new(), Crowd::new(), SeededEntropy::new(9));
    let times = rounds(12);
    for round in 0..times {
        let server = Server::start(&scene.home, &scene.key);
        if round % 4 == 0 {
            crowd.setting(&scene.home);
        }
        let client = server.client();
        crowd.check(&client);
        crowd.work(&client, &scene.sink, moment(&dice), || server.kill());
    }
    let server = Server::start(&scene.home, &scene.key);
    crowd.check_everything(&server.client(), &scene.home);
    scene.mails_left();
    crowd.check_mails(&scene.sink);
    server.terminate();
    let proven = scene.home.run(&["verify"]).json(0);
    assert_eq!(proven["verdict"], "good", "{proven}");
    scene.tell("kill -9 under load", times, &crowd);
}

#[test]
fn sigterm_under_load_drains_and_loses_nothing() {
    let (scene, crowd, dice) = (Scene::new(), Crowd::new(), SeededEntropy::new(10));
    let times = rounds(4);
    for _ in 0..times {
        let server = Server::start(&scene.home, &scene.key);
        let client = server.client();
        crowd.check(&client);
        let mut ended = None;
        crowd.work(&client, &scene.sink, moment(&dice), || {
            server.ask_to_end();
            ended = Some(server.ended());
        });
        assert_eq!(ended, Some(Some(0)), "{}", scene.home.said());
        let proven = scene.home.run(&["verify"]).json(0);
        assert_eq!(proven["verdict"], "good", "{proven}");
    }
    let server = Server::start(&scene.home, &scene.key);
    crowd.check_everything(&server.client(), &scene.home);
    scene.mails_left();
    crowd.check_mails(&scene.sink);
    server.terminate();
    scene.tell("SIGTERM under load", times, &crowd);
}
