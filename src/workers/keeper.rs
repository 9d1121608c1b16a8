//! Keeps the ledger in order: the anchor, the counts of what was not written, closings that are due, keys of old days.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::desk::Desk;
use crate::domain::{Command, ObjectionCommand, UNFINISHED_AFTER, closes_without_proof};
use crate::engine::{Counted, Lane};
use crate::ledger::Anchor;
use crate::types::{Position, UserId};

use super::beat::{Beat, Next};

const ANCHOR_EVERY: Duration = Duration::from_secs(1);
const COUNTS_EVERY: Duration = Duration::from_mins(1);
/// Closings that are carried out in one go.
const CLOSINGS_MAX: usize = 256;
/// Users whose safeguards are looked at while readers of the state wait.
const LOOKED_AT_ONCE: usize = 4_096;
/// Users whose safeguards lapse in one go.
const LAPSES_MAX: usize = 256;
/// Users who are told of unfinished sign-ins in one go.
const UNFINISHED_MAX: usize = 256;

struct Keeper {
    desk: Desk,
    anchor: Option<Arc<Mutex<Anchor>>>,
    noted: Noted,
    counted: Duration,
}

/// The last note in the anchor.
struct Noted {
    head: Position,
    at: Duration,
}

/// Runs until the beat says stop.
pub(super) async fn run(desk: Desk, anchor: Option<Arc<Mutex<Anchor>>>, mut beat: Beat) {
    let now = desk.engine().clock().monotonic();
    let mut keeper = Keeper {
        noted: Noted {
            head: desk.engine().head().next,
            at: now,
        },
        counted: now,
        anchor,
        desk,
    };
    while beat.next().await == Next::Look {
        let now = keeper.desk.engine().clock().monotonic();
        keeper.renew_closings().await;
        keeper.close_accounts().await;
        keeper.tell_unfinished().await;
        if now.saturating_sub(keeper.noted.at) >= ANCHOR_EVERY {
            keeper.note_anchor(now).await;
        }
        if now.saturating_sub(keeper.counted) >= COUNTS_EVERY {
            keeper.counted = now;
            keeper.write_counts().await;
            keeper.desk.engine().destroy_outlived_day_keys();
            keeper.drop_key_copies().await;
            keeper.let_lapse().await;
        }
    }
    // The writer still runs: what was counted since the last minute is not lost.
    keeper.write_counts().await;
}

impl Keeper {
    /// Notes how far the ledger is, if it went on since the last note.
    async fn note_anchor(&mut self, now: Duration) {
        let engine = self.desk.engine().clone();
        let head = engine.head().next;
        self.noted.at = now;
        let Some(anchor) = self.anchor.clone().filter(|_| head != self.noted.head) else {
            return;
        };
        let written = tokio::task::spawn_blocking(move || {
            engine.note_anchor(&mut anchor.lock().unwrap_or_else(PoisonError::into_inner))
        });
        match written.await {
            Ok(Ok(())) => self.noted.head = head,
            Ok(Err(error)) => tracing::error!(%error, "the anchor could not be written; it is tried again"),
            Err(_) => tracing::error!("the anchor could not be written; it is tried again"),
        }
    }

    /// Removes copies of the keyring that have been kept for as long as they may.
    async fn drop_key_copies(&self) {
        let desk = self.desk.clone();
        let dropped =
            tokio::task::spawn_blocking(move || desk.engine().keyring().drop_old_copies(desk.now()));
        if let Ok(Err(error)) = dropped.await {
            tracing::warn!(%error, "copies of the keyring that are too old could not be removed; it is tried again");
        }
    }

    /// Writes down what was answered and not written, one event a class.
    async fn write_counts(&self) {
        let engine = self.desk.engine();
        for (class, counted) in engine.take_suppressed() {
            let Counted { count, first } = counted.clone();
            let (first, keys) = first.map_or((None, vec![]), |first| (Some(first.origin), first.keys));
            let command = Command::RecordSuppressed { class, count, first };
            if engine.execute(Lane::Proof, command, keys).await.is_err() {
                engine.put_back_suppressed(class, counted);
            }
        }
    }

    /// Mails a new proof to those whose account closes and whose proof an epoch voided: they must be able to say no.
    async fn renew_closings(&self) {
        let voided: Vec<UserId> = self.desk.engine().read(|state| {
            let users = state.closings.keys().copied();
            users
                .filter(|user| closes_without_proof(state, *user))
                .take(CLOSINGS_MAX)
                .collect()
        });
        for command in voided
            .into_iter()
            .filter_map(|user| self.desk.renewal_of_closing(user))
        {
            if let Err(trouble) = self.desk.engine().execute(Lane::Proof, command, vec![]).await {
                tracing::warn!(
                    ?trouble,
                    "the owner of a closing account could not be told anew yet"
                );
            }
        }
    }

    /// Tells users of sign-ins that had the right password and were left alone before the second factor.
    async fn tell_unfinished(&self) {
        let now = self.desk.now();
        let due: Vec<_> = self.desk.engine().read(|state| {
            let due = state.unfinished.iter();
            due.filter(|(_, unfinished)| now >= unfinished.since + UNFINISHED_AFTER)
                .map(|(user, unfinished)| (*user, unfinished.clone()))
                .take(UNFINISHED_MAX)
                .collect()
        });
        for (user, unfinished) in due {
            if let Some(command) = self.desk.notice_of_unfinished(user, &unfinished)
                && let Err(trouble) = self.desk.engine().execute(Lane::Proof, command, vec![]).await
            {
                tracing::warn!(?trouble, "a user could not be told of an unfinished sign-in yet");
            }
        }
    }

    /// Lets go of what was kept for objections for long enough, looking at a part of the users at a time.
    async fn let_lapse(&self) {
        let now = self.desk.now();
        let (mut due, mut last) = (Vec::new(), None::<UserId>);
        loop {
            let seen = self.desk.engine().read(|state| {
                let mut seen = 0;
                for (user, kept) in state.safeguards.after(last.as_ref()).take(LOOKED_AT_ONCE) {
                    (seen, last) = (seen + 1, Some(*user));
                    if kept.lapses().is_some_and(|at| now >= at) {
                        due.push(*user);
                    }
                }
                seen
            });
            if seen < LOOKED_AT_ONCE || due.len() >= LAPSES_MAX {
                break;
            }
        }
        due.truncate(LAPSES_MAX);
        for user in due {
            let command = Command::Objection(ObjectionCommand::Lapse { user });
            if let Err(trouble) = self.desk.engine().execute(Lane::Proof, command, vec![]).await {
                tracing::warn!(
                    ?trouble,
                    "what was kept for objections could not be let go of yet"
                );
            }
        }
    }

    /// Erases the users whose closing is due.
    async fn close_accounts(&self) {
        let now = self.desk.now();
        let due: Vec<UserId> = self.desk.engine().read(|state| {
            let due = state.closings.iter().filter(|(_, until)| now >= **until);
            due.map(|(user, _)| *user).take(CLOSINGS_MAX).collect()
        });
        for user in due {
            let command = Command::EraseDue { user };
            if let Err(trouble) = self.desk.engine().execute(Lane::Proof, command, vec![]).await {
                tracing::warn!(?trouble, "a closing that is due could not be carried out yet");
            }
        }
    }
}
