//! Folding a ledger, on two cores: one reads, proves and decodes, the other evolves.

use std::sync::mpsc::{SyncSender, sync_channel};

use crate::domain::{Recorded, State, evolve};
use crate::ledger::codec::{self, CodecFault};
use crate::ledger::replay::Visit;
use crate::ledger::tree::leaf_hash;
use crate::ledger::{
    Frontier, Reader, RecordHeader, ReplayCut, ReplayError, ReplayReport, Store, TreeHash, read_until,
    replay_from,
};

/// Events that change hands at once.
const HANDFUL: usize = 1_024;
/// Handfuls that may wait for the evolving core.
const WAITING_MAX: usize = 8;

/// What a ledger folds to.
#[derive(Clone, Debug, Default)]
pub struct Folded {
    /// Everything that readers see.
    pub state: State,
    /// The right edge of the Merkle tree over the same records.
    pub tree: Frontier,
    /// Records that were read.
    pub events: u64,
    /// The unfinished command at the end, if there was one.
    pub cut: Option<ReplayCut>,
}

/// Looks at the state before an event, and at the event.
pub(super) type Note<'n> = dyn FnMut(&State, &Recorded) + Send + 'n;

/// Folds a store; cuts an unfinished command off its end.
pub fn fold(store: &mut dyn Store) -> Result<Folded, ReplayError<CodecFault>> {
    fold_on(store, State::default(), Frontier::default(), &mut |_, _| {})
}

/// The same, going on with what a snapshot holds.
pub(super) fn fold_on(
    store: &mut dyn Store,
    state: State,
    tree: Frontier,
    note: &mut Note<'_>,
) -> Result<Folded, ReplayError<CodecFault>> {
    let from = state.next();
    folded(state, tree, note, |visit| replay_from(store, from, visit))
}

/// The same beside a writer, up to the first record that is `too_late`.
pub(super) fn fold_until(
    reader: &dyn Reader,
    state: State,
    tree: Frontier,
    too_late: &dyn Fn(&RecordHeader) -> bool,
) -> Result<Folded, ReplayError<CodecFault>> {
    let from = state.next();
    folded(state, tree, &mut |_, _| {}, |visit| {
        read_until(reader, from, too_late, visit)
    })
}

fn folded(
    state: State,
    tree: Frontier,
    note: &mut Note<'_>,
    read: impl FnOnce(&mut Visit<'_, CodecFault>) -> Result<ReplayReport, ReplayError<CodecFault>>,
) -> Result<Folded, ReplayError<CodecFault>> {
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel::<Vec<(Recorded, TreeHash)>>(WAITING_MAX);
        let evolving = scope.spawn(move || {
            let (mut state, mut tree) = (state, tree);
            for handful in receiver {
                for (recorded, leaf) in &handful {
                    note(&state, recorded);
                    evolve(&mut state, recorded);
                    tree.push(*leaf);
                }
            }
            (state, tree)
        });
        let mut hand = Hand {
            events: Vec::with_capacity(HANDFUL),
            sender,
        };
        let report = read(&mut |header, payload, raw| {
            hand.take(codec::decode(header, payload)?, leaf_hash(raw));
            Ok(())
        });
        hand.give();
        drop(hand);
        let (state, tree) = evolving
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let ReplayReport { records, cut, .. } = report?;
        Ok(Folded {
            state,
            tree,
            events: records,
            cut,
        })
    })
}

/// Events on their way to the evolving core.
struct Hand {
    events: Vec<(Recorded, TreeHash)>,
    sender: SyncSender<Vec<(Recorded, TreeHash)>>,
}

impl Hand {
    fn take(&mut self, recorded: Recorded, leaf: TreeHash) {
        self.events.push((recorded, leaf));
        if self.events.len() == HANDFUL {
            self.give();
        }
    }

    fn give(&mut self) {
        let handful = std::mem::replace(&mut self.events, Vec::with_capacity(HANDFUL));
        // The receiver goes only by a panic, which shows where it is joined.
        let _ = self.sender.send(handful);
    }
}
