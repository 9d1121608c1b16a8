//! Backups that the server makes by itself, under a clock that the test owns.

use std::path::Path;
use std::sync::{Arc, Mutex};

use keyledger::desk::NewPerson;
use keyledger::domain::{Actor, Role};
use keyledger::ledger::backup::{Found, newest_chain};
use keyledger::types::{EmailAddress, Locale, Span};
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

#[tokio::test(flavor = "multi_thread")]
async fn administrators_are_mailed_once_a_day_while_scheduled_backups_fail() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("backups");
    // A file where the folder should be.
    std::fs::write(&to, "in the way").unwrap();
    let schedule = Schedule {
        folder: to.join("below"),
        every: Span::hours(1),
        full_every: 2,
        keep: 2,
    };
    let planned = Arc::new(Mutex::new(None));
    let mut house = House::with(|plan| {
        let planned = Arc::clone(&planned);
        plan.settings = Box::new(move |settings| settings.backups = planned.lock().unwrap().clone());
    })
    .await;
    for (address, role) in [("root@example.org", Role::Admin), ("ann@example.org", Role::User)] {
        let person = NewPerson {
            address: EmailAddress::parse(address).unwrap(),
            name: None,
            username: None,
            role,
            locale: Locale::En,
        };
        house.desk().create_user(person, Actor::Operator).await.unwrap();
    }
    *planned.lock().unwrap() = Some(schedule);
    house.restart().await;
    for day in 0..2 {
        let mail = house.next_mail_of("backup_failed").await;
        assert_eq!(mail.to, ["root@example.org"], "day {day}");
        let text = mail.text_part().unwrap();
        assert!(
            text.contains("keyledger backup") && !text.contains("below"),
            "{text}"
        );
        for _ in 0..23 {
            house.advance(Span::hours(1));
        }
        house.settled().await;
        let told = house.sink.mails().len();
        assert_eq!(told, day + 1, "once a day");
        house.advance(Span::hours(1));
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
