//! whether the time of an answer tells if an address is somebody's.
//!
//! Known and unknown addresses are asked for in turns of random order, over one real connection, while the server is
//! otherwise idle and while it is not. The area under the ROC curve says how often a guess by time would be right:
//! 0.5 is a coin. The goal is that even the far end of its confidence interval is next to a coin.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use keyledger::system::{Entropy, OsEntropy};
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
    vec![line("idle", &idle), line("under load", &under_load)]
}

fn line(when: &str, (known, unknown): &(Times, Times)) -> Line {
    let (area, half_width) = known.told_from(unknown);
    Line::plain(
        format!("R-02 known or unknown by time, {when}"),
        format!(
            "AUC {area:.4} ± {half_width:.4} (95 %), {} samples each, medians {} and {}",
            known.len(),
            millis(known.quantile(0.5)),
            millis(unknown.quantile(0.5))
        ),
        (area - 0.5).abs() + half_width,
        " off a coin at most",
        Goal::AtMost(FAR),
    )
}

fn request(house: &House, email: &str) -> Vec<u8> {
    house.post(PATH, &json!({ "email": email }))
}

/// Times of known and unknown addresses.
fn sample(house: &House, people: std::ops::Range<u64>) -> (Times, Times) {
    let mut turns = vec![0; (people.end - people.start) as usize];
    OsEntropy.fill(&mut turns);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let mut client = Client::connect(house.addr).await.expect("the server accepts");
        let (mut known, mut unknown) = (Times::default(), Times::default());
        for (n, turn) in people.zip(turns) {
            let someone = request(house, &person(n).email);
            // Of the same length, and nobody's.
            let nobody = request(house, &person(n).email.replace("person", "nobody"));
            let in_order = [(&someone, &mut known), (&nobody, &mut unknown)];
            let in_order: Vec<_> = if turn & 1 == 0 {
                in_order.into_iter().collect()
            } else {
                in_order.into_iter().rev().collect()
            };
            for (request, times) in in_order {
                let sent = Instant::now();
                let status = client.ask(request).await.expect("the server answers");
                times.push(sent.elapsed());
                assert_eq!(status, 200, "{}", String::from_utf8_lossy(client.body()));
            }
        }
        (known, unknown)
    })
}
