//! Folding a ledger, in three steps that go on side by side: one reads and proves, one decodes and hashes, one evolves.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::ScopedJoinHandle;

use crate::domain::{Recorded, State, evolve};
use crate::ledger::codec::{self, CodecFault};
use crate::ledger::record::HEADER_LEN;
use crate::ledger::replay::Visit;
use crate::ledger::tree::leaf_hash;
use crate::ledger::{
    Frontier, Reader, RecordHeader, ReplayCut, ReplayError, ReplayReport, Store, read_until,
};

/// Events that change hands at once.
const HANDFUL: usize = 1_024;
/// Handfuls between two steps: when all of them are full the step before waits.
const HANDFULS: usize = 8;

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
    let (from, reader) = (state.next(), store.reader());
    let folded = folded(state, tree, note, |visit| {
        read_until(&*reader, from, &|_| false, visit)
    })?;
    // Only now: what this program cannot read, it does not touch.
    if let Some(cut) = &folded.cut {
        store.cut(cut.from)?;
    }
    Ok(folded)
}

/// The same beside a writer, up to the first record that is `too_late`: what would be cut is told and left.
pub fn fold_until(
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
    read: impl FnOnce(&mut Visit<'_, Ended>) -> Result<ReplayReport, ReplayError<Ended>>,
) -> Result<Folded, ReplayError<CodecFault>> {
    std::thread::scope(|scope| {
        let (raw, to_decode) = circle();
        let (decoded, to_evolve) = circle();
        let decoding = scope.spawn(move || decode(tree, to_decode, &decoded));
        let evolving = scope.spawn(move || evolve_all(state, note, to_evolve));
        let mut hand = Hand { raw, sheaf: None };
        let report = read(&mut |header, _, record| hand.take(header, record))
            .and_then(|report| hand.give().map(|()| report).map_err(ReplayError::Visit));
        drop(hand);
        let state = joined(evolving);
        let tree = joined(decoding).map_err(ReplayError::Visit)?;
        let ReplayReport { records, cut, .. } = report.map_err(|error| {
            error.map_visit(|Ended| {
                unreachable!("decoding ends early by a fault or a panic, which were told above")
            })
        })?;
        Ok(Folded {
            state,
            tree,
            events: records,
            cut,
        })
    })
}

fn joined<T>(step: ScopedJoinHandle<'_, T>) -> T {
    step.join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Decodes what was read, and grows the tree by it.
fn decode(
    mut tree: Frontier,
    read: Taking<Sheaf>,
    decoded: &Giving<Vec<Recorded>>,
) -> Result<Frontier, CodecFault> {
    for mut sheaf in read.full {
        // Evolving ends early only by a panic, which shows where it is joined.
        let Ok(mut handful) = decoded.empty.recv() else {
            break;
        };
        // The events of an earlier handful go on the thread that made them, because memory of another thread goes slowly.
        handful.clear();
        for (header, record) in sheaf.records() {
            handful.push(codec::decode(header, &record[HEADER_LEN..])?);
            tree.push(leaf_hash(record));
        }
        sheaf.clear();
        let _ = (decoded.full.send(handful), read.empty.send(sheaf));
    }
    Ok(tree)
}

fn evolve_all(mut state: State, note: &mut Note<'_>, decoded: Taking<Vec<Recorded>>) -> State {
    for handful in decoded.full {
        for recorded in &handful {
            note(&state, recorded);
            evolve(&mut state, recorded);
        }
        // Nobody needs it any more when all was decoded.
        let _ = decoded.empty.send(handful);
    }
    state
}

/// Some records, one behind the other.
#[derive(Default)]
struct Sheaf {
    bytes: Vec<u8>,
    /// The header of each, and where it ends.
    headers: Vec<(RecordHeader, usize)>,
}

impl Sheaf {
    fn clear(&mut self) {
        self.bytes.clear();
        self.headers.clear();
    }

    fn records(&self) -> impl Iterator<Item = (&RecordHeader, &[u8])> {
        let mut begin = 0;
        self.headers.iter().map(move |(header, end)| {
            let record = &self.bytes[begin..*end];
            begin = *end;
            (header, record)
        })
    }
}

/// Records on their way to being decoded.
struct Hand {
    raw: Giving<Sheaf>,
    sheaf: Option<Sheaf>,
}

impl Hand {
    fn take(&mut self, header: &RecordHeader, record: &[u8]) -> Result<(), Ended> {
        let mut sheaf = match self.sheaf.take() {
            Some(sheaf) => sheaf,
            None => self.raw.empty.recv().map_err(|_| Ended)?,
        };
        sheaf.bytes.extend_from_slice(record);
        sheaf.headers.push((*header, sheaf.bytes.len()));
        let is_full = sheaf.headers.len() == HANDFUL;
        self.sheaf = Some(sheaf);
        if is_full { self.give() } else { Ok(()) }
    }

    fn give(&mut self) -> Result<(), Ended> {
        self.sheaf
            .take()
            .map_or(Ok(()), |sheaf| self.raw.full.send(sheaf).map_err(|_| Ended))
    }
}

/// The next step has ended before this one.
struct Ended;

/// Where a step gives away what it filled, and gets it back empty.
struct Giving<T> {
    full: Sender<T>,
    empty: Receiver<T>,
}

/// Where the next step takes it, and gives it back.
struct Taking<T> {
    full: Receiver<T>,
    empty: Sender<T>,
}

/// Two steps and what goes round between them; whoever finds none waits.
fn circle<T: Default>() -> (Giving<T>, Taking<T>) {
    let ((full, taken), (emptied, empty)) = (channel(), channel());
    for _ in 0..HANDFULS {
        emptied.send(T::default()).expect("its receiver is here");
    }
    let giving = Giving { full, empty };
    let taking = Taking {
        full: taken,
        empty: emptied,
    };
    (giving, taking)
}
