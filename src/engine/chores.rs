//! What only the writer can do and is no command: it is done between two groups, when nothing is half decided.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError, mpsc};

use super::writer::Writer;
use super::{Engine, Trouble};

/// One of them; an error ends the writer.
type Chore = Box<dyn FnOnce(&mut Writer) -> Result<(), String> + Send>;

/// Those that wait; none any more once the writer is gone.
pub(super) struct Chores(Mutex<Option<VecDeque<Chore>>>);

impl Default for Chores {
    fn default() -> Self {
        Self(Mutex::new(Some(VecDeque::new())))
    }
}

impl Chores {
    /// Takes the oldest.
    pub(super) fn next(&self) -> Option<Chore> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.as_mut()?.pop_front()
    }

    /// Drops those that wait, and whatever comes later.
    pub(super) fn end(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn push(&self, chore: Chore) -> Result<(), Trouble> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.as_mut().ok_or(Trouble::Stopped)?.push_back(chore);
        Ok(())
    }
}

impl Engine {
    /// Has the writer do something between two groups, and waits until it is done. Blocks.
    pub(super) fn on_writer<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writer) -> Result<T, String> + Send + 'static,
    ) -> Result<T, Trouble> {
        let (tell, told) = mpsc::sync_channel(1);
        self.shared.chores.push(Box::new(move |writer| {
            // Whoever went away has no use for the answer.
            let _ = tell.send(work(writer)?);
            Ok(())
        }))?;
        self.shared.lanes.call();
        told.recv().map_err(|_| Trouble::Stopped)
    }
}
