//! The console's first page: how much there is, and what happened in the last weeks, drawn by the server.

use serde::Serialize;
use warp::http::StatusCode;

use super::administrator::Administrator;
use super::events::Proof;
use super::shown::At;
use crate::desk::{DayCounts, Overview};
use crate::http::pages::member::Outcome;
use crate::http::request::Request;
use crate::http::site::Site;
use crate::system::ClockStatus;
use crate::types::{Span, Timestamp};

/// Width and height of a chart, in its own units.
const WIDTH: u64 = 600;
const HEIGHT: u64 = 120;
/// Space between bars.
const GAP: u64 = 4;

#[derive(Serialize)]
struct OverviewPage {
    users: usize,
    sessions: usize,
    mails: usize,
    failing: usize,
    oldest: Option<At>,
    delivered: u64,
    undelivered: u64,
    held_back: u64,
    position: u64,
    chain: String,
    epoch: u32,
    clock_doubted: bool,
    leaks_damaged: usize,
    is_counting: bool,
    verification: Option<Proof>,
    width: u64,
    height: u64,
    charts: Vec<Chart>,
}

/// Some bars a day.
#[derive(Serialize)]
struct Chart {
    title: String,
    /// The whole of it in a sentence, for whoever does not see it.
    summary: String,
    series: Vec<Series>,
    bars: Vec<Bar>,
    first: String,
    last: String,
    rows: Vec<(String, Vec<u64>)>,
}

#[derive(Serialize)]
struct Series {
    name: String,
    total: u64,
}

#[derive(Serialize)]
struct Bar {
    class: &'static str,
    x: u64,
    y: u64,
    width: u64,
    height: u64,
    words: String,
}

/// The class of each series in the style sheet.
const CLASSES: [&str; 2] = ["bar one", "bar two"];

type Counted = fn(&DayCounts) -> u64;

/// Shows it.
pub(super) async fn show(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let viewer = administrator.viewer();
    let view = site.desk.overview().await;
    let sum = |of: Counted| view.days.iter().map(|(_, day)| of(day)).sum();
    let chart = |title, series: &[(&str, Counted)]| chart(&administrator, &view, title, series);
    let charts = vec![
        chart(
            "chart_recoveries",
            &[("asked", |day| day.asked), ("recovered", |day| day.recovered)],
        ),
        chart(
            "chart_sign_ins",
            &[("signed_in", |day| day.signed_in), ("refused", |day| day.refused)],
        ),
        chart("chart_users", &[("registered", |day| day.registered)]),
    ];
    let page = OverviewPage {
        users: view.users,
        sessions: view.sessions,
        mails: view.mails,
        failing: view.failing,
        oldest: view.oldest.map(|at| At::new(viewer, at)),
        delivered: sum(|day| day.delivered),
        undelivered: sum(|day| day.undelivered),
        held_back: sum(|day| day.held_back),
        position: view.head.next.0,
        chain: crate::audit::hexadecimal(&view.head.chain),
        epoch: view.epoch,
        clock_doubted: view.clock != ClockStatus::Trusted,
        leaks_damaged: site.desk.settings().leaks.damaged(),
        is_counting: view.is_counting,
        charts,
        verification: view.verification.map(|proof| Proof::new(&administrator, proof)),
        width: WIDTH,
        height: HEIGHT,
    };
    let title = administrator.say("console", "nav_overview");
    Ok(administrator.page(StatusCode::OK, "console/overview.html", &title, page))
}

fn chart(
    administrator: &Administrator<'_>,
    view: &Overview,
    title: &str,
    series: &[(&str, Counted)],
) -> Chart {
    let day_name = |day: u32| Timestamp(i64::from(day) * Span::days(1).0).rfc3339()[..10].to_owned();
    let names: Vec<String> = series
        .iter()
        .map(|(name, _)| administrator.say("glance", name))
        .collect();
    let counts = |of: Counted| view.days.iter().map(move |(_, day)| of(day));
    let top = series.iter().flat_map(|(_, of)| counts(*of)).max().unwrap_or(0);
    let mut bars = vec![];
    let days = view.days.len().max(1) as u64;
    let step = WIDTH / days;
    let width = (step.saturating_sub(GAP) / series.len().max(1) as u64).max(1);
    for ((day, counted), day_at) in view.days.iter().zip(0..) {
        for (number, (_, of)) in series.iter().enumerate() {
            let value = of(counted);
            let height = bar_height(value, top);
            bars.push(Bar {
                class: CLASSES[number % CLASSES.len()],
                x: day_at * step + number as u64 * width,
                y: HEIGHT - height,
                width,
                height,
                words: format!("{}: {} {value}", day_name(*day), names[number]),
            });
        }
    }
    let totals: Vec<Series> = names
        .into_iter()
        .zip(series)
        .map(|(name, (_, of))| Series {
            name,
            total: counts(*of).sum(),
        })
        .collect();
    let told: Vec<String> = totals
        .iter()
        .map(|series| format!("{} {}", series.name, series.total))
        .collect();
    let title = administrator.say("glance", title);
    Chart {
        summary: format!("{title}: {}", told.join(", ")),
        title,
        series: totals,
        bars,
        first: view
            .days
            .first()
            .map(|(day, _)| day_name(*day))
            .unwrap_or_default(),
        last: view
            .days
            .last()
            .map(|(day, _)| day_name(*day))
            .unwrap_or_default(),
        rows: view
            .days
            .iter()
            .rev()
            .filter(|(_, day)| series.iter().any(|(_, of)| of(day) > 0))
            .map(|(number, day)| (day_name(*number), series.iter().map(|(_, of)| of(day)).collect()))
            .collect(),
    }
}

/// What is there is seen, however little it is beside the highest.
fn bar_height(value: u64, top: u64) -> u64 {
    if value == 0 || top == 0 {
        return 0;
    }
    let scaled = u128::from(value) * u128::from(HEIGHT) / u128::from(top);
    u64::try_from(scaled).unwrap_or(HEIGHT).clamp(2, HEIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_high_as_its_part_of_the_highest_and_never_unseen() {
        assert_eq!(
            [
                bar_height(0, 0),
                bar_height(0, 7),
                bar_height(7, 7),
                bar_height(1, 1_000_000),
                bar_height(u64::MAX, u64::MAX),
                bar_height(1, 2),
            ],
            [0, 0, HEIGHT, 2, HEIGHT, HEIGHT / 2]
        );
    }
}
