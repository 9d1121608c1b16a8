//! Checking an export: no server, no keys, no data directory, and little memory beyond what the log folds to.
//!
//! One thread reads the file, some take bundles apart (hash, decode, compare the lines for people), and one puts them in
//! order again: it grows the tree and replays the law. Whatever is wrong is reported at the first position where it
//! shows.

mod bundle;
mod judge;
mod source;

use std::io::Read;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};

use super::archive::ArchiveFault;
use super::checkpoint::{Checkpoint, split_origin};
use super::export::Range;
use super::keys::KeyChain;
use crate::crypto::{Note, VerifierKey};
use crate::types::Position;
use bundle::{Buffers, Bundle, Checked};
use judge::Judge;
use source::Source;

/// Bundles that are on their way at once, for each thread.
const BUNDLES_WAITING: usize = 4;

/// What an auditor brings along.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// The key that they were handed; without one the export's own is taken.
    pub key: Option<VerifierKey>,
    /// The checkpoint that they kept from last time.
    pub since: Option<String>,
}

/// What an export proves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proven {
    /// What the signed checkpoint states.
    pub checkpoint: Checkpoint,
    /// The key that signed it.
    pub key: VerifierKey,
    /// Which records were in the export.
    pub range: Range,
    /// Up to which position the law was replayed; 0 if the export does not begin at the beginning.
    pub lawful_to: u64,
    /// The epoch that the ledger was in at the end of what was replayed.
    pub epoch: u32,
    /// The checkpoint of last time, if one was given: its size, up to which nothing has changed since.
    pub since: Option<u64>,
    /// What an auditor should know although nothing is wrong.
    pub remarks: Vec<String>,
}

/// What came of checking an export.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It is what it claims to be.
    Proven(Box<Proven>),
    /// It is not.
    Disproven(Finding),
    /// Nobody can tell: the file cannot be read, is no export, or is from a newer program.
    Untold(Finding),
}

/// What is wrong, where, and what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The first position where it shows, if it shows at one.
    pub position: Option<Position>,
    /// What is wrong.
    pub what: String,
    /// What that means and what to do.
    pub remedy: &'static str,
}

/// Why a check stops.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Stop {
    Disproven(Finding),
    Untold(Finding),
}

/// What to do about a file that is not as it was written.
const DAMAGED: &str = "the file was damaged or changed after it was written: have it sent again, and if a second copy is \
     like this one, ask where it was changed";
/// What to do about a log that contradicts itself.
const CONTRADICTS: &str = "the log itself is not what an honest server writes: keep this file, and ask whoever runs the \
     server";
/// What to do about a log that was put back.
const FORKED: &str = "the ledger was put back to an earlier state or rewritten after your checkpoint was signed: keep both, \
     and ask whoever runs the server which epoch began, and why";
const NEWER: &str = "use a newer keyledger";
const UNREADABLE: &str = "name another file, or look at its permissions and its disk";

impl Stop {
    pub(super) fn disproven(
        position: impl Into<Option<Position>>,
        what: impl Into<String>,
        remedy: &'static str,
    ) -> Self {
        Self::Disproven(Finding {
            position: position.into(),
            what: what.into(),
            remedy,
        })
    }

    fn untold(what: impl Into<String>, remedy: &'static str) -> Self {
        Self::Untold(Finding {
            position: None,
            what: what.into(),
            remedy,
        })
    }

    pub(super) fn archive(position: Option<Position>, fault: &ArchiveFault) -> Self {
        match fault {
            ArchiveFault::Io(_) => Self::untold(fault.to_string(), UNREADABLE),
            ArchiveFault::Truncated(_)
            | ArchiveFault::Other { .. }
            | ArchiveFault::TooLong(_)
            | ArchiveFault::Trailing(_) => Self::disproven(position, fault.to_string(), DAMAGED),
        }
    }
}

impl From<Stop> for Outcome {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Disproven(finding) => Self::Disproven(finding),
            Stop::Untold(finding) => Self::Untold(finding),
        }
    }
}

/// Checks an export; `progress` is told the position that was reached, and the size. Blocks.
pub fn verify(input: impl Read + Send, expected: &Expected, progress: &mut dyn FnMut(u64, u64)) -> Outcome {
    match try_verify(input, expected, progress) {
        Ok(proven) => Outcome::Proven(Box::new(proven)),
        Err(stop) => stop.into(),
    }
}

/// The checkpoint of last time, read; whose it is shows only when the keys are known.
struct Remembered<'a> {
    note: Note<'a>,
    checkpoint: Checkpoint,
}

fn remembered(text: &str) -> Result<Remembered<'_>, Stop> {
    let untold = |fault| {
        let what = format!("the checkpoint of last time cannot be used: {fault}");
        Stop::untold(what, "give the checkpoint as it was saved")
    };
    let note = Note::parse(text).map_err(untold)?;
    let checkpoint = Checkpoint::of_note(&note).map_err(untold)?;
    Ok(Remembered { note, checkpoint })
}

fn try_verify(
    input: impl Read + Send,
    expected: &Expected,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Proven, Stop> {
    let since = expected.since.as_deref().map(remembered).transpose()?;
    let mut source = Source::open(input)?;
    let (checkpoint, range) = (source.checkpoint.clone(), source.range);
    if let Some(since) = &since
        && since.checkpoint.size > checkpoint.size
    {
        let what = format!(
            "the export has {} records, and your checkpoint of last time states {}",
            checkpoint.size, since.checkpoint.size
        );
        return Err(Stop::disproven(Position(checkpoint.size), what, FORKED));
    }
    let remembered = since
        .as_ref()
        .map(|since| (since.checkpoint.size, since.checkpoint.root));
    let mut judge = Judge::new(range, remembered);
    examine(&mut source, &mut judge, progress)?;
    let judged = judge.finish(&checkpoint)?;
    let key = source.finish()?;
    let mut proven = Proven {
        checkpoint,
        key,
        range,
        lawful_to: judged.lawful_to,
        epoch: judged.epoch,
        since: remembered.map(|(size, _)| size),
        remarks: vec![],
    };
    judge_keys(&mut proven, expected, &judged.chain)?;
    judge_origins(&mut proven, since.as_ref(), &judged.chain, expected)?;
    remark_range(&mut proven);
    Ok(proven)
}

/// Reads, takes apart and judges, each on threads of its own.
fn examine(
    source: &mut Source<impl Read + Send>,
    judge: &mut Judge,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), Stop> {
    let size = source.checkpoint.size;
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let (read, unread) = mpsc::sync_channel::<(u64, Result<Bundle, Stop>)>(BUNDLES_WAITING * threads);
    let (checked, unjudged) = mpsc::sync_channel::<(u64, Result<Checked, Stop>)>(BUNDLES_WAITING * threads);
    let unread = Mutex::new(unread);
    let (is_over, buffers) = (AtomicBool::new(false), Buffers::default());
    std::thread::scope(|scope| {
        let (unread, is_over, buffers) = (&unread, &is_over, &buffers);
        scope.spawn(move || {
            // Ends by itself when the file does, when a fault shows, or when nobody listens any more.
            for number in 0.. {
                let Some(bundle) = source.next(buffers).transpose() else {
                    break;
                };
                let is_last = bundle.is_err() || is_over.load(Ordering::Relaxed);
                if read.send((number, bundle)).is_err() || is_last {
                    break;
                }
            }
        });
        for _ in 0..threads {
            let checked = checked.clone();
            scope.spawn(move || {
                loop {
                    let next = unread.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((number, bundle)) = next else { break };
                    let outcome = bundle.and_then(|bundle| bundle.check(buffers));
                    if checked.send((number, outcome)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(checked);
        let outcome = judge_in_order(&unjudged, judge, buffers, &mut |position| {
            progress(position, size);
        });
        is_over.store(true, Ordering::Relaxed);
        // Whoever still sends is let go.
        drop(unjudged);
        for _ in unread.lock().unwrap_or_else(PoisonError::into_inner).iter() {}
        outcome
    })
}

/// Bundles come from several threads; the law has them in order.
fn judge_in_order(
    unjudged: &mpsc::Receiver<(u64, Result<Checked, Stop>)>,
    judge: &mut Judge,
    buffers: &Buffers,
    progress: &mut dyn FnMut(u64),
) -> Result<(), Stop> {
    let mut early = std::collections::BTreeMap::new();
    let mut next = 0;
    for (number, checked) in unjudged {
        early.insert(number, checked);
        while let Some(checked) = early.remove(&next) {
            let checked = checked?;
            judge.judge(&checked)?;
            if let Some(events) = checked.events {
                buffers.give_events(events);
            }
            next += 1;
            progress(judge.position());
        }
    }
    Ok(())
}

/// Whether the key that signed is one that the auditor has reason to trust.
fn judge_keys(proven: &mut Proven, expected: &Expected, chain: &KeyChain) -> Result<(), Stop> {
    let signed_by = proven.key.public;
    let knows_chain = proven.lawful_to == proven.checkpoint.size;
    if knows_chain && chain.links().last().map(|link| link.public) != Some(signed_by) {
        let what = "the checkpoint is signed by a key that the log does not name last";
        return Err(Stop::disproven(None, what, CONTRADICTS));
    }
    let named = split_origin(&proven.checkpoint.origin).1;
    if knows_chain && named != proven.epoch {
        let what = format!(
            "the checkpoint names epoch {named}, and the log is in epoch {}",
            proven.epoch
        );
        return Err(Stop::disproven(None, what, CONTRADICTS));
    }
    let Some(key) = &expected.key else {
        proven.remarks.push(format!(
            "the key was taken from the export itself: compare {} with the one that you were handed, or give yours by --key",
            proven.key
        ));
        return Ok(());
    };
    if chain.connects(&key.public, &signed_by) {
        return Ok(());
    }
    if knows_chain {
        let what = format!(
            "the checkpoint is signed by {}, which your key does not vouch for",
            proven.key
        );
        return Err(Stop::disproven(
            None,
            what,
            "the log is another one, or a new epoch began with a new key: ask whoever runs the server, and compare the \
             new key over another channel",
        ));
    }
    let what = format!("the checkpoint is signed by {}, and not by your key", proven.key);
    Err(Stop::untold(
        what,
        "keys may have been rotated, which only the whole log tells: verify an export without --from and --to",
    ))
}

/// Whether the checkpoint of last time was signed by the same ledger, and in which epoch.
fn judge_origins(
    proven: &mut Proven,
    since: Option<&Remembered<'_>>,
    chain: &KeyChain,
    expected: &Expected,
) -> Result<(), Stop> {
    let Some(since) = since else {
        proven.remarks.push(
            "nothing shows whether the log was longer once, or another: keep this checkpoint, and give it next time by \
             --since"
                .to_owned(),
        );
        return Ok(());
    };
    let name = &since.checkpoint.origin;
    let known = chain
        .links()
        .iter()
        .map(|link| link.public)
        .chain([proven.key.public])
        .chain(expected.key.iter().map(|key| key.public));
    let is_signed = known
        .map(|public| VerifierKey::new(name.clone(), public))
        .any(|key| since.note.verify(&key).is_ok());
    if !is_signed {
        return Err(Stop::untold(
            "the checkpoint of last time is not signed by any key of this log",
            "it is of another log, or was changed: give the checkpoint as it was saved",
        ));
    }
    let ((old_name, old_epoch), (new_name, new_epoch)) =
        (split_origin(name), split_origin(&proven.checkpoint.origin));
    if old_name != new_name {
        proven.remarks.push(format!(
            "the log was called {old_name} and is called {new_name} now"
        ));
    }
    if new_epoch > old_epoch {
        proven.remarks.push(format!(
            "a new epoch began since last time ({old_epoch} then, {new_epoch} now): what you remember is still there"
        ));
    }
    Ok(())
}

fn remark_range(proven: &mut Proven) {
    let Proven {
        range,
        lawful_to,
        checkpoint,
        ..
    } = proven;
    if *range == Range::whole(checkpoint.size) {
        return;
    }
    let words = if *lawful_to == 0 {
        "whether they were lawful was not checked, because that needs the log from its beginning".to_owned()
    } else {
        format!("the law was replayed up to position {lawful_to}")
    };
    proven.remarks.push(format!(
        "this is a part of the log: its records {} to {} stand where they say in the whole of {}; {words}",
        range.from, range.to, checkpoint.size
    ));
}
