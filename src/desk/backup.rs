//! Backups and compaction beside the running ledger, on threads that step back behind the others.

use std::ops::ControlFlow;

use tokio::sync::oneshot;

use super::outbox::NOWHERE;
use super::proofs::Telling;
use super::{Command, Desk, Fault};
use crate::domain::{BACKUP_TOLD_EVERY, NewMail, Role, Standing, User};
use crate::engine::{CompactError, Compacted, Lane};
use crate::ledger::backup::{self, BackupError, Made, Order, Progress, Pruned};
use crate::system::step_back;
use crate::types::{AddressId, IdTable, Span, Timestamp, UserId};

/// Administrators who are told of failing backups.
const ADMINISTRATORS_TOLD_MAX: usize = 16;

/// Told how far a backup is; must be quick.
pub type TellProgress = Box<dyn Fn(Progress) + Send>;

impl Desk {
    /// Makes a backup of what is durable now, on a thread of its own that steps back behind the others. Writes go on
    /// meanwhile. Then removes older chains if `keep` says how many stay. Ends early when the engine stops.
    pub async fn back_up(
        &self,
        order: Order,
        keep: Option<usize>,
        tell: TellProgress,
    ) -> Result<(Made, Pruned), BackupError> {
        let engine = self.engine().clone();
        let made = aside("backup", move || {
            let mut progress = |progress| {
                tell(progress);
                if engine.is_running() {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            };
            backup::back_up(&**engine.reader(), &order, &mut progress).and_then(|made| {
                let pruned = match (&order.to, keep) {
                    (backup::Destination::Folder(folder), Some(keep)) => {
                        backup::prune(folder, made.header.ledger, keep)?
                    }
                    (backup::Destination::Folder(_) | backup::Destination::File(_), _) => Pruned::default(),
                };
                Ok((made, pruned))
            })
        });
        made.await.unwrap_or(Err(BackupError::Interrupted))
    }

    /// Tells administrators by mail that scheduled backups fail; once a day at most.
    pub async fn tell_backup_failed(&self) -> Result<(), Fault> {
        let now = self.now();
        let told = self.engine().read(|state| state.small.backup_told);
        if told.is_some_and(|at| now < at + BACKUP_TOLD_EVERY) {
            return Ok(());
        }
        let mails = self.mails_to_administrators(Telling::Nothing);
        let command = Command::TellBackupFailed { mails };
        self.carry_out(Lane::Proof, command, vec![]).await.map(|_| ())
    }

    /// Mails administrators a signed checkpoint, which they keep elsewhere; unless that was done within this time.
    pub async fn mail_checkpoint(&self, note: &str, every: Span) -> Result<(), Fault> {
        let mails = self.mails_to_administrators(Telling::Note(note));
        let command = Command::MailCheckpoint { every, mails };
        self.carry_out(Lane::Proof, command, vec![]).await.map(|_| ())
    }

    /// When administrators were last mailed a checkpoint.
    pub fn checkpoint_mailed(&self) -> Option<Timestamp> {
        self.engine().read(|state| state.small.checkpoint_mailed)
    }

    /// A mail to each proven address of so many administrators.
    fn mails_to_administrators(&self, telling: Telling<'_>) -> Vec<(UserId, AddressId, NewMail)> {
        let administrators = self.administrators(ADMINISTRATORS_TOLD_MAX).into_iter();
        let mails = administrators.flat_map(|user| {
            let notices = self.notices_telling(user, &NOWHERE, telling).mails.into_iter();
            notices.map(move |(address, mail)| (user, address, mail))
        });
        mails.collect()
    }

    /// So many administrators who may sign in. The table is looked through part by part, so that nobody waits.
    fn administrators(&self, most: usize) -> Vec<UserId> {
        let mut found = vec![];
        for part in 0..IdTable::<UserId, Box<User>>::SHARDS {
            self.engine().read(|state| {
                let some = state.users.shard(part).iter();
                let may_know = |user: &User| user.role == Role::Admin && user.standing == Standing::Active;
                found.extend(some.filter(|(_, user)| may_know(user)).map(|(id, _)| *id));
            });
            if found.len() >= most {
                break;
            }
        }
        found.truncate(most);
        found
    }

    /// Copies the store into less space, and goes on in the copy. Takes long; writes go on but for a moment at the end.
    pub async fn compact(&self) -> Result<Compacted, CompactError> {
        let engine = self.engine().clone();
        let compacted = aside("compaction", move || engine.compact());
        compacted.await.unwrap_or(Err(CompactError::Stopped))
    }
}

/// Does long work on a thread of its own; `None` if there is no thread, or it broke down.
pub(super) async fn aside<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (answer, done) = oneshot::channel();
    let work = move || {
        step_back();
        // What the work holds (the store, above all) is gone before the answer; whoever asked may have gone away.
        let _ = answer.send(work());
    };
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    if let Err(error) = thread {
        tracing::error!(%error, name, "the system gives no thread");
        return None;
    }
    done.await.ok()
}
