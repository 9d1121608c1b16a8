//! A ledger in memory, its notary, and exports of it.

#![expect(
    unreachable_pub,
    reason = "one binary; what the tests share is public among them"
)]

use std::sync::Arc;

use keyledger::audit::{AuditSettings, Expected, Finding, Notary, Outcome, Proven, Range, Signed, verify};
use keyledger::crypto::{KeyName, VerifierKey};
use keyledger::domain::{Command, SuppressedClass};
use keyledger::engine::Lane;
use keyledger::ledger::MemoryStore;
use keyledger::types::Span;

use crate::engine::{Gate, workload};
use crate::people::{ADA, HOME};
use crate::rig::{Rig, block_on, close, run};

/// A running ledger with a notary.
pub struct Scene {
    pub rig: Rig,
    pub gate: Gate<MemoryStore>,
    pub notary: Notary,
}

pub fn settings() -> AuditSettings {
    AuditSettings {
        origin: KeyName::parse("audit.example.org"),
        tiles: None,
        mail_every: None,
        witness: None,
    }
}

impl Scene {
    /// A ledger of this id with nothing but its first events.
    pub fn new(id: u8) -> Self {
        Self::on(Rig::new(), MemoryStore::new([id; 16]))
    }

    pub fn on(rig: Rig, store: MemoryStore) -> Self {
        let gate = Gate::before(store);
        let desk = rig.desk(rig.start(gate.store()));
        let notary = Notary::new(desk, settings());
        Self { rig, gate, notary }
    }

    /// A bit of everything, over some bundles.
    pub fn busy(id: u8) -> Self {
        let scene = Self::new(id);
        workload(scene.notary.desk().engine(), &scene.rig.clock);
        scene.grow(450);
        scene
    }

    /// Adds events of no consequence.
    pub fn grow(&self, count: u64) {
        let engine = self.notary.desk().engine();
        for number in 0..count {
            let class = SuppressedClass::Limited;
            let command = Command::RecordSuppressed {
                class,
                count: number + 1,
                first: None,
            };
            run(engine, Lane::Proof, command).unwrap();
        }
    }

    /// The present checkpoint.
    pub fn sign(&self) -> Arc<Signed> {
        self.rig.clock.advance(Span::seconds(2));
        block_on(self.notary.checkpoint()).unwrap()
    }

    pub fn export(&self) -> Vec<u8> {
        let signed = self.sign();
        self.export_of(&signed, Range::whole(signed.checkpoint.size))
    }

    pub fn export_of(&self, signed: &Signed, range: Range) -> Vec<u8> {
        let mut bytes = vec![];
        self.notary
            .export(signed, range, &mut bytes, &mut |_| {})
            .unwrap();
        bytes
    }

    /// Stops, and gives what the disk holds.
    pub fn stop(self) -> (Rig, MemoryStore) {
        let Self { rig, gate, notary } = self;
        close(notary.desk().clone());
        drop(notary);
        let store = gate.look(|store| store.reopen()).unwrap();
        (rig, store)
    }
}

/// A ledger with a person in it, small enough to be changed at every byte.
pub fn small() -> Scene {
    let scene = Scene::new(1);
    run(scene.notary.desk().engine(), Lane::Stranger, ADA.signs_up(HOME)).unwrap();
    scene
}

pub fn check(export: &[u8], expected: &Expected) -> Outcome {
    verify(export, expected, &mut |_, _| {})
}

#[track_caller]
pub fn proven(export: &[u8], expected: &Expected) -> Proven {
    match check(export, expected) {
        Outcome::Proven(proven) => *proven,
        Outcome::Disproven(finding) | Outcome::Untold(finding) => panic!("{finding:?}"),
    }
}

#[track_caller]
pub fn disproven(export: &[u8], expected: &Expected) -> Finding {
    match check(export, expected) {
        Outcome::Disproven(finding) => finding,
        Outcome::Proven(proven) => panic!("{proven:?}"),
        Outcome::Untold(finding) => panic!("could not tell: {finding:?}"),
    }
}

pub fn key(key: &VerifierKey) -> Expected {
    Expected {
        key: Some(key.clone()),
        since: None,
    }
}

pub fn since(signed: &Signed) -> Expected {
    Expected {
        key: Some(signed.key.clone()),
        since: Some(signed.note.clone()),
    }
}
