//! A ledger in memory that outlives the house, so that a story can restart on it.

use std::sync::{Arc, Mutex, MutexGuard};

use keyledger::ledger::{Batch, Head, MemoryStore, Reader, Store, StoreError};
use keyledger::types::{DataKeyId, Position};

/// One memory store, held by the house and by the writer.
#[derive(Clone)]
pub(crate) struct SharedMemory(Arc<Mutex<MemoryStore>>);

impl SharedMemory {
    pub(crate) fn new(id: [u8; 16]) -> Self {
        Self(Arc::new(Mutex::new(MemoryStore::new(id))))
    }

    /// What the next start of the process finds: only what was durable.
    pub(crate) fn reopened(&self) -> Self {
        let store = self.lock().reopen().expect("a memory store reopens");
        Self(Arc::new(Mutex::new(store)))
    }

    /// The store itself, for faults and tampering.
    pub(crate) fn lock(&self) -> MutexGuard<'_, MemoryStore> {
        self.0.lock().expect("no writer panicked")
    }
}

impl Store for SharedMemory {
    fn reader(&self) -> Arc<dyn Reader> {
        self.lock().reader()
    }
    fn append(&mut self, expected: Position, batch: &Batch) -> Result<Head, StoreError> {
        self.lock().append(expected, batch)
    }
    fn put_keys(&mut self, keys: &[(DataKeyId, Vec<u8>)]) -> Result<(), StoreError> {
        self.lock().put_keys(keys)
    }
    fn destroy_keys(&mut self, keys: &[DataKeyId]) -> Result<(), StoreError> {
        self.lock().destroy_keys(keys)
    }
    fn rehearse(&mut self) -> Result<(), StoreError> {
        self.lock().rehearse()
    }
    fn cut(&mut self, from: Position) -> Result<Head, StoreError> {
        self.lock().cut(from)
    }
}
