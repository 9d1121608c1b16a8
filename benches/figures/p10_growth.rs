//! P10: what P1, P2 and P3 come to as people become more.

use std::time::Duration;

use crate::crowd::Crowd;
use crate::house::{self, House};
use crate::p01_me::{Callers, Sides};
use crate::p02_commands::Commands;
use crate::report::{Figure, Goal, Line, per_second};
use crate::{Size, disk, p03_reset, stats};

pub(crate) const FIGURE: Figure = Figure {
    name: "P10",
    about: "P1, P2 and P3 as people become more",
    measure,
};

const ROUNDS: usize = 5;
/// How many people are asked about, however many there are, spread over all of them.
const ASKED: u64 = 10_000;
const CALLERS: usize = 64;

/// A house, and what was measured in it.
struct Town {
    people: u64,
    house: House,
    commands: Commands,
    callers: Callers,
    /// P1: shares of the rate of a bare route.
    looks: Sides,
    /// P2: multiples of one write and one fdatasync at a time.
    writes: Vec<f64>,
    /// P3: requests a second.
    asks: Vec<f64>,
    _directory: tempfile::TempDir,
}

impl Town {
    fn of(people: u64) -> Self {
        let crowd = Crowd::new();
        let directory = disk::directory();
        let mut store = house::on_disk(directory.path());
        crowd.settle(&mut *store, people);
        let house = House::open(store, crowd.ring.clone());
        let engine = house.desk.engine().clone();
        Self {
            people,
            commands: Commands::about(engine, &crowd, people, ASKED),
            callers: Callers::of(&house, &crowd, people, ASKED),
            looks: Sides::default(),
            writes: vec![],
            asks: vec![],
            house,
            _directory: directory,
        }
    }

    fn close(self) {
        self.callers.go_away();
        self.house.close();
    }
}

/// All sizes are there at once and measured in turns, because a machine has good and bad minutes.
fn measure(size: Size) -> Vec<Line> {
    let time = Duration::from_millis(size.pick(1_000, 200));
    let sizes = size.pick([10_000, 100_000, 1_000_000], [2_000, 5_000, 20_000]);
    let mut towns = sizes.map(Town::of);
    for _ in 0..ROUNDS {
        for town in &mut towns {
            town.callers.round(&town.house, time, &mut town.looks);
        }
    }
    for _ in 0..ROUNDS {
        for town in &mut towns {
            let requests = p03_reset::requests(&town.house, town.people, ASKED.min(town.people));
            let asked = p03_reset::ask(&town.house, &requests, time / 2);
            town.asks.push(asked.answers.rate);
        }
    }
    for _ in 0..ROUNDS {
        for town in &mut towns {
            let bare = town.commands.bare(time / 2);
            town.writes.push(town.commands.run(CALLERS, time).0 / bare);
        }
    }
    let mut lines = Vec::new();
    let [first, more @ ..] = &towns;
    for town in more {
        let goal = if town.people == sizes[2] {
            Goal::AtLeast(0.9)
        } else {
            Goal::Stated
        };
        let mut line = |name: &str, words: fn(f64) -> String, figure: fn(&Town) -> f64| {
            let (ours, limit) = (figure(town), figure(first));
            lines.push(Line::ratio(
                format!("P10 {name}, {} users", town.people),
                words(ours),
                format!("{} at {} users", words(limit), first.people),
                ours / limit,
                goal,
            ));
        };
        let times = |figure| format!("{figure:.2} ×");
        line("P1 (GET /v1/auth/me)", times, |town| town.looks.rate());
        line("P2 (64 callers)", times, |town| stats::median(&town.writes));
        line("P3 (reset requests)", per_second, |town| {
            stats::median(&town.asks)
        });
    }
    towns.into_iter().for_each(Town::close);
    lines
}
