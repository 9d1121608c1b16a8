//! Putting bundles in order: growing the tree, comparing it with what is remembered, and replaying the law.

use super::super::checkpoint::Checkpoint;
use super::super::export::Range;
use super::super::keys::KeyChain;
use super::bundle::Checked;
use super::{CONTRADICTS, DAMAGED, FORKED, Stop};
use crate::domain::{Recorded, State, evolve, lawful};
use crate::ledger::record::CommandPart;
use crate::ledger::tree::tile::{TileName, Tiling};
use crate::ledger::{Frontier, TreeHash};
use crate::types::{CommandId, Position};

/// What was found out bundle by bundle.
pub(super) struct Judge {
    next: u64,
    tiling: Tiling,
    last: Vec<TreeHash>,
    remembered: Option<(u64, TreeHash)>,
    replay: Option<Replay>,
}

/// The law, as far as it was replayed.
#[derive(Default)]
struct Replay {
    state: State,
    chain: KeyChain,
    /// The command that has not ended yet.
    open: Option<CommandId>,
}

/// What the whole came to.
pub(super) struct Judged {
    pub(super) lawful_to: u64,
    pub(super) epoch: u32,
    pub(super) chain: KeyChain,
}

impl Judge {
    /// A judge of an export of this range; `remembered` is size and root of last time.
    pub(super) fn new(range: Range, remembered: Option<(u64, TreeHash)>) -> Self {
        Self {
            next: 0,
            tiling: Tiling::default(),
            last: vec![],
            remembered,
            replay: (range.from == 0).then(Replay::default),
        }
    }

    /// How far it is.
    pub(super) fn position(&self) -> u64 {
        self.next
    }

    /// Takes the next bundle.
    pub(super) fn judge(&mut self, bundle: &Checked) -> Result<(), Stop> {
        let Checked {
            first,
            leaves,
            root,
            events,
            above,
        } = bundle;
        self.compare_remembered(*first, leaves)?;
        self.next = first.0 + leaves.len() as u64;
        let mut full = vec![];
        if let Some(root) = root {
            self.tiling
                .push(*root, &mut |name, hashes| full.push((name, hashes.to_vec())));
        } else if leaves.is_empty() {
            full.extend(
                self.tiling
                    .partial()
                    .map(|(name, hashes)| (name, hashes.to_vec())),
            );
        } else {
            self.last.clone_from(leaves);
        }
        compare_tiles(*first, &full, above)?;
        if let (Some(replay), Some(events)) = (&mut self.replay, events) {
            for (recorded, part) in events {
                replay.take(recorded, *part)?;
            }
        }
        Ok(())
    }

    /// The tree that was remembered is the beginning of this one, or is not.
    fn compare_remembered(&self, first: Position, leaves: &[TreeHash]) -> Result<(), Stop> {
        let Some((size, root)) = self.remembered else {
            return Ok(());
        };
        let within = size
            .checked_sub(first.0)
            .and_then(|within| usize::try_from(within).ok());
        // A size at the edge of two bundles is compared once, with the later one; the last bundle is empty.
        let Some(before) = within.filter(|within| *within < leaves.len().max(1)) else {
            return Ok(());
        };
        let last = if leaves.is_empty() {
            &self.last
        } else {
            &leaves[..before]
        };
        if self.tiling.frontier(last).root() == root {
            return Ok(());
        }
        let what = format!("the first {size} records are not those that your checkpoint of last time states");
        Err(Stop::disproven(Position(size), what, FORKED))
    }

    /// Compares the root, and that the last command is whole.
    pub(super) fn finish(self, checkpoint: &Checkpoint) -> Result<Judged, Stop> {
        let tree: Frontier = self.tiling.frontier(&self.last);
        if (tree.size(), tree.root()) != (checkpoint.size, checkpoint.root) {
            let what = "the tree over the records has another root than the checkpoint states";
            return Err(Stop::disproven(Position(tree.size()), what, DAMAGED));
        }
        let Some(Replay { state, chain, open }) = self.replay else {
            return Ok(Judged {
                lawful_to: 0,
                epoch: 0,
                chain: KeyChain::default(),
            });
        };
        let lawful_to = state.next().0;
        // A part may end within a command; a checkpoint never does.
        if open.is_some() && lawful_to == checkpoint.size {
            let what = "the last command has no end";
            return Err(Stop::disproven(Position(lawful_to), what, CONTRADICTS));
        }
        let epoch = state.epoch().number;
        // Giving back the memory of a large state takes as long as a quarter of folding it, and nobody waits for it.
        drop(std::thread::Builder::new().spawn(move || drop(state)));
        Ok(Judged {
            lawful_to,
            epoch,
            chain,
        })
    }
}

fn compare_tiles(
    first: Position,
    made: &[(TileName, Vec<TreeHash>)],
    read: &[(TileName, Vec<u8>)],
) -> Result<(), Stop> {
    let is_same = made.len() == read.len()
        && made
            .iter()
            .zip(read)
            .all(|((name, hashes), (known, bytes))| name == known && hashes.as_flattened() == bytes);
    if is_same {
        return Ok(());
    }
    let what = "a tile does not hold the hashes of the tiles below it";
    Err(Stop::disproven(first, what, DAMAGED))
}

impl Replay {
    fn take(&mut self, recorded: &Recorded, part: CommandPart) -> Result<(), Stop> {
        let Recorded {
            position,
            command,
            event,
            ..
        } = recorded;
        let unlawful = |what: &str| Stop::disproven(*position, what, CONTRADICTS);
        if self.open.is_some_and(|open| open != *command) {
            return Err(unlawful("another command begins before the last one ended"));
        }
        self.open = match part {
            CommandPart::Inner => Some(*command),
            CommandPart::Last => None,
        };
        lawful(&self.state, recorded).map_err(|fault| unlawful(fault.fault))?;
        self.chain.read(*position, event).map_err(unlawful)?;
        evolve(&mut self.state, recorded);
        Ok(())
    }
}
