//! Takes chosen events to their receivers: each receiver in the order of the ledger, one event at a time, all receivers side
//! by side.
//!
//! Delivery is at least once. How far a receiver is, is noted in the ledger after a number of deliveries, after a few
//! seconds, and at a stop; what was delivered behind the last note is delivered again after a crash, under the same id. An
//! event that is not taken is tried again, ever more slowly, and those behind it wait; after the time of the settings it is
//! given up, and stays among the dead letters. A receiver that says that it is gone is disabled.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::{self, JoinError, JoinSet, spawn_blocking};

use crate::desk::{Desk, Fault, Sent, WebhookStanding};
use crate::domain::{Webhook, WebhookCommand};
use crate::mail::backoff::next_attempt;
use crate::system::random_array;
use crate::types::{Position, Timestamp, WebhookId};

use super::beat::{Beat, Next};

/// Events that a receiver is taken in one turn.
const TURN_MAX: usize = 32;
/// Deliveries after which it is noted how far a receiver is.
const NOTED_AFTER: u32 = 256;
/// Time after which it is, if anything was delivered.
const NOTED_EVERY: Duration = Duration::from_secs(10);
/// Events that nobody chose after which it is, so that a start need not look at all of them again.
const LOOKED_AT_AFTER: u64 = 10_000;

/// Runs until the beat says stop, and then until the deliveries under way have an outcome.
pub(super) async fn run(desk: Desk, mut beat: Beat) {
    let mut round = Round {
        desk,
        lines: BTreeMap::new(),
        running: JoinSet::new(),
        whose: HashMap::new(),
        beat: beat.clone(),
    };
    loop {
        round.line_up().await;
        round.send_out();
        round.note_due().await;
        tokio::select! {
            next = beat.next() => if next == Next::Stop { break },
            Some(joined) = round.running.join_next_with_id(), if !round.running.is_empty() => {
                round.end_turn(joined).await;
            }
        }
    }
    // First what is known, in case the patience runs out before the last answer.
    round.note_all().await;
    while let Some(joined) = round.running.join_next_with_id().await {
        round.end_turn(joined).await;
    }
    round.note_all().await;
}

/// How far a turn is; shared, so that a turn that breaks down loses nothing.
#[derive(Debug)]
struct Progress {
    /// Every chosen event before this was delivered or given up.
    cursor: AtomicU64,
    /// Deliveries since the last note.
    delivered: AtomicU32,
}

/// A receiver's place.
struct Line {
    /// Where the receiver had last changed: what changed since may mend what failed before.
    version: Position,
    progress: Arc<Progress>,
    /// What the ledger says of it.
    noted: Position,
    noted_at: Duration,
    standing: WebhookStanding,
    is_busy: bool,
}

struct Round {
    desk: Desk,
    lines: BTreeMap<WebhookId, Line>,
    running: JoinSet<Turned>,
    /// Whose turn a task is.
    whose: HashMap<task::Id, WebhookId>,
    beat: Beat,
}

/// How a turn ended.
struct Turned {
    webhook: WebhookId,
    /// Something was sent.
    tried: bool,
    /// The last status.
    status: Option<u16>,
    /// What was not taken, and how that went.
    failed: Option<(Position, Sent)>,
}

impl Line {
    fn cursor(&self) -> Position {
        Position(self.progress.cursor.load(Ordering::Acquire))
    }
}

impl Round {
    /// Takes in receivers that are new, and lets go of those that are gone or disabled.
    async fn line_up(&mut self) {
        let all = self.desk.engine().read(|state| Arc::clone(state.webhooks()));
        let is_enabled = |id: WebhookId| all.of(id).is_some_and(|webhook| webhook.form.enabled);
        let over: Vec<WebhookId> = self
            .lines
            .iter()
            .filter(|(id, line)| !line.is_busy && !is_enabled(**id))
            .map(|(id, _)| *id)
            .collect();
        for id in over {
            if all.of(id).is_some() {
                self.note(id).await;
            }
            self.lines.remove(&id);
        }
        self.desk.keep_standings_of(|id| all.of(id).is_some());
        let now = self.desk.engine().clock().monotonic();
        for (id, webhook) in all.all().iter().filter(|(_, webhook)| webhook.form.enabled) {
            let line = self.lines.entry(*id);
            let line = line.or_insert_with(|| Line::beginning(webhook, now));
            if line.version != webhook.changed {
                line.version = webhook.changed;
                line.standing = line.standing.settled();
            }
        }
    }

    /// Begins a turn for each receiver that is due and may have something ahead.
    fn send_out(&mut self) {
        let (now, head) = (self.desk.now(), self.desk.engine().head().next);
        for (id, line) in &mut self.lines {
            let is_due = line.standing.next.is_none_or(|next| now >= next);
            if line.is_busy || !is_due || line.cursor() >= head {
                continue;
            }
            line.is_busy = true;
            let progress = Arc::clone(&line.progress);
            let turn = turn(self.desk.clone(), *id, progress, self.beat.clone());
            let handle = self.running.spawn(turn);
            self.whose.insert(handle.id(), *id);
        }
    }

    async fn end_turn(&mut self, joined: Result<(task::Id, Turned), JoinError>) {
        let turned = match joined {
            Ok((task, turned)) => {
                self.whose.remove(&task);
                turned
            }
            Err(error) => {
                if let Some(id) = self.whose.remove(&error.id()) {
                    tracing::error!(webhook = %id, "a turn of deliveries broke down; it is put off");
                    self.put_off_broken(id).await;
                }
                return;
            }
        };
        let now = self.desk.now();
        let Some(line) = self.lines.get_mut(&turned.webhook) else {
            return;
        };
        line.is_busy = false;
        if turned.tried {
            line.standing.tried = Some(now);
            line.standing.status = turned.status;
        }
        match turned.failed {
            None if turned.tried => {
                line.standing = line.standing.settled();
            }
            None | Some((_, Sent::Over)) => {}
            Some((event, sent)) => self.fail(turned.webhook, event, &sent, now).await,
        }
        if let Some(line) = self.lines.get(&turned.webhook) {
            self.desk.note_webhook(turned.webhook, line.standing);
        }
    }

    /// A turn that broke down counts as a try that failed, so that an event that causes it is not tried without end.
    async fn put_off_broken(&mut self, id: WebhookId) {
        let now = self.desk.now();
        let Some(line) = self.lines.get_mut(&id) else {
            return;
        };
        line.is_busy = false;
        let event = line.cursor();
        self.fail(id, event, &Sent::Unread, now).await;
    }

    async fn fail(&mut self, id: WebhookId, event: Position, sent: &Sent, now: Timestamp) {
        let status = sent.status().unwrap_or(0);
        if let Sent::Gone = sent {
            tracing::warn!(webhook = %id, "a webhook says that it is gone for good; it is disabled");
            self.decided(id, WebhookCommand::Stop { webhook: id }).await;
            return;
        }
        let Some(line) = self.lines.get_mut(&id) else {
            return;
        };
        let standing = &mut line.standing;
        standing.attempts = standing.attempts.saturating_add(1);
        let attempts = standing.attempts;
        let since = *standing.failing_since.get_or_insert(now);
        tracing::warn!(webhook = %id, position = %event, attempts, status, "an event was not delivered");
        if now.since(since) < self.desk.settings().webhooks.give_up_after {
            let jitter = u32::from_be_bytes(random_array(self.desk.engine().entropy()));
            standing.next = Some(now + next_attempt(attempts, jitter));
            return;
        }
        self.note(id).await;
        let given_up = WebhookCommand::GiveUp {
            webhook: id,
            event,
            attempts,
            status,
        };
        if self.decided(id, given_up).await
            && let Some(line) = self.lines.get_mut(&id)
        {
            line.progress.cursor.store(event.next().0, Ordering::Release);
            line.noted = event.next();
            line.standing = line.standing.settled();
        }
    }

    /// Notes how far those are who went on for long enough.
    async fn note_due(&mut self) {
        let now = self.desk.engine().clock().monotonic();
        let due: Vec<WebhookId> = self
            .lines
            .iter()
            .filter(|(_, line)| {
                let delivered = line.progress.delivered.load(Ordering::Acquire);
                let looked = line.cursor().0.saturating_sub(line.noted.0);
                let is_time = now.saturating_sub(line.noted_at) >= NOTED_EVERY;
                delivered >= NOTED_AFTER || (delivered > 0 && is_time) || looked >= LOOKED_AT_AFTER
            })
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            self.note(id).await;
        }
    }

    async fn note_all(&mut self) {
        let delivered = |line: &Line| line.progress.delivered.load(Ordering::Acquire) > 0;
        let moved = self.lines.iter().filter(|(_, line)| delivered(line));
        let moved: Vec<WebhookId> = moved.map(|(id, _)| *id).collect();
        for id in moved {
            self.note(id).await;
        }
    }

    /// Notes in the ledger how far a receiver is.
    async fn note(&mut self, id: WebhookId) {
        let now = self.desk.engine().clock().monotonic();
        let Some(line) = self.lines.get_mut(&id) else {
            return;
        };
        // In this order: what is counted twice is delivered again, what is counted too far is lost.
        let delivered = line.progress.delivered.load(Ordering::Acquire);
        let cursor = line.cursor();
        line.noted_at = now;
        if cursor <= line.noted {
            return;
        }
        let advance = WebhookCommand::Advance {
            webhook: id,
            cursor,
            delivered,
        };
        if self.decided(id, advance).await
            && let Some(line) = self.lines.get_mut(&id)
        {
            line.noted = cursor;
            line.progress.delivered.fetch_sub(delivered, Ordering::AcqRel);
        }
    }

    /// Has the law decide; says whether it did. What it did not is asked again later.
    async fn decided(&self, id: WebhookId, command: WebhookCommand) -> bool {
        match self.desk.about_webhook(command).await {
            // Refused: it was removed meanwhile.
            Ok(()) | Err(Fault::Refused(_)) => true,
            Err(fault) => {
                tracing::warn!(webhook = %id, ?fault, "how far a webhook is could not be noted yet");
                false
            }
        }
    }
}

impl Line {
    fn beginning(webhook: &Webhook, now: Duration) -> Self {
        let progress = Progress {
            cursor: AtomicU64::new(webhook.cursor.0),
            delivered: AtomicU32::new(0),
        };
        Self {
            version: webhook.changed,
            progress: Arc::new(progress),
            noted: webhook.cursor,
            noted_at: now,
            standing: WebhookStanding::default(),
            is_busy: false,
        }
    }
}

/// Takes a receiver its next events, until one is not taken.
async fn turn(desk: Desk, webhook: WebhookId, progress: Arc<Progress>, beat: Beat) -> Turned {
    let mut turned = Turned {
        webhook,
        tried: false,
        status: None,
        failed: None,
    };
    let from = Position(progress.cursor.load(Ordering::Acquire));
    let chosen = desk
        .engine()
        .read(|state| Some(state.webhooks().of(webhook)?.form.events.clone()));
    let Some(chosen) = chosen else { return turned };
    let reader = desk.clone();
    let upcoming = match spawn_blocking(move || reader.upcoming(&chosen, from, TURN_MAX)).await {
        Ok(Ok(upcoming)) => upcoming,
        Ok(Err(error)) => {
            tracing::error!(%webhook, %error, "the ledger could not be read for a webhook");
            return turned;
        }
        Err(_) => return turned,
    };
    for event in upcoming.events {
        if beat.is_over() {
            return turned;
        }
        turned.tried = true;
        let sent = desk.deliver(webhook, event).await;
        turned.status = sent.status();
        if let Sent::Taken(_) = sent {
            progress.delivered.fetch_add(1, Ordering::AcqRel);
            progress.cursor.store(event.next().0, Ordering::Release);
        } else {
            progress.cursor.store(event.0, Ordering::Release);
            turned.failed = Some((event, sent));
            return turned;
        }
    }
    progress.cursor.store(upcoming.looked.0, Ordering::Release);
    turned
}
