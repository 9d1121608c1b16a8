//! The ledger in memory: the same contract, and a disk that fails where a plan says so.
//!
//! For tests and seeded simulations: nothing in it depends on time, threads or chance, so one plan gives one outcome.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::error::{BatchFault, StoreError};
use super::frame::{self, Frame, FrameRef};
use super::store::{Batch, Chain, Head, LedgerId, Reader, Store, check_keys};
use super::walk::{ChainWalk, plan_cut};
use crate::types::{DataKeyId, Position};

/// Where a write can fail.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WritePoint {
    /// [`Store::append`].
    Append,
    /// [`Store::put_keys`].
    PutKeys,
    /// [`Store::destroy_keys`].
    DestroyKeys,
    /// [`Store::rehearse`].
    Rehearse,
    /// [`Store::cut`].
    Cut,
}

/// What a failing disk does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It works.
    None,
    /// Nothing was persisted, and an error is reported.
    Lost,
    /// Everything was persisted, and an error is reported all the same.
    PersistedButError,
    /// So many single writes were persisted, in the contract's order, and an error is reported.
    Torn(usize),
}

/// Decides about each write: its kind, and how many writes of any kind came before it since the store was opened.
pub type FaultPlan = Box<dyn FnMut(WritePoint, u64) -> Fault + Send>;

/// A ledger in memory, open for writing.
pub struct MemoryStore {
    shared: Arc<Shared>,
    plan: FaultPlan,
    writes: u64,
}

/// What would be on the disk.
#[derive(Clone, Debug)]
struct Disk {
    frames: BTreeMap<Position, Arc<[u8]>>,
    keys: BTreeMap<[u8; DataKeyId::LEN], (DataKeyId, Vec<u8>)>,
}

struct Inner {
    disk: Disk,
    head: Head,
    poisoned: bool,
}

struct Shared {
    id: LedgerId,
    inner: RwLock<Inner>,
}

/// One write to the disk; a torn call does some of its writes.
enum Write {
    PutKey(DataKeyId, Vec<u8>),
    RemoveKey(DataKeyId),
    PutFrame(Frame),
    RemoveFrame(Position),
}

impl MemoryStore {
    /// An empty ledger on a disk that works.
    pub fn new(id: LedgerId) -> Self {
        let disk = Disk {
            frames: BTreeMap::new(),
            keys: BTreeMap::new(),
        };
        let head = Head {
            next: Position(0),
            chain: frame::genesis(id),
        };
        Self::on(id, disk, head)
    }

    /// Lets `plan` decide from now on which writes fail.
    pub fn set_faults(&mut self, plan: FaultPlan) {
        self.plan = plan;
    }

    /// Opens what was persisted, as the next start of the process would; the disk works again.
    pub fn reopen(&self) -> Result<Self, StoreError> {
        let disk = self.shared.read().disk.clone();
        let id = self.shared.id;
        let head = match disk.frames.last_key_value() {
            None => Head {
                next: Position(0),
                chain: frame::genesis(id),
            },
            Some((&position, bytes)) => {
                let frame = FrameRef::decode(bytes).map_err(|fault| StoreError::Frame { position, fault })?;
                if frame.first != position {
                    return Err(StoreError::Misplaced {
                        position,
                        said: frame.first,
                    });
                }
                Head {
                    next: frame.next,
                    chain: frame.chain,
                }
            }
        };
        Ok(Self::on(id, disk, head))
    }

    /// Changes the stored frames behind the store's back, as a failing or hostile disk would: first position to value.
    pub fn tamper(&mut self, change: impl FnOnce(&mut BTreeMap<Position, Arc<[u8]>>)) {
        change(&mut self.shared.write().disk.frames);
    }

    fn on(id: LedgerId, disk: Disk, head: Head) -> Self {
        let inner = RwLock::new(Inner {
            disk,
            head,
            poisoned: false,
        });
        Self {
            shared: Arc::new(Shared { id, inner }),
            plan: Box::new(|_, _| Fault::None),
            writes: 0,
        }
    }

    fn commit(&mut self, point: WritePoint, writes: Vec<Write>, head: Head) -> Result<Head, StoreError> {
        let fault = (self.plan)(point, self.writes);
        self.writes += 1;
        let persisted = match fault {
            Fault::None | Fault::PersistedButError => writes.len(),
            Fault::Lost => 0,
            Fault::Torn(count) => count,
        };
        let mut inner = self.shared.write();
        for write in writes.into_iter().take(persisted) {
            inner.disk.write(write);
        }
        if fault == Fault::None {
            inner.head = head;
            Ok(head)
        } else {
            inner.poisoned = true;
            Err(StoreError::UnknownOutcome {
                cause: format!("the fault plan says {fault:?}"),
            })
        }
    }
}

impl Store for MemoryStore {
    fn reader(&self) -> Arc<dyn Reader> {
        Arc::clone(&self.shared) as Arc<dyn Reader>
    }

    fn append(&mut self, expected: Position, batch: &Batch) -> Result<Head, StoreError> {
        self.shared.usable()?;
        let head = self.shared.head();
        if head.next != expected {
            return Err(StoreError::Conflict {
                expected,
                actual: head.next,
            });
        }
        batch.check(expected).map_err(StoreError::Batch)?;
        let frames = frame::pack(batch.epoch, batch.id, head.next, head.chain, &batch.records)
            .map_err(|fault| StoreError::Batch(BatchFault::Frame(fault)))?;
        let head = frames.last().map_or(head, |last| Head {
            next: last.next,
            chain: last.chain,
        });
        let mut writes = put_keys(&batch.keys);
        writes.extend(frames.into_iter().map(Write::PutFrame));
        self.commit(WritePoint::Append, writes, head)
    }

    fn put_keys(&mut self, keys: &[(DataKeyId, Vec<u8>)]) -> Result<(), StoreError> {
        self.shared.usable()?;
        check_keys(keys).map_err(StoreError::Batch)?;
        let head = self.shared.head();
        self.commit(WritePoint::PutKeys, put_keys(keys), head).map(drop)
    }

    fn destroy_keys(&mut self, keys: &[DataKeyId]) -> Result<(), StoreError> {
        self.shared.usable()?;
        let head = self.shared.head();
        let writes = keys.iter().copied().map(Write::RemoveKey).collect();
        self.commit(WritePoint::DestroyKeys, writes, head).map(drop)
    }

    fn rehearse(&mut self) -> Result<(), StoreError> {
        self.shared.usable()?;
        let head = self.shared.head();
        self.commit(WritePoint::Rehearse, vec![], head).map(drop)
    }

    fn cut(&mut self, from: Position) -> Result<Head, StoreError> {
        self.shared.usable()?;
        if from == self.shared.head().next {
            return Ok(self.shared.head());
        }
        let plan = plan_cut(&*self.shared, from)?;
        let mut writes: Vec<_> = plan.remove.into_iter().map(Write::RemoveFrame).collect();
        writes.extend(plan.shorten.map(Write::PutFrame));
        self.commit(WritePoint::Cut, writes, plan.head)
    }
}

impl Disk {
    fn write(&mut self, write: Write) {
        match write {
            Write::PutKey(id, wrapped) => drop(self.keys.insert(id.to_bytes(), (id, wrapped))),
            Write::RemoveKey(id) => drop(self.keys.remove(&id.to_bytes())),
            Write::PutFrame(frame) => drop(self.frames.insert(frame.first, frame.bytes.into())),
            Write::RemoveFrame(position) => drop(self.frames.remove(&position)),
        }
    }

    fn last_before(&self, end: Position) -> Option<(Position, Arc<[u8]>)> {
        self.frames
            .range(..end)
            .next_back()
            .map(|(position, bytes)| (*position, Arc::clone(bytes)))
    }
}

impl Shared {
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn usable(&self) -> Result<(), StoreError> {
        if self.read().poisoned {
            Err(StoreError::Poisoned)
        } else {
            Ok(())
        }
    }
}

impl Reader for Shared {
    fn ledger_id(&self) -> LedgerId {
        self.id
    }

    fn head(&self) -> Head {
        self.read().head
    }

    fn chain_at(&self, next: Position) -> Result<Option<Chain>, StoreError> {
        self.usable()?;
        if next == Position(0) {
            return Ok(Some(frame::genesis(self.id)));
        }
        if next > self.head().next {
            return Ok(None);
        }
        let Some((position, bytes)) = self.read().disk.last_before(next) else {
            return Ok(None);
        };
        let frame = FrameRef::decode(&bytes).map_err(|fault| StoreError::Frame { position, fault })?;
        Ok((frame.next == next).then_some(frame.chain))
    }

    fn scan(
        &self,
        from: Position,
        visit: &mut dyn FnMut(&FrameRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.usable()?;
        let head = self.head();
        if from >= head.next {
            return if from == head.next {
                Ok(())
            } else {
                Err(StoreError::Beyond {
                    asked: from,
                    next: head.next,
                })
            };
        }
        let first = self
            .read()
            .disk
            .last_before(from.next())
            .map_or(Position(0), |(first, _)| first);
        let chain = self
            .chain_at(first)?
            .ok_or(StoreError::Chain { position: first })?;
        let mut walk = ChainWalk::after(Head { next: first, chain });
        let mut at = first;
        loop {
            // The lock is not held while the visitor works: it may take long, or call back.
            let due = {
                let inner = self.read();
                inner
                    .disk
                    .frames
                    .range(at..head.next)
                    .next()
                    .map(|(key, bytes)| (*key, Arc::clone(bytes)))
            };
            let Some((key, bytes)) = due else { break };
            let frame = walk.step(key, &bytes)?;
            if visit(&frame).is_break() {
                return Ok(());
            }
            at = key.next();
        }
        if walk.due() == head.next {
            Ok(())
        } else {
            Err(StoreError::Ended {
                reached: walk.due(),
                head: head.next,
            })
        }
    }

    fn data_key(&self, id: DataKeyId) -> Result<Option<Vec<u8>>, StoreError> {
        self.usable()?;
        Ok(self
            .read()
            .disk
            .keys
            .get(&id.to_bytes())
            .map(|(_, wrapped)| wrapped.clone()))
    }

    fn data_keys(&self, visit: &mut dyn FnMut(DataKeyId, &[u8])) -> Result<(), StoreError> {
        self.usable()?;
        let keys = self.read().disk.keys.clone();
        for (id, wrapped) in keys.values() {
            visit(*id, wrapped);
        }
        Ok(())
    }

    fn size_on_disk(&self) -> Result<u64, StoreError> {
        self.usable()?;
        let inner = self.read();
        let frames: usize = inner.disk.frames.values().map(|bytes| bytes.len()).sum();
        let keys: usize = inner.disk.keys.values().map(|(_, wrapped)| wrapped.len()).sum();
        Ok((frames + keys) as u64)
    }
}

fn put_keys(keys: &[(DataKeyId, Vec<u8>)]) -> Vec<Write> {
    keys.iter()
        .map(|(id, wrapped)| Write::PutKey(*id, wrapped.clone()))
        .collect()
}

#[cfg(test)]
mod tests;
