//! Snapshots of state: a start that goes on from one, and what happens to those that are of no use.

mod beside;
mod damage;
mod past;
mod starting;

use std::num::NonZeroU64;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use keyledger::engine::{Engine, Snapshots, Taken};
use keyledger::ledger::Shelf;

fn snapshots(dir: &Path) -> Snapshots {
    Snapshots::new(Shelf::of(dir), NonZeroU64::MIN)
}

pub(crate) fn take(dir: &Path, engine: &Engine) -> Taken {
    let taken = snapshots(dir).take(engine, &AtomicBool::new(false));
    taken.unwrap().expect("nobody else takes one")
}
