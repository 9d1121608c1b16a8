//! Events followed and the past looked at through the socket of a running server.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::Child;

use serde_json::Value;

use crate::process::{Home, Server};

fn end(child: &mut Child, signal: &str) -> Option<i32> {
    let sent = std::process::Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    child.wait().unwrap().code()
}

#[test]
fn events_are_followed_until_the_reader_has_enough_and_taken_up_again_where_it_stopped() {
    let home = Home::new(SocketAddr::from(([127, 0, 0, 1], 9)));
    let keys = home.run(&["init"]).json(0);
    let alone = home.run(&["events", "--follow"]);
    assert!(
        alone.json(69)["error"]["message"]
            .as_str()
            .unwrap()
            .contains("no server runs")
    );

    let server = Server::start(&home, keys["publishableKey"].as_str().unwrap());
    let mut child = home.begin(&["events", "--follow", "--type", "UserRegistered"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    home.run(&["user", "create", "ann@example.org"]).json(0);
    home.run(&["user", "create", "bob@example.org"]).json(0);
    let (ann, bob) = (next(), next());
    assert_eq!(
        (&ann["type"], &ann["address"]),
        (&"UserRegistered".into(), &"a…@e…e.org".into())
    );
    assert_eq!(bob["address"], "b…@e…e.org");
    assert_eq!(end(&mut child, "-INT"), Some(0), "Ctrl-C is how it ends");

    // Behind a cursor nothing is told twice, and nothing is missed.
    let after = ann["cursor"].as_str().unwrap().to_owned();
    let mut child = home.begin(&[
        "events",
        "--follow",
        "--type",
        "UserRegistered",
        "--after",
        &after,
    ]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["cursor"], bob["cursor"]);
    home.run(&["user", "create", "cyd@example.org"]).json(0);
    let cyd = next();
    assert_eq!(cyd["address"], "c…@e…e.org");

    // The past is folded beside the writer, which goes on.
    let past = home.run(&["replay", "--at", &after, "users"]).json(0);
    assert_eq!(past["users"]["total"], 1);
    let story = home.run(&["events", "--explain", "ann@example.org"]).json(0);
    assert_eq!(story["total"], 0);

    // Those who follow do not hold up a stop, and are told where to go on.
    server.terminate();
    let told = next();
    assert_eq!(told["error"]["code"], "later", "{told}");
    let remedy = told["error"]["remedy"].as_str().unwrap();
    assert!(remedy.contains(cyd["cursor"].as_str().unwrap()), "{remedy}");
    assert_eq!(child.wait().unwrap().code(), Some(75));
}
