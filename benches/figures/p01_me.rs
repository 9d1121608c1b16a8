//! P1: `GET /v1/auth/me` among a million sessions, against a bare warp route that answers the same bytes.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use warp::Filter;

use crate::crowd::Crowd;
use crate::house::{self, House};
use crate::load::{Answers, Client, Load, drive};
use crate::report::{Figure, Goal, Line, millis, per_second};
use crate::{Size, stats};

pub(crate) const FIGURE: Figure = Figure {
    name: "P1",
    about: "signed-in GET /v1/auth/me, 64 connections",
    measure,
};

const ROUNDS: usize = 3;
/// Sessions that are asked for, spread over all of them.
const ASKED: u64 = 50_000;

fn measure(size: Size) -> Vec<Line> {
    let people: u64 = size.pick(1_000_000, 20_000);
    let crowd = Crowd::new();
    let mut store = house::in_memory();
    crowd.settle(&mut *store, people);
    let house = House::open(store, crowd.ring.clone());
    let callers = Callers::of(&house, &crowd, people, ASKED);
    let time = Duration::from_millis(size.pick(2_500, 500));
    let mut sides = Sides::default();
    for _ in 0..ROUNDS {
        callers.round(&house, time, &mut sides);
    }
    callers.go_away();
    house.close();
    let Sides { ours, limit } = &sides;
    let name = format!("P1 GET /v1/auth/me, {people} sessions");
    let p99 = |side: &Side| stats::median(&side.p99);
    vec![
        Line::ratio(
            format!("{name}, rate"),
            ours.words(),
            format!("{} of a bare warp route", limit.words()),
            sides.rate(),
            Goal::AtLeast(0.75),
        ),
        Line::ratio(
            format!("{name}, p99"),
            millis(p99(ours) as u32),
            millis(p99(limit) as u32),
            p99(ours) / p99(limit),
            Goal::AtMost(2.0),
        ),
    ]
}

/// Who asks a house, and a bare route beside it.
pub(crate) struct Callers {
    requests: Arc<Vec<Vec<u8>>>,
    bare: Bare,
}

impl Callers {
    /// The callers of so many sessions, spread over those of all people.
    pub(crate) fn of(house: &House, crowd: &Crowd, people: u64, asked: u64) -> Self {
        let asked = asked.min(people);
        let step = people / asked;
        let requests = (0..asked).map(|n| house.get("/v1/auth/me", &crowd.access_token(n * step)));
        let requests = Arc::new(requests.collect::<Vec<_>>());
        let bare = Bare::open(&requests[0], house.addr);
        Self { requests, bare }
    }

    /// Asks both, one after the other.
    pub(crate) fn round(&self, house: &House, time: Duration, sides: &mut Sides) {
        let load = Load {
            connections: 64,
            time,
            every: None,
        };
        sides.limit.add(&drive(self.bare.addr, &self.requests, load));
        sides.ours.add(&drive(house.addr, &self.requests, load));
    }

    /// Closes the bare route.
    pub(crate) fn go_away(self) {
        self.bare.close();
    }
}

/// What both did.
#[derive(Default)]
pub(crate) struct Sides {
    ours: Side,
    limit: Side,
}

impl Sides {
    /// Our rate as a share of the bare route's.
    pub(crate) fn rate(&self) -> f64 {
        stats::median(&self.ours.rates) / stats::median(&self.limit.rates)
    }
}

/// What one of the two did in every round.
#[derive(Default)]
struct Side {
    rates: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Side {
    fn add(&mut self, answers: &Answers) {
        answers.expect_all(200);
        self.rates.push(answers.rate);
        self.p50.push(f64::from(answers.times.quantile(0.5)));
        self.p99.push(f64::from(answers.times.quantile(0.99)));
    }

    fn words(&self) -> String {
        format!(
            "{}, p50 {}, p99 {}",
            per_second(stats::median(&self.rates)),
            millis(stats::median(&self.p50) as u32),
            millis(stats::median(&self.p99) as u32)
        )
    }
}

/// The limit: one route, and the answer is already there.
pub(crate) struct Bare {
    pub(crate) addr: SocketAddr,
    runtime: Runtime,
}

impl Bare {
    /// Answers what the house answers to a request of its own route.
    fn open(request: &[u8], of: SocketAddr) -> Self {
        let runtime = house::runtime();
        let (status, body) = answered(&runtime, request, of);
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        let route = warp::path!("v1" / "auth" / "me").and(warp::get()).map(move || {
            let answer = warp::http::Response::builder().header("content-type", "application/json");
            answer.body(body.clone())
        });
        Self::open_with(runtime, |listener| warp::serve(route).incoming(listener).run())
    }

    /// Answers what a house answers to a request, to whatever it is asked.
    pub(crate) fn of(house: &House, request: &[u8]) -> Self {
        let runtime = house::runtime();
        let (status, body) = answered(&runtime, request, house.addr);
        let route = warp::any().map(move || {
            let answer = warp::http::Response::builder().status(status);
            answer
                .header("content-type", "text/html; charset=utf-8")
                .body(body.clone())
        });
        Self::open_with(runtime, |listener| warp::serve(route).incoming(listener).run())
    }

    fn open_with<F>(runtime: Runtime, server: impl FnOnce(TcpListener) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let listener = listener.expect("loopback has a free port");
        let addr = listener.local_addr().expect("a bound socket has an address");
        runtime.spawn(server(listener));
        Self { addr, runtime }
    }

    pub(crate) fn close(self) {
        self.runtime.shutdown_timeout(Duration::from_secs(1));
    }
}

/// What a house answers to a request.
fn answered(runtime: &Runtime, request: &[u8], of: SocketAddr) -> (u16, bytes::Bytes) {
    runtime.block_on(async {
        let mut client = Client::connect(of).await.expect("the house accepts");
        let status = client.ask(request).await.expect("the house answers");
        (status, bytes::Bytes::copy_from_slice(client.body()))
    })
}
