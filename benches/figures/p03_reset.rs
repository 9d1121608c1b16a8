//! P3: reset requests over HTTP with everything behind them: durable, answered, and mailed.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::crowd::{Crowd, person};
use crate::house::{self, House};
use crate::load::{Answers, Load, drive};
use crate::p02_commands::Alone;
use crate::report::{Figure, Goal, Line, millis, per_second};
use crate::{Size, disk};

pub(crate) const FIGURE: Figure = Figure {
    name: "P3",
    about: "reset requests over HTTP, 64 connections, distinct addresses, mails going out",
    measure,
};

const CONNECTIONS: usize = 64;
/// How long the next mail is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

fn measure(size: Size) -> Vec<Line> {
    let time = Duration::from_millis(size.pick(3_000, 500));
    let people = size.pick(60_000, 10_000);
    let bench = Alone::prepare(people / 3);
    let mut limit = bench.commands.run(CONNECTIONS, time / 2).0;
    let crowd = Crowd::new();
    let directory = disk::directory();
    let mut store = house::on_disk(directory.path());
    crowd.settle(&mut *store, people);
    let house = House::open(store, crowd.ring.clone());
    let requests = requests(&house, people, people);
    let Asked {
        answers,
        sent_meanwhile,
        sent,
        lag,
    } = ask(&house, &requests, time);
    let asked = answers.times.len();
    house.close();
    limit = f64::midpoint(limit, bench.commands.run(CONNECTIONS, time / 2).0);
    bench.close();
    let (p50, p99) = (answers.times.quantile(0.5), answers.times.quantile(0.99));
    vec![
        Line::ratio(
            "P3 reset requests, 64 connections",
            format!(
                "{}, p50 {}, p99 {}",
                per_second(answers.rate),
                millis(p50),
                millis(p99)
            ),
            format!("{} commands of 64 callers (P2)", per_second(limit)),
            answers.rate / limit,
            Goal::AtLeast(0.2),
        ),
        Line::plain(
            "P3 the outbox after them",
            format!(
                "{sent} of {asked} mails, {sent_meanwhile} before the last answer, then {}",
                per_second((sent - sent_meanwhile) as f64 / lag)
            ),
            lag,
            " s behind",
            Goal::Stated,
        ),
    ]
}

/// A request about each of so many people, spread over all of them.
pub(crate) fn requests(house: &House, people: u64, asked: u64) -> Arc<Vec<Vec<u8>>> {
    let step = people / asked;
    let requests = (0..asked).map(|n| {
        let body = json!({ "email": person(n * step).email });
        house.post("/v1/auth/password/reset/request", &body)
    });
    Arc::new(requests.collect())
}

/// What came of asking.
pub(crate) struct Asked {
    pub(crate) answers: Answers,
    /// Mails that were there before the last answer.
    sent_meanwhile: u64,
    /// Mails that were there in the end.
    sent: u64,
    /// Seconds from the last answer to the last mail.
    lag: f64,
}

/// Asks, and waits for the mails: one for each answer, or until no more come.
pub(crate) fn ask(house: &House, requests: &Arc<Vec<Vec<u8>>>, time: Duration) -> Asked {
    let load = Load {
        connections: CONNECTIONS,
        time,
        every: None,
    };
    let before = house.sink.received();
    let answers = drive(house.addr, requests, load);
    answers.expect_all(200);
    let received = || house.sink.received() - before;
    let (ended, asked) = (Instant::now(), answers.times.len() as u64);
    let sent_meanwhile = received();
    let (mut sent, mut last) = (sent_meanwhile, ended);
    while sent < asked && last.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(5));
        if received() > sent {
            (sent, last) = (received(), Instant::now());
        }
    }
    Asked {
        answers,
        sent_meanwhile,
        sent,
        lag: (last - ended).as_secs_f64(),
    }
}
