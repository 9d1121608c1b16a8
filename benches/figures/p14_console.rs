//! P14: the console's pages among a million users and five million events.

use std::sync::Arc;
use std::time::{Duration, Instant};

use keyledger::crypto::BrowserUse;
use keyledger::domain::{Actor, Role};
use secrecy::ExposeSecret;

use crate::crowd::{Crowd, person};
use crate::house::{self, House};
use crate::load::{Client, Load, drive};
use crate::report::{Figure, Goal, Line, millis, per_second};
use crate::{Size, disk};

pub(crate) const FIGURE: Figure = Figure {
    name: "P14",
    about: "pages of the console, 4 connections",
    measure,
};

/// Administrators at once.
const CONNECTIONS: usize = 4;
/// Between two pages of one of them, who read them too.
const PAUSE: Duration = Duration::from_millis(100);
/// Sessions of each person: with what else happened to them five events.
const SESSIONS: u64 = 2;
/// How many users, addresses and beginnings of addresses are asked about.
const ASKED: u64 = 500;
/// How long what is made at the first look may take.
const PATIENCE: Duration = Duration::from_mins(2);

fn measure(size: Size) -> Vec<Line> {
    let people = size.pick(1_000_000, 20_000);
    let crowd = Crowd::new();
    let directory = disk::directory();
    let mut store = house::on_disk(directory.path());
    crowd.settle_with(&mut *store, people, SESSIONS);
    let house = House::open(store, crowd.ring.clone());
    let admin = person(0);
    let appointed = house
        .desk
        .change_role(admin.user, Role::Admin, None, Actor::Operator);
    house.block_on(appointed).expect("the writer runs");
    let secret = house.desk.browser_secret(BrowserUse::Cookie, admin.session);
    let page = |path: String| House::page(&path, secret.expose_secret());
    let of_people = |path: fn(u64) -> String| {
        let asked = ASKED.min(people);
        (0..asked)
            .map(|n| page(path(n * (people / asked) + n % 7)))
            .collect()
    };
    let one = |path: &str| vec![page(path.to_owned())];
    let events = house.desk.engine().head().next.0;
    let pages: [(&str, f64, Vec<Vec<u8>>); 11] = [
        ("the overview", 20.0, one("/admin")),
        ("the list of users", 20.0, one("/admin/users")),
        ("a page far down that list", 20.0, one("/admin/users?page=900")),
        (
            "a user by the exact address",
            20.0,
            of_people(|n| format!("/admin/users?q=person.{n}%40example.org")),
        ),
        (
            "users by the beginning of an address",
            50.0,
            of_people(|n| format!("/admin/users?q=person.{}", n / 100 + 1)),
        ),
        (
            "users by the beginning of a name",
            50.0,
            one("/admin/users?q=ada"),
        ),
        (
            "a user with what happened to them",
            20.0,
            of_people(|n| format!("/admin/users/{}", person(n).user)),
        ),
        ("the latest events", 20.0, one("/admin/events")),
        (
            "the events of a type",
            20.0,
            one("/admin/events?type=PasswordSet"),
        ),
        (
            "the events of a rare type",
            20.0,
            one("/admin/events?type=EpochStarted"),
        ),
        (
            "the events of a user",
            20.0,
            of_people(|n| format!("/admin/events?user={}", person(n).user)),
        ),
    ];
    let time = Duration::from_millis(size.pick(3_000, 300));
    let lines = pages.into_iter().map(|(name, goal, requests)| {
        let first = first_page(&house, &requests[0]);
        let load = Load {
            connections: CONNECTIONS,
            time,
            every: Some(PAUSE),
        };
        let answers = drive(house.addr, &Arc::new(requests), load);
        answers.expect_all(200);
        Line::plain(
            format!("P14 {name}, p99, {people} users, {events} events"),
            format!(
                "{} pages, p50 {}, the first after {:.2} s",
                per_second(answers.rate),
                millis(answers.times.quantile(0.5)),
                first.as_secs_f64()
            ),
            f64::from(answers.times.quantile(0.99)) / 1e6,
            " ms",
            Goal::AtMost(goal),
        )
    });
    let lines = lines.collect();
    house.close();
    lines
}

/// How long it takes until a page is there for the first time: what it looks things up in may be made for it.
fn first_page(house: &House, request: &[u8]) -> Duration {
    let began = Instant::now();
    house.block_on(async {
        let mut client = Client::connect(house.addr).await.expect("the house accepts");
        while client.ask(request).await.expect("the house answers") != 200 {
            assert!(
                began.elapsed() < PATIENCE,
                "{}",
                String::from_utf8_lossy(client.body())
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    began.elapsed()
}
