//! Backups that the server makes by itself, under a clock that the test owns.

use std::path::Path;
use std::sync::{Arc, Mutex};

use keyledger::ledger::backup::{Found, newest_chain};
use keyledger::types::Span;
use keyledger::workers::Schedule;

use super::parts;
use crate::support::House;

fn chain(folder: &Path) -> Vec<Found> {
    if folder.is_dir() {
        newest_chain(folder, None).unwrap_or_default()
    } else {
        vec![]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_backs_itself_up_when_it_is_due_and_keeps_as_many_chains_as_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("backups");
    let schedule = Schedule {
        folder: to.clone(),
        every: Span::hours(24),
        full_every: 2,
        keep: 2,
    };
    let planned = Arc::new(Mutex::new(Some(schedule)));
    let mut house = House::with(|plan| {
        let planned = Arc::clone(&planned);
        plan.settings = Box::new(move |settings| settings.backups = planned.lock().unwrap().clone());
    })
    .await;
    // Chains of two: after six days the third chain is whole, and the first is gone.
    for day in 0..6_usize {
        let told = [1, 2, 3, 4, 3, 4][day];
        let done = house.until("a backup is made", |_| {
            parts_of(&to) == told && chain(&to).len() == day % 2 + 1
        });
        done.await;
        house
            .sign_up(&format!("u{day}@example.org"), "Lost-and-forgotten-1")
            .await;
        house.clock.advance(Span::hours(24));
        house.app().nudge().nudge();
        if day == 2 {
            house.restart().await;
        }
    }
    house.stop().await;
}

fn parts_of(folder: &Path) -> usize {
    if folder.is_dir() {
        let is_part = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "klbackup");
        parts(folder).iter().filter(|path| is_part(path)).count()
    } else {
        0
    }
}
