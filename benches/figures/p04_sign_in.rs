//! P4: sign-ins over HTTP, against bare argon2id at the same cost; and who waits beside them.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use keyledger::crypto::PasswordParams;
use serde_json::json;

use crate::crowd::{Crowd, PASSWORD, person};
use crate::house::{self, House};
use crate::load::{Load, drive};
use crate::report::{Figure, Goal, Line, mebibytes, millis, per_second};
use crate::{Size, disk, heap, stats};

pub(crate) const FIGURE: Figure = Figure {
    name: "P4",
    about: "sign-ins over HTTP, and GET /v1/auth/me beside them",
    measure,
};

const ROUNDS: usize = 3;
const PEOPLE: u64 = 1_000;

fn measure(size: Size) -> Vec<Line> {
    let time = Duration::from_millis(size.pick(4_000, 1_000));
    let crowd = Crowd::new();
    let directory = disk::directory();
    let mut store = house::on_disk(directory.path());
    crowd.settle(&mut *store, PEOPLE);
    let house = House::open(store, crowd.ring.clone());
    let sign_ins = Arc::new((0..PEOPLE).map(|n| sign_in(&house, n)).collect::<Vec<_>>());
    let calls = Arc::new(
        (0..PEOPLE)
            .map(|n| house.get("/v1/auth/me", &crowd.access_token(n)))
            .collect::<Vec<_>>(),
    );
    let full = Load {
        connections: 32,
        time,
        every: None,
    };
    let (mut ours, mut limits) = (Vec::new(), Vec::new());
    let pool = house.desk.passwords().memory_bytes();
    let idle = heap::live();
    heap::forget_peak();
    for _ in 0..ROUNDS {
        limits.push(bare(time / 2));
        let answers = drive(house.addr, &sign_ins, full);
        answers.expect_all(200);
        ours.push(answers.rate);
    }
    let peak = heap::peak().saturating_sub(idle) as f64;
    // In a run of its own: the clients that only look cost the sign-ins their share.
    let look = Load {
        connections: 4,
        time: time * 2,
        every: Some(Duration::from_millis(40)),
    };
    let alone = drive(house.addr, &calls, look);
    let beside = thread::scope(|scope| {
        let load = Load {
            time: time * 2 + Duration::from_millis(500),
            ..full
        };
        let (addr, sign_ins) = (house.addr, &sign_ins);
        scope.spawn(move || drive(addr, sign_ins, load));
        thread::sleep(Duration::from_millis(250));
        drive(house.addr, &calls, look)
    });
    for answers in [&alone, &beside] {
        answers.expect_all(200);
    }
    house.close();
    let (rate, limit) = (stats::median(&ours), stats::median(&limits));
    let (p99, p99_alone) = (beside.times.quantile(0.99), alone.times.quantile(0.99));
    vec![
        Line::ratio(
            "P4 sign-ins",
            per_second(rate),
            format!("{} of bare argon2id on all cores", per_second(limit)),
            rate / limit,
            Goal::AtLeast(0.95),
        ),
        Line::plain(
            "P4 heap at the peak of sign-ins, over idle",
            format!("the hashing pool holds {}, idle or not", mebibytes(pool as f64)),
            // The limit's own memory is part of the sum: one block of memory a core.
            (peak - limit_bytes()) / 1_048_576.0,
            " MiB",
            Goal::AtMost(8.0),
        ),
        Line::ratio(
            "P4 GET /v1/auth/me at 100/s beside sign-ins, p99",
            millis(p99),
            format!("{} alone", millis(p99_alone)),
            f64::from(p99) / f64::from(p99_alone),
            Goal::AtMost(3.0),
        ),
    ]
}

fn sign_in(house: &House, n: u64) -> Vec<u8> {
    let body = json!({ "method": "password", "email": person(n).email, "password": PASSWORD });
    house.post("/v1/auth/email/signin", &body)
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

fn limit_bytes() -> f64 {
    cores() as f64 * PasswordParams::default().memory_bytes() as f64
}

/// Hashes a second of all cores, each with memory that it uses again and again.
fn bare(time: Duration) -> f64 {
    let cost = PasswordParams::default();
    let params =
        Params::new(cost.memory_kib(), cost.time(), cost.parallelism(), Some(32)).expect("good parameters");
    let began = Instant::now();
    let count: u32 = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores())
            .map(|_| {
                let params = params.clone();
                scope.spawn(move || {
                    let mut memory = vec![Block::new(); params.block_count()];
                    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
                    let mut count = 0;
                    while began.elapsed() < time {
                        let mut out = [0; 32];
                        argon
                            .hash_password_into_with_memory(
                                PASSWORD.as_bytes(),
                                &[7; 16],
                                &mut out,
                                &mut memory,
                            )
                            .expect("good sizes");
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("hashing does not panic"))
            .sum()
    });
    f64::from(count) / began.elapsed().as_secs_f64()
}
