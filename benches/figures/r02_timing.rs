//! whether the time of an answer tells if an address is somebody's.
//!
//! Known and unknown addresses are asked for in random order, over one real connection, while the server is
//! otherwise idle and while it is not. The area under the ROC curve says how often a guess by time would be right:
//! 0.5 is a coin. The goal is that even the far end of its confidence interval is next to a coin.

use std::ops::Range;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use keyledger::system::{OsEntropy, random_array};
use serde_json::json;

use crate::crowd::{Crowd, person};
use crate::house::{self, House};
use crate::load::{Client, Load, drive};
use crate::report::{Figure, Goal, Line, millis};
use crate::stats::Times;
use crate::{Size, disk};

pub(crate) const FIGURE: Figure = Figure {
    name: "R-02",
    about: "what the time of a reset request tells about an address",
    measure,
};

/// Further from a coin than this the end of the interval must not be.
const FAR: f64 = 0.02;
const PATH: &str = "/v1/auth/password/reset/request";

fn measure(size: Size) -> Vec<Line> {
    let samples: u64 = size.pick(10_000, 1_000);
    let crowd = Crowd::new();
    let directory = disk::directory();
    let mut store = house::on_disk(directory.path());
    // Each known address is asked for once: the first half idle, the second half under load, and others make the load.
    crowd.settle(&mut *store, 3 * samples);
    let house = House::open(store, crowd.ring.clone());
    let idle = sample(&house, 0..samples);
    let others = (2 * samples..3 * samples).map(|n| request(&house, &person(n).email));
    let others = Arc::new(others.collect::<Vec<_>>());
    let under_load = thread::scope(|scope| {
        let load = Load {
            connections: 4,
            time: Duration::from_secs(size.pick(20, 3)),
            every: Some(Duration::from_millis(4)),
        };
        let (addr, others) = (house.addr, &others);
        scope.spawn(move || drive(addr, others, load));
        sample(&house, samples..2 * samples)
    });
    house.close();
    [lines("idle", &idle), lines("under load", &under_load)]
        .into_iter()
        .flatten()
        .collect()
}

fn lines(when: &str, sample: &Sample) -> [Line; 2] {
    let line = |what: &str, one: &Times, other: &Times, goal| {
        let (area, half_width) = one.told_from(other);
        Line::plain(
            format!("R-02 {what}, {when}"),
            format!(
                "AUC {area:.4} ± {half_width:.4} (95 %), {} and {} samples, medians {} and {}",
                one.len(),
                other.len(),
                millis(one.quantile(0.5)),
                millis(other.quantile(0.5))
            ),
            (area - 0.5).abs() + half_width,
            " off a coin at most",
            goal,
        )
    };
    let Sample {
        known,
        unknown,
        after_known,
        after_unknown,
    } = sample;
    [
        line("known or unknown by time", known, unknown, Goal::AtMost(FAR)),
        line(
            "by the time of whatever is asked next",
            after_known,
            after_unknown,
            Goal::Stated,
        ),
    ]
}

fn request(house: &House, email: &str) -> Vec<u8> {
    house.post(PATH, &json!({ "email": email }))
}

/// Times of requests, by what was asked for.
#[derive(Default)]
struct Sample {
    known: Times,
    unknown: Times,
    /// The same times by what was asked for just before.
    after_known: Times,
    after_unknown: Times,
}

/// Asks for every one of these people and for as many that are nobody, all in random order: in pairs the one of them
/// would more often follow the other, and what a request leaves behind would be taken for the request.
fn sample(house: &House, people: Range<u64>) -> Sample {
    let mut turns: Vec<(u64, Kind)> = people
        .flat_map(|n| [(n, Kind::Known), (n, Kind::Unknown)])
        .collect();
    shuffle(&mut turns);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let mut client = Client::connect(house.addr).await.expect("the server accepts");
        let mut sample = Sample::default();
        let mut before = None;
        for (n, kind) in turns {
            let email = match kind {
                Kind::Known => person(n).email,
                // Of the same length, and nobody's.
                Kind::Unknown => person(n).email.replace("person", "nobody"),
            };
            let request = request(house, &email);
            let sent = Instant::now();
            let status = client.ask(&request).await.expect("the server answers");
            let took = sent.elapsed();
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(client.body()));
            match kind {
                Kind::Known => sample.known.push(took),
                Kind::Unknown => sample.unknown.push(took),
            }
            match before.replace(kind) {
                Some(Kind::Known) => sample.after_known.push(took),
                Some(Kind::Unknown) => sample.after_unknown.push(took),
                None => {}
            }
        }
        sample
    })
}

#[derive(Clone, Copy)]
enum Kind {
    Known,
    Unknown,
}

fn shuffle<T>(all: &mut [T]) {
    for end in (1..all.len()).rev() {
        let random = u64::from_be_bytes(random_array(&OsEntropy));
        all.swap(end, (random % (end as u64 + 1)) as usize);
    }
}
