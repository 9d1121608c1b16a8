//! Lists of leaked passwords: imported sets as files, the range service as a server on this machine, and both behind the
//! routes where a password is set.

mod online;
mod ranges;
mod routes;
mod sets;

use std::io::Cursor;

use keyledger::breach::{Import, ImportFault, Imported, Shelf, Source};
use keyledger::types::Timestamp;

/// Imports a list that lies in memory.
pub(crate) fn import(
    shelf: &Shelf,
    name: &str,
    source: Source,
    min_count: u64,
    list: impl AsRef<[u8]>,
) -> Result<Imported, ImportFault> {
    let import = Import {
        name: name.parse().unwrap(),
        source,
        min_count,
        now: Timestamp(1_800_000_000_000_000),
    };
    import.run(shelf, Cursor::new(list), &mut |_| {})
}
