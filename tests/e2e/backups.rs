//! Backups of a server that runs: it writes them itself, and goes on serving.

use keyledger::mail::sink::{Sink, SinkBehaviour};
use serde_json::json;

use crate::process::{Home, Server};

#[test]
fn a_running_server_is_backed_up_and_what_it_wrote_is_restored_elsewhere() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sink = runtime.block_on(Sink::start(SinkBehaviour::accepting())).unwrap();
    let home = Home::new(sink.addr());
    let keys = home.run(&["init"]).json(0);
    let server = Server::start(&home, keys["publishableKey"].as_str().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let to = format!("{}/", folder.path().join("backups").display());
    for name in ["ann", "bob"] {
        let person = json!({
            "email": format!("{name}@example.org"), "password": "First-pass-word-1!", "name": name,
        });
        assert_eq!(server.post("/v1/auth/email/signup", &person, None).status, 201);
        let made = home.run(&["backup", &to, "--since", "auto"]).json(0);
        assert!(made["file"].as_str().unwrap().ends_with(".klbackup"), "{made}");
    }
    let new = folder.path().join("new").display().to_string();
    let keys = folder.path().join("keys");
    std::fs::create_dir(&keys).unwrap();
    for name in ["master.key", "keyring"] {
        std::fs::copy(home.data().join("keys").join(name), keys.join(name)).unwrap();
    }
    let keys = keys.display().to_string();
    let restored = home
        .run(&["restore", &to, "--keys-dir", &keys, "--data", &new])
        .json(0);
    assert_eq!(restored["parts"], 2);
    assert_eq!(restored["epoch"], 2);
    // The server that was backed up goes on in its own epoch.
    let shown = home.run(&["user", "show", "ann@example.org"]).json(0);
    assert_eq!(shown["sessions"], 1);
    server.terminate();
}
