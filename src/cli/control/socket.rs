//! Where the socket is, and how long paths fit into the system's 108 bytes for one (unix(7)).

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

/// The socket's name in the data directory.
pub(super) const SOCKET_FILE: &str = "keyledger.sock";

/// Bytes of a path that surely fit.
const PATH_MAX: usize = 100;

/// A path that fits; the directory stays open as long as it is needed.
pub(super) struct Reachable {
    pub(super) path: PathBuf,
    _directory: Option<File>,
}

/// The socket of a data directory, by a path that the system takes.
pub(super) fn reach(data: &Path) -> io::Result<Reachable> {
    let path = data.join(SOCKET_FILE);
    if path.as_os_str().len() <= PATH_MAX || !cfg!(target_os = "linux") {
        return Ok(Reachable {
            path,
            _directory: None,
        });
    }
    let directory = File::open(data)?;
    let path = format!("/proc/self/fd/{}/{SOCKET_FILE}", directory.as_raw_fd());
    Ok(Reachable {
        path: path.into(),
        _directory: Some(directory),
    })
}
