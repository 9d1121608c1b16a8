//! A disk that is full, and one that takes no writes: said clearly, and nothing acknowledged is lost.

use std::path::Path;

use super::super::process::Server;
use super::disk;
use super::{Crowd, Scene, rounds};

/// Acknowledgements after which a life is ended in which the disk did not fill: what earlier lives wrote and gave back is
/// room too.
const ENOUGH: u64 = 120;

#[test]
fn law_6_a_full_disk_ends_the_process_or_the_start_and_what_was_acknowledged_is_there_when_it_has_room() {
    let (mut scene, crowd) = (Scene::new(), Crowd::new());
    // Room for nothing, for a start and a little, for some work: each life finds its end somewhere else.
    let rooms: Vec<u64> = (0..rounds(5))
        .map(|round| (round % 10) * (round % 10) * 4_000)
        .collect();
    let (mut starts, mut commits, mut roomy) = (0, 0, 0);
    for room in &rooms {
        disk::give(&mut scene.home);
        scene.home.set("FAULTY_DISK_GROWS", room.to_string());
        let code = match Server::try_start(&scene.home, &scene.key) {
            Err(code) => {
                starts += 1;
                assert!(matches!(code, Some(69 | 75)), "{code:?} {}", scene.home.said());
                code
            }
            Ok(server) => {
                let client = server.client();
                let mut code = None;
                crowd.work(&client, &scene.sink, ENOUGH, || {
                    // Nothing new to a process that the full disk has ended.
                    server.ask_to_end();
                    code = server.ended();
                });
                match code {
                    Some(75) => commits += 1,
                    Some(0) => roomy += 1,
                    _ => panic!("{code:?} {}", scene.home.said()),
                }
                code
            }
        };
        let said = scene.home.said().to_lowercase();
        assert!(
            (code == Some(0) || said.contains("space")) && !said.contains("stack backtrace"),
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
    println!("{starts} times at the start, {commits} times at a commit, {roomy} times there was room enough");
    scene.tell("full disk", starts + commits, &crowd);
}

/// What lies in a folder and all below it, by the ends of the names.
fn files(folder: &Path, ending: &str) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let count = |path: &Path| {
        if path.is_dir() {
            files(path, ending)
        } else {
            usize::from(path.to_string_lossy().ends_with(ending))
        }
    };
    entries.map(|entry| count(&entry.unwrap().path())).sum()
}

/// A snapshot saves time and nothing else: one that does not fit is told of and leaves nothing behind.
#[test]
fn law_6_a_disk_without_room_for_a_snapshot_costs_a_warning_and_no_room() {
    let (mut scene, crowd) = (Scene::new(), Crowd::new());
    scene.home.set("KEYLEDGER_SNAPSHOTS__EVERY", "40");
    let folder = scene.home.data().join("snapshots");
    // Not even its head, its head alone, a part of what follows.
    let rooms: Vec<u64> = (0..rounds(3)).map(|round| (round % 10) * 200).collect();
    for room in &rooms {
        disk::give(&mut scene.home);
        scene.home.set("FAULTY_DISK_UNDER", folder.display().to_string());
        scene.home.set("FAULTY_DISK_GROWS", room.to_string());
        let server = Server::start(&scene.home, &scene.key);
        let client = server.client();
        crowd.check(&client);
        crowd.work(&client, &scene.sink, 30, || server.terminate());
        let said = scene.home.said();
        assert!(
            said.contains("the snapshot could not be written") && said.contains("No space left"),
            "{said}"
        );
        assert_eq!(
            (files(&folder, ".snap"), files(&folder, "")),
            (0, 0),
            "nothing half is left"
        );
        disk::take_away(&mut scene.home);
    }
    let server = Server::start(&scene.home, &scene.key);
    crowd.check_everything(&server.client(), &scene.home);
    scene.mails_left();
    crowd.check_mails(&scene.sink);
    server.terminate();
    assert!(files(&folder, ".snap") > 0, "with room again there is one");
    assert_eq!(scene.home.run(&["verify"]).json(0)["verdict"], "good");
    let server = Server::start(&scene.home, &scene.key);
    crowd.check_everything(&server.client(), &scene.home);
    server.terminate();
    scene.tell("full disk during a snapshot", rooms.len() as u64, &crowd);
}

/// Tiles can be made from the ledger at any time: without room for them proofs wait, and nobody else.
#[test]
fn law_14_a_disk_without_room_for_tiles_has_proofs_wait_and_nothing_else() {
    let (mut scene, crowd) = (Scene::new(), Crowd::new());
    let folder = scene.home.data().join("tiles");
    let rooms: Vec<u64> = (0..rounds(3)).map(|round| (round % 10) * 16).collect();
    for room in &rooms {
        disk::give(&mut scene.home);
        scene.home.set("FAULTY_DISK_UNDER", folder.display().to_string());
        scene.home.set("FAULTY_DISK_GROWS", room.to_string());
        let server = Server::start(&scene.home, &scene.key);
        let client = server.client();
        crowd.check(&client);
        crowd.work(&client, &scene.sink, 10, || {
            let refused = scene.home.run(&["audit", "proof", "1"]);
            let said = refused.said();
            assert_eq!(refused.code(), Some(69), "{said}");
            assert!(
                said.contains("No space left") && said.contains("made again"),
                "{said}"
            );
            // What is signed needs no tiles.
            assert!(scene.home.run(&["audit", "checkpoint"]).json(0).is_object());
            server.terminate();
        });
        assert_eq!(files(&folder, ".new"), 0, "nothing half is left");
        disk::take_away(&mut scene.home);
    }
    let server = Server::start(&scene.home, &scene.key);
    crowd.check_everything(&server.client(), &scene.home);
    scene.mails_left();
    crowd.check_mails(&scene.sink);
    let proof = scene.home.run(&["audit", "proof", "1"]);
    assert_eq!(
        proof.code(),
        Some(0),
        "with room again there are proofs: {}",
        proof.said()
    );
    server.terminate();
    assert_eq!(scene.home.run(&["verify"]).json(0)["verdict"], "good");
    scene.tell("full disk below the tiles", rooms.len() as u64, &crowd);
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
