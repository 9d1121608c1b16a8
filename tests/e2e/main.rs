//! The end-to-end story: the real binary, real HTTP, real SMTP, real signals.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod backups;
mod browser;
mod faults;
mod following;
mod process;
#[path = "../it/support/mod.rs"]
mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use keyledger::mail::sink::{Sink, SinkBehaviour};
use process::{Home, Server};
use serde_json::json;

const PATIENCE: Duration = Duration::from_mins(1);

#[test]
fn somebody_loses_their_password_and_comes_back_while_the_server_is_stopped_killed_and_started() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sink = runtime.block_on(Sink::start(SinkBehaviour::accepting())).unwrap();
    let home = Home::new(sink.addr());
    let mail = |count| runtime.block_on(sink.wait_for(count, PATIENCE)).unwrap();

    let keys = home.run(&["init"]).json(0);
    let server = Server::start(&home, keys["publishableKey"].as_str().unwrap());

    // One person signs up, on two devices.
    let ann = json!({ "email": "ann@example.org", "password": "First-pass-word-1!", "name": "Ann" });
    let signed_up = server.post("/v1/auth/email/signup", &ann, None);
    assert_eq!(signed_up.status, 201, "{}", signed_up.body);
    let phone = signed_up.body["accessToken"].as_str().unwrap().to_owned();
    assert_eq!(server.get("/v1/auth/me", &phone).status, 200);
    mail(1);

    // They forget it; the mail has a link and a code.
    let asked = server.post(
        "/v1/auth/password/reset/request",
        &json!({ "email": "ann@example.org" }),
        None,
    );
    assert_eq!(asked.status, 200);
    let mails = mail(2);
    let reset = mails
        .iter()
        .find(|mail| mail.header("X-Keyledger-Mail").as_deref() == Some("password_reset"));
    let reset = reset.expect("the reset mail came");
    assert!(
        reset
            .link()
            .unwrap()
            .starts_with("https://id.example.org/recover#t=")
    );

    // They set a new one: every session ends, the old password is dead.
    let new = json!({
        "email": "ann@example.org", "token": reset.token().unwrap(), "newPassword": "Second-pass-word-2!",
    });
    let confirmed = server.post("/v1/auth/password/reset/confirm", &new, None);
    assert_eq!(confirmed.status, 200, "{}", confirmed.body);
    assert_eq!(server.get("/v1/auth/me", &phone).status, 401);
    let sign_in = |server: &Server, password: &str| {
        let body = json!({ "email": "ann@example.org", "password": password });
        server.post("/v1/auth/email/signin", &body, None).status
    };
    assert_eq!(sign_in(&server, "First-pass-word-1!"), 401);
    assert_eq!(sign_in(&server, "Second-pass-word-2!"), 200);
    mail(3);

    // Commands reach the running server through its socket; a second server is told who has the ledger.
    let listed = home.run(&["user", "list"]).json(0);
    assert_eq!(listed["items"][0]["email"], "ann@example.org");
    let recovery = home.run(&["user", "recovery", "ann@example.org"]).json(0);
    let link = recovery["link"].as_str().unwrap();
    assert!(link.starts_with("https://id.example.org/recover#t="), "{link}");
    mail(4);
    assert_eq!(
        home.run(&["session", "list", "ann@example.org"]).json(0)["total"],
        1
    );
    assert_eq!(home.run(&["verify"]).json(0)["verdict"], "good");
    let second = home.run(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
        "--public-url",
        "https://id.example.org",
    ]);
    let refused = second.json(69)["error"]["message"].as_str().unwrap().to_owned();
    assert!(
        refused.contains(&format!("process {}", server.pid())),
        "{refused}"
    );

    // Somebody comes along from another service, with the SHA-1 of their password, while the server runs.
    let file = home.folder().join("users.ndjson");
    let line =
        json!({ "email": "cy@example.org", "password_hash": "a9993e364706816aba3e25717850c26c9cd0d89d" });
    std::fs::write(&file, line.to_string()).unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(home.run(&["user", "import", file]).json(0)["imported"], 1);
    assert_eq!(home.run(&["user", "import", file]).json(0)["skipped"], 1);
    let cy = json!({ "email": "cy@example.org", "password": "abc" });
    assert_eq!(server.post("/v1/auth/email/signin", &cy, None).status, 200);

    // The socket is the owner's alone, and nonsense is answered, not obeyed.
    let socket = home.data().join("keyledger.sock");
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let answer = process::say(&socket, "{\"ask\":\"openTheDoor\"}\n");
    assert!(answer.contains("another version"), "{answer}");
    assert_eq!(
        process::say(&socket, &"x".repeat(100_000)),
        "",
        "a request has a largest size"
    );

    // SIGTERM ends it in good order, and nothing is lost.
    server.terminate();
    assert!(!home.data().join("keyledger.sock").exists());
    assert_eq!(home.run(&["verify"]).json(0)["verdict"], "good");
    assert_eq!(
        home.run(&["user", "show", "ann@example.org"]).json(0)["sessions"],
        1
    );

    let server = Server::start(&home, keys["publishableKey"].as_str().unwrap());
    assert_eq!(sign_in(&server, "Second-pass-word-2!"), 200);
    let ben = json!({ "email": "ben@example.org", "password": "Third-pass-word-3!", "name": "Ben" });
    assert_eq!(server.post("/v1/auth/email/signup", &ben, None).status, 201);

    // What was acknowledged survives a kill, and the socket it leaves behind is no obstacle.
    server.kill();
    assert!(home.data().join("keyledger.sock").exists());
    assert_eq!(
        home.run(&["user", "show", "ben@example.org"]).json(0)["sessions"],
        1
    );
    let server = Server::start(&home, keys["publishableKey"].as_str().unwrap());
    assert_eq!(sign_in(&server, "Second-pass-word-2!"), 200);
    server.terminate();
    assert_eq!(home.run(&["verify"]).json(0)["verdict"], "good");
}

#[test]
fn the_demo_passes_and_says_so_in_json() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sink = runtime.block_on(Sink::start(SinkBehaviour::accepting())).unwrap();
    let told = Home::new(sink.addr()).run(&["demo"]).json(0);
    assert!(told.is_object(), "{told}");
    assert_eq!(sink.received(), 0, "the demo mails to a server of its own");
}
