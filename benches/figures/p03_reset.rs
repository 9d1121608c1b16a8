//! P3: reset requests over HTTP with everything behind them: durable, answered, and mailed.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::crowd::{Crowd, person};
use crate::house::{self, House};
use crate::load::{Load, drive};
use crate::p02_commands::Commands;
use crate::report::{Figure, Goal, Line, millis, per_second};
use crate::{Size, disk};

pub(crate) const FIGURE: Figure = Figure {
    name: "P3",
    about: "reset requests over HTTP, 64 connections, distinct addresses, mails going out",
    measure,
};

const CONNECTIONS: usize = 64;
/// How long the last mail is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

fn measure(size: Size) -> Vec<Line> {
    let time = Duration::from_millis(size.pick(3_000, 500));
    let people = size.pick(60_000, 10_000);
    let bench = Commands::prepare(people / 3);
    let mut limit = bench.run(CONNECTIONS, time / 2).0;
    let crowd = Crowd::new();
    let directory = disk::directory();
    let mut store = house::on_disk(directory.path());
    crowd.settle(&mut *store, people);
    let house = House::open(store, crowd.ring.clone());
    let requests = (0..people).map(|n| {
        let body = json!({ "email": person(n).email });
        house.post("/v1/auth/password/reset/request", &body)
    });
    let requests = Arc::new(requests.collect::<Vec<_>>());
    let load = Load {
        connections: CONNECTIONS,
        time,
        every: None,
    };
    let answers = drive(house.addr, &requests, load);
    answers.expect_all(200);
    let (ended, asked) = (Instant::now(), answers.times.len() as u64);
    let sent_meanwhile = house.sink.received();
    while house.sink.received() < asked && ended.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(5));
    }
    let (lag, sent) = (ended.elapsed().as_secs_f64(), house.sink.received());
    house.close();
    limit = f64::midpoint(limit, bench.run(CONNECTIONS, time / 2).0);
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
