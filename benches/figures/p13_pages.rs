//! P13: the pages that people meet, at 64 connections, against a bare warp route that answers the same bytes.

use std::sync::Arc;
use std::time::Duration;

use keyledger::crypto::BrowserUse;
use secrecy::ExposeSecret;

use crate::crowd::{Crowd, person};
use crate::house::{self, House};
use crate::load::{Answers, Load, drive};
use crate::p01_me::Bare;
use crate::report::{Figure, Goal, Line, millis, per_second};
use crate::{Size, stats};

pub(crate) const FIGURE: Figure = Figure {
    name: "P13",
    about: "pages, 64 connections",
    measure,
};

const CONNECTIONS: usize = 64;
const ROUNDS: usize = 3;
/// Between two pages of a connection, where they do not come as fast as they can.
const PAUSE: Duration = Duration::from_millis(100);
const PEOPLE: u64 = 20_000;

fn measure(size: Size) -> Vec<Line> {
    let crowd = Crowd::new();
    let mut store = house::in_memory();
    crowd.settle(&mut *store, PEOPLE);
    let house = House::open(store, crowd.ring.clone());
    let time = Duration::from_millis(size.pick(2_000, 300));
    let one = |path: &str| vec![House::page(path, "")];
    let accounts = (0..PEOPLE).step_by(20).map(|n| {
        let secret = house.desk.browser_secret(BrowserUse::Cookie, person(n).session);
        House::page("/account", secret.expose_secret())
    });
    let asked = (0..PEOPLE).map(|n| {
        let email = person(n).email.replace('@', "%40");
        House::form("/flow/default-recovery-flow", &format!("identifier={email}"))
    });
    let pages = [
        ("the sign-in page", 200, one("/flow/default-authentication-flow")),
        ("the recovery page", 200, one("/flow/default-recovery-flow")),
        ("the recovery page, answered", 303, asked.collect()),
        ("an account's page", 200, accounts.collect()),
    ];
    let lines = pages.into_iter().flat_map(|(name, status, requests)| {
        let page = Page {
            name,
            status,
            requests: Arc::new(requests),
        };
        page.measure(&house, time)
    });
    let lines = lines.collect();
    house.close();
    lines
}

struct Page {
    name: &'static str,
    status: u16,
    requests: Arc<Vec<Vec<u8>>>,
}

impl Page {
    fn measure(&self, house: &House, time: Duration) -> [Line; 2] {
        let load = |every| Load {
            connections: CONNECTIONS,
            time,
            every,
        };
        let ask = |addr, every| {
            let answers = drive(addr, &self.requests, load(every));
            answers.expect_all(self.status);
            answers
        };
        let bare = Bare::of(house, &self.requests[0]);
        let (mut ours, mut limit) = (vec![], vec![]);
        for _ in 0..ROUNDS {
            limit.push(ask(bare.addr, None));
            ours.push(ask(house.addr, None));
        }
        bare.close();
        let paced = ask(house.addr, Some(PAUSE));
        let rate = |all: &[Answers]| stats::median(&all.iter().map(|one| one.rate).collect::<Vec<_>>());
        let quantile = |all: &[Answers], share: f64| {
            let times: Vec<_> = all
                .iter()
                .map(|one| f64::from(one.times.quantile(share)))
                .collect();
            stats::median(&times)
        };
        let words = |all: &[Answers]| {
            format!(
                "{}, p50 {}, p99 {}",
                per_second(rate(all)),
                millis(quantile(all, 0.5) as u32),
                millis(quantile(all, 0.99) as u32)
            )
        };
        let name = self.name;
        let p99 = f64::from(paced.times.quantile(0.99));
        [
            Line::ratio(
                format!("P13 {name}, as fast as they can"),
                words(&ours),
                format!("{} of a bare warp route", words(&limit)),
                rate(&ours) / rate(&limit),
                Goal::Stated,
            ),
            Line::plain(
                format!("P13 {name}, p99"),
                format!(
                    "{CONNECTIONS} connections, {} pages, p50 {}",
                    per_second(paced.rate),
                    millis(paced.times.quantile(0.5))
                ),
                p99 / 1e6,
                " ms",
                Goal::AtMost(5.0),
            ),
        ]
    }
}
