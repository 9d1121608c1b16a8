//! Reading a ledger from its beginning, command by command: what boot, auditors and restores run.

use std::ops::ControlFlow;

use super::error::StoreError;
use super::frame::FrameRef;
use super::record::{self, CommandPart, RecordFault, RecordHeader};
use super::store::{Reader, Store};
use crate::types::{CommandId, Position};

/// What a replay saw.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ReplayReport {
    /// Records that the visitor was shown.
    pub records: u64,
    /// Frames that were read.
    pub frames: u64,
    /// Epoch of the last frame; 0 if there is none.
    pub epoch: u32,
    /// The unfinished command at the end that was removed.
    pub cut: Option<ReplayCut>,
}

/// An unfinished command at the end of the ledger: nobody was ever told of it, and it is gone now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReplayCut {
    /// Its first position, which is the next one again.
    pub from: Position,
    /// How many of its records were there.
    pub records: u64,
    /// Its name.
    pub command: CommandId,
}

/// Why a replay stopped.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError<E> {
    /// The store is damaged or cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Bytes in a frame that are not a record.
    #[error(
        "the record at position {position} cannot be read ({fault}); if no newer program wrote it, copy the data \
         directory and restore from a backup"
    )]
    Record {
        /// Its place.
        position: Position,
        /// What is wrong with it.
        fault: RecordFault,
    },
    /// A record that claims another place.
    #[error(
        "the record at position {position} says that it belongs to {said}: copy the data directory and restore from \
         a backup"
    )]
    Misplaced {
        /// Its place.
        position: Position,
        /// What it says.
        said: Position,
    },
    /// A command without its end, and others behind it.
    #[error(
        "the command {command}, which begins at position {from}, has no end, although the ledger goes on at {found}: \
         copy the data directory and restore from a backup"
    )]
    Unfinished {
        /// The command.
        command: CommandId,
        /// Its first position.
        from: Position,
        /// Where something else begins.
        found: Position,
    },
    /// What the visitor said.
    #[error(transparent)]
    Visit(E),
}

impl<E> ReplayError<E> {
    /// The same, with what the visitor said in other words.
    pub fn map_visit<F>(self, map: impl FnOnce(E) -> F) -> ReplayError<F> {
        match self {
            Self::Store(error) => ReplayError::Store(error),
            Self::Record { position, fault } => ReplayError::Record { position, fault },
            Self::Misplaced { position, said } => ReplayError::Misplaced { position, said },
            Self::Unfinished { command, from, found } => ReplayError::Unfinished { command, from, found },
            Self::Visit(said) => ReplayError::Visit(map(said)),
        }
    }
}

/// What a replay shows each record to: header, payload, the record's bytes.
pub type Visit<'v, E> = dyn FnMut(&RecordHeader, &[u8], &[u8]) -> Result<(), E> + 'v;

/// Shows every record of complete commands to `visit` (header, payload, the record's bytes), proving the chain, and
/// cuts an unfinished command off the end.
pub fn replay<E>(store: &mut dyn Store, visit: &mut Visit<'_, E>) -> Result<ReplayReport, ReplayError<E>> {
    replay_from(store, Position(0), visit)
}

/// The same from `from` on, which must be the first position of a command (where a snapshot ends).
pub fn replay_from<E>(
    store: &mut dyn Store,
    from: Position,
    visit: &mut Visit<'_, E>,
) -> Result<ReplayReport, ReplayError<E>> {
    let report = read_until(&*store.reader(), from, &|_| false, visit)?;
    if let Some(cut) = &report.cut {
        store.cut(cut.from)?;
    }
    Ok(report)
}

/// The same beside a writer, up to the first record that is `too_late`: what would be cut is told and left.
pub fn read_until<E>(
    reader: &dyn Reader,
    from: Position,
    too_late: &dyn Fn(&RecordHeader) -> bool,
    visit: &mut Visit<'_, E>,
) -> Result<ReplayReport, ReplayError<E>> {
    let mut fold = Fold {
        from,
        too_late,
        is_over: false,
        visit,
        report: ReplayReport::default(),
        open: None,
        batch: [0; 16],
        held: Vec::new(),
    };
    let (mut stopped, mut end) = (None, from);
    reader.scan(from, &mut |frame| {
        end = frame.next;
        match fold.frame(frame) {
            Ok(()) if fold.is_over => ControlFlow::Break(()),
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                stopped = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    if let Some(error) = stopped {
        return Err(error);
    }
    let cut = fold.open.filter(|_| !fold.is_over).map(|open| ReplayCut {
        from: open.from,
        records: end.0 - open.from.0,
        command: open.command,
    });
    Ok(ReplayReport { cut, ..fold.report })
}

/// A command whose end has not come yet.
#[derive(Clone, Copy)]
struct Open {
    from: Position,
    command: CommandId,
}

struct Fold<'v, E> {
    from: Position,
    too_late: &'v dyn Fn(&RecordHeader) -> bool,
    /// Whether a record was too late.
    is_over: bool,
    visit: &'v mut Visit<'v, E>,
    report: ReplayReport,
    open: Option<Open>,
    batch: [u8; 16],
    /// Records of the open command from earlier frames: shown only when its end has come. Bounded by the size of a
    /// batch, because a command never spans two.
    held: Vec<Vec<u8>>,
}

impl<E> Fold<'_, E> {
    fn frame(&mut self, frame: &FrameRef<'_>) -> Result<(), ReplayError<E>> {
        if let Some(open) = self.open
            && self.batch != frame.batch
        {
            return Err(ReplayError::Unfinished {
                command: open.command,
                from: open.from,
                found: frame.first,
            });
        }
        self.batch = frame.batch;
        self.report.epoch = frame.epoch;
        self.report.frames += 1;
        let complete_to = self.check(frame)?;
        let mut position = frame.first;
        for raw in frame.records() {
            if position < complete_to {
                if position >= self.from {
                    self.show_held()?;
                    self.show(position, raw)?;
                }
            } else {
                self.held.push(raw.to_vec());
            }
            position = position.next();
        }
        Ok(())
    }

    /// Checks a frame's envelopes; returns the position after the last command that is complete within it.
    fn check(&mut self, frame: &FrameRef<'_>) -> Result<Position, ReplayError<E>> {
        let mut complete_to = Position(frame.first.0.max(self.from.0).min(frame.next.0));
        let mut position = frame.first;
        for raw in frame.records() {
            if position >= self.from {
                let (header, _) = decode(position, raw)?;
                if header.position != position {
                    return Err(ReplayError::Misplaced {
                        position,
                        said: header.position,
                    });
                }
                let open = self.open.unwrap_or(Open {
                    from: position,
                    command: header.command,
                });
                if open.command != header.command {
                    return Err(ReplayError::Unfinished {
                        command: open.command,
                        from: open.from,
                        found: position,
                    });
                }
                match header.part {
                    CommandPart::Inner => self.open = Some(open),
                    CommandPart::Last => {
                        self.open = None;
                        complete_to = position.next();
                    }
                }
            }
            position = position.next();
        }
        Ok(complete_to)
    }

    fn show_held(&mut self) -> Result<(), ReplayError<E>> {
        if self.held.is_empty() {
            return Ok(());
        }
        let mut held = std::mem::take(&mut self.held);
        for raw in &held {
            self.show(self.from, raw)?;
        }
        held.clear();
        self.held = held;
        Ok(())
    }

    fn show(&mut self, position: Position, raw: &[u8]) -> Result<(), ReplayError<E>> {
        let (header, payload) = decode(position, raw)?;
        self.is_over |= (self.too_late)(&header);
        if self.is_over {
            return Ok(());
        }
        self.report.records += 1;
        (self.visit)(&header, payload, raw).map_err(ReplayError::Visit)
    }
}

fn decode<E>(position: Position, raw: &[u8]) -> Result<(RecordHeader, &[u8]), ReplayError<E>> {
    record::decode(raw).map_err(|fault| ReplayError::Record { position, fault })
}
