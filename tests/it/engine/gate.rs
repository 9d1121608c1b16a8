//! A store that tests can hold at its append, count, share and look behind.

use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex};

use keyledger::ledger::{Batch, FrameRef, Head, Reader, Store, StoreError};
use keyledger::types::{DataKeyId, Position};

use crate::rig::PATIENCE;

/// A handle that stays with the test while the engine owns the store.
pub struct Gate<S> {
    store: Arc<Mutex<S>>,
    hands: Arc<(Mutex<Hands>, Condvar)>,
}

#[derive(Default)]
struct Hands {
    /// How many more appends may pass; `None` is any number.
    passes: Option<u64>,
    waiting: bool,
    appends: u64,
    keys: u64,
}

/// The store that the engine gets.
pub struct Gated<S>(Gate<S>);

impl<S> Clone for Gate<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            hands: Arc::clone(&self.hands),
        }
    }
}

impl<S: Store> Gate<S> {
    /// An open gate before a store.
    pub fn before(store: S) -> Self {
        Self {
            store: Arc::new(Mutex::new(store)),
            hands: Arc::default(),
        }
    }

    /// What the engine gets.
    pub fn store(&self) -> Gated<S> {
        Gated(self.clone())
    }

    /// Lets nothing pass from now on.
    pub fn close(&self) {
        self.hands.0.lock().unwrap().passes = Some(0);
    }

    /// Lets one append pass.
    pub fn pass_one(&self) {
        let mut hands = self.hands.0.lock().unwrap();
        hands.passes = Some(hands.passes.unwrap_or(0) + 1);
        hands.waiting = false;
        self.hands.1.notify_all();
    }

    /// Lets everything pass.
    pub fn open(&self) {
        let mut hands = self.hands.0.lock().unwrap();
        hands.passes = None;
        hands.waiting = false;
        self.hands.1.notify_all();
    }

    /// Returns when an append stands before the closed gate.
    pub fn wait_for_an_append(&self) {
        let hands = self.hands.0.lock().unwrap();
        let (hands, _) = self
            .hands
            .1
            .wait_timeout_while(hands, PATIENCE, |hands| !hands.waiting)
            .unwrap();
        assert!(hands.waiting, "no append came");
    }

    /// How many appends there were, and how many data keys they carried.
    pub fn counts(&self) -> (u64, u64) {
        let hands = self.hands.0.lock().unwrap();
        (hands.appends, hands.keys)
    }

    /// Looks at the store behind the engine's back.
    pub fn look<T>(&self, look: impl FnOnce(&mut S) -> T) -> T {
        look(
            &mut self
                .store
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        )
    }
}

impl<S: Store> Store for Gated<S> {
    fn reader(&self) -> Arc<dyn Reader> {
        self.0.look(|store| store.reader())
    }

    fn append(&mut self, expected: Position, batch: &Batch) -> Result<Head, StoreError> {
        let (hands, told) = &*self.0.hands;
        let mut held = hands.lock().unwrap();
        while held.passes == Some(0) {
            held.waiting = true;
            told.notify_all();
            held = told.wait(held).unwrap();
        }
        held.passes = held.passes.map(|left| left - 1);
        held.appends += 1;
        held.keys += batch.keys.len() as u64;
        drop(held);
        self.0.look(|store| store.append(expected, batch))
    }

    fn put_keys(&mut self, keys: &[(DataKeyId, Vec<u8>)]) -> Result<(), StoreError> {
        self.0.look(|store| store.put_keys(keys))
    }

    fn destroy_keys(&mut self, keys: &[DataKeyId]) -> Result<(), StoreError> {
        self.0.look(|store| store.destroy_keys(keys))
    }

    fn rehearse(&mut self) -> Result<(), StoreError> {
        self.0.look(Store::rehearse)
    }

    fn cut(&mut self, from: Position) -> Result<Head, StoreError> {
        self.0.look(|store| store.cut(from))
    }

    fn scan(
        &self,
        from: Position,
        visit: &mut dyn FnMut(&FrameRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.reader().scan(from, visit)
    }
}
