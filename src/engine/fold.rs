//! Folding a ledger on several cores.

use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};

use crate::domain::{Recorded, State, evolve};
use crate::ledger::codec::{self, CodecFault};
use crate::ledger::record::HEADER_LEN as RECORD_HEADER_LEN;
use crate::ledger::replay::Visit;
use crate::ledger::tree::leaf_hash;
use crate::ledger::{
    Frontier, Reader, RecordHeader, ReplayCut, ReplayError, ReplayReport, Store, TreeHash, read_until,
};

/// Events that change hands at once.
const HANDFUL: usize = 1_024;
/// Handfuls that may wait for the next hand.
const WAITING_MAX: usize = 8;
/// Bytes of a record, about.
const RECORD_USUAL: usize = 256;

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
    if let Some(cut) = &folded.cut {
        store.cut(cut.from)?;
    }
    Ok(folded)
}

/// The same beside a writer, up to the first record that is `too_late`.
pub(super) fn fold_until(
    reader: &dyn Reader,
    state: State,
    tree: Frontier,
    too_late: &(dyn Fn(&RecordHeader) -> bool + Sync),
) -> Result<Folded, ReplayError<CodecFault>> {
    let from = state.next();
    folded(state, tree, &mut |_, _| {}, |visit| {
        read_until(reader, from, too_late, visit)
    })
}

/// Three hands, because they take about as long as one another: one reads and proves records, one decodes and hashes
/// them, and the caller's own folds.
fn folded(
    state: State,
    tree: Frontier,
    note: &mut Note<'_>,
    read: impl FnOnce(&mut Visit<'_, CodecFault>) -> Result<ReplayReport, ReplayError<CodecFault>> + Send,
) -> Result<Folded, ReplayError<CodecFault>> {
    let (mut state, mut tree) = (state, tree);
    let fault = &Mutex::default();
    let report: Result<_, ReplayError<_>> = std::thread::scope(|scope| {
        let (raw, undecoded) = sync_channel::<Raw>(WAITING_MAX);
        let (decoded, unfolded) = sync_channel::<Decoded>(WAITING_MAX);
        // What was folded goes back, and is freed by the thread whose heap it came from.
        let (done, spent) = sync_channel::<Decoded>(WAITING_MAX);
        scope.spawn(move || {
            for raw in undecoded {
                let mut events = spent.try_recv().unwrap_or_default();
                events.clear();
                match raw.decode(&mut events) {
                    Ok(()) if decoded.send(events).is_ok() => {}
                    Ok(()) => break,
                    Err(found) => {
                        *fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
                        break;
                    }
                }
            }
        });
        let reading = scope.spawn(move || -> Result<_, ReplayError<_>> {
            let mut handful = Raw::with_capacity();
            let report = read(&mut |header, _, raw_record| {
                handful.take(*header, raw_record);
                if handful.records.len() < HANDFUL {
                    return Ok(());
                }
                let full = std::mem::replace(&mut handful, Raw::with_capacity());
                // Whoever decodes has gone with a fault, or by a panic that shows where it is joined.
                raw.send(full).or_else(|_| told(fault))
            })?;
            raw.send(handful)
                .or_else(|_| told(fault))
                .map_err(ReplayError::Visit)?;
            Ok(report)
        });
        for events in unfolded {
            for (recorded, leaf) in &events {
                note(&state, recorded);
                evolve(&mut state, recorded);
                tree.push(*leaf);
            }
            // Nobody may want it any more.
            let _ = done.try_send(events);
        }
        let report = reading
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // Decoding lags behind: its fault is about an earlier record than one that shows in reading.
        told(fault).map_err(ReplayError::Visit)?;
        report
    });
    let ReplayReport { records, cut, .. } = report?;
    Ok(Folded {
        state,
        tree,
        events: records,
        cut,
    })
}

/// The fault that a record could not be decoded for.
fn told(fault: &Mutex<Option<CodecFault>>) -> Result<(), CodecFault> {
    match fault.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(found) => Err(found),
        None => Ok(()),
    }
}

/// Events that change hands at once, and the hashes of their records.
type Decoded = Vec<(Recorded, TreeHash)>;

/// Records that change hands at once.
#[derive(Default)]
struct Raw {
    /// Header and length of each.
    records: Vec<(RecordHeader, usize)>,
    /// One after another.
    bytes: Vec<u8>,
}

impl Raw {
    fn with_capacity() -> Self {
        Self {
            records: Vec::with_capacity(HANDFUL),
            bytes: Vec::with_capacity(HANDFUL * RECORD_USUAL),
        }
    }

    fn take(&mut self, header: RecordHeader, raw: &[u8]) {
        self.records.push((header, raw.len()));
        self.bytes.extend_from_slice(raw);
    }

    fn decode(&self, events: &mut Decoded) -> Result<(), CodecFault> {
        let mut rest = self.bytes.as_slice();
        for (header, length) in &self.records {
            let (raw, after) = rest.split_at(*length);
            rest = after;
            events.push((codec::decode(header, &raw[RECORD_HEADER_LEN..])?, leaf_hash(raw)));
        }
        Ok(())
    }
}
