//! Secrets that are typed on a terminal and not shown.

use std::io;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// A terminal that does not show what is typed; its own settings come back when this is dropped.
pub(super) struct Unechoed(Termios);

impl Unechoed {
    /// Of the terminal on standard input.
    pub(super) fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        silent.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Unechoed {
    fn drop(&mut self) {
        // A terminal that is gone has nothing to bring back.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
