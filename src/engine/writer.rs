//! The one writer: decide, append, one real fsync, publish, answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::directory::Leaver;
use super::lanes::Taken;
use super::{Counted, Durable, Finished, Shared, Trouble, keys};
use crate::crypto::WrappedKey;
use crate::domain::{
    Command, Context, Decision, Draft, Event, Outcome, Overlay, Recorded, Refusal, State, Table, World,
    decide, evolve, lawful,
};
use crate::ledger::tree::leaf_hash;
use crate::ledger::{Batch, CommandPart, Erasure, Erasures, ErasuresError, Frontier, Head, Store, codec};
use crate::system::random_id;
use crate::types::{CommandId, DataKeyId, Tag, Timestamp, UserId};

/// Commands in one group at most.
const GROUP_MAX: usize = 1024;
/// Bytes of records in one group at most, about: well under a segment of the store.
const GROUP_BYTES_MAX: usize = 256 << 10;
/// How long key destruction may wait for company.
const DESTROY_EVERY: Duration = Duration::from_secs(1);

/// A command on its way.
pub(super) struct Job {
    pub(super) command: Command,
    /// Data keys that its events need, stored in the same fsync if it has events.
    pub(super) keys: Vec<(DataKeyId, WrappedKey)>,
    pub(super) answer: Answer,
}

/// Where a command's caller waits.
type Answer = oneshot::Sender<Result<Outcome, Trouble>>;

/// What must happen outside the ledger once an event is durable.
enum Aftermath {
    List(UserId, Erasure),
    Destroy(DataKeyId),
    Forget(Leaver),
}

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) store: Box<dyn Store>,
    pub(super) tree: Frontier,
    pub(super) erasures: Option<Erasures>,
    pub(super) doomed: Vec<DataKeyId>,
    /// When keys were last destroyed, by the boot clock.
    pub(super) destroyed: Duration,
    /// Keys that come while the writer runs; it ends before the store is closed.
    pub(super) _keys: keys::Coming,
}

/// A group of commands, decided and not yet durable.
struct Group {
    overlay: Overlay,
    written: Written,
    keys: Vec<(DataKeyId, WrappedKey)>,
    answers: Vec<(Answer, Result<Outcome, Trouble>)>,
    /// Whether a command among them was left unwritten and must not show it.
    rehearses: bool,
}

/// What a group leaves: records, and what follows outside the ledger.
#[derive(Default)]
struct Written {
    records: Vec<Vec<u8>>,
    /// Of all records.
    bytes: usize,
    aftermath: Vec<Aftermath>,
}

impl Writer {
    /// Runs until the lanes are closed and empty, or a write fails. A panic is a failure too: callers must not wait
    /// for a writer that is gone.
    pub(super) fn run(mut self) {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.serve()))
            .unwrap_or_else(|_| Err("the writer panicked: this is a bug, please report it".to_owned()));
        self.shared.chores.end();
        let finishing = Finishing(Arc::clone(&self.shared.finished));
        if let Err(cause) = outcome {
            self.shared.fail(&cause);
        }
        // Whoever waits for the end may open the same store anew at once.
        drop(self);
        drop(finishing);
    }

    fn serve(&mut self) -> Result<(), String> {
        loop {
            match self.shared.lanes.take(GROUP_MAX, Duration::from_millis(500)) {
                Taken::Jobs(jobs) => {
                    let mut jobs = jobs.into_iter().peekable();
                    while jobs.peek().is_some() {
                        self.commit(&mut jobs)?;
                    }
                }
                Taken::Idle => {}
                Taken::Finished => return self.destroy_doomed(Destroy::Now),
            }
            while let Some(chore) = self.shared.chores.next() {
                chore(self)?;
            }
            self.destroy_doomed(Destroy::WhenDue)?;
        }
    }

    fn commit(&mut self, jobs: &mut std::iter::Peekable<std::vec::IntoIter<Job>>) -> Result<(), String> {
        let shared = Arc::clone(&self.shared);
        let (expected, epoch, group) = {
            let state = shared.state.read().unwrap_or_else(PoisonError::into_inner);
            let expected = state.next();
            (
                expected,
                state.epoch().number.max(1),
                self.decide_group(&state, jobs)?,
            )
        };
        if !group.written.records.is_empty() {
            let keys = group
                .keys
                .iter()
                .map(|(id, wrapped)| (*id, wrapped.as_bytes().to_vec()))
                .collect();
            let id = random_id(&*shared.entropy);
            let batch = Batch {
                epoch,
                id,
                records: group.written.records,
                keys,
            };
            let head: Head = self
                .store
                .append(expected, &batch)
                .map_err(|fault| shared.note_failure(&fault.to_string()))?;
            for record in &batch.records {
                self.tree.push(leaf_hash(record));
            }
            let tree = self.tree.clone();
            *shared.durable() = Durable { head, tree };
            for (id, wrapped) in group.keys {
                shared.vault.insert(id, wrapped);
            }
            let mut state = shared.state.write().unwrap_or_else(PoisonError::into_inner);
            match &mut *shared.past() {
                Some(past) => group.overlay.settle_keeping(&mut state, past),
                None => group.overlay.settle(&mut state),
            }
            drop(state);
            shared.published.send_replace(head.next);
        } else if group.rehearses {
            // What is about somebody's address would have waited for the disk here.
            self.store
                .rehearse()
                .map_err(|fault| shared.note_failure(&fault.to_string()))?;
        }
        self.list_erased(&group.written.aftermath)
            .map_err(|fault| shared.note_failure(&fault.to_string()))?;
        for after in group.written.aftermath {
            match after {
                Aftermath::List(..) => {}
                Aftermath::Destroy(id) => {
                    shared.vault.destroy(id);
                    self.doomed.push(id);
                }
                Aftermath::Forget(leaver) => shared.directory.forget(&leaver),
            }
        }
        for (answer, verdict) in group.answers {
            // A caller who went away has no use for the answer.
            let _ = answer.send(verdict);
        }
        Ok(())
    }

    /// Puts who was erased on the list, before any of their keys dies and before anybody is told.
    fn list_erased(&mut self, aftermath: &[Aftermath]) -> Result<(), ErasuresError> {
        let Some(list) = &mut self.erasures else {
            return Ok(());
        };
        list.add(aftermath.iter().filter_map(|after| match after {
            Aftermath::List(user, erasure) => Some((*user, *erasure)),
            Aftermath::Destroy(_) | Aftermath::Forget(..) => None,
        }))?;
        Ok(())
    }

    fn decide_group(
        &self,
        state: &State,
        jobs: &mut std::iter::Peekable<std::vec::IntoIter<Job>>,
    ) -> Result<Group, String> {
        let shared = &*self.shared;
        let now = shared.clock.now().max(state.last_time());
        let mut overlay = Overlay::on(state);
        let (mut written, mut keys, mut answers) = (Written::default(), vec![], vec![]);
        let mut rehearses = false;
        // Drawn at once: asking the system for each costs more than deciding some commands.
        let mut fresh = vec![[0; 16]; jobs.len()];
        shared.entropy.fill(fresh.as_flattened_mut());
        let mut ids = fresh.into_iter().map(CommandId);
        while written.bytes < GROUP_BYTES_MAX
            && let Some(id) = ids.next()
            && let Some(job) = jobs.next()
        {
            let names = (job.command.address_lookup(), job.command.username_lookup());
            let is_outdated = |tag: Option<Tag>| tag.is_some_and(|tag| shared.directory.is_outdated(tag));
            // A key that gave way meanwhile finds nobody and wraps nothing new, or it could never be forgotten.
            let fresh = self.wrapped_anew(job.keys);
            let Some(fresh) = fresh.filter(|_| !is_outdated(names.0) && !is_outdated(names.1)) else {
                answers.push((job.answer, Err(Refusal::Outdated.into())));
                continue;
            };
            let mut draft = Draft::new(state, &mut overlay);
            let found = names.0.and_then(|tag| shared.directory.address_unsettled(tag));
            let found = found.filter(|id| draft.addresses().look(id).is_some());
            let taken = names.1.and_then(|tag| shared.directory.username(tag));
            let username_taken = taken.is_some_and(|user| draft.users().look(&user).is_some());
            let context = Context {
                now,
                limits: &shared.limits,
                found,
                username_taken,
                unwritten: &shared.unwritten,
            };
            let decision = decide(&draft, job.command, &context);
            rehearses |= decision.is_left_unwritten();
            let Decision {
                events,
                verdict,
                suppressed,
                unwritten,
            } = decision;
            shared.unwritten.count(&unwritten, now);
            if let Some(class) = suppressed {
                shared.suppress(class, Counted::once());
            }
            keys.extend(fresh.into_iter().filter(|(id, _)| needs(&events, *id)));
            self.record(&mut draft, events, (now, id), names, &mut written)?;
            answers.push((job.answer, verdict.map_err(Trouble::Refused)));
        }
        Ok(Group {
            overlay,
            written,
            keys,
            answers,
            rehearses,
        })
    }

    /// New data keys under the key that wraps them now; `None` if the key that wrapped one is gone already.
    fn wrapped_anew(&self, keys: Vec<(DataKeyId, WrappedKey)>) -> Option<Vec<(DataKeyId, WrappedKey)>> {
        let shared = &*self.shared;
        let anew = |(id, wrapped)| Some((id, shared.vault.rewrap(id, wrapped, &*shared.entropy)?));
        keys.into_iter().map(anew).collect()
    }

    fn record(
        &self,
        draft: &mut Draft<'_>,
        events: Vec<Event>,
        (time, command): (Timestamp, CommandId),
        names: (Option<Tag>, Option<Tag>),
        written: &mut Written,
    ) -> Result<(), String> {
        let last = events.len().saturating_sub(1);
        for (index, event) in events.into_iter().enumerate() {
            let recorded = Recorded {
                position: draft.small().next,
                time,
                command,
                event,
            };
            // The law is asserted, not trusted: what it forbids is a bug, and is never written.
            lawful(draft, &recorded).map_err(|fault| format!("a decision broke the law: {fault}"))?;
            self.consequences(draft, &recorded, &mut written.aftermath, names);
            evolve(draft, &recorded);
            let part = if index == last {
                CommandPart::Last
            } else {
                CommandPart::Inner
            };
            let record = codec::encode(&recorded, part).map_err(|fault| fault.to_string())?;
            written.bytes += record.len();
            written.records.push(record);
        }
        Ok(())
    }

    /// Notes what follows outside state, looking at the world as it is before the event.
    fn consequences(
        &self,
        draft: &Draft<'_>,
        recorded: &Recorded,
        aftermath: &mut Vec<Aftermath>,
        names: (Option<Tag>, Option<Tag>),
    ) {
        let event = &recorded.event;
        if let Event::UserRegistered { user, address, .. } | Event::AddressConfirmed { user, address, .. } =
            event
        {
            self.shared.directory.note_newcomer(*user);
            if let Some(tag) = names.0 {
                self.shared.directory.put_address(tag, *address);
            }
            if let Some(tag) = names.1 {
                self.shared.directory.put_username(tag, *user);
            }
        }
        // Verifiers die with the next password, but for those that the policy still compares with.
        let kept = if let Event::PasswordSet { user, history, .. } = event {
            Some((user, usize::from(*history)))
        } else if let Event::UserErased { user, .. } | Event::PasswordRevoked { user, .. } = event {
            Some((user, 0))
        } else {
            None
        };
        if let Some((user, kept)) = kept
            && let Some(found) = draft.users().look(user)
        {
            let verifiers = found.credential.iter().chain(found.past());
            let dropped = verifiers
                .skip(kept)
                .map(|old| Aftermath::Destroy(DataKeyId::Credential(old.id)));
            aftermath.extend(dropped);
        }
        if let Event::UserErased { user, .. } = event {
            let (at, position) = (recorded.time, recorded.position);
            aftermath.push(Aftermath::List(*user, Erasure { at, position }));
            aftermath.push(Aftermath::Destroy(DataKeyId::User(*user)));
        }
        // Now, while their key is there.
        let leaver = Leaver::of(draft, recorded, &self.shared.vault, &self.shared.keyring);
        aftermath.extend(leaver.map(Aftermath::Forget));
    }

    fn destroy_doomed(&mut self, when: Destroy) -> Result<(), String> {
        let outlived = std::mem::take(
            &mut *self
                .shared
                .outlived
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        // What is in the vault came to be after somebody looked, and is needed.
        let outlived = outlived.into_iter().filter(|id| !self.shared.vault.holds(*id));
        self.doomed.extend(outlived);
        let now = self.shared.clock.monotonic();
        let due = when == Destroy::Now || now.saturating_sub(self.destroyed) >= DESTROY_EVERY;
        if self.doomed.is_empty() || !due {
            return Ok(());
        }
        for some in self.doomed.chunks(1024) {
            self.store.destroy_keys(some).map_err(|fault| fault.to_string())?;
        }
        self.doomed.clear();
        self.destroyed = now;
        Ok(())
    }
}

/// Tells that the writer is gone, however it went.
struct Finishing(Arc<Finished>);

impl Drop for Finishing {
    fn drop(&mut self) {
        self.0.finish();
    }
}

/// Whether events need a data key. A sign-up that met a taken address brings keys for a user who never came to be:
/// stored, they would be what a stranger can fill a disk with.
fn needs(events: &[Event], id: DataKeyId) -> bool {
    events.iter().any(|event| match id {
        DataKeyId::Day(_) => true,
        DataKeyId::User(id) => matches!(event, Event::UserRegistered { user, .. } if *user == id),
        DataKeyId::Credential(id) => {
            matches!(
                event,
                Event::PasswordSet { credential, .. } | Event::PasswordImported { credential, .. }
                    if *credential == id
            )
        }
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Destroy {
    WhenDue,
    Now,
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
