//! A disk that is full, and one that takes no writes: said clearly, and nothing acknowledged is lost.

use super::super::process::Server;
use super::disk;
use super::{Crowd, Scene, rounds};

#[test]
fn law_6_a_full_disk_ends_the_process_or_the_start_and_what_was_acknowledged_is_there_when_it_has_room() {
    let (mut scene, crowd) = (Scene::new(), Crowd::new());
    // Room for nothing, for a start and a little, for some work: each life finds its end somewhere else.
    let rooms: Vec<u64> = (0..rounds(5))
        .map(|round| (round % 10) * (round % 10) * 4_000)
        .collect();
    let (mut starts, mut commits) = (0, 0);
    for room in &rooms {
        disk::give(&mut scene.home);
        scene.home.set("FAULTY_DISK_GROWS", room.to_string());
        match Server::try_start(&scene.home, &scene.key) {
            Err(code) => {
                starts += 1;
                assert!(matches!(code, Some(69 | 75)), "{code:?} {}", scene.home.said());
            }
            Ok(server) => {
                commits += 1;
                let client = server.client();
                // Nobody ends it: the full disk does.
                crowd.work(&client, &scene.sink, u64::MAX, || {
                    assert_eq!(server.ended(), Some(75), "{}", scene.home.said());
                });
            }
        }
        let said = scene.home.said().to_lowercase();
        assert!(
            said.contains("space") && !said.contains("stack backtrace"),
            "{said}"
        );
        disk::take_away(&mut scene.home);
        let server = Server::start(&scene.home, &scene.key);
        crowd.check(&server.client());
        server.terminate();
    }
    assert!(commits > 0, "no life came to its work");
    let server = Server::start(&scene.home, &scene.key);
    crowd.check_everything(&server.client(), &scene.home);
    scene.mails_left();
    crowd.check_mails(&scene.sink);
    server.terminate();
    println!("{starts} times at the start, {commits} times at a commit");
    scene.tell("full disk", rooms.len() as u64, &crowd);
}

#[test]
fn a_disk_that_takes_no_writes_is_said_clearly_and_left_as_it_is() {
    let mut scene = Scene::new();
    disk::give(&mut scene.home);
    scene.home.set("FAULTY_DISK_READ_ONLY", "1");
    let code = Server::try_start(&scene.home, &scene.key).map(|_| "it started");
    let said = scene.home.said();
    assert_eq!(code, Err(Some(69)), "{said}");
    assert!(said.to_lowercase().contains("read-only"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    let command = scene.home.run(&["user", "list"]);
    assert_eq!(command.code(), Some(69), "{}", command.said());
    disk::take_away(&mut scene.home);
    let server = Server::start(&scene.home, &scene.key);
    server.terminate();
    assert_eq!(scene.home.run(&["verify"]).json(0)["verdict"], "good");
}
