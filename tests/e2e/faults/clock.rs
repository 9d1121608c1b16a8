//! A wall clock that jumps, under a server and over its restarts (law 17).

use keyledger::mail::sink::ReceivedMail;
use serde_json::{Value, json};

use super::super::process::{Client, Server};
use super::{PATIENCE, Scene, disk};

const PASSWORD: &str = "First-pass-word-1!";
const DAY: i64 = 86_400;
/// About the year 2099.
const FAR: i64 = 73 * 365 * DAY;

fn body(mail: &ReceivedMail, password: &str) -> Value {
    json!({ "email": "ann@example.org", "token": mail.token().unwrap(), "newPassword": password })
}

fn confirms(client: &Client, mail: &ReceivedMail, password: &str) -> u16 {
    client
        .post("/v1/auth/password/reset/confirm", &body(mail, password), None)
        .status
}

fn signs_in(client: &Client, password: &str) -> u16 {
    let body = json!({ "email": "ann@example.org", "password": password });
    client.post("/v1/auth/email/signin", &body, None).status
}

#[test]
fn law_17_r_23_a_wall_clock_that_jumps_revives_nothing_and_poisons_nothing() {
    let mut scene = Scene::new();
    disk::give(&mut scene.home);
    let wall = scene.home.folder().join("wall");
    scene.home.set("FAULTY_DISK_CLOCK", wall.display().to_string());
    let set_wall = |seconds: i64| std::fs::write(&wall, seconds.to_string()).unwrap();
    let mail = |kind: &str, count: usize| {
        let of_kind =
            |mail: &std::sync::Arc<ReceivedMail>| mail.header("X-Keyledger-Mail").as_deref() == Some(kind);
        let begun = std::time::Instant::now();
        loop {
            let mails: Vec<_> = scene.sink.mails().into_iter().filter(of_kind).collect();
            if mails.len() >= count {
                return mails[count - 1].clone();
            }
            assert!(begun.elapsed() < PATIENCE, "no mail {kind}");
            let seen = scene.sink.received();
            // Wakes with the next mail, whatever it is.
            let _ = scene.runtime.block_on(
                scene
                    .sink
                    .wait_for(seen + 1, std::time::Duration::from_millis(200)),
            );
        }
    };
    let asks = |client: &Client| {
        let body = json!({ "email": "ann@example.org" });
        let asked = client.post("/v1/auth/password/reset/request", &body, None);
        assert_eq!(asked.status, 200, "{}", asked.body);
    };
    set_wall(0);
    let server = Server::start(&scene.home, &scene.key);
    let ann = json!({ "email": "ann@example.org", "password": PASSWORD, "name": "Ann" });
    let session = server.post("/v1/auth/email/signup", &ann, None);
    assert_eq!(session.status, 201, "{}", session.body);
    let access = session.body["accessToken"].as_str().unwrap();
    asks(&server);
    let first = mail("password_reset", 1);

    // To 2099: nobody believes it, so nothing ends; what is done then does not count as done in 2099.
    set_wall(FAR);
    assert_eq!(server.get("/v1/auth/me", access).status, 200);
    assert_eq!(signs_in(&server, PASSWORD), 200);
    assert_eq!(confirms(&server, &first, "Second-pass-word-2!"), 200);
    assert_eq!(
        server.get("/v1/auth/me", access).status,
        401,
        "the recovery ended it"
    );

    // Back by 400 days: what is over stays over, what was issued is worth no longer than it said.
    set_wall(-400 * DAY);
    assert_eq!(server.get("/v1/auth/me", access).status, 401);
    assert_eq!(
        confirms(&server, &first, "Third-pass-word-3!"),
        404,
        "a spent proof stays spent"
    );
    assert_eq!(signs_in(&server, "Second-pass-word-2!"), 200);
    asks(&server);
    let second = mail("password_reset", 2);
    server.terminate();

    // A start in 2099 doubts it: proofs hold, and the operator is told.
    set_wall(FAR);
    let server = Server::start(&scene.home, &scene.key);
    assert!(
        scene.home.said().contains("keyledger clock accept"),
        "{}",
        scene.home.said()
    );
    assert_eq!(signs_in(&server, "Second-pass-word-2!"), 200);
    server.terminate();

    // A start in the past goes on from the last event: two days later by the right clock, the proof is too old.
    set_wall(-400 * DAY);
    let server = Server::start(&scene.home, &scene.key);
    assert_eq!(signs_in(&server, "Second-pass-word-2!"), 200);
    server.terminate();
    set_wall(2 * DAY);
    let server = Server::start(&scene.home, &scene.key);
    assert_ne!(confirms(&server, &second, "Third-pass-word-3!"), 200);
    assert_eq!(signs_in(&server, "Second-pass-word-2!"), 200);
    server.terminate();

    // And back again: what was too old once is not young again.
    set_wall(0);
    let server = Server::start(&scene.home, &scene.key);
    assert_ne!(
        confirms(&server, &second, "Third-pass-word-3!"),
        200,
        "nothing revives"
    );
    asks(&server);
    let third = mail("password_reset", 3);
    assert_eq!(
        confirms(&server, &third, "Third-pass-word-3!"),
        200,
        "and nothing is poisoned"
    );
    server.terminate();
    assert_eq!(scene.home.run(&["verify"]).json(0)["verdict"], "good");
}
