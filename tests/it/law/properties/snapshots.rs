//! Lives of which a snapshot is taken while they go on.

use keyledger::domain::password_policy::PasswordPolicy;
use keyledger::domain::{Command, Draft, Overlay, Preserved, Small, State, evolve};
use keyledger::engine::state_hash;
use keyledger::ledger::snapshot::{Halt, SnapshotHead, Source, Wanted};
use keyledger::ledger::tree::leaf_hash;
use keyledger::ledger::{Batch, CommandPart, Frontier, MemoryStore, Shelf, Store, codec};
use keyledger::types::{AddressId, IdTable, Tag, Timestamp, UserId};
use proptest::prelude::*;

use super::{Try, decided, fold, pause, tries};
use crate::people::NOON;

/// A life that goes on whenever whoever writes its snapshot does not look.
struct Going<'t> {
    small: Small,
    tree: Frontier,
    state: State,
    past: Preserved,
    tries: std::slice::Iter<'t, Try>,
    number: u32,
    now: Timestamp,
}

impl Source for Going<'_> {
    fn small(&self) -> &Small {
        &self.small
    }
    fn tree(&self) -> &Frontier {
        &self.tree
    }
    fn state(&mut self, look: &mut dyn FnMut(&State, &mut Preserved)) -> Result<(), Halt> {
        for one in self.tries.by_ref().take(2) {
            self.number += 1;
            self.now = self.now + pause(one.later);
            let command = one.command(&self.state, self.number);
            let decision = decided(&self.state, &self.state, &command, self.now);
            let mut overlay = Overlay::on(&self.state);
            let mut draft = Draft::new(&self.state, &mut overlay);
            for recorded in fold(&mut self.state.clone(), decision.events, self.now) {
                evolve(&mut draft, &recorded);
            }
            overlay.settle_keeping(&mut self.state, &mut self.past);
        }
        look(&self.state, &mut self.past);
        Ok(())
    }
    fn addresses(&mut self, look: &mut dyn FnMut(&IdTable<Tag, AddressId>)) -> Result<(), Halt> {
        look(&IdTable::new());
        Ok(())
    }
    fn usernames(&mut self, look: &mut dyn FnMut(&IdTable<Tag, UserId>)) -> Result<(), Halt> {
        look(&IdTable::new());
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// A snapshot taken anywhere in a life is the state it was taken of, whatever happens while it is written, and evolves
    /// on alike.
    #[test]
    fn law_1_a_snapshot_is_the_state_it_was_taken_of_and_goes_on_as_that_does(tries in tries(), part in 0_usize..100) {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(dir.path());
        let mut store = MemoryStore::new([3; 16]);
        let mut tree = Frontier::default();
        let mut live = State::default();
        let mut restored: Option<State> = None;
        let mut now = NOON;
        let taken = tries.len() * part / 100;
        for (number, one) in (1_u32..).zip(&tries) {
            now = now + pause(one.later);
            let events = if number == 1 {
                let found = Command::Found { policies: vec![PasswordPolicy::classic()], keys: vec![], checkpoint: None };
                decided(&live, &live, &found, now).events
            } else {
                decided(&live, &live, &one.command(&live, number), now).events
            };
            let recorded = fold(&mut live, events, now);
            for one in &recorded {
                let record = codec::encode(one, CommandPart::Last).unwrap();
                tree.push(leaf_hash(&record));
                let batch = Batch { epoch: 1, id: [0; 16], records: vec![record], keys: vec![] };
                store.append(one.position, &batch).unwrap();
                if let Some(restored) = &mut restored {
                    evolve(restored, one);
                }
            }
            if number as usize > taken && restored.is_none() {
                let head = SnapshotHead {
                    ledger: store.ledger_id(),
                    at: store.head(),
                    root: tree.root(),
                    epoch: live.epoch().number,
                    time: live.last_time(),
                    lookup_key: 1,
                };
                let mut going = Going {
                    small: live.small.clone(),
                    tree: tree.clone(),
                    state: live.clone(),
                    past: Preserved::default(),
                    tries: tries[number as usize..].iter(),
                    number,
                    now,
                };
                shelf.put(&head, &mut going).unwrap();
                let (found, skipped) = shelf.find(&*store.reader(), Wanted::Newest);
                prop_assert!(skipped.is_empty());
                let found = found.unwrap();
                prop_assert_eq!(found.head, head);
                prop_assert_eq!(&found.contents.tree, &tree);
                prop_assert_eq!(state_hash(&found.contents.state), state_hash(&live));
                restored = Some(found.contents.state);
            }
        }
        prop_assert_eq!(restored.map(|state| state_hash(&state)), Some(state_hash(&live)));
    }
}
